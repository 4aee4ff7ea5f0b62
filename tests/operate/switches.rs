//! What each switch does, and what is reported of it.

use crate::rig::{Rig, TOKEN, check, post};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tripcoil::operate::Operator;
use tripcoil::{Breaker, Controller, State};

async fn rig() -> (Breaker, Arc<Controller>, Rig) {
    let (breaker, controller) = Breaker::builder("orders").build_with_controller().unwrap();
    // one that others use too
    let controller = Arc::new(controller);
    let operator = Operator::new()
        .controller(controller.clone())
        .switches(check);
    (breaker, controller, Rig::new(operator).await)
}

#[tokio::test]
async fn each_switch_does_what_its_name_says() {
    let (breaker, controller, rig) = rig().await;
    for (switch, changed, state) in [
        ("force-open", true, State::ForcedOpen),
        ("force-open", false, State::ForcedOpen),
        ("trip", false, State::ForcedOpen),
        ("half-open", false, State::ForcedOpen),
        ("disable", true, State::Disabled),
        ("observe-only", true, State::ObserveOnly),
        ("release", true, State::Closed),
        ("release", false, State::Closed),
        ("trip", true, State::Open),
        ("half-open", true, State::HalfOpen),
        ("reset", true, State::Closed),
        ("reset", true, State::Closed),
    ] {
        let before = breaker.observer().snapshot().generation;
        let (status, done) = rig.post(&format!("/breakers/orders/{switch}"), "{}").await;
        let expected = json!({
            "name": "orders", "action": switch.replace('-', "_"), "who": "ann",
            "changed": changed, "state": state.as_str(),
        });
        assert_eq!((status, done), (StatusCode::OK, expected), "{switch}");
        assert_eq!(breaker.state(), state, "{switch}");
        let moved = breaker.observer().snapshot().generation - before;
        assert_eq!(moved, u64::from(changed), "{switch}");
    }
    assert!(controller.force_open(), "the other owner has it too");
}

#[tokio::test]
async fn a_switch_that_there_is_not_is_answered_with_those_that_there_are() {
    let (breaker, _, rig) = rig().await;
    for switch in [
        "dance",
        "force_open",
        "Force-open",
        "force-open%20",
        "",
        "%FF",
    ] {
        let request = post(Method::POST, &format!("/breakers/orders/{switch}"), "");
        let request_path = request.uri().path().to_owned();
        if switch.is_empty() {
            continue;
        }
        let answer = rig.send(request).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{request_path}");
        let there = "force-open, disable, observe-only, trip, half-open, release, reset and rules";
        assert_eq!(
            answer.json()["error"],
            format!("no such switch; there are {there}")
        );
    }
    for (method, path, allow) in [
        (Method::GET, "/breakers/orders/force-open", "POST"),
        (Method::PUT, "/breakers/orders/reset", "POST"),
        (Method::GET, "/breakers/orders/rules", "PATCH,POST"),
        (Method::DELETE, "/breakers/orders", "GET,HEAD"),
        (Method::POST, "/breakers/orders/history", "GET,HEAD"),
        (Method::POST, "/breakers", "GET,HEAD"),
    ] {
        let answer = rig.send(post(method.clone(), path, "{}")).await;
        assert_eq!(
            answer.status,
            StatusCode::METHOD_NOT_ALLOWED,
            "{method} {path}"
        );
        assert_eq!(answer.headers["allow"], allow);
        assert_eq!(
            answer.json()["error"],
            format!("{method} is not allowed here")
        );
    }
    assert_eq!(breaker.observer().snapshot().generation, 0);
}

