//! I1: each call is counted exactly once, whatever the window, the stripes and the state do.

use tripcoil::{Breaker, FailureKind, HalfOpen, State};
use tripcoil_loom_tests::{
    EPOCH, all_told, by_count, by_run, check_history, explore, fail, race, ready_to_probe, succeed,
};

/// A failed exchange makes the loser ask for more stripes, while the winner counts on.
#[test]
fn stripes_grow_and_lose_nothing() {
    explore("stripes_grow_and_lose_nothing", Some(2), || {
        let (breaker, _controller, _clock) = by_count(100);
        let other = breaker.clone();
        let twice = |breaker: &Breaker| [(); 2].map(|()| fail(breaker));
        race(|| twice(&breaker), move || twice(&other));

        let seen = check_history(&breaker);
        assert_eq!((seen.totals.failures, all_told(&seen)), (4, 4), "{seen:?}");
        assert_eq!(seen.window.failures, 4, "{seen:?}");
        fail(&breaker);
        let seen = check_history(&breaker);
        assert_eq!((seen.totals.failures, seen.window.failures), (5, 5));
        assert_eq!(seen.transitions, 0, "{seen:?}");
    });
}

/// A round is won while a call of the closed period before it ends: it is late, and in no window.
#[test]
fn a_reclose_counts_the_late_as_late() {
    explore("a_reclose_counts_the_late_as_late", Some(3), || {
        let (breaker, controller, _clock) = by_run(1);
        let old = breaker.try_acquire_owned().expect("closed");
        assert!(controller.half_open());
        let probe = breaker.try_acquire_owned().expect("a round of two");
        probe.success();
        let probe = breaker.try_acquire_owned().expect("a round of two");
        race(|| probe.success(), move || old.failure(FailureKind::Server));

        let seen = check_history(&breaker);
        assert_eq!(
            (seen.state, seen.generation),
            (State::Closed, 2),
            "{seen:?}"
        );
        let totals = seen.totals;
        assert_eq!(
            (totals.successes, totals.failures, totals.late),
            (2, 0, 1),
            "{seen:?}"
        );
        let run = seen.consecutive_failures;
        assert_eq!((seen.window.calls, run), (0, 0), "{seen:?}");
    });
}

/// The same, and meanwhile a call of the fresh period fails: of two failures one is in the window.
#[test]
fn a_late_failure_does_not_help_to_trip() {
    explore("a_late_failure_does_not_help_to_trip", Some(2), || {
        let (breaker, controller, _clock) = by_count(2);
        let old = breaker.try_acquire_owned().expect("closed");
        let late = move || old.failure(FailureKind::Server);
        race(
            || {
                assert!(controller.trip_for(std::time::Duration::ZERO));
                assert!(controller.reset());
                fail(&breaker);
            },
            late,
        );

        let seen = check_history(&breaker);
        assert_eq!(
            (seen.state, seen.generation),
            (State::Closed, 2),
            "{seen:?}"
        );
        assert_eq!(seen.window.failures, 1, "{seen:?}");
        let totals = seen.totals;
        // b's call ended before the trip, or late
        assert!(
            matches!((totals.failures, totals.late), (2, 0) | (1, 1)),
            "{seen:?}"
        );
    });
}

/// One is dropped, one ignored: each is told, whichever period is on when it ends.
#[test]
fn a_call_without_a_result_is_told_once() {
    explore("a_call_without_a_result_is_told_once", Some(3), || {
        let (breaker, controller, _clock) = by_count(2);
        let dropped = breaker.try_acquire_owned().expect("closed");
        let ignored = breaker.try_acquire_owned().expect("closed");
        race(
            || {
                assert!(controller.reset());
                drop(dropped);
            },
            move || ignored.ignore(),
        );

        let seen = check_history(&breaker);
        let totals = seen.totals;
        assert_eq!(
            (
                totals.cancelled,
                totals.ignored + totals.late,
                all_told(&seen)
            ),
            (0, 2, 2),
            "{seen:?}"
        );
        assert!(
            totals.late >= 1,
            "the dropped one's period is over: {seen:?}"
        );
        assert_eq!(seen.window.calls, 0, "{seen:?}");
    });
}

/// Probes are in the totals and in no window.
#[test]
fn a_probe_is_counted_once() {
    explore("a_probe_is_counted_once", Some(2), || {
        let (breaker, controller, _clock) = ready_to_probe(HalfOpen::successes(1));
        let probe = breaker.try_acquire_owned().expect("the wait is over");
        race(|| assert!(controller.reset()), move || probe.success());
        succeed(&breaker);

        let seen = check_history(&breaker);
        let totals = seen.totals;
        assert_eq!(totals.successes + totals.late, 2, "{seen:?}");
        assert_eq!(seen.state, State::Closed, "{seen:?}");
        // a result that decides the round is counted there, also if the reset ends the round first
        assert!(matches!(seen.generation, 3..=4), "{seen:?}");
        assert!(seen.generation == 3 || totals.late == 0, "{seen:?}");
        assert_eq!(seen.window.successes, 1, "{seen:?}");
    });
}

/// A helper that slept while it left an epoch behind wakes in the next generation: what is in no
/// window any more does not come back.
#[test]
fn a_helper_that_slept_brings_nothing_back() {
    explore("a_helper_that_slept_brings_nothing_back", Some(2), || {
        let (breaker, controller, clock) = by_count(100);
        fail(&breaker);
        let old = breaker.try_acquire_owned().expect("closed");
        clock.advance(EPOCH);
        race(
            || {
                fail(&breaker);
                assert!(controller.reset());
            },
            move || old.failure(FailureKind::Server),
        );

        let seen = check_history(&breaker);
        assert_eq!(seen.totals.failures + seen.totals.late, 3, "{seen:?}");
        let old: u64 = seen.buckets.iter().map(|bucket| bucket.calls).sum();
        assert_eq!((seen.window.calls, old), (0, 0), "{seen:?}");
    });
}

/// The clock goes on while a helper sleeps in an epoch's turn: the epoch after that stays.
#[test]
fn an_epoch_does_not_come_back() {
    explore("an_epoch_does_not_come_back", Some(2), || {
        let (breaker, _controller, clock) = by_count(100);
        fail(&breaker);
        clock.advance(EPOCH);
        let other = breaker.clone();
        race(
            || {
                fail(&breaker);
                clock.advance(EPOCH);
                fail(&breaker);
            },
            move || fail(&other),
        );

        let seen = check_history(&breaker);
        assert_eq!((seen.totals.failures, seen.window.failures), (4, 3));
        let [before, now] = [seen.buckets[0], seen.buckets[1]];
        assert!(before.failures >= 1 && now.failures >= 1, "{seen:?}");
        // and what comes now comes into it
        succeed(&breaker);
        let seen = check_history(&breaker);
        assert_eq!(seen.buckets[1].failures, now.failures, "{seen:?}");
        assert_eq!(seen.buckets[1].successes, 1, "{seen:?}");
    });
}
