//! A breaker's state from one process to the next.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

mod adaptive;
mod crash;
mod damage;
mod doors;
mod lenient;
mod places;
mod progress;
mod restore;
mod rights;
#[path = "../settings/strategies.rs"]
mod settings;
mod store;
mod strategies;
mod totals;
mod twins;
mod versions;