#[tokio::test]
async fn a_switch_has_no_parameters() {
    let (breaker, _, rig) = rig().await;
    for (body, status, says) in [
        ("{", 400, "the body must be empty, or {}: EOF"),
        ("null", 400, "invalid type: null"),
        ("[]", 400, "invalid type: sequence"),
        ("{} {}", 400, "trailing characters"),
        (
            r#"{"seconds": 5, "why": 1}"#,
            422,
            "the body must be empty, or {}",
        ),
    ] {
        let (found, answer) = rig.post("/breakers/orders/trip", body).await;
        assert_eq!(found.as_u16(), status, "{body}");
        assert!(answer["error"].as_str().unwrap().contains(says), "{answer}");
        if status == 422 {
            let unknown = "is unknown: a switch has no parameters";
            let problems =
                ["seconds", "why"].map(|field| json!({ "field": field, "problem": unknown }));
            assert_eq!(answer["problems"], Value::from(problems.to_vec()));
        }
    }
    let large = "{".repeat((1 << 16) + 1);
    let (status, _) = rig.post("/breakers/orders/trip", &large).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    let (status, _) = rig.patch("/breakers/orders/rules", &large).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(breaker.observer().snapshot().generation, 0);
}

/// The fields of the events of the target `tripcoil`.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<BTreeMap<&'static str, String>>>>);

struct Fields<'a>(&'a mut BTreeMap<&'static str, String>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

impl<S: Subscriber> Layer<S> for Heard {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "tripcoil" {
            let mut fields = BTreeMap::new();
            event.record(&mut Fields(&mut fields));
            self.0.lock().unwrap().push(fields);
        }
    }
}

