//! The bound that the breakers of a registry share: how many of them may be tripped at once.
//!
//! Who writes: the one thread that has published a transition counts it, and a slot counts its key as it comes and
//! goes. Who reads: an outcome that has found a rule true, before it trips. Between that look and its own transition
//! others may trip too: of n trips under way n - 1 may pass the bound. A count that comes late says less than there
//! is, or more, for as long as its thread is stopped, and never for good.

use crate::sync::atomic::{Counter, Word};
use crate::words::outcome::State;

#[derive(Debug)]
pub(crate) struct Bound {
    /// The part of the keys that may be tripped.
    share: f64,
    keys: Word,
    /// Those that are not closed, disabled or observed. For a moment it may be below zero, where a breaker has opened
    /// and closed, and the two are counted in the other order.
    tripped: Word,
    withheld: Counter,
    /// 1 once the registry is gone: breakers that are still in use go on without it.
    over: Counter,
}

#[cfg(feature = "registry")]
impl Bound {
    pub(crate) fn new(share: f64) -> Bound {
        Bound {
            share,
            keys: Word::default(),
            tripped: Word::default(),
            withheld: Counter::default(),
            over: Counter::default(),
        }
    }

    /// A key has come, with a breaker in that state.
    pub(crate) fn enter(&self, state: State) {
        self.keys.add(1);
        if is_tripped(state) {
            self.tripped.add(1);
        }
    }

    /// A key has gone, and nothing can happen to its breaker any more.
    pub(crate) fn leave(&self, state: State) {
        if is_tripped(state) {
            self.tripped.subtract_one();
        }
        self.keys.subtract_one();
    }

    /// The registry is gone.
    pub(crate) fn end(&self) {
        self.over.set(1);
    }

    pub(crate) fn withheld(&self) -> u64 {
        self.withheld.get()
    }
}

impl Bound {
    /// So many rules have become true, and do not trip.
    pub(crate) fn withhold(&self, rules: u64) {
        self.withheld.add(rules);
    }

    /// A breaker has gone from one state to another.
    pub(crate) fn moved(&self, from: State, to: State) {
        match (is_tripped(from), is_tripped(to)) {
            (false, true) => self.tripped.add(1),
            (true, false) => self.tripped.subtract_one(),
            _ => {}
        }
    }

    /// Whether one more would be too many.
    #[cold]
    #[inline(never)]
    pub(crate) fn is_reached(&self) -> bool {
        // before its keys leave it
        if self.over.get() != 0 {
            return false;
        }
        // Two words, read one after the other: a key that comes or goes in between makes the share a key too large or
        // too small, as if it had come or gone a moment later.
        let tripped = self.tripped.load().cast_signed().max(0) + 1;
        tripped as f64 / self.keys.load() as f64 > self.share
    }
}

fn is_tripped(state: State) -> bool {
    matches!(state, State::Open | State::HalfOpen | State::ForcedOpen)
}
