//! Health: the driver of recovery on paused time and a manual clock, checks by status, the indicator.
#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

mod checks;
mod driver;
mod indicator;
#[cfg(feature = "insight")]
mod outlook;
mod rig;
