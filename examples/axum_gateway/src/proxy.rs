//! Forwards requests, or answers in place of the upstream.

use crate::Failure;
use crate::gateway::Gateway;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{
    CONNECTION, CONTENT_TYPE, EXPECT, HOST, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION,
    TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use axum::http::uri::{Authority, Scheme};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, Version};
use axum::response::{IntoResponse, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tripcoil::http::rejected_response;
use tripcoil::{CallError, Rejected};

/// How long an upstream may take for the head of its response.
const PATIENCE: Duration = Duration::from_secs(1);

const LARGEST_REQUEST: usize = 1 << 20;

/// The longest `Retry-After`: longer ones would keep clients away after a short outage.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Headers of one connection, which are not the next one's (RFC 9110, section 7.6.1); and what hyper has
/// answered already.
const HOP_BY_HOP: [HeaderName; 10] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    EXPECT,
];

/// Why there was no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoResponse {
    Connection,
    Timeout,
}

/// The servers by name, and the client that calls them.
pub(crate) struct Upstreams {
    servers: Vec<(String, Authority)>,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Upstreams {
    pub(crate) fn new(servers: &[(&str, SocketAddr)]) -> Result<Upstreams, Failure> {
        let server = |(name, at): &(&str, SocketAddr)| {
            let authority = Authority::try_from(at.to_string())?;
            Ok::<_, Failure>(((*name).to_owned(), authority))
        };
        Ok(Upstreams {
            servers: servers.iter().map(server).collect::<Result<_, _>>()?,
            client: Client::builder(TokioExecutor::new()).build_http(),
        })
    }

    /// The upstream of that path, and the path there.
    fn find(&self, uri: &Uri) -> Option<(&str, Uri)> {
        let path = uri.path().strip_prefix('/')?;
        let (name, path) = path.split_once('/').unwrap_or((path, ""));
        let (name, authority) = self.servers.iter().find(|(n, _)| n == name)?;
        let query = uri.query().map_or_else(String::new, |q| format!("?{q}"));
        let there = Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(authority.clone())
            .path_and_query(format!("/{path}{query}"));
        Some((name, there.build().ok()?))
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, NoResponse> {
        match timeout(PATIENCE, self.client.request(request)).await {
            Ok(response) => response.map_err(|_| NoResponse::Connection),
            Err(_) => Err(NoResponse::Timeout),
        }
    }
}

/// A call is what the upstream answers for alone: it begins when the request is in, and ends with the
/// response's head. So a client that sends or reads slowly trips no breaker.
pub(crate) async fn forward(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    // a name that is not configured makes no breaker
    let Some((name, there)) = gateway.upstreams.find(request.uri()) else {
        return (StatusCode::NOT_FOUND, "no such upstream\n").into_response();
    };
    let (mut head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_REQUEST).await else {
        // or it has broken off, and nobody reads this
        let told = "the request is larger than 1 MiB\n";
        return (StatusCode::PAYLOAD_TOO_LARGE, told).into_response();
    };
    head.uri = there;
    head.version = Version::HTTP_11;
    strip(&mut head.headers);
    head.headers.remove(HOST); // the client names the upstream
    let request = Request::from_parts(head, Full::new(body));

    let call = gateway
        .breakers
        .call_async(name, gateway.upstreams.exchange(request));
    match call.await {
        Ok(mut response) => {
            strip(response.headers_mut());
            response.map(Body::new)
        }
        Err(CallError::Rejected(rejected)) => {
            // when the outage is likely to be over, not when the next call is a probe
            let insight = gateway.insight(name);
            let rejected = insight.map_or(rejected, |i| i.expected(rejected, LONGEST_WAIT));
            not_called(name, &rejected)
        }
        Err(CallError::Inner(NoResponse::Connection)) => {
            (StatusCode::BAD_GATEWAY, format!("no answer from {name}\n")).into_response()
        }
        Err(CallError::NoBreaker(none)) => {
            (StatusCode::INTERNAL_SERVER_ERROR, format!("{none}\n")).into_response()
        }
        // late; a limit of the breaker's own, which is not set here, would be too
        Err(_) => {
            let told = format!("no answer from {name} in time\n");
            (StatusCode::GATEWAY_TIMEOUT, told).into_response()
        }
    }
}

fn not_called(name: &str, rejected: &Rejected) -> Response {
    let (mut head, ()) = rejected_response::<()>(rejected).into_parts();
    head.headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    let told = format!(
        "{name} is not called: its breaker is {}\n",
        rejected.state()
    );
    Response::from_parts(head, Body::from(told))
}

fn strip(headers: &mut HeaderMap) {
    let connection = headers.get_all(CONNECTION).iter();
    let named: Vec<HeaderName> = connection
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}
