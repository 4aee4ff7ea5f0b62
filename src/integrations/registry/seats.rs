//! The breakers of a registry, and how one is removed.
//!
//! Calls look up keys in the map and take no lock. Every change of the set of breakers (a first
//! use, an eviction) is made under the lock of [`Seats`]. A removal has four steps:
//!
//! 1. The breaker is closed, idle, and no handle of it exists (`expendable`, a hint so far).
//! 2. Its node is taken out of the map, and the slot is put among `leaving`. A call that found it
//!    before may be under way. A call that looks for the key from now on finds nothing in the map,
//!    takes the lock, finds the slot, and puts it back: there is never a second breaker.
//! 3. The map drops the node, and with it the node's count of the slot, only when every call that
//!    could have found it has ended.
//! 4. So when the slot's count has come down to the one here, no other thread has the slot, and
//!    none can get it. What is read then is final: the breaker is forgotten, or put back if it is
//!    not closed and idle after all.
//!
//! An operator's `forget` does not ask whether calls are under way: the slot leaves, and is forgotten when they have ended.
//!
//! What reads all breakers (a save, a listing) has a count of each until it comes to it. So the seats know how many
//! readings are under way, and `leave` does not take their counts for calls.
//!
//! The only code of the user's that runs under the lock is the key's `Eq` and a custom clock's source.
//! Forgotten breakers are handed out, to be dropped after it.

use crate::Controller;
#[cfg(feature = "persist")]
use crate::State;
use crate::config::Rules;
use crate::integrations::registry::aggregate::Aggregate;
use crate::integrations::registry::map::{HashSet, set, take_out};
use crate::integrations::registry::reports::{Move, Reports};
use crate::integrations::registry::slot::{Exactly, Keyed, NOWHERE, Slot, Sought, Template};
use crate::sync::atomic::Counted;
use std::borrow::Borrow;
use std::collections::VecDeque;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

/// How many slots a first use looks at when there are too many, so that its cost is bounded.
const STEPS: usize = 32;

/// The most slots that wait for calls under way, beside those that an operator has forgotten: a first use looks through
/// them.
const LEAVING: usize = 1024;

/// The breakers that a first use or a sweep has forgotten.
pub(super) struct Gone<K, C> {
    pub(super) count: usize,
    /// Those without followers: to be dropped after the lock.
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

/// The operator's override of all breakers, for those that are created later too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Override {
    ForcedOpen,
    Disabled,
    ObserveOnly,
}

impl Override {
    #[cfg(feature = "persist")]
    pub(super) fn of(state: State) -> Option<Override> {
        [Self::ForcedOpen, Self::Disabled, Self::ObserveOnly]
            .into_iter()
            .find(|one| one.state() == state)
    }

    #[cfg(feature = "persist")]
    pub(super) fn state(self) -> State {
        match self {
            Self::ForcedOpen => State::ForcedOpen,
            Self::Disabled => State::Disabled,
            Self::ObserveOnly => State::ObserveOnly,
        }
    }

    pub(super) fn put_upon(self, controller: &Controller) -> bool {
        match self {
            Self::ForcedOpen => controller.force_open(),
            Self::Disabled => controller.disable(),
            Self::ObserveOnly => controller.observe_only(),
        }
    }
}

pub(super) struct Seats<K, C> {
    /// The slots in the map, in no order.
    ring: Vec<Counted<Slot<K, C>>>,
    /// The next slot to look at.
    hand: usize,
    /// Slots that are out of the map.
    leaving: VecDeque<Counted<Slot<K, C>>>,
    /// The counts of forgotten breakers.
    retired: Aggregate,
    /// How many readings of all slots are under way, each with at most one count of a slot.
    pub(super) readings: usize,
    pub(super) template: Template<K, C>,
    pub(super) standing: Option<Override>,
    /// It is from an earlier process, and so are the saved states that go with it.
    #[cfg(feature = "persist")]
    pub(super) standing_is_restored: bool,
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
            readings: 0,
            template,
            standing: None,
            #[cfg(feature = "persist")]
            standing_is_restored: false,
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

    /// Whether a closed breaker in that slot is an exception from the operator's override of all, which
    /// the next breaker of its key would be under again.
    fn is_exception(&self, slot: &Slot<K, C>) -> bool {
        self.standing.is_some() && !slot.unwanted.get()
    }

    /// Returns all slots, and the counts of forgotten breakers: each breaker is in one or the
    /// other.
    pub(super) fn all(&self) -> (Vec<Counted<Slot<K, C>>>, Aggregate) {
        let all = self.ring.iter().chain(&self.leaving).cloned().collect();
        (all, self.retired.clone())
    }
}

