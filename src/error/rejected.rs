//! A call that was not admitted.

use crate::words::control::Control;
use crate::words::outcome::{Cause, State};
use core::error::Error;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::time::Duration;

/// The breaker did not admit the call. A small value, created without allocating.
///
/// ```
/// use std::time::Duration;
/// use tripcoil::{Breaker, Cause, ManualClock, State};
///
/// let clock = ManualClock::new();
/// let (breaker, controller) = Breaker::builder("payments").clock(&clock).build_with_controller()?;
/// controller.trip_for(Duration::from_millis(1500));
///
/// let Err(rejected) = breaker.try_acquire() else { unreachable!() };
/// assert_eq!(rejected.state(), State::Open);
/// assert_eq!(rejected.cause(), Some(Cause::Manual));
/// assert_eq!(rejected.retry_after(), Some(Duration::from_millis(1500)));
/// assert_eq!(rejected.to_string(), "the breaker is open (manual), retry after 1.5s");
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Rejected {
    state: State,
    /// The low end of the control word of this Open, which holds its goal. Most are never read, so
    /// it is turned into a cause only when asked.
    low: u16,
    /// In nanoseconds; `u64::MAX` if unknown. Most are never read, so it is turned into a
    /// `Duration` only when asked.
    rest: u64,
}

impl Rejected {
    /// By the Open of that control word, with `rest` nanoseconds left of the wait.
    #[inline(always)]
    pub(crate) const fn by_open(c: Control, rest: u64) -> Rejected {
        Rejected {
            state: State::Open,
            low: c.low(),
            rest,
        }
    }

    /// By a ramp, whose step lasts `rest` nanoseconds longer at least.
    pub(crate) const fn by_ramp(rest: u64) -> Rejected {
        Rejected {
            state: State::HalfOpen,
            low: 0,
            rest: if rest == 0 { u64::MAX } else { rest },
        }
    }

    /// By a state whose end is unknown.
    pub(crate) const fn by(state: State) -> Rejected {
        Rejected {
            state,
            low: 0,
            rest: u64::MAX,
        }
    }

    /// Returns how long the breaker will go on rejecting calls, by the breaker's clock. `None` if
    /// that is unknown: in `ForcedOpen`, in `Closed`, and in a half-open round, where a probe's result may come at any
    /// time. In a [ramp](crate::Ramp), which admits some calls meanwhile, it is the rest of the step's first
    /// 100 ms, and `None` after them.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self.rest {
            u64::MAX => None,
            rest => Some(Duration::from_nanos(rest)),
        }
    }

    /// Returns the rejection with another wait, for the answer to a client. [`Duration::MAX`], and what takes
    /// more than 584 years, is a wait that is unknown.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tripcoil::Breaker;
    ///
    /// let (breaker, controller) = Breaker::builder("payments").build_with_controller()?;
    /// controller.force_open();
    /// let rejected = breaker.try_acquire().err().expect("forced open");
    /// assert_eq!(rejected.retry_after(), None);
    /// // the maintenance takes five minutes
    /// let answer = rejected.with_retry_after(Duration::from_secs(300));
    /// assert_eq!(answer.to_string(), "the breaker is forced open (manual), retry after 300s");
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    #[must_use]
    pub fn with_retry_after(self, wait: Duration) -> Rejected {
        Rejected {
            rest: u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX),
            ..self
        }
    }

    /// Returns the state that rejected the call: `Open`, `HalfOpen` or `ForcedOpen`; or `Closed`, if too many calls
    /// were [in flight](crate::Builder::max_in_flight).
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Returns why the breaker is open: the cause of this opening.
    ///
    /// After a failed round of probes that is [`ProbeFailed`](Cause::ProbeFailed),
    /// [`ProbeTimeout`](Cause::ProbeTimeout) or [`ProbesCancelled`](Cause::ProbesCancelled).
    /// [`Snapshot::last_opening`](crate::Snapshot::last_opening) has the cause that began the
    /// outage. It is [`Manual`](Cause::Manual) in `ForcedOpen`, and for a breaker that was built
    /// `Open`; it is `None` in `HalfOpen`. In `Closed` it is [`MaxInFlight`](Cause::MaxInFlight).
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        match self.state {
            State::HalfOpen => None,
            State::Closed => Some(Cause::MaxInFlight),
            State::Open => Some(Control::from_low(self.low).goal().cause()),
            _ => Some(Cause::Manual),
        }
    }

    fn parts(&self) -> (State, Option<Cause>, u64) {
        (self.state, self.cause(), self.rest)
    }

    pub(crate) const fn reason(&self) -> Reason {
        Reason(*self)
    }
}

impl PartialEq for Rejected {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for Rejected {}

impl Hash for Rejected {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

/// Prints the state, and the cause if there is one: "open (failure rate)".
pub(crate) struct Reason(Rejected);

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.cause() {
            Some(cause) => write!(f, "{} ({cause})", self.0.state),
            None => self.0.state.fmt(f),
        }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.state == State::Closed {
            f.write_str("too many calls are in flight")?;
        } else {
            write!(f, "the breaker is {}", self.reason())?;
        }
        match self.rest {
            u64::MAX => Ok(()),
            rest => write!(f, ", retry after {:?}", readable(rest)),
        }
    }
}

/// Rounds to three digits, and never coarser than a second.
fn readable(nanos: u64) -> Duration {
    const SECOND: u64 = 1_000_000_000;
    let mut unit = 1;
    while unit < SECOND && nanos / unit >= 1000 {
        unit *= 10;
    }
    Duration::from_nanos(nanos.saturating_add(unit / 2) / unit * unit)
}

impl fmt::Debug for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejected")
            .field("state", &self.state)
            .field("cause", &self.cause())
            .field("retry_after", &self.retry_after())
            .finish()
    }
}

/// As a map of `state`, `cause` and `retry_after_seconds`; the last two may be absent, as `null`.
#[cfg(feature = "serde")]
impl serde::Serialize for Rejected {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let wait = self.retry_after().map(|wait| wait.as_secs_f64());
        let mut fields = serializer.serialize_struct("Rejected", 3)?;
        fields.serialize_field("state", &self.state)?;
        fields.serialize_field("cause", &self.cause())?;
        fields.serialize_field("retry_after_seconds", &wait)?;
        fields.end()
    }
}

impl Error for Rejected {}

#[cfg(test)]
mod tests;
