//! Status and score at their edges, the whole of several, and what is served.

use std::net::Ipv4Addr;
use std::time::Duration;

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::{Router, routing::get};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tripcoil::health::{Health, Indicator, Status};
use tripcoil::observe::{Counts, Probes};
use tripcoil::{Breaker, Controller, ManualClock, Snapshot, State};

use Status::{Degraded, Down, Up};

fn snapshot() -> Snapshot {
    let breaker = Breaker::builder("plain").build().expect("valid");
    breaker.observer().snapshot()
}

fn told(seen: &Snapshot) -> (Status, u8) {
    let health = Health::of(seen);
    (health.status, health.score)
}

#[test]
fn counting_goes_by_the_window() {
    let table = [
        // calls, failures, slow
        ((0, 0, 0), (Up, 100)),
        ((1, 1, 0), (Up, 80)), // as one of five
        ((2, 2, 0), (Degraded, 60)),
        ((4, 4, 0), (Degraded, 20)),
        ((5, 5, 0), (Degraded, 0)),
        ((6, 3, 0), (Degraded, 50)),
        ((100, 20, 0), (Up, 80)),
        ((1000, 204, 0), (Up, 80)), // rounded
        ((1000, 206, 0), (Degraded, 79)),
        ((1000, 4, 0), (Up, 100)),
        ((100, 0, 100), (Degraded, 50)), // slow weighs half
        ((100, 0, 40), (Up, 80)),
        ((100, 50, 100), (Degraded, 25)),
        ((u64::MAX, u64::MAX, u64::MAX), (Degraded, 0)),
    ];
    for ((calls, failures, slow), expected) in table {
        for state in [State::Closed, State::ObserveOnly] {
            let mut seen = snapshot();
            seen.state = state;
            seen.window = Counts::default();
            seen.window.calls = calls;
            seen.window.successes = calls - failures;
            seen.window.failures = failures;
            seen.window.slow = slow;
            let what = format!("{state}: {failures} failures, {slow} slow of {calls}");
            assert_eq!(told(&seen), expected, "{what}");
        }
    }
}

#[test]
fn half_open_goes_by_the_round() {
    let table = [
        // succeeded, failed
        ((0, 0), 25),
        ((0, 1), 0),
        ((1, 0), 50),
        ((3, 1), 38),
        ((u32::MAX, 0), 50),
        ((u32::MAX, u32::MAX), 25),
    ];
    for ((succeeded, failed), score) in table {
        let mut seen = snapshot();
        seen.state = State::HalfOpen;
        seen.probes = Probes::default();
        seen.probes.in_flight = 1;
        seen.probes.succeeded = succeeded;
        seen.probes.failed = failed;
        seen.window.failures = 1000; // not the period's before
        assert_eq!(told(&seen), (Degraded, score), "{succeeded}, {failed}");
    }
}

#[test]
fn what_calls_nobody_is_down() {
    let clock = ManualClock::new();
    let builder = Breaker::builder("db").clock(&clock);
    let (breaker, controller) = builder.build_with_controller().expect("valid");
    let observer = breaker.observer();
    let now = || told(&observer.snapshot());
    controller.trip_for(Duration::from_millis(10));
    clock.advance(Duration::from_nanos(9_999_999));
    assert_eq!(now(), (Down, 0));
    clock.advance(Duration::from_nanos(1));
    assert_eq!(now(), (Degraded, 25), "the next call is a probe");
    controller.force_open();
    assert_eq!(now(), (Down, 0));
    controller.disable();
    assert_eq!(now(), (Degraded, 50), "nobody looks");
}

#[test]
fn a_status_is_said_and_compared() {
    let all = [Down, Degraded, Up];
    assert!(all.is_sorted());
    let said = all.map(|status| format!("{status:>8}"));
    assert_eq!(said, ["    down", "degraded", "      up"]);
}

type Order = fn(&Controller) -> bool;

fn named(name: &str) -> (Breaker, Controller) {
    let builder = Breaker::builder(name).clock(ManualClock::new());
    builder.build_with_controller().expect("valid")
}

#[test]
fn nothing_is_up() {
    let report = Indicator::new().report();
    assert_eq!((report.status, report.score), (Up, 100));
    assert!(report.dependencies.is_empty());
}

