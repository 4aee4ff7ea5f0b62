//! What can go wrong, as small values: a rejection, a call's error, a configuration's problems.

use alloc::string::String;
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;
use core::time::Duration;

use crate::outcome::State;

/// The breaker did not admit the call. A small value, made without allocating.
///
/// ```
/// use std::time::Duration;
/// use tripcoil::{Breaker, ManualClock, State};
///
/// let clock = ManualClock::new();
/// let (breaker, controller) = Breaker::builder("payments").clock(&clock).build_with_controller()?;
/// controller.trip_for(Duration::from_millis(1500));
///
/// let Err(rejected) = breaker.try_acquire() else { unreachable!() };
/// assert_eq!(rejected.state(), State::Open);
/// assert_eq!(rejected.retry_after(), Some(Duration::from_millis(1500)));
/// assert_eq!(rejected.to_string(), "rejected: the breaker is open, retry after 1.5s");
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rejected {
    state: State,
    /// In nanoseconds; `u64::MAX` for nobody knows. Most are never asked, and so not turned into a
    /// `Duration`.
    rest: u64,
}

impl Rejected {
    /// `rest`: what is left of the wait, in nanoseconds.
    #[inline(always)]
    pub(crate) const fn new(state: State, rest: Option<u64>) -> Rejected {
        let rest = match rest {
            Some(rest) => rest,
            None => u64::MAX,
        };
        Rejected { state, rest }
    }

    /// How long the breaker is going to reject calls yet, at the breaker's clock. `None` when
    /// nobody knows: in `HalfOpen` (a probe's result may come any time) and in `ForcedOpen`.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self.rest {
            u64::MAX => None,
            rest => Some(Duration::from_nanos(rest)),
        }
    }

    /// The state that rejected the call: `Open`, `HalfOpen` or `ForcedOpen`.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rejected: the breaker is {}", self.state)?;
        match self.rest {
            u64::MAX => Ok(()),
            rest => write!(f, ", retry after {:?}", readable(rest)),
        }
    }
}

/// To three digits, and never coarser than a second: who reads it needs no more.
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
            .field("retry_after", &self.retry_after())
            .finish()
    }
}

impl Error for Rejected {}

/// There is no breaker for a request, so the call was not made. A small value, made without
/// allocating.
///
/// Whoever picks a breaker for each request may find that its key is none (in his own words:
/// [`because`](Self::because)), or that a registry's template says something invalid of it, which
/// comes as a [`ConfigError`] and leaves the name of its first problem here.
///
/// ```
/// use tripcoil::{Breaker, NoBreaker};
///
/// let invalid = Breaker::builder("payments").failure_rate(1.5).build().err().ok_or("invalid")?;
/// assert_eq!(NoBreaker::from(invalid).to_string(), "no breaker for this request: failure_rate is invalid");
/// let unknown = NoBreaker::because("its tenant is unknown");
/// assert_eq!(unknown.to_string(), "no breaker for this request: its tenant is unknown");
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NoBreaker {
    why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Why {
    Because(&'static str),
    /// The first problem's field.
    Invalid(&'static str),
}

impl NoBreaker {
    /// In the words of whoever picks: "its tenant is unknown".
    #[must_use]
    pub const fn because(reason: &'static str) -> NoBreaker {
        NoBreaker {
            why: Why::Because(reason),
        }
    }
}

impl From<ConfigError> for NoBreaker {
    fn from(error: ConfigError) -> Self {
        let first = error.problems.first();
        NoBreaker {
            why: Why::Invalid(first.map_or("its configuration", |problem| problem.field)),
        }
    }
}

impl fmt::Display for NoBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.why {
            Why::Because(reason) => write!(f, "no breaker for this request: {reason}"),
            Why::Invalid(field) => write!(f, "no breaker for this request: {field} is invalid"),
        }
    }
}

impl Error for NoBreaker {}

/// Why a guarded call gave no value.
///
/// ```
/// use tripcoil::{Breaker, CallError};
///
/// let breaker = Breaker::builder("payments").build()?;
/// match breaker.call(|| Err::<u32, &str>("no route")) {
///     Err(CallError::Inner(error)) => assert_eq!(error, "no route"),
///     Err(CallError::Rejected(rejected)) => println!("later: {:?}", rejected.retry_after()),
///     other => println!("{other:?}"),
/// }
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError<E> {
    /// The breaker did not admit the call: it was not made.
    Rejected(Rejected),
    /// The call was made, and this is its error.
    Inner(E),
    /// The call was given up after this limit. Only `call_timeout` (feature `tokio`) gives it.
    TimedOut(Duration),
    /// There is no breaker for the request: it was not made. Only services of tower give it (feature
    /// `tower`), where a breaker is picked for each request.
    NoBreaker(NoBreaker),
}

impl<E> CallError<E> {
    /// Whether the call was not made at all.
    #[must_use]
    pub const fn is_rejected(&self) -> bool {
        matches!(self, Self::Rejected(_) | Self::NoBreaker(_))
    }

    /// The call's own error, if it was made and ended in one.
    #[must_use]
    pub fn into_inner(self) -> Option<E> {
        match self {
            Self::Inner(error) => Some(error),
            Self::Rejected(_) | Self::TimedOut(_) | Self::NoBreaker(_) => None,
        }
    }
}

impl<E> From<Rejected> for CallError<E> {
    fn from(rejected: Rejected) -> Self {
        Self::Rejected(rejected)
    }
}

impl<E> From<NoBreaker> for CallError<E> {
    fn from(none: NoBreaker) -> Self {
        Self::NoBreaker(none)
    }
}

impl<E: fmt::Display> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(rejected) => rejected.fmt(f),
            Self::Inner(error) => error.fmt(f),
            Self::TimedOut(limit) => write!(f, "timed out after {limit:?}"),
            Self::NoBreaker(none) => none.fmt(f),
        }
    }
}

