//! What can go wrong, as small values: a rejection, a call's error, a configuration's problems.

mod boxed;

pub use self::boxed::BoxedError;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::time::Duration;

use crate::control::Control;
use crate::outcome::{Cause, State};

/// The breaker did not admit the call. A small value, made without allocating.
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
    /// The low end of the control word of this Open, in which its goal stands. Most are never asked,
    /// and so not turned into a cause.
    low: u16,
    /// In nanoseconds; `u64::MAX` for nobody knows. Most are never asked, and so not turned into a
    /// `Duration`.
    rest: u64,
}

impl Rejected {
    /// By the Open of that control word. `rest`: what is left of the wait, in nanoseconds.
    #[inline(always)]
    pub(crate) const fn by_open(c: Control, rest: u64) -> Rejected {
        Rejected {
            state: State::Open,
            low: c.low(),
            rest,
        }
    }

    /// By a state that does not say for how long.
    pub(crate) const fn by(state: State) -> Rejected {
        Rejected {
            state,
            low: 0,
            rest: u64::MAX,
        }
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

    /// Why the breaker is open: the cause of this opening. After a lost round of probes that is
    /// [`ProbeFailed`](Cause::ProbeFailed), [`ProbeTimeout`](Cause::ProbeTimeout) or
    /// [`ProbesCancelled`](Cause::ProbesCancelled); what began the outage is in
    /// [`Snapshot::last_opening`](crate::Snapshot::last_opening). [`Manual`](Cause::Manual) in
    /// `ForcedOpen` and of a breaker that was built `Open`; `None` in `HalfOpen`.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        match self.state {
            State::HalfOpen => None,
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

/// The state, and the cause if there is one: "open (failure rate)".
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
        write!(f, "the breaker is {}", self.reason())?;
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
            .field("cause", &self.cause())
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
/// As an error it says each cause once. [`Inner`](Self::Inner) is transparent: its text is the call's
/// error's, and so is its source. A call that was not made says so, and has the [`Rejected`] or the
/// [`NoBreaker`] as its source: a report of the whole chain reads "call not made: the breaker is open,
/// retry after 1.5s".
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
    /// There is no breaker for the request: it was not made. Services of tower give it (feature
    /// `tower`), where a breaker is picked for each request, and a registry (feature `registry`) whose
    /// template says something invalid of the key.
    NoBreaker(NoBreaker),
}

impl<E> CallError<E> {
    /// Whether the call was not made at all.
    #[must_use]
    pub const fn is_rejected(&self) -> bool {
        matches!(self, Self::Rejected(_) | Self::NoBreaker(_))
    }

    /// The breaker's rejection, if that is what it is.
    ///
    /// ```
    /// use tripcoil::{Breaker, State};
    ///
    /// let (breaker, controller) = Breaker::builder("payments").build_with_controller()?;
    /// controller.force_open();
    /// let error = breaker.call(|| Ok::<(), ()>(())).unwrap_err();
    /// assert_eq!(error.as_rejected().map(|r| r.state()), Some(State::ForcedOpen));
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    #[must_use]
    pub const fn as_rejected(&self) -> Option<&Rejected> {
        match self {
            Self::Rejected(rejected) => Some(rejected),
            Self::Inner(_) | Self::TimedOut(_) | Self::NoBreaker(_) => None,
        }
    }

    /// Replaces the call's own error; all else stays.
    ///
    /// ```
    /// use tripcoil::{Breaker, CallError};
    ///
    /// let breaker = Breaker::builder("payments").build()?;
    /// let result = breaker.call(|| Err::<(), _>("no route"));
    /// let result = result.map_err(|error| error.map_inner(str::len));
    /// assert_eq!(result, Err(CallError::Inner(8)));
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    #[must_use]
    pub fn map_inner<F>(self, map: impl FnOnce(E) -> F) -> CallError<F> {
        match self {
            Self::Inner(error) => CallError::Inner(map(error)),
            Self::Rejected(rejected) => CallError::Rejected(rejected),
            Self::TimedOut(limit) => CallError::TimedOut(limit),
            Self::NoBreaker(none) => CallError::NoBreaker(none),
        }
    }

