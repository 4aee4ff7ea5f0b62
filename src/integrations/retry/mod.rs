//! A policy for tower's `Retry` that knows breakers.
//!
//! A [`RetryPolicy`] repeats calls that were made and failed in a way that may pass. It never retries a
//! rejection, unless it is to [wait for the breaker](RetryBuilder::wait_for_breaker): the breaker would
//! reject the call again.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use tripcoil::retry::RetryPolicy;
//! use tripcoil::tower::BreakerLayer;
//! use tripcoil::{Backoff, Breaker};
//!
//! let breaker = Breaker::builder("search").build()?;
//! let observer = breaker.observer();
//! let policy = RetryPolicy::builder()
//!     .attempts(3)
//!     .backoff(Backoff::exponential(Duration::from_millis(50), 2.0).jitter(0.5))
//!     .build()?;
//! let search = ServiceBuilder::new()
//!     .retry(policy) // outside of the breaker: each attempt is a call
//!     .layer(BreakerLayer::new(breaker))
//!     .timeout(Duration::from_secs(1))
//!     .service(service_fn(|_: u32| async { Err::<u32, _>(std::io::Error::other("down")) }));
//! assert!(search.oneshot(7).await.is_err());
//! assert_eq!(observer.snapshot().totals.failures, 3);
//! # Ok(()) }
//! ```
//!
//! # What is retried
//!
//! | result | |
//! |---|---|
//! | an error or a response that the [classifier](RetryBuilder::classifier) calls a failure | retried, unless it is of the kind `Client` or `Data` ([`kinds`](RetryBuilder::kinds)) |
//! | .. with a wait of its own, such as `Retry-After` | retried after that wait, if it is [short](RetryBuilder::max_retry_after) |
//! | [`CallError::TimedOut`](crate::CallError::TimedOut) | retried, as the kind `Timeout` |
//! | [`CallError::Rejected`](crate::CallError::Rejected) | not retried; with [`wait_for_breaker`](RetryBuilder::wait_for_breaker), made when the breaker admits calls again |
//! | [`CallError::NoBreaker`](crate::CallError::NoBreaker) | not retried |
//! | a success, and an ignored result | returned |
//!
//! Only retry what may be done twice. [`clone_request`](RetryBuilder::clone_request) decides by the
//! request.
//!
//! # Load
//!
//! Retries multiply the load on a dependency that has too much of it. Three things limit them: the
//! number of attempts; a [budget](RetryBuilder::budget), shared by all clones of the policy, by
//! default a fifth of the calls and ten per second; and the breaker, because once it is open, a
//! retry is rejected, and rejections are not retried.
//!
//! # Errors
//!
//! The policy is for services whose error is a [`CallError`](crate::CallError), directly outside of a
//! breaker; and for those with boxed errors (`tower::BoxError`), such as a balancer, a buffer or a
//! timeout between the two. In a boxed error it finds a rejection along the `source()` chain.
//!
//! # Runtime
//!
//! The waits are tokio's: a retry panics outside of a tokio runtime with the timer enabled. The default
//! budget takes a short lock at the end of each call; the breaker's own calls do not.

mod builder;
mod error;
mod policy;
mod settings;
mod verdict;

pub use self::builder::RetryBuilder;
pub use self::error::InvalidRetry;
pub use self::policy::RetryPolicy;
