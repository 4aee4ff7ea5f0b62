//! By which names the router may be addressed.

use crate::integrations::operate::answer::Refusal;
use axum::extract::{Request, State};
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// The hosts that are served; all of them if none is given.
pub(super) type Hosts = Option<Arc<[String]>>;

/// Refuses a request that is addressed to any other host.
pub(super) async fn only(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    match hosts {
        Some(hosts) if !are_served(&hosts, request.uri(), request.headers()) => {
            let error = "this host is not served here";
            Refusal::new(StatusCode::MISDIRECTED_REQUEST, error).into_response()
        }
        _ => next.run(request).await,
    }
}

/// The host is in the header, in the URI, or in both: then each has to be served. Without any, it is not.
fn are_served(hosts: &[String], uri: &Uri, headers: &HeaderMap) -> bool {
    let of_headers = headers.get_all(HOST).iter();
    let mut of_headers = of_headers.map(|value| value.to_str().ok()?.parse::<Authority>().ok());
    let is_served = |asked: &Authority| hosts.iter().any(|host| is_of(asked, host));
    let in_uri = uri.authority();
    let in_headers = headers.contains_key(HOST);
    (in_uri.is_some() || in_headers)
        && in_uri.is_none_or(is_served)
        && of_headers.all(|asked| asked.as_ref().is_some_and(is_served))
}

/// A host without a port is served at each.
fn is_of(asked: &Authority, host: &str) -> bool {
    // "user@host" is an authority as well, and no host
    let whole = asked.as_str();
    whole.eq_ignore_ascii_case(host) || {
        let port = whole.strip_prefix(asked.host()).unwrap_or("@");
        (port.is_empty() || port.starts_with(':')) && asked.host().eq_ignore_ascii_case(host)
    }
}

#[cfg(test)]
mod tests;
