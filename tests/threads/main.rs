//! Real threads at full speed: what must hold under every interleaving, on those that come.
//!
//! Each test is bounded in calls, and in time by `Patience`.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

mod conservation;
mod in_flight;
mod listeners;
mod operators;
mod probes;
mod winners;

use std::time::{Duration, Instant};

/// A wait that ends in a failure, not in a hang.
struct Patience(Instant);

impl Patience {
    fn new() -> Patience {
        Patience(Instant::now())
    }

    #[track_caller]
    fn wait(&self) {
        assert!(self.0.elapsed() < Duration::from_secs(60), "nothing moves");
        std::thread::yield_now();
    }
}

/// A small generator of its own for each thread.
struct Dice(u64);

impl Dice {
    fn of(thread: usize) -> Dice {
        Dice(0x9E37_79B9_7F4A_7C15 ^ (thread as u64 + 1).wrapping_mul(0xD134_2543_DE82_EF95))
    }

    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }
}
