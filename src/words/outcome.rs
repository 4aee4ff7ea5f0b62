//! Plain values: states, outcomes, kinds, counts and causes.

use crate::sync::pack::Pack;
use crate::words::tagged::since;
use core::fmt;
use core::time::Duration;

/// What a breaker does with calls.
///
/// The breaker itself moves between the first three. The last three are an operator's overrides:
/// only the [`Controller`](crate::Controller) sets or ends them, and outcomes never do.
///
/// ```
/// use tripcoil::{Breaker, State};
///
/// let breaker = Breaker::builder("payments").build()?;
/// assert_eq!(breaker.state(), State::Closed);
/// assert_eq!(breaker.state().to_string(), "closed");
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// Calls are admitted, and the trip rules judge their outcomes.
    #[default]
    Closed,
    /// Calls are rejected until the wait is over; the first call after that is a probe. The state
    /// reads `Open` until that call is made.
    Open,
    /// A round of probes decides between `Closed` and `Open`.
    HalfOpen,
    /// Override: every call is rejected.
    ForcedOpen,
    /// Override: every call is admitted, and nothing is counted.
    Disabled,
    /// Override: every call is admitted and counted. Rules that become true are reported as
    /// `would_trip`; the breaker never trips.
    ObserveOnly,
}

impl State {
    /// Every state.
    #[cfg(any(test, fuzzing, feature = "serde"))]
    pub(crate) const ALL: [State; 6] = [
        State::Closed,
        State::Open,
        State::HalfOpen,
        State::ForcedOpen,
        State::Disabled,
        State::ObserveOnly,
    ];

    /// Returns the name for programs: `closed`, `open`, `half_open`, `forced_open`, `disabled` or
    /// `observe_only`.
    ///
    /// It is the spelling of the labels of metrics, of the fields of tracing's events, and of serde's formats.
    /// `Display` writes for people: "half-open".
    ///
    /// ```
    /// use tripcoil::State;
    ///
    /// assert_eq!(State::HalfOpen.as_str(), "half_open");
    /// assert_eq!(State::HalfOpen.to_string(), "half-open");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::ForcedOpen => "forced_open",
            Self::Disabled => "disabled",
            Self::ObserveOnly => "observe_only",
        }
    }

    /// Set by an operator, and ended only by a controller.
    pub(crate) fn is_override(self) -> bool {
        matches!(self, Self::ForcedOpen | Self::Disabled | Self::ObserveOnly)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
            Self::ForcedOpen => "forced open",
            Self::Disabled => "disabled",
            Self::ObserveOnly => "observe-only",
        })
    }
}

/// The kind of a failure. Kinds are counted separately (see [`FailureKinds`]), and each failure counts
/// wholly, unless its kind is [lenient](crate::Lenient).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// No answer in time, or a call that was dropped while it waited for one.
    Timeout,
    /// No connection.
    Connect,
    /// The dependency reported that it is overloaded.
    Overload,
    /// The dependency reported a failure of its own.
    Server,
    /// The fault is on this side: a panic in the guarded call, a request that was refused.
    Client,
    /// An invalid answer.
    Data,
    /// A kind of the user's own. `Other(0)` and `Other(1)` are counted separately, all higher
    /// numbers together.
    Other(u8),
}

/// Bits of a kind that may be missing.
pub(crate) const KIND_BITS: u32 = 9;
const OTHER: u64 = 1 << (KIND_BITS - 1);

impl FailureKind {
    /// The number of counters that the kinds need.
    pub(crate) const SLOTS: usize = 9;

    /// The kind shown for each slot; the last is for every `Other` from 2 on.
    const SHOWN: [Self; Self::SLOTS] = [
        Self::Timeout,
        Self::Connect,
        Self::Overload,
        Self::Server,
        Self::Client,
        Self::Data,
        Self::Other(0),
        Self::Other(1),
        Self::Other(2),
    ];

    /// Returns the counter of this kind, below [`Self::SLOTS`].
    pub(crate) fn slot(self) -> usize {
        match self {
            Self::Timeout => 0,
            Self::Connect => 1,
            Self::Overload => 2,
            Self::Server => 3,
            Self::Client => 4,
            Self::Data => 5,
            Self::Other(number) => 6 + usize::from(number.min(2)),
        }
    }

    /// Whether it is in a set that has a bit for each slot.
    pub(crate) fn is_in(self, kinds: u64) -> bool {
        kinds >> self.slot() & 1 == 1
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Timeout => "timeout",
            Self::Connect => "connect",
            Self::Overload => "overload",
            Self::Server => "server",
            Self::Client => "client",
            Self::Data => "data",
            Self::Other(number) => return write!(f, "other({number})"),
        })
    }
}

