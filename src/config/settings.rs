//! The settings of a breaker: plain data, and the setters that fill it in.
//!
//! Setters accept any value. [`Config::validate`] reports everything that is wrong at once, so a
//! setting that makes no sense is kept until then, not dropped.

use core::time::Duration;

use crate::clock::{Clock, saturating_nanos};
use crate::config::backoff::Backoff;
use crate::words::leniency::{EIGHTHS, Leniency};
use crate::words::outcome::{FailureKind, State};

/// The default throughput at which a rate is judged, if the window is large enough for it.
const DEFAULT_MIN_THROUGHPUT: u32 = 5;

/// What each breaker keeps in any case.
const DEFAULT_HISTORY: u32 = 4;

/// The default number of buckets of a time window.
const DEFAULT_BUCKETS: u32 = 10;

/// Which outcomes count for the trip rules. Fixed when the breaker is built.
///
/// ```
/// use std::time::Duration;
/// use tripcoil::{Breaker, Window};
///
/// // the outcomes of the last 30 s, in buckets of 1 s
/// let by_time = Window::time(Duration::from_secs(30)).buckets(30);
/// // the last 100 outcomes, whatever their age
/// let by_count = Window::count(100);
/// let breaker = Breaker::builder("payments").window(by_time).build()?;
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Window {
    pub(crate) span: Span,
    /// As set, for either kind of window: validation refuses it for a count window.
    pub(crate) buckets: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    Time(Duration),
    Count(u32),
}

/// A window in the engine's units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Geometry {
    /// `width` is a bucket's, in nanoseconds.
    Time {
        width: u64,
        buckets: u32,
    },
    Count(u32),
}

impl Window {
    /// Counts the outcomes of this much time, at most 24 h, in 10 buckets unless
    /// [`buckets`](Self::buckets) is set. The window moves on by whole buckets.
    pub const fn time(total: Duration) -> Self {
        Self {
            span: Span::Time(total),
            buckets: None,
        }
    }

    /// Counts the last `size` outcomes, 1 to 1,048,575. While the window is filling, or
    /// contains a failure or a slow call, each call writes a word that all threads share; a time window
    /// has no such cost.
    pub const fn count(size: u32) -> Self {
        Self {
            span: Span::Count(size),
            buckets: None,
        }
    }

    /// Sets the number of buckets of a time window, 1 to 3600. They must divide the window into
    /// whole nanoseconds, and each must be at least as long as the clock's resolution. A count
    /// window has no buckets.
    pub const fn buckets(mut self, buckets: u32) -> Self {
        self.buckets = Some(buckets);
        self
    }

    pub(crate) fn buckets_in_force(&self) -> u32 {
        self.buckets.unwrap_or(DEFAULT_BUCKETS)
    }

    /// Returns the length of a time window.
    #[cfg(feature = "insight")]
    pub(crate) fn time_span(&self) -> Option<Duration> {
        match self.span {
            Span::Time(total) => Some(total),
            Span::Count(_) => None,
        }
    }

    /// Returns the size of a count window.
    #[cfg(feature = "insight")]
    pub(crate) fn size(&self) -> Option<u32> {
        match self.span {
            Span::Time(_) => None,
            Span::Count(size) => Some(size),
        }
    }

    /// For a window that has been validated.
    pub(crate) fn geometry(&self) -> Geometry {
        match self.span {
            Span::Time(total) => {
                let buckets = self.buckets_in_force();
                let width = saturating_nanos(total)
                    .checked_div(u64::from(buckets))
                    .unwrap_or(0);
                Geometry::Time { width, buckets }
            }
            Span::Count(size) => Geometry::Count(size),
        }
    }
}

/// 10 buckets of 1 s.
impl Default for Window {
    fn default() -> Self {
        Self::time(Duration::from_secs(10))
    }
}

