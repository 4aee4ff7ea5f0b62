//! Listens to a breaker, and answers.

use crate::integrations::insight::analysis::{Analysis, Notice};
use crate::integrations::insight::eta::Eta;
use crate::integrations::insight::notices::Notices;
use crate::integrations::insight::outage::Forecast;
use crate::integrations::insight::report::Report;
use crate::{Observer, Rejected, State, Subscription};
use arc_swap::ArcSwap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Learns from one breaker's finished buckets and transitions; see the [module](super).
///
/// Keep it as long as the breaker. Its listeners run on the thread that all publishers of the process share, so calls
/// pay nothing for it. It keeps about 16 kB, whatever the traffic, and the first
/// one of a process up to 250 kB for transitions that wait. Clones share what is learnt.
///
/// ```
/// use std::time::Duration;
/// use tripcoil::insight::Insight;
/// use tripcoil::{Breaker, FailureKind, ManualClock};
///
/// let clock = ManualClock::new();
/// let breaker = Breaker::builder("payments").consecutive_failures(3).clock(&clock).build()?;
/// let insight = Insight::new(&breaker.observer());
/// for _ in 0..3 {
///     breaker.try_acquire().expect("closed").failure(FailureKind::Server);
/// }
/// clock.advance(Duration::from_secs(4));
/// let report = insight.report();
/// let outage = report.outage.expect("it is open");
/// assert_eq!((outage.counts.failures, outage.lasted(report.at)), (3, Duration::from_secs(4)));
/// // no other outage is known, so it is expected to last as long again
/// let eta = report.eta.expect("it is open");
/// assert!(eta.guess);
/// assert_eq!(eta.p50, Duration::from_secs(4));
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone)]
#[must_use = "it learns nothing once it is dropped"]
pub struct Insight {
    shared: Arc<Shared>,
    subscriptions: Arc<[Subscription; 2]>,
}

impl fmt::Debug for Insight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Insight")
            .field("name", &self.shared.observer.name())
            .finish_non_exhaustive()
    }
}

struct Shared {
    observer: Observer,
    /// Never held by a call of the breaker, and by a listener only while it adds one epoch.
    analysis: Mutex<Analysis>,
    /// For those who may not wait.
    forecast: ArcSwap<Forecast>,
    notices: Notices,
}

impl Insight {
    /// Begins to learn from this breaker.
    pub fn new(observer: &Observer) -> Insight {
        let analysis = Analysis::new(observer, observer.now());
        let shared = Arc::new(Shared {
            observer: observer.clone(),
            forecast: ArcSwap::from_pointee(analysis.forecast()),
            analysis: Mutex::new(analysis),
            notices: Notices::default(),
        });
        let ours = Arc::downgrade(&shared);
        let transitions = observer.publish(move |_| {
            with(&ours, |shared| {
                drop(shared.caught_up());
                shared.notices.deliver();
            });
        });
        let ours = Arc::downgrade(&shared);
        let epochs = observer.publish_epochs(move |epoch| {
            with(&ours, |shared| {
                let mut analysis = shared.caught_up();
                shared.notices.add(analysis.epoch(epoch, &shared.observer));
                drop(analysis);
                shared.notices.deliver();
            });
        });
        Insight {
            shared,
            subscriptions: Arc::new([transitions, epochs]),
        }
    }

    /// Returns what is known by now.
    #[must_use]
    pub fn report(&self) -> Report {
        // before the transitions, so that none of them is later: what is over for certain by then stays so
        let now = self.shared.now();
        let analysis = self.shared.caught_up();
        analysis.report(&self.shared.observer, now)
    }

    /// Returns when the outage under way is likely to end, as in [`Report::eta`]. It never waits for another thread,
    /// so that a call may ask; and so it knows of a transition when a listener has read it, a moment later.
    #[must_use]
    pub fn eta(&self) -> Option<Eta> {
        self.shared.forecast.load().eta(self.shared.now())
    }