/// Failures over the breaker's lifetime, by kind.
///
/// ```
/// use tripcoil::{Breaker, FailureKind};
///
/// let breaker = Breaker::builder("payments").build()?;
/// if let Ok(permit) = breaker.try_acquire() {
///     permit.failure(FailureKind::Overload);
/// }
/// let kinds = breaker.observer().snapshot().failures_by_kind;
/// assert_eq!(kinds.get(FailureKind::Overload), 1);
/// assert_eq!(kinds.iter().map(|(_, count)| count).sum::<u64>(), 1);
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct FailureKinds(pub(crate) [u64; FailureKind::SLOTS]);

/// As a map from the kinds' names.
impl fmt::Debug for FailureKinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl FailureKinds {
    /// Returns the failures of one kind. All `Other` numbers from 2 on share one counter, and
    /// return its value.
    #[must_use]
    pub fn get(&self, kind: FailureKind) -> u64 {
        self.0[kind.slot()]
    }

    /// Returns every kind with its failures, zeros included. `Other(2)` is all `Other` numbers from
    /// 2 on.
    pub fn iter(&self) -> impl Iterator<Item = (FailureKind, u64)> + '_ {
        FailureKind::SHOWN.into_iter().zip(self.0)
    }
}

/// Fallbacks that ran in place of a guarded call's error, by the reason. A fallback that panics, or that
/// returns an error itself, is counted too.
///
/// ```
/// use tripcoil::Breaker;
///
/// let (breaker, controller) = Breaker::builder("payments").build_with_controller()?;
/// assert_eq!(breaker.call_or(|| "x".parse::<u32>(), |_| 0), 0);
/// controller.force_open();
/// assert_eq!(breaker.call_or(|| "7".parse::<u32>(), |_| 0), 0);
/// let fallbacks = breaker.observer().snapshot().fallbacks;
/// assert_eq!((fallbacks.rejected, fallbacks.failed), (1, 1));
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Fallbacks {
    /// The call was not made: a rejection.
    pub rejected: u64,
    /// The call was made and returned an error, or was given up.
    pub failed: u64,
}

impl Fallbacks {
    /// The number of counters.
    pub(crate) const SLOTS: usize = 2;

    /// From the counters, in the order of [`slot`](Self::slot).
    pub(crate) fn of_slots([rejected, failed]: [u64; Self::SLOTS]) -> Self {
        Self { rejected, failed }
    }

    /// The counter of a call's error.
    pub(crate) fn slot(rejected: bool) -> usize {
        usize::from(!rejected)
    }
}

/// Rejected calls, by the state that rejected them. [`Totals::rejected`](crate::observe::Totals::rejected)
/// is their sum.
///
/// ```
/// use tripcoil::{Breaker, State};
///
/// let (breaker, controller) = Breaker::builder("payments").build_with_controller()?;
/// controller.force_open();
/// assert!(breaker.try_acquire().is_err());
/// let rejections = breaker.observer().snapshot().rejections_by_state;
/// assert_eq!((rejections.forced_open, rejections.get(State::Open)), (1, 0));
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Rejections {
    /// Rejected while open, before the wait was over.
    pub open: u64,
    /// Rejected while half-open, with no slot free.
    pub half_open: u64,
    /// Rejected while forced open.
    pub forced_open: u64,
    /// Rejected while closed, by the limit on calls in flight
    /// ([`max_in_flight`](crate::Builder::max_in_flight)).
    pub closed: u64,
}

impl Rejections {
    /// The number of counters that they need.
    pub(crate) const SLOTS: usize = 4;

    /// Returns the counter of a state that rejects.
    #[inline]
    pub(crate) const fn slot(state: State) -> usize {
        match state {
            State::Closed => 0,
            State::HalfOpen => 1,
            State::ForcedOpen => 2,
            _ => 3,
        }
    }

    pub(crate) const fn of_slots(
        [closed, half_open, forced_open, open]: [u64; Self::SLOTS],
    ) -> Self {
        Self {
            open,
            half_open,
            forced_open,
            closed,
        }
    }

    #[cfg(feature = "persist")]
    pub(crate) const fn slots(self) -> [u64; Self::SLOTS] {
        [self.closed, self.half_open, self.forced_open, self.open]
    }

    /// Returns the calls that this state rejected; zero for a state that admits all. `Closed` rejects only by a
    /// limit on calls in flight.
    #[must_use]
    pub const fn get(&self, state: State) -> u64 {
        match state {
            State::Open => self.open,
            State::HalfOpen => self.half_open,
            State::ForcedOpen => self.forced_open,
            State::Closed => self.closed,
            State::Disabled | State::ObserveOnly => 0,
        }
    }
}

