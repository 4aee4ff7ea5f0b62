//! A test kit for code that uses breakers: a scripted dependency, assertions on transitions, tokio's
//! paused time as a clock, and faults that a running service injects into itself.
//!
//! Add the feature where the tests are, so that a release does without it:
//!
//! ```toml
//! [dependencies]
//! tripcoil = "0.1"
//!
//! [dev-dependencies]
//! tripcoil = { version = "0.1", features = ["testing"] }
//! ```
//!
//! # A scripted dependency
//!
//! A [`Script`] says how the calls to a [`Dependency`] end, one after the other. A [`Recorder`] compares the
//! breaker's transitions with those that a test expects. On a [`ManualClock`](crate::ManualClock) nothing sleeps,
//! and each run is the same.
//!
//! ```
//! use std::time::Duration;
//! use tripcoil::testing::{ByScript, Dependency, Recorder, Script, assert_tripped_by};
//! use tripcoil::{Backoff, Breaker, Cause, FailureKind, HalfOpen, ManualClock, State};
//!
//! let clock = ManualClock::new();
//! let breaker = Breaker::builder("orders")
//!     .classifier(ByScript)
//!     .consecutive_failures(3)
//!     .open_for(Backoff::constant(Duration::from_secs(30)))
//!     .half_open(HalfOpen::successes(1))
//!     .clock(&clock)
//!     .build()?;
//! let mut recorder = Recorder::on(&breaker.observer());
//! let orders = Dependency::new(Script::new().succeeds(2).fails(3, FailureKind::Timeout).then_succeeds());
//!
//! for _ in 0..9 {
//!     let _ = breaker.call(|| orders.call());
//! }
//! assert_eq!(orders.calls().made, 5, "the breaker has rejected the other four");
//! assert_tripped_by(&breaker.observer(), Cause::ConsecutiveFailures);
//! recorder.assert([State::Open]);
//!
//! clock.advance(Duration::from_secs(30));
//! assert_eq!(breaker.call(|| orders.call()), Ok(6));
//! recorder.assert([(State::HalfOpen, Cause::OpenElapsed), (State::Closed, Cause::ProbesSucceeded)]);
//! # Ok::<(), tripcoil::ConfigError>(())
//! ```
//!
//! # Tokio's paused time
//!
//! With the feature `tokio`, `tokio_clock` makes the time of a tokio runtime the breaker's clock. In a
//! test with `start_paused = true` the waits of breakers, timers and scripts then all pass at once.
//!
//! # Faults
//!
//! With the feature `tower`, `FaultLayer` makes a part of the requests fail, wait or hang: in tests, and in
//! production on a day when failures are practised. It does nothing until its `Faults` are switched on.

mod asserts;
mod calls;
#[cfg(feature = "tokio")]
mod clock;
mod dependency;
#[cfg(feature = "tower")]
mod faults;
mod recorder;
mod script;

pub use self::asserts::{assert_state, assert_tripped_by};
pub use self::calls::Calls;
#[cfg(feature = "tokio")]
pub use self::clock::tokio_clock;
pub use self::dependency::{ByScript, Dependency, ScriptedError};
#[cfg(all(feature = "tower", feature = "tokio"))]
pub use self::faults::Latency;
#[cfg(feature = "tower")]
pub use self::faults::{
    Always, FaultFuture, FaultLayer, FaultService, Faults, Injected, NoAnswer, Only, WithAnswer,
};
pub use self::recorder::{Expected, Recorder};
pub use self::script::Script;
