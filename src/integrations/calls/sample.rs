//! Chance, per thread.

use crate::ConfigError;
use crate::config::Problem;
use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

/// A share of the calls: 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Share(f64);

impl Share {
    pub(super) const NONE: Share = Share(0.0);
    pub(super) const ALL: Share = Share(1.0);

    pub(super) fn of(field: &'static str, share: f64) -> Result<Share, ConfigError> {
        if (0.0..=1.0).contains(&share) {
            return Ok(Share(share));
        }
        let problem = Problem {
            field,
            value: format!("{share:?}"),
            permitted: "from 0 to 1".to_owned(),
        };
        ConfigError::of(vec![problem]).map(|()| Share::NONE)
    }

    /// Whether this call is one of them.
    #[inline]
    pub(super) fn draws(self) -> bool {
        self.0 >= 1.0 || self.0 > 0.0 && unit() < self.0
    }
}

/// A number of `[0, 1)`, of a generator that each thread has for itself (Marsaglia's xorshift).
fn unit() -> f64 {
    thread_local! {
        // never 0, which it would not leave
        static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(0_u8) | 1);
    }
    // a call may end while its thread ends, and with it the generator: then it is not sampled
    let next = STATE.try_with(|state| {
        let mut x = state.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        state.set(x);
        (x >> 11) as f64 / (1_u64 << 53) as f64
    });
    next.unwrap_or(1.0)
}
