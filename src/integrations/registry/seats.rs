//! Who is there, and how one leaves.
//!
//! Calls look keys up in the map and take no lock. Everything that changes who is there (a first use,
//! an eviction) goes on under the lock of [`Seats`], and in four steps for one that leaves:
//!
//! 1. it is closed, idle, and nobody has a handle of it (`expendable`, a hint so far);
//! 2. its node is taken out of the map, and the slot put among `leaving`. A call that had found it
//!    before may be under way; one that seeks the key from now on finds nothing in the map, comes
//!    here for the lock, finds the slot, and puts it back: there is never a second breaker;
//! 3. the map drops the node, and with it the node's count of the slot, only when every call that could
//!    have found it has ended;
//! 4. so when the slot's count has come down to the one here, it is nobody else's, and cannot become
//!    so. What is read then is final: it is forgotten, or put back if it is not closed and idle after
//!    all.
//!
//! No user's code runs under the lock but the key's own `Hash` and `Eq`; what is forgotten is handed
//! out, to be dropped after it.

use crate::integrations::registry::aggregate::Aggregate;
use crate::integrations::registry::map::{HashSet, set, take_out};
use crate::integrations::registry::reports::{Move, Reports};
use crate::integrations::registry::slot::{Keyed, NOWHERE, Slot, Sought, Template};
use crate::sync::atomic::Counted;
use crate::{Controller, Rules};
use std::borrow::Borrow;
use std::collections::VecDeque;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

/// Slots that a first use looks at when there are too many, so that its cost has a bound.
const STEPS: usize = 32;

/// The most slots that wait for calls under way: a first use looks through them.
const LEAVING: usize = 1024;

/// What a first use or a sweep has forgotten.
pub(super) struct Gone<K, C> {
    pub(super) count: usize,
    /// Those of which nobody is to hear any more: to be dropped after the lock.
    pub(super) slots: Vec<Counted<Slot<K, C>>>,
}

impl<K, C> Default for Gone<K, C> {
    fn default() -> Self {
        Gone {
            count: 0,
            slots: Vec::new(),
        }
    }
}

/// A change of rules that the operator made to all.
pub(super) type Change = Arc<dyn Fn(Rules) -> Rules + Send + Sync>;

/// What the operator said of all breakers, for those that are made later too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Override {
    ForcedOpen,
    Disabled,
    ObserveOnly,
}

impl Override {
    pub(super) fn put_upon(self, controller: &Controller) -> bool {
        match self {
            Self::ForcedOpen => controller.force_open(),
            Self::Disabled => controller.disable(),
            Self::ObserveOnly => controller.observe_only(),
        }
    }
}

pub(super) struct Seats<K, C> {
    /// Those in the map, in no order.
    ring: Vec<Counted<Slot<K, C>>>,
    /// The next to be looked at.
    hand: usize,
    /// Those out of the map, by their key's hash.
    leaving: VecDeque<(u64, Counted<Slot<K, C>>)>,
    /// What was counted by those that are gone.
    retired: Aggregate,
    pub(super) template: Template<K, C>,
    pub(super) standing: Option<Override>,
    pub(super) changes: Vec<Change>,
    pub(super) reports: Reports<K, C>,
}

impl<K, C> Seats<K, C> {
    pub(super) fn new(template: Template<K, C>) -> Self {
        Seats {
            ring: Vec::new(),
            hand: 0,
            leaving: VecDeque::new(),
            retired: Aggregate::default(),
            template,
            standing: None,
            changes: Vec::new(),
            reports: Reports::default(),
        }
    }
}

impl<K, C> fmt::Debug for Seats<K, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seats")
            .field("breakers", &self.len())
            .field("retired", &self.retired)
            .finish_non_exhaustive()
    }
}

impl<K, C> Seats<K, C> {
    pub(super) fn len(&self) -> usize {
        self.ring.len() + self.leaving.len()
    }

    /// Everybody, and what was counted by those that are gone: each is in the one or in the other.
    pub(super) fn all(&self) -> (Vec<Counted<Slot<K, C>>>, Aggregate) {
        let leaving = self.leaving.iter().map(|(_, slot)| slot);
        let all = self.ring.iter().chain(leaving).cloned().collect();
        (all, self.retired.clone())
    }
}

/// The map, in which calls look, and how it is changed.
pub(super) struct Table<K, C> {
    pub(super) map: HashSet<Keyed<K, C>>,
    hasher: RandomState,
    pub(super) capacity: usize,
}

