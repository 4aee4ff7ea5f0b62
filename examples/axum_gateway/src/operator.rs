//! The operator's buttons, and their token.

use crate::Failure;
use crate::gateway::Gateway;
use axum::extract::{Path, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use serde_json::json;
use std::env::{self, VarError};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use tripcoil::Controller;

const VARIABLE: &str = "GATEWAY_TOKEN";

/// What an operator has to show.
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

/// `POST /breakers/{name}/{action}`: whether it changed anything, and the state that it led to.
pub(crate) async fn operate(
    State(gateway): State<Arc<Gateway>>,
    Path((name, action)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    if !gateway.token.is_shown(&headers) {
        let scheme = [(WWW_AUTHENTICATE, "Bearer")];
        let told = refused(StatusCode::UNAUTHORIZED, "the token is missing or wrong");
        return (scheme, told).into_response();
    }
    // the registry would make one
    let Some(observer) = gateway.observers().iter().find(|o| o.name() == name) else {
        return refused(StatusCode::NOT_FOUND, "no such breaker");
    };
    let action = match action.as_str() {
        "force-open" => Controller::force_open,
        "release" => Controller::release,
        "reset" => Controller::reset,
        _ => {
            let told = "no such action; there are force-open, release and reset";
            return refused(StatusCode::BAD_REQUEST, told);
        }
    };
    match gateway.switches.on(name.as_str(), action) {
        Ok(changed) => {
            let state = observer.state().to_string();
            Json(json!({ "changed": changed, "state": state })).into_response()
        }
        Err(e) => refused(StatusCode::INTERNAL_SERVER_ERROR, &e.to_string()),
    }
}

fn refused(status: StatusCode, why: &str) -> Response {
    (status, Json(json!({ "error": why }))).into_response()
}
