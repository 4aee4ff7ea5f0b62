//! One breaker's series, and when they are set.
//!
//! Two listeners, on the thread that all publishers of the process share, hold the series weakly: they
//! go when the publisher goes.

use crate::integrations::labels as label;
use crate::integrations::metrics::series::{
    Labels, STATES, WAYS, describe_counters, describe_gauges, describe_histogram, set_rejections,
};
use crate::{FailureKind, Observer, State, Subscription, Transition};
use ::metrics::{Counter, Gauge, Histogram, IntoLabels, Label};
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

const COUNTERS: [(&str, &str); 7] = [
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
    ("tripcoil_failures_total", "Failed calls, by kind."),
    (
        "tripcoil_would_trips_total",
        "Rules that turned true under observe-only.",
    ),
    ("tripcoil_transitions_total", "Transitions, by cause."),
    (
        "tripcoil_transitions_missed_total",
        "Transitions whose cause was not seen in time.",
    ),
];

const GAUGES: [(&str, &str); 8] = [
    (
        "tripcoil_state",
        "1 for the present state, 0 for the others.",
    ),
    (
        "tripcoil_time_in_state_seconds",
        "Time since the last transition.",
    ),
    (
        "tripcoil_retry_after_seconds",
        "What is left of an open breaker's wait.",
    ),
    ("tripcoil_failure_ratio", "Failures per call of the window."),
    ("tripcoil_slow_ratio", "Slow calls per call of the window."),
    ("tripcoil_window_calls", "Calls in the window."),
    (
        "tripcoil_consecutive_failures",
        "The present run of failures.",
    ),
    ("tripcoil_probes_in_flight", "Probes that have not ended."),
];

const DURATIONS: (&str, &str) = (
    "tripcoil_call_duration_seconds",
    "How long calls lasted, to an eighth.",
);

/// Publishes one breaker's figures; see the [module](crate::metrics) for their names.
///
/// They go to the recorder that is installed when it is made, so install that first. All
/// publishers of a process share one thread; where the system gives none, only
/// [`publish`](Self::publish) publishes, and transitions are not told apart by cause. Dropping the
/// publisher ends the publication: the recorder keeps the last values.
///
/// ```
/// use tripcoil::{Breaker, Window};
/// use tripcoil::metrics::Publisher;
///
/// let breaker = Breaker::builder("search").window(Window::count(100)).build()?;
/// let publisher = Publisher::with_labels(&breaker.observer(), &[("zone", "eu")]);
/// // before each scrape, or every few seconds
/// publisher.publish();
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[must_use = "dropping a publisher ends its publication"]
pub struct Publisher {
    shared: Arc<Shared>,
    epochs: Subscription,
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher")
            .field("name", &self.shared.observer.name())
            .field("state", &self.shared.observer.state())
            .finish_non_exhaustive()
    }
}

impl Publisher {
    /// For this breaker, with its name as the label `breaker`.
    pub fn new(observer: &Observer) -> Publisher {
        Publisher::with_labels(observer, Vec::<Label>::new())
    }

    /// The same, with further labels on each series.
    pub fn with_labels(observer: &Observer, labels: impl IntoLabels) -> Publisher {
        describe_counters(&COUNTERS);
        describe_gauges(&GAUGES);
        describe_histogram(DURATIONS);
        let mut all = vec![Label::new("breaker", observer.name().to_owned())];
        all.extend(labels.into_labels());
        let shared = Arc::new(Shared::new(observer.clone(), Labels(all)));

        let ours = Arc::downgrade(&shared);
        let transitions = observer.publish(move |transition| {
            if let Some(shared) = ours.upgrade() {
                shared.moved(transition);
                shared.publish();
            }
        });
        let _first = shared.transitions.set(transitions);
        let ours = Arc::downgrade(&shared);
        let epochs = observer.publish_epochs(move |_| {
            if let Some(shared) = ours.upgrade() {
                shared.publish();
            }
        });
        shared.publish();
        Publisher { shared, epochs }
    }

    /// Set all series to what the breaker knows now.
    pub fn publish(&self) {
        self.shared.publish();
    }

    /// Wait until every transition and epoch so far has been published, but no longer than `limit`;
    /// whether it has. For the end of a program, and for tests.
    #[must_use]
    pub fn drain(&self, limit: Duration) -> bool {
        let since = Instant::now();
        let told =
            |subscription: &Subscription| subscription.drain(limit.saturating_sub(since.elapsed()));
        let all = self.shared.transitions.get().is_some_and(told) && told(&self.epochs);
        self.publish();
        all
    }
}

struct Shared {
    observer: Observer,
    series: Series,
    transitions: OnceLock<Subscription>,
    /// The lock also keeps an older reading from being published over a newer one.
    told: Mutex<Told>,
}

/// What has to be known beside the breaker's own totals.
#[derive(Default)]
struct Told {
    /// Transitions by [`WAYS`].
    moves: [u64; WAYS.len()],
    /// Of the histogram's buckets, the calls that have been published.
    lasted: Vec<u64>,
}