    /// The same with its own error boxed, as a type that is an [`Error`]: for call errors that are none
    /// themselves, such as `anyhow::Error`, `Box<dyn Error + Send + Sync>`, `String` or `&str`. Then `?`
    /// turns it into an `anyhow::Error` or a `Box<dyn Error>`.
    ///
    /// ```
    /// use tripcoil::{Breaker, CallError};
    ///
    /// fn fetch(breaker: &Breaker) -> anyhow::Result<u32> {
    ///     let answer = breaker
    ///         .call(|| anyhow::Ok(7)) // a Result<u32, CallError<anyhow::Error>>
    ///         .map_err(CallError::boxed)?;
    ///     Ok(answer)
    /// }
    ///
    /// let (breaker, controller) = Breaker::builder("payments").build_with_controller()?;
    /// assert_eq!(fetch(&breaker)?, 7);
    /// controller.force_open();
    /// let error = fetch(&breaker).unwrap_err();
    /// assert_eq!(format!("{error:#}"), "call not made: the breaker is forced open (manual)");
    /// # Ok::<(), anyhow::Error>(())
    /// ```
    #[must_use]
    pub fn boxed(self) -> CallError<BoxedError>
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.map_inner(|error| BoxedError::from(error.into()))
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
            // the source says why
            Self::Rejected(_) | Self::NoBreaker(_) => f.write_str("call not made"),
            Self::Inner(error) => error.fmt(f),
            Self::TimedOut(limit) => write!(f, "timed out after {limit:?}"),
        }
    }
}

impl<E: Error + 'static> Error for CallError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Inner(error) => error.source(),
            Self::Rejected(rejected) => Some(rejected),
            Self::NoBreaker(none) => Some(none),
            Self::TimedOut(_) => None,
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
/// The text names the breaker, where there is one, and has a line for each problem:
///
/// ```text
/// invalid configuration of the breaker "payments":
/// failure_rate is 1.5, but must be above 0 and at most 1
/// min_throughput is 0, but must be from 1 to 4294967295
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<Problem>,
    breaker: Option<String>,
}

impl ConfigError {
    /// `Ok` if there is no problem.
    pub(crate) fn of(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Self {
                problems,
                breaker: None,
            })
        }
    }

    /// The same, of the breaker with that name.
    pub(crate) fn of_breaker(self, name: &str) -> Self {
        Self {
            breaker: Some(name.into()),
            ..self
        }
    }

    /// The name of the breaker that could not be built or changed; `None` from
    /// [`Config::validate`](crate::Config::validate), which knows none.
    #[must_use]
    pub fn breaker(&self) -> Option<&str> {
        self.breaker.as_deref()
    }

    /// The problems, at least one, in the order of [`Config`](crate::Config)'s fields.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.breaker {
            Some(name) => write!(f, "invalid configuration of the breaker {name:?}:")?,
            None => f.write_str("invalid breaker configuration:")?,
        }
        for problem in &self.problems {
            write!(f, "\n{problem}")?;
        }
        Ok(())
    }
}

impl Error for ConfigError {}

