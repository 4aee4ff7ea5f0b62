//! The switches: only with a check, and only for requests that no other site can make.

use crate::config::Rules;
use crate::error::caught::caught;
use crate::integrations::operate::access::{Action, Asked, Who};
use crate::integrations::operate::answer::{Problem, Refusal, json};
use crate::integrations::operate::audit;
use crate::integrations::operate::done::Done;
use crate::integrations::operate::operator::Operator;
use crate::integrations::operate::read::{name_in, parts_of, unreadable};
use crate::integrations::operate::rules::{self, Edit};
use crate::integrations::operate::source::Operated;
use crate::integrations::operate::view;
use crate::{Config, Controller};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// The largest body, in bytes: all settings with room to spare.
const LARGEST: usize = 1 << 16;

/// Set by browsers, and by no script.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

type Shared = State<Arc<Operator>>;

impl Done {
    fn new(one: &dyn Operated, action: Action, who: &Who, changed: bool) -> Done {
        let observer = one.observer();
        Done {
            name: observer.name().to_owned(),
            action: action.as_str(),
            who: who.to_string(),
            changed,
            state: observer.state(),
            config: None,
            settings: None,
        }
    }
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
    operator.answer(&head, body, action).await
}

pub(super) async fn reconfigure(State(operator): Shared, request: Request) -> Response {
    let (head, body) = request.into_parts();
    operator.answer(&head, body, Action::Reconfigure).await
}

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

/// Changes the rules, or returns everything that is wrong with the change. Returns the settings before and after, of the moment
/// of the change: others may make changes too.
fn change(
    one: &dyn Operated,
    controller: &Controller,
    mut edit: Edit,
) -> Result<(Config, Config), Refusal> {
    edit.refused(one.observer().config())?;
    let made = Rc::new(RefCell::new(None));
    let seen = made.clone();
    let apply = |rules: Rules| {
        rules.edited(move |config| {
            let before = config.clone();
            edit.apply(config);
            // of several attempts the last one counts
            *seen.borrow_mut() = Some((before, config.clone()));
        })
    };
    let changed = caught(|| controller.reconfigure(apply)).ok_or_else(unreadable)?;
    changed.map_err(|error| rules::out_of_range(&error))?;
    one.keep();
    made.take().ok_or_else(unreadable)
}

/// The settings in which these differ.
fn differing(before: &Value, after: &Value) -> Option<(Value, Value)> {
    let only = |these: &Value, others: &Value| -> Map<String, Value> {
        let settings = these.as_object().into_iter().flatten();
        let differ = settings.filter(|(name, value)| others.get(name) != Some(value));
        differ.map(|(n, v)| (n.clone(), v.clone())).collect()
    };
    let changed = (only(before, after), only(after, before));
    let none = changed.0.is_empty() && changed.1.is_empty();
    (!none).then(|| (changed.0.into(), changed.1.into()))
}

pub(super) fn action_in(request: &Parts) -> Option<Action> {
    let (_, word) = parts_of(request);
    let mut all = Action::SWITCHES.into_iter();
    all.find(|action| action.path() == word)
}

/// A form of another site can send none of these types, and a script of another site has to ask first.
pub(super) fn is_from_here(request: &Parts) -> Result<(), Refusal> {
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

pub(super) async fn body_of(body: Body) -> Result<Bytes, Refusal> {
    let whole = to_bytes(body, LARGEST).await;
    whole.map_err(|_| {
        let error = "the body is larger than 64 KiB, or has broken off";
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, error)
    })
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
    /// Carries out a request, if it is permitted, and reports what has come of it.
    async fn answer(&self, head: &Parts, body: Body, action: Action) -> Response {
        let name = name_in(head);
        let asked = Asked {
            breaker: name.as_ref().ok().cloned(),
            action,
            fleet: false,
        };
        let Some(check) = &self.switches else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let who = match check.ask(head, asked.clone()).await {
            Ok(who) => who,
            // the user's own answer
            Err(refused) => return refused,
        };
        match self.attempt(head, body, name, action, &who).await {
            Ok(done) => {
                audit::done(&done);
                json(StatusCode::OK, &done)
            }
            Err(refusal) => {
                audit::refused(&asked, None, &who, &refusal);
                refusal.into_response()
            }
        }
    }

    async fn attempt(
        &self,
        head: &Parts,
        body: Body,
        name: Result<String, Refusal>,
        action: Action,
        who: &Who,
    ) -> Result<Done, Refusal> {
        is_from_here(head)?;
        let name = name?;
        let body = body_of(body).await?;
        if action == Action::Reconfigure {
            let edit = Edit::parse(&body)?;
            return self.operate(&name, |one, controller| {
                let (before, after) = change(one, controller, edit)?;
                let changed = before != after;
                let (before, after) = (view::config(before), view::config(after));
                Ok(Done {
                    settings: differing(&before, &after),
                    config: Some(after),
                    ..Done::new(one, action, who, changed)
                })
            });
        }
        nothing_in(&body)?;
        self.operate(&name, |one, controller| {
            let changed = caught(|| throw(controller, action)).ok_or_else(unreadable)?;
            Ok(Done::new(one, action, who, changed))
        })
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
