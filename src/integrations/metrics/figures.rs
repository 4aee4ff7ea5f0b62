//! The series of one set of labels, and their values.

use crate::integrations::labels as label;
use crate::integrations::metrics::series::{
    Labels, STATES, WAYS, describe_counters, describe_gauges, describe_histogram,
};
use crate::observe::{Durations, Evidence, FailureKinds};
use crate::{Snapshot, State, Transition};
use ::metrics::{Counter, Gauge, Histogram};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const COUNTERS: [(&str, &str); 9] = [
    (
        "tripcoil_calls_total",
        "Calls that were admitted and have ended, by outcome.",
    ),
    (
        "tripcoil_rejections_total",
        "Calls that were not admitted, by the state that rejected them.",
    ),
    (
        "tripcoil_slow_calls_total",
        "Calls that lasted longer than the slow limit.",
    ),
    (
        "tripcoil_late_probe_successes_total",
        "Probes that succeeded after their round had ended.",
    ),
    ("tripcoil_failures_total", "Failed calls, by kind."),
    (
        "tripcoil_would_trips_total",
        "Rules that became true under observe-only.",
    ),
    (
        "tripcoil_fallbacks_total",
        "Fallbacks that ran in place of an error, by its reason.",
    ),
    ("tripcoil_transitions_total", "Transitions, by cause."),
    (
        "tripcoil_transitions_missed_total",
        "Transitions that were overwritten before their cause was read.",
    ),
];

const GAUGES: [(&str, &str); 15] = [
    (
        "tripcoil_state",
        "1 for the current state, 0 for the others.",
    ),
    (
        "tripcoil_time_in_state_seconds",
        "Time since the last transition.",
    ),
    (
        "tripcoil_retry_after_seconds",
        "The rest of an open breaker's wait.",
    ),
    (
        "tripcoil_open_until_timestamp_seconds",
        "The end of an open breaker's wait, as Unix time; 0 if it is over, and in other states.",
    ),
    (
        "tripcoil_failure_ratio",
        "The share of the window's calls that failed.",
    ),
    (
        "tripcoil_slow_ratio",
        "The share of the window's calls that were slow.",
    ),
    ("tripcoil_window_calls", "Calls in the window."),
    (
        "tripcoil_consecutive_failures",
        "The current run of failures.",
    ),
    (
        "tripcoil_evidence",
        "The outage rule's score; 0 if the rule is off.",
    ),
    (
        "tripcoil_evidence_limit",
        "The score at which the outage rule trips; 0 if it judges nothing.",
    ),
    (
        "tripcoil_evidence_calls_per_second",
        "The pace by which the outage rule sets its limit.",
    ),
    (
        "tripcoil_hang_calls",
        "Calls that began since the last one ended, as the hang rule counts them.",
    ),
    ("tripcoil_probes_in_flight", "Probes that have not ended."),
    (
        "tripcoil_calls_in_flight",
        "Calls that have not ended, where they are limited; 0 elsewhere.",
    ),
    (
        "tripcoil_admitted_share",
        "The share of the calls that the state admits; 0 in a half-open round.",
    ),
];

const DURATIONS: (&str, &str) = (
    "tripcoil_call_duration_seconds",
    "Durations of calls, to within an eighth; never by a coarse clock.",
);

const OUTCOMES: [&str; 5] = ["success", "failure", "ignored", "cancelled", "late"];
const REJECTING: [State; 4] = [
    State::Open,
    State::HalfOpen,
    State::ForcedOpen,
    State::Closed,
];
/// Why a fallback ran.
const REASONS: [&str; 2] = ["rejected", "failed"];
/// The kinds of failures that are counted separately.
const KINDS: usize = 9;

/// Where each group of counters begins, in this order.
const SLOW: usize = OUTCOMES.len() + REJECTING.len();
const KINDS_AT: usize = SLOW + 2;
const WOULD_TRIP: usize = KINDS_AT + KINDS;
const FALLBACKS: usize = WOULD_TRIP + 1;
const MOVES: usize = FALLBACKS + REASONS.len();
const MISSED: usize = MOVES + WAYS.len();

/// The values of the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counters([u64; MISSED + 1]);

impl Default for Counters {
    fn default() -> Counters {
        Counters([0; MISSED + 1])
    }
}

fn add(sums: &mut [u64], more: impl IntoIterator<Item = u64>) {
    sums.iter_mut().zip(more).for_each(|(sum, one)| *sum += one);
}

