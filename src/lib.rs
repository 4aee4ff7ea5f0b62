//! A lock-free circuit breaker.
//!
//! It stands before a dependency of a service: it lets calls through while all is well (*closed*),
//! fails fast when too many fail (*open*), and lets a few probes through after a while (*half-open*)
//! to see whether the dependency is back.
//!
//! ```
//! use std::time::Duration;
//! use tripcoil::{Breaker, CallError};
//!
//! let breaker = Breaker::builder("payments")
//!     .failure_rate(0.5) // of the last ten seconds' calls,
//!     .min_throughput(20) // once there are twenty
//!     .open_for(Duration::from_secs(30))
//!     .build()?;
//!
//! match breaker.call(|| "200".parse::<u16>()) {
//!     Ok(status) => println!("{status}"),
//!     Err(CallError::Rejected(r)) => println!("not called, retry after {:?}", r.retry_after()),
//!     Err(e) => println!("called, and failed: {e}"),
//! }
//! # Ok::<(), tripcoil::ConfigError>(())
//! ```
//!
//! No call ever takes a lock. State and counts lie in a few 64-bit words; a call that succeeds while
//! closed is one exchange on a word of its own thread's stripe; and every change of what the breaker
//! is (a trip, an epoch's turn, an operator's word) is an *audit*, which any thread can finish, so
//! that one that stops in the middle of it stops nobody.
//!
//! # What holds
//!
//! Every call is counted exactly once. Results of an earlier period change nothing. Half-open admits
//! exactly as many probes as it says, and gives up on lost ones. Each transition happens once, with
//! its cause and the counts that decided it, in the [`history`](Observer::history) and to
//! [listeners](Observer::subscribe).
//!
//! # Where to read on
//!
//! [`Breaker`] guards, [`Controller`] changes state and rules, [`Observer`] reads; [`Config`] has the
//! settings, their ranges and defaults. From the bottom up the source reads: the words (`tagged`,
//! `control`, `round`), the pure rules (`rules`, `transition`), the windows, `core` (what a breaker
//! consists of), `audit` (how it changes), `engine` and `probe` (what a call does), the handles.
//!
//! # Features
//!
//! - `std` (default): real clocks, stripes, live rules, listeners. Without it the crate is `no_std`
//!   with `alloc`, and the user brings the clock (a [`ManualClock`] that something advances).
//! - `tokio`: `call_timeout`.

#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

extern crate alloc;

mod audit;
mod backoff;
mod breaker;
mod builder;
mod call;
mod classify;
mod clock;
mod config;
mod control;
mod controller;
mod core;
mod engine;
mod error;
mod event;
#[cfg(feature = "std")]
mod listeners;
#[cfg(feature = "std")]
mod live;
mod local;
mod observer;
mod operator;
mod outcome;
mod permit;
mod probe;
mod record;
mod round;
mod rules;
mod settle;
mod snapshot;
mod sync;
mod tagged;
mod transition;
mod turn;
mod validate;
#[cfg(feature = "std")]
mod wake;
mod window;

pub use self::backoff::Backoff;
pub use self::breaker::Breaker;
pub use self::builder::Builder;
pub use self::call::Call;
pub use self::classify::{ByRef, Classify, ErrIsFailure};
pub use self::clock::{Clock, ManualClock};
pub use self::config::{Config, HalfOpen, OnCancel, Window};
pub use self::controller::Controller;
pub use self::error::{CallError, ConfigError, Problem, Rejected};
pub use self::event::Transition;
#[cfg(feature = "std")]
pub use self::listeners::{Epoch, Subscription};
#[cfg(feature = "std")]
pub use self::live::Rules;
pub use self::local::{Local, LocalCall, LocalPermit};
pub use self::observer::Observer;
pub use self::outcome::{Cause, Counts, FailureKind, FailureKinds, Outcome, State};
pub use self::permit::{OwnedPermit, Permit};
pub use self::snapshot::{Probes, Snapshot, Totals};
