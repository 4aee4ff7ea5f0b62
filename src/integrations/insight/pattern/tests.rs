#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

use super::*;
use crate::integrations::insight::series::tests;

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Of outages that begin at these seconds, and last so long.
fn of(began: &[u64], lasted: u64) -> Option<Pattern> {
    let now = began.last().map_or(0, |at| at + lasted);
    pattern(began.iter().map(|at| (secs(*at), secs(lasted))), secs(now))
}

#[test]
fn the_number_and_the_gaps_decide() {
    assert_eq!(of(&[], 5), None);
    assert_eq!(of(&[10], 5), Some(Pattern::Single));
    assert_eq!(of(&[10, 700], 5), Some(Pattern::Single));
    assert_eq!(of(&[10, 700, 900], 5), Some(Pattern::Repeated));
    // the last three within 25 s
    assert_eq!(of(&[10, 700, 712, 724], 5), Some(Pattern::Flapping));
    assert_eq!(of(&[10, 700, 712, 726], 5), Some(Pattern::Repeated));
    let period = secs(300);
    assert_eq!(
        of(&[300, 600, 900, 1200, 1500], 5),
        Some(Pattern::Periodic { period })
    );
    assert_eq!(
        of(&[300, 600, 900, 1200], 5),
        Some(Pattern::Repeated),
        "too few"
    );
    assert_eq!(of(&[300, 600, 900, 1300, 1500], 5), Some(Pattern::Repeated));
}

#[test]
fn one_long_outage_makes_no_flapping() {
    let all = [(0, 1_500), (1_950, 5), (2_405, 5)];
    let all = all.map(|(at, lasted)| (secs(at), secs(lasted)));
    assert_eq!(
        pattern(all.into_iter(), secs(2_410)),
        Some(Pattern::Repeated)
    );
}

#[test]
fn earlier_gaps_than_the_last_eight_do_not_count() {
    let mut began = vec![10, 200];
    began.extend((0..9).map(|n| 400 + 100 * n));
    let period = secs(100);
    assert_eq!(of(&began, 5), Some(Pattern::Periodic { period }));
}

#[test]
fn those_before_the_last_hour_are_forgotten() {
    let began = [(secs(0), secs(5)), (secs(10), secs(5))];
    assert_eq!(
        pattern(began.into_iter(), secs(3_605)),
        Some(Pattern::Single)
    );
    assert_eq!(pattern(began.into_iter(), secs(3_610)), None);
}

fn epoch(from_ms: u64, to_ms: u64, failures: u64) -> Epoch {
    tests::epoch(from_ms, to_ms, 100, failures, 0)
}

fn bursts(width: u64, failures: impl IntoIterator<Item = u64>) -> Option<Bursts> {
    let mut seen = Failures::new();
    for (n, failures) in (0..).zip(failures) {
        seen.add(&epoch(width * n, width * (n + 1), failures));
    }
    seen.bursts()
}

#[test]
fn equal_numbers_vary_by_nothing_and_bursts_by_much() {
    let even = bursts(100, [5; 100]).expect("many failures");
    assert_eq!((even.fano, even.per), (0.0, Duration::from_millis(100)));
    let burst = bursts(100, (0..100).map(|n| if n % 20 == 0 { 100 } else { 0 }));
    // mean 5, variance 475
    let burst = burst.expect("many failures");
    assert!((burst.fano - 95.0).abs() < 1e-9 && burst.are_bursts());
    assert_eq!(
        bursts(100, (0..40).map(|n| n % 2)),
        Some(Bursts {
            fano: 0.5,
            per: even.per
        })
    );
    assert_eq!(
        bursts(100, (0..38).map(|n| n % 2)),
        None,
        "too few failures"
    );
    assert_eq!(bursts(100, [50; 29]), None, "too few intervals");
}

#[test]
fn short_epochs_are_joined_and_long_ones_are_taken_as_they_are() {
    let joined = bursts(25, [1; 400]).expect("many failures");
    assert_eq!((joined.fano, joined.per), (0.0, Duration::from_millis(100)));
    let long = bursts(1000, [7; 30]).expect("many failures");
    assert_eq!(long.per, Duration::from_secs(1));
}

#[test]
fn a_silence_is_no_interval() {
    let mut seen = Failures::new();
    (0..30).for_each(|n| seen.add(&epoch(100 * n, 100 * n + 100, 2)));
    // several epochs as one
    seen.add(&epoch(3000, 9000, 50));
    assert_eq!(seen.bursts().map(|bursts| bursts.fano), Some(0.0));
    seen.clear();
    assert_eq!(seen.bursts(), None);
}
