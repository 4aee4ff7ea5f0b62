//! The answers to those who read.

use crate::Observer;
use crate::error::caught::caught;
use crate::integrations::operate::access::{Action, Asked};
use crate::integrations::operate::answer::{Refusal, json};
use crate::integrations::operate::list::Query;
use crate::integrations::operate::moved::Page;
use crate::integrations::operate::operator::Operator;
use crate::integrations::operate::source::Missing;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use serde_json::json;
use std::sync::Arc;

type Shared = State<Arc<Operator>>;

pub(super) async fn list(State(operator): Shared, request: Parts) -> Response {
    let asked = Asked {
        breaker: None,
        action: Action::Read,
        fleet: false,
    };
    if let Err(refused) = operator.admit(&request, asked).await {
        return refused;
    }
    match Query::parse(request.uri.query().unwrap_or_default()) {
        Ok(query) => json(StatusCode::OK, &operator.list(&query)),
        Err(refusal) => refusal.into_response(),
    }
}

pub(super) async fn one(State(operator): Shared, request: Parts) -> Response {
    let name = match operator.reads(request).await {
        Ok(name) => name,
        Err(refused) => return refused,
    };
    let whole = |(observer, switchable)| operator.whole(&observer, switchable);
    match operator.find(&name).map(whole) {
        Ok(Some(whole)) => json(StatusCode::OK, &whole),
        Ok(None) => unreadable().into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

pub(super) async fn history(State(operator): Shared, request: Parts) -> Response {
    let query = request.uri.query().unwrap_or_default().to_owned();
    let name = match operator.reads(request).await {
        Ok(name) => name,
        Err(refused) => return refused,
    };
    let page = match Page::parse(&query) {
        Ok(page) => page,
        Err(refusal) => return refusal.into_response(),
    };
    let moved = |(observer, _): (Observer, bool)| {
        caught(|| {
            // one more than is shown says whether there is another page
            let mut moved = observer.history_before(page.before, page.limit + 1);
            let next = (moved.len() > page.limit).then(|| {
                moved.remove(0);
                page.next(moved.first().map_or(0, |first| first.generation))
            });
            json!({
                "name": observer.name(),
                "transitions": moved,
                "at_seconds": observer.now().as_secs_f64(),
                "next": next,
            })
        })
    };
    match operator.find(&name).map(moved) {
        Ok(Some(moved)) => json(StatusCode::OK, &moved),
        Ok(None) => unreadable().into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

pub(super) async fn outages(State(operator): Shared, request: Parts) -> Response {
    let name = match operator.reads(request).await {
        Ok(name) => name,
        Err(refused) => return refused,
    };
    match operator.find(&name) {
        Ok((observer, _)) => operator.outages_of(&observer),
        Err(refusal) => refusal.into_response(),
    }
}

pub(super) fn unreadable() -> Refusal {
    let error = "the clock of this breaker has panicked";
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error)
}

/// Returns the parts of a path behind the list: the name, and the rest.
pub(super) fn parts_of(request: &Parts) -> (&str, &str) {
    // without the path in which this is nested, and still encoded
    let path = request.uri.path();
    let behind = |list| path.strip_prefix(list);
    let path = behind("/breakers/").or_else(|| behind("/fleet/"));
    let path = path.unwrap_or_default();
    path.split_once('/').unwrap_or((path, ""))
}

/// Returns the name in the path of a request: percent-decoded, and with `_` that of the query.
pub(super) fn name_in(request: &Parts) -> Result<String, Refusal> {
    let (name, _) = parts_of(request);
    let mut query = form_urlencoded::parse(request.uri.query().unwrap_or_default().as_bytes());
    if name == "_"
        && let Some((_, name)) = query.find(|(key, _)| key == "name")
    {
        return Ok(name.into_owned());
    }
    match percent_decode_str(name).decode_utf8() {
        Ok(name) => Ok(name.into_owned()),
        Err(_) => {
            let error = "the name in the path is not percent-encoded UTF-8";
            Err(Refusal::new(StatusCode::BAD_REQUEST, error))
        }
    }
}

impl Missing {
    pub(super) fn refusal(self, name: &str) -> Refusal {
        match self {
            Missing::None if name.is_empty() => {
                let error = "there is no breaker \"\"; the list of all has no slash at the end";
                Refusal::new(StatusCode::NOT_FOUND, error)
            }
            Missing::None => Refusal::new(
                StatusCode::NOT_FOUND,
                format!("there is no breaker {name:?}"),
            ),
            Missing::Several(count) => Refusal::new(
                StatusCode::CONFLICT,
                format!("{count} breakers have the name {name:?}"),
            ),
        }
    }
}

impl Operator {
    /// Lets readers pass.
    pub(super) async fn admit(&self, request: &Parts, asked: Asked) -> Result<(), Response> {
        if let Some(check) = &self.readers {
            check.ask(request, asked).await?;
        }
        Ok(())
    }

    /// Returns the name of the breaker that may be read.
    async fn reads(&self, request: Parts) -> Result<String, Response> {
        let name = name_in(&request);
        let asked = Asked {
            breaker: name.as_ref().ok().cloned(),
            action: Action::Read,
            fleet: false,
        };
        self.admit(&request, asked).await?;
        name.map_err(Refusal::into_response)
    }

    /// Returns the breaker of that name, and whether it can be switched.
    fn find(&self, name: &str) -> Result<(Observer, bool), Refusal> {
        let switches = self.switches.is_some();
        let found = self.sources.on(name, |one| {
            (one.observer(), switches && one.controller().is_some())
        });
        found.map_err(|missing| missing.refusal(name))
    }

    #[cfg(feature = "insight")]
    fn outages_of(&self, observer: &Observer) -> Response {
        let Some(found) = caught(|| self.insight_of(observer)) else {
            let error = "the search for the insight of this breaker has panicked";
            return Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error).into_response();
        };
        let Some(insight) = found else {
            return without_insight().into_response();
        };
        let Some(known) = caught(|| insight.report()) else {
            return unreadable().into_response();
        };
        let body = json!({
            "name": known.name,
            "at_seconds": known.at.as_secs_f64(),
            "outage": known.outage,
            "eta": known.eta,
            "pattern": known.pattern,
            "outages": known.outages,
            "outages_total": known.outages_total,
            "cost": known.cost,
        });
        json(StatusCode::OK, &body)
    }

    #[cfg(not(feature = "insight"))]
    fn outages_of(&self, _: &Observer) -> Response {
        without_insight().into_response()
    }
}

fn without_insight() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "the breaker has no insight")
}
