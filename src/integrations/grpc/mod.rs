//! gRPC: calls classified by status code, in a response's head, in its trailers, or as a client's
//! result.
//!
//! | code | outcome | since |
//! |---|---|---|
//! | `Ok` | success | |
//! | `Cancelled` | ignored | the caller went away: it says nothing of the server |
//! | `Unknown` | `Failure(Server)` | an error that the server did not expect, a panic mostly |
//! | `InvalidArgument` | success | the request's fault; the server has looked at it |
//! | `DeadlineExceeded` | `Failure(Timeout)` | no answer in time |
//! | `NotFound`, `AlreadyExists` | success | answers |
//! | `PermissionDenied`, `Unauthenticated` | success | answers, to this caller |
//! | `ResourceExhausted` | `Failure(Overload)` | a quota is used up, or the server sheds load |
//! | `FailedPrecondition`, `Aborted`, `OutOfRange` | success | answers, about the state of the data |
//! | `Unimplemented` | success | waiting does not mend it |
//! | `Internal` | `Failure(Server)` | the server is broken by its own account |
//! | `Unavailable` | `Failure(Connect)` | no connection, or a server that is not there for now |
//! | `DataLoss` | `Failure(Data)` | what should be there is not |
//! | none, though the stream has ended | `Failure(Data)` | not gRPC |
//! | none, but an error | `Failure(Connect)` | the transport's |
//!
//! A failure with a `grpc-retry-pushback-ms` has that as its own wait.
//!
//! # In a tower service
//!
//! The status of most calls stands in the trailers, so let the call last until the end of the body;
//! with a tonic channel:
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
//! A call that the breaker rejects is then answered as a server would that is not there for now: with
//! `Unavailable`, and the rest of the wait as `grpc-retry-pushback-ms` ([`rejected_response`]). Generated
//! clients make a status of it, and retries by a service config go by the pushback.
//!
//! A stream then counts when it ends, and its probe holds the slot until then; for streams without
//! end take `tower::Head`, the default, for which an opened stream is a success. There the answer to a
//! rejected call is for a `map_result` around the layer, as [`rejected_response`] shows.
//!
//! Where calls behind the layer go through other breakers, wrap the classifier, so that a rejection
//! inside is no failure of this one: `IgnoreRejections::boxed(ByCode::new())` for an inner service whose
//! errors are boxed, `IgnoreRejections::new` for others; see
//! [`IgnoreRejections`](crate::IgnoreRejections).
//!
//! # As a client's result
//!
//! The crate does not depend on tonic: [`ByCode::outcome`] takes the code's number, and the metadata.
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
//! Such a result may hide what happened: tonic makes a status of the transport's errors too, and of a
//! connection that went away under a call it may make `Cancelled`. A service around the channel sees
//! the error itself.

mod code;
mod metadata;
mod status;

pub use self::code::Code;
pub use self::metadata::{rejected_response, rejected_response_of};
pub use self::status::ByCode;
