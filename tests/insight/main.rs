//! The insight, as a user has it.
#![cfg(feature = "insight")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

mod json;
mod tuner;
