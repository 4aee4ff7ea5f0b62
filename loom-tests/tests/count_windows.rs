//! I1, I2, I4 and I5 of a count window: successes on the stripes and all other outcomes on the log have
//! one order, in which each entry judges itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tripcoil::{Breaker, Cause, Controller, Snapshot, State, Window};
use tripcoil_loom_tests::{check_history, explore, fail, model_breaker, race, succeed};

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
fn two_failures_trip_a_count_window() {
    explore("two_failures_trip_a_count_window", Some(3), || {
        let (breaker, _controller) = last(4, 2);
        two_failures(&breaker, 2);
    });
}

/// The one completes the cell that the other has left pending.
#[test]
fn two_failures_trip_a_full_count_window() {
    explore("two_failures_trip_a_full_count_window", Some(3), || {
        let (breaker, _controller) = last(4, 2);
        for _ in 0..5 {
            succeed(&breaker);
        }
        two_failures(&breaker, 4);
    });
}

/// Who had ended before the other began, as far as a thread can know.
struct Ends([Arc<AtomicBool>; 2]);

impl Ends {
    /// Not words of the protocol: loom does not see them, and they order nothing.
    fn new() -> Ends {
        Ends([(); 2].map(|()| Arc::new(AtomicBool::new(false))))
    }

    /// Whether the other had ended when this one began.
    fn work(&self, me: usize, work: impl FnOnce()) -> bool {
        let other = self.0[1 - me].load(Relaxed);
        work();
        self.0[me].store(true, Relaxed);
        other
    }
}

impl Clone for Ends {
    fn clone(&self) -> Ends {
        Ends(self.0.clone())
    }
}

/// The failure is within the last three with the old one, unless the success came before it.
fn a_failure_beside_a_success(breaker: &Breaker) -> (bool, bool) {
    let ends = Ends::new();
    let (other, theirs) = (breaker.clone(), ends.clone());
    race(
        || ends.work(0, || fail(breaker)),
        move || theirs.work(1, || succeed(&other)),
    )
}

/// With the success first the old failure leaves the window, and the new one is alone in it.
#[test]
fn the_oldest_leaves_a_count_window() {
    explore("the_oldest_leaves_a_count_window", Some(3), || {
        let (breaker, _controller) = last(3, 2);
        fail(&breaker);
        succeed(&breaker);
        let (success_first, failure_first) = a_failure_beside_a_success(&breaker);

        let seen = check_history(&breaker);
        if seen.state == State::Open {
            assert!(!success_first, "one failure in the window: {seen:?}");
            // the event tells the window at the trip, and the success may have landed by then
            let counts = breaker.observer().history()[0].counts;
            assert_eq!(counts.calls, 3, "{counts:?}");
            assert!(matches!(counts.failures, 1..=2), "{counts:?}");
            return;
        }
        assert!(!failure_first, "missed: {seen:?}");
        assert_eq!((seen.window.calls, seen.window.failures), (3, 1));
        assert_eq!((seen.totals.failures, seen.generation), (2, 0), "{seen:?}");
    });
}

