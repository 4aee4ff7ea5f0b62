//! The test kit: scripts, what assertions say, tokio's paused time, injected faults.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

mod faults;
mod paused;
mod recorder;
mod script;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// The message with which it panics.
fn panics<T>(work: impl FnOnce() -> T) -> String {
    let payload = catch_unwind(AssertUnwindSafe(work)).err().expect("a panic");
    match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(other) => (*other.downcast::<&str>().expect("a text")).to_owned(),
    }
}
