//! Fallbacks: of guarded calls, and as a tower layer.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

mod calls;
mod layer;

use std::time::Duration;

use tripcoil::{Breaker, Controller, HalfOpen, ManualClock, Snapshot};

const OPEN_FOR: Duration = Duration::from_secs(10);

struct Rig {
    breaker: Breaker,
    controller: Controller,
    clock: ManualClock,
}

/// Trips at two failures in a row, closes at two successes, one probe at a time.
fn rig() -> Rig {
    let clock = ManualClock::new();
    let (breaker, controller) = Breaker::builder("prices")
        .clock(&clock)
        .consecutive_failures(2)
        .open_for(OPEN_FOR)
        .half_open(HalfOpen::successes(2))
        .build_with_controller()
        .expect("valid");
    Rig {
        breaker,
        controller,
        clock,
    }
}

impl Rig {
    fn seen(&self) -> Snapshot {
        self.breaker.observer().snapshot()
    }

    /// Fallbacks on rejections, and on failures.
    fn fallbacks(&self) -> (u64, u64) {
        let fallbacks = self.seen().fallbacks;
        (fallbacks.rejected, fallbacks.failed)
    }
}
