//! I4, I5 and I7 under the hang rule: it trips once, at an acquire, and not beside a sign of life; and the wait of
//! an adaptive backoff is one that all helpers agree on.

use std::time::Duration;

use tripcoil::call::OwnedPermit;
use tripcoil::{Backoff, Breaker, Cause, Controller, Hang, ManualClock, Outcome, Snapshot, State};
use tripcoil_loom_tests::{
    check_history, explore, fail, model_breaker, race, ready_to_probe_after, succeed,
};

const TICK: Duration = Duration::from_millis(20);
const SILENCE: Duration = Duration::from_millis(60);

/// One that has settled, and whose last sign of life was two ticks ago.
fn silent(calls: u32) -> (Breaker, Controller, ManualClock) {
    let hang = Hang::after(SILENCE).starts(calls);
    let (breaker, controller, clock) = model_breaker(|rules| rules.failure_count(100).hang(hang));
    for _ in 0..20 {
        succeed(&breaker);
    }
    clock.advance(TICK * 2);
    (breaker, controller, clock)
}

/// One at which two calls hang, the first for longer than the rule waits. The next acquire trips.
fn hung() -> (Breaker, Controller, ManualClock, [OwnedPermit; 2]) {
    let (breaker, controller, clock) = silent(2);
    let begin = || breaker.try_acquire_owned().expect("closed");
    let first = begin();
    clock.advance(SILENCE);
    let calls = [first, begin()];
    clock.advance(TICK);
    (breaker, controller, clock, calls)
}

fn starts(breaker: &Breaker) -> Option<u32> {
    let watch = breaker.observer().snapshot().watch;
    watch.map(|watch| watch.starts)
}

fn tripped(seen: &Snapshot, breaker: &Breaker) {
    assert_eq!((seen.state, seen.generation), (State::Open, 1), "{seen:?}");
    let event = breaker.observer().history()[0];
    assert_eq!((event.cause, event.failure), (Cause::Hang, None));
}

/// Both find it, and it trips once; neither is admitted.
#[test]
fn two_acquires_find_a_hang() {
    explore("two_acquires_find_a_hang", Some(2), || {
        let (breaker, _controller, _clock, _calls) = hung();
        let other = breaker.clone();
        let (mine, its) = race(
            || breaker.try_acquire().is_ok(),
            move || other.try_acquire().is_ok(),
        );
        assert!(!mine && !its);
        let seen = check_history(&breaker);
        assert_eq!(seen.totals.rejected, 2);
        tripped(&seen, &breaker);
    });
}

/// A call ends while an acquire finds the others hung: it is counted and nothing trips, or it is late.
#[test]
fn a_sign_of_life_holds_it_back_or_is_late() {
    explore("a_sign_of_life_holds_it_back_or_is_late", Some(2), || {
        let (breaker, _controller, _clock, [first, _second]) = hung();
        let (admitted, ()) = race(|| breaker.try_acquire().is_ok(), move || first.success());
        let seen = check_history(&breaker);
        if admitted {
            assert_eq!((seen.state, seen.totals.successes), (State::Closed, 21));
            return assert_eq!(starts(&breaker), None);
        }
        assert_eq!((seen.totals.successes, seen.totals.late), (20, 1));
        tripped(&seen, &breaker);
    });
}

/// Of several calls that begin at once, each counts itself.
#[test]
fn each_call_counts_itself() {
    explore("each_call_counts_itself", Some(3), || {
        let (breaker, _controller, clock) = silent(9);
        let other = breaker.clone();
        let begin = |breaker: &Breaker| breaker.try_acquire_owned().expect("closed");
        let calls = race(|| begin(&breaker), move || begin(&other));
        assert_eq!(starts(&breaker), Some(2));
        clock.advance(TICK);
        let third = begin(&breaker);
        assert_eq!(starts(&breaker), Some(3), "in the next tick too");
        drop((calls, third));
    });
}