#[tokio::test]
async fn who_has_switched_is_logged() {
    let (_breaker, _, rig) = rig().await;
    let heard = Heard::default();
    let subscriber = tracing_subscriber::registry().with(heard.clone());
    let _logging = tracing::subscriber::set_default(subscriber);
    let request = Request::post("/breakers/orders/trip")
        .header("authorization", TOKEN)
        .header("content-type", "application/json")
        .header("x-name", "bob; forged=1")
        .body(Body::empty())
        .unwrap();
    let done = rig.send(request).await.json();
    assert_eq!(done["who"], "bob; forged=1");
    for (rules, found) in [
        (
            r#"{"failure_rate": 0.25, "hang": {"starts": 9}, "min_throughput": 20}"#,
            200,
        ),
        (r#"{"failure_rate": 0.25}"#, 200),
        (r#"{"failure_rate": 25}"#, 422),
    ] {
        let (status, done) = rig.patch("/breakers/orders/rules", rules).await;
        assert_eq!(status.as_u16(), found, "{done}");
    }
    let refused = [
        ("/breakers/nowhere/trip", "application/json", "", 404),
        ("/breakers/orders/trip", "text/plain", "", 415),
        (
            "/breakers/orders/trip",
            "application/json",
            "{\"why\": 1}",
            422,
        ),
        ("/breakers/%FF/trip", "application/json", "", 400),
    ];
    for (path, kind, body, status) in refused {
        let mut request = post(Method::POST, path, body);
        let headers = request.headers_mut();
        headers.insert("content-type", kind.parse().unwrap());
        assert_eq!(rig.send(request).await.status.as_u16(), status);
    }
    let mut foreign = post(Method::POST, "/breakers/orders/trip", "");
    let site = "cross-site".parse().unwrap();
    foreign.headers_mut().insert("sec-fetch-site", site);
    assert_eq!(rig.send(foreign).await.status, StatusCode::FORBIDDEN);
    // that is the check's to log
    let mut unknown = post(Method::POST, "/breakers/orders/trip", "");
    unknown.headers_mut().remove("authorization");
    assert_eq!(rig.send(unknown).await.status, StatusCode::UNAUTHORIZED);

    let heard = heard.0.lock().unwrap();
    let fields = |n: usize, names: &[&str]| -> Vec<String> {
        let field = |name: &&str| heard[n].get(*name).cloned().unwrap_or_default();
        names.iter().map(field).collect()
    };
    let done = [
        "tripcoil.breaker",
        "tripcoil.action",
        "tripcoil.who",
        "tripcoil.changed",
        "tripcoil.state",
        "tripcoil.settings_from",
        "tripcoil.settings_to",
        "message",
    ];
    let message = "breaker switched by an operator";
    let tripped = [
        "\"orders\"",
        "\"trip\"",
        "\"bob; forged=1\"",
        "true",
        "\"open\"",
        "",
        "",
        message,
    ];
    assert_eq!(fields(0, &done), tripped);
    let text = |json: &str| format!("{json:?}");
    assert_eq!(
        fields(1, &done)[1..4],
        ["\"reconfigure\"", "\"ann\"", "true"]
    );
    // those that are others now, and nothing else; what is absent was not set
    assert_eq!(
        fields(1, &done)[5..7],
        [
            text(r#"{"failure_rate":0.5}"#),
            text(
                r#"{"failure_rate":0.25,"hang":{"after":"300ms","starts":9},"min_throughput":20}"#
            ),
        ]
    );
    assert_eq!(fields(2, &done)[3..7], ["false", "\"open\"", "", ""]);
    let refused = [
        "tripcoil.breaker",
        "tripcoil.action",
        "tripcoil.who",
        "tripcoil.status",
        "message",
    ];
    let refusals: Vec<_> = (3..heard.len()).map(|n| fields(n, &refused)).collect();
    let refusal = |breaker: &str, action: &str, status: &str| {
        let message = "operator's request refused";
        [breaker, action, "\"ann\"", status, message]
            .map(str::to_owned)
            .to_vec()
    };
    assert_eq!(
        refusals,
        [
            refusal("\"orders\"", "\"reconfigure\"", "422"),
            refusal("\"nowhere\"", "\"trip\"", "404"),
            refusal("\"orders\"", "\"trip\"", "415"),
            refusal("\"orders\"", "\"trip\"", "422"),
            refusal("", "\"trip\"", "400"),
            refusal("\"orders\"", "\"trip\"", "403"),
        ]
    );
    assert_eq!(
        heard[4]["tripcoil.error"],
        text("there is no breaker \"nowhere\"")
    );
}

/// Of two changes at once that set the same, one has changed something.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_change_of_rules_is_reported_once() {
    let (breaker, _, rig) = rig().await;
    let start = Arc::new(tokio::sync::Barrier::new(4));
    for n in 1_u32..=50 {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let (rig, start) = (rig.clone(), start.clone());
            tasks.spawn(async move {
                let rules = format!("{{\"min_throughput\": {n}}}");
                start.wait().await;
                rig.patch("/breakers/orders/rules", &rules).await
            });
        }
        let mut changed = 0;
        while let Some(done) = tasks.join_next().await {
            let (status, done) = done.unwrap();
            assert_eq!(status, StatusCode::OK);
            changed += u32::from(done["changed"] == true);
        }
        assert_eq!(changed, 1, "{n}");
        assert_eq!(breaker.observer().config().min_throughput, Some(n));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn switches_may_be_thrown_at_once() {
    let (breaker, _, rig) = rig().await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..32 {
        let rig = rig.clone();
        tasks.spawn(async move {
            match n % 4 {
                0 => rig.post("/breakers/orders/force-open", "").await,
                1 => rig.post("/breakers/orders/release", "").await,
                2 => {
                    rig.patch("/breakers/orders/rules", r#"{"failure_rate": 0.25}"#)
                        .await
                }
                _ => {
                    rig.patch("/breakers/orders/rules", r#"{"min_throughput": 7}"#)
                        .await
                }
            }
        });
    }
    let mut changed = 0;
    while let Some(done) = tasks.join_next().await {
        let (status, done) = done.unwrap();
        assert_eq!(status, StatusCode::OK);
        changed += u64::from(done["action"] != "reconfigure" && done["changed"] == true);
    }
    // each answer is true of one transition
    assert_eq!(breaker.observer().snapshot().generation, changed);
    // no change of one setting has lost the other's
    let config = breaker.observer().config();
    assert_eq!(
        (config.failure_rate, config.min_throughput),
        (Some(0.25), Some(7))
    );
}
