//! I3, I4 and I5: a rule that turns true trips, once, and no other does.

use std::sync::Arc;

use loom::thread::spawn;
use tripcoil::{Cause, State};
use tripcoil_loom_tests::{
    EPOCH, OPEN, by_count, by_rate, by_run, check_history, explore, fail, fail_asking_for, race,
    succeed,
};

/// Two failures at a threshold of two.
#[test]
fn racing_trips_have_one_winner() {
    explore("racing_trips_have_one_winner", Some(3), || {
        let (breaker, _controller, _clock) = by_count(2);
        let other = breaker.clone();
        race(|| fail(&breaker), move || fail(&other));

        let seen = check_history(&breaker);
        assert_eq!(
            (seen.state, seen.generation, seen.transitions),
            (State::Open, 1, 1),
            "{seen:?}"
        );
        assert_eq!((seen.totals.failures, seen.totals.late), (2, 0), "{seen:?}");
        let history = breaker.observer().history();
        assert_eq!(
            (history.len(), history[0].cause),
            (1, Cause::FailureCount),
            "{history:?}"
        );
        assert_eq!(history[0].counts.failures, 2, "{history:?}");
    });
}

/// Two failures, of which each would do.
#[test]
fn one_of_two_trips_wins() {
    explore("one_of_two_trips_wins", Some(3), || {
        let (breaker, _controller, _clock) = by_count(1);
        let other = breaker.clone();
        race(|| fail(&breaker), move || fail(&other));

        let seen = check_history(&breaker);
        assert_eq!(
            (seen.state, seen.generation, seen.transitions),
            (State::Open, 1, 1),
            "{seen:?}"
        );
        let totals = seen.totals;
        assert_eq!(
            totals.failures + totals.late + totals.rejected,
            2,
            "{seen:?}"
        );
        assert!(totals.failures >= 1, "{seen:?}");
    });
}

/// A run of two, by two threads.
#[test]
fn a_run_across_threads_trips() {
    explore("a_run_across_threads_trips", Some(3), || {
        let (breaker, _controller, _clock) = by_run(2);
        let other = breaker.clone();
        race(|| fail(&breaker), move || fail(&other));

        let seen = check_history(&breaker);
        assert_eq!((seen.state, seen.generation), (State::Open, 1), "{seen:?}");
        let history = breaker.observer().history();
        assert_eq!(history[0].cause, Cause::ConsecutiveFailures, "{history:?}");
    });
}

/// A failure, then a success and a failure against another failure: a run of three there never is.
#[test]
fn no_run_without_its_failures() {
    explore("no_run_without_its_failures", Some(2), || {
        let (breaker, _controller, _clock) = by_run(3);
        fail(&breaker);
        let other = breaker.clone();
        let b = spawn(move || fail(&other));
        succeed(&breaker);
        fail(&breaker);
        b.join().expect("b ends");

        let seen = check_history(&breaker);
        assert_eq!(seen.state, State::Closed, "at most two in a row: {seen:?}");
        assert_eq!(
            (seen.totals.failures, seen.totals.successes),
            (3, 1),
            "{seen:?}"
        );
    });
}

/// A helper that knows nothing of the failure's own wait may be the one to set the deadline.
#[test]
fn a_failures_own_wait_holds_whoever_sets_the_deadline() {
    explore(
        "a_failures_own_wait_holds_whoever_sets_the_deadline",
        Some(3),
        || {
            let (breaker, _controller, _clock) = by_count(1);
            let other = breaker.clone();
            race(
                || succeed(&breaker),
                move || fail_asking_for(&other, OPEN * 3),
            );

            let seen = check_history(&breaker);
            assert_eq!(
                (seen.state, seen.retry_after),
                (State::Open, Some(OPEN * 3)),
                "{seen:?}"
            );
        },
    );
}

/// The failure has to look, and finds no rule true: its wait is nobody's, whatever comes next.
#[test]
fn a_wait_belongs_to_the_trip_that_it_decided() {
    explore(
        "a_wait_belongs_to_the_trip_that_it_decided",
        Some(3),
        || {
            let (breaker, controller, _clock) = by_rate(0.1, 10);
            let other = breaker.clone();
            race(
                || assert!(controller.trip()),
                move || fail_asking_for(&other, OPEN * 3),
            );

            let seen = check_history(&breaker);
            assert_eq!((seen.state, seen.generation), (State::Open, 1), "{seen:?}");
            assert_eq!(seen.retry_after, Some(OPEN), "the backoff's: {seen:?}");
        },
    );
}

