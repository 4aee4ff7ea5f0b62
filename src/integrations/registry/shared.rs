//! What the registry's handles share: looking up breakers, and creating them.

use crate::engine::bound::Bound;
use crate::error::caught::{caught, quietly};
use crate::integrations::registry::aggregate::Aggregate;
use crate::integrations::registry::reports::{Move, Report};
use crate::integrations::registry::seats::{Change, Override, Seats, Table};
use crate::integrations::registry::slot::{Slot, Template};
#[cfg(feature = "persist")]
use crate::integrations::registry::waiting::{Found, Saving, Waiting};
use crate::sync::atomic::{Counted, Mutex, MutexGuard};
use crate::{ConfigError, Controller};
use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, PoisonError, TryLockError};

pub(super) struct Shared<K, C> {
    pub(super) table: Table<K, C>,
    seats: Mutex<Seats<K, C>>,
    /// One operation on all breakers at a time, so that each finds all as the one before left them.
    /// Calls never take it.
    operators: Mutex<()>,
    sweeping: Mutex<()>,
    /// How many of the breakers rules may trip at once.
    bound: Option<Arc<Bound>>,
    /// Saved states of keys that were not used since.
    #[cfg(feature = "persist")]
    pub(super) waiting: Waiting<K>,
    /// The builder's hooks, which are followers like others.
    _hooks: Vec<Arc<Report<K>>>,
}

/// The slots of one moment, all of them, to be used outside the lock. Each is let go before the next.
pub(super) struct Reading<'a, K, C> {
    of: &'a Shared<K, C>,
    slots: std::vec::IntoIter<Counted<Slot<K, C>>>,
}

impl<K, C> Iterator for Reading<'_, K, C> {
    type Item = Counted<Slot<K, C>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.slots.next()
    }
}

impl<K, C> Drop for Reading<'_, K, C> {
    fn drop(&mut self) {
        // none of them is the last count of its slot: what is forgotten has no other
        self.slots.by_ref().for_each(drop);
        self.of.seats().readings -= 1;
    }
}

impl<K, C> Shared<K, C> {
    /// `{:?}` of each handle: how full it is, without its contents.
    pub(super) fn debug(&self, handle: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct(handle);
        shown.field("capacity", &self.table.capacity);
        // It does not wait. A key's own `Eq` may print the registry, or panic, and a panic hook may
        // print it: both happen under the lock.
        let seats = match self.seats.try_lock() {
            Ok(seats) => Some(seats),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        };
        if let Some(seats) = seats {
            shown.field("breakers", &seats.len());
        }
        shown.finish_non_exhaustive()
    }
}

impl<K, C> Drop for Shared<K, C> {
    fn drop(&mut self) {
        if let Some(bound) = &self.bound {
            bound.end();
        }
    }
}

impl<K, C> fmt::Debug for Shared<K, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.debug("Shared", f)
    }
}

impl<K, C> Shared<K, C> {
    /// A panicking `Eq` leaves a consistent state: under the lock it runs in look-ups only, before
    /// anything has changed.
    pub(super) fn seats(&self) -> MutexGuard<'_, Seats<K, C>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The turn of an operation on all breakers.
    pub(super) fn turn(&self) -> MutexGuard<'_, ()> {
        self.operators
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// All slots, and the counts of forgotten breakers at that moment.
    fn read(&self, seats: &mut Seats<K, C>) -> (Reading<'_, K, C>, Aggregate) {
        let (all, retired) = seats.all();
        seats.readings += 1;
        let slots = all.into_iter();
        (Reading { of: self, slots }, retired)
    }

    /// All slots.
    pub(super) fn all(&self) -> Reading<'_, K, C> {
        self.read(&mut self.seats()).0
    }

    /// All slots, and each that comes or goes from then on, exactly once.
    #[cfg(any(feature = "health", feature = "metrics", feature = "tracing"))]
    pub(super) fn follow(&self, follower: &Arc<Report<K>>) -> Reading<'_, K, C> {
        let mut seats = self.seats();
        seats.reports.follow(follower);
        self.read(&mut seats).0
    }

    /// Delivers queued reports, outside the lock. A hook that is called here may queue more.
    fn report(&self) {
        loop {
            let Some(due) = self.seats().reports.take() else {
                return;
            };
            // what unwinds here is no matter of the caller's, and the next one is reported all the same
            caught(|| due.deliver());
            self.seats().reports.done();
        }
    }

    pub(super) fn aggregate(&self) -> Aggregate {
        let (all, mut sum) = self.read(&mut self.seats());
        sum.capacity = self.table.capacity;
        sum.withheld = self.bound.as_ref().map_or(0, |bound| bound.withheld());
        for slot in all {
            // while it is held here it is not forgotten, and so not counted twice
            sum.add(&slot.controller.figures());
        }
        sum
    }
}

