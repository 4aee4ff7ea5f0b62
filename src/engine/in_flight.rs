//! The limit on calls in flight.
//!
//! Who writes: an acquire takes a place by one exchange, and the end of its call gives it back. A permit holds a bit
//! that says so, and so is never taken for one without: the fast path of a result compares the whole period, and what
//! it does not find equal goes the slow way, where the place is given back. So a breaker without a limit pays nothing.
//!
//! The count is of calls, not of a period: a call of an earlier generation that has not ended is still in flight.

use crate::engine::policy::{Policy, RULES_BITS};
use crate::sync::atomic::Word;
use crate::sync::pack::{Fields, Pack};

/// The limit, with the number of the rules that it is from; 0 if off.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Limit {
    calls: u32,
    rules: u32,
}

/// calls 32 | rules 19 (from the low end)
impl Pack for Limit {
    fn pack(self) -> u64 {
        Fields::of(0)
            .put(u32::BITS, u64::from(self.calls))
            .put(RULES_BITS, u64::from(self.rules))
            .bits()
    }

    fn unpack(bits: u64) -> Limit {
        let mut fields = Fields::of(bits);
        Limit {
            calls: fields.take(u32::BITS) as u32,
            rules: fields.take(RULES_BITS) as u32,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct InFlight {
    limit: Word<Limit>,
    /// Places that are taken.
    calls: Word,
}

impl InFlight {
    pub(crate) fn new(policy: &Policy) -> InFlight {
        InFlight {
            limit: Word::new(Limit::of(policy)),
            calls: Word::default(),
        }
    }

    #[inline(always)]
    pub(crate) fn is_limited(&self) -> bool {
        self.limit.load().calls != 0
    }

    /// How many calls are in flight, if that is limited.
    pub(crate) fn now(&self) -> Option<u64> {
        self.is_limited().then(|| self.calls.load())
    }

    /// Sets the limit of new rules, unless later ones have set theirs.
    #[cfg(feature = "std")]
    pub(crate) fn adopt(&self, policy: &Policy) {
        let mut before = self.limit.load();
        // Two operators may come here in either order. The number says whose rules are the later ones.
        while before.is_older_than(policy.number) {
            match self.limit.cas(before, Limit::of(policy)) {
                Ok(()) => return,
                Err(is) => before = is,
            }
        }
    }

    /// The limit; 0 if off.
    pub(crate) fn limit(&self) -> u64 {
        u64::from(self.limit.load().calls)
    }

    /// The limit, if every place is taken.
    pub(crate) fn full(&self) -> Option<u64> {
        let limit = self.limit();
        (limit != 0 && self.calls.load() >= limit).then_some(limit)
    }

    /// Takes a place; `false` if all are taken.
    pub(crate) fn take(&self, most: u64) -> bool {
        let mut taken = self.calls.load();
        // Others may take a place between this look and the exchange, which then fails: so no two of them take the
        // last one. Each failed exchange is another call's beginning or end.
        while taken < most {
            match self.calls.cas(taken, taken + 1) {
                Ok(()) => return true,
                Err(is) => taken = is,
            }
        }
        false
    }

    /// Gives a place back that was taken.
    pub(crate) fn give_back(&self) {
        self.calls.subtract_one();
    }
}

impl Limit {
    fn of(policy: &Policy) -> Limit {
        Limit {
            calls: policy.max_in_flight(),
            rules: policy.number,
        }
    }

    /// By the nearer way round: a thread would have to sleep through a quarter of a million changes of the rules.
    #[cfg(feature = "std")]
    fn is_older_than(self, rules: u32) -> bool {
        let ahead = rules.wrapping_sub(self.rules) % (1 << RULES_BITS);
        (1..1 << (RULES_BITS - 1)).contains(&ahead)
    }
}

#[cfg(all(test, feature = "std"))]
mod tests;
