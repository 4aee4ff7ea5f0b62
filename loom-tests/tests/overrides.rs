//! I9: an override, once its call returned, is never overwritten but by the controller.

use std::sync::Arc;

use loom::thread::spawn;
use tripcoil::{Breaker, Cause, Controller, FailureKind, HalfOpen, State};
use tripcoil_loom_tests::{
    OPEN, by_count, by_run, check_history, explore, fail, race, ready_to_probe, succeed,
};

fn force_open_against_a_trip(breaker: Breaker, controller: Controller) {
    let other = breaker.clone();
    let b = spawn(move || fail(&other));
    assert!(controller.force_open());
    assert_eq!(breaker.state(), State::ForcedOpen, "overwritten");
    b.join().expect("b ends");

    let seen = check_history(&breaker);
    assert_eq!(seen.state, State::ForcedOpen, "overwritten");
    let totals = seen.totals;
    assert_eq!(
        totals.failures + totals.late + totals.rejected,
        1,
        "{seen:?}"
    );
    // two transitions if the failure tripped first; then it was counted
    assert!(
        matches!((seen.transitions, totals.failures), (1, 0..=1) | (2, 1)),
        "{seen:?}"
    );
}

#[test]
fn override_against_trip() {
    explore("override_against_trip", Some(3), || {
        let (breaker, controller, _clock) = by_count(1);
        force_open_against_a_trip(breaker, controller);
    });
}

/// The consecutive rule decides by a word of its own.
#[test]
fn override_against_a_run() {
    explore("override_against_a_run", Some(3), || {
        let (breaker, controller, _clock) = by_run(1);
        force_open_against_a_trip(breaker, controller);
    });
}

/// The result would close or re-open; it is late, or was first.
#[test]
fn override_against_a_probes_result() {
    explore("override_against_a_probes_result", Some(3), || {
        let (breaker, controller, _clock) = ready_to_probe(HalfOpen::successes(1));
        let probe = breaker.try_acquire_owned().expect("the wait is over");
        let (forced, ()) = race(
            || {
                let forced = controller.disable();
                assert_eq!(breaker.state(), State::Disabled, "overwritten");
                forced
            },
            move || probe.failure(FailureKind::Server),
        );

        assert!(forced);
        let seen = check_history(&breaker);
        assert_eq!(seen.state, State::Disabled, "overwritten: {seen:?}");
        let totals = seen.totals;
        assert_eq!(totals.failures + totals.late, 1, "{seen:?}");
        // its verdict had its own transition only if it came first; counted it may be in either case
        assert!(matches!(seen.generation, 3..=4), "{seen:?}");
        assert!(seen.generation == 3 || totals.failures == 1, "{seen:?}");
    });
}

/// An acquire at the deadline is the first probe, or is overridden; it never begins a round after.
#[test]
fn override_against_the_deadline() {
    explore("override_against_the_deadline", Some(3), || {
        let (breaker, controller, _clock) = ready_to_probe(HalfOpen::successes(1));
        let other = breaker.clone();
        let ask = move || other.try_acquire_owned();
        let (forced, answer) = race(
            || {
                let forced = controller.force_open();
                assert_eq!(breaker.state(), State::ForcedOpen, "overwritten");
                forced
            },
            ask,
        );

        assert!(forced);
        let seen = check_history(&breaker);
        assert_eq!(seen.state, State::ForcedOpen, "overwritten: {seen:?}");
        let probes = u64::from(answer.is_ok());
        assert_eq!(seen.generation, 2 + probes, "{seen:?}");
        drop(answer);
        let seen = check_history(&breaker);
        assert_eq!(seen.totals.late, probes, "{seen:?}");
    });
}

/// Both are the controller's: the later one stays, and each has its transition.
#[test]
fn override_against_a_reset() {
    explore("override_against_a_reset", Some(3), || {
        let (breaker, controller, _clock) = by_count(1);
        let controller = Arc::new(controller);
        let also = Arc::clone(&controller);
        let (forced, reset) = race(|| controller.force_open(), move || also.reset());

        assert!(forced && reset);
        let seen = check_history(&breaker);
        assert_eq!(seen.generation, 2, "{seen:?}");
        assert!(matches!(seen.state, State::ForcedOpen | State::Closed));
    });
}

/// Two operators ask for the same: one changes something, and says so.
#[test]
fn one_of_two_overrides_changes_something() {
    explore("one_of_two_overrides_changes_something", Some(3), || {
        let (breaker, controller, _clock) = by_count(1);
        let controller = Arc::new(controller);
        let also = Arc::clone(&controller);
        let (mine, theirs) = race(|| controller.force_open(), move || also.force_open());

        assert!(mine != theirs, "one of them did it");
        let seen = check_history(&breaker);
        assert_eq!((seen.state, seen.generation), (State::ForcedOpen, 1));
    });
}

/// New rules leave an override alone, and hold from its end on.
#[test]
fn override_against_new_rules() {
    explore("override_against_new_rules", Some(3), || {
        let (breaker, controller, _clock) = by_count(5);
        let controller = Arc::new(controller);
        let also = Arc::clone(&controller);
        let change = move || also.reconfigure(|rules| rules.failure_count(1));
        let (forced, changed) = race(|| controller.force_open(), change);

        changed.expect("valid");
        assert!(forced);
        let seen = check_history(&breaker);
        assert_eq!((seen.state, seen.generation), (State::ForcedOpen, 1));
        assert!(controller.release());
        fail(&breaker);
        assert_eq!(check_history(&breaker).state, State::Open, "a rule of one");
    });
}

/// Observe-only never trips, and tells one rising edge, whoever raised it.
#[test]
fn observing_tells_each_edge_once() {
    explore("observing_tells_each_edge_once", Some(3), || {
        let (breaker, controller, _clock) = by_count(2);
        assert!(controller.observe_only());
        fail(&breaker);
        let other = breaker.clone();
        race(|| fail(&breaker), move || fail(&other));
        succeed(&breaker);

        let seen = check_history(&breaker);
        assert_eq!((seen.state, seen.generation), (State::ObserveOnly, 1));
        assert_eq!((seen.would_trip, seen.window.failures), (1, 3), "{seen:?}");
    });
}

/// Open is put on by hand while the last failure of a run is on its way.
#[test]
fn an_operators_trip_against_a_rules() {
    explore("an_operators_trip_against_a_rules", Some(3), || {
        let (breaker, controller, _clock) = by_run(1);
        let other = breaker.clone();
        let (tripped, ()) = race(|| controller.trip_for(OPEN * 3), move || fail(&other));

        assert!(tripped);
        let seen = check_history(&breaker);
        assert_eq!(seen.retry_after, Some(OPEN * 3), "{seen:?}");
        let history = breaker.observer().history();
        assert_eq!(history.last().map(|e| e.cause), Some(Cause::Manual));
        let by_rule = seen.generation - 1;
        let totals = seen.totals;
        assert!(by_rule <= totals.failures, "{seen:?}");
        assert_eq!(totals.failures + totals.late + totals.rejected, 1);
    });
}
