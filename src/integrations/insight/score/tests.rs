#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

use super::*;
use crate::integrations::insight::series::tests::interval;
use crate::{Breaker, FailureKind, ManualClock};

fn score(seconds: &Seconds, now: u64) -> Score {
    let breaker = Breaker::builder("scored")
        .clock(ManualClock::new())
        .build()
        .expect("valid");
    seconds.score(
        &breaker.observer().snapshot(),
        0.5,
        Duration::from_secs(now),
    )
}

#[test]
fn many_calls_speak_for_themselves() {
    let mut seconds = Seconds::default();
    (0..5).for_each(|second| seconds.add(&interval(second, 10_000, 0)));
    seconds.add(&interval(5, 10_000, 2_500));
    let score = score(&seconds, 6);
    // a quarter of the calls, which is half of theta
    assert!(
        (score.value - 50.0).abs() < 0.1 && score.confidence > 0.99,
        "{score:?}"
    );
}

#[test]
fn few_calls_are_shrunk_to_the_mean() {
    let mut seconds = Seconds::default();
    (0..20).for_each(|second| seconds.add(&interval(second, 10, 1)));
    seconds.add(&interval(20, 1, 1));
    // the mean is 0.1 + 0.2 * 0.9, and the last second one call
    let rate = (1.0 + 10.0 * 0.28) / 11.0;
    let score = score(&seconds, 21);
    assert!(
        (score.value - 100.0 * (1.0 - rate / 0.5)).abs() < 1e-9,
        "{score:?}"
    );
}

#[test]
fn nothing_measured_has_no_confidence() {
    let mut seconds = Seconds::default();
    assert_eq!(
        score(&seconds, 0),
        Score {
            value: 100.0,
            confidence: 0.0
        }
    );
    seconds.add(&interval(0, 1000, 0));
    let (fresh, old) = (
        score(&seconds, 1).confidence,
        score(&seconds, 61).confidence,
    );
    assert!(fresh > 0.98 && old < 0.01, "{fresh} {old}");
    seconds.clear();
    assert_eq!(score(&seconds, 1).confidence, 0.0);
}

#[test]
fn seconds_without_calls_count_once() {
    let mut seconds = Seconds::default();
    for second in 0..50 {
        let calls = if second % 5 == 0 { 10 } else { 0 };
        seconds.add(&interval(second, calls, 0));
    }
    // the last ten were four seconds ago, and those before them five seconds earlier each
    let calls = 10.0 * 0.8_f64.powi(4) / (1.0 - 0.8_f64.powi(5));
    let confidence = score(&seconds, 50).confidence;
    assert!(
        (confidence - calls / (calls + 10.0)).abs() < 1e-3,
        "{confidence}"
    );
}

#[test]
fn a_long_bucket_is_as_good_until_the_next_is_over() {
    let mut seconds = Seconds::default();
    seconds.add(&Interval {
        end: Duration::from_secs(60),
        ..interval(0, 6_000, 0)
    });
    let (fresh, later) = (
        score(&seconds, 60).confidence,
        score(&seconds, 119).confidence,
    );
    assert!(
        fresh > 0.97 && (fresh - later).abs() < 1e-9,
        "{fresh} {later}"
    );
    assert!(score(&seconds, 150).confidence < 0.1);
}

#[test]
fn what_was_long_ago_does_not_weigh_on_the_mean() {
    let mut seconds = Seconds::default();
    seconds.add(&interval(0, 1000, 400));
    seconds.add(&interval(36_000, 5, 0));
    assert!(score(&seconds, 36_001).value > 99.0);
}

#[test]
fn beyond_theta_it_is_zero() {
    let mut seconds = Seconds::default();
    seconds.add(&interval(0, 1000, 900));
    assert_eq!(score(&seconds, 1).value, 0.0);
}

#[test]
fn other_states_have_their_own() {
    let clock = ManualClock::new();
    let (breaker, controller) = Breaker::builder("scored")
        .half_open(crate::HalfOpen::rate(4, 0.5))
        .clock(&clock)
        .build_with_controller()
        .expect("valid");
    let score = || {
        let seen = breaker.observer().snapshot();
        let score = Seconds::default().score(&seen, 0.5, Duration::ZERO);
        (score.value, score.confidence)
    };
    controller.trip();
    assert_eq!(score(), (0.0, 1.0));
    controller.half_open();
    assert_eq!(score(), (25.0, 0.0));
    let permits: Vec<_> = (0..4)
        .map(|_| breaker.try_acquire().expect("a probe"))
        .collect();
    let mut permits = permits.into_iter();
    permits.next().expect("four").failure(FailureKind::Server);
    permits.next().expect("four").success();
    assert_eq!(score(), (25.0, 2.0 / 12.0));
    controller.disable();
    assert_eq!(score(), (50.0, 0.0));
    controller.force_open();
    assert_eq!(score(), (0.0, 1.0));
}
