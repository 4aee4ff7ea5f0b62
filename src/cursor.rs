//! Transitions, read one after the other, and how many came too late for it.

use crate::core::Core;
use crate::event::{Event, HISTORY, Transition};
#[cfg(feature = "std")]
use crate::queue::{Queue, refill};
use crate::sync::Counter;
#[cfg(feature = "std")]
use crate::wake::Entry;
use crate::watch::Watching;
use alloc::sync::Arc;

/// A breaker's transitions, to be polled: no thread and no listener.
///
/// As an iterator it gives the transitions since the last poll, once each and in the order of
/// generations, and then `None` until there are more. Up to 1,024 wait for it (without `std`, as many as
/// [`history`](crate::Observer::history) keeps); how many were lost beyond is [`missed`](Self::missed).
///
/// ```
/// use tripcoil::{Breaker, State};
///
/// let (breaker, controller) = Breaker::builder("db").build_with_controller()?;
/// let mut events = breaker.observer().events();
/// controller.trip();
/// controller.reset();
/// let states: Vec<State> = events.by_ref().map(|t| t.to).collect();
/// assert_eq!(states, [State::Open, State::Closed]);
/// assert_eq!((events.next(), events.missed()), (None, 0));
/// controller.trip();
/// assert_eq!(events.next().map(|t| t.to), Some(State::Open));
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[must_use = "it reads nothing until it is polled"]
pub struct Events {
    core: Watching<Core>,
    /// The last generation that was read or missed. Threads that publish look at it.
    read: Arc<Counter>,
    missed: u64,
}

impl core::fmt::Debug for Events {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.core.debug("Events", f)
    }
}

impl Events {
    /// What comes from now on.
    pub(crate) fn from_now_on(core: &Watching<Core>) -> Events {
        let read = Arc::new(Counter::new(core.generation(core.control())));
        #[cfg(feature = "std")]
        {
            refill();
            // Before the ring: from its first event on, threads that publish see how far we are behind.
            core.listeners.add(Entry::Reader(read.clone()));
            core.queue.get_or_make(Queue::short);
            // From here on each audit leaves its event there. One under way may have looked before, and is
            // seen through first.
            let from = core.show(core.head.clock.nanos());
            read.set(core.generation(from));
        }
        Events {
            core: core.clone(),
            read,
            missed: 0,
        }
    }

    /// There is nothing more to come, but what has happened by now.
    #[cfg(feature = "std")]
    pub(crate) fn at_the_end(&self) -> bool {
        self.core.watchers.forgotten()
    }

    /// Returns how many transitions were overwritten before they were polled, since this was made.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed
    }

    fn next_event(&mut self) -> Option<Event> {
        let core = &self.core;
        loop {
            let newest = core.generation(core.control());
            let last = self.read.get();
            if last >= newest {
                return None;
            }
            // what no ring can hold any more is gone
            let slots = core.queue.get().map_or(HISTORY as u64, |q| q.len());
            let oldest = (newest + 1).saturating_sub(slots);
            let next = (last + 1).max(oldest);
            self.missed += next - 1 - last;
            self.read.set(next);
            let event = match core.queue.get() {
                Some(queue) => queue.read(next),
                None => core.history.read(next),
            };
            match event {
                Some(event) => return Some(event),
                None => self.missed += 1,
            }
        }
    }
}

#[cfg(feature = "std")]
impl Drop for Events {
    fn drop(&mut self) {
        self.core
            .listeners
            .remove(&Entry::Reader(self.read.clone()));
    }
}

impl Iterator for Events {
    type Item = Transition;

    fn next(&mut self) -> Option<Transition> {
        let event = self.next_event();
        #[cfg(feature = "std")]
        if event.is_none() {
            refill();
        }
        event.map(|event| self.core.transition_of(event))
    }
}
