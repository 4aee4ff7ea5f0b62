//! A key's slot: the key, its breaker, and what eviction needs to know.

use crate::engine::bound::Bound;
use crate::error::caught::caught;
use crate::integrations::registry::map::Equivalent;
use crate::sync::atomic::{Counted, Counter, Flag};
use crate::{Breaker, Builder, ConfigError, Controller, Snapshot, State};
use std::borrow::Borrow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The users of a breaker that is not used from outside: the slot's own two. Watchers are not
/// counted.
const AT_HOME: usize = 2;

/// A place in no ring.
pub(super) const NOWHERE: u64 = u64::MAX;

/// Returns the settings of a key's breaker.
pub(super) type Template<K, C> = Arc<dyn Fn(&K) -> Builder<C> + Send + Sync>;

/// All fields except `kept` are written under the seats' lock only, or by the one sweep under way.
/// `kept` is written by a thread that has the slot, so a thread that finds that it alone has the
/// slot sees the write.
#[derive(Debug)]
pub(super) struct Slot<K, C> {
    pub(super) key: K,
    /// The key's hash, computed once.
    hash: u64,
    pub(super) breaker: Breaker<C>,
    pub(super) controller: Controller,
    /// It is among the keys of this one until it is dropped.
    bound: Option<Arc<Bound>>,
    /// The operator gave this key rules of its own, which must not be forgotten.
    pub(super) kept: Flag,
    /// The template builds it under an override. If it is closed, an operator has released it, and the
    /// next breaker of the key would be under the override again.
    overridden: bool,
    /// It has missed new rules. Written by the operation on all breakers under way.
    #[cfg(feature = "settings")]
    pub(super) behind: Flag,
    /// The operator wants it forgotten, in whatever state.
    pub(super) unwanted: Flag,
    /// The stamp when the hand came by, and when a sweep did.
    pub(super) at_hand: Counter,
    pub(super) at_sweep: Counter,
    /// Index in the ring, or [`NOWHERE`].
    pub(super) place: Counter,
}

impl<K, C> Slot<K, C> {
    /// Creates the slot from what the template returned.
    pub(super) fn of(
        key: K,
        hash: u64,
        builder: Builder<C>,
        bound: Option<&Arc<Bound>>,
    ) -> Result<Counted<Slot<K, C>>, ConfigError> {
        // not the state in which it starts: that may be a saved one
        let overridden = matches!(
            builder.settings().initial_state,
            State::ForcedOpen | State::Disabled | State::ObserveOnly
        );
        let (breaker, controller) = builder.build_under(bound.cloned())?;
        if let Some(bound) = bound {
            bound.enter(breaker.state());
        }
        Ok(Counted::new(Slot {
            key,
            hash,
            overridden,
            breaker,
            controller,
            bound: bound.cloned(),
            kept: Flag::new(false),
            #[cfg(feature = "settings")]
            behind: Flag::new(false),
            unwanted: Flag::new(false),
            at_hand: Counter::new(u64::MAX),
            at_sweep: Counter::new(u64::MAX),
            place: Counter::new(NOWHERE),
        }))
    }

    /// `None` where the breaker's clock panics: it is the user's, and is read under the seats' lock.
    pub(super) fn figures(&self) -> Option<Snapshot> {
        caught(|| self.controller.figures())
    }

    /// Returns whether it is the slot of that key.
    pub(super) fn is_of<Q: Eq + ?Sized>(&self, sought: &Sought<'_, Q>) -> bool
    where
        K: Borrow<Q>,
    {
        self.hash == sought.hash && self.key.borrow() == sought.key
    }

    /// Rises with everything that happens to the breaker. What cannot be read is not idle.
    pub(super) fn stamp(&self) -> Option<u64> {
        let seen = self.figures()?;
        let t = &seen.totals;
        // each term only rises, so the sum stands still if and only if they all do
        let calls = t.successes + t.failures + t.rejected + t.late + t.ignored + t.cancelled;
        Some(calls + seen.transitions)
    }

    /// Forgetting it would lose nothing, as far as can be seen from here: closed, for so long that
    /// its next wait would be the first one's, with the template's state and rules, and without
    /// users outside. Calls under way are not seen.
    pub(super) fn expendable(&self) -> bool {
        if self.breaker.users() != AT_HOME {
            return false;
        }
        self.unwanted.get()
            || !self.kept.get()
                && !self.overridden
                && self.breaker.state() == State::Closed
                && self.figures().is_some_and(|seen| seen.openings == 0)
    }
}

impl<K, C> Drop for Slot<K, C> {
    /// Its watchers learn that it is gone. A breaker that is still in use when its registry is
    /// dropped goes on without it.
    fn drop(&mut self) {
        if self.breaker.users() == AT_HOME {
            self.breaker.forget();
        }
        if let Some(bound) = &self.bound {
            bound.leave(self.breaker.state());
        }
    }
}

/// A slot in the map. A look-up compares its key; everything else compares the slot itself, with the
/// hash that was computed once. So no change of the map runs the key's `Hash` or `Eq`, which may panic.
#[derive(Debug)]
pub(super) struct Keyed<K, C>(pub(super) Counted<Slot<K, C>>);

impl<K, C> Hash for Keyed<K, C> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

impl<K, C> PartialEq for Keyed<K, C> {
    fn eq(&self, other: &Self) -> bool {
        Counted::ptr_eq(&self.0, &other.0)
    }
}

impl<K, C> Eq for Keyed<K, C> {}

/// Finds that slot in the map.
pub(super) struct Exactly<'a, K, C>(pub(super) &'a Counted<Slot<K, C>>);

impl<K, C> Hash for Exactly<'_, K, C> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

impl<K, C> Equivalent<Keyed<K, C>> for Exactly<'_, K, C> {
    fn equivalent(&self, slot: &Keyed<K, C>) -> bool {
        Counted::ptr_eq(self.0, &slot.0)
    }
}

/// A key that is looked up, or what it borrows as, with its hash.
#[derive(Debug)]
pub(super) struct Sought<'a, Q: ?Sized> {
    pub(super) key: &'a Q,
    pub(super) hash: u64,
}

impl<Q: ?Sized> Hash for Sought<'_, Q> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl<K: Borrow<Q>, C, Q: Eq + ?Sized> Equivalent<Keyed<K, C>> for Sought<'_, Q> {
    #[inline]
    fn equivalent(&self, slot: &Keyed<K, C>) -> bool {
        slot.0.key.borrow() == self.key
    }
}