impl<E: Error + 'static> Error for CallError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Inner(error) => Some(error),
            Self::Rejected(_) | Self::TimedOut(_) | Self::NoBreaker(_) => None,
        }
    }
}

/// All that is wrong with a configuration, at once.
///
/// ```
/// use tripcoil::Breaker;
///
/// let error = Breaker::builder("payments")
///     .failure_rate(1.5)
///     .min_throughput(0)
///     .build()
///     .err()
///     .ok_or("two problems")?;
/// let fields: Vec<_> = error.problems().iter().map(|problem| problem.field).collect();
/// assert_eq!(fields, ["failure_rate", "min_throughput"]);
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<Problem>,
}

impl ConfigError {
    /// `Ok` if there is no problem.
    pub(crate) fn of(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Self { problems })
        }
    }

    /// The problems, at least one, in the order of [`Config`](crate::Config)'s fields.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid breaker configuration:")?;
        for problem in &self.problems {
            write!(f, "\n{problem}")?;
        }
        Ok(())
    }
}

impl Error for ConfigError {}

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The setting, by its path in [`Config`](crate::Config): `"open_for.jitter"`. `"rules"` if no
    /// trip rule is on at all.
    pub field: &'static str,
    /// The value that was refused.
    pub value: String,
    /// What would be taken instead.
    pub permitted: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            field,
            value,
            permitted,
        } = self;
        write!(f, "{field} is {value}, permitted is {permitted}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec;

    const OPEN: Rejected = Rejected::new(State::Open, Some(1_500_000_000));
    const FORCED: Rejected = Rejected::new(State::ForcedOpen, None);

    #[test]
    fn a_rejection_is_small_and_says_what_it_knows() {
        assert!(size_of::<Rejected>() <= 16);
        assert_eq!(
            OPEN.to_string(),
            "rejected: the breaker is open, retry after 1.5s"
        );
        assert_eq!(FORCED.to_string(), "rejected: the breaker is forced open");
    }

    #[test]
    fn a_rejection_is_read_to_three_digits_and_asked_to_the_last() {
        let said = |nanos| {
            let rejected = Rejected::new(State::Open, Some(nanos));
            assert_eq!(rejected.retry_after(), Some(Duration::from_nanos(nanos)));
            let text = rejected.to_string();
            let wait = text.rsplit(' ').next();
            wait.map(ToString::to_string)
        };
        for (nanos, text) in [
            (0, "0ns"),
            (999, "999ns"),
            (1_499_600, "1.5ms"),
            (12_345_678, "12.3ms"),
            (999_600_000, "1s"),
            (1_250_000_000, "1.25s"),
            (1_500_000_000, "1.5s"),
            (29_951_000_000, "30s"),
            (59_999_876_543, "60s"),
            (60_000_806_964, "60s"),
            (612_400_000_000, "612s"),
            (7_261_500_000_000, "7262s"),
            (u64::MAX - 1, "18446744073s"),
        ] {
            assert_eq!(said(nanos).as_deref(), Some(text), "{nanos}");
        }
    }

    #[test]
    fn a_call_error_leads_to_its_source() {
        let inner = CallError::Inner(FORCED);
        assert_eq!(inner.to_string(), FORCED.to_string());
        let source = inner.source().and_then(|e| e.downcast_ref::<Rejected>());
        assert_eq!(source, Some(&FORCED));
        assert!(!inner.is_rejected());
        assert_eq!(inner.into_inner(), Some(FORCED));

        let rejected = CallError::<Rejected>::from(OPEN);
        assert!(rejected.is_rejected() && rejected.source().is_none());
        assert_eq!(rejected.to_string(), OPEN.to_string());
        assert_eq!(rejected.into_inner(), None);

        let late = CallError::<Rejected>::TimedOut(Duration::from_secs(2));
        assert!(!late.is_rejected() && late.source().is_none());
        assert_eq!(late.to_string(), "timed out after 2s");
        assert_eq!(late.into_inner(), None);

        let none = CallError::<Rejected>::from(NoBreaker::because("it has no key"));
        assert!(none.is_rejected() && none.source().is_none());
        assert_eq!(
            none.to_string(),
            "no breaker for this request: it has no key"
        );
        assert_eq!(none.into_inner(), None);
        assert!(size_of::<CallError<()>>() <= 24);
    }

    #[test]
    fn problems_are_told_one_a_line() {
        assert_eq!(ConfigError::of(vec![]), Ok(()));
        let problem = |field| Problem {
            field,
            value: "7".into(),
            permitted: "1 to 5".into(),
        };
        let two = vec![problem("failure_count"), problem("window")];
        let error = ConfigError {
            problems: two.clone(),
        };
        assert_eq!(ConfigError::of(two.clone()), Err(error.clone()));
        assert_eq!(error.problems(), two);
        let text = error.to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[1], "failure_count is 7, permitted is 1 to 5");
        assert_eq!(lines[2], "window is 7, permitted is 1 to 5");
    }
}
