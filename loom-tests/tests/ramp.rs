//! I3, I4, I5 and I7 in a ramp: each call is counted once, each step ends once, and the ramp does.

use std::time::Duration;

use tripcoil::call::OwnedPermit;
use tripcoil::{
    Breaker, Cause, Controller, FailureKind, HalfOpen, ManualClock, Outcome, Ramp, Snapshot, State,
    Window,
};
use tripcoil_loom_tests::{OPEN, check_history, explore, model_breaker, race};

const BUCKET: Duration = Duration::from_millis(20);
const STEP: Duration = Duration::from_millis(100);

/// How long a step waits for its calls.
const PATIENT: Duration = Duration::from_secs(5);

/// One whose ramp has just begun, after so many calls in 20 ms: the first share is 1, or a half after two,
/// or a quarter after four.
fn ramping(calls: u32) -> (Breaker, Controller, ManualClock) {
    let (breaker, controller, clock, probe) = won(calls);
    probe.success();
    let seen = breaker.observer().snapshot();
    assert_eq!(
        (seen.state, seen.generation),
        (State::HalfOpen, 2),
        "{seen:?}"
    );
    (breaker, controller, clock)
}

/// The same, one result before its round is won.
fn won(calls: u32) -> (Breaker, Controller, ManualClock, OwnedPermit) {
    let half_open = HalfOpen::successes(1)
        .ramp(Ramp::new())
        .probe_timeout(PATIENT);
    let (breaker, controller, clock) = model_breaker(|rules| {
        let window = Window::time(BUCKET * 2).buckets(2);
        rules.window(window).failure_count(9).half_open(half_open)
    });
    for _ in 0..calls {
        admitted(&breaker).success();
    }
    clock.advance(BUCKET);
    // what it finds over sets the pace
    admitted(&breaker).success();
    assert!(controller.trip());
    clock.advance(OPEN);
    let probe = admitted(&breaker);
    (breaker, controller, clock, probe)
}

fn admitted(breaker: &Breaker) -> OwnedPermit {
    breaker.try_acquire_owned().expect("it is admitted")
}

fn share(breaker: &Breaker) -> f64 {
    breaker.observer().snapshot().admitted_share
}

fn closed(breaker: &Breaker) -> Snapshot {
    let seen = check_history(breaker);
    assert_eq!(
        (seen.state, seen.generation),
        (State::Closed, 3),
        "{seen:?}"
    );
    let event = breaker.observer().history().pop().expect("an event");
    assert_eq!(event.cause, Cause::RampCompleted);
    admitted(breaker).success();
    let then = breaker.observer().snapshot();
    assert_eq!(then.window.calls, seen.window.calls + 1);
    seen
}

/// Both results are enough by themselves: one completes the ramp, and the other is in it or late.
#[test]
fn two_results_complete_a_ramp() {
    explore("two_results_complete_a_ramp", Some(2), || {
        let (breaker, _controller, clock) = ramping(0);
        let (one, other) = (admitted(&breaker), admitted(&breaker));
        clock.advance(STEP);
        race(|| one.success(), move || other.success());
        // each waits for the other: nearly all calls have to be back
        let seen = closed(&breaker);
        let event = breaker.observer().history().pop().expect("an event");
        assert_eq!(event.counts.calls + seen.totals.late, 2, "{event:?}");
        assert_eq!(seen.totals.successes + seen.totals.late, 4);
        assert_eq!(seen.window.calls, 0);
    });
}

/// A call that ends in the step, and one that comes in it: each is counted once, and the step ends once.
#[test]
fn a_result_and_an_arrival_end_a_step_once() {
    explore("a_result_and_an_arrival_end_a_step_once", Some(2), || {
        let (breaker, _controller, clock) = ramping(0);
        let call = admitted(&breaker);
        clock.advance(STEP);
        let other = breaker.clone();
        let ((), call) = race(|| call.success(), move || other.try_acquire_owned());
        drop(call);
        closed(&breaker);
    });
}

