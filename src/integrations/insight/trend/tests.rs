#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

use super::*;
use crate::integrations::insight::series::tests::interval;

const SECOND: Duration = Duration::from_secs(1);

/// The trend after each second, at a limit of 0.5, where 0.1 % is normal.
fn trends(bad: impl IntoIterator<Item = u64>) -> Vec<Option<Trend>> {
    let mut rates = Rates::new();
    let after = |(second, bad): (usize, u64)| {
        let interval = interval(second as u64, 1000, bad);
        rates.add(&interval, 0.001);
        rates.trend(0.001, 0.5, interval.end)
    };
    bad.into_iter().enumerate().map(after).collect()
}

/// A rise by 2 % per second, after 20 s.
fn rise(second: u64) -> u64 {
    second.saturating_sub(20) * 20
}

#[test]
fn a_straight_rise_is_foreseen_exactly() {
    let trends = trends((0..40).map(rise));
    let first = trends.iter().position(Option::is_some).expect("it rises");
    assert!((26..32).contains(&first), "{first}");
    let trend = trends[first].expect("it rises");
    assert!((trend.per_second - 0.02).abs() < 1e-9, "{trend:?}");
    // the middle of second n is at n + 0.5, so the rate is 0.5 at 45.5 s
    let left = 45.5 - (first as f64 + 1.0);
    assert!(
        (trend.reaches_limit_in.as_secs_f64() - left).abs() < 1e-6,
        "{trend:?}"
    );
    assert_eq!(trend.limit, 0.5);
}

#[test]
fn two_hit_by_a_burst_hardly_move_it() {
    let hit = (0..36).map(|second| {
        if matches!(second, 31 | 32) {
            900
        } else {
            rise(second)
        }
    });
    let trend = trends(hit).pop().flatten().expect("it rises");
    let left = 45.5 - 36.0;
    let off = (trend.reaches_limit_in.as_secs_f64() / left - 1.0).abs();
    assert!(off < 0.1, "{trend:?}");
}

#[test]
fn no_trend_without_a_rise() {
    let flat = trends((0..60).map(|second| [3, 0, 5, 1][second % 4]));
    assert!(flat.iter().all(Option::is_none));
    let step = trends((0..60).map(|second| if second < 30 { 1 } else { 300 }));
    // a level is no slope: as soon as it is most of what is raised
    assert!(step[40..].iter().all(Option::is_none));
    let falls = trends((0..60).map(|second| 600 - 10 * second));
    assert!(falls.iter().all(Option::is_none));
}

#[test]
fn a_limit_that_is_far_away_is_not_reported() {
    // 0.2 % per second: 250 s
    let slow = trends((0..60).map(|second| 10 + 2 * second));
    assert!(slow.iter().all(Option::is_none));
}

#[test]
fn a_rise_beyond_the_limit_reaches_it_now() {
    let trend = trends((0..50).map(rise)).pop().flatten().expect("it rises");
    assert_eq!(trend.reaches_limit_in, Duration::ZERO);
    assert!(trend.rate > trend.limit);
}

#[test]
fn seconds_without_calls_are_left_out() {
    let mut rates = Rates::new();
    for second in 0..80 {
        let calls = if second % 2 == 0 { 1000 } else { 0 };
        rates.add(&interval(second, calls, 5 * second.min(calls)), 0.001);
    }
    let trend = rates.trend(0.001, 0.5, 80 * SECOND).expect("it rises");
    assert!((trend.per_second - 0.005).abs() < 1e-9, "{trend:?}");
    rates.clear();
    assert_eq!(rates.trend(0.001, 0.5, 80 * SECOND), None);
}
