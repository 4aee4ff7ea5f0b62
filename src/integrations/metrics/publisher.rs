//! One breaker's series, and when they are set.
//!
//! Two listeners, on the thread that all publishers of the process share, hold the series weakly: they
//! go when the publisher goes.

use crate::integrations::metrics::figures::{Lasted, Levels, Series, Sums, describe};
use crate::integrations::metrics::series::Labels;
use crate::{Observer, Subscription, Transition};
use ::metrics::{IntoLabels, Label};
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Publishes one breaker's figures; see the [module](crate::metrics) for their names.
///
/// They go to the recorder that is installed when it is made, so install that first. All
/// publishers of a process share one thread; where the system gives none, only
/// [`publish`](Self::publish) publishes, and transitions are not told apart by cause. Dropping the
/// publisher ends the publication: the recorder keeps the last values.
///
/// It does not keep its breaker's place in a registry. When the breaker is forgotten there, counters are
/// set to its final totals and gauges to 0, once, and never again: so an exporter that drops idle series
/// (`idle_timeout` of the one for Prometheus) drops these.
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
        describe();
        let mut all = vec![Label::new("breaker", observer.name().to_owned())];
        all.extend(labels.into_labels());
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
    /// Transitions alone.
    moves: Sums,
    lasted: Lasted,
    /// The breaker is forgotten, and this was published.
    over: bool,
}

impl Shared {
    fn new(observer: Observer, labels: Labels) -> Shared {
        let durations = observer.snapshot().durations.is_some();
        Shared {
            observer,
            series: Series::new(&labels, durations),
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

    /// Whether all transitions that there will be, if the breaker is forgotten, have been heard of.
    fn publish_as(&self, all_heard: bool) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.over {
            return;
        }
        // what is read after this is final
        let forgotten = self.observer.is_forgotten();
        told.over = forgotten && all_heard;
        let seen = self.observer.snapshot();
        let mut sums = told.moves;
        sums.add(&seen);
        if let Some(subscription) = self.transitions.get() {
            sums.missed(subscription.missed());
        }
        self.series.set(&sums);
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
    }
}

/// The listener's own: it is dropped when its breaker is forgotten, after it has heard all.
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
