//! gRPC: calls classified by status code, from a response's headers, its trailers, or a client's
//! result.
//!
//! | code | outcome | because |
//! |---|---|---|
//! | `Ok` | success | |
//! | `Cancelled` | ignored | the caller went away: it shows nothing about the server |
//! | `Unknown` | `Failure(Server)` | an error that the server did not expect, usually a panic |
//! | `InvalidArgument` | success | the request is wrong, and the server has checked it |
//! | `DeadlineExceeded` | `Failure(Timeout)` | no answer in time |
//! | `NotFound`, `AlreadyExists` | success | answers |
//! | `PermissionDenied`, `Unauthenticated` | success | answers, to this caller |
//! | `ResourceExhausted` | `Failure(Overload)` | a quota is used up, or the server sheds load |
//! | `FailedPrecondition`, `Aborted`, `OutOfRange` | success | answers, about the state of the data |
//! | `Unimplemented` | success | waiting does not help |
//! | `Internal` | `Failure(Server)` | the server reports a fault of its own |
//! | `Unavailable` | `Failure(Connect)` | no connection, or a server that is away for now |
//! | `DataLoss` | `Failure(Data)` | data is missing |
//! | the stream ended without a code | `Failure(Data)` | not gRPC |
//! | an error in place of a response | `Failure(Connect)` | an error of the transport |
//!
//! A failure with `grpc-retry-pushback-ms` carries that wait.
//!
//! # In a tower service
//!
//! The status of most calls is in the trailers, so let the call last until the end of the body.
//! With a tonic channel:
//!
//! ```
//! # #[cfg(feature = "tower")] {
//! use tripcoil::Breaker;
//! use tripcoil::grpc::ByCode;
//! use tripcoil::http::EndOfBody;
//! use tripcoil::tower::BreakerLayer;
//! use tonic::transport::Endpoint;
//! use tower::Layer;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let breaker = Breaker::builder("health").classifier(ByCode::new()).build()?;
//! let channel = Endpoint::from_static("http://[::1]:50051").connect_lazy();
//! let guarded = BreakerLayer::new(breaker).until(EndOfBody).layer(channel);
//! let client = tonic_health::pb::health_client::HealthClient::new(guarded);
//! # Ok(()) }
//! # }
//! ```
//!
//! A rejected call is then answered as an absent server would answer: with `Unavailable`, and the
//! rest of the wait as `grpc-retry-pushback-ms` ([`rejected_response_of`]). Generated clients turn it
//! into a status, and retries by a service config follow the pushback. While the breaker is half-open
//! or forced open, the wait is not known, and there is no pushback.
//!
//! With an insight (feature `insight`) the pushback can be the median of the time that the outage is likely to last, in
//! place of the time until the next probe; never less than that, and at most what you allow:
//!
//! ```
//! # #[cfg(all(feature = "tower", feature = "insight"))] {
//! use std::time::Duration;
//! use tonic::transport::Endpoint;
//! use tower::Layer;
//! use tripcoil::grpc::{ByCode, rejected_response};
//! use tripcoil::http::EndOfBody;
//! use tripcoil::insight::Insight;
//! use tripcoil::tower::BreakerLayer;
//! use tripcoil::{Breaker, FailureKind, ManualClock};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let clock = ManualClock::new();
//! let breaker = Breaker::builder("health")
//!     .classifier(ByCode::new())
//!     .consecutive_failures(1)
//!     .open_for(Duration::from_secs(30))
//!     .clock(&clock)
//!     .build()?;
//! let insight = Insight::new(&breaker.observer());
//! let most = Duration::from_secs(60);
//! let layer = BreakerLayer::new(breaker.clone()).until(EndOfBody).expecting(&insight, most);
//! let channel = Endpoint::from_static("http://[::1]:50051").connect_lazy();
//! let client = tonic_health::pb::health_client::HealthClient::new(layer.layer(channel));
//!
//! // without a layer
//! breaker.try_acquire()?.failure(FailureKind::Connect);
//! # let _ = insight.report();
//! clock.advance(Duration::from_secs(20));
//! let rejected = breaker.try_acquire().err().expect("open");
//! let answer: http::Response<()> = rejected_response(&insight.expected(rejected, most));
//! assert_eq!(answer.headers()["grpc-retry-pushback-ms"], "20000"); // not the 10 s of the wait
//! # Ok(()) }
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
//! # runtime.block_on(run()).expect("an answer");
//! # }
//! ```
//!
//! A request for which a closure picks no breaker is not answered: `CallError::NoBreaker` is an
//! error of the service, and `Unknown` to a generated client.
//!
//! A stream counts when it ends, and as a probe it holds its slot until then. For endless streams
//! use `tower::Head`, the default: an opened stream is a success. A `map_result` around the layer
//! then answers rejected calls, as [`rejected_response`] shows.
//!
//! If calls behind the layer pass other breakers, wrap the classifier, so that an inner rejection
//! does not count as a failure: `IgnoreRejections::boxed(ByCode::new())` for an inner service with
//! boxed errors, `IgnoreRejections::new` for others. See
//! [`IgnoreRejections`](crate::classify::IgnoreRejections). An inner layer's answer to a rejected
//! call needs no wrapper: [`ByCode`] ignores it. The default classifier does not look into answers,
//! and takes this one for a success too.
//!
//! # As a client's result
//!
//! The crate does not depend on tonic: [`ByCode::outcome`] takes the code's number and the
//! metadata.
//!
//! ```
//! use tonic::Status;
//! use tripcoil::grpc::{ByCode, Code};
//! use tripcoil::{Breaker, Outcome};
//!
//! let by_code = ByCode::new();
//! let breaker = Breaker::builder("greeter")
//!     .classifier(move |result: &Result<String, Status>| match result {
//!         Ok(_) => Outcome::Success,
//!         Err(status) => {
//!             by_code.outcome(Code::from(status.code() as i32), status.metadata().as_ref())
//!         }
//!     })
//!     .build()?;
//! let _ = breaker.call(|| Err(Status::not_found("no such user")));
//! let _ = breaker.call(|| Err(Status::internal("bug")));
//! let window = breaker.observer().snapshot().window;
//! assert_eq!((window.successes, window.failures), (1, 1));
//! # Ok::<(), tripcoil::ConfigError>(())
//! ```
//!
//! If a layer in the client's channel has rejected the call, [`ByCode::outcome`] ignores it.
//!
//! Otherwise such a result may hide what happened. tonic turns the transport's errors into a status as well,
//! and a connection that is lost during a call may become `Cancelled`. A service around the channel
//! sees the error itself.

mod code;
mod metadata;
mod status;

pub use self::code::Code;
pub use self::metadata::{rejected_response, rejected_response_of};
pub use self::status::ByCode;
