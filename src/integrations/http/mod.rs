//! HTTP: responses classified by status, `Retry-After` read and written, and calls that last until
//! the end of the body.
//!
//! ```
//! use http::{Response, StatusCode, header};
//! use std::time::Duration;
//! use tripcoil::http::ByStatus;
//! use tripcoil::{Breaker, State};
//!
//! let breaker = Breaker::builder("orders")
//!     .classifier(ByStatus::new())
//!     .consecutive_failures(1)
//!     .build()?;
//! let busy = Response::builder()
//!     .status(StatusCode::SERVICE_UNAVAILABLE)
//!     .header(header::RETRY_AFTER, "120")
//!     .body(())
//!     .expect("valid");
//! assert!(breaker.call(|| Ok::<_, std::io::Error>(busy)).is_ok()); // an answer, but a failure for the breaker
//!
//! assert_eq!(breaker.state(), State::Open);
//! let wait = breaker.observer().snapshot().retry_after.expect("open");
//! assert!(wait > Duration::from_secs(110)); // not the backoff's 60
//! # Ok::<(), tripcoil::ConfigError>(())
//! ```
//!
//! | response | outcome |
//! |---|---|
//! | below 500, except 429 | success: the dependency did its work, even if the request was wrong |
//! | 429, 503 | `Failure(Overload)`, with the wait of its `Retry-After` |
//! | 504 | `Failure(Timeout)` |
//! | other 5xx | `Failure(Server)` |
//! | 600 and above, which HTTP does not define | `Failure(Data)` |
//! | an error in place of a response | `Failure(Connect)` |
//!
//! If such a failure opens the breaker, its wait can lengthen the opening, up to the backoff's
//! [`max`](crate::Backoff::max). It never shortens the backoff's own wait. Failures of other kinds
//! carry no wait. To ignore the header of a server that you do not trust, let
//! [`ByStatus::overriding`] return `Failure(Server)` for 429 and 503.
//!
//! A client whose response is not an [`http::Response`] uses [`ByStatus::outcome`]; with reqwest:
//!
//! ```
//! use tripcoil::{Breaker, FailureKind, Outcome, http::ByStatus};
//!
//! let by_status = ByStatus::new();
//! let breaker = Breaker::builder("orders")
//!     .classifier(move |result: &reqwest::Result<reqwest::Response>| match result {
//!         Ok(response) => by_status.outcome(response.status(), response.headers()),
//!         Err(e) if e.is_timeout() => Outcome::Failure(FailureKind::Timeout),
//!         Err(_) => Outcome::Failure(FailureKind::Connect),
//!     })
//!     .build()?;
//! # Ok::<(), tripcoil::ConfigError>(())
//! ```
//!
//! # A wait that fits the outage
//!
//! The `Retry-After` of [`rejected_response`] is the rest of the breaker's wait: then the next call is a probe, and the
//! dependency may be down as before. An insight (feature `insight`) knows how long outages last here. `Insight::expected`
//! gives the rejection the median of what is left, never less than the breaker's wait, and at most what you allow:
//!
//! ```
//! # #[cfg(feature = "insight")] {
//! use std::time::Duration;
//! use tripcoil::http::rejected_response;
//! use tripcoil::insight::Insight;
//! use tripcoil::{Backoff, Breaker, FailureKind, ManualClock};
//!
//! let clock = ManualClock::new();
//! let breaker = Breaker::builder("orders")
//!     .consecutive_failures(1)
//!     .open_for(Backoff::constant(Duration::from_secs(5)))
//!     .clock(&clock)
//!     .build()?;
//! let insight = Insight::new(&breaker.observer());
//! breaker.try_acquire()?.failure(FailureKind::Connect);
//! # let _ = insight.report();
//! # for _ in 0..5 {
//! #     clock.advance(Duration::from_secs(5));
//! #     breaker.try_acquire()?.failure(FailureKind::Connect); // a probe
//! # }
//! # let _ = insight.report();
//! // .. 25 s and five probes later ..
//! let rejected = breaker.try_acquire().err().expect("open");
//! let answer: http::Response<()> = rejected_response(&rejected);
//! assert_eq!(answer.headers()["retry-after"], "5");
//! let expected = insight.expected(rejected, Duration::from_secs(60));
//! let answer: http::Response<()> = rejected_response(&expected);
//! assert_eq!(answer.headers()["retry-after"], "25"); // a guess: as long again as it has lasted
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A tower layer does it by itself with `BreakerLayer::expecting`.
//!
//! [`http::Response`]: ::http::Response

mod body;
mod retry_after;
mod status;
#[cfg(feature = "tower")]
mod until;

#[cfg(feature = "grpc")]
pub(crate) use self::body::is_rejection;
pub use self::body::{ClassifyBody, GuardedBody};
pub use self::retry_after::{rejected_response, rejected_response_of, retry_after};
pub use self::status::{ByStatus, ClassifyError, ErrIsConnect};
#[cfg(feature = "tower")]
pub use self::until::EndOfBody;