/// The result of a call, as far as the breaker is concerned.
///
/// Whether the call was slow is measured separately: see
/// [`Builder::slow_call`](crate::Builder::slow_call).
///
/// ```
/// use std::time::Duration;
/// use tripcoil::{FailureKind, Outcome};
///
/// // the dependency asked for a pause of ten seconds, which holds if this failure trips the breaker
/// let outcome = Outcome::Failure(FailureKind::Overload).with_retry_after(Duration::from_secs(10));
/// assert_eq!(
///     outcome,
///     Outcome::FailureRetryAfter(FailureKind::Overload, Duration::from_secs(10))
/// );
/// // a success has no wait
/// assert_eq!(Outcome::Success.with_retry_after(Duration::from_secs(10)), Outcome::Success);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The dependency worked.
    Success,
    /// The dependency failed.
    Failure(FailureKind),
    /// The call shows nothing about the dependency: it enters no rate, leaves the run of failures
    /// unchanged, and no rule is judged at it.
    Ignored,
    /// A failure with a wait that the dependency asked for. If it opens the breaker, `Open` lasts
    /// at least that long, up to [`Backoff::max`], and never less than the backoff's own wait. Zero
    /// has no effect.
    ///
    /// [`Backoff::max`]: crate::Backoff::max
    FailureRetryAfter(FailureKind, Duration),
}

impl Outcome {
    /// Adds the wait that the dependency asked for, such as a `Retry-After` header, to a failure.
    ///
    /// A second call replaces the wait. A success and an ignored call are returned unchanged.
    #[must_use]
    pub const fn with_retry_after(self, wait: Duration) -> Self {
        match self {
            Self::Failure(kind) | Self::FailureRetryAfter(kind, _) => {
                Self::FailureRetryAfter(kind, wait)
            }
            Self::Success | Self::Ignored => self,
        }
    }
}

/// Counted calls. A slow call is also a success or a failure, so `calls == successes + failures`
/// and `slow <= calls`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Counts {
    /// Counted calls: neither ignored nor cancelled.
    pub calls: u64,
    /// Successes, slow ones included.
    pub successes: u64,
    /// Failures, slow ones included.
    pub failures: u64,
    /// Calls that lasted longer than the slow limit, whether they succeeded or failed.
    pub slow: u64,
}

impl Counts {
    pub(crate) fn new(calls: u64, failures: u64, slow: u64) -> Counts {
        Counts {
            calls,
            successes: calls.saturating_sub(failures),
            failures,
            slow,
        }
    }

    /// What has come since `base`, both counts for life modulo 2^40.
    pub(crate) fn since(self, base: Counts) -> Counts {
        Counts::new(
            since(self.calls, base.calls),
            since(self.failures, base.failures),
            since(self.slow, base.slow),
        )
    }
}

/// Why a breaker changed state. If several trip rules become true at once, the first in this order
/// is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// A trip rule: failures in a row.
    ConsecutiveFailures,
    /// A trip rule: failures in the window.
    FailureCount,
    /// A trip rule: the share of the window's calls that failed.
    FailureRate,
    /// A trip rule: the share of the window's calls that were slow.
    SlowRate,
    /// A trip rule: the evidence of an outage, see [`Outage`](crate::Outage).
    Evidence,
    /// The hang rule: calls began, and none ended, see [`Hang`](crate::Hang).
    Hang,
    /// Open to half-open: the wait is over.
    OpenElapsed,
    /// Half-open to closed: the recovery rule is satisfied, and no ramp follows.
    ProbesSucceeded,
    /// Half-open to open: the recovery rule failed.
    ProbeFailed,
    /// Half-open to open: no slot became free within the probe timeout.
    ProbeTimeout,
    /// Half-open to open: as many probes were cancelled as the round needs results, and no result
    /// came within the probe timeout.
    ProbesCancelled,
    /// Half-open to closed: the last step of the ramp was good, or the ramp was switched off, see
    /// [`Ramp`](crate::Ramp).
    RampCompleted,
    /// Half-open to open: too many calls of the ramp failed, hung or took much longer than the probes.
    RampFailed,
    /// The controller changed the state.
    Manual,
    /// Closed to open: other processes have found an outage
    /// ([`trip_in`](crate::Controller::trip_in)).
    Peers,
    /// No transition: a closed breaker rejected a call because as many were in flight as
    /// [`max_in_flight`](crate::Builder::max_in_flight) allows. Only a [`Rejected`](crate::Rejected) has it.
    MaxInFlight,
}

