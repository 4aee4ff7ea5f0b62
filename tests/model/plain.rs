//! The model's own words: plain data, all times in nanoseconds.

use std::hash::{Hash, Hasher};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum State {
    Closed,
    Open,
    HalfOpen,
    ForcedOpen,
    Disabled,
    ObserveOnly,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Cause {
    ConsecutiveFailures,
    FailureCount,
    FailureRate,
    SlowRate,
    Evidence,
    Hang,
    OpenElapsed,
    ProbesSucceeded,
    ProbeFailed,
    ProbeTimeout,
    ProbesCancelled,
    RampCompleted,
    RampFailed,
    Manual,
    MaxInFlight,
    Peers,
}

/// The trip rules, in the order in which a cause is looked for.
pub(crate) const RULES: [Cause; 5] = [
    Cause::ConsecutiveFailures,
    Cause::FailureCount,
    Cause::FailureRate,
    Cause::SlowRate,
    Cause::Evidence,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Timeout,
    Connect,
    Overload,
    Server,
    Client,
    Data,
    Other(u8),
}

/// The states that reject calls.
pub(crate) const REJECTING: [State; 4] = [
    State::Open,
    State::HalfOpen,
    State::ForcedOpen,
    State::Closed,
];

impl Kind {
    /// Its place in `View::kinds`; the last is that of all the unlisted ones.
    pub(crate) fn index(self) -> usize {
        match self {
            Kind::Timeout => 0,
            Kind::Connect => 1,
            Kind::Overload => 2,
            Kind::Server => 3,
            Kind::Client => 4,
            Kind::Data => 5,
            Kind::Other(0) => 6,
            Kind::Other(1) => 7,
            Kind::Other(_) => 8,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Success,
    /// With the dependency's own wait, if it named one.
    Failure(Kind, Option<u64>),
    Ignored,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnCancel {
    Ignored,
    Failure,
    FailureIfSlow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Window {
    Time { buckets: u32, width: u64 },
    Count(u32),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Backoff {
    pub(crate) base: u64,
    pub(crate) factor: f64,
    pub(crate) max: u64,
    pub(crate) reset_after: u64,
    /// `Some`: it waits by the outage, with this seed. Of the others only `max` counts then.
    pub(crate) adaptive: Option<u64>,
}

impl Backoff {
    /// How long the `k`-th opening lasts, without jitter, where it does not wait by the outage.
    pub(crate) fn wait(&self, k: u32) -> u64 {
        let raised = self.base as f64 * self.factor.powf(f64::from(k) - 1.0);
        (raised.round() as u64).min(self.max)
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Recovery {
    Successes(u32),
    Rate {
        of: u32,
        failure_rate: f64,
        slow_rate: Option<f64>,
    },
}

impl Recovery {
    /// The results that a round needs.
    pub(crate) fn needs(self) -> u32 {
        match self {
            Recovery::Successes(n) => n,
            Recovery::Rate { of, .. } => of,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct HalfOpen {
    pub(crate) recovery: Recovery,
    pub(crate) max_probes: u32,
    /// `None`: the default.
    pub(crate) probe_timeout: Option<u64>,
    pub(crate) ramp: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Outage {
    pub(crate) theta: f64,
    pub(crate) loss: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hang {
    pub(crate) after: u64,
    pub(crate) starts: u32,
}

/// Kinds of failures that count for less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lenient {
    /// By [`Kind::index`].
    pub(crate) kinds: [bool; 9],
    /// Their weight.
    pub(crate) eighths: u32,
}

impl Lenient {
    pub(crate) fn new(kinds: &[Kind], eighths: u32) -> Lenient {
        let named = |index| kinds.iter().any(|kind| kind.index() == index);
        Lenient {
            kinds: std::array::from_fn(named),
            eighths,
        }
    }

    /// Without kinds it has no effect.
    pub(crate) fn names_a_kind(&self) -> bool {
        self.kinds.contains(&true)
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rules {
    pub(crate) failure_rate: Option<f64>,
    pub(crate) min_throughput: u32,
    pub(crate) slow_call: Option<u64>,
    pub(crate) slow_rate: Option<f64>,
    pub(crate) consecutive_failures: Option<u32>,
    pub(crate) failure_count: Option<u32>,
    pub(crate) outage: Option<Outage>,
    pub(crate) hang: Option<Hang>,
    pub(crate) lenient: Option<Lenient>,
    pub(crate) backoff: Backoff,
    pub(crate) half_open: HalfOpen,
    pub(crate) on_cancel: OnCancel,
    pub(crate) max_in_flight: Option<u32>,
}

impl Rules {
    /// Whether they fit each other and the window; single values are taken to be in range, but for
    /// rates, the run, and the values of the outage rule, the hang rule and lenient kinds, which are looked at.
    pub(crate) fn valid(&self, window: Window) -> bool {
        let in_range = |rate: &f64| *rate > 0.0 && *rate <= 1.0;
        let probe_slow_rate = match self.half_open.recovery {
            Recovery::Rate { slow_rate, .. } => slow_rate,
            Recovery::Successes(_) => None,
        };
        let by_duration = self.slow_rate.is_some()
            || probe_slow_rate.is_some()
            || self.on_cancel == OnCancel::FailureIfSlow;
        let any = self.failure_rate.is_some()
            || self.slow_rate.is_some()
            || self.consecutive_failures.is_some()
            || self.failure_count.is_some()
            || self.outage.is_some()
            || self.hang.is_some();
        let lenient = self.lenient.filter(Lenient::names_a_kind);
        let fits = match window {
            Window::Time { .. } => true,
            Window::Count(size) => {
                self.min_throughput <= size
                    && self.failure_count.is_none_or(|n| n <= size)
                    && self.outage.is_none()
                    && self.hang.is_none()
                    && lenient.is_none()
                    && self.backoff.adaptive.is_none()
                    && !self.half_open.ramp
            }
        };
        any && fits
            && (self.slow_call.is_some() || !by_duration)
            && self
                .failure_rate
                .iter()
                .chain(&self.slow_rate)
                .all(in_range)
            && self.outage.is_none_or(|Outage { theta, loss }| {
                (0.01..=0.9).contains(&theta) && (0.0001..=0.1).contains(&loss)
            })
            && self.hang.is_none_or(|Hang { after, starts }| {
                (1..1 << 40).contains(&after) && (1..=1_000).contains(&starts)
            })
            && lenient.is_none_or(|lenient| lenient.eighths <= 7)
            && self
                .consecutive_failures
                .is_none_or(|n| (1..1 << 29).contains(&n))
            && match self.backoff.adaptive {
                Some(_) => self.backoff.max >= 250_000_000,
                None => self.backoff.max >= self.backoff.base,
            }
    }
}

/// What a breaker is built with.
/// By what changes of them in a test: rates have no hash.
impl Hash for Rules {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.failure_count.hash(hasher);
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Setup {
    pub(crate) window: Window,
    pub(crate) rules: Rules,
    pub(crate) initial: State,
    /// The clock when it is built.
    pub(crate) origin: u64,
}

/// What an operator can order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Trip,
    TripFor(u64),
    HalfOpen,
    Reset,
    Release,
    ForceOpen,
    Disable,
    ObserveOnly,
    /// Of the closed one that was seen.
    TripByPeers,
    Postpone(u64),
}

/// The right to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Permit {
    pub(crate) generation: u64,
    /// When, if the call is timed.
    pub(crate) admitted: Option<u64>,
    /// It was admitted half-open, by a round or by a ramp.
    pub(crate) probe: bool,
    /// Of a ramp's call: the number of its step.
    pub(crate) step: Option<u32>,
    /// It is counted among the calls in flight.
    pub(crate) in_flight: bool,
}

impl Permit {
    /// How long the call has lasted, by the clock.
    pub(crate) fn lasted(&self, now: u64) -> u64 {
        self.admitted.map_or(0, |admitted| now - admitted)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    pub(crate) state: State,
    pub(crate) cause: Option<Cause>,
    pub(crate) retry_after: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Counts {
    pub(crate) calls: u64,
    pub(crate) successes: u64,
    pub(crate) failures: u64,
    pub(crate) slow: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Totals {
    pub(crate) successes: u64,
    pub(crate) failures: u64,
    pub(crate) slow: u64,
    pub(crate) rejected: u64,
    pub(crate) late: u64,
    pub(crate) ignored: u64,
    pub(crate) cancelled: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Event {
    pub(crate) generation: u64,
    pub(crate) from: State,
    pub(crate) to: State,
    pub(crate) cause: Cause,
    pub(crate) at: u64,
    pub(crate) counts: Counts,
    pub(crate) consecutive_failures: u64,
    /// Of an opening, as it was then.
    pub(crate) open_until: Option<u64>,
    /// Of the failure that decided.
    pub(crate) failure: Option<Kind>,
}

/// The outage rule in a snapshot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Evidence {
    pub(crate) value: f64,
    pub(crate) limit: f64,
    /// Calls per second.
    pub(crate) pace: f64,
}

/// The outage rule from inside: for figures of what a test has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutageSoFar {
    pub(crate) generation: u64,
    /// It is on, and outcomes are counted.
    pub(crate) on: bool,
    /// The epoch, and the tick within it.
    pub(crate) tick: (u64, u64),
    /// The score when the tick began.
    pub(crate) start: u64,
    /// It begins with the next bucket.
    pub(crate) waits: bool,
    /// Observe-only has found it true, and no tick has ended with 0 since.
    pub(crate) held: bool,
    pub(crate) pace: u64,
}

/// The hang rule in a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Watch {
    pub(crate) starts: u32,
    pub(crate) lasted: u64,
    pub(crate) patience: u64,
}

/// The hang rule and the outage under way from inside: for figures of what a test has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HangSoFar {
    pub(crate) generation: u64,
    /// It is on, and outcomes are counted.
    pub(crate) on: bool,
    pub(crate) watched: bool,
    /// Observe-only has reported the watch.
    pub(crate) reported: bool,
    pub(crate) longest: u64,
    /// The rounds and ramps that were lost in the outage under way.
    pub(crate) lost: u32,
    /// When the outage under way began.
    pub(crate) down_since: Option<u64>,
}

/// How often what has happened in ramps: for figures of what a test has reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct RampsSoFar {
    pub(crate) begun: u64,
    /// Of those, with a first share below one.
    pub(crate) begun_with_less: u64,
    pub(crate) good_steps: u64,
    /// Of those, after a cut in the same ramp.
    pub(crate) good_after_a_cut: u64,
    pub(crate) cut_by_score: u64,
    pub(crate) cut_by_hang: u64,
    pub(crate) cut_by_durations: u64,
    /// The cuts that the ramp has outlasted.
    pub(crate) outlasted: u64,
    /// Calls that were out at the probe timeout.
    pub(crate) leaked: u64,
    /// Steps that took their mark, and those that were good by it.
    pub(crate) marked: u64,
    pub(crate) waited_for: u64,
    /// Steps that were followed by another of the same share.
    pub(crate) begun_again: u64,
    /// Calls that ended in a later step than their own.
    pub(crate) out_of_step: u64,
    /// The same, after a cut.
    pub(crate) before_a_cut: u64,
    pub(crate) taken_off: u64,
    pub(crate) late_probes: u64,
    pub(crate) switched_off: u64,
}

/// How often lenient failures did what: for figures of what a test has reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct LenientSoFar {
    /// Counted in a window.
    pub(crate) counted: u64,
    /// Of those, with a weight of 0.
    pub(crate) of_no_weight: u64,
    /// Failures of a lenient kind that were slow.
    pub(crate) slow: u64,
    /// Found true, or reported, with a lenient failure in the window: by [`RULES`].
    pub(crate) true_with: [u64; 5],
    /// Not true, as it would have been if they counted wholly.
    pub(crate) spared_by_run: u64,
    pub(crate) spared_by_count: u64,
    pub(crate) spared_by_rate: u64,
    /// The hang rule tripped.
    pub(crate) hung_with: u64,
    /// Judgements of windows that hold some, while the rules name no kinds.
    pub(crate) whole_again: u64,
    /// Runs that were not whole failures after an outcome.
    pub(crate) runs_with_parts: u64,
    /// Steps of the score.
    pub(crate) up: u64,
    pub(crate) down: u64,
    /// The weight was changed within a tick that has some.
    pub(crate) reweighed: u64,
    /// Judged at the limit, with a score above 0 at the tick's start, in a tick of lenient failures whose steps are
    /// not above 0.
    pub(crate) without_cause: u64,
    /// Probes and calls of ramps that gave their slot back, and those that counted wholly.
    pub(crate) given_back: u64,
    pub(crate) taken_off: u64,
    pub(crate) whole_probes: u64,
    pub(crate) whole_in_ramps: u64,
}

/// A snapshot.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct View {
    pub(crate) state: State,
    pub(crate) generation: u64,
    pub(crate) window: Counts,
    pub(crate) failure_rate: f64,
    pub(crate) slow_rate: f64,
    pub(crate) consecutive_failures: u64,
    pub(crate) evidence: Option<Evidence>,
    pub(crate) watch: Option<Watch>,
    pub(crate) admitted_share: f64,
    pub(crate) in_flight: Option<u64>,
    /// In flight, succeeded, failed.
    pub(crate) probes: [u32; 3],
    pub(crate) totals: Totals,
    pub(crate) kinds: [u64; 9],
    /// By [`REJECTING`].
    pub(crate) rejections: [u64; 4],
    pub(crate) would_trip: u64,
    pub(crate) late_probe_successes: u64,
    pub(crate) transitions: u64,
    pub(crate) last_opening: Option<Event>,
    pub(crate) time_in_state: u64,
    pub(crate) retry_after: Option<u64>,
    pub(crate) buckets: Vec<Counts>,
}
