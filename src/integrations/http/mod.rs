//! HTTP: responses classified by status, `Retry-After` both ways, and bodies whose end is the
//! result.
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
//! assert!(breaker.call(|| Ok::<_, std::io::Error>(busy)).is_ok()); // an answer, and a failure
//!
//! assert_eq!(breaker.state(), State::Open);
//! let wait = breaker.observer().snapshot().retry_after.expect("open");
//! assert!(wait > Duration::from_secs(110)); // not the backoff's 60
//! # Ok::<(), tripcoil::ConfigError>(())
//! ```
//!
//! | response | outcome |
//! |---|---|
//! | below 500, but for 429 | success: the dependency did its work, whatever the request was worth |
//! | 429, 503 | `Failure(Overload)`, with its `Retry-After` as its own wait |
//! | 504 | `Failure(Timeout)` |
//! | other 5xx | `Failure(Server)` |
//! | 600 and above, which HTTP does not have | `Failure(Data)` |
//! | none, but an error | `Failure(Connect)` |
//!
//! The wait opens the breaker for as long, if this failure trips it, up to the backoff's
//! [`max`](crate::Backoff::max), be it shorter than the backoff's own or zero. Failures of another
//! kind have none: to trust no server with it, let [`ByStatus::overriding`] make 429 and 503
//! `Failure(Server)`.
//!
//! A client whose response is not an [`http::Response`] goes by [`ByStatus::outcome`]; with reqwest:
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