#[test]
fn the_whole_is_as_its_parts_are() {
    let well: Order = |_| true;
    let table: [(Order, Order, Status, u8, u16); 7] = [
        // required, optional
        (well, well, Up, 100, 200),
        (Controller::half_open, well, Degraded, 25, 200),
        (Controller::trip, well, Down, 0, 503),
        (well, Controller::half_open, Degraded, 62, 200),
        (well, Controller::trip, Degraded, 50, 200),
        (Controller::half_open, Controller::trip, Degraded, 25, 200),
        (Controller::force_open, Controller::trip, Down, 0, 503),
    ];
    for (row, (required, optional, status, score, http)) in table.into_iter().enumerate() {
        let (need, of_need) = named("need");
        let (want, of_want) = named("want");
        assert!(required(&of_need) && optional(&of_want));
        let indicator = Indicator::new()
            .optional(&want.observer())
            .required(&need.observer());
        let report = indicator.report();
        assert_eq!((report.status, report.score), (status, score), "row {row}");
        assert_eq!(report.http_status(), http, "row {row}");
        let names: Vec<_> = report.dependencies.iter().map(|d| &d.name[..]).collect();
        assert_eq!(names, ["need", "want"], "required ones first");
    }
}

/// One bad dependency among good ones is not averaged away, wherever it stands.
#[test]
fn the_worst_decides() {
    let breakers: Vec<_> = (0..3).map(|n| named(&n.to_string())).collect();
    let all = breakers.iter().map(|(breaker, _)| breaker.observer());
    let indicator = all.fold(Indicator::new(), |i, o| i.required(&o));
    for (_, controller) in &breakers {
        assert!(controller.trip());
        assert_eq!(indicator.report().status, Down);
        assert!(controller.reset());
        assert_eq!(indicator.report().status, Up);
    }
}

#[test]
fn a_report_has_names_that_stay() {
    let clock = ManualClock::new();
    let builder = Breaker::builder("hints").clock(&clock).failure_rate(0.5);
    let (hints, controller) = builder
        .min_throughput(100)
        .build_with_controller()
        .expect("valid");
    for n in 0..8 {
        let _ = hints.call(|| if n < 2 { Err(()) } else { Ok(()) });
    }
    let (orders, of_orders) = named("orders");
    let indicator = Indicator::new()
        .required(&orders.observer())
        .optional(&hints.observer());
    let json = || serde_json::to_string(&indicator.report()).expect("plain data");
    assert_eq!(
        json(),
        concat!(
            r#"{"status":"degraded","score":87,"dependencies":["#,
            r#"{"name":"orders","required":true,"status":"up","score":100,"state":"closed","#,
            r#""failure_rate":0.0,"slow_rate":0.0,"retry_after_seconds":null},"#,
            r#"{"name":"hints","required":false,"status":"degraded","score":75,"state":"closed","#,
            r#""failure_rate":0.25,"slow_rate":0.0,"retry_after_seconds":null}]}"#
        )
    );

    let part = |index: usize| {
        let whole: Value = serde_json::from_str(&json()).expect("JSON");
        let part = &whole["dependencies"][index];
        let field = |name: &str| part[name].clone();
        [
            field("status"),
            field("state"),
            field("retry_after_seconds"),
        ]
    };
    controller.trip_for(Duration::from_millis(1500));
    clock.advance(Duration::from_micros(1));
    assert_eq!(part(1), [json!("down"), json!("open"), json!(1.499999)]);
    clock.advance(Duration::from_secs(2));
    assert_eq!(part(1), [json!("degraded"), json!("open"), json!(0.0)]);
    let operations: [(Order, &str, &str); 4] = [
        (Controller::half_open, "degraded", "half_open"),
        (Controller::force_open, "down", "forced_open"),
        (Controller::disable, "degraded", "disabled"),
        (Controller::observe_only, "up", "observe_only"),
    ];
    for (operation, status, state) in operations {
        assert!(operation(&of_orders));
        assert_eq!(part(0), [json!(status), json!(state), Value::Null]);
    }
}

async fn health(Shared(indicator): Shared<Indicator>) -> Response {
    let report = indicator.report();
    let status = StatusCode::from_u16(report.http_status()).expect("200 or 503");
    (status, Json(report)).into_response()
}

#[tokio::test]
async fn it_is_served_at_a_route() {
    let (breaker, controller) = named("orders");
    let indicator = Indicator::new().required(&breaker.observer());
    let router = Router::new()
        .route("/health", get(health))
        .with_state(indicator);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a port");
    let url = format!("http://{}/health", listener.local_addr().expect("bound"));
    tokio::spawn(async move { axum::serve(listener, router).await });

    for (status, code) in [("up", 200), ("down", 503), ("up", 200)] {
        let response = reqwest::get(&url).await.expect("an answer");
        assert_eq!(response.status().as_u16(), code);
        assert_eq!(response.headers()["content-type"], "application/json");
        let body = response.bytes().await.expect("a body");
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(body["status"], status);
        assert!(if code == 200 {
            controller.trip()
        } else {
            controller.reset()
        });
    }
}