/// The outcomes of two threads, in whatever order: all are in the window, and the sums are right
/// ever after.
#[test]
fn a_log_loses_no_outcome() {
    explore("a_log_loses_no_outcome", Some(2), || {
        let (breaker, _controller) = last(5, 5);
        for _ in 0..5 {
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
        assert_eq!((seen.window.calls, seen.window.failures), (5, 3));
        assert_eq!((seen.totals.successes, seen.totals.failures), (6, 3));
        succeed(&breaker);
        assert_eq!(breaker.observer().snapshot().window.failures, 3);
        (0..4).for_each(|_| succeed(&breaker));
        assert_eq!(breaker.observer().snapshot().window.failures, 0);
    });
}

/// Successes, as many as a window holds, and how many failures it holds after each.
fn fading(breaker: &Breaker, size: usize) -> Vec<u64> {
    let mut held = vec![breaker.observer().snapshot().window.failures];
    for _ in 0..size {
        succeed(breaker);
        held.push(breaker.observer().snapshot().window.failures);
    }
    held
}

/// Of two failures and a success each has a place of its own: after so many successes, so many are
/// left.
#[test]
fn no_two_entries_have_one_position() {
    explore("no_two_entries_have_one_position", Some(3), || {
        let (breaker, _controller) = last(3, 3);
        let other = breaker.clone();
        race(
            || fail(&breaker),
            move || {
                succeed(&other);
                fail(&other);
            },
        );
        let held = fading(&breaker, 3);
        // in the order that the failure was the first, or not
        assert!([[2, 1, 1, 0], [2, 2, 1, 0]].contains(&[held[0], held[1], held[2], held[3]]));
    });
}

/// On two stripes: an entry sums them up one after the other while successes land on one of them, and
/// later ones move the old failure out.
#[test]
fn an_entry_sums_up_two_stripes() {
    explore("an_entry_sums_up_two_stripes", Some(2), || {
        let (breaker, _controller) = last(4, 2);
        breaker.collide();
        fail(&breaker);
        succeed(&breaker);
        let ends = Ends::new();
        let (other, theirs) = (breaker.clone(), ends.clone());
        let (success_first, failure_first) = race(
            || ends.work(0, || fail(&breaker)),
            move || {
                theirs.work(1, || {
                    succeed(&other);
                    succeed(&other);
                })
            },
        );
        let seen = check_history(&breaker);
        if seen.state == State::Open {
            assert!(!success_first, "the old one had left: {seen:?}");
        } else {
            assert!(!failure_first, "missed: {seen:?}");
            assert_eq!((seen.window.calls, seen.window.failures), (4, 1));
            assert_eq!((seen.totals.successes, seen.totals.failures), (3, 2));
        }
    });
}

/// An update freezes the log while an entry lands: it is in the cut or after it, and its cell is
/// completed once.
#[test]
fn an_entry_is_counted_once_through_an_update() {
    explore(
        "an_entry_is_counted_once_through_an_update",
        Some(2),
        || {
            let (breaker, _controller) = last(3, 3);
            fail(&breaker);
            let other = breaker.clone();
            race(|| fail(&breaker), move || other.collide());
            let seen = check_history(&breaker);
            assert_eq!((seen.window.calls, seen.window.failures), (2, 2));
            assert_eq!(fading(&breaker, 3), [2, 2, 1, 0]);
        },
    );
}

/// The thread that helps with one update sleeps in it, and wakes in the next or after it: what it writes
/// then changes nothing.
#[test]
fn a_log_is_not_frozen_twice() {
    explore("a_log_is_not_frozen_twice", Some(2), || {
        let (breaker, controller) = last(4, 4);
        fail(&breaker);
        let other = breaker.clone();
        race(
            || {
                breaker.collide();
                fail(&breaker);
                controller.force_open();
                controller.release();
                fail(&breaker);
            },
            move || succeed(&other),
        );
        let seen = check_history(&breaker);
        let totals = seen.totals;
        assert_eq!(totals.successes + totals.late + totals.rejected, 1);
        assert_eq!(seen.window.failures, 1, "{seen:?}");
        fail(&breaker);
        assert_eq!(fading(&breaker, 2)[0], 2, "{seen:?}");
    });
}

/// A window is emptied by moving where it is counted from; a helper that sleeps before it does so wakes
/// in a later period.
#[test]
fn a_log_is_not_emptied_twice() {
    explore("a_log_is_not_emptied_twice", Some(2), || {
        let (breaker, controller) = last(5, 2);
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

/// A look while two entries land.
#[test]
fn a_look_at_a_log_is_of_one_moment() {
    explore("a_look_at_a_log_is_of_one_moment", Some(3), || {
        let (breaker, _controller) = last(5, 5);
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

/// A look that has a success has the failure before it.
#[test]
fn a_look_at_a_log_skips_no_entry() {
    explore("a_look_at_a_log_skips_no_entry", Some(3), || {
        let (breaker, _controller) = last(5, 5);
        let other = breaker.clone();
        let look = || breaker.observer().snapshot().window;
        let (window, ()) = race(look, move || {
            fail(&other);
            succeed(&other);
        });
        assert_eq!(window.failures, window.calls.min(1), "{window:?}");
    });
}

/// A success that nobody logs, beside a failure: both are in the last `size` outcomes, and then they are
/// not.
#[test]
fn an_unlogged_success_is_in_the_order() {
    explore("an_unlogged_success_is_in_the_order", Some(3), || {
        let (breaker, _controller) = last(4, 3);
        for _ in 0..5 {
            succeed(&breaker);
        }
        let other = breaker.clone();
        race(|| fail(&breaker), move || succeed(&other));
        let seen = check_history(&breaker);
        assert_eq!((seen.window.calls, seen.window.failures), (4, 1));
        assert_eq!(seen.totals.successes, 6, "{seen:?}");

        for failures in [0, 2] {
            (0..failures).for_each(|_| fail(&breaker));
            (failures..4).for_each(|_| succeed(&breaker));
            let seen = check_history(&breaker);
            assert_eq!(seen.window.failures, failures, "{seen:?}");
        }
    });
}

/// A success of before a reset is in no window after it.
#[test]
fn an_unlogged_success_is_in_one_period() {
    explore("an_unlogged_success_is_in_one_period", Some(2), || {
        let (breaker, controller) = last(4, 1);
        for _ in 0..5 {
            succeed(&breaker);
        }
        let permit = breaker.try_acquire_owned().expect("closed");
        race(|| assert!(controller.reset()), move || permit.success());

        let seen = check_history(&breaker);
        let totals = seen.totals;
        assert_eq!(totals.successes + totals.late, 6);
        assert_eq!(seen.window.calls, 0, "before the reset, or late: {seen:?}");
        succeed(&breaker);
        assert_eq!(check_history(&breaker).window.calls, 1);
        fail(&breaker);
        let seen = check_history(&breaker);
        assert_eq!((seen.state, seen.generation), (State::Open, 2), "{seen:?}");
    });
}

fn by_rate(outcomes: u32, rate: f64, calls: u32) -> (Breaker, Controller) {
    let (breaker, controller, _clock) = model_breaker(|rules| {
        let window = Window::count(outcomes);
        rules
            .window(window)
            .failure_rate(rate)
            .min_throughput(calls)
    });
    (breaker, controller)
}

/// Whichever of the two comes last makes it enough calls, and half of them failures.
#[test]
fn the_last_of_enough_calls_trips_a_count_window() {
    explore(
        "the_last_of_enough_calls_trips_a_count_window",
        Some(3),
        || {
            let (breaker, _controller) = by_rate(4, 0.5, 4);
            fail(&breaker);
            succeed(&breaker);
            let other = breaker.clone();
            race(|| succeed(&breaker), move || fail(&other));
            let seen = check_history(&breaker);
            assert_eq!((seen.state, seen.generation), (State::Open, 1), "{seen:?}");
        },
    );
}

/// From the third call on successes need not be logged, and nobody is sure of that before it: each is in
/// the window once, logged or not.
#[test]
fn successes_are_counted_once_where_logging_ends() {
    explore(
        "successes_are_counted_once_where_logging_ends",
        Some(2),
        || {
            let (breaker, _controller) = by_rate(4, 1.0, 3);
            succeed(&breaker);
            let other = breaker.clone();
            race(
                || {
                    succeed(&breaker);
                    fail(&breaker);
                },
                move || succeed(&other),
            );
            let seen = check_history(&breaker);
            assert_eq!((seen.window.calls, seen.window.failures), (4, 1));
            assert_eq!((seen.totals.successes, seen.totals.failures), (3, 1));
            let held = fading(&breaker, 4);
            assert_eq!((held[2], held[4]), (1, 0), "{held:?}");
        },
    );
}

/// Under observe-only each rise of a rule is told once, though a success comes between a failure that
/// made it true and the update after which successes are logged.
#[test]
fn observing_a_count_window_tells_each_edge() {
    explore("observing_a_count_window_tells_each_edge", Some(2), || {
        let (breaker, controller) = last(1, 1);
        assert!(controller.observe_only());
        let other = breaker.clone();
        race(|| fail(&breaker), move || succeed(&other));
        let told = |seen: &Snapshot| (seen.would_trip, seen.window.failures);
        let (edges, failures) = told(&check_history(&breaker));
        assert_eq!(edges, 1);
        // true still, if the failure was the last
        fail(&breaker);
        assert_eq!(told(&check_history(&breaker)), (2 - failures, 1));
        succeed(&breaker);
        fail(&breaker);
        assert_eq!(told(&check_history(&breaker)), (3 - failures, 1));
    });
}

/// New rules that are true of the window as it is trip at the next outcome, a success as well.
#[test]
fn a_stricter_rule_trips_a_count_window_at_a_success() {
    explore(
        "a_stricter_rule_trips_a_count_window_at_a_success",
        Some(2),
        || {
            let (breaker, controller) = last(3, 2);
            fail(&breaker);
            let ends = Ends::new();
            let (other, theirs) = (breaker.clone(), ends.clone());
            let changed = || {
                let changed = controller.reconfigure(|rules| rules.failure_count(1));
                assert!(changed.is_ok());
            };
            let (_, changed_first) = race(
                || ends.work(0, changed),
                move || theirs.work(1, || succeed(&other)),
            );
            let seen = check_history(&breaker);
            assert!(!changed_first || seen.state == State::Open, "{seen:?}");
            succeed(&breaker);
            let seen = check_history(&breaker);
            assert_eq!((seen.state, seen.generation), (State::Open, 1), "{seen:?}");
        },
    );
}
