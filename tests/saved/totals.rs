//! Lifetime totals are of 64 bits, though the words in which calls are counted have 40 for it: a restored
//! breaker goes on across each power of two as one does that has counted nothing before.

use crate::damage::{leb, made_right};
use crate::restore::rig;
use crate::strategies::{Rig, ms, wall};
use std::time::{Duration, UNIX_EPOCH};
use tripcoil::saved::Saved;
use tripcoil::{
    Backoff, Breaker, Builder, FailureKind, HalfOpen, ManualClock, Outcome, Snapshot, Window,
};

/// What a count is kept modulo, under a window of time.
const LAP: u64 = 1 << 40;
type About = fn(Builder) -> Builder;

const SLOW: Duration = Duration::from_secs(1);

fn by_time(b: Builder) -> Builder {
    ruled(b.window(Window::time(ms(30)).buckets(3)))
}

fn by_count(b: Builder) -> Builder {
    ruled(b.window(Window::count(20)))
}

fn ruled(b: Builder) -> Builder {
    b.failure_count(6)
        .failure_rate(0.9)
        .min_throughput(4)
        .slow_call(SLOW)
        .open_for(Backoff::constant(ms(5)))
        .half_open(HalfOpen::successes(1))
}

/// Of calls by class, and of everything else.
#[derive(Clone, Copy, Debug)]
struct Before {
    fast_successes: u64,
    fast_failures: u64,
    slow_successes: u64,
    slow_failures: u64,
    other: u64,
}

fn of_before(before: &Before) -> [u64; 14] {
    let b = before;
    let failures = b.fast_failures + b.slow_failures;
    [
        b.fast_successes + b.slow_successes,
        failures,
        b.slow_successes + b.slow_failures,
        3 * b.other,
        b.other,
        b.other,
        b.other,
        b.other,
        b.other,
        b.other,
        b.other,
        failures,
        b.other,
        b.other,
    ]
}

/// Every count that a snapshot has for life.
fn for_life(s: &Snapshot) -> [u64; 14] {
    let (t, r) = (&s.totals, &s.rejections_by_state);
    [
        t.successes,
        t.failures,
        t.slow,
        t.rejected,
        t.late,
        t.ignored,
        t.cancelled,
        r.open,
        r.half_open,
        r.forced_open,
        s.would_trip,
        s.failures_by_kind.get(FailureKind::Server),
        s.generation,
        s.transitions,
    ]
}

fn less(s: &Snapshot, before: &[u64; 14]) -> [u64; 14] {
    let now = for_life(s);
    std::array::from_fn(|i| {
        now[i]
            .checked_sub(before[i])
            .unwrap_or_else(|| panic!("count {i} was {}, and is {}", before[i], now[i]))
    })
}

/// A breaker that has counted that much, as a state that was saved says.
fn counted(about: About, window: &[u64], before: &Before) -> Rig {
    let [successes, failures, slow, rejected, other, ..] = of_before(before);
    let mut kinds = [0; 9];
    kinds[kind_of(FailureKind::Server)] = failures;
    let since = wall().duration_since(UNIX_EPOCH).unwrap();
    let numbers = [
        // saved_at, state, lasted, left, generation, openings, run, standing, would_trip
        &[since.as_nanos() as u64, 0, 0, 0, other, 0, 0, 0, other][..],
        &[successes, failures, slow, rejected, other, other, other],
        &kinds,
        &[other; 3],
        window,
    ];
    let mut body = vec![2, b'd', b'b'];
    body.extend(numbers.concat().into_iter().flat_map(leb));
    restored(
        about,
        Saved::from_bytes(&made_right(&body, 1)).expect("sound"),
    )
}

/// Where the kind stands in a saved state.
fn kind_of(kind: FailureKind) -> usize {
    let once = rig(by_time, ManualClock::new());
    once.acquire().unwrap().failure(kind);
    let value = serde_json::to_value(once.controller.save_at(wall())).unwrap();
    let kinds = value["kinds"].as_array().unwrap();
    kinds.iter().position(|n| *n == 1).unwrap()
}

fn restored(about: About, saved: Saved) -> Rig {
    let clock = ManualClock::new();
    let rig = rig(|b| about(b).restore_at(saved.clone(), wall()), clock);
    assert!(rig.controller.restored().unwrap().is_ok());
    rig
}

