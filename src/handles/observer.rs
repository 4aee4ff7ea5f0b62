//! The handle that only reads.

use crate::config::settings::Config;
use crate::engine::events::cursor::Events;
use crate::engine::events::event::Transition;
#[cfg(feature = "std")]
use crate::engine::events::listeners::{
    Epoch, Subscription, subscribe_epochs, subscribe_transitions,
};
#[cfg(feature = "std")]
use crate::engine::events::pool::Lane;
use crate::engine::events::watch::Watching;
use crate::engine::snapshot::Snapshot;
use crate::engine::state::Core;
#[cfg(feature = "insight")]
use crate::words::outcome::Rejections;
use crate::words::outcome::State;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
#[cfg(any(feature = "insight", feature = "operate"))]
use core::time::Duration;

/// A handle that reads a breaker and cannot change it. Clones are cheap.
///
/// ```
/// use tripcoil::{Breaker, FailureKind};
///
/// let breaker = Breaker::builder("db").build()?;
/// let observer = breaker.observer();
/// if let Ok(permit) = breaker.try_acquire() {
///     permit.failure(FailureKind::Timeout);
/// }
/// let snapshot = observer.snapshot();
/// assert_eq!((snapshot.window.calls, snapshot.failure_rate), (1, 1.0));
/// assert_eq!(snapshot.failures_by_kind.get(FailureKind::Timeout), 1);
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Observer {
    core: Watching<Core>,
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core.debug("Observer", f)
    }
}

impl Observer {
    pub(crate) fn new(core: Arc<Core>) -> Observer {
        Observer {
            core: Watching::new(core),
        }
    }

    /// Returns the breaker's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.core.name
    }

    /// Returns whether the breaker was in a registry that has forgotten it.
    ///
    /// A forgotten breaker is never called or changed again. Its figures are final, and its
    /// listeners have had their last call or are about to. If its key is used again, the key gets a
    /// new breaker. Always `false` for a breaker outside a registry.
    #[must_use]
    pub fn is_forgotten(&self) -> bool {
        self.core.watchers.forgotten()
    }

    /// Returns the state, and changes nothing.
    #[must_use]
    pub fn state(&self) -> State {
        self.core.control().state()
    }

    /// Returns the breaker's state, counts and times as plain data.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.core.snapshot()
    }

    /// Returns the settings in force: those that the breaker was built with, and the rules of the last
    /// `Controller::reconfigure`.
    ///
    /// ```
    /// use tripcoil::Breaker;
    ///
    /// let (breaker, controller) = Breaker::builder("db").build_with_controller()?;
    /// controller.reconfigure(|rules| rules.failure_rate(0.4))?;
    /// assert_eq!(breaker.observer().config().failure_rate, Some(0.4));
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    #[must_use]
    pub fn config(&self) -> Config {
        self.core.head.policy.load().config.clone()
    }

    /// Returns whether both read the same breaker.
    #[cfg(any(feature = "insight", all(feature = "health", feature = "registry")))]
    pub(crate) fn is_same(&self, other: &Observer) -> bool {
        core::ptr::eq::<Core>(&*self.core, &*other.core)
    }

    /// Returns what no other breaker has as long as this one is observed.
    #[cfg(feature = "operate")]
    pub(crate) fn identity(&self) -> usize {
        core::ptr::from_ref::<Core>(&self.core).addr()
    }

    /// Returns the last transitions before that generation, at most so many, oldest first.
    #[cfg(feature = "operate")]
    pub(crate) fn history_before(&self, generation: u64, most: usize) -> Vec<Transition> {
        self.core.events_before(generation, most as u64)
    }

    /// Returns the snapshot without the series of buckets.
    #[cfg(any(
        feature = "fleet",
        feature = "insight",
        feature = "operate",
        all(feature = "metrics", feature = "registry")
    ))]
    pub(crate) fn figures(&self) -> Snapshot {
        self.core.figures()
    }

    /// Returns the time by the breaker's clock.
    #[cfg(any(feature = "insight", feature = "operate"))]
    pub(crate) fn now(&self) -> Duration {
        Duration::from_nanos(self.core.head.clock.nanos())
    }

    /// Returns the calls that were rejected so far. It does not read the clock.
    #[cfg(feature = "insight")]
    pub(crate) fn rejections(&self) -> Rejections {
        self.core.rejections_by_state()
    }

    /// Returns the last transitions, oldest first: at most
    /// [`Config::history`](crate::Config::history) of them, by default four. A restored breaker has
    /// those since the restart.
    ///
    /// A listener gets every transition. The last opening from closed is always in
    /// [`Snapshot::last_opening`], however long ago it was.
    #[must_use]
    pub fn history(&self) -> Vec<Transition> {
        self.core.events()
    }

    /// Calls `listener` with each transition from now on: once each, in the order of generations,
    /// and never from two threads at a time.
    ///
    /// The call is made soon after the transition, on one of a few threads that all breakers share.
    /// A slow, stuck or panicking listener never delays a call through the breaker. It may delay
    /// other listeners by up to a second; give a listener that blocks a thread of its own with
    /// [`dedicated`](Subscription::dedicated).
    ///
    /// Up to 1024 transitions wait for a listener. Beyond that the oldest are dropped, and the
    /// subscription counts them.
    #[cfg(feature = "std")]
    pub fn subscribe(&self, listener: impl FnMut(&Transition) + Send + 'static) -> Subscription {
        subscribe_transitions(&self.core, Lane::Users, listener)
    }

    /// Returns a cursor over each transition from now on. It is polled, and needs no thread.
    pub fn events(&self) -> Events {
        Events::from_now_on(&self.core)
    }

    /// Calls `listener` with the counts of each finished epoch of a time window, in the manner of
    /// [`subscribe`](Self::subscribe). A count window has no epochs, so its listener is never
    /// called.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tripcoil::{Breaker, ManualClock};
    ///
    /// let clock = ManualClock::new();
    /// let breaker = Breaker::builder("db").clock(&clock).build()?;
    /// let (sender, receiver) = std::sync::mpsc::channel();
    /// let _subscription = breaker.observer().subscribe_epochs(move |e| { let _ = sender.send(*e); });
    /// let _ = breaker.call(|| Ok::<_, ()>(()));
    /// clock.advance(Duration::from_secs(1));
    /// let _ = breaker.call(|| Ok::<_, ()>(()));
    /// let epoch = receiver.recv().expect("one epoch is over");
    /// assert_eq!((epoch.end, epoch.counts.calls), (Duration::from_secs(1), 1));
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    #[cfg(feature = "std")]
    pub fn subscribe_epochs(&self, listener: impl FnMut(&Epoch) + Send + 'static) -> Subscription {
        subscribe_epochs(&self.core, Lane::Users, listener)
    }

    /// Subscribes as `subscribe` does, on the thread of the crate's own publishers.
    #[cfg(any(
        feature = "metrics",
        feature = "tracing",
        feature = "health",
        feature = "insight",
        all(feature = "tower", feature = "tokio")
    ))]
    pub(crate) fn publish(
        &self,
        listener: impl FnMut(&Transition) + Send + 'static,
    ) -> Subscription {
        subscribe_transitions(&self.core, Lane::BuiltIn, listener)
    }

    /// Subscribes as `subscribe_epochs` does, on the thread of the crate's own publishers.
    #[cfg(any(feature = "metrics", feature = "tracing", feature = "insight"))]
    pub(crate) fn publish_epochs(
        &self,
        listener: impl FnMut(&Epoch) + Send + 'static,
    ) -> Subscription {
        subscribe_epochs(&self.core, Lane::BuiltIn, listener)
    }
}
