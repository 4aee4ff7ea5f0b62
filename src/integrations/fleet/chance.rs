//! Jitter, so that instances that begin or fail together do not act in step.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// A stream of numbers (splitmix64) that differs between instances, and is the same at each start of one.
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn of(fleet: &str, instance: &str) -> Chance {
        let mut hasher = DefaultHasher::new();
        (fleet, instance).hash(&mut hasher);
        Chance(hasher.finish())
    }

    /// Returns a number of `[0, 1)`.
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns a time of `[0, most)`.
    pub(super) fn up_to(&mut self, most: Duration) -> Duration {
        most.mul_f64(self.unit())
    }
}
