//! I1 and I2: each call is counted exactly once, in the window to which it belongs.

use tripcoil_loom_tests::{EPOCH, by_count, check_history, explore, fail, race, succeed};

/// Both threads find the epoch over, and both move on to the new one.
#[test]
fn conservation_through_a_rotation() {
    explore("conservation_through_a_rotation", Some(3), || {
        let (breaker, _controller, clock) = by_count(100);
        fail(&breaker);
        clock.advance(EPOCH);
        let other = breaker.clone();
        race(|| succeed(&breaker), move || fail(&other));

        let seen = check_history(&breaker);
        assert_eq!(
            (seen.totals.successes, seen.totals.failures),
            (1, 2),
            "{seen:?}"
        );
        assert_eq!((seen.totals.late, seen.transitions), (0, 0), "{seen:?}");
        assert_eq!(
            (seen.window.successes, seen.window.failures),
            (1, 2),
            "{seen:?}"
        );
        let failures: Vec<u64> = seen.buckets.iter().map(|bucket| bucket.failures).collect();
        let successes: Vec<u64> = seen.buckets.iter().map(|bucket| bucket.successes).collect();
        assert_eq!(
            (successes, failures),
            (vec![0, 1], vec![1, 1]),
            "each in its epoch"
        );

        // the first failure leaves the window, the two calls stay
        clock.advance(EPOCH);
        let seen = breaker.observer().snapshot();
        assert_eq!(
            (seen.window.successes, seen.window.failures),
            (1, 1),
            "{seen:?}"
        );
        clock.advance(EPOCH);
        let seen = breaker.observer().snapshot();
        assert_eq!(
            (seen.window.calls, seen.totals.failures),
            (0, 2),
            "{seen:?}"
        );
    });
}

/// The window is left behind as a whole: what was counted before must not come back.
#[test]
fn nothing_comes_back_after_an_idle_time() {
    explore("nothing_comes_back_after_an_idle_time", Some(3), || {
        let (breaker, _controller, clock) = by_count(3);
        fail(&breaker);
        fail(&breaker);
        clock.advance(EPOCH * 3);
        let other = breaker.clone();
        race(|| fail(&breaker), move || fail(&other));

        let seen = check_history(&breaker);
        assert_eq!(
            seen.transitions, 0,
            "two failures are in the window: {seen:?}"
        );
        assert_eq!(
            (seen.window.failures, seen.totals.failures),
            (2, 4),
            "{seen:?}"
        );
    });
}

/// A call of the old generation ends while a reset begins a fresh one.
#[test]
fn a_late_result_is_in_no_window() {
    explore("a_late_result_is_in_no_window", Some(3), || {
        let (breaker, controller, _clock) = by_count(2);
        let other = breaker.clone();
        race(|| assert!(controller.reset()), move || fail(&other));
        let before = breaker.observer().snapshot();
        fail(&breaker);

        let seen = check_history(&breaker);
        assert_eq!(before.totals.failures + before.totals.late, 1, "{before:?}");
        assert_eq!(seen.totals.failures, before.totals.failures + 1, "{seen:?}");
        // b's failure is in the fresh window only if its call began after the reset
        assert_eq!(seen.window.failures, before.window.failures + 1, "{seen:?}");
        assert_eq!(
            seen.transitions == 2,
            before.window.failures == 1,
            "{seen:?}"
        );
    });
}