/// The field of the problem that no trip rule is on.
pub(crate) const NO_RULE: &str = "rules";

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The setting, by its path in [`Config`](crate::Config): `"open_for.jitter"`. `"rules"` if no
    /// trip rule is on at all.
    pub field: &'static str,
    /// The value that was refused.
    pub value: String,
    /// What it must be instead.
    pub permitted: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            field,
            value,
            permitted,
        } = self;
        if *field == NO_RULE {
            return write!(
                f,
                "the trip rules are all off, but there must be {permitted}"
            );
        }
        write!(f, "{field} is {value}, but must be {permitted}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec;

    const fn by(cause: Cause) -> Control {
        Control(5).with_cause(cause)
    }

    const OPEN: Rejected = Rejected::by_open(by(Cause::FailureRate), 1_500_000_000);
    const FORCED: Rejected = Rejected::by(State::ForcedOpen);

    #[test]
    fn a_rejection_is_small_and_says_what_it_knows() {
        assert!(size_of::<Rejected>() <= 16);
        assert_eq!(
            OPEN.to_string(),
            "the breaker is open (failure rate), retry after 1.5s"
        );
        assert_eq!(FORCED.to_string(), "the breaker is forced open (manual)");
        let probing = Rejected::by(State::HalfOpen);
        assert_eq!(probing.to_string(), "the breaker is half-open");
        assert_eq!(OPEN.cause(), Some(Cause::FailureRate));
        // what else stands in the control word is no part of it
        let stripes = by(Cause::FailureRate).more_stripes();
        assert_eq!(Rejected::by_open(stripes, 1_500_000_000), OPEN);
        assert_eq!(
            (FORCED.cause(), probing.cause()),
            (Some(Cause::Manual), None)
        );
    }

    #[test]
    fn a_rejection_is_read_to_three_digits_and_asked_to_the_last() {
        let said = |nanos| {
            let rejected = Rejected::by_open(by(Cause::Manual), nanos);
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

    /// An error with a cause of its own.
    #[derive(Debug)]
    struct NoRoute(Rejected);

    impl fmt::Display for NoRoute {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("no route")
        }
    }

    impl Error for NoRoute {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    /// As a report of the whole chain has it.
    fn chain(error: &dyn Error) -> Vec<String> {
        let mut texts = vec![error.to_string()];
        let mut next = error.source();
        while let Some(error) = next {
            texts.push(error.to_string());
            next = error.source();
        }
        texts
    }

    #[test]
    fn a_call_error_says_each_cause_once() {
        let inner = CallError::Inner(NoRoute(FORCED));
        assert_eq!(
            chain(&inner),
            ["no route", "the breaker is forced open (manual)"]
        );
        assert!(!inner.is_rejected() && inner.as_rejected().is_none());
        let nested = CallError::Inner(inner);
        assert_eq!(
            chain(&nested),
            ["no route", "the breaker is forced open (manual)"]
        );

        let rejected = CallError::<NoRoute>::from(OPEN);
        let wait = "the breaker is open (failure rate), retry after 1.5s";
        assert_eq!(chain(&rejected), ["call not made", wait]);
        assert_eq!(chain(&CallError::Inner(rejected)), ["call not made", wait]);

        let late = CallError::<NoRoute>::TimedOut(Duration::from_secs(2));
        assert_eq!(chain(&late), ["timed out after 2s"]);

        let none = CallError::<NoRoute>::from(NoBreaker::because("it has no key"));
        let why = "no breaker for this request: it has no key";
        assert_eq!(chain(&none), ["call not made", why]);
    }

    #[test]
    fn a_call_error_gives_out_what_it_holds() {
        let inner = CallError::Inner(7);
        assert_eq!((inner.as_rejected(), inner.is_rejected()), (None, false));
        assert_eq!(inner.map_inner(|n| n + 1).into_inner(), Some(8));

        let rejected = CallError::<u8>::from(OPEN);
        assert_eq!(
            (rejected.as_rejected(), rejected.is_rejected()),
            (Some(&OPEN), true)
        );
        assert_eq!(rejected.map_inner(u64::from), CallError::Rejected(OPEN));
        assert_eq!(rejected.into_inner(), None);

        let late = CallError::<u8>::TimedOut(Duration::from_secs(2));
        assert_eq!((late.as_rejected(), late.is_rejected()), (None, false));
        let same = CallError::TimedOut(Duration::from_secs(2));
        assert_eq!((late.map_inner(u64::from), late.into_inner()), (same, None));

        let none = NoBreaker::because("it has no key");
        let without = CallError::<u8>::from(none);
        assert_eq!((without.as_rejected(), without.is_rejected()), (None, true));
        let same = CallError::NoBreaker(none);
        assert_eq!(
            (without.map_inner(u64::from), without.into_inner()),
            (same, None)
        );
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
            breaker: None,
        };
        assert_eq!(ConfigError::of(two.clone()), Err(error.clone()));
        assert_eq!(error.problems(), two);
        let text = error.to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[1], "failure_count is 7, but must be 1 to 5");
        assert_eq!(lines[0], "invalid breaker configuration:");
        assert_eq!(lines[2], "window is 7, but must be 1 to 5");
        let named = error.of_breaker("a \"name\"\n");
        assert_eq!(named.breaker(), Some("a \"name\"\n"));
        let first = named.to_string().lines().next().map(ToString::to_string);
        let expected = "invalid configuration of the breaker \"a \\\"name\\\"\\n\":";
        assert_eq!(first.as_deref(), Some(expected));
    }
}
