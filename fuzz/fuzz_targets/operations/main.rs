//! The crate and the reference model in lock step, on plans that the fuzzer puts together.
//!
//! Generator, driver and model are those of `tests/lockstep.rs`.
#![no_main]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a finding is told"
)]

mod dictionary;

#[path = "../../../tests/lockstep/driver.rs"]
mod driver;
#[path = "../../../tests/lockstep/held.rs"]
mod held;
#[path = "../../../tests/lockstep/lenient.rs"]
mod lenient;
#[path = "../../../tests/model/mod.rs"]
mod model;
#[path = "../../../tests/lockstep/plan.rs"]
mod plan;
#[path = "../../../tests/lockstep/ramps.rs"]
mod ramps;
#[allow(
    dead_code,
    reason = "that each corner is reached is the test's to require"
)]
#[path = "../../../tests/lockstep/tally.rs"]
mod tally;
#[path = "../../../tests/lockstep/words.rs"]
mod words;

use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|data: &[u8]| -> Corpus {
    let Some(plan) = dictionary::plan(data) else {
        return Corpus::Reject;
    };
    if let Err(error) = driver::run(&plan, &tally::Tally::default()) {
        panic!("{error}\n{plan:?}");
    }
    Corpus::Keep
});
