//! I1, I2, I4 and I5 of a count window, in a word and on a ring, whose outcomes judge themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tripcoil::{Breaker, Cause, Controller, State, Window};
use tripcoil_loom_tests::{check_history, explore, fail, model_breaker, race, succeed};

/// The smallest that is kept on a ring.
const RING: u32 = 17;

fn last(outcomes: u32, failures: u32) -> (Breaker, Controller) {
    let (breaker, controller, _clock) = model_breaker(|rules| {
        let window = Window::count(outcomes);
        rules.window(window).failure_count(failures)
    });
    (breaker, controller)
}

fn two_failures(breaker: &Breaker, calls: u64) {
    let other = breaker.clone();
    race(|| fail(breaker), move || fail(&other));

    let seen = check_history(breaker);
    assert_eq!((seen.state, seen.generation), (State::Open, 1), "{seen:?}");
    assert_eq!((seen.totals.failures, seen.totals.late), (2, 0), "{seen:?}");
    assert_eq!((seen.window.calls, seen.window.failures), (calls, 2));
    let event = breaker.observer().history()[0];
    assert_eq!(
        (event.cause, event.counts.calls, event.counts.failures),
        (Cause::FailureCount, calls, 2),
        "{event:?}"
    );
}

#[test]
fn two_failures_trip_a_window_in_a_word() {
    explore("two_failures_trip_a_window_in_a_word", Some(3), || {
        let (breaker, _controller) = last(4, 2);
        two_failures(&breaker, 2);
    });
}

/// The one completes the cell that the other has left pending.
#[test]
fn two_failures_trip_a_window_on_a_ring() {
    explore("two_failures_trip_a_window_on_a_ring", Some(3), || {
        let (breaker, _controller) = last(RING, 2);
        for _ in 0..RING {
            succeed(&breaker);
        }
        two_failures(&breaker, u64::from(RING));
    });
}

/// With the success first the old failure leaves the window, and the new one is alone in it.
fn a_success_takes_the_old_failure_out(size: u32) {
    let (breaker, _controller) = last(size, 2);
    fail(&breaker);
    for _ in 2..size {
        succeed(&breaker);
    }
    let other = breaker.clone();
    // not words of the protocol: loom does not see them, and they order nothing
    let [failed, succeeded] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
    let (done, theirs) = (Arc::clone(&succeeded), Arc::clone(&failed));
    let (success_first, failure_first) = race(
        || {
            let success_first = succeeded.load(Relaxed);
            fail(&breaker);
            failed.store(true, Relaxed);
            success_first
        },
        move || {
            let failure_first = theirs.load(Relaxed);
            succeed(&other);
            done.store(true, Relaxed);
            failure_first
        },
    );

    let calls = u64::from(size);
    let seen = check_history(&breaker);
    if seen.state == State::Open {
        assert!(!success_first, "one failure in the window: {seen:?}");
        // the event tells the window at the trip, and the success may have landed by then
        let counts = breaker.observer().history()[0].counts;
        assert_eq!(counts.calls, calls, "{counts:?}");
        assert!(matches!(counts.failures, 1..=2), "{counts:?}");
        return;
    }
    assert!(!failure_first, "missed: {seen:?}");
    assert_eq!(
        (seen.window.calls, seen.window.failures),
        (calls, 1),
        "{seen:?}"
    );
    assert_eq!((seen.totals.failures, seen.generation), (2, 0), "{seen:?}");
}

#[test]
fn the_oldest_of_a_word_leaves_it() {
    explore("the_oldest_of_a_word_leaves_it", Some(3), || {
        a_success_takes_the_old_failure_out(3);
    });
}

#[test]
fn the_oldest_of_a_ring_leaves_it() {
    explore("the_oldest_of_a_ring_leaves_it", Some(3), || {
        a_success_takes_the_old_failure_out(RING);
    });
}