/// Of two calls that come at once, a share of a half admits one.
#[test]
fn arrivals_add_up() {
    explore("arrivals_add_up", Some(2), || {
        let (breaker, _controller, _clock) = ramping(2);
        assert_eq!(share(&breaker), 0.5);
        let call = admitted(&breaker);
        let other = breaker.clone();
        let (mine, its) = race(
            || breaker.try_acquire_owned(),
            move || other.try_acquire_owned(),
        );
        assert_eq!(
            u32::from(mine.is_ok()) + u32::from(its.is_ok()),
            1,
            "{mine:?} {its:?}"
        );
        let rejected = mine.err().or(its.err()).expect("one is rejected");
        assert_eq!(rejected.state(), State::HalfOpen);
        assert_eq!(rejected.retry_after(), Some(STEP));
        assert_eq!(check_history(&breaker).totals.rejected, 1);
        drop(call);
    });
}

/// The round is won beside an arrival: the ramp begins once, and its credit is one call.
#[test]
fn a_ramp_begins_once() {
    explore("a_ramp_begins_once", Some(2), || {
        let (breaker, _controller, _clock, probe) = won(2);
        let other = breaker.clone();
        let ((), arrived) = race(|| probe.success(), move || other.try_acquire_owned());
        let seen = check_history(&breaker);
        assert_eq!(
            (seen.state, seen.generation),
            (State::HalfOpen, 2),
            "{seen:?}"
        );
        assert_eq!(seen.admitted_share, 0.5);
        // credits of 1.5, 1 and 0.5: of three arrivals the third is rejected
        let before = usize::from(arrived.is_ok());
        let after: Vec<_> = (before..3).map(|_| breaker.try_acquire_owned()).collect();
        let came = after.iter().filter(|call| call.is_ok()).count();
        assert_eq!(before + came, 2, "{before} {came}");
    });
}

/// Four bad calls reopen at the first share, and a fifth is counted or late.
#[test]
fn two_failures_fail_a_ramp() {
    explore("two_failures_fail_a_ramp", Some(2), || {
        let (breaker, _controller, _clock) = ramping(0);
        let mut calls: Vec<_> = (0..5).map(|_| admitted(&breaker)).collect();
        let (one, other) = (calls.pop().expect("five"), calls.pop().expect("five"));
        for call in calls {
            call.failure(FailureKind::Server);
        }
        race(
            || one.failure(FailureKind::Server),
            move || other.failure(FailureKind::Server),
        );
        let seen = check_history(&breaker);
        assert_eq!((seen.state, seen.generation), (State::Open, 3), "{seen:?}");
        let event = breaker.observer().history().pop().expect("an event");
        assert_eq!((event.cause, event.failure), (Cause::RampFailed, None));
        assert_eq!(event.counts.failures + seen.totals.late, 5, "{event:?}");
        assert_eq!(seen.totals.failures + seen.totals.late, 5);
    });
}

/// The last of five results ends a step with a share of a quarter, and a thread that comes meanwhile makes five calls
/// in the next. One that sleeps in the update must not take its own frozen words for those.
#[test]
fn a_step_does_not_begin_twice() {
    explore("a_step_does_not_begin_twice", Some(1), || {
        let (breaker, _controller, clock) = ramping(4);
        let mut calls: Vec<_> = (0..20)
            .filter_map(|_| breaker.try_acquire_owned().ok())
            .take(5)
            .collect();
        assert_eq!(calls.len(), 5);
        let last = calls.pop().expect("five");
        calls.into_iter().for_each(OwnedPermit::success);
        clock.advance(STEP);
        let other = breaker.clone();
        race(
            || last.success(),
            move || {
                for _ in 0..7 {
                    if let Ok(call) = other.try_acquire_owned() {
                        call.success();
                    }
                }
            },
        );
        assert_eq!(share(&breaker), 0.75);
        let five_more = || {
            for _ in 0..7 {
                if let Ok(call) = breaker.try_acquire_owned() {
                    call.success();
                }
            }
        };
        five_more();
        clock.advance(STEP);
        five_more();
        closed(&breaker);
    });
}

/// The five results of a step are none of the next one's, whichever thread begins that.
#[test]
fn a_step_begins_empty() {
    explore("a_step_begins_empty", Some(2), || {
        let (breaker, _controller, clock) = ramping(4);
        let mut calls: Vec<_> = (0..20)
            .filter_map(|_| breaker.try_acquire_owned().ok())
            .take(5)
            .collect();
        let last = calls.pop().expect("five");
        calls.into_iter().for_each(OwnedPermit::success);
        clock.advance(STEP);
        let other = breaker.clone();
        let ((), came) = race(|| last.success(), move || other.try_acquire_owned());
        clock.advance(STEP);
        let then = breaker.try_acquire_owned();
        assert_eq!(share(&breaker), 0.75);
        drop((came, then));
    });
}

