//! A sample of single calls: how they ended, how long they took, and what the errors said.
//!
//! Counts say how many calls failed; a [`CallLog`] says what the last ones were. It wraps a breaker's classifier, so it
//! sees each result where it is classified, in every kind of call, in the tower layer and for responses. Without a log
//! nothing of this is in a call.
//!
//! ```
//! use tripcoil::Breaker;
//! use tripcoil::calls::CallLog;
//! use tripcoil::classify::ErrIsFailure;
//!
//! let log = CallLog::new();
//! let text = |result: &Result<u16, std::num::ParseIntError>| {
//!     // or a code alone: what may hold secrets stays out of it
//!     result.as_ref().err().map(ToString::to_string)
//! };
//! let breaker = Breaker::builder("payments")
//!     .consecutive_failures(2)
//!     .classifier(log.classifier(ErrIsFailure).with_text(text))
//!     .build()?;
//! let _openings = log.follow(&breaker.observer());
//!
//! for input in ["200", "x", "y"] {
//!     let _ = breaker.call(|| input.parse::<u16>());
//! }
//! let rejected = breaker.try_acquire().expect_err("it is open");
//! let explained = format!("{:#}", log.explain(rejected));
//! assert!(explained.starts_with("the breaker is open (consecutive failures), retry after "));
//! assert!(explained.ends_with("; the last failure: invalid digit found in string"), "{explained}");
//! # Ok::<(), tripcoil::ConfigError>(())
//! ```
//!
//! # What is kept
//!
//! By default every failure that a classifier has seen and no success, the last 64 of each, in memory alone. A log is for
//! one breaker: what it keeps does not say whose call it was. Set the shares with
//! [`failures`](CallLog::failures) and [`successes`](CallLog::successes): a busy service samples. The failures before
//! each of the last openings are [kept apart](CallLog::follow), and stay when later calls push them out of the log.
//!
//! - *Text* of errors is off until [`with_text`](Logged::with_text) names what to say of a result (fixed words such as "timed
//!   out", and the status of a response whose body is awaited, are kept without it). It is cut at
//!   [`text_at_most`](CallLog::text_at_most) bytes. Errors often hold addresses, tokens and personal data: say what you
//!   want to read, not what there is.
//! - *Durations* are known where the breaker times calls: with a slow limit, a hang rule, a limit on calls in flight, or
//!   [`durations`](crate::Config::durations). They are by that clock, and coarse where it is. A call at its time limit has
//!   that limit; one that panicked, or ended with its response's body, has no duration.
//! - *Not kept* is what no classifier sees: permits that you record by hand, and dropped calls, also where
//!   [`on_cancel`](crate::Builder::on_cancel) counts them as failures.
//! - *Rejections* are not among the calls: they are answers of the breaker. [`explain`](CallLog::explain) shows one
//!   together with the last failure.
//!
//! # Cost
//!
//! A call that is kept takes a copy of its text and a place in a list, under a lock that it never waits for: if another
//! thread is in the list at that moment, the call is [missed](CallLog::missed). A call that is not sampled takes a
//! comparison and, for a share between 0 and 1, a few nanoseconds for a random number.

mod event;
mod log;
mod logged;
mod sample;

pub use self::event::{CallEvent, Explained, OpeningCalls};
pub use self::log::CallLog;
pub use self::logged::{Logged, NoText, Text};
