#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

use super::*;
use crate::observe::Counts;

pub(crate) fn epoch(start_ms: u64, end_ms: u64, calls: u64, failures: u64, slow: u64) -> Epoch {
    Epoch {
        start: Duration::from_millis(start_ms),
        end: Duration::from_millis(end_ms),
        counts: Counts::new(calls, failures, slow),
    }
}

/// A second of calls, none of them slow.
pub(crate) fn interval(second: u64, calls: u64, bad: u64) -> Interval {
    Interval {
        start: Duration::from_secs(second),
        end: Duration::from_secs(second + 1),
        calls,
        bad,
        slow: 0,
    }
}

#[test]
fn short_epochs_are_joined_to_a_second() {
    let mut gathering = Gathering::default();
    for i in 0..3 {
        let start = 250 * i;
        assert_eq!(gathering.add(&epoch(start, start + 250, 10, 1, 2)), None);
    }
    let all = gathering
        .add(&epoch(750, 1000, 10, 1, 0))
        .expect("a second is over");
    assert_eq!((all.start, all.end), (Duration::ZERO, SECOND));
    // in three of them the slow ones are more
    assert_eq!((all.calls, all.bad, all.slow), (40, 7, 6));
    assert_eq!(
        gathering.add(&epoch(1000, 1250, 1, 0, 0)),
        None,
        "a new one begins"
    );
}

#[test]
fn a_gap_begins_a_new_interval() {
    let mut gathering = Gathering::default();
    assert_eq!(gathering.add(&epoch(0, 900, 10, 0, 0)), None);
    // the first one is no second, and never will be
    let long = gathering
        .add(&epoch(2000, 4000, 4, 4, 0))
        .expect("two seconds");
    assert_eq!((long.calls, long.seconds()), (4, 2.0));
}

#[test]
fn a_rate_is_of_some_calls() {
    let mut gathering = Gathering::default();
    let none = gathering.add(&epoch(0, 1000, 0, 0, 0)).expect("a second");
    assert_eq!(none.bad_rate(), None);
    let some = gathering
        .add(&epoch(1000, 2000, 8, 2, 4))
        .expect("a second");
    assert_eq!(some.bad_rate(), Some(0.5));
}

#[test]
fn the_latest_are_kept() {
    let mut latest = Latest::new(3);
    (1..=5).for_each(|n| latest.push(n));
    assert_eq!(latest.iter().copied().collect::<Vec<_>>(), [3, 4, 5]);
    assert_eq!(
        (latest.pop(), latest.last(), latest.len()),
        (Some(5), Some(&4), 2)
    );
    latest.clear();
    assert_eq!(latest.last(), None);
}

#[test]
fn a_median_is_the_middle_one() {
    assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
    assert_eq!(median(&mut []), None);
}
