//! The live page and the description of the routes: the same for everyone, and without data.

use crate::integrations::operate::answer::json;
use crate::integrations::operate::operator::Operator;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{Html, IntoResponse, Response};
use serde_json::Value;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

const PAGE: &str = include_str!("page.html");
const OPENAPI: &str = include_str!("openapi.json");

/// The page, whose own script and style are let in by a nonce.
pub(super) async fn html() -> Response {
    let nonce = nonce();
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src data:; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let page = PAGE.replace("NONCE", &nonce);
    ([(CONTENT_SECURITY_POLICY, policy)], Html(page)).into_response()
}

/// A word that cannot be guessed: hashes by keys of the system's randomness.
fn nonce() -> String {
    let half = |salt: u64| RandomState::new().hash_one(salt);
    format!("{:016x}{:016x}", half(0), half(1))
}

pub(super) async fn openapi(State(operator): State<Arc<Operator>>) -> Response {
    let mut described: Value = serde_json::from_str(OPENAPI).unwrap_or_default();
    if operator.switches.is_none()
        && let Some(paths) = described["paths"].as_object_mut()
    {
        for operations in paths.values_mut().filter_map(Value::as_object_mut) {
            operations.retain(|method, _| method != "post" && method != "patch");
        }
        paths.retain(|_, operations| operations.get("get").is_some());
    }
    if !operator.has_fleet()
        && let Some(paths) = described["paths"].as_object_mut()
    {
        paths.retain(|path, _| !path.starts_with("/fleet"));
    }
    json(StatusCode::OK, &described)
}
