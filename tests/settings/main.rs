//! A configuration from outside the program.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

mod config;
mod env;
mod profile;
mod strategies;
