//! Answers in JSON, and the headers that all answers have.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(body) => (status, [(CONTENT_TYPE, JSON)], Body::from(body)).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Something that is wrong with a request.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    /// The parameter or setting, as its path.
    pub(super) field: String,
    pub(super) problem: String,
}

/// Why there is no other answer.
#[derive(Debug, Serialize)]
pub(super) struct Refusal {
    #[serde(skip)]
    status: StatusCode,
    error: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<Problem>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, error: impl Into<String>) -> Refusal {
        Refusal {
            status,
            error: error.into(),
            problems: Vec::new(),
        }
    }

    /// Refuses a query that has problems.
    pub(super) fn query(problems: Vec<Problem>) -> Result<(), Refusal> {
        match problems.is_empty() {
            true => Ok(()),
            false => {
                let error = "the query is not understood";
                Err(Refusal::new(StatusCode::BAD_REQUEST, error).with(problems))
            }
        }
    }

    #[cfg(feature = "tracing")]
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    #[cfg(feature = "tracing")]
    pub(super) fn error(&self) -> &str {
        &self.error
    }

    pub(super) fn with(self, problems: Vec<Problem>) -> Refusal {
        Refusal { problems, ..self }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        json(self.status, &self)
    }
}

/// The fallback of routes that exist, for other methods. The router adds `Allow`.
pub(super) async fn method_not_allowed(request: Request) -> Refusal {
    let method = request.method();
    let error = format!("{method} is not allowed here");
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, error)
}

/// Adds the headers of every answer, unless it has its own.
pub(super) async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
    ] {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

/// The `limit` of a page, from a query.
pub(super) fn limit(value: &str) -> Result<usize, &'static str> {
    const MOST: usize = 1000;
    let limit = value.parse().ok();
    let limit = limit.filter(|n| (1..=MOST).contains(n));
    limit.ok_or("a whole number from 1 to 1000")
}
