//! The listener of one breaker, and the fields of a call's span.

#[cfg(feature = "insight")]
use crate::Cause;
#[cfg(feature = "insight")]
use crate::insight::{Change, Degraded, Insight, Notice, OutageRecord, Trend};
use crate::integrations::labels as label;
use crate::integrations::tracing::destination::Destination;
use crate::{CallError, Observer, Rejected, State, Subscription, Transition};
use ::tracing::{Level, Span, event, span};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, UNIX_EPOCH};

/// Emits the transitions of one breaker as events, and the trips it would have made under
/// observe-only; see the [module](crate::tracing).
///
/// Events go to the subscriber that is in force where this is created, or to the global one if
/// there is no other. All `Tracing`s and publishers of a process share one thread. Dropping it ends
/// the events.
///
/// ```
/// use std::time::Duration;
/// use tripcoil::Breaker;
/// use tripcoil::tracing::Tracing;
///
/// let (breaker, controller) = Breaker::builder("db").build_with_controller()?;
/// let tracing = Tracing::new(&breaker.observer());
/// controller.trip(); // WARN tripcoil: breaker opened tripcoil.breaker="db" tripcoil.from="closed" ..
/// assert!(tracing.drain(Duration::from_secs(10)));
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[must_use = "dropping it ends the events"]
pub struct Tracing {
    teller: Arc<Teller>,
    pub(super) transitions: Subscription,
    epochs: Option<Subscription>,
    #[cfg(feature = "insight")]
    insight: Option<Insight>,
}

impl fmt::Debug for Tracing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracing")
            .field("name", &self.teller.observer.name())
            .field("state", &self.teller.observer.state())
            .finish_non_exhaustive()
    }
}

impl Tracing {
    /// Emits this breaker's events from now on.
    pub fn new(observer: &Observer) -> Tracing {
        let mut tracing = Tracing::of_transitions(observer, Destination::here(), false);
        let ours = tracing.teller.clone();
        tracing.epochs = Some(observer.publish_epochs(move |_| ours.check()));
        tracing
    }

    /// For transitions only; with `all` also past ones, as far as the history reaches.
    pub(super) fn of_transitions(observer: &Observer, to: Destination, all: bool) -> Tracing {
        let before = observer.snapshot();
        let teller = Arc::new(Teller {
            observer: observer.clone(),
            destination: to,
            would_trip: AtomicU64::new(if all { 0 } else { before.would_trip }),
        });
        if all {
            for transition in observer.history() {
                if transition.generation <= before.generation {
                    teller.destination.speak(|| teller.moved(&transition, 0));
                }
            }
        }
        let ours = teller.clone();
        let mut told = before.generation;
        let transitions = observer.publish(move |transition| {
            let missed = transition.generation - told - 1;
            told = transition.generation;
            ours.destination.speak(|| ours.moved(transition, missed));
            ours.check();
        });
        Tracing {
            teller,
            transitions,
            epochs: None,
            #[cfg(feature = "insight")]
            insight: None,
        }
    }

    /// Emits the notices of an insight of this breaker as events too, from now on: more bad calls than is normal, bad
    /// calls that are on the rise, outages that are over, and settings that a tuner has changed.
    ///
    /// The insight is kept, and goes on learning, as long as this.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tripcoil::Breaker;
    /// use tripcoil::insight::Insight;
    /// use tripcoil::tracing::Tracing;
    ///
    /// let (breaker, controller) = Breaker::builder("db").build_with_controller()?;
    /// let observer = breaker.observer();
    /// let tracing = Tracing::new(&observer).with_insight(&Insight::new(&observer));
    /// controller.trip();
    /// controller.reset(); // INFO tripcoil: outage ended tripcoil.breaker="db" tripcoil.lasted_ms=0 ..
    /// assert!(tracing.drain(Duration::from_secs(10)));
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    #[cfg(feature = "insight")]
    pub fn with_insight(mut self, insight: &Insight) -> Tracing {
        let ours = Arc::downgrade(&self.teller);
        insight.on_notice(move |notice| {
            if let Some(ours) = ours.upgrade() {
                ours.destination.speak(|| ours.noticed(notice));
            }
        });
        self.insight = Some(insight.clone());
        self
    }

    /// Emits an event now for rules that would have tripped since the last such event.
    pub fn check(&self) {
        self.teller.check();
    }

