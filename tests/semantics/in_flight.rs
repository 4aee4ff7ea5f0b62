//! `docs/semantics.md`, "A limit on calls in flight", sentence by sentence.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tripcoil::call::OwnedPermit;
use tripcoil::{Breaker, CallError, Cause, HalfOpen, Hang, OnCancel, Outcome, Ramp, State};

use crate::common::{Rig, SERVER, ms, secs};

fn limited(calls: u32) -> Rig {
    Rig::new(|rules| rules.consecutive_failures(3).max_in_flight(calls))
}

fn held(rig: &Rig, calls: u32) -> Vec<OwnedPermit> {
    let held = (0..calls).map(|_| rig.breaker.try_acquire_owned().expect("a place is free"));
    held.collect()
}

fn in_flight(rig: &Rig) -> Option<u64> {
    rig.observer.snapshot().in_flight
}

#[track_caller]
fn is_full(rig: &Rig) {
    let before = rig.observer.snapshot();
    let rejected = rig.breaker.try_acquire().expect_err("every place is taken");
    assert_eq!(rejected.state(), State::Closed);
    assert_eq!(rejected.cause(), Some(Cause::MaxInFlight));
    assert_eq!(rejected.retry_after(), None);
    assert_eq!(rejected.to_string(), "too many calls are in flight");
    let after = rig.observer.snapshot();
    assert_eq!(
        after.rejections_by_state.closed,
        before.rejections_by_state.closed + 1
    );
    assert_eq!(
        after.rejections_by_state.get(State::Closed),
        after.rejections_by_state.closed
    );
    assert_eq!(after.totals.rejected, before.totals.rejected + 1);
    assert_eq!(
        (after.window, after.in_flight),
        (before.window, before.in_flight)
    );
}

#[test]
fn a_closed_breaker_rejects_a_call_beyond_the_limit() {
    let rig = limited(2);
    let first = held(&rig, 2);
    is_full(&rig);
    drop(first);
    assert_eq!(in_flight(&rig), Some(0));
    assert!(rig.breaker.try_acquire().is_ok());
}

#[test]
fn each_way_to_end_gives_the_place_back_once() {
    let rig = limited(1);
    let end = |permit: OwnedPermit, way: usize| match way {
        0 => permit.success(),
        1 => permit.record(SERVER),
        2 => permit.ignore(),
        3 => permit.record_timed(Outcome::Success, secs(9)),
        4 => permit.record_timed(SERVER, secs(9)),
        5 => permit.record(SERVER.with_retry_after(secs(1))),
        _ => drop(permit),
    };
    for way in 0..7 {
        end(held(&rig, 1).remove(0), way);
        assert_eq!(in_flight(&rig), Some(0), "way {way}");
        rig.controller.reset();
    }
    let local = rig.breaker.local();
    local.try_acquire().expect("free").success();
    local.call(|| Ok::<_, ()>(())).expect("free");
    let _ = catch_unwind(AssertUnwindSafe(|| {
        rig.breaker
            .call(|| -> Result<(), ()> { panic!("the call's own") })
    }));
    assert_eq!(in_flight(&rig), Some(0));
}

#[test]
fn an_end_in_a_later_generation_gives_the_place_back() {
    let rig = limited(2);
    let early = held(&rig, 2);
    assert!(rig.controller.trip());
    assert!(rig.controller.reset());
    // they are in flight still, whatever the breaker has been through
    is_full(&rig);
    for permit in early {
        permit.success();
    }
    assert_eq!(
        (in_flight(&rig), rig.observer.snapshot().totals.late),
        (Some(0), 2)
    );
}

#[test]
fn a_cancelled_call_that_is_a_failure_gives_its_place_back_once() {
    let rig = Rig::new(|rules| {
        rules
            .consecutive_failures(3)
            .max_in_flight(2)
            .on_cancel(OnCancel::Failure)
    });
    let both = held(&rig, 2);
    drop(both);
    assert_eq!(
        (in_flight(&rig), rig.observer.snapshot().totals.failures),
        (Some(0), 2)
    );
}

#[test]
fn a_forgotten_permit_keeps_its_place() {
    let rig = limited(1);
    std::mem::forget(held(&rig, 1));
    rig.clock.advance(secs(1_000));
    is_full(&rig);
}

#[test]
fn probes_are_counted_and_never_rejected_by_the_limit() {
    let rig = limited(2);
    let early = held(&rig, 2);
    rig.controller.trip();
    rig.clock.advance(ms(10));
    // the places are taken by calls of the period before, and the round goes on
    let probe = rig.breaker.try_acquire_owned().expect("a probe");
    assert_eq!(in_flight(&rig), Some(3));
    assert_eq!(
        rig.breaker.try_acquire().unwrap_err().state(),
        State::HalfOpen
    );
    probe.success();
    rig.breaker.try_acquire().expect("a probe").success();
    assert_eq!(rig.breaker.state(), State::Closed);
    is_full(&rig);
    drop(early);
    assert_eq!(in_flight(&rig), Some(0));
}

#[test]
fn a_ramps_calls_are_counted_and_never_rejected_by_the_limit() {
    let half_open = HalfOpen::successes(1).ramp(Ramp::new());
    let rig = Rig::new(|rules| {
        rules
            .consecutive_failures(3)
            .max_in_flight(1)
            .half_open(half_open)
    });
    rig.controller.half_open();
    rig.breaker.try_acquire().expect("a probe").success();
    assert_eq!(rig.breaker.state(), State::HalfOpen);
    let ramped: Vec<_> = (0..8)
        .filter_map(|_| rig.breaker.try_acquire_owned().ok())
        .collect();
    assert!(ramped.len() > 1, "{}", ramped.len());
    assert_eq!(in_flight(&rig), Some(ramped.len() as u64));
    rig.controller.reset();
    is_full(&rig);
    drop(ramped);
    assert_eq!(in_flight(&rig), Some(0));
}