/// How a breaker finds out whether the dependency has recovered: by a round of probes.
///
/// A round never has more probes in flight than `max_probes`, nor more than the results that it
/// still needs. An ignored or cancelled probe gives its slot back. The breaker also re-opens when
/// a probe is cancelled, at least as many were cancelled as the round needs results, and no result
/// has come for `probe_timeout`.
///
/// ```
/// use std::time::Duration;
/// use tripcoil::{Breaker, HalfOpen};
///
/// // one probe at a time; two successes close the breaker, the first failure re-opens it
/// let careful = HalfOpen::successes(2);
/// // ten probes, three at a time; the breaker re-opens if half of them fail
/// let tolerant = HalfOpen::rate(10, 0.5).max_probes(3).probe_timeout(Duration::from_secs(5));
/// let breaker = Breaker::builder("payments").half_open(tolerant).build()?;
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct HalfOpen {
    pub(crate) recovery: RecoveryRule,
    pub(crate) max_probes: Option<u32>,
    pub(crate) probe_timeout: Option<Duration>,
    /// On a round by successes it is kept for validation to refuse.
    pub(crate) slow_rate: Option<f64>,
    pub(crate) ramp: Option<Ramp>,
}

/// What decides a round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum RecoveryRule {
    Successes(u32),
    Rate { of: u32, failure_rate: f64 },
}

impl HalfOpen {
    /// Closes the breaker after `n` successes, 1 to 255, and re-opens it at the first failure. If
    /// the breaker has a `slow_rate` or an `outage` rule, a slow probe counts as failed. One probe at a time,
    /// unless [`max_probes`](Self::max_probes) is set.
    pub const fn successes(n: u32) -> Self {
        Self::of(RecoveryRule::Successes(n))
    }

    /// Decides when `of` results are in, 1 to 255, and not before: the breaker re-opens if
    /// `failures / of` reaches `failure_rate`, in `(0, 1]`, and closes otherwise. All `of` probes
    /// may be in flight at once, unless [`max_probes`](Self::max_probes) is set.
    pub const fn rate(of: u32, failure_rate: f64) -> Self {
        Self::of(RecoveryRule::Rate { of, failure_rate })
    }

    const fn of(recovery: RecoveryRule) -> Self {
        Self {
            recovery,
            max_probes: None,
            probe_timeout: None,
            slow_rate: None,
            ramp: None,
        }
    }

    /// Re-opens the breaker also if `slow / of` reaches `rate`, in `(0, 1]`. Only for a round by
    /// [`rate`](Self::rate), and it needs a `slow_call`.
    pub const fn slow_rate(mut self, rate: f64) -> Self {
        self.slow_rate = Some(rate);
        self
    }

    /// Sets the largest number of probes in flight, 1 to 255.
    pub const fn max_probes(mut self, n: u32) -> Self {
        self.max_probes = Some(n);
        self
    }

    /// Sets how long a round waits for its probes: above zero, at most 365 days. Rounded up to whole
    /// milliseconds of the clock. By default 60 s; with an adaptive backoff and the hang rule, as long as
    /// that rule waits for a sign of life, longer after each round that was lost, and at most 5 s. Each step
    /// of a [ramp](Self::ramp) waits for its calls as long.
    ///
    /// The timeout re-opens the breaker in two cases. First, if all slots are taken and the round has
    /// admitted no call for this long, the next call re-opens the breaker. Second, if as many probes
    /// were cancelled as the round needs results, and no result has come for this long, the next
    /// cancelled probe re-opens it.
    ///
    /// Set it longer than the longest healthy call, and with a ramp longer than twice that. With a limit of 60 s, streams of 90 s do not
    /// close the breaker under steady traffic: a call that comes after the limit ends the round, and
    /// the streams that are still in flight end late.
    /// [`Snapshot::late_probe_successes`](crate::Snapshot::late_probe_successes) rises when that
    /// happens.
    pub const fn probe_timeout(mut self, timeout: Duration) -> Self {
        self.probe_timeout = Some(timeout);
        self
    }

    /// Closes the breaker by a ramp: a round that is won goes on with a share of the calls, which grows step by
    /// step. Needs a time window. See [`Ramp`].
    pub const fn ramp(mut self, ramp: Ramp) -> Self {
        self.ramp = Some(ramp);
        self
    }

    pub(crate) fn max_probes_in_force(&self) -> u32 {
        self.max_probes.unwrap_or(match self.recovery {
            RecoveryRule::Successes(_) => 1,
            RecoveryRule::Rate { of, .. } => of,
        })
    }
}

/// Two successes.
impl Default for HalfOpen {
    fn default() -> Self {
        Self::successes(2)
    }
}

