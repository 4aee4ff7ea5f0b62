//! Operators' words to a whole fleet.

use crate::fleet::{Down, EVERY, Mode, Reason, Word};
use crate::integrations::operate::access::{Action, Asked, Who};
use crate::integrations::operate::answer::{Problem, Refusal, json};
use crate::integrations::operate::audit;
use crate::integrations::operate::operator::Operator;
use crate::integrations::operate::read::name_in;
use crate::integrations::operate::switch::{action_in, body_of, is_from_here};
use crate::integrations::operate::voice::Voice;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// An operator waits for the store so long.
const PATIENCE: Duration = Duration::from_secs(2);

type Shared = State<Arc<Operator>>;
pub(super) async fn list(State(operator): Shared, request: Parts) -> Response {
    let asked = Asked {
        breaker: None,
        action: Action::Read,
        fleet: true,
    };
    if let Err(refused) = operator.admit(&request, asked).await {
        return refused;
    }
    let Some(voice) = &operator.fleet else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let listed = timeout(PATIENCE, voice.list()).await;
    match listed.unwrap_or_else(|_| Err(late())) {
        Ok(words) => {
            let words: Vec<_> = words.iter().map(shown).collect();
            json(StatusCode::OK, &json!({ "words": words }))
        }
        Err(down) => failed(&down).into_response(),
    }
}

pub(super) async fn say(State(operator): Shared, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let mode = action_in(&head).and_then(|action| Some((action, mode_of(action)?)));
    let Some((action, mode)) = mode else {
        let error = "no such word; there are force-open, disable, observe-only and release";
        return Refusal::new(StatusCode::NOT_FOUND, error).into_response();
    };
    let name = name_in(&head);
    let asked = Asked {
        breaker: name.as_ref().ok().cloned(),
        action,
        fleet: true,
    };
    let (Some(check), Some(voice)) = (&operator.switches, &operator.fleet) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let who = match check.ask(&head, asked.clone()).await {
        Ok(who) => who,
        // the user's own answer
        Err(refused) => return refused,
    };
    let word = match word_of(&head, body, name, mode, &who).await {
        Ok(word) => word,
        Err(refusal) => {
            audit::refused(&asked, Some(voice.fleet()), &who, &refusal);
            return refusal.into_response();
        }
    };
    let known = word.breaker == EVERY || operator.sources.have(&word.breaker);
    // a client that goes away prevents neither the word, which may be under way, nor its audit
    let speaking = tokio::spawn(audit::in_span(speak(
        Arc::clone(voice),
        asked,
        who,
        word,
        known,
    )));
    let spoken = speaking.await;
    // it ends early with the runtime only
    spoken.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

async fn speak(voice: Arc<dyn Voice>, asked: Asked, who: Who, word: Word, known: bool) -> Response {
    let (speaker, spoken) = (Arc::clone(&voice), word.clone());
    // the store's client may panic
    let mut saying = tokio::spawn(async move { speaker.say(spoken).await });
    let refusal = match timeout(PATIENCE, &mut saying).await {
        Ok(Ok(Ok(word))) => {
            audit::said(voice.fleet(), &word);
            let mut said = shown(&word);
            said["known"] = known.into();
            return json(StatusCode::OK, &said);
        }
        Ok(Ok(Err(down))) if down.reason != Reason::Timeout => {
            let refusal = failed(&down);
            audit::refused(&asked, Some(voice.fleet()), &who, &refusal);
            return refusal.into_response();
        }
        Ok(Ok(Err(down))) => unanswered(&down),
        Ok(Err(_)) => unanswered(&panicked()),
        Err(_) => {
            saying.abort();
            unanswered(&late())
        }
    };
    audit::unanswered(voice.fleet(), &word, &refusal);
    refusal.into_response()
}

async fn word_of(
    head: &Parts,
    body: Body,
    name: Result<String, Refusal>,
    mode: Mode,
    who: &Who,
) -> Result<Word, Refusal> {
    is_from_here(head)?;
    let breaker = name?;
    let (left, why) = parameters(&body_of(body).await?)?;
    let word = Word {
        breaker,
        version: 0,
        mode,
        left,
        who: who.to_string(),
        why,
    };
    let problems: Vec<_> = word.too_long().map(too_long).collect();
    match problems.is_empty() {
        true => Ok(word),
        false => Err(nothing_said(problems)),
    }
}

fn mode_of(action: Action) -> Option<Mode> {
    match action {
        Action::ForceOpen => Some(Mode::ForceOpen),
        Action::Disable => Some(Mode::Disable),
        Action::ObserveOnly => Some(Mode::ObserveOnly),
        Action::Release => Some(Mode::Release),
        _ => None,
    }
}

/// For how long, and why: `{"for": "10m", "why": "change 4711"}`, or nothing.
fn parameters(body: &[u8]) -> Result<(Option<Duration>, String), Refusal> {
    let fields = match body {
        [] => Map::new(),
        body => serde_json::from_slice::<Map<String, Value>>(body).map_err(|error| {
            let error = format!("the body must be empty, or an object: {error}");
            Refusal::new(StatusCode::BAD_REQUEST, error)
        })?,
    };
    let (mut left, mut why, mut problems) = (None, String::new(), Vec::new());
    for (field, value) in fields {
        let problem = match (field.as_str(), value.as_str()) {
            ("for", Some(text)) => match humantime::parse_duration(text) {
                Ok(span) if !span.is_zero() => {
                    left = Some(span);
                    continue;
                }
                _ => "must be a duration above zero, such as \"10m\"",
            },
            ("for", None) => "must be a text, such as \"10m\"",
            ("why", Some(text)) => {
                text.clone_into(&mut why);
                continue;
            }
            ("why", None) => "must be a text",
            _ => "is unknown: there are \"for\" and \"why\"",
        };
        let problem = problem.to_owned();
        problems.push(Problem { field, problem });
    }
    if problems.is_empty() {
        return Ok((left, why));
    }
    Err(nothing_said(problems))
}

fn too_long((field, problem): (&str, String)) -> Problem {
    // as the path's parameter is called
    let field = if field == "breaker" { "name" } else { field };
    Problem {
        field: field.to_owned(),
        problem,
    }
}

fn nothing_said(problems: Vec<Problem>) -> Refusal {
    let error = "nothing was said";
    Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, error).with(problems)
}

fn late() -> Down {
    let text = format_args!("no answer within {PATIENCE:?}");
    Down::new(Reason::Timeout, text)
}

fn panicked() -> Down {
    Down::new(Reason::Protocol, "the store's client panicked")
}

fn failed(down: &Down) -> Refusal {
    // what the store's user may not do is this program's configuration, and not the operator's request
    let status = match down.reason {
        Reason::Timeout => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::BAD_GATEWAY,
    };
    Refusal::new(status, down.to_string())
}

/// The store has the word, or not.
fn unanswered(down: &Down) -> Refusal {
    let error = format!("{down}: it may have been said all the same; read the words");
    Refusal::new(StatusCode::GATEWAY_TIMEOUT, error)
}

fn shown(word: &Word) -> Value {
    json!({
        "breaker": word.breaker,
        "version": word.version,
        "mode": word.mode.as_str(),
        "left_seconds": word.left.map(|left| left.as_secs_f64()),
        "who": word.who,
        "why": word.why,
    })
}