/// All calls of a step are gone: of two that find it over, one begins the next, and both are counted in it.
#[test]
fn a_leak_is_found_once() {
    explore("a_leak_is_found_once", Some(2), || {
        let (breaker, _controller, clock) = ramping(0);
        let leaked = [admitted(&breaker), admitted(&breaker)];
        clock.advance(PATIENT);
        let other = breaker.clone();
        let (mine, its) = race(|| admitted(&breaker), move || admitted(&other));
        // two bad calls do not fail it, and are enough for its one good step
        let seen = closed(&breaker);
        assert_eq!(seen.totals.rejected, 0);
        drop((leaked, mine, its));
    });
}

/// A call that is taken off beside the last result: nearly all are back, whichever is first.
#[test]
fn a_call_is_taken_off_once() {
    explore("a_call_is_taken_off_once", Some(2), || {
        let (breaker, _controller, clock) = ramping(0);
        let (one, other) = (admitted(&breaker), admitted(&breaker));
        clock.advance(STEP);
        race(|| one.success(), move || other.record(Outcome::Ignored));
        let seen = closed(&breaker);
        assert_eq!(seen.totals.ignored + seen.totals.late, 1);
        assert_eq!(seen.totals.successes, 3);
    });
}

/// An operator ends the ramp that a result completes: one after the other.
#[test]
fn an_operator_ends_a_ramp() {
    explore("an_operator_ends_a_ramp", Some(2), || {
        let (breaker, controller, clock) = ramping(0);
        let call = admitted(&breaker);
        clock.advance(STEP);
        let trip = move || assert!(controller.trip());
        race(|| call.success(), trip);
        let seen = check_history(&breaker);
        assert_eq!(seen.state, State::Open, "{seen:?}");
        let causes: Vec<_> = breaker
            .observer()
            .history()
            .iter()
            .map(|e| e.cause)
            .collect();
        let completed = causes.contains(&Cause::RampCompleted);
        assert_eq!(seen.generation, 3 + u64::from(completed), "{causes:?}");
        assert!(completed || seen.totals.late <= 1);
        assert_eq!(seen.totals.successes + seen.totals.late, 3);
    });
}

/// The ramp is switched off beside its last result: it closes once, by either rules.
#[test]
fn a_ramp_is_switched_off() {
    explore("a_ramp_is_switched_off", Some(2), || {
        let (breaker, controller, clock) = ramping(0);
        let call = admitted(&breaker);
        clock.advance(STEP);
        let off = HalfOpen::successes(1);
        let switch = move || {
            let changed = controller.reconfigure(|rules| rules.half_open(off));
            changed.expect("valid rules");
        };
        race(|| call.success(), switch);
        closed(&breaker);
    });
}

/// A reader beside a step that ends: one of the two shares, in a state that has it.
#[test]
fn a_reader_sees_a_whole_step() {
    explore("a_reader_sees_a_whole_step", Some(2), || {
        let (breaker, _controller, clock) = ramping(0);
        let call = admitted(&breaker);
        clock.advance(STEP);
        let observer = breaker.observer();
        let (seen, ()) = race(move || observer.snapshot(), move || call.success());
        assert_eq!(seen.admitted_share, 1.0);
        assert!([State::HalfOpen, State::Closed].contains(&seen.state));
        closed(&breaker);
    });
}

/// A probe's duration is there for the ramp that its success begins.
#[test]
fn the_slowest_probe_is_known() {
    explore("the_slowest_probe_is_known", Some(2), || {
        let (breaker, controller, clock) = ramping(0);
        assert!(controller.half_open());
        let probe = admitted(&breaker);
        let other = breaker.clone();
        let ((), early) = race(
            || probe.record_timed(Outcome::Success, STEP * 4),
            move || other.try_acquire_owned(),
        );
        let mut calls: Vec<_> = early.into_iter().collect();
        calls.extend((calls.len()..5).map(|_| admitted(&breaker)));
        clock.advance(STEP);
        // three times as long as the probe, and 20 ms: no longer than is allowed
        for call in calls {
            call.record_timed(Outcome::Success, STEP * 12);
        }
        let seen = check_history(&breaker);
        assert_eq!(seen.state, State::Closed, "{seen:?}");
    });
}