impl Counters {
    /// Adds everything except the transitions, which a snapshot does not separate.
    pub(super) fn add(&mut self, seen: &Snapshot) {
        let t = &seen.totals;
        let calls = [t.successes, t.failures, t.ignored, t.cancelled, t.late];
        let rejected = REJECTING.map(|state| seen.rejections_by_state.get(state));
        let (ended, rest) = self.0.split_at_mut(calls.len());
        let (refused, rest) = rest.split_at_mut(rejected.len());
        let (others, kinds) = rest.split_at_mut(KINDS_AT - SLOW);
        add(ended, calls);
        add(refused, rejected);
        add(others, [t.slow, seen.late_probe_successes]);
        add(
            kinds,
            seen.failures_by_kind.iter().map(|(_, failures)| failures),
        );
        self.0[WOULD_TRIP] += seen.would_trip;
        let fallbacks = [seen.fallbacks.rejected, seen.fallbacks.failed];
        add(&mut self.0[FALLBACKS..MOVES], fallbacks);
    }

    pub(super) fn moved(&mut self, transition: &Transition) {
        let way = (transition.to, transition.cause);
        for (sum, _) in self.0[MOVES..]
            .iter_mut()
            .zip(WAYS)
            .filter(|(_, w)| *w == way)
        {
            *sum += 1;
        }
    }

    pub(super) fn missed(&mut self, transitions: u64) {
        self.0[MISSED] += transitions;
    }

    #[cfg(feature = "registry")]
    pub(super) fn plus(mut self, other: &Counters) -> Counters {
        for (sum, one) in self.0.iter_mut().zip(other.0) {
            *sum += one;
        }
        self
    }
}

/// The values of the gauges. For several breakers: the sum of counts, the greatest of times and
/// runs, and the mean of shares.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Levels {
    states: [u32; STATES.len()],
    time_in_state: Duration,
    retry_after: Duration,
    calls: u64,
    failures: u64,
    slow: u64,
    run: u64,
    evidence: Score,
    hanging: u64,
    probes: u64,
    in_flight: u64,
    shares: f64,
}

/// The outage rule's figures; all zero where it judges nothing.
#[derive(Clone, Copy, Debug, Default)]
struct Score {
    value: f64,
    limit: f64,
    pace: f64,
}

impl Score {
    /// Of several breakers, the score and the limit of the one that is nearest its limit, and the
    /// sum of the paces.
    fn add(&mut self, seen: &Evidence) {
        self.pace += seen.pace;
        if self.limit == 0.0 || seen.value / seen.limit > self.value / self.limit {
            (self.value, self.limit) = (seen.value, seen.limit);
        }
    }
}

impl Levels {
    pub(super) fn add(&mut self, seen: &Snapshot) {
        for (count, state) in self.states.iter_mut().zip(STATES) {
            *count += u32::from(state == seen.state);
        }
        self.time_in_state = self.time_in_state.max(seen.time_in_state);
        self.retry_after = self.retry_after.max(seen.retry_after.unwrap_or_default());
        self.calls += seen.window.calls;
        self.failures += seen.window.failures;
        self.slow += seen.window.slow;
        self.run = self.run.max(seen.consecutive_failures);
        if let Some(evidence) = &seen.evidence {
            self.evidence.add(evidence);
        }
        self.hanging += seen.watch.map_or(0, |watch| u64::from(watch.starts));
        self.probes += u64::from(seen.probes.in_flight);
        self.in_flight += seen.in_flight.unwrap_or(0);
        self.shares += seen.admitted_share;
    }

