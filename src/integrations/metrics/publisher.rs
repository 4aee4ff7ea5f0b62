//! The series of one breaker, and when they are set.
//!
//! Two listeners, on the thread that all publishers of the process share, hold the series weakly:
//! the series end with the publisher.

#[cfg(feature = "insight")]
use crate::insight::{Insight, Report};
use crate::integrations::metrics::figures::{Counters, Lasted, Levels, Series, describe};
#[cfg(feature = "insight")]
use crate::integrations::metrics::insight::InsightSeries;
use crate::integrations::metrics::series::Labels;
use crate::{Observer, Subscription, Transition};
use ::metrics::{IntoLabels, Label};
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Publishes the figures of one breaker; see the [module](crate::metrics) for their names.
///
/// The figures go to the recorder that is installed when the publisher is created, so install the
/// recorder first. All publishers of a process share one thread. If the system cannot start it,
/// only [`publish`](Self::publish) publishes, and transitions are not counted by cause. Dropping
/// the publisher ends the publication; the recorder keeps the last values.
///
/// A publisher does not keep its breaker in a registry, nor does its insight. When the registry forgets the breaker,
/// counters are set to its final totals and gauges to 0, once. After that they are no longer
/// published, so an exporter that drops idle series (`idle_timeout` of the Prometheus exporter)
/// drops these.
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
    /// Publishes this breaker, with its name as the label `breaker`.
    pub fn new(observer: &Observer) -> Publisher {
        Publisher::with_labels(observer, Vec::<Label>::new())
    }

    /// Publishes this breaker, with further labels on each series.
    ///
    /// Of labels with the same name the first is used. A label named `breaker` replaces the breaker's
    /// name. A name that series use themselves (`state`, `outcome`, `to`, `cause`, `kind`, `le`,
    /// `quantile`, `pattern`, `reason`) gets the prefix `exported_`.
    pub fn with_labels(observer: &Observer, labels: impl IntoLabels) -> Publisher {
        describe();
        let all = Labels::of_breaker(observer.name(), labels.into_labels());
        let shared = Arc::new(Shared::new(observer.clone(), Labels::new(all)));

        let ours = AtEnd(Arc::downgrade(&shared));
        let transitions = observer.publish(move |transition| {
            if let Some(shared) = ours.shared() {
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

    /// Publishes what is known of this breaker too: its health, its outages and what is likely to come, under the
    /// names of the [module](crate::metrics#insight). Now, and at each publication.
    ///
    /// The series have the publisher's labels, so the insight must be of the same breaker. The publisher keeps a
    /// clone of it, so that it goes on learning. Of several insights the first counts.
    ///
    /// ```
    /// use tripcoil::Breaker;
    /// use tripcoil::insight::Insight;
    /// use tripcoil::metrics::Publisher;
    ///
    /// let breaker = Breaker::adaptive("search").build()?;
    /// let observer = breaker.observer();
    /// let publisher = Publisher::new(&observer).with_insight(&Insight::new(&observer));
    /// publisher.publish();
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    #[cfg(feature = "insight")]
    pub fn with_insight(self, insight: &Insight) -> Publisher {
        let series = InsightSeries::new(&self.shared.labels);
        // the first one stays
        let _set = self.shared.insight.set((insight.clone(), series));
        self.publish();
        self
    }

    /// Sets all series to the breaker's present figures.
    pub fn publish(&self) {
        self.shared.publish();
    }

    /// Waits until every transition and epoch so far was published, for at most `limit`. Returns
    /// whether it was. For the end of a program, and for tests.
    #[must_use]
    pub fn drain(&self, limit: Duration) -> bool {
        let since = Instant::now();
        let told =
            |subscription: &Subscription| subscription.drain(limit.saturating_sub(since.elapsed()));
        let all = self.shared.transitions.get().is_some_and(told) && told(&self.epochs);
        #[cfg(feature = "insight")]
        let all = self
            .shared
            .has_learnt(limit.saturating_sub(since.elapsed()))
            && all;
        self.publish();
        all
    }
}

struct Shared {
    observer: Observer,
    series: Series,
    #[cfg(feature = "insight")]
    labels: Labels,
    #[cfg(feature = "insight")]
    insight: OnceLock<(Insight, InsightSeries)>,
    transitions: OnceLock<Subscription>,
    /// The lock also prevents an older reading from being published over a newer one.
    told: Mutex<Told>,
}

/// What was published beside the breaker's own totals.
#[derive(Default)]
struct Told {
    /// The transitions only.
    moves: Counters,
    /// The transitions that the counters have been given.
    published: Counters,
    lasted: Lasted,
    /// When the insight's report was made that was published last.
    #[cfg(feature = "insight")]
    reported_at: Duration,
    /// Whether every transition of a forgotten breaker was received.
    all_heard: bool,
    /// Whether the breaker is forgotten, and that was published.
    over: bool,
}

impl Shared {
    fn new(observer: Observer, labels: Labels) -> Shared {
        let durations = observer.snapshot().durations.is_some();
        Shared {
            observer,
            series: Series::new(&labels, durations),
            #[cfg(feature = "insight")]
            labels,
            #[cfg(feature = "insight")]
            insight: OnceLock::new(),
            transitions: OnceLock::new(),
            told: Mutex::default(),
        }
    }

    fn moved(&self, transition: &Transition) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.moves.moved(transition);
    }

    fn publish(&self) {
        // of a breaker that is forgotten, the listener's end publishes for the last time
        let listened = self.transitions.get();
        self.publish_as(!listened.is_some_and(Subscription::is_listening));
    }

    /// `all_heard`: whether every transition was received, for a breaker that is forgotten.
    fn publish_as(&self, all_heard: bool) {
        // without the lock: a report may call listeners of the user, which may publish
        #[cfg(feature = "insight")]
        let report = self.insight.get().map(|(insight, _)| insight.report());
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.over {
            return;
        }
        // Kept for the next publication, should the recorder panic in this one: the listener ends only once.
        told.all_heard |= all_heard;
        // what is read after this is final
        let forgotten = self.observer.is_forgotten();
        let seen = self.observer.snapshot();
        let mut sums = told.moves;
        sums.add(&seen);
        if let Some(subscription) = self.transitions.get() {
            sums.missed(subscription.missed());
        }
        self.series.set(&mut told.published, &sums);
        let mut levels = Levels::default();
        if !forgotten {
            levels.add(&seen);
        }
        self.series.level(&levels);
        if let Some(durations) = &seen.durations {
            let mut lasted = Lasted::default();
            lasted.add(durations);
            self.series.record(&mut told.lasted, &lasted);
        }
        #[cfg(feature = "insight")]
        if let Some(report) = &report {
            self.publish_insight(&mut told.reported_at, report, forgotten);
        }
        // last: if the recorder panics, the next publication is the last one
        told.over = forgotten && told.all_heard;
    }
}

#[cfg(feature = "insight")]
impl Shared {
    /// An older report never follows a newer one.
    fn publish_insight(&self, last: &mut Duration, report: &Report, forgotten: bool) {
        let Some((_, series)) = self.insight.get() else {
            return;
        };
        if forgotten {
            series.set_final(&report.cost);
        } else if report.at >= *last {
            series.set(report);
            *last = report.at;
        }
    }

    fn has_learnt(&self, limit: Duration) -> bool {
        self.insight
            .get()
            .is_none_or(|(insight, _)| insight.drain(limit))
    }
}

/// Owned by the listener: dropped when its breaker is forgotten, after the last transition.
struct AtEnd(Weak<Shared>);

impl AtEnd {
    fn shared(&self) -> Option<Arc<Shared>> {
        self.0.upgrade()
    }
}

impl Drop for AtEnd {
    fn drop(&mut self) {
        if let Some(shared) = self.shared() {
            shared.publish_as(true);
        }
    }
}