    /// Returns the rejection with the median of the time that the outage is likely to last as its
    /// [`retry_after`](Rejected::retry_after), within bounds: never shorter than the rest of the breaker's wait, and at most
    /// `most` if the wait itself is not longer.
    ///
    /// For the answer to a client: `http::rejected_response` and its gRPC counterpart
    /// then ask it to come back when the dependency is likely to be well, instead of at the first probe. A rejection in
    /// half-open or by an override is returned as it is. It never waits for another thread.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tripcoil::insight::Insight;
    /// use tripcoil::{Breaker, FailureKind, ManualClock};
    ///
    /// let clock = ManualClock::new();
    /// let breaker = Breaker::builder("payments")
    ///     .consecutive_failures(1)
    ///     .open_for(Duration::from_secs(5))
    ///     .clock(&clock)
    ///     .build()?;
    /// let insight = Insight::new(&breaker.observer());
    /// breaker.try_acquire().expect("closed").failure(FailureKind::Server);
    /// # assert!(insight.drain(Duration::from_secs(60)));
    /// // a moment later, when a listener has read the transition
    /// clock.advance(Duration::from_secs(4));
    /// let rejected = breaker.try_acquire().err().expect("open");
    /// assert_eq!(rejected.retry_after(), Some(Duration::from_secs(1)));
    /// // the outage is expected to last as long again as it has
    /// let answer = insight.expected(rejected, Duration::from_secs(60));
    /// assert_eq!(answer.retry_after(), Some(Duration::from_secs(4)));
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    #[must_use]
    pub fn expected(&self, rejected: Rejected, most: Duration) -> Rejected {
        if rejected.state() != State::Open {
            return rejected;
        }
        match (rejected.retry_after(), self.eta()) {
            (Some(wait), Some(eta)) => rejected.with_retry_after(eta.p50.min(most).max(wait)),
            _ => rejected,
        }
    }

    /// Calls `listener` with each notice from now on, until the last clone of the insight is dropped: on the publishers'
    /// thread, or on the thread that calls [`Tuner::tune`](super::Tuner::tune). It may ask for a report; but if it owns a clone, the insight lives for ever. Up to 64 notices wait for a listener that takes long; beyond that the
    /// oldest are dropped.
    pub fn on_notice(&self, listener: impl FnMut(&Notice) + Send + 'static) {
        self.shared.notices.listen(Box::new(listener));
    }

    /// Waits until all buckets that were finished, and all transitions that were made, before this call are learnt,
    /// for at most `limit`. Returns whether they are. For tests, and simulations.
    #[must_use]
    pub fn drain(&self, limit: Duration) -> bool {
        let since = Instant::now();
        let drained = |one: &Subscription| one.drain(limit.saturating_sub(since.elapsed()));
        self.subscriptions.iter().all(drained)
    }

    /// Calls the listeners with this notice.
    pub(super) fn notify(&self, notice: Notice) {
        self.shared.notices.add([notice]);
        self.shared.notices.deliver();
    }

    /// Returns the breaker's observer.
    #[must_use]
    pub fn observer(&self) -> &Observer {
        &self.shared.observer
    }
}

impl Shared {
    fn now(&self) -> Duration {
        self.observer.now()
    }

    /// The analysis, with all transitions so far.
    fn caught_up(&self) -> MutexGuard<'_, Analysis> {
        let mut analysis = self
            .analysis
            .lock()
            // each step writes plain numbers, so what a panic has left can be used
            .unwrap_or_else(PoisonError::into_inner);
        let (moved, notices) = analysis.catch_up(&self.observer);
        if moved {
            // under the lock, so that an older one never follows
            self.forecast.store(Arc::new(analysis.forecast()));
            self.notices.add(notices);
        }
        analysis
    }
}

fn with(shared: &Weak<Shared>, job: impl FnOnce(&Shared)) {
    if let Some(shared) = shared.upgrade() {
        job(&shared);
    }
}

#[cfg(test)]
mod tests;
