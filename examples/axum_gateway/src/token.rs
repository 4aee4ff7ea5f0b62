//! What operators have to show: to read, and to switch.

use crate::Failure;
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use serde_json::json;
use std::env::{self, VarError};
use std::future::{Ready, ready};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use tripcoil::operate::Who;

const VARIABLE: &str = "GATEWAY_TOKEN";

pub(crate) struct Token {
    secret: String,
    hasher: RandomState,
}

impl Token {
    pub(crate) fn new(secret: impl Into<String>) -> Token {
        Token {
            secret: secret.into(),
            hasher: RandomState::new(),
        }
    }

    /// The token from the environment, or a new one, which is returned.
    pub(crate) fn from_environment() -> Result<(Token, Option<String>), Failure> {
        match env::var(VARIABLE) {
            Ok(secret) if secret.is_empty() => Err(format!("{VARIABLE} is empty").into()),
            Ok(secret) => Ok((Token::new(secret), None)),
            Err(VarError::NotPresent) => {
                let mut bytes = [0; 16];
                getrandom::fill(&mut bytes)?;
                let secret = format!("{:032x}", u128::from_ne_bytes(bytes));
                Ok((Token::new(secret.as_str()), Some(secret)))
            }
            Err(e) => Err(format!("{VARIABLE}: {e}").into()),
        }
    }

    /// The check of a router for operators. All of them share the token, and so one name.
    pub(crate) fn check(
        self: Arc<Token>,
    ) -> impl Fn(Parts) -> Ready<Result<Who, Response>> + Send + Sync + 'static {
        move |request| {
            ready(match self.is_shown(&request.headers) {
                true => Ok(Who::new("the token's owner")),
                false => Err(refused()),
            })
        }
    }

    /// By hashes of a secret key first: how long it takes does not say how much of a guess was right.
    fn is(&self, given: &str) -> bool {
        let hash = |text: &str| self.hasher.hash_one(text);
        hash(given) == hash(&self.secret) && given == self.secret
    }

    fn is_shown(&self, headers: &HeaderMap) -> bool {
        let header = headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok());
        header
            .and_then(|value| value.split_once(' '))
            .is_some_and(|(scheme, given)| scheme.eq_ignore_ascii_case("bearer") && self.is(given))
    }
}

fn refused() -> Response {
    let scheme = [(WWW_AUTHENTICATE, "Bearer")];
    let why = Json(json!({ "error": "the token is missing or wrong" }));
    (StatusCode::UNAUTHORIZED, scheme, why).into_response()
}
