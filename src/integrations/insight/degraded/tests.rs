#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

use super::*;
use crate::integrations::insight::series::tests;

/// Half of the bad calls are slow.
fn interval(second: u64, calls: u64, bad: u64) -> Interval {
    Interval {
        slow: bad / 2,
        ..tests::interval(second, calls, bad)
    }
}

/// 1,000 calls per second, of which so many are bad.
fn add(baseline: &mut Baseline, seconds: std::ops::Range<u64>, bad: u64) {
    seconds.for_each(|second| baseline.add(&interval(second, 1000, bad)));
}

fn at(second: u64) -> Duration {
    Duration::from_secs(second)
}

#[test]
fn what_is_normal_is_learnt() {
    let mut baseline = Baseline::default();
    add(&mut baseline, 0..100, 20);
    assert!((baseline.normal() - 0.02).abs() < 1e-12);
    assert!((baseline.normal_slow() - 0.01).abs() < 1e-12);
    assert!((baseline.pace() - 1000.0).abs() < 1e-6);
    assert_eq!(baseline.intervals(), 100);
    assert_eq!(baseline.degraded(at(100)), None);
}

#[test]
fn a_rise_warns_and_the_warning_passes() {
    let mut baseline = Baseline::default();
    add(&mut baseline, 0..300, 10);
    add(&mut baseline, 300..303, 100);
    let degraded = baseline.degraded(at(303)).expect("ten times as many");
    assert!(
        degraded.since <= at(303) && degraded.since > at(300),
        "{degraded:?}"
    );
    assert!(
        (degraded.normal - 0.01).abs() < 1e-3 && degraded.rate > 0.09,
        "{degraded:?}"
    );
    // normal again
    add(&mut baseline, 303..400, 10);
    assert!(baseline.degraded(at(350)).is_some());
    assert_eq!(baseline.degraded(at(364)), None);
    assert!((baseline.normal() - 0.01).abs() < 1e-3);
}

#[test]
fn one_that_goes_on_is_one_warning_and_becomes_normal() {
    let mut baseline = Baseline::default();
    add(&mut baseline, 0..300, 10);
    add(&mut baseline, 300..400, 60);
    let first = baseline.degraded(at(400)).expect("it goes on").since;
    assert!(first < at(310), "{first:?}");
    add(&mut baseline, 400..6_000, 60);
    assert_eq!(baseline.degraded(at(6_000)), None, "{baseline:?}");
    assert!((baseline.normal() - 0.06).abs() < 0.01);
}

#[test]
fn the_first_seconds_and_those_without_calls_say_nothing() {
    let mut baseline = Baseline::default();
    add(&mut baseline, 0..20, 0);
    add(&mut baseline, 20..29, 900);
    assert_eq!(baseline.degraded(at(29)), None);
    let mut baseline = Baseline::default();
    (0..100).for_each(|second| baseline.add(&interval(second, 0, 0)));
    assert_eq!((baseline.intervals(), baseline.normal()), (0, 0.0));
    assert_eq!(baseline.learnt_over(), Duration::ZERO);
}

#[test]
fn long_intervals_are_as_many_seconds() {
    let mut baseline = Baseline::default();
    for i in 0..9 {
        let interval = Interval {
            start: at(30 * i),
            end: at(30 * (i + 1)),
            ..interval(0, 100 * (i % 3), 0)
        };
        baseline.add(&interval);
    }
    // three of them without a call
    assert_eq!((baseline.intervals(), baseline.learnt_over()), (6, at(180)));
}

#[test]
fn a_perfect_past_is_known_only_so_well() {
    let mut baseline = Baseline::default();
    // 20 calls per second, none bad: a bad one is no sign
    (0..300).for_each(|second| baseline.add(&interval(second, 20, 0)));
    baseline.add(&interval(300, 20, 1));
    assert_eq!(baseline.degraded(at(301)), None);
}

#[test]
fn an_outage_ends_a_warning() {
    let mut baseline = Baseline::default();
    add(&mut baseline, 0..300, 10);
    add(&mut baseline, 300..303, 200);
    assert!(baseline.degraded(at(303)).is_some());
    baseline.interrupt();
    assert_eq!(baseline.degraded(at(303)), None);
    assert!(baseline.normal() > 0.0, "what is normal stays known");
}

#[test]
fn where_most_calls_are_bad_it_does_not_warn() {
    let mut baseline = Baseline::default();
    add(&mut baseline, 0..600, 800);
    assert_eq!(baseline.degraded(at(600)), None);
    assert_eq!(baseline.score, 0.0);
}

#[test]
fn of_long_buckets_one_warning_lasts_until_the_next() {
    let mut baseline = Baseline::default();
    let minute = |n: u64, bad| Interval {
        start: at(60 * n),
        end: at(60 * n + 60),
        ..interval(0, 6_000, bad)
    };
    (0..100).for_each(|n| baseline.add(&minute(n, 60)));
    (100..110).for_each(|n| baseline.add(&minute(n, 600)));
    let degraded = baseline.degraded(at(6_600)).expect("ten times as many");
    assert_eq!(degraded.since, at(6_060));
}
