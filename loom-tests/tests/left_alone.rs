//! I1, I3, I4, I6 and I8 where a transition leaves words as they are: what an earlier one wrote is not taken for
//! the present one's, and a thread that sleeps through a transition changes nothing that it has left.

use tripcoil::{Breaker, Cause, FailureKind, HalfOpen, State, Window};
use tripcoil_loom_tests::{
    EPOCH, all_told, by_count, by_run, check_history, explore, fail, model_breaker, race,
    ready_to_probe, succeed,
};

/// The counts with which a period begins are in one slot, where those of a period before it in the same epoch
/// were: a helper of that one changes nothing.
#[test]
fn a_period_begins_in_one_epoch() {
    explore("a_period_begins_in_one_epoch", Some(2), || {
        let (breaker, controller, clock) = by_count(100);
        let observer = breaker.observer();
        race(
            || {
                for _ in 0..2 {
                    assert!(controller.reset());
                    fail(&breaker);
                }
            },
            move || {
                let _ = observer.snapshot();
            },
        );
        let seen = check_history(&breaker);
        assert_eq!((seen.window.failures, seen.generation), (1, 2), "{seen:?}");
        // and with its epoch that leaves the window
        clock.advance(EPOCH);
        succeed(&breaker);
        let window = check_history(&breaker).window;
        assert_eq!((window.failures, window.calls), (1, 2), "{window:?}");
        clock.advance(EPOCH);
        succeed(&breaker);
        let window = check_history(&breaker).window;
        assert_eq!((window.failures, window.calls), (0, 2), "{window:?}");
    });
}

/// A deadline counts from when its Open began: none is read beside the beginning of the round.
#[test]
fn nobody_is_told_of_an_open_that_is_over() {
    explore("nobody_is_told_of_an_open_that_is_over", Some(3), || {
        let (breaker, _controller, _clock) = ready_to_probe(HalfOpen::successes(1));
        let other = breaker.clone();
        let (mine, theirs) = race(
            || breaker.try_acquire_owned(),
            move || other.try_acquire_owned(),
        );
        for rejected in [&mine, &theirs].iter().filter_map(|got| got.as_ref().err()) {
            assert_eq!(rejected.state(), State::HalfOpen, "{rejected:?}");
            assert_eq!(rejected.retry_after(), None, "{rejected:?}");
        }
        assert!(mine.is_ok() != theirs.is_ok(), "one slot");
    });
}

/// A round that an operator ends stays in its word. A result that comes late lands in no other round.
#[test]
fn a_result_is_of_no_later_round() {
    explore("a_result_is_of_no_later_round", Some(2), || {
        let (breaker, controller, _clock) = ready_to_probe(HalfOpen::successes(2));
        let probe = breaker.try_acquire_owned().expect("the wait is over");
        race(
            move || {
                assert!(controller.reset());
                assert!(controller.half_open());
            },
            move || probe.success(),
        );
        let seen = check_history(&breaker);
        assert_eq!(
            (seen.state, seen.generation),
            (State::HalfOpen, 4),
            "{seen:?}"
        );
        let probes = seen.probes;
        assert_eq!((probes.in_flight, probes.succeeded), (0, 0), "{seen:?}");
        assert_eq!(seen.totals.successes + seen.totals.late, 1, "{seen:?}");
    });
}

/// The kind of a failure is left where an earlier generation's still is: by a thread that comes late, in no
/// later generation's place.
#[test]
fn a_late_kind_replaces_no_later_one() {
    explore("a_late_kind_replaces_no_later_one", Some(3), || {
        let (breaker, controller, _clock) = by_count(1);
        let other = breaker.clone();
        let fail_with = |breaker: &Breaker, kind| {
            if let Ok(permit) = breaker.try_acquire() {
                permit.failure(kind);
            }
        };
        race(
            || fail_with(&breaker, FailureKind::Overload),
            move || {
                assert!(controller.reset());
                fail_with(&other, FailureKind::Connect);
            },
        );
        check_history(&breaker);
        for event in breaker.observer().history() {
            let decided = event.cause == Cause::FailureCount;
            assert_eq!(event.failure.is_some(), decided, "{event:?}");
        }
    });
}

/// A helper that loaded the rules before they were replaced finds that another one decided by the later
/// ones. Those it puts in force too: the update that follows the replacement finds them adopted.
#[test]
fn rules_are_adopted_as_the_decision_names_them() {
    explore(
        "rules_are_adopted_as_the_decision_names_them",
        Some(2),
        || {
            let (breaker, controller, clock) = by_count(100);
            // with a failure in the window no run is over, which would put the later rules in force as well
            fail(&breaker);
            clock.advance(EPOCH);
            let on = move || controller.reconfigure(|rules| rules.consecutive_failures(2));
            let ((), changed) = race(|| succeed(&breaker), on);
            changed.expect("valid");
            fail(&breaker);
            fail(&breaker);
            let seen = check_history(&breaker);
            assert_eq!((seen.state, seen.generation), (State::Open, 1), "{seen:?}");
        },
    );
}

/// The counts are frozen where a period ends, and stay so until one begins: what the event has is all
/// that has landed.
#[test]
fn what_lands_before_a_trip_is_in_its_event() {
    explore("what_lands_before_a_trip_is_in_its_event", Some(3), || {
        let (breaker, controller, _clock) = by_count(100);
        let old = breaker.try_acquire_owned().expect("closed");
        race(
            || {
                assert!(controller.trip());
                assert!(controller.half_open());
            },
            move || old.failure(FailureKind::Server),
        );
        let seen = check_history(&breaker);
        let told = breaker.observer().history()[0].counts.failures;
        assert_eq!(
            (seen.totals.failures, all_told(&seen)),
            (told, 1),
            "{seen:?}"
        );
        assert_eq!(seen.window.failures, told, "{seen:?}");
    });
}