impl<K: Hash + Eq, C> Shared<K, C> {
    pub(super) fn new(
        capacity: usize,
        template: Template<K, C>,
        hooks: Vec<Arc<Report<K>>>,
        bound: Option<f64>,
    ) -> Shared<K, C> {
        let mut seats = Seats::new(template);
        hooks.iter().for_each(|hook| seats.reports.follow(hook));
        Shared {
            table: Table::new(capacity),
            seats: Mutex::new(seats),
            operators: Mutex::default(),
            sweeping: Mutex::default(),
            bound: bound.map(|share| Arc::new(Bound::new(share))),
            #[cfg(feature = "persist")]
            waiting: Waiting::new(Saving::default()),
            _hooks: hooks,
        }
    }

    /// Lets keys continue from saved states.
    #[cfg(feature = "persist")]
    pub(super) fn restoring(mut self, saving: Saving<K>) -> Shared<K, C> {
        let standing = saving.from.standing().and_then(Override::of);
        {
            let mut seats = self.seats();
            seats.standing = standing;
            seats.standing_is_restored = standing.is_some();
        }
        self.waiting = Waiting::new(saving);
        self
    }

    /// Returns the slot of that key, if there is one.
    pub(super) fn find<Q>(&self, key: &Q) -> Option<Counted<Slot<K, C>>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let sought = self.table.sought(key);
        if let Some(found) = self.table.map.pin().get(&sought) {
            return Some(found.0.clone());
        }
        self.table.recall(&mut self.seats(), &sought)
    }

    /// Returns the slot of that key, and creates it if necessary.
    #[cold]
    pub(super) fn make<Q>(&self, key: &Q) -> Result<Counted<Slot<K, C>>, ConfigError>
    where
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
        K: Borrow<Q>,
    {
        // ours, and the template that it was built of: held here, that cannot be at a newer one's address
        let mut made: Option<(Counted<_>, Template<K, C>)> = None;
        #[cfg(feature = "persist")]
        let mut found = None;
        let mut adopted = 0;
        let sought = self.table.sought(key);
        loop {
            let mut seats = self.seats();
            if let Some(other) = self.table.recall(&mut seats, &sought) {
                return Ok(other);
            }
            let Some((slot, _)) = made
                .as_ref()
                .filter(|(_, template)| Arc::ptr_eq(template, &seats.template))
            else {
                let template = seats.template.clone();
                drop(seats);
                // the user's code, and so outside the lock; where several threads come here at once,
                // all but one throw theirs away
                let key = key.to_owned();
                let builder = template(&key);
                #[cfg(feature = "persist")]
                let builder = {
                    let (builder, state) = self.waiting.restore(&key, builder);
                    found = state;
                    builder
                };
                made = Some((
                    Slot::of(key, sought.hash, builder, self.bound.as_ref())?,
                    template,
                ));
                adopted = 0;
                continue;
            };
            if let Some(change) = seats.changes.get(adopted).cloned() {
                drop(seats);
                // one that refuses keeps its rules, as those do that were there at the time; a change
                // that panics is the operator's, and refuses every key
                let _refused = caught(|| slot.controller.reconfigure(|rules| change(rules)));
                adopted += 1;
                continue;
            }
            #[cfg(feature = "persist")]
            if found
                .as_ref()
                .is_some_and(|found| !self.waiting.take(found))
            {
                // the key has had it, and was forgotten since; or an operator has dropped it
                drop(seats);
                made = None;
                continue;
            }
            // a state that was saved under it is as the operator left it
            #[cfg(feature = "persist")]
            let has_it = seats.standing_is_restored && found.as_ref().is_some_and(Found::is_read);
            #[cfg(not(feature = "persist"))]
            let has_it = false;
            if let Some(standing) = seats.standing
                && !has_it
            {
                standing.put_upon(&slot.controller);
            }
            self.table.seat(&mut seats, slot.clone());
            // one that is not to be reported is kept by the table
            let _kept = seats.reports.push(slot.clone(), Move::Came);
            let gone = self.table.relieve(&mut seats);
            drop(seats);
            gone.slots.into_iter().for_each(quietly);
            #[cfg(feature = "persist")]
            if let Some(found) = &found {
                self.waiting.report(&slot.key, found, &slot.controller);
            }
            self.report();
            return Ok(slot.clone());
        }
    }

    /// Forgets the breakers that were idle since the last sweep. Returns how many.
    pub(super) fn sweep(&self) -> usize {
        let _one = match self.sweeping.try_lock() {
            Ok(one) => one,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return 0,
        };
        let mut forgotten = 0;
        // no reading: its count of a slot is the caller's of `leave`
        let all = self.seats().all().0;
        for slot in all {
            let Some(stamp) = slot.stamp() else {
                continue;
            };
            let before = slot.at_sweep.get();
            slot.at_sweep.set(stamp);
            if stamp == before && slot.expendable() {
                let left = self.table.leave(&mut self.seats(), &slot, stamp);
                drop(slot);
                forgotten += if left { self.part() } else { 0 };
            }
        }
        forgotten + self.part()
    }

    /// Forgets the leaving breakers that are no longer in use. Returns how many.
    fn part(&self) -> usize {
        let gone = self.table.part_all(&mut self.seats());
        gone.slots.into_iter().for_each(quietly);
        self.report();
        gone.count
    }

    /// Forgets that key, in whatever state, or its saved state if it waits. Returns whether it is about to leave.
    pub(super) fn forget<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let sought = self.table.sought(key);
        let left = {
            let mut seats = self.seats();
            let found = self.table.recall(&mut seats, &sought);
            found.map(|slot| {
                slot.unwanted.set(true);
                let left = self.table.leave(&mut seats, &slot, 0);
                if !left {
                    slot.unwanted.set(false);
                }
                left
            })
        };
        let Some(left) = left else {
            #[cfg(feature = "persist")]
            return self.forget_state(&key.to_owned());
            #[cfg(not(feature = "persist"))]
            return false;
        };
        self.part();
        left
    }

    /// Forgets the saved state of a key that has no breaker. Returns whether there was one.
    #[cfg(feature = "persist")]
    fn forget_state(&self, key: &K) -> bool {
        let template = self.seats().template.clone();
        // the user's code, outside the lock
        self.waiting.forget_key(key, || template(key).name().into())
    }

    /// Sets the template of later keys. The old one is dropped outside the lock, when the last
    /// first use that calls it has ended.
    pub(super) fn retemplate(&self, template: Template<K, C>) {
        let old = std::mem::replace(&mut self.seats().template, template);
        drop(old);
    }

    /// Operates on all breakers; `standing` is for those that are created later. Returns how many
    /// it changed.
    pub(super) fn operate(
        &self,
        standing: Option<Option<Override>>,
        operation: impl Fn(&Controller) -> bool,
    ) -> usize {
        let _turn = self.turn();
        let all = {
            let mut seats = self.seats();
            if let Some(standing) = standing {
                seats.standing = standing;
                #[cfg(feature = "persist")]
                {
                    seats.standing_is_restored = false;
                }
            }
            self.read(&mut seats).0
        };
        all.filter(|slot| operation(&slot.controller)).count()
    }

    /// Changes the rules of all breakers, present and future. Returns the keys of those that refused.
    pub(super) fn reconfigure(&self, change: Change) -> Vec<(K, ConfigError)>
    where
        K: Clone,
    {
        let _turn = self.turn();
        let all = {
            let mut seats = self.seats();
            seats.changes.push(change.clone());
            self.read(&mut seats).0
        };
        let refused = all.filter_map(|slot| {
            let answer = slot.controller.reconfigure(|rules| change(rules));
            answer.err().map(|error| (slot.key.clone(), error))
        });
        refused.collect()
    }
}