/// The way from half-open to closed: a share of the calls is admitted. It begins with a quarter, or with 50 calls
/// per second if that is more, and is multiplied by three after each good step of at least 100 ms (by 1.5 after
/// a cut).
///
/// A dependency that has just come back may not bear all calls at once. If the calls of a step fail, hang, or
/// take much longer than the probes did, the share is cut, or the breaker re-opens. See [the
/// semantics](crate::_guide::semantics#the-ramp).
///
/// ```
/// use tripcoil::{Breaker, HalfOpen, Ramp};
///
/// let breaker = Breaker::builder("payments").half_open(HalfOpen::successes(3).ramp(Ramp::new())).build()?;
/// assert_eq!(breaker.observer().snapshot().admitted_share, 1.0);
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub struct Ramp {}

impl Ramp {
    /// Returns the ramp, which has no settings.
    pub const fn new() -> Self {
        Self {}
    }
}

/// How a cancelled call is counted: one whose permit or future is dropped before it has a result.
///
/// ```
/// use std::time::Duration;
/// use tripcoil::{Breaker, OnCancel};
///
/// // callers drop a call after a second: without this, a hung dependency would not be noticed
/// let breaker = Breaker::builder("payments")
///     .slow_call(Duration::from_millis(900))
///     .on_cancel(OnCancel::FailureIfSlow)
///     .build()?;
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnCancel {
    /// As cancelled. It enters no rate.
    #[default]
    Ignored,
    /// As a failure, of the kind [`FailureKind::Timeout`].
    Failure,
    /// As such a failure if it had lasted longer than `slow_call`, which is required; as cancelled
    /// otherwise.
    FailureIfSlow,
}

/// The outage rule: trips on evidence that `theta` or more of the calls are bad.
///
/// A bad call fails, or is slow. `theta` is the rate of bad calls from which on the dependency is not worth
/// calling. While at most `0.6 theta` of the calls are bad, openings cost at most the part `loss` of them. See
/// [the semantics](crate::_guide::semantics#the-outage-rule).
///
/// ```
/// use std::time::Duration;
/// use tripcoil::{Breaker, Outage};
///
/// let breaker = Breaker::builder("payments")
///     .outage(Outage::at(0.5))
///     .slow_call(Duration::from_millis(250)) // a slow call is as bad as a failed one
///     .build()?;
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use]
pub struct Outage {
    pub(crate) theta: f64,
    pub(crate) loss: f64,
}

/// The default rate of bad calls from which on a dependency is not worth calling.
const DEFAULT_THETA: f64 = 0.5;

/// The default part of the calls that false openings may cost.
const DEFAULT_LOSS: f64 = 0.002;

impl Outage {
    /// Sets the rate of bad calls from which on the dependency is not worth calling, 0.01 to 0.9.
    pub const fn at(theta: f64) -> Self {
        Self {
            theta,
            loss: DEFAULT_LOSS,
        }
    }

    /// Sets the part of the calls that false openings may cost, 0.0001 to 0.1; by default 0.002. The smaller it
    /// is, the longer it takes to see an outage.
    pub const fn loss_at_most(mut self, loss: f64) -> Self {
        self.loss = loss;
        self
    }
}

/// At 0.5, with a loss of 0.002 at most.
impl Default for Outage {
    fn default() -> Self {
        Self::at(DEFAULT_THETA)
    }
}

/// The hang rule: trips when calls begin and none of them ends.
///
/// A dependency that answers nothing is otherwise seen only when the first calls time out. *Signs of life* are the
/// successes, failures and ignored results. See [the semantics](crate::_guide::semantics#the-hang-rule).
///
/// ```
/// use std::time::Duration;
/// use tripcoil::{Breaker, Hang};
///
/// // ten calls have begun, and for 300 ms none has ended
/// let breaker = Breaker::builder("payments").hang(Hang::after(Duration::from_millis(300)).starts(10)).build()?;
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Hang {
    pub(crate) after: Duration,
    pub(crate) starts: u32,
}

/// The default silence after which a dependency hangs.
const DEFAULT_SILENCE: Duration = Duration::from_millis(300);

/// The default number of calls that begin meanwhile.
const DEFAULT_STARTS: u32 = 10;

impl Hang {
    /// Sets how long there must have been no sign of life: above zero, at most 18.3 min, not finer than the clock. The
    /// rule never waits less than twice as long as the longest recent success took.
    pub const fn after(silence: Duration) -> Self {
        Self {
            after: silence,
            starts: DEFAULT_STARTS,
        }
    }

    /// Sets how many calls must have begun meanwhile, 1 to 1,000; by default 10.
    pub const fn starts(mut self, calls: u32) -> Self {
        self.starts = calls;
        self
    }

