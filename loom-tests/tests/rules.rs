//! I4 and I5: each rule trips when it turns true, by whichever two threads, and only then.

use tripcoil::{Breaker, Cause, Controller, FailureKind, Outcome, State, Transition};
use tripcoil_loom_tests::{
    EPOCH, by_count, by_rate, by_run, by_slow_rate, check_history, explore, fail, race, succeed,
    succeed_slowly,
};

/// Exactly one transition, and what decided it.
fn tripped(breaker: &Breaker, cause: Cause) -> Transition {
    let seen = check_history(breaker);
    assert_eq!(
        (seen.state, seen.generation),
        (State::Open, 1),
        "missed: {seen:?}"
    );
    let event = breaker.observer().history()[0];
    assert_eq!(event.cause, cause, "{event:?}");
    event
}

/// The rate is reached at the second call, which is the one that makes it enough calls.
#[test]
fn two_failures_reach_the_rate() {
    explore("two_failures_reach_the_rate", Some(3), || {
        let (breaker, _controller, _clock) = by_rate(0.5, 2);
        let other = breaker.clone();
        race(|| fail(&breaker), move || fail(&other));
        let event = tripped(&breaker, Cause::FailureRate);
        assert_eq!((event.counts.calls, event.counts.failures), (2, 2));
    });
}

#[test]
fn two_slow_calls_reach_the_slow_rate() {
    explore("two_slow_calls_reach_the_slow_rate", Some(3), || {
        let (breaker, _controller, _clock) = by_slow_rate(0.5, 4);
        succeed(&breaker);
        succeed(&breaker);
        let other = breaker.clone();
        race(|| succeed_slowly(&breaker), move || succeed_slowly(&other));
        let event = tripped(&breaker, Cause::SlowRate);
        assert_eq!((event.counts.calls, event.counts.slow), (4, 2), "{event:?}");
    });
}

/// Two successes reach the number of calls from which the rate is judged.
#[test]
fn a_success_that_makes_it_enough_calls_trips() {
    explore(
        "a_success_that_makes_it_enough_calls_trips",
        Some(3),
        || {
            let (breaker, _controller, _clock) = by_rate(0.5, 4);
            fail(&breaker);
            fail(&breaker);
            let other = breaker.clone();
            race(|| succeed(&breaker), move || succeed(&other));
            let event = tripped(&breaker, Cause::FailureRate);
            assert_eq!((event.counts.calls, event.counts.failures), (4, 2));
        },
    );
}

/// The old successes are left behind; the next success is the one at which the rule is true.
#[test]
fn a_success_after_the_old_ones_have_left_trips() {
    explore(
        "a_success_after_the_old_ones_have_left_trips",
        Some(2),
        || {
            let (breaker, _controller, clock) = by_rate(0.5, 4);
            for _ in 0..3 {
                succeed(&breaker);
            }
            clock.advance(EPOCH);
            fail(&breaker);
            fail(&breaker);
            clock.advance(EPOCH);
            let other = breaker.clone();
            race(|| succeed(&breaker), move || succeed(&other));
            let event = tripped(&breaker, Cause::FailureRate);
            assert_eq!((event.counts.calls, event.counts.failures), (4, 2));
        },
    );
}

/// If the second failure comes before the success it trips, at two of two; if not, one of two and
/// two of three are less than the rate.
#[test]
fn a_success_may_prevent_the_trip_and_then_there_is_none() {
    let name = "a_success_may_prevent_the_trip_and_then_there_is_none";
    explore(name, Some(3), || {
        let (breaker, _controller, _clock) = by_rate(0.7, 2);
        fail(&breaker);
        let other = breaker.clone();
        race(|| fail(&breaker), move || succeed(&other));

        let seen = check_history(&breaker);
        if seen.state == State::Open {
            let event = breaker.observer().history()[0];
            // as a check judges what has landed by then, three calls would not do
            assert_eq!((event.counts.calls, event.counts.failures), (2, 2));
        } else {
            assert_eq!((seen.window.calls, seen.window.failures), (3, 2));
        }
    });
}