    /// Waits until everything so far was emitted, for at most `limit`. Returns whether it was. For
    /// the end of a program, and for tests.
    #[must_use]
    pub fn drain(&self, limit: Duration) -> bool {
        let since = Instant::now();
        let told =
            |subscription: &Subscription| subscription.drain(limit.saturating_sub(since.elapsed()));
        let all = told(&self.transitions) && self.epochs.iter().all(told);
        #[cfg(feature = "insight")]
        let learnt = |insight: &Insight| insight.drain(limit.saturating_sub(since.elapsed()));
        #[cfg(feature = "insight")]
        let all = self.insight.iter().all(learnt) && all;
        self.check();
        all
    }
}

struct Teller {
    observer: Observer,
    destination: Destination,
    /// Rising edges that were reported.
    would_trip: AtomicU64,
}

impl Teller {
    fn moved(&self, t: &Transition, missed: u64) {
        let breaker = self.observer.name();
        if missed > 0 {
            event!(
                target: "tripcoil",
                Level::WARN,
                tripcoil.breaker = breaker,
                tripcoil.missed = missed,
                "transitions missed"
            );
        }
        let (from, to, cause) = (t.from.as_str(), t.to.as_str(), t.cause.as_str());
        let unix_ms = t
            .wall_time
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let open_for = t.open_until.map(|until| until.saturating_sub(t.at));
        let error = t.failure.map(label::kind);
        // a level is part of an event's static description
        macro_rules! tell {
            ($level:expr, $message:literal) => {{
                // A root of its own: exporters of traces pass over an event outside a span, and no call
                // is the parent of what many calls brought about.
                let span = span!(
                    target: "tripcoil",
                    parent: None,
                    $level,
                    "breaker transition",
                    tripcoil.breaker = breaker,
                    tripcoil.from = from,
                    tripcoil.to = to,
                    tripcoil.cause = cause,
                    tripcoil.generation = t.generation,
                    error.type = error,
                );
                let _inside = span.enter();
                event!(
                    target: "tripcoil",
                    $level,
                    tripcoil.breaker = breaker,
                    tripcoil.from = from,
                    tripcoil.to = to,
                    tripcoil.cause = cause,
                    tripcoil.generation = t.generation,
                    tripcoil.calls = t.counts.calls,
                    tripcoil.failures = t.counts.failures,
                    tripcoil.slow = t.counts.slow,
                    tripcoil.consecutive_failures = t.consecutive_failures,
                    tripcoil.open_for_ms = open_for.map(millis),
                    tripcoil.at_ms = millis(t.at),
                    tripcoil.unix_ms = unix_ms.map(millis),
                    error.type = error,
                    $message
                )
            }};
        }
        match t.to {
            State::Open | State::ForcedOpen => tell!(Level::WARN, "breaker opened"),
            _ => tell!(Level::INFO, "breaker changed state"),
        }
    }

    fn check(&self) {
        let seen = self.observer.snapshot();
        // the thread that raises it reports it, so each edge is reported once
        let told = self
            .would_trip
            .fetch_max(seen.would_trip, Ordering::Relaxed);
        if told >= seen.would_trip {
            return;
        }
        self.destination.speak(|| {
            event!(
                target: "tripcoil",
                Level::WARN,
                tripcoil.breaker = self.observer.name(),
                tripcoil.rules = seen.would_trip - told,
                tripcoil.calls = seen.window.calls,
                tripcoil.failures = seen.window.failures,
                tripcoil.slow = seen.window.slow,
                "breaker would have tripped"
            );
        });
    }
}

#[cfg(feature = "insight")]
impl Teller {
    /// On a caller's thread too, if that lets a tuner change a setting: so the span is a root of its own.
    fn noticed(&self, notice: &Notice) {
        let breaker = self.observer.name();
        let span = |level: Level| {
            // a level is part of a span's static description
            match level {
                Level::WARN => span!(
                    target: "tripcoil",
                    parent: None,
                    Level::WARN,
                    "breaker insight",
                    tripcoil.breaker = breaker,
                ),
                _ => span!(
                    target: "tripcoil",
                    parent: None,
                    Level::INFO,
                    "breaker insight",
                    tripcoil.breaker = breaker,
                ),
            }
        };
        match notice {
            Notice::Degraded(degraded) => span(Level::WARN).in_scope(|| self.degraded(degraded)),
            Notice::Trend(trend) => span(Level::WARN).in_scope(|| self.rises(trend)),
            Notice::OutageEnded(outage) => span(Level::INFO).in_scope(|| self.ended(outage)),
            Notice::Tuned(change) => span(Level::INFO).in_scope(|| self.tuned(change)),
        }
    }

    fn degraded(&self, degraded: &Degraded) {
        event!(
            target: "tripcoil",
            Level::WARN,
            tripcoil.breaker = self.observer.name(),
            tripcoil.normal = degraded.normal,
            tripcoil.rate = degraded.rate,
            tripcoil.at_ms = millis(degraded.since),
            "breaker is degraded"
        );
    }

