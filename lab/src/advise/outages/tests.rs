use super::*;
use crate::dice::{Dice, Stream};
use crate::log::Recorded;
use crate::time::MILLISECOND;

/// At this pace, calls of which these parts fail and are slow at each second.
fn drawn(seconds: u64, pace: u64, parts: impl Fn(u64) -> (f64, f64)) -> Vec<Call> {
    let mut dice = Dice::new(7, Stream::Answers);
    let calls = (0..seconds * pace).map(|n| {
        let at = n * SECOND / pace;
        let (fails, slow) = parts(at / SECOND);
        Call {
            at,
            lasted: if dice.unit() < slow { 900 } else { 10 } * MILLISECOND,
            outcome: if dice.unit() < fails {
                Recorded::Server
            } else {
                Recorded::Success
            },
        }
    });
    calls.collect()
}

fn found(calls: &[Call], slow: Option<Nanos>) -> Outages {
    Outages::of(calls.iter().copied(), slow)
}

#[test]
fn an_outage_is_found_at_any_pace_that_shows_it() {
    for (pace, within) in [(1, 20), (2, 10), (7, 3), (100, 1)] {
        let fails = |second| {
            let down = (3600..7200).contains(&second);
            (if down { 1.0 } else { 0.02 }, 0.0)
        };
        let seen = found(&drawn(5 * 3600, pace, fails), None);
        let [(began, ended)] = seen.all.as_slice() else {
            panic!("{pace} per second: {:?}", seen.all);
        };
        assert!(began.abs_diff(3600 * SECOND) <= within * SECOND);
        assert!(ended.abs_diff(7200 * SECOND) <= within * SECOND);
        assert_eq!((seen.width, seen.judged), (within * SECOND, 1.0));
        assert!((seen.base - 0.02).abs() < 0.005, "{}", seen.base);
    }
}

#[test]
fn chance_makes_no_outage() {
    for pace in [2, 6, 10, 25, 100] {
        for part in [0.05, 0.2, 0.3, 0.45, 0.5, 0.6] {
            let seen = found(&drawn(40_000, pace, |_| (part, 0.0)), None);
            assert_eq!(seen.all, [], "{pace} per second, {part}");
        }
    }
}

#[test]
fn an_outage_is_found_where_many_calls_fail_anyway() {
    for (pace, normal, fails, lasts) in
        [(6, 0.2, 1.0, 60), (6, 0.2, 0.8, 120), (100, 0.45, 0.9, 10)]
    {
        let parts = |second| {
            let down = (5000..5000 + lasts).contains(&second);
            (if down { fails } else { normal }, 0.0)
        };
        let seen = found(&drawn(10_000, pace, parts), None);
        let [(began, ended)] = seen.all.as_slice() else {
            panic!("{pace} per second, {fails}: {:?}", seen.all);
        };
        assert!(began.abs_diff(5000 * SECOND) <= 4 * SECOND, "{began}");
        assert!(
            ended.abs_diff((5000 + lasts) * SECOND) <= 4 * SECOND,
            "{ended}"
        );
        assert!((seen.base - normal).abs() < 0.02, "{}", seen.base);
    }
}

#[test]
fn a_slow_brown_out_is_an_outage() {
    let parts = |second| {
        let brown = (1000..1300).contains(&second);
        (0.01, if brown { 0.5 } else { 0.02 })
    };
    for pace in [10, 100] {
        let calls = drawn(3600, pace, parts);
        let seen = found(&calls, Some(250 * MILLISECOND));
        let [(began, ended)] = seen.all.as_slice() else {
            panic!("{pace} per second: {:?}", seen.all);
        };
        assert!(began.abs_diff(1000 * SECOND) <= 4 * SECOND, "{began}");
        assert!(ended.abs_diff(1300 * SECOND) <= 4 * SECOND, "{ended}");
        assert_eq!(found(&calls, None).all, []);
        assert_eq!(found(&calls, Some(SECOND)).all, []);
    }
    // a call that failed and was slow is one bad call, and not two
    let both = drawn(3600, 100, |_| (0.3, 0.3));
    let mut both = found(&both, Some(250 * MILLISECOND));
    both.base = (both.base * 100.0).round();
    assert_eq!((both.base, both.all), (51.0, vec![]));
}

#[test]
fn overlapping_margins_are_subtracted_once() {
    // 2 s of every 5 s: the margins cover all that is between them
    let down = |second: u64| (1000..1100).contains(&second) && second % 5 < 2;
    let fails = |second| (f64::from(u8::from(down(second))), 0.0);
    let seen = found(&drawn(2000, 100, fails), None);
    assert_eq!(seen.all.len(), 20);
    // from 998 to 1099
    assert_eq!(seen.with_margins(2000 * SECOND), 101 * SECOND);
    let always = Outages {
        all: vec![(0, 3 * SECOND), (6 * SECOND, 9 * SECOND)],
        ..Outages::default()
    };
    assert_eq!(always.with_margins(10 * SECOND), 10 * SECOND);
    assert_eq!(always.with_margins(7 * SECOND), 7 * SECOND);
}

#[test]
fn too_few_calls_are_not_judged() {
    let minute = |n: u64| Call {
        at: n * 60 * SECOND,
        lasted: MILLISECOND,
        outcome: Recorded::Server,
    };
    let seen = found(&(0..2000).map(minute).collect::<Vec<_>>(), None);
    assert_eq!(seen, Outages::default());
    assert_eq!(found(&[], None), Outages::default());
}