/// Old successes leave, and one of one has failed: but nobody is judged before the call that
/// finds it so, and with that call it is one of two.
#[test]
fn what_leaves_the_window_trips_nobody() {
    explore("what_leaves_the_window_trips_nobody", Some(2), || {
        let (breaker, _controller, clock) = by_rate(0.6, 1);
        succeed(&breaker);
        clock.advance(EPOCH);
        fail(&breaker);
        clock.advance(EPOCH);
        let other = breaker.clone();
        race(|| succeed(&breaker), move || succeed(&other));

        let seen = check_history(&breaker);
        assert_eq!(seen.state, State::Closed, "unjustified: {seen:?}");
        assert_eq!((seen.window.calls, seen.window.failures), (3, 1));
    });
}

/// It lands before the reset, and comes to the run when a fresh one has begun.
fn a_late_outcome_against_a_fresh_run(breaker: &Breaker, controller: &Controller, late: Outcome) {
    let old = breaker.try_acquire_owned().expect("closed");
    race(
        || {
            assert!(controller.reset());
            fail(breaker);
        },
        move || old.record(late),
    );
    let seen = check_history(breaker);
    assert_eq!(
        (seen.state, seen.consecutive_failures),
        (State::Closed, 1),
        "{seen:?}"
    );
    fail(breaker);
    let seen = check_history(breaker);
    assert_eq!((seen.state, seen.generation), (State::Open, 2), "{seen:?}");
}

#[test]
fn a_late_failure_is_no_part_of_a_fresh_run() {
    explore("a_late_failure_is_no_part_of_a_fresh_run", Some(2), || {
        let (breaker, controller, _clock) = by_run(2);
        let late = Outcome::Failure(FailureKind::Server);
        a_late_outcome_against_a_fresh_run(&breaker, &controller, late);
    });
}

#[test]
fn a_late_success_ends_no_fresh_run() {
    explore("a_late_success_ends_no_fresh_run", Some(2), || {
        let (breaker, controller, _clock) = by_run(2);
        fail(&breaker);
        a_late_outcome_against_a_fresh_run(&breaker, &controller, Outcome::Success);
    });
}

/// The event tells the run that tripped, whoever wrote the event, and in whatever state the run
/// word was by then.
#[test]
fn an_event_tells_the_run_that_tripped() {
    explore("an_event_tells_the_run_that_tripped", Some(3), || {
        let (breaker, _controller, _clock) = by_run(1);
        let other = breaker.clone();
        let look = move || other.observer().snapshot();
        let ((), seen) = race(|| fail(&breaker), look);
        let event = tripped(&breaker, Cause::ConsecutiveFailures);
        assert_eq!(event.consecutive_failures, 1, "{event:?}");
        // a helper of the update shows what it has made
        let expected = if seen.generation == 0 {
            State::Closed
        } else {
            State::Open
        };
        assert_eq!(seen.state, expected, "{seen:?}");
    });
}

/// A trip may come with a reset: whichever is later stays, and a rule trips by what is in its window.
#[test]
fn a_trip_against_a_reset() {
    explore("a_trip_against_a_reset", Some(2), || {
        let (breaker, controller, _clock) = by_count(1);
        let other = breaker.clone();
        let (reset, ()) = race(|| controller.reset(), move || fail(&other));

        assert!(reset);
        let seen = check_history(&breaker);
        let t = seen.totals;
        assert_eq!(t.failures + t.late + t.rejected, 1, "{seen:?}");
        let history = breaker.observer().history();
        let mut trips = history.iter().filter(|e| e.cause == Cause::FailureCount);
        assert!(trips.clone().count() as u64 <= t.failures, "{history:?}");
        assert!(trips.all(|e| e.counts.failures == 1), "{history:?}");
        let by_hand = history.iter().filter(|e| e.cause == Cause::Manual);
        assert_eq!(by_hand.count(), 1, "it has returned: {history:?}");
        // counted in the fresh window it has tripped; only the reset may have forgotten it
        assert_eq!(
            seen.state == State::Closed,
            history.last().is_some_and(|e| e.cause == Cause::Manual)
        );
        assert!(
            seen.state == State::Open || seen.window.failures == 0,
            "missed: {seen:?}"
        );
    });
}
