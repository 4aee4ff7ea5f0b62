//! The rings in which events wait for listeners: a short one per breaker that has listeners, and a
//! long one from a small reserve if a listener falls behind.
//!
//! Who writes: updates, as to every ring (see `event`). They write to the long ring from when they
//! see it, and to the short one until then, so the short one keeps the events that still wait in
//! it. A helper that sleeps may write to the short one later. It writes what all helpers of its
//! update have agreed on, and a reader checks the tags.
//!
//! Who lengthens: the thread that publishes a transition and finds a listener half the short ring
//! behind. It is on a call's path, so it neither allocates nor waits: it takes a ring from the
//! reserve, and goes on without one if the reserve is empty. The reserve is refilled outside of
//! calls, by the thread that serves listeners, and by threads that subscribe or poll.

use crate::engine::events::event::{Event, EventRing, EventWords};
use crate::sync::cell::Late;
use alloc::sync::Arc;

/// Events that wait in the short ring. The models have few, and no reserve: an execution must leave
/// nothing to the next one.
#[cfg(feature = "std")]
pub(crate) const FEW: usize = if cfg!(tripcoil_loom) { 8 } else { 64 };
/// Events that wait in a long ring.
#[cfg(feature = "std")]
const MANY: usize = 1024;

#[derive(Debug)]
pub(crate) struct Queue {
    short: EventRing,
    long: Late<Arc<EventRing>>,
}

impl Queue {
    fn ring(&self) -> &EventRing {
        self.long.get().map_or(&self.short, |ring| ring)
    }

    pub(crate) fn len(&self) -> u64 {
        self.ring().len()
    }

    /// Where that generation's event is written.
    pub(crate) fn slot(&self, generation: u64) -> &EventWords {
        self.ring().slot(generation)
    }

    /// See [`EventRing::read`].
    pub(crate) fn read(&self, generation: u64) -> Option<Event> {
        // Updates write to the long ring from the moment when they see it. An event from before
        // that moment is in the short one only.
        let long = self.long.get().and_then(|ring| ring.read(generation));
        long.or_else(|| self.short.read(generation))
    }
}

#[cfg(feature = "std")]
mod reserve {
    use super::{FEW, MANY, Queue};
    use crate::engine::events::event::EventRing;
    use crate::sync::cell::Late;
    use alloc::boxed::Box;
    use alloc::sync::Arc;
    use arc_swap::ArcSwapOption;

    /// For breakers whose listeners fall behind at once.
    static RESERVE: [ArcSwapOption<EventRing>; 4] = [const { ArcSwapOption::const_empty() }; 4];

    /// Off the calls' path: it allocates.
    pub(crate) fn refill() {
        for place in &RESERVE {
            if place.load().is_none() && cfg!(not(tripcoil_loom)) {
                // Two threads may fill the same place, and one ring is dropped. That costs an
                // allocation, off every call.
                place.store(Some(Arc::new(EventRing::of(MANY))));
            }
        }
    }

    impl Queue {
        pub(crate) fn short() -> Box<Queue> {
            Box::new(Queue {
                short: EventRing::of(FEW),
                long: Late::default(),
            })
        }

        /// On a call's path: it neither allocates nor waits.
        #[cold]
        pub(crate) fn lengthen(&self) {
            if self.long.get().is_some() {
                return;
            }
            for place in &RESERVE {
                if let Some(ring) = place.swap(None) {
                    // Another thread may be at it too; then one of the two rings goes.
                    self.long.fill(|| ring);
                    return;
                }
            }
        }
    }
}

#[cfg(feature = "std")]
pub(crate) use reserve::refill;