    fn rises(&self, trend: &Trend) {
        event!(
            target: "tripcoil",
            Level::WARN,
            tripcoil.breaker = self.observer.name(),
            tripcoil.rate = trend.rate,
            tripcoil.limit = trend.limit,
            tripcoil.reaches_limit_in_ms = millis(trend.reaches_limit_in),
            "bad calls are on the rise"
        );
    }

    fn tuned(&self, change: &Change) {
        event!(
            target: "tripcoil",
            Level::INFO,
            tripcoil.breaker = self.observer.name(),
            tripcoil.setting = change.setting,
            tripcoil.setting_from = %change.from,
            tripcoil.setting_to = %change.to,
            tripcoil.reason = change.reason,
            tripcoil.at_ms = millis(change.at),
            "setting tuned"
        );
    }

    fn ended(&self, outage: &OutageRecord) {
        let lasted = outage.lasted(outage.began);
        event!(
            target: "tripcoil",
            Level::INFO,
            tripcoil.breaker = self.observer.name(),
            tripcoil.lasted_ms = millis(lasted),
            tripcoil.cause = outage.cause.map(Cause::as_str),
            tripcoil.ended_by = outage.ended_by.map(Cause::as_str),
            tripcoil.rejections = outage.rejected,
            tripcoil.rounds = outage.rounds,
            tripcoil.probes = outage.probes,
            tripcoil.probes_failed = outage.probes_failed,
            tripcoil.wasted_calls = outage.wasted,
            tripcoil.good_calls_rejected = outage.rejected_good,
            tripcoil.began_ms = millis(outage.began),
            "outage ended"
        );
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Records a rejection on the current span.
///
/// It fills in those of these fields that the span has: `tripcoil.rejected` (true), `error.type`
/// (`rejected`), `tripcoil.state` (the state that rejected), `tripcoil.cause` (why it is open; absent
/// while half-open), `tripcoil.retry_after_ms` (if known), and `tripcoil.breaker` if
/// [`record_rejection_of`](Self::record_rejection_of) gets the breaker's name.
///
/// All other results pass through, at the cost of one match. Without a subscriber, a rejection
/// costs one check for a subscriber.
///
/// ```
/// use tripcoil::Breaker;
/// use tripcoil::tracing::RecordRejection;
///
/// let breaker = Breaker::builder("db").build()?;
/// let answer = breaker.call(|| "7".parse::<u8>()).record_rejection();
/// assert_eq!(answer, Ok(7));
/// let permit = breaker.try_acquire().record_rejection();
/// # permit.map(|p| p.success()).ok();
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
pub trait RecordRejection: Sized {
    /// Records the result if it is a rejection, and returns it.
    #[must_use = "it is the call's result"]
    fn record_rejection(self) -> Self;

    /// Records the result if it is a rejection, with the breaker's name, and returns it.
    #[must_use = "it is the call's result"]
    fn record_rejection_of(self, breaker: &str) -> Self;
}

impl<T, E> RecordRejection for Result<T, CallError<E>> {
    #[inline]
    fn record_rejection(self) -> Self {
        if let Err(CallError::Rejected(rejected)) = &self {
            record(rejected, None);
        }
        self
    }

    #[inline]
    fn record_rejection_of(self, breaker: &str) -> Self {
        if let Err(CallError::Rejected(rejected)) = &self {
            record(rejected, Some(breaker));
        }
        self
    }
}

impl<T> RecordRejection for Result<T, Rejected> {
    #[inline]
    fn record_rejection(self) -> Self {
        if let Err(rejected) = &self {
            record(rejected, None);
        }
        self
    }

    #[inline]
    fn record_rejection_of(self, breaker: &str) -> Self {
        if let Err(rejected) = &self {
            record(rejected, Some(breaker));
        }
        self
    }
}

/// The `error.type` of a rejected call: fixed, as the cause is in a field of its own.
const REJECTED: &str = "rejected";

#[cold]
fn record(rejected: &Rejected, breaker: Option<&str>) {
    let span = Span::current();
    if span.is_none() {
        return;
    }
    span.record("tripcoil.rejected", true);
    span.record("error.type", REJECTED);
    if let Some(breaker) = breaker {
        span.record("tripcoil.breaker", breaker);
    }
    span.record("tripcoil.state", rejected.state().as_str());
    if let Some(cause) = rejected.cause() {
        span.record("tripcoil.cause", cause.as_str());
    }
    if let Some(wait) = rejected.retry_after() {
        span.record("tripcoil.retry_after_ms", millis(wait));
    }
}