/// Each of the counts rises, by shared calls and a local handle's, in several epochs and states.
fn a_life(rig: &Rig, mut look: impl FnMut(&Rig)) {
    let bad = Outcome::Failure(FailureKind::Server);
    let local = rig.breaker.local();
    for turn in 0..6 {
        for _ in 0..2 {
            local.try_acquire().unwrap().success();
            rig.acquire().unwrap().success();
            look(rig);
            rig.acquire()
                .unwrap()
                .record_timed(Outcome::Success, SLOW * 2);
            rig.acquire().unwrap().failure(FailureKind::Server);
            look(rig);
            rig.acquire().unwrap().record_timed(bad, SLOW * 2);
            look(rig);
        }
        rig.acquire().unwrap().ignore();
        drop(rig.acquire());
        look(rig);
        let late = rig.acquire();
        if turn % 2 == 0 {
            rig.controller.observe_only();
            rig.fail(7);
            look(rig);
            rig.controller.force_open();
            assert!(rig.acquire().is_none());
        } else {
            while let Some(permit) = rig.acquire() {
                permit.failure(FailureKind::Server);
            }
            rig.clock.advance(ms(5));
            let probe = rig.acquire();
            assert!(probe.is_some() && rig.acquire().is_none());
            look(rig);
            probe.unwrap().success();
        }
        drop(late);
        rig.controller.reset();
        look(rig);
        rig.clock.advance(ms(10));
    }
}

/// Each class by itself, their sums, and all others.
fn befores() -> Vec<Before> {
    let mut all = Vec::new();
    for laps in [1, 2, 5, 1 << 12] {
        for below in [1, 2, 5, 9, 14, 30] {
            let near = laps * LAP - below;
            let class = |on: bool| if on { near } else { 3 };
            for i in 0..4 {
                all.push(Before {
                    fast_successes: class(i == 0),
                    fast_failures: class(i == 1),
                    slow_successes: class(i == 2),
                    slow_failures: class(i == 3),
                    other: near,
                });
            }
            // no class wraps, and their sums do
            all.push(Before {
                fast_successes: near / 2,
                fast_failures: near / 2,
                slow_successes: near / 2 + 1,
                slow_failures: near / 2,
                other: (1 << 32) * laps - below,
            });
        }
    }
    all
}

#[test]
fn lifetime_totals_go_on_beyond_40_bits() {
    let time = [&[0, 10_000_000, 0, 3][..], &[0; 9]].concat();
    let windows: [(About, _); 2] = [(by_time, time), (by_count, vec![1, 20, 0])];
    for (about, window) in windows {
        let mut expected = Vec::new();
        let twin = rig(about, ManualClock::new());
        a_life(&twin, |rig| {
            let seen = rig.breaker.observer().snapshot();
            expected.push((for_life(&seen), seen.window, seen.buckets));
        });
        let last = expected.last().unwrap().0;
        assert!(last.iter().all(|count| *count > 0), "{last:?}");
        for before in befores() {
            let base = of_before(&before);
            let rig = counted(about, &window, &before);
            let mut looks = expected.iter();
            a_life(&rig, |rig| {
                let seen = rig.breaker.observer().snapshot();
                let (counts, window, buckets) = looks.next().unwrap();
                assert_eq!(less(&seen, &base), *counts, "{before:?}");
                assert_eq!(seen.window, *window, "{before:?}");
                assert_eq!(seen.buckets, *buckets, "{before:?}");
                // and what is saved there is what comes back
                let saved = rig.controller.save_at(wall());
                let again = restored(about, saved).breaker.observer().snapshot();
                assert_eq!(for_life(&again), for_life(&seen), "{before:?}");
            });
        }
    }
}

/// Those that the limit on calls in flight has rejected came after version 2 of the format: they are a part of their own
/// in it, and are there only if there are any.
#[test]
fn rejections_by_the_limit_are_kept_in_both_forms() {
    let built = || Breaker::builder("db").max_in_flight(1);
    let (breaker, controller) = built().build_with_controller().expect("valid");
    let none = controller.save().to_bytes();
    let held = breaker.try_acquire().expect("a place");
    for _ in 0..3 {
        assert!(breaker.try_acquire().is_err());
    }
    let saved = controller.save();
    drop(held);
    assert!(saved.to_bytes().len() > none.len());
    let text = serde_json::to_string(&saved).expect("JSON");
    let forms = [
        Saved::from_bytes(&saved.to_bytes()).expect("its own bytes"),
        serde_json::from_str(&text).expect("its own text"),
    ];
    for form in forms {
        assert_eq!(form, saved);
        let breaker = built().restore(form).build().expect("valid");
        let seen = breaker.observer().snapshot();
        assert_eq!(
            (seen.rejections_by_state.closed, seen.totals.rejected),
            (3, 3)
        );
        // no call of the process before is in flight
        assert_eq!(seen.in_flight, Some(0));
    }
    // a state that says otherwise was not saved so
    let odd = text.replace("\"limited\":3", "\"limited\":4");
    assert!(serde_json::from_str::<Saved>(&odd).is_err());
}