    /// How long it waits for a sign of life, in nanoseconds, as is the longest success.
    pub(crate) fn patience(&self, longest: u64) -> u64 {
        saturating_nanos(self.after).max(longest.saturating_mul(2))
    }
}

/// After 300 ms in which ten calls began.
impl Default for Hang {
    fn default() -> Self {
        Self::after(DEFAULT_SILENCE)
    }
}

/// Kinds of failures that count for less than others.
///
/// An overloaded dependency that refuses some calls at once still serves the rest. Its refusals can count as a quarter of
/// a failure, say: then it takes four times as many of them to trip. See [the
/// semantics](crate::_guide::semantics#lenient-kinds).
///
/// ```
/// use tripcoil::{Breaker, Config, FailureKind, Lenient};
///
/// let kinds = [FailureKind::Overload, FailureKind::Client];
/// let breaker = Breaker::builder("payments").lenient(kinds, 0.25).build()?;
/// // the same, as plain data
/// let config = Config { lenient: Some(Lenient::new(kinds, 0.25)), ..Config::default() };
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use]
pub struct Lenient {
    /// A bit for each slot of [`FailureKind`].
    pub(crate) kinds: u64,
    pub(crate) weight: f64,
}

impl Lenient {
    /// Sets the kinds, and their weight: 0 to 0.875, a multiple of 0.125. All numbers of
    /// [`Other`](FailureKind::Other) from 2 on are one kind. Without kinds it has no effect.
    pub fn new(kinds: impl IntoIterator<Item = FailureKind>, weight: f64) -> Self {
        let bits = kinds.into_iter().map(|kind| 1 << kind.slot());
        Self {
            kinds: bits.fold(0, |all, bit| all | bit),
            weight,
        }
    }

    /// The weight in eighths, once it is valid.
    pub(crate) fn eighths(&self) -> u64 {
        (self.weight * EIGHTHS as f64) as u64
    }
}

/// All settings of a breaker, as plain data. A rule that is `None` is off. With the feature `serde`
/// it is read from TOML, JSON and other formats, and from the environment.
///
/// ```
/// use std::time::Duration;
/// use tripcoil::{Breaker, Config, Window};
///
/// let config = Config {
///     window: Window::count(100),
///     failure_rate: Some(0.3),
///     slow_call: Some(Duration::from_millis(500)),
///     slow_rate: Some(0.8),
///     ..Config::default()
/// };
/// let breaker = Breaker::from_config("payments", config)?;
///
/// let nonsense = Config { failure_rate: Some(30.0), ..Config::default() };
/// assert_eq!(nonsense.validate().unwrap_err().problems()[0].field, "failure_rate");
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
///
/// Two configurations are equal if all their settings are equal, floats by `==`, and they use the
/// same clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Which outcomes the trip rules look at. By default 10 buckets of 1 s.
    pub window: Window,
    /// Trips when `failures / calls` in the window reaches this rate, once there are
    /// `min_throughput` calls: in `(0, 1]`. By default 0.5.
    pub failure_rate: Option<f64>,
    /// The number of calls a window must hold before its rates are judged: at least 1, and at most
    /// a count window's size. `None`, the default, is 5, or a count window's size if that is
    /// smaller.
    pub min_throughput: Option<u32>,
    /// A call that lasts longer than this is slow: above zero, at most 2^40 - 1 ns (18.3 min), not
    /// finer than the clock. By default no call is slow.
    pub slow_call: Option<Duration>,
    /// Trips when `slow / calls` in the window reaches this rate, once there are `min_throughput`
    /// calls: in `(0, 1]`; needs `slow_call`. By default off.
    pub slow_rate: Option<f64>,
    /// Trips at this many failures without a success between them: 1 to 536,870,911. By default 5. With a
    /// time window, a run ends when the window no longer holds a failure.
    pub consecutive_failures: Option<u32>,
    /// Trips at this many failures in the window: at least 1, at most a count window's size. By
    /// default off.
    pub failure_count: Option<u32>,
    /// Trips on evidence of an outage: a score of all outcomes, in which those that fail or are slow
    /// count against the others. Needs a time window. By default off.
    pub outage: Option<Outage>,
    /// Trips when calls begin and none ends. Needs a time window. By default off.
    pub hang: Option<Hang>,
    /// Kinds of failures that count for less. Needs a time window. By default every failure counts wholly.
    pub lenient: Option<Lenient>,
    /// How long the breaker stays open. By default 60 s, doubled each time, at most 10 min.
    pub open_for: Backoff,
    /// How a round of probes decides. By default two successes, one probe at a time.
    pub half_open: HalfOpen,
    /// How cancelled calls are counted. By default as cancelled, in no rate.
    pub on_cancel: OnCancel,
    /// The most calls in flight: at least 1. By default off. A closed breaker rejects a call beyond it, with
    /// [`Cause::MaxInFlight`](crate::Cause::MaxInFlight) and without a `retry_after`.
    pub max_in_flight: Option<u32>,
    /// Whether to keep a histogram of the calls' durations, for
    /// [`Snapshot::durations`](crate::Snapshot::durations). By default off. Fixed when the breaker
    /// is built.
    ///
    /// It holds all calls that end with a success or a failure, probes and late calls included, but
    /// not those under `Disabled`. It decides nothing. Each call is then timed, by a precise clock
    /// if the breaker's is coarse. It takes 896 bytes per CPU, for at most 16 CPUs.
    pub durations: bool,
    /// How many transitions [`Observer::history`](crate::Observer::history) returns: 1 to 65,536.
    /// By default 4. Fixed when the breaker is built. Those above 4 take 56 bytes each; their
    /// number is rounded up to a power of two.
    pub history: u32,
    /// The source of time. By default the coarse clock. Without `std`, and on
    /// `wasm32-unknown-unknown`, there is no default.
    pub clock: Clock,
    /// The state that the breaker starts in. By default `Closed`. No transition is reported for it.
    ///
    /// `Open` counts as the first opening, and `HalfOpen` starts with a fresh round. An override
    /// (`ForcedOpen`, `Disabled`, `ObserveOnly`) is refused if the breaker is built without a
    /// controller, because only a controller can end it.
    pub initial_state: State,
}

