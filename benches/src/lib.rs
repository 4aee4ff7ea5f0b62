//! What the benches share: the floor that all figures are compared with, the breakers, and how long
//! a bench runs.

mod breakers;
mod floor;
mod threads;
mod time;

pub use breakers::{
    armed, counting, default_rules, half_fail_by_rate, half_fail_by_run, open, plain, rate, storm,
    timed,
};
pub use floor::{Floor, FloorOf};
pub use threads::{Gate, Opens, Took, overlapped};
pub use time::{coarse, waited};

use criterion::Criterion;
use std::time::Duration;

/// A bench is one of many, each of some nanoseconds: short ones are enough, and are better repeated.
#[must_use]
pub fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
        .without_plots()
}

/// What a call that fails gives.
#[derive(Clone, Copy, Debug)]
pub struct Failed;

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the dependency failed")
    }
}

impl std::error::Error for Failed {}

/// A call that does nothing, and that the compiler does not see through.
///
/// # Errors
/// If `ok` is false.
#[inline(always)]
pub fn dependency(ok: bool) -> Result<(), Failed> {
    if std::hint::black_box(ok) {
        Ok(())
    } else {
        Err(Failed)
    }
}