impl Pack for Cause {
    fn pack(self) -> u64 {
        match self {
            Self::ConsecutiveFailures => 0,
            Self::FailureCount => 1,
            Self::FailureRate => 2,
            Self::SlowRate => 3,
            Self::OpenElapsed => 4,
            Self::ProbesSucceeded => 5,
            Self::ProbeFailed => 6,
            Self::ProbeTimeout => 7,
            Self::ProbesCancelled => 8,
            Self::Manual => 9,
            Self::Evidence => 10,
            Self::Hang => 11,
            Self::RampCompleted => 12,
            Self::RampFailed => 13,
            Self::MaxInFlight => 14,
            Self::Peers => 15,
        }
    }

    /// `Manual`, which accuses no rule, for bits that no cause has.
    fn unpack(bits: u64) -> Self {
        match bits {
            0 => Self::ConsecutiveFailures,
            1 => Self::FailureCount,
            2 => Self::FailureRate,
            3 => Self::SlowRate,
            4 => Self::OpenElapsed,
            5 => Self::ProbesSucceeded,
            6 => Self::ProbeFailed,
            7 => Self::ProbeTimeout,
            8 => Self::ProbesCancelled,
            10 => Self::Evidence,
            11 => Self::Hang,
            12 => Self::RampCompleted,
            13 => Self::RampFailed,
            14 => Self::MaxInFlight,
            15 => Self::Peers,
            _ => Self::Manual,
        }
    }
}

impl Cause {
    /// The causes have the numbers below this.
    #[cfg(any(test, fuzzing, feature = "serde"))]
    pub(crate) const NUMBER: u64 = 16;

    /// Returns the name for programs, such as `failure_rate`.
    ///
    /// It is the spelling of the labels of metrics, of the fields of tracing's events, and of serde's formats.
    /// `Display` writes for people: "failure rate".
    ///
    /// ```
    /// use tripcoil::Cause;
    ///
    /// assert_eq!(Cause::FailureRate.as_str(), "failure_rate");
    /// assert_eq!(Cause::FailureRate.to_string(), "failure rate");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConsecutiveFailures => "consecutive_failures",
            Self::FailureCount => "failure_count",
            Self::FailureRate => "failure_rate",
            Self::SlowRate => "slow_rate",
            Self::Evidence => "evidence",
            Self::Hang => "hang",
            Self::OpenElapsed => "open_elapsed",
            Self::ProbesSucceeded => "probes_succeeded",
            Self::ProbeFailed => "probe_failed",
            Self::ProbeTimeout => "probe_timeout",
            Self::ProbesCancelled => "probes_cancelled",
            Self::RampCompleted => "ramp_completed",
            Self::RampFailed => "ramp_failed",
            Self::Manual => "manual",
            Self::MaxInFlight => "max_in_flight",
            Self::Peers => "peers",
        }
    }

    /// Whether it is a trip rule that outcomes make true.
    pub(crate) fn is_rule(self) -> bool {
        matches!(
            self,
            Self::ConsecutiveFailures
                | Self::FailureCount
                | Self::FailureRate
                | Self::SlowRate
                | Self::Evidence
        )
    }
}

/// number of an `Other`, or which other kind, 8 | is it an `Other` 1 (from the low end); 0 is `None`.
impl Pack for Option<FailureKind> {
    fn pack(self) -> u64 {
        match self {
            None => 0,
            Some(FailureKind::Timeout) => 1,
            Some(FailureKind::Connect) => 2,
            Some(FailureKind::Overload) => 3,
            Some(FailureKind::Server) => 4,
            Some(FailureKind::Client) => 5,
            Some(FailureKind::Data) => 6,
            Some(FailureKind::Other(number)) => OTHER | u64::from(number),
        }
    }

    /// `None` for bits that no kind has.
    fn unpack(bits: u64) -> Self {
        Some(match bits {
            1 => FailureKind::Timeout,
            2 => FailureKind::Connect,
            3 => FailureKind::Overload,
            4 => FailureKind::Server,
            5 => FailureKind::Client,
            6 => FailureKind::Data,
            _ if bits & OTHER != 0 => FailureKind::Other((bits & (OTHER - 1)) as u8),
            _ => return None,
        })
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::ConsecutiveFailures => "consecutive failures",
            Self::FailureCount => "failure count",
            Self::FailureRate => "failure rate",
            Self::SlowRate => "slow rate",
            Self::Evidence => "evidence",
            Self::Hang => "hang",
            Self::OpenElapsed => "open elapsed",
            Self::ProbesSucceeded => "probes succeeded",
            Self::ProbeFailed => "probe failed",
            Self::ProbeTimeout => "probe timeout",
            Self::ProbesCancelled => "probes cancelled",
            Self::RampCompleted => "ramp completed",
            Self::RampFailed => "ramp failed",
            Self::Manual => "manual",
            Self::MaxInFlight => "max in flight",
            Self::Peers => "peers",
        })
    }
}

#[cfg(test)]
mod tests;
