//! Who hears of keys that come and go.
//!
//! What there is to report is queued under the seats' lock, where it happens, so it is in the order in
//! which keys came and went: a key's old breaker has gone before its new one comes. It is delivered
//! outside of all locks by whichever thread made a report last and finds no other at it; one at a time, so
//! that the order holds for those that hear of it too.

use crate::Observer;
use crate::error::caught::{caught, quietly};
use crate::integrations::registry::slot::Slot;
use crate::sync::atomic::Counted;
use std::collections::VecDeque;
use std::sync::{Arc, Weak};

/// What has happened to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    /// It is there when one begins to follow.
    #[cfg(any(feature = "metrics", feature = "tracing"))]
    There,
    /// Its breaker has been made.
    Came,
    /// It has been forgotten.
    Went,
}

/// What is called for each.
pub(crate) type Report<K> = dyn Fn(&K, &Observer, Move) + Send + Sync;

struct Follower<K> {
    /// The first report that it is to hear.
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

/// One report, and who is to hear it. The slot of a key that came is kept by it, and so is not
/// forgotten before.
pub(super) struct Due<K, C> {
    number: u64,
    slot: Counted<Slot<K, C>>,
    what: Move,
    followers: Vec<Follower<K>>,
}

pub(super) struct Reports<K, C> {
    queue: VecDeque<(Counted<Slot<K, C>>, Move)>,
    /// How many have been taken out of the queue.
    taken: u64,
    /// Somebody is at it, and will come to what is queued.
    busy: bool,
    followers: Vec<Follower<K>>,
}

impl<K, C> Default for Reports<K, C> {
    fn default() -> Self {
        Reports {
            queue: VecDeque::new(),
            taken: 0,
            busy: false,
            followers: Vec::new(),
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

    /// The slot is given back if nobody is to hear of it.
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

    /// The next to be delivered, unless somebody is at it.
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

    /// What was taken has been delivered.
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
            // a hook that panics is no matter of the next one's; one that nobody keeps is dropped here
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
