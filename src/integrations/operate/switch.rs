//! The switches: only with a check, and only for requests that no other site can make.

use crate::config::Rules;
use crate::error::caught::caught;
use crate::integrations::operate::access::{Action, Asked, Check, Who};
use crate::integrations::operate::answer::{Problem, Refusal, json};
use crate::integrations::operate::operator::Operator;
use crate::integrations::operate::read::{name_in, parts_of, unreadable};
use crate::integrations::operate::rules::{self, Edit};
use crate::integrations::operate::source::Operated;
use crate::integrations::operate::view;
use crate::{Controller, State as BreakerState};
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use std::sync::Arc;

/// The largest body, in bytes: all settings with room to spare.
const LARGEST: usize = 1 << 16;

/// Set by browsers, and by no script.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

type Shared = State<Arc<Operator>>;

/// What was done.
#[derive(Debug, Serialize)]
struct Done {
    name: String,
    action: &'static str,
    who: String,
    changed: bool,
    state: BreakerState,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<Value>,
}

pub(super) async fn switch(State(operator): Shared, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Some(action) = action_in(&head) else {
        let known: Vec<_> = Action::SWITCHES
            .iter()
            .map(|action| action.path())
            .collect();
        let error = format!("no such switch; there are {} and rules", known.join(", "));
        return Refusal::new(StatusCode::NOT_FOUND, error).into_response();
    };
    let (who, name) = match operator.permits(&head, action).await {
        Ok(permitted) => permitted,
        Err(refused) => return refused,
    };
    let Ok(body) = to_bytes(body, LARGEST).await else {
        return too_large().into_response();
    };
    if let Err(refusal) = nothing_in(&body) {
        return refusal.into_response();
    }
    let done = operator.operate(&name, |one, controller| {
        let changed = caught(|| throw(controller, action)).ok_or_else(unreadable)?;
        Ok(Done {
            name: name.clone(),
            action: action.as_str(),
            who: who.to_string(),
            changed,
            state: one.observer().state(),
            config: None,
        })
    });
    answer(done)
}

pub(super) async fn reconfigure(State(operator): Shared, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let (who, name) = match operator.permits(&head, Action::Reconfigure).await {
        Ok(permitted) => permitted,
        Err(refused) => return refused,
    };
    let Ok(body) = to_bytes(body, LARGEST).await else {
        return too_large().into_response();
    };
    let edit = match Edit::parse(&body) {
        Ok(edit) => edit,
        Err(refusal) => return refusal.into_response(),
    };
    let done = operator.operate(&name, |one, controller| {
        let before = one.observer().config();
        change(one, controller, edit)?;
        let after = one.observer().config();
        Ok(Done {
            name: name.clone(),
            action: Action::Reconfigure.as_str(),
            who: who.to_string(),
            changed: before != after,
            state: one.observer().state(),
            config: Some(view::config(after)),
        })
    });
    answer(done)
}

fn answer(done: Result<Done, Refusal>) -> Response {
    match done {
        Ok(done) => {
            report(&done);
            json(StatusCode::OK, &done)
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// One event of the target `tripcoil` for each request that was carried out.
#[cfg(feature = "tracing")]
fn report(done: &Done) {
    ::tracing::event!(
        target: "tripcoil",
        ::tracing::Level::INFO,
        breaker = done.name,
        action = done.action,
        who = done.who,
        changed = done.changed,
        state = done.state.as_str(),
        "breaker switched by an operator"
    );
}

#[cfg(not(feature = "tracing"))]
fn report(_: &Done) {}

fn throw(controller: &Controller, action: Action) -> bool {
    match action {
        Action::ForceOpen => controller.force_open(),
        Action::Disable => controller.disable(),
        Action::ObserveOnly => controller.observe_only(),
        Action::Trip => controller.trip(),
        Action::HalfOpen => controller.half_open(),
        Action::Release => controller.release(),
        Action::Reset => controller.reset(),
        Action::Read | Action::Reconfigure => false,
    }
}

/// Changes the rules, or returns everything that is wrong with the change.
fn change(one: &dyn Operated, controller: &Controller, mut edit: Edit) -> Result<(), Refusal> {
    edit.refused(one.observer().config())?;
    let apply = |rules: Rules| rules.edited(move |config| edit.apply(config));
    let changed = caught(|| controller.reconfigure(apply)).ok_or_else(unreadable)?;
    changed.map_err(|error| rules::out_of_range(&error))?;
    one.keep();
    Ok(())
}

fn action_in(request: &Parts) -> Option<Action> {
    let (_, word) = parts_of(request);
    let mut all = Action::SWITCHES.into_iter();
    all.find(|action| action.path() == word)
}

/// A form of another site can send none of these types, and a script of another site has to ask first.
fn is_from_here(request: &Parts) -> Result<(), Refusal> {
    let header = |name: HeaderName| {
        let value = request.headers.get(name)?;
        value.to_str().ok()
    };
    if let Some(site) = header(SEC_FETCH_SITE)
        && !["same-origin", "none"].contains(&site)
    {
        let error = "the request comes from another site";
        return Err(Refusal::new(StatusCode::FORBIDDEN, error));
    }
    let kind = header(CONTENT_TYPE).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        let error = "the content type must be application/json";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error));
    }
    Ok(())
}

fn too_large() -> Refusal {
    let error = "the body is larger than 64 KiB, or has broken off";
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, error)
}

/// A switch has no parameters.
fn nothing_in(body: &[u8]) -> Result<(), Refusal> {
    if body.is_empty() {
        return Ok(());
    }
    match serde_json::from_slice::<Map<String, Value>>(body) {
        Ok(fields) if fields.is_empty() => Ok(()),
        Ok(fields) => {
            let problems = fields.into_iter().map(|(field, _)| Problem {
                field,
                problem: "is unknown: a switch has no parameters".to_owned(),
            });
            let error = "the body must be empty, or {}";
            let refusal = Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, error);
            Err(refusal.with(problems.collect()))
        }
        Err(error) => {
            let error = format!("the body must be empty, or {{}}: {error}");
            Err(Refusal::new(StatusCode::BAD_REQUEST, error))
        }
    }
}

impl Operator {
    /// Returns who switches, and which breaker.
    async fn permits(&self, request: &Parts, action: Action) -> Result<(Who, String), Response> {
        let name = name_in(request);
        let asked = Asked {
            breaker: name.as_ref().ok().cloned(),
            action,
        };
        let Some(check) = &self.switches else {
            return Err(StatusCode::NOT_FOUND.into_response());
        };
        let who = Check::ask(check, request, asked).await?;
        is_from_here(request).map_err(Refusal::into_response)?;
        let name = name.map_err(Refusal::into_response)?;
        Ok((who, name))
    }

    /// Calls `operation` with the one breaker of that name, and its controller.
    fn operate(
        &self,
        name: &str,
        operation: impl FnOnce(&dyn Operated, &Controller) -> Result<Done, Refusal>,
    ) -> Result<Done, Refusal> {
        let done = self.sources.on(name, |one| match one.controller() {
            Some(controller) => operation(one, controller),
            None => {
                let error = format!("the breaker {name:?} can only be read");
                Err(Refusal::new(StatusCode::CONFLICT, error))
            }
        });
        done.unwrap_or_else(|missing| Err(missing.refusal(name)))
    }
}
