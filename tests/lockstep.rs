//! The crate and the reference model in lock step: random breakers, random operations, and after
//! each of them everything that can be seen is compared.
//!
//! `TRIPCOIL_CASES` sets the number of cases.
#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

mod model;

#[path = "lockstep/driver.rs"]
mod driver;
#[path = "lockstep/held.rs"]
mod held;
#[path = "lockstep/lenient.rs"]
mod lenient;
#[path = "lockstep/plan.rs"]
mod plan;
#[path = "lockstep/ramps.rs"]
mod ramps;
#[path = "lockstep/tally.rs"]
mod tally;
#[path = "lockstep/words.rs"]
mod words;

use proptest::test_runner::{Config, TestRunner};

#[test]
fn the_crate_agrees_with_the_model() {
    let cases = match std::env::var("TRIPCOIL_CASES") {
        Ok(number) => number.parse().expect("TRIPCOIL_CASES is a number"),
        Err(_) => 2_000,
    };
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..Config::default()
    };
    let tally = tally::Tally::default();
    let outcome = TestRunner::new(config).run(&plan::plans(), |plan| driver::run(&plan, &tally));
    if let Err(error) = outcome {
        panic!("{error}");
    }
    println!("{cases} cases: {tally:?}");
    tally.require(cases);
}