impl<K: Hash + Eq, C> Table<K, C> {
    pub(super) fn new(capacity: usize) -> Table<K, C> {
        let hasher = RandomState::new();
        Table {
            map: set(&hasher),
            hasher,
            capacity,
        }
    }

    fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u64 {
        self.hasher.hash_one(key)
    }

    /// The slot of that key, brought back if it was about to leave.
    pub(super) fn recall<Q>(&self, seats: &mut Seats<K, C>, key: &Q) -> Option<Counted<Slot<K, C>>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        if let Some(found) = self.map.pin().get(&Sought(key)) {
            return Some(found.0.clone());
        }
        if seats.leaving.is_empty() {
            return None;
        }
        let hash = self.hash(key);
        let is_it = |(h, slot): &(u64, Counted<Slot<K, C>>)| *h == hash && slot.key.borrow() == key;
        let at = seats.leaving.iter().position(is_it)?;
        let (_, slot) = seats.leaving.remove(at)?;
        self.seat(seats, slot.clone());
        Some(slot)
    }

    /// One that is in no place yet, and whose key has no other.
    pub(super) fn seat(&self, seats: &mut Seats<K, C>, slot: Counted<Slot<K, C>>) {
        slot.unwanted.set(false);
        slot.place.set(seats.ring.len() as u64);
        seats.ring.push(slot.clone());
        self.map.pin().insert(Keyed(slot));
    }

    /// Steps 1 and 2; `stamp` is what had happened when it was found idle. Whether it leaves.
    pub(super) fn leave(
        &self,
        seats: &mut Seats<K, C>,
        slot: &Counted<Slot<K, C>>,
        stamp: u64,
    ) -> bool {
        let place = slot.place.get();
        // the ring's, the map's and the caller's; more are calls under way, which would be waited for
        let used = Counted::strong_count(slot) > 3;
        if used || place == NOWHERE || seats.leaving.len() >= LEAVING || !slot.expendable() {
            return false;
        }
        // before anything has changed: a key's `Hash` may panic
        let hash = self.hash(&slot.key);
        take_out(&self.map, &Sought(&slot.key));
        let taken = seats.ring.swap_remove(place as usize);
        if let Some(moved) = seats.ring.get(place as usize) {
            moved.place.set(place);
        }
        taken.place.set(NOWHERE);
        taken.at_hand.set(stamp);
        seats.leaving.push_back((hash, taken));
        true
    }

    /// Steps 3 and 4, for at most so many.
    fn part(&self, seats: &mut Seats<K, C>, most: usize, gone: &mut Gone<K, C>) {
        for _ in 0..most.min(seats.leaving.len()) {
            let Some((hash, mut slot)) = seats.leaving.pop_front() else {
                return;
            };
            if Counted::get_mut(&mut slot).is_none() {
                seats.leaving.push_back((hash, slot));
            } else if slot.expendable()
                && (slot.unwanted.get() || slot.stamp() == slot.at_hand.get())
            {
                let seen = slot.controller.observer().figures();
                seats.retired.retire(&seen);
                slot.breaker.forget();
                gone.count += 1;
                gone.slots.extend(seats.reports.push(slot, Move::Went));
            } else {
                self.seat(seats, slot);
            }
        }
    }

    /// After a first use: look at some, second chance first, until there are no more than there may
    /// be.
    pub(super) fn relieve(&self, seats: &mut Seats<K, C>) -> Gone<K, C> {
        let mut gone = Gone::default();
        self.part(seats, STEPS, &mut gone);
        for _ in 0..STEPS.min(seats.ring.len()) {
            if seats.ring.len() <= self.capacity {
                break;
            }
            if seats.hand >= seats.ring.len() {
                seats.hand = 0;
            }
            let slot = seats.ring[seats.hand].clone();
            // the cheap look first
            let idle = slot.expendable() && {
                let (before, stamp) = (slot.at_hand.get(), slot.stamp());
                slot.at_hand.set(stamp);
                stamp == before && self.leave(seats, &slot, stamp)
            };
            // another has come to this place, if it left
            seats.hand += usize::from(!idle);
        }
        self.part(seats, STEPS, &mut gone);
        gone
    }

    /// All of the leaving that nobody uses any more.
    pub(super) fn part_all(&self, seats: &mut Seats<K, C>) -> Gone<K, C> {
        let mut gone = Gone::default();
        self.part(seats, usize::MAX, &mut gone);
        gone
    }
}