struct Series {
    /// Success, failure, ignored, cancelled, late.
    calls: [Counter; 5],
    rejections: [(State, Counter); 3],
    slow: Counter,
    failures: Vec<(FailureKind, Counter)>,
    would_trips: Counter,
    transitions: [Counter; WAYS.len()],
    missed: Counter,
    states: [(State, Gauge); 6],
    time_in_state: Gauge,
    retry_after: Gauge,
    failure_ratio: Gauge,
    slow_ratio: Gauge,
    window_calls: Gauge,
    consecutive_failures: Gauge,
    probes_in_flight: Gauge,
    /// Where durations are kept.
    lasted: Option<Histogram>,
}

impl Shared {
    fn new(observer: Observer, labels: Labels) -> Shared {
        let first = observer.snapshot();
        let failures = first.failures_by_kind.iter().map(|(kind, _)| {
            let counter = labels.counter("tripcoil_failures_total", &[("kind", label::kind(kind))]);
            (kind, counter)
        });
        let outcomes = ["success", "failure", "ignored", "cancelled", "late"];
        let counter = |name| labels.counter(name, &[]);
        let gauge = |name| labels.gauge(name, &[]);
        let series = Series {
            calls: outcomes.map(|o| labels.counter("tripcoil_calls_total", &[("outcome", o)])),
            rejections: labels.rejections("tripcoil_rejections_total"),
            slow: counter("tripcoil_slow_calls_total"),
            failures: failures.collect(),
            would_trips: counter("tripcoil_would_trips_total"),
            transitions: WAYS.map(|(to, cause)| {
                let more = [("to", label::state(to)), ("cause", label::cause(cause))];
                labels.counter("tripcoil_transitions_total", &more)
            }),
            missed: counter("tripcoil_transitions_missed_total"),
            states: STATES.map(|state| {
                let label = ("state", label::state(state));
                (state, labels.gauge("tripcoil_state", &[label]))
            }),
            time_in_state: gauge("tripcoil_time_in_state_seconds"),
            retry_after: gauge("tripcoil_retry_after_seconds"),
            failure_ratio: gauge("tripcoil_failure_ratio"),
            slow_ratio: gauge("tripcoil_slow_ratio"),
            window_calls: gauge("tripcoil_window_calls"),
            consecutive_failures: gauge("tripcoil_consecutive_failures"),
            probes_in_flight: gauge("tripcoil_probes_in_flight"),
            lasted: (first.durations.is_some()).then(|| labels.histogram(DURATIONS.0)),
        };
        Shared {
            observer,
            series,
            transitions: OnceLock::new(),
            told: Mutex::default(),
        }
    }

    fn moved(&self, transition: &Transition) {
        let way = (transition.to, transition.cause);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for (count, _) in told.moves.iter_mut().zip(WAYS).filter(|(_, w)| *w == way) {
            *count += 1;
        }
    }

    fn publish(&self) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = self.observer.snapshot();
        let (s, t) = (&self.series, &seen.totals);
        let calls = [t.successes, t.failures, t.ignored, t.cancelled, t.late];
        for (counter, count) in s.calls.iter().zip(calls) {
            counter.absolute(count);
        }
        set_rejections(&s.rejections, &seen.rejections_by_state);
        s.slow.absolute(t.slow);
        for (kind, counter) in &s.failures {
            counter.absolute(seen.failures_by_kind.get(*kind));
        }
        s.would_trips.absolute(seen.would_trip);
        for (counter, count) in s.transitions.iter().zip(told.moves) {
            counter.absolute(count);
        }
        if let Some(subscription) = self.transitions.get() {
            s.missed.absolute(subscription.missed());
        }
        for (state, gauge) in &s.states {
            gauge.set(f64::from(u8::from(*state == seen.state)));
        }
        s.time_in_state.set(seen.time_in_state.as_secs_f64());
        s.retry_after
            .set(seen.retry_after.unwrap_or_default().as_secs_f64());
        s.failure_ratio.set(seen.failure_rate);
        s.slow_ratio.set(seen.slow_rate);
        s.window_calls.set(seen.window.calls as f64);
        s.consecutive_failures.set(seen.consecutive_failures as f64);
        s.probes_in_flight.set(f64::from(seen.probes.in_flight));
        if let (Some(histogram), Some(durations)) = (&s.lasted, &seen.durations) {
            told.lasted.resize(durations.iter().count(), 0);
            for (bucket, told) in durations.iter().zip(&mut told.lasted) {
                let new = bucket.calls.saturating_sub(*told);
                // in the middle, which is off by an eighth at most
                let middle = (bucket.from + bucket.to.unwrap_or(bucket.from)) / 2;
                histogram.record_many(middle.as_secs_f64(), new as usize);
                *told += new;
            }
        }
    }
}
