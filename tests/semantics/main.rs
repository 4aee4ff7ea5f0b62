//! The semantics, sentence by sentence: each test is named after what it holds the crate to.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

mod adaptive_waits;
mod backoff;
mod calls;
mod causes;
mod clocks;
mod common;
mod controller;
mod defaults;
mod durations;
mod events;
mod evidence;
mod generation;
mod half_open;
mod hang;
mod history;
mod in_flight;
mod lenient;
mod observe;
mod outcomes;
mod ramp;
mod reconfigure;
mod refusals;
mod rounds;
mod rules;
mod small_print;
mod states;
mod time;
mod validation;
mod windows;
