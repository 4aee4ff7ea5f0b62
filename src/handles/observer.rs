//! The handle that only reads.

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
use crate::words::outcome::State;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

/// A handle that reads a breaker and can do nothing to it. Clones are cheap.
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

    /// The breaker's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.core.name
    }

    /// Whether the breaker was in a registry that has forgotten it. Then it will never be called or
    /// changed again: its figures are final, listeners have been called for the last time or are about
    /// to be, and if its key comes back it has a new breaker. Always false of a breaker that is in no
    /// registry.
    #[must_use]
    pub fn is_forgotten(&self) -> bool {
        self.core.watchers.forgotten()
    }

    /// The state, read and no more.
    #[must_use]
    pub fn state(&self) -> State {
        self.core.control().state()
    }

    /// Everything that the breaker knows of itself.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.core.snapshot()
    }

    /// The same without the series of buckets.
    #[cfg(feature = "registry")]
    pub(crate) fn figures(&self) -> Snapshot {
        self.core.figures()
    }

    /// The last transitions, oldest first: at most as many as [`Config::history`](crate::Config::history)
    /// says, four by default; of a restored breaker, those since then. A listener is told all of them.
    /// The last opening from closed is in [`Snapshot::last_opening`], however long ago it was.
    #[must_use]
    pub fn history(&self) -> Vec<Transition> {
        self.core.events()
    }

    /// Calls `listener` with each transition from now on: once each, in the order of generations, never
    /// twice at a time, soon after.
    ///
    /// It is called on one of a few threads that all breakers share. A slow, stuck or panicking listener
    /// holds up no call; other listeners may wait a second for it. One that blocks is given a thread of
    /// its own by [`dedicated`](Subscription::dedicated). While one hangs, its own transitions wait. Up to 1024 transitions wait for a listener, and
    /// how many were lost beyond is counted.
    #[cfg(feature = "std")]
    pub fn subscribe(&self, listener: impl FnMut(&Transition) + Send + 'static) -> Subscription {
        subscribe_transitions(&self.core, Lane::Users, listener)
    }

    /// Returns a cursor for each transition from now on, to be polled: it needs no thread.
    pub fn events(&self) -> Events {
        Events::from_now_on(&self.core)
    }

    /// Calls `listener` with the counts of each epoch of a time window as it is over, in the same
    /// way. Under a count window there are none.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tripcoil::{Breaker, ManualClock};
    ///
    /// let clock = ManualClock::new();
    /// let breaker = Breaker::builder("db").clock(&clock).build()?;
    /// let (tell, told) = std::sync::mpsc::channel();
    /// let _subscription = breaker.observer().subscribe_epochs(move |e| { let _ = tell.send(*e); });
    /// let _ = breaker.call(|| Ok::<_, ()>(()));
    /// clock.advance(Duration::from_secs(1));
    /// let _ = breaker.call(|| Ok::<_, ()>(()));
    /// let epoch = told.recv().expect("one epoch is over");
    /// assert_eq!((epoch.end, epoch.counts.calls), (Duration::from_secs(1), 1));
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    #[cfg(feature = "std")]
    pub fn subscribe_epochs(&self, listener: impl FnMut(&Epoch) + Send + 'static) -> Subscription {
        subscribe_epochs(&self.core, Lane::Users, listener)
    }

    /// As `subscribe`, on the thread of the crate's own publishers.
    #[cfg(any(feature = "metrics", feature = "tracing", feature = "health"))]
    pub(crate) fn publish(
        &self,
        listener: impl FnMut(&Transition) + Send + 'static,
    ) -> Subscription {
        subscribe_transitions(&self.core, Lane::BuiltIn, listener)
    }

    /// As `subscribe_epochs`, on that thread.
    #[cfg(any(feature = "metrics", feature = "tracing"))]
    pub(crate) fn publish_epochs(
        &self,
        listener: impl FnMut(&Epoch) + Send + 'static,
    ) -> Subscription {
        subscribe_epochs(&self.core, Lane::BuiltIn, listener)
    }
}