    /// As a point in time, because a remaining wait goes stale when nothing publishes. A wait that
    /// is over is zero: by another machine's clock it might seem to be in the future.
    fn open_until(&self) -> f64 {
        if self.retry_after.is_zero() {
            return 0.0;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        (now.unwrap_or_default() + self.retry_after).as_secs_f64()
    }

    /// Where there are no breakers, nothing is rejected.
    fn admitted_share(&self) -> f64 {
        match self.states.iter().sum::<u32>() {
            0 => 1.0,
            breakers => self.shares / f64::from(breakers),
        }
    }

    /// In the order of [`GAUGES`], after the states.
    fn values(&self) -> [f64; GAUGES.len() - 1] {
        let ratio = |part: u64| {
            if self.calls == 0 {
                0.0
            } else {
                part as f64 / self.calls as f64
            }
        };
        [
            self.time_in_state.as_secs_f64(),
            self.retry_after.as_secs_f64(),
            self.open_until(),
            ratio(self.failures),
            ratio(self.slow),
            self.calls as f64,
            self.run as f64,
            self.evidence.value,
            self.evidence.limit,
            self.evidence.pace,
            self.hanging as f64,
            self.probes as f64,
            self.in_flight as f64,
            self.admitted_share(),
        ]
    }
}

/// The durations of calls, by the buckets of their histogram.
#[derive(Clone, Debug, Default)]
pub(super) struct Lasted(Vec<(f64, u64)>);

impl Lasted {
    pub(super) fn add(&mut self, durations: &Durations) {
        if self.0.is_empty() {
            // in the middle, which is off by an eighth at most
            let middle = |from: Duration, to: Option<Duration>| (from + to.unwrap_or(from)) / 2;
            let empty = durations
                .iter()
                .map(|b| (middle(b.from, b.to).as_secs_f64(), 0));
            self.0 = empty.collect();
        }
        for ((_, calls), bucket) in self.0.iter_mut().zip(durations.iter()) {
            *calls += bucket.calls;
        }
    }
}

#[cfg(feature = "registry")]
impl Lasted {
    /// The sum, by the buckets of either.
    pub(super) fn plus(&self, other: &Lasted) -> Lasted {
        let (some, more) = if self.0.is_empty() {
            (other, self)
        } else {
            (self, other)
        };
        let mut sum = some.clone();
        for ((_, calls), (_, more)) in sum.0.iter_mut().zip(&more.0) {
            *calls += more;
        }
        sum
    }
}

/// The series of one set of labels.
pub(super) struct Series {
    /// As in [`Counters`].
    counters: [Counter; MISSED + 1],
    states: [Gauge; STATES.len()],
    /// As in [`Levels::values`].
    gauges: [Gauge; GAUGES.len() - 1],
    /// If durations are kept.
    lasted: Option<Histogram>,
}

pub(super) fn describe() {
    describe_counters(&COUNTERS);
    describe_gauges(&GAUGES);
    describe_histogram(DURATIONS);
}

impl Series {
    pub(super) fn new(labels: &Labels, durations: bool) -> Series {
        let [
            calls,
            rejections,
            slow,
            late_probe_successes,
            failures,
            would_trips,
            fallbacks,
            transitions,
            missed,
        ] = COUNTERS.map(|(name, _)| name);
        let counter = |name, key, value| labels.counter(name, &[(key, value)]);
        let kinds = FailureKinds::default();
        let mut all = OUTCOMES
            .into_iter()
            .map(|outcome| counter(calls, "outcome", outcome))
            .chain(REJECTING.map(|state| counter(rejections, "state", state.as_str())))
            .chain([slow, late_probe_successes].map(|name| labels.counter(name, &[])))
            .chain(
                kinds
                    .iter()
                    .map(|(kind, _)| counter(failures, "kind", label::kind(kind))),
            )
            .chain([labels.counter(would_trips, &[])])
            .chain(REASONS.map(|reason| counter(fallbacks, "reason", reason)))
            .chain(WAYS.map(|(to, cause)| {
                let way = [("to", to.as_str()), ("cause", cause.as_str())];
                labels.counter(transitions, &way)
            }))
            .chain([labels.counter(missed, &[])]);
        let counters = std::array::from_fn(|_| all.next().unwrap_or_else(Counter::noop));
        debug_assert!(all.next().is_none(), "one for each sum");
        Series {
            counters,
            states: STATES.map(|state| labels.gauge(GAUGES[0].0, &[("state", state.as_str())])),
            gauges: std::array::from_fn(|i| labels.gauge(GAUGES[i + 1].0, &[])),
            lasted: durations.then(|| labels.histogram(DURATIONS.0)),
        }
    }

    #[cfg(feature = "registry")]
    pub(super) fn keep_durations(&mut self, labels: &Labels) {
        self.lasted
            .get_or_insert_with(|| labels.histogram(DURATIONS.0));
    }

    /// Sets the counters to the totals. A breaker does not count its transitions by cause, so those
    /// counters are increased by what is new since `told`: an earlier publisher may have used them.
    pub(super) fn set(&self, told: &mut Counters, now: &Counters) {
        let (totals, moves) = self.counters.split_at(MOVES);
        for (counter, sum) in totals.iter().zip(now.0) {
            counter.absolute(sum);
        }
        increase(moves, &mut told.0[MOVES..], &now.0[MOVES..]);
    }

    /// Adds the increase since `told`.
    #[cfg(feature = "registry")]
    pub(super) fn add(&self, told: &mut Counters, now: &Counters) {
        increase(&self.counters, &mut told.0, &now.0);
    }

    pub(super) fn level(&self, levels: &Levels) {
        for (gauge, breakers) in self.states.iter().zip(levels.states) {
            gauge.set(f64::from(breakers));
        }
        for (gauge, value) in self.gauges.iter().zip(levels.values()) {
            gauge.set(value);
        }
    }

    /// Records the increase since `told`.
    pub(super) fn record(&self, told: &mut Lasted, now: &Lasted) {
        let Some(histogram) = &self.lasted else {
            return;
        };
        told.0.resize(now.0.len(), (0.0, 0));
        for ((_, told), (seconds, calls)) in told.0.iter_mut().zip(&now.0) {
            let new = calls.saturating_sub(*told);
            histogram.record_many(*seconds, new as usize);
            *told += new;
        }
    }
}

fn increase(counters: &[Counter], told: &mut [u64], now: &[u64]) {
    for (counter, (told, now)) in counters.iter().zip(told.iter_mut().zip(now)) {
        counter.increment(now.saturating_sub(*told));
        // One by one: if the recorder panics at the next, these are not increased by the same again.
        *told = *now;
    }
}
