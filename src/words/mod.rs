//! Words: `Copy` values of one machine word each, without atomics.

pub(crate) mod control;
pub(crate) mod deadline;
pub(crate) mod downtime;
pub(crate) mod leniency;
#[cfg(feature = "serde")]
pub(crate) mod names;
pub(crate) mod outcome;
pub(crate) mod ramp;
pub(crate) mod round;
pub(crate) mod run;
pub(crate) mod tagged;
#[cfg(feature = "serde")]
pub(crate) mod units;
pub(crate) mod watch;
