//! The operator's endpoint, through its router: every answer is held against the description that it serves.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

mod checks;
mod fleet;
mod names;
mod page;
mod reading;
mod registry;
mod rig;
mod rules;
mod switches;