/// The outcomes of two threads, in whatever order: all are in the window, and the sums are right
/// ever after.
#[test]
fn a_ring_loses_no_outcome() {
    explore("a_ring_loses_no_outcome", Some(2), || {
        let (breaker, _controller) = last(RING, RING);
        for _ in 0..RING {
            succeed(&breaker);
        }
        let other = breaker.clone();
        race(
            || {
                fail(&breaker);
                succeed(&breaker);
            },
            move || {
                fail(&other);
                fail(&other);
            },
        );
        let seen = check_history(&breaker);
        assert_eq!(
            (seen.window.calls, seen.window.failures),
            (17, 3),
            "{seen:?}"
        );
        assert_eq!((seen.totals.successes, seen.totals.failures), (18, 3));
        for _ in 4..RING {
            succeed(&breaker);
        }
        assert_eq!(breaker.observer().snapshot().window.failures, 3);
        for _ in 0..4 {
            succeed(&breaker);
        }
        assert_eq!(breaker.observer().snapshot().window.failures, 0);
    });
}

/// A ring is emptied by moving where the period began; a helper that sleeps before it does so wakes
/// in a later period.
#[test]
fn a_ring_is_not_emptied_twice() {
    explore("a_ring_is_not_emptied_twice", Some(2), || {
        let (breaker, controller) = last(RING, 2);
        fail(&breaker);
        let permit = breaker.try_acquire_owned().expect("closed");
        race(
            || {
                assert!(controller.reset());
                fail(&breaker);
            },
            move || permit.success(),
        );
        let seen = check_history(&breaker);
        assert_eq!((seen.state, seen.window.failures), (State::Closed, 1));
        fail(&breaker);
        let seen = check_history(&breaker);
        assert_eq!((seen.state, seen.generation), (State::Open, 2), "{seen:?}");
    });
}

/// A look while two cells are written.
#[test]
fn a_look_at_a_ring_is_of_one_moment() {
    explore("a_look_at_a_ring_is_of_one_moment", Some(3), || {
        let (breaker, _controller) = last(RING, RING);
        fail(&breaker);
        let other = breaker.clone();
        let look = || breaker.observer().snapshot().window;
        let (window, ()) = race(look, move || {
            fail(&other);
            fail(&other);
        });
        assert!(matches!(window.failures, 1..=3), "{window:?}");
        assert_eq!((window.calls, window.successes), (window.failures, 0));
        let seen = check_history(&breaker);
        assert_eq!((seen.window.failures, seen.totals.failures), (3, 3));
    });
}

/// A success that leaves a clean window as it is, beside a failure that does not: the failure is in
/// the last `size` outcomes, and then it is not.
fn a_success_beside_the_first_failure(size: u32) {
    let (breaker, _controller) = last(size, 3);
    for _ in 0..=size {
        succeed(&breaker);
    }
    let other = breaker.clone();
    race(|| fail(&breaker), move || succeed(&other));
    let seen = check_history(&breaker);
    let calls = u64::from(size);
    assert_eq!((seen.window.calls, seen.window.failures), (calls, 1));
    assert_eq!(seen.totals.successes, calls + 2, "{seen:?}");

    for failures in [0, 2] {
        (0..failures).for_each(|_| fail(&breaker));
        (failures..size).for_each(|_| succeed(&breaker));
        let seen = check_history(&breaker);
        assert_eq!(seen.window.failures, u64::from(failures), "{seen:?}");
    }
}

#[test]
fn a_clean_word_misses_no_failure() {
    explore("a_clean_word_misses_no_failure", Some(3), || {
        a_success_beside_the_first_failure(4);
    });
}

#[test]
fn a_clean_ring_misses_no_failure() {
    explore("a_clean_ring_misses_no_failure", Some(3), || {
        a_success_beside_the_first_failure(RING);
    });
}

/// What was clean before a reset says nothing of the window after it.
#[test]
fn a_success_of_a_clean_window_is_in_one_period() {
    explore(
        "a_success_of_a_clean_window_is_in_one_period",
        Some(2),
        || {
            let (breaker, controller) = last(RING, 1);
            for _ in 0..=RING {
                succeed(&breaker);
            }
            let other = breaker.clone();
            race(|| assert!(controller.reset()), move || succeed(&other));

            let seen = check_history(&breaker);
            let totals = seen.totals;
            assert_eq!(totals.successes + totals.late, u64::from(RING) + 2);
            let calls = seen.window.calls;
            assert!(calls + totals.late <= 1, "{seen:?}");
            succeed(&breaker);
            assert_eq!(check_history(&breaker).window.calls, calls + 1);
            fail(&breaker);
            let seen = check_history(&breaker);
            assert_eq!((seen.state, seen.generation), (State::Open, 2), "{seen:?}");
        },
    );
}
