//! What an insight notices, as events.

use super::{Capture, LONG, build, fail, fields, traffic};
use std::time::Duration;
use tracing::Level;
use tripcoil::Breaker;
use tripcoil::insight::Insight;
use tripcoil::tracing::Tracing;

const SECOND: Duration = Duration::from_secs(1);

/// With its events, and none of an insight that was there before.
fn watched(capture: &Capture, breaker: &Breaker) -> (Tracing, Insight) {
    let observer = breaker.observer();
    let insight = Insight::new(&observer);
    let tracing = capture.within(|| Tracing::new(&observer).with_insight(&insight));
    (tracing, insight)
}

#[test]
fn the_end_of_an_outage_is_an_event_with_its_record() {
    let capture = Capture::default();
    let (breaker, controller, clock) = build(|b| b);
    let (tracing, _insight) = watched(&capture, &breaker);
    (0..2).for_each(|_| fail(&breaker));
    (0..4).for_each(|_| assert!(breaker.try_acquire().is_err()));
    clock.advance(SECOND * 30);
    fail(&breaker);
    assert!(tracing.drain(LONG));
    assert_eq!(capture.events().len(), 3, "it goes on");
    (0..6).for_each(|_| assert!(breaker.try_acquire().is_err()));
    clock.advance(SECOND * 60);
    breaker.try_acquire().expect("a probe").success();
    assert!(tracing.drain(LONG));
    let ended = |all: &[(&'static str, &str)]| {
        let mut event = fields(&[
            ("message", "outage ended"),
            ("tripcoil.breaker", "payments"),
        ]);
        event.0.extend(fields(all).0);
        (Level::INFO, event)
    };
    let first = ended(&[
        ("tripcoil.began_ms", "1500"),
        ("tripcoil.lasted_ms", "90000"),
        ("tripcoil.cause", "consecutive_failures"),
        ("tripcoil.ended_by", "probes_succeeded"),
        ("tripcoil.rejections", "10"),
        ("tripcoil.rounds", "2"),
        ("tripcoil.probes", "2"),
        ("tripcoil.probes_failed", "1"),
        ("tripcoil.wasted_calls", "3"),
        ("tripcoil.good_calls_rejected", "3"),
    ]);
    let heard = capture.events();
    assert_eq!(heard.iter().filter(|heard| **heard == first).count(), 1);
    assert_eq!(heard.len(), 3, "{heard:?}");
    let around = capture.around.lock().clone();
    assert!(around.contains(&("breaker insight", false)), "{around:?}");

    // by the operator
    clock.advance(SECOND * 10);
    controller.trip();
    clock.advance(SECOND);
    controller.reset();
    assert!(tracing.drain(LONG));
    let second = ended(&[
        ("tripcoil.began_ms", "101500"),
        ("tripcoil.lasted_ms", "1000"),
        ("tripcoil.cause", "manual"),
        ("tripcoil.ended_by", "manual"),
        ("tripcoil.rejections", "0"),
        ("tripcoil.rounds", "0"),
        ("tripcoil.probes", "0"),
        ("tripcoil.probes_failed", "0"),
        ("tripcoil.wasted_calls", "0"),
        ("tripcoil.good_calls_rejected", "0"),
    ]);
    assert!(capture.events().contains(&second));
}

#[test]
fn more_bad_calls_than_is_normal_and_their_rise_are_events() {
    let capture = Capture::default();
    let (breaker, _controller, clock) = build(|b| b.consecutive_failures(1_000).failure_rate(0.9));
    let (tracing, insight) = watched(&capture, &breaker);
    for second in 0..60 {
        traffic(&breaker, 200, 2 + 6 * u32::saturating_sub(second, 40));
        clock.advance(SECOND);
        assert!(insight.drain(LONG));
    }
    assert!(tracing.drain(LONG));
    let heard = capture.events();
    let [(_, degraded), (_, rises)] =
        ["breaker is degraded", "bad calls are on the rise"].map(|what| {
            let mut of_it = heard.iter().filter(|(_, event)| event.0["message"] == what);
            let found = of_it
                .next()
                .unwrap_or_else(|| panic!("no {what} in {heard:?}"));
            assert!(of_it.next().is_none(), "{what} twice");
            assert_eq!(
                (found.0, &*found.1.0["tripcoil.breaker"]),
                (Level::WARN, "payments")
            );
            found
        });
    assert_eq!(heard.len(), 2, "{heard:?}");
    let number =
        |event: &super::Fields, name: &str| event.0[name].parse::<f64>().expect("a number");
    let normal = number(degraded, "tripcoil.normal");
    assert!((0.01..0.02).contains(&normal), "{degraded:?}");
    assert!(number(degraded, "tripcoil.rate") > 0.02, "{degraded:?}");
    assert!(
        number(degraded, "tripcoil.at_ms") > 40_000.0,
        "{degraded:?}"
    );
    assert_eq!(number(rises, "tripcoil.limit"), 0.9);
    assert!(number(rises, "tripcoil.rate") > 0.05, "{rises:?}");
    let left = number(rises, "tripcoil.reaches_limit_in_ms");
    assert!(left > 1_000.0 && left < 120_000.0, "{rises:?}");
    let around = capture.around.lock().clone();
    assert_eq!(around, [("breaker insight", false); 2]);
}

/// On the thread that asks, the events are not inside that thread's span.
#[test]
fn no_event_is_inside_the_span_of_who_asks_for_a_report() {
    let capture = Capture::default();
    let (breaker, controller, _clock) = build(|b| b);
    let (tracing, insight) = watched(&capture, &breaker);
    capture.within(|| {
        let span = tracing::info_span!("request");
        let _inside = span.enter();
        for _ in 0..50 {
            controller.trip();
            controller.reset();
            let _ = insight.report();
        }
    });
    assert!(tracing.drain(LONG));
    let around = capture.around.lock().clone();
    assert_eq!(around.len(), 150);
    assert!(
        around
            .iter()
            .all(|(name, parent)| name.starts_with("breaker") && !parent)
    );
}

#[test]
fn nothing_is_reported_after_it_is_dropped() {
    let capture = Capture::default();
    let (breaker, controller, _clock) = build(|b| b);
    let (tracing, insight) = watched(&capture, &breaker);
    controller.trip();
    assert!(tracing.drain(LONG));
    assert_eq!(capture.events().len(), 1);
    drop(tracing);
    controller.reset();
    assert!(insight.drain(LONG));
    assert_eq!(insight.report().outages_total, 1);
    assert_eq!(capture.events(), []);
}