/// A helper sleeps before it begins the run anew, and wakes when that is as long as the old one.
#[test]
fn a_run_is_not_begun_twice() {
    explore("a_run_is_not_begun_twice", Some(2), || {
        let (breaker, controller, _clock) = by_run(3);
        fail(&breaker);
        drop(breaker.local());
        let other = breaker.clone();
        let b = spawn(move || drop(other.local()));
        let off = controller.reconfigure(|rules| rules.no_failure_rules().failure_count(100));
        off.expect("valid");
        let on = controller.reconfigure(|rules| rules.consecutive_failures(2));
        on.expect("valid");
        fail(&breaker);
        b.join().expect("b ends");
        assert_eq!(breaker.state(), State::Closed, "one under the rule");
        fail(&breaker);

        let seen = check_history(&breaker);
        assert_eq!(
            seen.state,
            State::Open,
            "two in a row under the rule: {seen:?}"
        );
    });
}

/// Nobody failed for as long as the window: what was in a row before is no part of it.
#[test]
fn an_old_run_trips_no_more() {
    explore("an_old_run_trips_no_more", Some(3), || {
        let (breaker, controller, clock) = by_run(2);
        fail(&breaker);
        clock.advance(EPOCH * 2);
        let other = breaker.clone();
        race(
            || {
                controller
                    .reconfigure(|rules| rules.failure_count(100))
                    .expect("valid")
            },
            move || fail(&other),
        );

        let seen = check_history(&breaker);
        assert_eq!(
            (seen.state, seen.consecutive_failures),
            (State::Closed, 1),
            "{seen:?}"
        );
        fail(&breaker);
        assert_eq!(breaker.state(), State::Open);
    });
}

/// A helper sleeps before it ends the old run, and wakes when the new one is as long.
#[test]
fn an_old_run_is_not_ended_twice() {
    explore("an_old_run_is_not_ended_twice", Some(2), || {
        let (breaker, _controller, clock) = by_run(2);
        fail(&breaker);
        clock.advance(EPOCH * 2);
        let other = breaker.clone();
        race(|| fail(&breaker), move || fail(&other));

        let seen = check_history(&breaker);
        assert_eq!(
            seen.state,
            State::Open,
            "two in a row, and both are new: {seen:?}"
        );
        assert_eq!(breaker.observer().history()[0].consecutive_failures, 2);
    });
}

/// A helper may set the deadline by the backoff, and that be over before the wait is set.
#[test]
fn an_operators_wait_holds_once_it_has_returned() {
    explore(
        "an_operators_wait_holds_once_it_has_returned",
        Some(2),
        || {
            let (breaker, controller, clock) = by_count(1);
            let other = breaker.clone();
            let permit = breaker.try_acquire_owned().expect("closed");
            let b = spawn(move || {
                permit.success();
                clock.advance(OPEN);
                other
                    .try_acquire_owned()
                    .map(|probe| probe.ignore())
                    .is_ok()
            });
            assert!(controller.trip_for(OPEN * 50));
            let rest = breaker.observer().snapshot().retry_after;
            b.join().expect("b ends");

            let seen = check_history(&breaker);
            assert_eq!(seen.state, State::Open, "{seen:?}");
            assert!(rest.is_some_and(|rest| rest >= OPEN * 49), "{rest:?}");
        },
    );
}

/// Whoever postpones has the last word, whether the trip was announced or done when it did.
#[test]
fn a_postponement_outlasts_the_wait_of_the_trip() {
    explore(
        "a_postponement_outlasts_the_wait_of_the_trip",
        Some(3),
        || {
            let (breaker, controller, _clock) = by_count(9);
            let controller = Arc::new(controller);
            let also = Arc::clone(&controller);
            let (tripped, moved) = race(
                || controller.trip_for(OPEN * 2),
                move || also.postpone(OPEN * 9),
            );
            assert!(tripped);
            let seen = check_history(&breaker);
            let rest = if moved { OPEN * 9 } else { OPEN * 2 };
            assert_eq!((seen.state, seen.retry_after), (State::Open, Some(rest)));
        },
    );
}

/// In the Open of its generation alone, whoever works the other's trip out.
#[test]
fn a_postponement_is_of_its_open_alone() {
    explore("a_postponement_is_of_its_open_alone", Some(3), || {
        let (breaker, controller, _clock) = by_count(9);
        let controller = Arc::new(controller);
        let also = Arc::clone(&controller);
        assert!(controller.trip());
        let (tripped, moved) = race(
            || controller.trip_for(OPEN * 2),
            move || also.postpone_in(1, OPEN * 9),
        );
        assert!(tripped);
        let seen = check_history(&breaker);
        assert_eq!(seen.generation, 2, "moved: {moved}");
        assert_eq!(
            (seen.state, seen.retry_after),
            (State::Open, Some(OPEN * 2))
        );
    });
}

/// A shorter one than the backoff's, too, whoever works the trip out.
#[test]
fn an_operators_shorter_wait_holds() {
    explore("an_operators_shorter_wait_holds", Some(3), || {
        let (breaker, controller, _clock) = by_count(9);
        let other = breaker.clone();
        let wait = OPEN / 4;
        race(|| assert!(controller.trip_for(wait)), move || fail(&other));
        let seen = check_history(&breaker);
        assert_eq!((seen.state, seen.retry_after), (State::Open, Some(wait)));
    });
}
