//! The agent of a fleet: many instances in one process, on tokio's paused time.
//!
//! An instance has a breaker, an agent and calls of its own; they share a store in memory, which fails as a test asks.
//! All chance is seeded, so a run is the same each time.
#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

mod faulty;
mod figures;
mod joins;
mod link;
mod noise;
mod operators;
mod outage;
mod part;
mod probes;
mod stale;
mod world;

use std::time::Duration;
use tripcoil::testing::tokio_clock;
use tripcoil::{Backoff, Breaker, Builder, HalfOpen};

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// The rules of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Rules that count and divide: five failures in a row, or half of at least ten calls.
    Counting,
    /// `Breaker::adaptive`.
    Adaptive,
}

impl Kind {
    const BOTH: [Kind; 2] = [Kind::Counting, Kind::Adaptive];

    fn builder(self, seed: u64) -> Builder {
        match self {
            Kind::Counting => Breaker::builder("orders")
                .consecutive_failures(5)
                .failure_rate(0.5)
                .min_throughput(10)
                .open_for(
                    Backoff::exponential(secs(5), 2.0)
                        .max(secs(60))
                        .jitter(0.1)
                        .seed(seed),
                )
                .half_open(HalfOpen::successes(2)),
            Kind::Adaptive => Breaker::adaptive("orders").open_for(Backoff::adaptive().seed(seed)),
        }
        .clock(tokio_clock())
    }
}

/// A seeded stream of numbers (splitmix64).
#[derive(Clone, Debug)]
struct Chance(u64);

impl Chance {
    /// A number of `[0, 1)`.
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// The time until the next of calls that come at random.
    fn pause(&mut self, per_second: f64) -> Duration {
        Duration::from_secs_f64(-(1.0 - self.unit()).ln() / per_second)
    }
}
