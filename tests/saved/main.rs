//! A configuration from outside the program, and a breaker's state from one process to the next.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

mod config;
mod crash;
mod damage;
mod doors;
mod env;
mod places;
mod progress;
mod restore;
mod rights;
mod store;
mod strategies;
mod totals;
mod twins;
mod versions;