#[test]
fn observe_only_counts_and_rejects_none() {
    let rig = limited(1);
    rig.controller.observe_only();
    let all = held(&rig, 3);
    assert_eq!(in_flight(&rig), Some(3));
    rig.controller.release();
    is_full(&rig);
    drop(all);
    assert_eq!(in_flight(&rig), Some(0));
}

#[test]
fn disabled_neither_counts_nor_rejects() {
    let rig = limited(1);
    rig.controller.disable();
    let all = held(&rig, 3);
    assert_eq!(in_flight(&rig), Some(0));
    rig.controller.release();
    assert!(rig.breaker.try_acquire().is_ok());
    drop(all);
    assert_eq!(in_flight(&rig), Some(0));
}

#[test]
fn an_open_breaker_rejects_as_open() {
    let rig = limited(1);
    let _all = held(&rig, 1);
    rig.controller.trip();
    let rejected = rig.breaker.try_acquire().unwrap_err();
    assert_eq!(
        (rejected.state(), rejected.cause()),
        (State::Open, Some(Cause::Manual))
    );
    assert_eq!(rejected.retry_after(), Some(ms(10)));
}

#[test]
fn a_new_limit_counts_from_then_on() {
    let rig = Rig::new(|rules| rules.consecutive_failures(3));
    assert_eq!(in_flight(&rig), None);
    let before = held(&rig, 5);
    rig.controller
        .reconfigure(|rules| rules.max_in_flight(2))
        .expect("valid");
    assert_eq!(in_flight(&rig), Some(0));
    let counted = held(&rig, 2);
    is_full(&rig);
    drop(before);
    // they had no places
    is_full(&rig);
    rig.controller
        .reconfigure(|rules| rules.max_in_flight(3))
        .expect("valid");
    let third = held(&rig, 1);
    is_full(&rig);
    rig.controller
        .reconfigure(|rules| rules.no_max_in_flight())
        .expect("valid");
    let free = held(&rig, 9);
    rig.controller
        .reconfigure(|rules| rules.max_in_flight(1))
        .expect("valid");
    is_full(&rig);
    drop((counted, third, free));
    assert_eq!(in_flight(&rig), Some(0));
}

#[test]
fn a_limit_of_zero_is_refused() {
    let refused = Breaker::builder("none")
        .max_in_flight(0)
        .build()
        .unwrap_err();
    assert_eq!(refused.problems()[0].field, "max_in_flight");
}

/// Where hung calls hold every place, the hang rule counts those that ask for one.
#[test]
fn calls_that_find_no_place_begin_as_the_hang_rule_sees_it() {
    let rig = Rig::new(|rules| {
        let rules = rules.consecutive_failures(1_000).max_in_flight(2);
        rules.hang(Hang::after(ms(100)).starts(5))
    });
    for _ in 0..30 {
        rig.breaker.try_acquire().expect("free").success();
    }
    rig.clock.advance(secs(1));
    let _hung = held(&rig, 2);
    let trips = (0..100).any(|_| {
        rig.clock.advance(ms(20));
        let _ = rig.breaker.try_acquire();
        rig.breaker.state() != State::Closed
    });
    assert!(trips);
    let event = rig.observer.history().remove(0);
    assert_eq!((event.to, event.cause), (State::Open, Cause::Hang));
}

#[test]
fn a_rejection_by_the_limit_is_a_call_error() {
    let rig = limited(1);
    let _all = held(&rig, 1);
    let answer = rig.breaker.call(|| Ok::<(), ()>(()));
    assert!(
        matches!(answer, Err(CallError::Rejected(rejected)) if rejected.state() == State::Closed)
    );
}

/// In a count window too, whose results have paths of their own.
#[test]
fn a_count_window_gives_places_back() {
    let rig = Rig::new(|rules| {
        let rules = rules.window(tripcoil::Window::count(10)).failure_rate(0.9);
        rules.max_in_flight(1)
    });
    for outcome in [Outcome::Success, SERVER, Outcome::Ignored, Outcome::Success] {
        rig.breaker.try_acquire().expect("free").record(outcome);
        assert_eq!(in_flight(&rig), Some(0), "{outcome:?}");
    }
    let seen = rig.observer.snapshot();
    assert_eq!((seen.window.calls, seen.totals.ignored), (3, 1));
}

/// One slow call is not ten: where the limit is below what the hang rule asks for, it takes longer in proportion.
#[test]
fn few_places_make_up_for_missing_calls_by_time() {
    let rig = Rig::new(|rules| {
        let rules = rules.consecutive_failures(1_000).max_in_flight(1);
        rules.hang(Hang::after(ms(300)).starts(10))
    });
    for _ in 0..30 {
        rig.breaker.try_acquire().expect("free").success();
    }
    rig.clock.advance(secs(1));
    let slow = rig.breaker.try_acquire_owned().expect("free");
    // 300 ms / 3 * 10 for a watch that begins with it
    for _ in 0..99 {
        rig.clock.advance(ms(10));
        let _ = rig.breaker.try_acquire();
        assert_eq!(rig.breaker.state(), State::Closed);
    }
    rig.clock.advance(ms(20));
    let _ = rig.breaker.try_acquire();
    assert_eq!(rig.breaker.state(), State::Open);
    drop(slow);
}
