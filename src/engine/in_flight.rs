//! The limit on calls in flight.
//!
//! Who writes: an acquire takes a place by one exchange, and the end of its call gives it back. A permit holds a bit
//! that says so, and so is never taken for one without: the fast path of a result compares the whole period, and what
//! it does not find equal goes the slow way, where the place is given back. So a breaker without a limit pays nothing.
//!
//! The count is of calls, not of a period: a call of an earlier generation that has not ended is still in flight.

use crate::engine::call::Admission;
use crate::engine::policy::{Policy, RULES_BITS};
use crate::engine::state::Core;
use crate::error::Rejected;
use crate::sync::atomic::Word;
use crate::sync::pack::{Fields, Pack};
use crate::words::outcome::State;

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

    /// Takes a place; `false` if all are taken.
    fn take(&self, most: u64) -> bool {
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

impl Core {
    /// Counts an admitted call among those in flight, or rejects it. A probe, and a call of a ramp, is counted
    /// whatever the limit: how many there are is up to the round and the ramp.
    #[inline]
    pub(crate) fn hold_place(&self, admission: Admission) -> Result<Admission, Rejected> {
        let limit = u64::from(self.in_flight.limit.load().calls);
        let state = admission.period.state();
        if limit == 0 || state == State::Disabled {
            return Ok(admission);
        }
        // The state may change between the acquire's look at it and this exchange: then the call is late, and gives
        // its place back at its end, as every other does.
        let most = if state == State::Closed {
            limit
        } else {
            u64::MAX
        };
        if !self.in_flight.take(most) {
            return Err(Rejected::by(State::Closed));
        }
        Ok(Admission {
            period: admission.period.in_flight(),
            ..admission
        })
    }

    /// Gives the call's place back, if it has one. Once per call: what is returned has none.
    #[inline]
    pub(crate) fn give_place_back(&self, admission: Admission) -> Admission {
        if !admission.period.is_in_flight() {
            return admission;
        }
        // Before the result is counted, so a call may begin that is in no window with this one. None is in flight too
        // many: this one has ended.
        self.in_flight.calls.subtract_one();
        Admission {
            period: admission.period.not_in_flight(),
            ..admission
        }
    }
}

#[cfg(all(test, feature = "std"))]
mod tests;
