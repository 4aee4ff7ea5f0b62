//! I1, I2 and I4 with a local handle, whose successes are stores that no exchange guards.
//!
//! Who owns a place is told by a plain sum, which loom does not see: that word orders nothing here.

use tripcoil::{Cause, Local, State};
use tripcoil_loom_tests::{EPOCH, by_count, by_rate, check_history, explore, fail, race, succeed};

fn succeed_in(local: &Local) {
    if let Ok(permit) = local.try_acquire() {
        permit.success();
    }
}

/// One thread gives its place back, and the other takes it and counts on.
#[test]
fn a_place_is_handed_over_whole() {
    explore("a_place_is_handed_over_whole", Some(3), || {
        let (breaker, _controller, _clock) = by_count(100);
        let local = breaker.local();
        succeed_in(&local);
        race(
            || {
                let local = breaker.local();
                succeed_in(&local);
            },
            move || {
                succeed_in(&local);
                drop(local);
            },
        );

        let seen = check_history(&breaker);
        assert_eq!(
            (seen.totals.successes, seen.window.successes),
            (3, 3),
            "{seen:?}"
        );
    });
}

/// The handle counts on while another thread moves on to the next epoch.
#[test]
fn an_owned_place_is_read_whole_in_a_rotation() {
    explore(
        "an_owned_place_is_read_whole_in_a_rotation",
        Some(3),
        || {
            let (breaker, _controller, clock) = by_count(100);
            let local = breaker.local();
            succeed_in(&local);
            clock.advance(EPOCH);
            race(|| fail(&breaker), move || succeed_in(&local));

            let seen = check_history(&breaker);
            assert_eq!((seen.totals.successes, seen.totals.failures), (2, 1));
            let in_epochs = [seen.buckets[0], seen.buckets[1]];
            let successes = in_epochs.map(|bucket| bucket.successes);
            assert_eq!((successes, in_epochs[1].failures), ([1, 1], 1), "{seen:?}");
            clock.advance(EPOCH);
            fail(&breaker);
            let seen = check_history(&breaker);
            assert_eq!((seen.window.successes, seen.window.failures), (1, 2));
            clock.advance(EPOCH);
            fail(&breaker);
            let seen = check_history(&breaker);
            assert_eq!((seen.window.successes, seen.window.failures), (0, 2));
        },
    );
}

/// Two updates, and helpers of each, while the handle stores: all of them count the same.
#[test]
fn an_owned_place_is_read_alike_by_all_helpers() {
    explore(
        "an_owned_place_is_read_alike_by_all_helpers",
        Some(2),
        || {
            let (breaker, _controller, clock) = by_count(100);
            let local = breaker.local();
            let other = breaker.clone();
            clock.advance(EPOCH);
            let b = loom::thread::spawn(move || succeed_in(&local));
            let c = loom::thread::spawn(move || fail(&other));
            succeed(&breaker);
            b.join().expect("b ends");
            c.join().expect("c ends");

            let seen = check_history(&breaker);
            assert_eq!((seen.window.successes, seen.window.failures), (2, 1));
            assert_eq!(seen.buckets[1].calls, 3, "{seen:?}");
            clock.advance(EPOCH * 2);
            let seen = breaker.observer().snapshot();
            assert_eq!((seen.window.calls, seen.totals.successes), (0, 2));
        },
    );
}

/// A fresh period begins while the handle counts: one success may be told in it that was made before.
#[test]
fn a_local_result_is_told_once_through_a_reset() {
    explore(
        "a_local_result_is_told_once_through_a_reset",
        Some(3),
        || {
            let (breaker, controller, _clock) = by_count(100);
            let local = breaker.local();
            let observer = breaker.observer();
            let (reset, before) = race(
                || controller.reset(),
                move || {
                    let mut before = 0;
                    for _ in 0..2 {
                        succeed_in(&local);
                        before += u64::from(observer.state() == State::Closed);
                    }
                    before
                },
            );

            assert!(reset && before == 2);
            let seen = check_history(&breaker);
            let totals = seen.totals;
            assert_eq!(totals.successes + totals.late, 2, "{seen:?}");
            assert!(seen.window.successes <= totals.successes, "{seen:?}");
        },
    );
}

/// A trip does not see a success that is being stored: the next transition does, though nothing is counted
/// between the two.
#[test]
fn what_a_trip_did_not_see_is_in_the_next_event() {
    explore(
        "what_a_trip_did_not_see_is_in_the_next_event",
        Some(3),
        || {
            let (breaker, controller, _clock) = by_count(100);
            let local = breaker.local();
            let (tripped, ()) = race(|| controller.trip(), move || succeed_in(&local));
            assert!(tripped && controller.half_open());

            let seen = check_history(&breaker);
            let events = breaker.observer().history();
            assert_eq!(events[1].cause, Cause::Manual, "{events:?}");
            assert_eq!(events[1].counts, seen.window, "{events:?}");
            assert!(events[0].counts.calls <= events[1].counts.calls);
        },
    );
}

/// The failure asks for a look at each outcome while a local success is on its way: that success
/// may go unjudged, but not the one after it.
#[test]
fn a_local_success_delays_a_trip_by_one_outcome() {
    explore(
        "a_local_success_delays_a_trip_by_one_outcome",
        Some(3),
        || {
            let (breaker, _controller, _clock) = by_rate(0.3, 2);
            let local = breaker.local();
            race(|| fail(&breaker), move || succeed_in(&local));
            succeed(&breaker);

            let seen = check_history(&breaker);
            assert_eq!(
                seen.state,
                State::Open,
                "one of two, and of three: {seen:?}"
            );
            let event = breaker.observer().history()[0];
            assert!(matches!(event.counts.calls, 2..=3), "{event:?}");
            assert_eq!(event.counts.failures, 1, "{event:?}");
        },
    );
}

/// The success has passed its look at the time, and is stored while two epochs are left behind: all who
/// work that out must have the same count at the start of both.
#[test]
fn a_success_within_an_update_is_in_one_epoch() {
    explore(
        "a_success_within_an_update_is_in_one_epoch",
        Some(3),
        || {
            let (breaker, _controller, clock) = by_count(100);
            let local = breaker.local();
            let other = breaker.clone();
            race(
                || {
                    succeed_in(&local);
                    succeed(&breaker);
                },
                move || {
                    clock.advance(EPOCH * 2);
                    succeed(&other);
                },
            );

            let seen = check_history(&breaker);
            assert_eq!(seen.totals.successes, 3, "{seen:?}");
            assert!(
                seen.buckets.iter().all(|bucket| bucket.calls <= 3),
                "{seen:?}"
            );
            assert!(seen.window.calls <= seen.totals.successes, "{seen:?}");
        },
    );
}
