//! Changes of rules: in the words of a file, all of them or none, and every problem at once.

use crate::rig::{Rig, check};
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::time::Duration;
use tripcoil::operate::Operator;
use tripcoil::{
    Backoff, Breaker, FailureKind, HalfOpen, Hang, Lenient, ManualClock, OnCancel, Outage, Ramp,
};

const RULES: &str = "/breakers/orders/rules";

async fn rig() -> (Breaker, Rig) {
    // with a clock that no file can have
    let clock = ManualClock::new();
    let builder = Breaker::builder("orders").clock(&clock);
    let (breaker, controller) = builder.build_with_controller().unwrap();
    let operator = Operator::new().controller(controller).switches(check);
    (breaker, Rig::new(operator).await)
}

#[tokio::test]
async fn what_is_given_changes_and_the_rest_stays() {
    let (breaker, rig) = rig().await;
    let before = breaker.observer().config();
    let (status, done) = rig
        .patch(RULES, r#"{"failure_rate": 0.25, "slow_call": "250ms"}"#)
        .await;
    assert_eq!(status, StatusCode::OK, "{done}");
    assert_eq!(
        (&done["action"], &done["changed"]),
        (&json!("reconfigure"), &json!(true))
    );
    assert_eq!(
        (&done["who"], &done["state"]),
        (&json!("ann"), &json!("closed"))
    );
    assert_eq!(
        (
            &done["config"]["failure_rate"],
            &done["config"]["slow_call"]
        ),
        (&json!(0.25), &json!("250ms"))
    );
    let mut expected = before.clone();
    expected.failure_rate = Some(0.25);
    expected.slow_call = Some(Duration::from_millis(250));
    assert_eq!(breaker.observer().config(), expected);

    let (status, done) = rig.post(RULES, r#"{"failure_rate": 0.25}"#).await;
    assert_eq!(
        (status, &done["changed"]),
        (StatusCode::OK, &json!(false)),
        "the same again"
    );

    let all = json!({
        "failure_rate": false, "min_throughput": 9, "slow_call": "1s", "slow_rate": 0.75,
        "consecutive_failures": 7, "failure_count": 70,
        "outage": { "theta": 0.25 }, "hang": { "starts": 9 },
        "lenient": { "kinds": ["overload", "other_1"], "weight": 0.25 },
        "open_for": { "base": "2s", "factor": 3, "max": "1m" },
        "half_open": { "of": 10, "failure_rate": 0.5, "ramp": true },
        "on_cancel": "failure",
    });
    let (status, done) = rig.patch(RULES, &all.to_string()).await;
    assert_eq!(status, StatusCode::OK, "{done}");
    let config = breaker.observer().config();
    assert_eq!(
        (config.failure_rate, config.min_throughput),
        (None, Some(9))
    );
    assert_eq!(
        (config.slow_call, config.slow_rate),
        (Some(Duration::from_secs(1)), Some(0.75))
    );
    assert_eq!(
        (config.consecutive_failures, config.failure_count),
        (Some(7), Some(70))
    );
    assert_eq!(config.outage, Some(Outage::at(0.25)));
    assert_eq!(config.hang.unwrap(), Hang::default().starts(9));
    let kinds = [FailureKind::Overload, FailureKind::Other(1)];
    assert_eq!(config.lenient, Some(Lenient::new(kinds, 0.25)));
    let backoff = Backoff::exponential(Duration::from_secs(2), 3.0).max(Duration::from_secs(60));
    assert_eq!(
        (config.open_for.clone(), config.on_cancel),
        (backoff, OnCancel::Failure)
    );
    assert_eq!(config.half_open, HalfOpen::rate(10, 0.5).ramp(Ramp::new()));

    // a group as a whole
    let (status, _) = rig
        .patch(
            RULES,
            r#"{"half_open": {"successes": 4}, "open_for": "5s", "hang": false}"#,
        )
        .await;
    assert_eq!(status, StatusCode::OK);
    let config = breaker.observer().config();
    assert_eq!(config.half_open, HalfOpen::successes(4));
    assert_eq!(
        (config.open_for, config.hang),
        (Backoff::constant(Duration::from_secs(5)), None)
    );
    assert_eq!(
        breaker.observer().snapshot().generation,
        0,
        "no rule has tripped it"
    );
}

fn problems(body: &Value) -> Vec<(&str, &str)> {
    let problems = body["problems"].as_array().unwrap();
    let text = |value: &'_ Value| -> *const str { value.as_str().unwrap() };
    let _ = text;
    problems
        .iter()
        .map(|p| (p["field"].as_str().unwrap(), p["problem"].as_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn every_problem_is_in_one_answer_and_nothing_changes() {
    let (breaker, rig) = rig().await;
    let before = breaker.observer().config();
    // of words, of types, of parts, of what is fixed, and of ranges
    let body = json!({
        "failure_rat": 0.5,
        "window": { "count": 5 },
        "clock": "precise",
        "profile": "adaptive",
        "slow_call": 250,
        "open_for": { "base": 3, "jiter": 0.1, "factor": 2.0 },
        "half_open": { "of": 10 },
        "min_throughput": null,
        "failure_rate": 40,
        "slow_rate": 0.5,
        "consecutive_failures": 0,
    });
    let (status, answer) = rig.patch(RULES, &body.to_string()).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer["error"], "the rules stay as they are");
    let mut found = problems(&answer);
    found.sort_unstable();
    let fields: Vec<_> = found.iter().map(|(field, _)| *field).collect();
    assert_eq!(
        fields,
        [
            "clock",
            "consecutive_failures",
            "failure_rat",
            "failure_rate",
            "half_open",
            "min_throughput",
            "open_for.base",
            "open_for.jiter",
            "profile",
            "slow_call",
            "slow_rate",
            "window",
        ]
    );
    let of = |field: &str| found.iter().find(|(name, _)| *name == field).unwrap().1;
    assert_eq!(of("window"), "is fixed when the breaker is built");
    assert!(
        of("failure_rat").contains("did you mean failure_rate?"),
        "{}",
        of("failure_rat")
    );
    assert_eq!(
        of("failure_rate"),
        "is 40, but must be above 0 and at most 1"
    );
    assert!(
        of("half_open").contains("of and failure_rate belong together"),
        "{}",
        of("half_open")
    );
    assert!(
        of("open_for.base").contains("expected a duration"),
        "{}",
        of("open_for.base")
    );
    assert!(
        of("open_for.jiter").contains("did you mean open_for.jitter?"),
        "{}",
        of("open_for.jiter")
    );
    assert!(of("slow_rate").contains("slow_call"), "{}", of("slow_rate"));
    assert_eq!(breaker.observer().config(), before);
}

#[tokio::test]
async fn what_is_no_object_of_settings_is_refused() {
    let (breaker, rig) = rig().await;
    let before = breaker.observer().config();
    for (body, status, says) in [
        ("", 400, "the body is not JSON: EOF"),
        ("{\"failure_rate\": }", 400, "line 1 column 18"),
        ("failure_rate=0.5", 400, "the body is not JSON"),
        ("{\"failure_rate\": 0.5} x", 400, "trailing characters"),
        ("\u{0}", 400, "the body is not JSON"),
        ("[]", 422, "must be an object"),
        ("null", 422, "must be an object"),
        ("0.5", 422, "must be an object"),
        ("{}", 422, "the rules stay as they are"),
        ("{\"\": 1}", 422, "the rules stay as they are"),
    ] {
        let (found, answer) = rig.patch(RULES, body).await;
        assert_eq!(found.as_u16(), status, "{body}: {answer}");
        assert!(
            answer["error"].as_str().unwrap().contains(says),
            "{body}: {answer}"
        );
    }
    let deep = "[".repeat(10_000);
    let (status, _) = rig.patch(RULES, &deep).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    // a rule too many off: the problem of all of them
    let off = r#"{"failure_rate": false, "consecutive_failures": false}"#;
    let (status, answer) = rig.patch(RULES, off).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let found = problems(&answer);
    assert!(
        found[0].0 == "rules" && found[0].1.contains("trip rules are all off"),
        "{found:?}"
    );
    // the value of what is no setting is not repeated
    let (_, answer) = rig.patch(RULES, r#"{"password": "hunter2"}"#).await;
    assert!(!answer.to_string().contains("hunter2"), "{answer}");
    assert_eq!(breaker.observer().config(), before);
}

#[tokio::test]
async fn a_setting_that_is_given_twice_is_a_problem() {
    let (breaker, rig) = rig().await;
    let before = breaker.observer().config();
    for body in [
        r#"{"failure_rate": 0.5, "failure_rate": 0.25}"#,
        r#"{"half_open": {"successes": 1, "successes": 2}}"#,
    ] {
        let (status, answer) = rig.patch(RULES, body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
        assert!(answer.to_string().contains("is given twice"), "{answer}");
    }
    assert_eq!(breaker.observer().config(), before);
}
