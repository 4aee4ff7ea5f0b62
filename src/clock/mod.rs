//! [`TimeSource`], the trait for a clock of your own. [`Clock`] has the others.
//!
//! ```
//! use std::time::{Duration, Instant};
//! use tripcoil::{Breaker, Clock};
//!
//! // a closure is a time source
//! let start = Instant::now();
//! let clock = Clock::custom(move || start.elapsed());
//! let breaker = Breaker::builder("payments").clock(clock).build()?;
//! # Ok::<(), tripcoil::ConfigError>(())
//! ```
// A clock is read on every call, so it is an enum, with a trait object only for a user's own
// clock. Readings are nanoseconds since a start of the clock's own; two clocks are never compared.
// A clock may stop, and a reading may be older than one that another thread took before: the
// engine copes with both.

mod custom;
pub(crate) mod kinds;
mod nanos;
#[cfg(feature = "std")]
mod system;

pub use self::custom::TimeSource;
pub(crate) use self::kinds::Clock;
pub(crate) use self::nanos::saturating_nanos;