/// A tick with a sign of life is over: the watch has ended, whoever ends the tick.
#[test]
fn a_tick_with_a_sign_ends_the_watch() {
    explore("a_tick_with_a_sign_ends_the_watch", Some(2), || {
        let (breaker, _controller, clock, [first, _second]) = hung();
        first.success();
        clock.advance(TICK);
        let other = breaker.clone();
        let (mine, its) = race(
            || breaker.try_acquire().is_ok(),
            move || other.try_acquire().is_ok(),
        );
        assert!(mine && its);
        assert_eq!(starts(&breaker), None, "the tick before had a sign of life");
        assert_eq!(check_history(&breaker).state, State::Closed);
    });
}

/// A period that begins is a sign of life.
#[test]
fn a_period_begins_with_a_sign() {
    explore("a_period_begins_with_a_sign", Some(2), || {
        let (breaker, controller, _clock, _calls) = hung();
        let reset = move || assert!(controller.reset());
        let (_, ()) = race(|| breaker.try_acquire().is_ok(), reset);
        let seen = check_history(&breaker);
        assert_eq!(seen.state, State::Closed, "{seen:?}");
        assert!(breaker.try_acquire().is_ok());
        assert_eq!(check_history(&breaker).state, State::Closed);
    });
}

/// Observe-only reports a watch once, and admits both.
#[test]
fn a_watch_is_reported_once() {
    explore("a_watch_is_reported_once", Some(2), || {
        let (breaker, controller, clock) = silent(1);
        assert!(controller.observe_only());
        clock.advance(TICK * 2);
        let call = breaker.try_acquire_owned().expect("observed");
        clock.advance(SILENCE);
        let other = breaker.clone();
        let (mine, its) = race(
            || breaker.try_acquire().is_ok(),
            move || other.try_acquire().is_ok(),
        );
        assert!(mine && its);
        let seen = check_history(&breaker);
        assert_eq!((seen.state, seen.would_trip), (State::ObserveOnly, 1));
        drop(call);
    });
}

/// The first success of a tick leaves its duration, and the update that ends the tick takes it.
#[test]
fn one_duration_per_tick_is_taken() {
    explore("one_duration_per_tick_is_taken", Some(3), || {
        let (breaker, _controller, clock) = silent(9);
        let succeed_in = |breaker: &Breaker, lasted: Duration| {
            let permit = breaker.try_acquire().expect("closed");
            permit.record_timed(Outcome::Success, lasted);
        };
        let other = breaker.clone();
        race(
            || succeed_in(&breaker, SILENCE),
            move || succeed_in(&other, SILENCE * 2),
        );
        clock.advance(TICK * 3);
        let call = breaker.try_acquire().expect("closed");
        let watch = breaker.observer().snapshot().watch.expect("one call hangs");
        let either = [SILENCE * 2, SILENCE * 4];
        assert!(either.contains(&watch.patience), "{watch:?}");
        drop(call);
    });
}

/// An adaptive wait follows from sums that go on: whatever the helpers find, there is one wait, and calls that are
/// rejected meanwhile move it no more.
#[test]
fn helpers_agree_on_an_adaptive_wait() {
    explore("helpers_agree_on_an_adaptive_wait", Some(3), || {
        let (breaker, _controller, clock) =
            ready_to_probe_after(Backoff::adaptive().seed(1), Duration::from_secs(40));
        let probe = breaker.try_acquire_owned().expect("the wait is over");
        clock.advance(TICK);
        let other = breaker.clone();
        race(
            || probe.failure(tripcoil::FailureKind::Server),
            move || fail(&other),
        );
        let seen = check_history(&breaker);
        assert_eq!((seen.state, seen.generation), (State::Open, 3), "{seen:?}");
        let event = breaker.observer().history()[2];
        let wait = event.open_until.expect("it opens") - event.at;
        assert_eq!(seen.retry_after, Some(wait), "{event:?}");
        // from 10 s to 30 s, less the tick that the round lasted
        let from = Duration::from_secs(10);
        assert!((from..Duration::from_secs(30)).contains(&wait), "{wait:?}");
    });
}
