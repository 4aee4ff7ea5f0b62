//! A call is stopped before each of its accesses, others run to their end, and it goes on.
//!
//! What comes out must be what some order of the same operations' halves (admission and result)
//! gives when nothing is stopped; the orders are run on the crate itself, whose sequential
//! behaviour is the lock-step test's matter. And the others must end: an operation that took
//! thousands of accesses would be waiting for the one that is stopped.
//!
//! Run by `ci/step.sh`: it needs `--cfg tripcoil_step`.
#![cfg(tripcoil_step)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

mod caches;
#[path = "../counting/mod.rs"]
mod counting;
mod epochs;
mod explore;
mod lines;
mod ops;
mod world;