impl Config {
    /// Differs for most configurations that are not equal.
    #[cfg(feature = "std")]
    pub(crate) fn hash(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        self.failure_rate.map(f64::to_bits).hash(&mut hasher);
        (self.min_throughput, self.slow_call).hash(&mut hasher);
        (self.consecutive_failures, self.failure_count).hash(&mut hasher);
        self.open_for.base.hash(&mut hasher);
        self.clock.hash(&mut hasher);
        hasher.finish()
    }

    /// Whether a rule is on that needs the words of the adaptive ones.
    pub(crate) fn is_adaptive(&self) -> bool {
        self.times_probes() || self.lenient_in_force().is_some()
    }

    /// Whether a rule is on that asks how long the probes of a round took.
    pub(crate) fn times_probes(&self) -> bool {
        self.outage.is_some()
            || self.hang.is_some()
            || self.open_for.adaptive
            || self.half_open.ramp.is_some()
    }

    /// Returns the kinds that count for less, if there are any.
    pub(crate) fn lenient_in_force(&self) -> Option<Lenient> {
        self.lenient.filter(|lenient| lenient.kinds != 0)
    }

    /// Returns the same, as the engine has it.
    pub(crate) fn leniency(&self) -> Leniency {
        self.lenient_in_force()
            .map_or(Leniency::default(), |lenient| Leniency {
                kinds: lenient.kinds,
                eighths: lenient.eighths(),
            })
    }

    /// Returns the throughput at which rates are judged.
    pub(crate) fn min_throughput_in_force(&self) -> u32 {
        self.min_throughput.unwrap_or(match self.window.span {
            Span::Time(_) => DEFAULT_MIN_THROUGHPUT,
            Span::Count(size) => DEFAULT_MIN_THROUGHPUT.min(size),
        })
    }

    /// Switches the failure rules off; the slow rule is unchanged.
    pub(crate) fn clear_failure_rules(&mut self) {
        self.consecutive_failures = None;
        self.failure_count = None;
        self.failure_rate = None;
        self.outage = None;
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            window: Window::default(),
            failure_rate: Some(0.5),
            min_throughput: None,
            slow_call: None,
            slow_rate: None,
            consecutive_failures: Some(5),
            failure_count: None,
            outage: None,
            hang: None,
            lenient: None,
            open_for: Backoff::default(),
            half_open: HalfOpen::default(),
            on_cancel: OnCancel::default(),
            max_in_flight: None,
            durations: false,
            history: DEFAULT_HISTORY,
            clock: Clock::default(),
            initial_state: State::default(),
        }
    }
}

#[cfg(test)]
mod tests;
