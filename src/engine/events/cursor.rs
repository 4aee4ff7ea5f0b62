//! A cursor over transitions, which counts those it missed.

#[cfg(feature = "std")]
use crate::engine::events::event::Now;
use crate::engine::events::event::{Event, HISTORY, Transition};
#[cfg(feature = "std")]
use crate::engine::events::queue::{Queue, refill};
#[cfg(feature = "std")]
use crate::engine::events::task::Turn;
#[cfg(feature = "std")]
use crate::engine::events::wake::Entry;
use crate::engine::events::watch::Watching;
use crate::engine::state::Core;
use crate::sync::atomic::Counter;
use alloc::sync::Arc;

/// A cursor over a breaker's transitions. It is polled, and needs neither a thread nor a listener.
///
/// As an iterator it returns the transitions since the last poll, once each and in the order of
/// generations, and then `None` until there are more. Up to 1,024 transitions wait for it. Without
/// `std`, at least [`Config::history`](crate::Config::history) of them wait, and never fewer than
/// four. [`missed`](Self::missed) counts those that were lost beyond that.
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
    /// Starts with the next transition.
    pub(crate) fn from_now_on(core: &Watching<Core>) -> Events {
        let read = Arc::new(Counter::new(core.generation(core.control())));
        #[cfg(feature = "std")]
        {
            refill();
            // Before the ring: from its first event on, threads that publish see how far we are behind.
            core.listeners.add(Entry::Reader(read.clone()));
            core.queue.get_or_make(Queue::short);
            // From here on each update leaves its event there. One under way may have looked before, and is
            // seen through first.
            let from = core.sync(core.head.clock.nanos());
            read.set(core.generation(from));
        }
        Events {
            core: core.clone(),
            read,
            missed: 0,
        }
    }

    /// Whether nothing will follow what has happened by now.
    #[cfg(feature = "std")]
    pub(crate) fn at_the_end(&self) -> bool {
        self.core.watchers.forgotten()
    }

    /// Returns how many transitions were overwritten before they were polled, since the cursor was
    /// created.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// The next one, on a thread that many listeners share: a custom clock that panics there, though it may
    /// be fine on its users' threads, costs the event its wall clock's time, and no more. While it hangs, the
    /// keeper sees the thread in a call, and leaves it to that as it does in a listener.
    #[cfg(feature = "std")]
    pub(crate) fn next_shared(&mut self, turn: &Turn<'_>) -> Option<Transition> {
        let event = self.polled()?;
        let clock = &self.core.head.clock;
        let now = turn.run(|| Now::read(clock.nanos()));
        let now = now.unwrap_or(Now::UNKNOWN);
        Some(event.transition(now))
    }

    /// The next one, without the wall clock's time: a clock that panics here costs no event.
    #[cfg(feature = "insight")]
    pub(crate) fn next_untimed(&mut self) -> Option<Transition> {
        Some(self.polled()?.transition(Now::UNKNOWN))
    }

    fn polled(&mut self) -> Option<Event> {
        let event = self.next_event();
        #[cfg(feature = "std")]
        if event.is_none() {
            refill();
        }
        event
    }

    fn next_event(&mut self) -> Option<Event> {
        let core = &self.core;
        loop {
            // Transitions may follow this load. They are found at the next call.
            let newest = core.generation(core.control());
            let last = self.read.get();
            if last >= newest {
                return None;
            }
            // what no ring can hold any more is gone
            let (queue, longer) = (core.queue.get(), core.longer.as_ref());
            let slots = match (queue, longer) {
                (Some(queue), _) => queue.len(),
                (None, Some(ring)) => ring.len(),
                (None, None) => HISTORY as u64,
            };
            let oldest = (newest + 1).saturating_sub(slots);
            let next = (last + 1).max(oldest);
            self.missed += next - 1 - last;
            // Before the event is read: a thread that publishes sees by it how far this reader is
            // behind, and may lengthen the ring.
            self.read.set(next);
            let event = match queue {
                Some(queue) => queue.read(next),
                None => core.kept_event(next),
            };
            match event {
                Some(event) => return Some(event),
                // Overwritten between the two loads. The ring goes on from the next generation.
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
        let event = self.polled();
        event.map(|event| self.core.transition_of(event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::kinds::ManualClock;
    use crate::error::ConfigError;
    use crate::handles::breaker::Breaker;
    use alloc::vec::Vec;

    /// What waits is what is kept, rounded up to a power of two. Without `std` a breaker has no queue, as here.
    #[test]
    fn without_a_queue_as_many_wait_as_the_history_keeps() -> Result<(), ConfigError> {
        for (kept, waiting) in [(1, 4), (4, 4), (5, 8), (16, 16), (100, 128)] {
            let builder = Breaker::builder("db").clock(ManualClock::new());
            let (breaker, controller) = builder.history(kept).build_with_controller()?;
            let mut events = Events {
                core: Watching::new(breaker.core.clone()),
                read: Arc::default(),
                missed: 0,
            };
            (0..200).for_each(|_| assert!(controller.trip()));
            let all: Vec<u64> = events.by_ref().map(|t| t.generation).collect();
            assert!(
                all.iter().copied().eq(201 - waiting..=200),
                "{kept}: {all:?}"
            );
            assert_eq!(events.missed(), 200 - waiting);
        }
        Ok(())
    }
}
