//! I7: from any point at which one thread is stopped, the others' calls complete.
//!
//! Loom stops a thread at each of its accesses and runs the other one to its end. If that one waited
//! for the one that is stopped, it would go on beyond the accesses that a model may have, and fail.

use tripcoil::{FailureKind, HalfOpen, State};
use tripcoil_loom_tests::{
    EPOCH, OPEN, all_told, by_count, check_history, explore, fail, race, ready_to_probe, succeed,
};

/// It stops in a call: while it moves on to the new epoch, while it records, or while it trips.
#[test]
fn a_stopped_call_stops_nobody() {
    explore("a_stopped_call_stops_nobody", Some(2), || {
        let (breaker, _controller, clock) = by_count(2);
        fail(&breaker);
        clock.advance(EPOCH);
        let other = breaker.clone();
        race(
            || {
                succeed(&breaker);
                breaker.observer().snapshot()
            },
            move || fail(&other),
        );
        let seen = check_history(&breaker);
        assert_eq!(seen.state, State::Open, "{seen:?}");
        assert_eq!(all_told(&seen), 3, "{seen:?}");
    });
}

/// It stops in a probe's end, or in the transition that this decides.
#[test]
fn a_stopped_probe_stops_nobody() {
    explore("a_stopped_probe_stops_nobody", Some(2), || {
        let (breaker, _controller, _clock) = ready_to_probe(HalfOpen::successes(2).max_probes(2));
        let first = breaker.try_acquire_owned().expect("the wait is over");
        let second = breaker.try_acquire_owned().expect("a round of two");
        race(
            || {
                first.success();
                breaker.observer().snapshot()
            },
            move || second.failure(FailureKind::Server),
        );
        let seen = check_history(&breaker);
        assert_eq!((seen.state, seen.totals.failures), (State::Open, 1));
        assert_eq!(all_told(&seen), 2, "{seen:?}");
    });
}

/// It stops in a transition by hand.
#[test]
fn a_stopped_operator_stops_nobody() {
    explore("a_stopped_operator_stops_nobody", Some(2), || {
        let (breaker, controller, _clock) = by_count(100);
        let permit = breaker.try_acquire_owned().expect("closed");
        let (answer, tripped) = race(
            || {
                permit.success();
                breaker.try_acquire().map(|permit| permit.ignore())
            },
            move || controller.trip_for(OPEN * 2) && controller.postpone(OPEN * 3),
        );
        assert!(tripped);
        let seen = check_history(&breaker);
        assert_eq!(
            (seen.state, seen.retry_after),
            (State::Open, Some(OPEN * 3))
        );
        let wait = answer.err().and_then(|rejected| rejected.retry_after());
        let waits = [None, Some(OPEN), Some(OPEN * 2), Some(OPEN * 3)];
        assert!(waits.contains(&wait), "{wait:?}");
    });
}