/// The same of a count window, whose log is frozen where a period ends, and left until one begins.
#[test]
fn what_is_logged_before_a_trip_is_in_its_event() {
    explore(
        "what_is_logged_before_a_trip_is_in_its_event",
        Some(3),
        || {
            let (breaker, controller, _clock) =
                model_breaker(|rules| rules.window(Window::count(4)).failure_count(4));
            fail(&breaker);
            let old = breaker.try_acquire_owned().expect("closed");
            race(
                || {
                    assert!(controller.trip());
                    assert!(controller.half_open());
                },
                move || old.failure(FailureKind::Server),
            );
            let seen = check_history(&breaker);
            let told = breaker.observer().history()[0].counts.failures;
            assert_eq!(
                (seen.totals.failures, all_told(&seen)),
                (told, 2),
                "{seen:?}"
            );
            assert_eq!(seen.window.failures, told, "{seen:?}");

            assert!(controller.reset());
            fail(&breaker);
            let window = check_history(&breaker).window;
            assert_eq!((window.calls, window.failures), (1, 1), "{window:?}");
        },
    );
}

/// A helper of an update that leaves the log sleeps in it, and wakes when a later period has frozen the log and
/// gone on: it changes nothing there.
#[test]
fn a_log_that_is_left_is_not_changed_later() {
    explore("a_log_that_is_left_is_not_changed_later", Some(2), || {
        let (breaker, controller, _clock) =
            model_breaker(|rules| rules.window(Window::count(3)).failure_count(3));
        fail(&breaker);
        assert!(controller.trip());
        let observer = breaker.observer();
        race(
            || {
                assert!(controller.half_open());
                assert!(controller.reset());
                fail(&breaker);
                fail(&breaker);
            },
            move || {
                let seen = observer.snapshot();
                assert!(seen.window.failures <= 2, "{seen:?}");
                assert_eq!(seen.window.calls, seen.window.failures, "{seen:?}");
            },
        );
        let told = breaker.observer().history();
        let failures = [0, 1].map(|n| told[n].counts.failures);
        assert_eq!(failures, [1, 1], "of the trip and of the round: {told:?}");
        let seen = check_history(&breaker);
        assert_eq!((seen.window.calls, seen.window.failures), (2, 2));
        assert_eq!((seen.totals.failures, seen.generation), (3, 3), "{seen:?}");
        fail(&breaker);
        let seen = check_history(&breaker);
        assert_eq!((seen.state, seen.generation), (State::Open, 4), "{seen:?}");
    });
}

/// A run's word is left when its period ends: what comes late adds to no later run, and ends none.
#[test]
fn a_run_is_of_its_period() {
    explore("a_run_is_of_its_period", Some(3), || {
        let (breaker, controller, _clock) = by_run(2);
        fail(&breaker);
        let old = breaker.try_acquire_owned().expect("closed");
        race(
            || {
                assert!(controller.reset());
                fail(&breaker);
            },
            move || old.failure(FailureKind::Server),
        );
        let seen = check_history(&breaker);
        let tripped = seen.generation == 3 || seen.state == State::Open;
        // it may have tripped the period that was its own
        let first = breaker.observer().history()[0];
        if first.cause == Cause::Manual {
            assert!(!tripped, "{seen:?}");
            assert_eq!(seen.consecutive_failures, 1, "{seen:?}");
        } else {
            assert_eq!(
                (first.cause, seen.state),
                (Cause::ConsecutiveFailures, State::Closed)
            );
        }
    });
}

/// The last opening from closed is copied when its place in the ring is needed, by whichever helpers: as a
/// whole.
#[test]
fn an_opening_that_leaves_the_ring_is_kept() {
    explore("an_opening_that_leaves_the_ring_is_kept", Some(2), || {
        let (breaker, controller, _clock) = by_count(100);
        assert!(controller.trip());
        let opening = breaker.observer().history()[0];
        assert!(controller.half_open() && controller.trip() && controller.half_open());
        let observer = breaker.observer();
        race(
            || {
                let _ = observer.snapshot();
            },
            move || assert!(controller.half_open()),
        );
        let seen = check_history(&breaker);
        assert_eq!((seen.generation, seen.last_opening), (5, Some(opening)));
    });
}

/// A helper that copies an opening sleeps, and wakes when a later one has been copied.
#[test]
fn a_kept_opening_is_the_last_one() {
    explore("a_kept_opening_is_the_last_one", Some(2), || {
        let (breaker, controller, _clock) = by_count(100);
        assert!(controller.trip());
        assert!(controller.half_open() && controller.trip() && controller.half_open());
        let observer = breaker.observer();
        race(
            || {
                assert!(controller.half_open() && controller.reset() && controller.trip());
                for _ in 0..4 {
                    assert!(controller.half_open());
                }
            },
            move || {
                let _ = observer.snapshot();
            },
        );
        let seen = check_history(&breaker);
        let opening = seen.last_opening.map(|t| (t.generation, t.from, t.to));
        assert_eq!(opening, Some((7, State::Closed, State::Open)));
    });
}
