//! Reads and writes `Retry-After`.

use crate::Rejected;
use ::http::header::{DATE, HeaderName, RETRY_AFTER};
use ::http::{HeaderMap, HeaderValue, Response, StatusCode};
use alloc::format;
use alloc::string::String;
use core::time::Duration;
use std::time::SystemTime;

/// Returns the wait that a response's `Retry-After` header asks for, in seconds or until a date.
///
/// A date is measured from the response's own `Date`, so that clocks may differ; without one, from
/// now. A wait that is over, or negative, is zero. A value that is neither a number nor a date is
/// ignored.
///
/// ```
/// use http::{HeaderMap, HeaderValue, header};
/// use std::time::Duration;
/// use tripcoil::http::retry_after;
///
/// let mut headers = HeaderMap::new();
/// headers.insert(header::RETRY_AFTER, HeaderValue::from_static("120"));
/// assert_eq!(retry_after(&headers), Some(Duration::from_secs(120)));
///
/// headers.insert(header::DATE, HeaderValue::from_static("Fri, 31 Dec 1999 23:59:29 GMT"));
/// headers.insert(header::RETRY_AFTER, HeaderValue::from_static("Fri, 31 Dec 1999 23:59:59 GMT"));
/// assert_eq!(retry_after(&headers), Some(Duration::from_secs(30)));
///
/// headers.insert(header::RETRY_AFTER, HeaderValue::from_static("soon"));
/// assert_eq!(retry_after(&headers), None);
/// ```
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Some(wait) = seconds(value) {
        return Some(wait);
    }
    let until = httpdate::parse_http_date(value).ok()?;
    let sent = date(headers, DATE).unwrap_or_else(SystemTime::now);
    Some(until.duration_since(sent).unwrap_or_default())
}

/// A number too large for its type is the largest: the breaker limits it in any case.
fn seconds(value: &str) -> Option<Duration> {
    let digits = value.strip_prefix('-').unwrap_or(value);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if digits.len() < value.len() {
        return Some(Duration::ZERO);
    }
    Some(Duration::from_secs(digits.parse().unwrap_or(u64::MAX)))
}

fn date(headers: &HeaderMap, name: HeaderName) -> Option<SystemTime> {
    let value = headers.get(name)?.to_str().ok()?;
    httpdate::parse_http_date(value.trim()).ok()
}

const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");

/// Quotes it as a string of a structured field (RFC 9651), which allows printable ASCII only.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            ' '..='~' => quoted.push(letter),
            _ => quoted.push('?'),
        }
    }
    quoted.push('"');
    quoted
}

/// Returns a server's answer to a request that needed a rejected call: 503 with an empty body. The
/// rest of the wait, if it is known, is in `Retry-After`, in whole seconds, rounded up. The state
/// and the cause are in `Proxy-Status` (RFC 9209), as the details of a `destination_unavailable`.
///
/// The answer carries the [`Rejected`] as an extension. In the same process, an outer breaker
/// ignores the answer if its classifier is `ByStatus` or `ByCode`, or if its calls last until the
/// end of the body. The default classifier takes it for a success.
///
/// ```
/// use std::time::Duration;
/// use tripcoil::http::rejected_response;
/// use tripcoil::{Breaker, ManualClock};
///
/// let clock = ManualClock::new();
/// let (breaker, controller) = Breaker::builder("orders").clock(&clock).build_with_controller()?;
/// controller.trip_for(Duration::from_millis(1500));
///
/// let rejected = breaker.try_acquire().err().expect("open");
/// let response: http::Response<String> = rejected_response(&rejected);
/// assert_eq!(response.status(), 503);
/// assert_eq!(response.headers()["retry-after"], "2");
/// assert_eq!(
///     response.headers()["proxy-status"],
///     r#"tripcoil; error=destination_unavailable; details="the breaker is open (manual)""#
/// );
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[must_use]
pub fn rejected_response<B: Default>(rejected: &Rejected) -> Response<B> {
    answer(rejected, "the breaker")
}

/// Returns the answer of [`rejected_response`] with the breaker's name in the details.
///
/// ```
/// use tripcoil::Breaker;
/// use tripcoil::http::rejected_response_of;
///
/// let (breaker, controller) = Breaker::builder("orders").build_with_controller()?;
/// controller.force_open();
/// let rejected = breaker.try_acquire().err().expect("forced open");
/// let response: http::Response<String> = rejected_response_of(breaker.name(), &rejected);
/// assert_eq!(
///     response.headers()["proxy-status"],
///     r#"tripcoil; error=destination_unavailable; details="the breaker 'orders' is forced open (manual)""#
/// );
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[must_use]
pub fn rejected_response_of<B: Default>(breaker: &str, rejected: &Rejected) -> Response<B> {
    answer(rejected, &format!("the breaker '{breaker}'"))
}

fn answer<B: Default>(rejected: &Rejected, who: &str) -> Response<B> {
    let mut response = Response::new(B::default());
    // a breaker around this one sees whose answer it is
    response.extensions_mut().insert(*rejected);
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let details = quoted(&format!("{who} is {}", rejected.reason()));
    let status = format!("tripcoil; error=destination_unavailable; details={details}");
    if let Ok(status) = HeaderValue::try_from(status) {
        response.headers_mut().insert(PROXY_STATUS, status);
    }
    if let Some(wait) = rejected.retry_after() {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let headers = response.headers_mut();
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

#[cfg(test)]
mod tests;
