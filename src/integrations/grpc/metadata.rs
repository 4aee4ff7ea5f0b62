//! Reads and writes the status in headers and trailers.

use crate::Rejected;
use crate::integrations::grpc::code::Code;
use ::http::header::CONTENT_TYPE;
use ::http::{HeaderMap, HeaderValue, Response};
use alloc::format;
use alloc::string::String;
use core::num::IntErrorKind;
use core::str::FromStr;
use core::time::Duration;
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

const STATUS: &str = "grpc-status";
const MESSAGE: &str = "grpc-message";
const PUSHBACK: &str = "grpc-retry-pushback-ms";
/// In an answer of ours, the number of this process.
const REJECTED: &str = "tripcoil-rejected";

/// Returns the number of this process, which no other has. A generated client's status keeps the
/// headers of a response and not its extensions, so a header has to say whose rejection it is.
fn this_process() -> HeaderValue {
    // where there is no fork, there is perhaps no such number either
    number_of(if cfg!(unix) { std::process::id() } else { 0 })
}

/// A fork copies the random state. So the process's own number is part of it.
fn number_of(process: u32) -> HeaderValue {
    static RANDOM: OnceLock<RandomState> = OnceLock::new();
    let random = RANDOM.get_or_init(RandomState::new);
    random.hash_one((REJECTED, process)).into()
}

/// Returns whether a breaker of this process has rejected the call. The rejection of another
/// process is that dependency's answer.
pub(crate) fn is_of_this_process(metadata: &HeaderMap) -> bool {
    metadata
        .get(REJECTED)
        .is_some_and(|of| *of == this_process())
}

fn number<N: FromStr>(metadata: &HeaderMap, name: &str) -> Option<Result<N, N::Err>> {
    let value = metadata.get(name)?;
    Some(value.to_str().unwrap_or_default().trim().parse())
}

/// Returns the status, if there is one. A status that is not a number is [`Code::Unknown`].
pub(crate) fn code(metadata: &HeaderMap) -> Option<Code> {
    number(metadata, STATUS).map(|number| number.map_or(Code::Unknown, |n: i32| Code::from(n)))
}

/// Returns the wait that the server asks for. In gRPC a negative number, or text that is not a
/// number, means that the server wants no retry at all; it gives no time. A number too large for
/// its type is the largest: the breaker limits it in any case.
pub(crate) fn pushback(metadata: &HeaderMap) -> Option<Duration> {
    let milliseconds = match number::<u64>(metadata, PUSHBACK)? {
        Ok(milliseconds) => milliseconds,
        Err(error) if *error.kind() == IntErrorKind::PosOverflow => u64::MAX,
        Err(_) => return None,
    };
    Some(Duration::from_millis(milliseconds))
}

/// Returns a server's answer to a request that needed a rejected call: the status `Unavailable`,
/// and the rest of the wait, if it is known, as `grpc-retry-pushback-ms`, rounded up. It has no
/// body: the status is in the headers, and its message has the state and the cause.
///
/// The answer carries the [`Rejected`] as an extension, and in the header `tripcoil-rejected` a
/// random number of this process. By these, an outer breaker in the same process ignores the answer
/// if its classifier is [`ByCode`](crate::grpc::ByCode) or [`ByStatus`](crate::http::ByStatus), or
/// calls [`ByCode::outcome`](crate::grpc::ByCode::outcome), or if its calls last until the end of
/// the body.
///
/// A layer whose calls last until the end of the body (`http::EndOfBody`) answers so by itself.
/// Elsewhere, on the client's side, this function turns a rejection into a status that generated
/// clients understand:
///
/// ```
/// # #[cfg(feature = "tower")] {
/// use http::{Request, Response};
/// use tower::{ServiceBuilder, service_fn};
/// use tripcoil::grpc::{ByCode, rejected_response};
/// use tripcoil::tower::BreakerLayer;
/// use tripcoil::{Breaker, CallError};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let (breaker, controller) = Breaker::builder("greeter")
///     .classifier(ByCode::new())
///     .build_with_controller()?;
/// controller.force_open();
/// # use tower::ServiceExt;
/// # let channel = service_fn(|_: Request<()>| async { Ok::<_, std::io::Error>(Response::new(())) });
/// let service = ServiceBuilder::new()
///     .map_result(|result| match result {
///         Err(CallError::Rejected(rejected)) => Ok(rejected_response(&rejected)),
///         other => other,
///     })
///     .layer(BreakerLayer::new(breaker))
///     .service(channel);
/// let response = service.oneshot(Request::new(())).await?;
/// assert_eq!(response.headers()["grpc-status"], "14");
/// assert_eq!(response.headers()["grpc-message"], "the breaker is forced open (manual)");
/// # Ok(()) }
/// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// # assert!(matches!(std::pin::pin!(run()).poll(&mut context), std::task::Poll::Ready(Ok(()))));
/// # }
/// ```
#[must_use]
pub fn rejected_response<B: Default>(rejected: &Rejected) -> Response<B> {
    answer(rejected, "the breaker")
}

/// Returns the answer of [`rejected_response`] with the breaker's name in the message.
///
/// ```
/// use tripcoil::Breaker;
/// use tripcoil::grpc::rejected_response_of;
///
/// let (breaker, controller) = Breaker::builder("greeter").build_with_controller()?;
/// controller.trip();
/// let rejected = breaker.try_acquire().err().expect("open");
/// let response: http::Response<String> = rejected_response_of(breaker.name(), &rejected);
/// assert_eq!(response.headers()["grpc-message"], "the breaker 'greeter' is open (manual)");
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[must_use]
pub fn rejected_response_of<B: Default>(breaker: &str, rejected: &Rejected) -> Response<B> {
    answer(rejected, &format!("the breaker '{breaker}'"))
}

/// Encodes a message as gRPC requires: printable ASCII, and percent-encoded bytes for everything
/// else.
fn encoded(message: &str) -> String {
    let mut encoded = String::with_capacity(message.len());
    for byte in message.bytes() {
        match byte {
            b'%' => encoded.push_str("%25"),
            b' '..=b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

fn answer<B: Default>(rejected: &Rejected, who: &str) -> Response<B> {
    let mut response = Response::new(B::default());
    // a breaker around this one sees whose answer it is
    response.extensions_mut().insert(*rejected);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(STATUS, HeaderValue::from(Code::Unavailable as i32));
    headers.insert(REJECTED, this_process());
    let message = encoded(&format!("{who} is {}", rejected.reason()));
    if let Ok(message) = HeaderValue::try_from(message) {
        headers.insert(MESSAGE, message);
    }
    if let Some(wait) = rejected.retry_after() {
        let milliseconds = wait.as_nanos().div_ceil(1_000_000);
        let milliseconds = u64::try_from(milliseconds).unwrap_or(u64::MAX);
        headers.insert(PUSHBACK, HeaderValue::from(milliseconds));
    }
    response
}

#[cfg(test)]
mod tests;
