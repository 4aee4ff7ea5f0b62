//! Reports keys that come and go.
//!
//! Reports are queued under the seats' lock where the events happen, so they are in the order in
//! which keys came and went: a key's old breaker has gone before its new one comes. They are
//! delivered outside all locks, by the thread that queued a report last and finds no other thread
//! delivering. Only one thread delivers at a time, so followers see the same order.

use crate::Observer;
use crate::error::caught::{caught, quietly};
use crate::integrations::registry::slot::Slot;
use crate::sync::atomic::Counted;
use std::collections::VecDeque;
use std::sync::{Arc, Weak};

/// What happened to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    /// It is present when the follower begins.
    #[cfg(any(feature = "health", feature = "metrics", feature = "tracing"))]
    There,
    /// Its breaker was created.
    Came,
    /// It was forgotten.
    Went,
}

/// Called for each event.
pub(crate) type Report<K> = dyn Fn(&K, &Observer, Move) + Send + Sync;

struct Follower<K> {
    /// The first report for this follower.
    since: u64,
    to: Weak<Report<K>>,
}

impl<K> Clone for Follower<K> {
    fn clone(&self) -> Self {
        Follower {
            since: self.since,
            to: self.to.clone(),
        }
    }
}

/// One report, and its followers. It keeps the slot of a new key, so that the key is not forgotten
/// before.
pub(super) struct Due<K, C> {
    number: u64,
    slot: Counted<Slot<K, C>>,
    what: Move,
    followers: Vec<Follower<K>>,
}

pub(super) struct Reports<K, C> {
    queue: VecDeque<(Counted<Slot<K, C>>, Move)>,
    /// How many were taken out of the queue.
    taken: u64,
    /// A thread is delivering, and will deliver everything queued.
    busy: bool,
    followers: Vec<Follower<K>>,
    /// All keys are published, or have been.
    #[cfg(feature = "metrics")]
    pub(super) published: bool,
}

impl<K, C> Default for Reports<K, C> {
    fn default() -> Self {
        Reports {
            queue: VecDeque::new(),
            taken: 0,
            busy: false,
            followers: Vec::new(),
            #[cfg(feature = "metrics")]
            published: false,
        }
    }
}

impl<K, C> Reports<K, C> {
    /// From now on.
    pub(super) fn follow(&mut self, follower: &Arc<Report<K>>) {
        self.followers.retain(|one| one.to.strong_count() > 0);
        self.followers.push(Follower {
            since: self.taken + self.queue.len() as u64,
            to: Arc::downgrade(follower),
        });
    }

    /// Returns the slot if there are no followers.
    pub(super) fn push(
        &mut self,
        slot: Counted<Slot<K, C>>,
        what: Move,
    ) -> Option<Counted<Slot<K, C>>> {
        if self.followers.is_empty() {
            return Some(slot);
        }
        self.queue.push_back((slot, what));
        None
    }

    /// Returns the next report to deliver, unless another thread is delivering.
    pub(super) fn take(&mut self) -> Option<Due<K, C>> {
        if self.busy {
            return None;
        }
        let (slot, what) = self.queue.pop_front()?;
        self.busy = true;
        self.taken += 1;
        Some(Due {
            number: self.taken - 1,
            slot,
            what,
            followers: self.followers.clone(),
        })
    }

    /// The report taken was delivered.
    pub(super) fn done(&mut self) {
        self.busy = false;
    }
}

impl<K, C> Due<K, C> {
    pub(super) fn deliver(self) {
        let observer = self.slot.controller.observer();
        for follower in &self.followers {
            if follower.since > self.number {
                continue;
            }
            // a hook that panics does not stop the next one; one that is not kept is dropped here
            caught(|| {
                if let Some(report) = follower.to.upgrade() {
                    report(&self.slot.key, &observer, self.what);
                }
            });
        }
        // a key's `Drop` is the user's code too
        quietly(self);
    }
}