/// The map that calls read, and its changes.
pub(super) struct Table<K, C> {
    pub(super) map: HashSet<Keyed<K, C>>,
    hasher: RandomState,
    pub(super) capacity: usize,
}

impl<K: Hash + Eq, C> Table<K, C> {
    pub(super) fn new(capacity: usize) -> Table<K, C> {
        Table {
            map: set(),
            hasher: RandomState::new(),
            capacity,
        }
    }

    #[inline]
    pub(super) fn sought<'a, Q: Hash + ?Sized>(&self, key: &'a Q) -> Sought<'a, Q> {
        let hash = self.hasher.hash_one(key);
        Sought { key, hash }
    }

    /// Returns the slot of that key, and brings it back if it was about to leave.
    pub(super) fn recall<Q>(
        &self,
        seats: &mut Seats<K, C>,
        sought: &Sought<'_, Q>,
    ) -> Option<Counted<Slot<K, C>>>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        if let Some(found) = self.map.pin().get(sought) {
            return Some(found.0.clone());
        }
        // the key's `Eq` may panic; nothing has changed yet, and from here on it is not called
        let at = seats.leaving.iter().position(|slot| slot.is_of(sought))?;
        let slot = seats.leaving.remove(at)?;
        self.seat(seats, slot.clone());
        Some(slot)
    }

    /// Adds a slot that is new, and whose key has no other.
    pub(super) fn seat(&self, seats: &mut Seats<K, C>, slot: Counted<Slot<K, C>>) {
        slot.unwanted.set(false);
        slot.place.set(seats.ring.len() as u64);
        seats.ring.push(slot.clone());
        self.map.pin().insert(Keyed(slot));
    }

    /// Steps 1 and 2; `stamp` is the slot's when it was found idle. Returns whether it leaves.
    pub(super) fn leave(
        &self,
        seats: &mut Seats<K, C>,
        slot: &Counted<Slot<K, C>>,
        stamp: u64,
    ) -> bool {
        let place = slot.place.get();
        // the ring's, the map's, the caller's and the readings'; more are calls under way, which would be waited for
        let used = || Counted::strong_count(slot) > 3 + seats.readings;
        let waits = || used() || seats.leaving.len() >= LEAVING;
        if place == NOWHERE || !slot.unwanted.get() && waits() || !slot.expendable() {
            return false;
        }
        if seats.is_exception(slot) {
            return false;
        }
        take_out(&self.map, &Exactly(slot));
        let taken = seats.ring.swap_remove(place as usize);
        if let Some(moved) = seats.ring.get(place as usize) {
            moved.place.set(place);
        }
        taken.place.set(NOWHERE);
        taken.at_hand.set(stamp);
        seats.leaving.push_back(taken);
        true
    }

    /// Steps 3 and 4, for at most `most` slots.
    fn part(&self, seats: &mut Seats<K, C>, most: usize, gone: &mut Gone<K, C>) {
        for _ in 0..most.min(seats.leaving.len()) {
            let Some(mut slot) = seats.leaving.pop_front() else {
                return;
            };
            if Counted::get_mut(&mut slot).is_none() {
                seats.leaving.push_back(slot);
            } else if slot.expendable()
                && !seats.is_exception(&slot)
                && (slot.unwanted.get() || slot.stamp() == Some(slot.at_hand.get()))
                && let Some(seen) = slot.figures()
            {
                seats.retired.retire(&seen);
                slot.breaker.forget();
                gone.count += 1;
                gone.slots.extend(seats.reports.push(slot, Move::Went));
            } else {
                self.seat(seats, slot);
            }
        }
    }

    /// After a first use: looks at some slots, with a second chance for each, until the capacity is
    /// met.
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
            let idle = slot.expendable()
                && slot.stamp().is_some_and(|stamp| {
                    let before = slot.at_hand.get();
                    slot.at_hand.set(stamp);
                    stamp == before && self.leave(seats, &slot, stamp)
                });
            // another has come to this place, if it left
            seats.hand += usize::from(!idle);
        }
        self.part(seats, STEPS, &mut gone);
        gone
    }

    /// Forgets all leaving slots that are no longer in use.
    pub(super) fn part_all(&self, seats: &mut Seats<K, C>) -> Gone<K, C> {
        let mut gone = Gone::default();
        self.part(seats, usize::MAX, &mut gone);
        gone
    }
}
