//! The histogram of durations, where it is kept; and rejections by state.

use std::time::Duration;

use tripcoil::observe::Durations;
use tripcoil::{Breaker, Clock, HalfOpen, OnCancel, Outcome, State, Window};

use crate::common::{LIMIT, Rig, SERVER, ms, ns, rig_in, secs};

fn lasted(rig: &Rig) -> Durations {
    rig.seen().durations.expect("kept")
}

/// Is it the one call, or the longest of all, that lasted so long?
#[track_caller]
fn longest(rig: &Rig, calls: u64, span: Duration) {
    let all = lasted(rig);
    assert_eq!(all.calls(), calls);
    let last = all
        .iter()
        .filter(|bucket| bucket.calls > 0)
        .last()
        .expect("a call");
    assert!(
        last.from <= span && last.to.is_none_or(|to| span < to),
        "{span:?} in {last:?}"
    );
}

#[test]
fn none_are_kept_unless_they_are_asked_for() {
    let rig = Rig::new(|builder| builder.failure_count(50));
    rig.slow(Outcome::Success);
    assert_eq!(rig.seen().durations, None);
}

#[test]
fn successes_and_failures_are_timed_with_no_slow_limit_under_both_windows() {
    for window in [Window::time(secs(10)), Window::count(5)] {
        let clock = tripcoil::ManualClock::new();
        let breaker = Breaker::builder("timed").window(window).failure_rate(1.0);
        let breaker = breaker
            .clock(&clock)
            .durations(true)
            .build()
            .expect("valid");
        let spans = [
            ns(0),
            ns(1023),
            ns(1024),
            ms(1),
            ms(700),
            secs(100),
            secs(200),
        ];
        for (i, span) in spans.into_iter().enumerate() {
            let permit = breaker.try_acquire().expect("admitted");
            clock.advance(span);
            permit.record([Outcome::Success, SERVER][i % 2]);
        }
        let seen = breaker.observer().snapshot();
        assert_eq!((seen.totals.slow, seen.totals.failures), (0, 3));
        let all = seen.durations.expect("kept");
        let counts: Vec<_> = all.iter().filter(|b| b.calls > 0).collect();
        assert_eq!(
            counts.iter().map(|b| b.calls).collect::<Vec<_>>(),
            [2, 1, 1, 1, 1, 1]
        );
        let within = spans[1..].iter().zip(&counts);
        for (span, bucket) in within {
            assert!(
                bucket.from <= *span && bucket.to.is_none_or(|to| *span < to),
                "{span:?} {bucket:?}"
            );
        }
        assert_eq!(
            all.quantile(1.0),
            Some(Duration::MAX),
            "the last has no end"
        );
    }
}

#[test]
fn a_local_handles_calls_and_those_with_a_duration_of_their_own_are_timed() {
    let rig = Rig::new(|builder| builder.failure_count(50).durations(true));
    let local = rig.breaker.local();
    let r = local.call(|| {
        rig.wait(ms(2));
        Ok::<_, ()>(())
    });
    assert_eq!(r, Ok(()));
    longest(&rig, 1, ms(2));
    rig.slow(SERVER);
    longest(&rig, 2, LIMIT + ns(1));
    assert_eq!(rig.seen().totals.slow, 1);
}

#[test]
fn probes_and_late_calls_are_timed_and_disabled_ones_are_not() {
    let rig = Rig::new(|builder| {
        builder
            .failure_count(50)
            .durations(true)
            .half_open(HalfOpen::successes(9))
    });
    let late = rig.acquire();
    rig.round();
    let probe = rig.acquire();
    rig.wait(ms(7));
    probe.success();
    longest(&rig, 1, ms(7));
    rig.wait(ms(70));
    late.record(SERVER);
    assert_eq!(rig.seen().totals.late, 1);
    longest(&rig, 2, ms(77));
    rig.controller.disable();
    rig.ok(3);
    rig.slow(SERVER);
    assert_eq!(lasted(&rig).calls(), 2);
}

#[test]
fn ignored_calls_are_not_timed_and_cancelled_ones_where_they_are_failures() {
    let rig = Rig::new(|builder| builder.failure_count(50).durations(true));
    rig.end(Outcome::Ignored);
    drop(rig.acquire());
    assert_eq!(lasted(&rig).calls(), 0);
    let rig = Rig::new(|builder| {
        builder
            .failure_count(50)
            .durations(true)
            .on_cancel(OnCancel::FailureIfSlow)
    });
    drop(rig.acquire());
    assert_eq!(lasted(&rig).calls(), 0);
    let permit = rig.acquire();
    rig.wait(ms(4));
    drop(permit);
    assert_eq!((lasted(&rig).calls(), rig.seen().totals.failures), (1, 1));
}

#[test]
fn new_rules_leave_them_alone() {
    let rig = Rig::new(|builder| builder.failure_count(50).durations(true));
    rig.ok(1);
    rig.controller
        .reconfigure(|rules| rules.no_slow_rules())
        .expect("valid");
    rig.ok(1);
    let permit = rig.acquire();
    rig.wait(secs(1));
    permit.success();
    longest(&rig, 3, secs(1));
    rig.controller.reset();
    assert_eq!(lasted(&rig).calls(), 3);
}

/// Two threads, and none of their calls is lost.
#[test]
fn each_call_of_all_threads_is_in_it() {
    const CALLS: u64 = 20_000;
    let breaker = Breaker::builder("busy")
        .clock(Clock::precise())
        .failure_rate(1.0)
        .durations(true);
    let breaker = breaker.build().expect("valid");
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..CALLS {
                    let _ = breaker.call(|| Ok::<_, ()>(()));
                }
            });
        }
    });
    let all = breaker.observer().snapshot().durations.expect("kept");
    assert_eq!(all.calls(), 2 * CALLS);
    assert!(all.quantile(0.5) <= all.quantile(0.99));
}

#[test]
fn rejections_are_told_apart_by_state() {
    for state in [State::Open, State::HalfOpen, State::ForcedOpen] {
        let rig = rig_in(state);
        let held = (state == State::HalfOpen).then(|| rig.acquire());
        (0..3).for_each(|_| assert_eq!(rig.rejected().state(), state));
        drop(held);
        let seen = rig.seen();
        let by = seen.rejections_by_state;
        for other in [
            State::Open,
            State::HalfOpen,
            State::ForcedOpen,
            State::Closed,
        ] {
            assert_eq!(
                by.get(other),
                if other == state { 3 } else { 0 },
                "{state} {other}"
            );
        }
        assert_eq!(seen.totals.rejected, 3);
    }
}
