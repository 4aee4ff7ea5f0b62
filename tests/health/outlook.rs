//! What an insight adds to a report.

use serde_json::{Value, json};
use std::time::Duration;
use tripcoil::health::{Indicator, Report, Status};
use tripcoil::insight::{Insight, Pattern};
use tripcoil::{Breaker, Controller, FailureKind, HalfOpen, ManualClock};

const SECOND: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(60);

fn of(name: &str) -> (Breaker, Controller, ManualClock) {
    let clock = ManualClock::new();
    let (breaker, controller) = Breaker::builder(name)
        .consecutive_failures(2)
        .open_for(SECOND * 10)
        .half_open(HalfOpen::successes(1))
        .clock(&clock)
        .build_with_controller()
        .expect("valid");
    (breaker, controller, clock)
}

fn fail(breaker: &Breaker) {
    for _ in 0..2 {
        let permit = breaker.try_acquire().expect("closed");
        permit.failure(FailureKind::Server);
    }
}

fn json_of(report: &Report) -> Value {
    serde_json::to_value(report).expect("plain data")
}

/// Byte for byte: what has read them goes on reading them.
#[test]
fn what_is_known_of_one_changes_no_field_of_the_others() {
    let (orders, _, _) = of("orders");
    let (hints, _, _) = of("hints");
    let insight = Insight::new(&hints.observer());
    let plain = Indicator::new()
        .required(&orders.observer())
        .optional(&hints.observer());
    let known = Indicator::new()
        .required(&orders.observer())
        .optional(&insight);
    fail(&hints);
    let (plain, known) = (plain.report(), known.report());
    assert_eq!((plain.status, plain.score), (known.status, known.score));
    assert_eq!(plain.dependencies[0], known.dependencies[0]);
    let (plain, mut known) = (json_of(&plain), json_of(&known));
    let fields = known["dependencies"][1].as_object_mut().expect("an object");
    assert!(fields.remove("outlook").expect("there").is_object());
    assert_eq!(plain.to_string(), known.to_string());
}

#[test]
fn an_outage_has_an_eta_until_it_is_over() {
    let (breaker, _controller, clock) = of("orders");
    let insight = Insight::new(&breaker.observer());
    let indicator = Indicator::new().required(&insight);
    let outlook = || indicator.report().dependencies[0].outlook.expect("known");
    assert_eq!((outlook().eta, outlook().pattern), (None, None));

    // ten that last as long
    for number in 1..=10 {
        fail(&breaker);
        clock.advance(SECOND * 10);
        let eta = outlook().eta.expect("it is open");
        // nine are enough
        assert_eq!(eta.guess, number < 10);
        clock.advance(SECOND * 2);
        breaker.try_acquire().expect("a probe").success();
        assert_eq!(outlook().eta, None);
        clock.advance(SECOND * 600);
    }
    fail(&breaker);
    clock.advance(SECOND * 5);
    let report = indicator.report();
    assert_eq!(report.status, Status::Down);
    let open = report.dependencies[0].outlook.expect("known");
    assert_eq!(
        open.pattern,
        Some(Pattern::Periodic {
            period: SECOND * 612
        })
    );
    assert_eq!(
        json_of(&report)["dependencies"][0]["outlook"],
        json!({
            "score": 0,
            "confidence": 1.0,
            "eta": { "p50_seconds": 7.0, "p90_seconds": 7.0, "outages": 10, "guess": false },
            "degraded": false,
            "reaches_limit_in_seconds": null,
            "pattern": "periodic",
        })
    );
}

#[test]
fn a_breaker_that_is_closed_has_warnings() {
    let clock = ManualClock::new();
    let breaker = Breaker::builder("orders")
        .failure_rate(0.9)
        .clock(&clock)
        .build()
        .expect("valid");
    let insight = Insight::new(&breaker.observer());
    let indicator = Indicator::new().optional(&insight);
    let outlook = || indicator.report().dependencies[0].outlook.expect("known");
    let second = |failures: u32| {
        for call in 0..200 {
            let fails = (call + 1) * failures / 200 > call * failures / 200;
            let _ = breaker.call(|| if fails { Err(()) } else { Ok(()) });
        }
        clock.advance(SECOND);
        assert!(insight.drain(LONG));
    };
    assert_eq!(outlook().score.confidence, 0.0);
    (0..40).for_each(|_| second(2));
    let well = outlook();
    assert!(
        well.score.value > 95.0 && well.score.confidence > 0.9,
        "{well:?}"
    );
    assert!(!well.degraded && well.reaches_limit_in.is_none());
    (0..20).for_each(|n| second(2 + 6 * n));
    let worse = outlook();
    assert!(worse.score.value < 60.0, "{worse:?}");
    assert!(worse.degraded && worse.reaches_limit_in > Some(SECOND));
    let json = json_of(&indicator.report());
    let field = |name: &str| json["dependencies"][0]["outlook"][name].clone();
    assert_eq!(field("score"), worse.score.value.round());
    assert_eq!(
        (field("degraded"), field("pattern")),
        (json!(true), Value::Null)
    );
    let left = field("reaches_limit_in_seconds")
        .as_f64()
        .expect("a number");
    assert!((left - worse.reaches_limit_in.expect("it rises").as_secs_f64()).abs() < 0.002);
}
