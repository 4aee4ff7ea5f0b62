//! I1, I2, I3 and I4 with two stripes: the threads' outcomes land on words of their own, and only
//! an update adds them up.

use tripcoil::{Breaker, Controller, FailureKind, ManualClock, State};
use tripcoil_loom_tests::{
    EPOCH, all_told, by_count, by_rate, check_history, explore, fail, race, succeed, tripped_at,
};

type Built = (Breaker, Controller, ManualClock);

/// Grown before the threads begin. Each is given its stripe when it first lands, in turn.
fn on_two_stripes(built: Built) -> Built {
    built.0.collide();
    built
}

/// Each stripe has its share of what may go unseen; together they miss nothing.
#[test]
fn failures_on_two_stripes_add_up() {
    explore("failures_on_two_stripes_add_up", Some(3), || {
        let (breaker, _controller, _clock) = on_two_stripes(by_count(3));
        let other = breaker.clone();
        fail(&breaker);
        race(|| fail(&breaker), move || fail(&other));
        tripped_at(&breaker, 3, 1);
    });
}

/// Neither thread sees the other's failure but by an update.
#[test]
fn two_failures_on_two_stripes_reach_the_rate() {
    explore(
        "two_failures_on_two_stripes_reach_the_rate",
        Some(2),
        || {
            let (breaker, _controller, _clock) = on_two_stripes(by_rate(0.5, 4));
            let other = breaker.clone();
            succeed(&breaker);
            succeed(&breaker);
            race(|| fail(&breaker), move || fail(&other));

            let seen = check_history(&breaker);
            assert_eq!((seen.state, seen.generation), (State::Open, 1), "{seen:?}");
            let counts = breaker.observer().history()[0].counts;
            assert_eq!((counts.calls, counts.failures), (4, 2), "{counts:?}");
        },
    );
}

/// Both find the epoch over; each stripe's counts are cut once.
#[test]
fn two_stripes_are_conserved_through_a_rotation() {
    explore(
        "two_stripes_are_conserved_through_a_rotation",
        Some(2),
        || {
            let (breaker, _controller, clock) = on_two_stripes(by_count(100));
            fail(&breaker);
            clock.advance(EPOCH);
            let other = breaker.clone();
            race(|| fail(&breaker), move || succeed(&other));

            let seen = check_history(&breaker);
            let totals = seen.totals;
            assert_eq!((totals.successes, totals.failures), (1, 2), "{seen:?}");
            let calls: Vec<_> = seen.buckets.iter().map(|b| b.calls).collect();
            assert_eq!(calls, [1, 2], "each in its epoch: {seen:?}");
            clock.advance(EPOCH);
            let seen = breaker.observer().snapshot();
            assert_eq!((seen.window.calls, seen.window.failures), (2, 1));
        },
    );
}

/// A reset empties both, and what lands on either belongs to one side of it.
#[test]
fn a_reset_parts_two_stripes_at_one_moment() {
    explore("a_reset_parts_two_stripes_at_one_moment", Some(2), || {
        let (breaker, controller, _clock) = on_two_stripes(by_count(100));
        let a = breaker.try_acquire_owned().expect("closed");
        let b = breaker.try_acquire_owned().expect("closed");
        race(
            || {
                a.failure(FailureKind::Server);
                assert!(controller.reset());
            },
            move || b.failure(FailureKind::Server),
        );

        let seen = check_history(&breaker);
        assert_eq!((seen.window.calls, seen.generation), (0, 1), "{seen:?}");
        let of = breaker.observer().history()[0].counts.failures;
        assert_eq!(of, seen.totals.failures, "the rest was late: {seen:?}");
        assert_eq!((all_told(&seen), of + seen.totals.late), (2, 2), "{seen:?}");
    });
}

/// From one stripe to two while one thread lands on the first, and then on its own.
#[test]
fn growth_against_a_failure_misses_no_trip() {
    explore("growth_against_a_failure_misses_no_trip", Some(3), || {
        let (breaker, _controller, _clock) = by_count(3);
        fail(&breaker);
        let other = breaker.clone();
        race(
            || {
                breaker.collide();
                fail(&breaker);
            },
            move || fail(&other),
        );
        tripped_at(&breaker, 3, 1);
    });
}
