//! I1, I2 and I3 for whoever only reads, while others are at work.

use tripcoil::observe::Totals;
use tripcoil::{Breaker, FailureKind, Snapshot, State};
use tripcoil_loom_tests::{EPOCH, by_count, check_history, explore, fail, race, succeed};

/// What holds of each snapshot by itself.
fn consistent(seen: &Snapshot) {
    let w = seen.window;
    assert_eq!(w.calls, w.successes + w.failures, "{seen:?}");
    let in_buckets: u64 = seen.buckets.iter().map(|bucket| bucket.calls).sum();
    assert_eq!(w.calls, in_buckets, "{seen:?}");
    assert!(
        w.calls <= seen.totals.successes + seen.totals.failures,
        "{seen:?}"
    );
}

fn no_less(before: Totals, after: Totals) {
    assert!(
        before.successes <= after.successes
            && before.failures <= after.failures
            && before.late <= after.late,
        "went down: {before:?} {after:?}"
    );
}

/// A failure finds the epoch over and moves on; a reader looks twice.
#[test]
fn totals_never_go_down_for_a_reader() {
    explore("totals_never_go_down_for_a_reader", Some(3), || {
        let (breaker, _controller, clock) = by_count(100);
        fail(&breaker);
        succeed(&breaker);
        clock.advance(EPOCH);
        let other = breaker.clone();
        let look = || [0; 2].map(|_| breaker.observer().snapshot());
        let (looks, ()) = race(look, move || fail(&other));

        let last = check_history(&breaker);
        assert_eq!((last.totals.failures, last.window.failures), (2, 2));
        let mut before = Totals::default();
        for seen in looks.iter().chain([&last]) {
            consistent(seen);
            no_less(before, seen.totals);
            before = seen.totals;
            assert_eq!(seen.window.successes, 1, "{seen:?}");
            assert_eq!(seen.buckets[0].calls, 2, "the epoch that is over: {seen:?}");
        }
    });
}

/// The whole window goes at once.
#[test]
fn no_look_brings_an_old_epoch_back() {
    explore("no_look_brings_an_old_epoch_back", Some(3), || {
        let (breaker, _controller, clock) = by_count(100);
        fail(&breaker);
        clock.advance(EPOCH * 2);
        let other = breaker.clone();
        let look = || breaker.observer().snapshot();
        let (seen, ()) = race(look, move || fail(&other));

        consistent(&seen);
        assert!(
            seen.window.failures <= 1 && seen.buckets[0].calls == 0,
            "{seen:?}"
        );
        // the totals are read after the window, and the call may have landed in between
        assert!(seen.window.failures < seen.totals.failures, "{seen:?}");
        let seen = check_history(&breaker);
        assert_eq!((seen.window.failures, seen.totals.failures), (1, 2));
    });
}

/// A fresh period is begun: a look shows the window before or the empty one.
#[test]
fn a_look_shows_one_period() {
    explore("a_look_shows_one_period", Some(2), || {
        let (breaker, controller, _clock) = by_count(100);
        fail(&breaker);
        succeed(&breaker);
        let look = || breaker.observer().snapshot();
        let (seen, reset) = race(look, move || controller.reset());

        assert!(reset);
        consistent(&seen);
        let expected = if seen.generation == 0 { (1, 1) } else { (0, 0) };
        let window = (seen.window.successes, seen.window.failures);
        assert_eq!(window, expected, "{seen:?}");
        assert_eq!((seen.totals.successes, seen.totals.failures), (1, 1));
        check_history(&breaker);
    });
}

/// Two transitions are made while the history is read twice.
#[test]
fn the_history_has_each_transition_once_and_in_order() {
    let name = "the_history_has_each_transition_once_and_in_order";
    explore(name, Some(3), || {
        let (breaker, controller, _clock) = by_count(1);
        let observer = breaker.observer();
        let other = breaker.clone();
        let (reads, ()) = race(
            || [observer.history(), observer.history()],
            move || {
                fail(&other);
                assert!(controller.reset());
            },
        );

        let last = observer.history();
        assert_eq!(last.len(), 2, "{last:?}");
        assert_eq!((last[0].to, last[1].to), (State::Open, State::Closed));
        assert_eq!((last[0].generation, last[1].generation), (1, 2));
        // each read is a beginning of the next
        for (read, next) in [(&reads[0], &reads[1]), (&reads[1], &last)] {
            assert!(next.starts_with(read), "{read:?} {next:?}");
        }
        check_history(&breaker);
    });
}

/// The slot of an old transition is written anew while it is read.
#[test]
fn a_history_that_goes_round_stays_contiguous() {
    let name = "a_history_that_goes_round_stays_contiguous";
    explore(name, Some(3), || {
        let (breaker, controller, _clock) = by_count(1);
        for _ in 0..4 {
            assert!(controller.reset());
        }
        // so that the fifth is told from the first, whose slot it takes
        succeed(&breaker);
        let observer = breaker.observer();
        let (read, reset) = race(|| observer.history(), move || controller.reset());

        assert!(reset);
        let generations: Vec<u64> = read.iter().map(|event| event.generation).collect();
        let last = *generations.last().expect("some are left");
        let first = generations[0];
        assert!(last == 4 || last == 5, "{generations:?}");
        assert_eq!(generations, (first..=last).collect::<Vec<_>>());
        for event in &read {
            let calls = u64::from(event.generation == 5);
            assert_eq!(event.counts.calls, calls, "{event:?}");
        }
        // all but the one that is just being overwritten
        assert!(read.len() >= 3, "{generations:?}");
        check_history(&breaker);
    });
}

/// The clock moves between two helpers of one update: the event and the state have the same date.
#[test]
fn an_update_has_one_time() {
    explore("an_update_has_one_time", Some(2), || {
        let (breaker, controller, clock) = by_count(100);
        let (other, later) = (breaker.clone(), clock.clone());
        race(
            || assert!(controller.trip()),
            move || {
                later.advance(EPOCH / 4);
                fail(&other);
            },
        );
        let seen = check_history(&breaker);
        let event = breaker.observer().history()[0];
        let since = clock.now() - seen.time_in_state;
        assert_eq!(event.at, since, "{event:?}, {seen:?}");
    });
}

/// A call has read the clock before the operator does, and carries the operator's transition out: its event
/// is no older than what the operator has read.
#[test]
fn a_helpers_old_clock_does_not_date_a_transition() {
    explore(
        "a_helpers_old_clock_does_not_date_a_transition",
        Some(2),
        || {
            let (breaker, controller, clock) = by_count(100);
            let other = breaker.clone();
            let read = clock.now() + EPOCH / 4;
            race(
                || fail(&other),
                move || {
                    clock.advance(EPOCH / 4);
                    assert!(controller.trip());
                },
            );
            check_history(&breaker);
            let event = breaker.observer().history()[0];
            assert!(event.at >= read, "older than {read:?}: {event:?}");
        },
    );
}

/// A helper of the first opening wakes when the breaker has opened again.
#[test]
fn the_last_opening_is_the_last_one() {
    explore("the_last_opening_is_the_last_one", Some(3), || {
        let (breaker, controller, _clock) = by_count(1);
        let other = breaker.clone();
        race(
            || fail(&other),
            move || {
                controller.reset();
                controller.trip();
            },
        );

        let seen = check_history(&breaker);
        let history = breaker.observer().history();
        let mut openings = history.iter().rev();
        let last = openings.find(|t| (t.from, t.to) == (State::Closed, State::Open));
        assert_eq!(seen.last_opening.as_ref(), last, "{history:?}");
    });
}

/// Two failures reach the count at once, and either carries the transition out for the other: it is
/// known of which kind one was.
#[test]
fn an_event_names_a_failure_that_decided() {
    explore("an_event_names_a_failure_that_decided", Some(3), || {
        let (breaker, _controller, _clock) = by_count(1);
        let other = breaker.clone();
        let fail_with = |breaker: &Breaker, kind| {
            if let Ok(permit) = breaker.try_acquire() {
                permit.failure(kind);
            }
        };
        race(
            || fail_with(&breaker, FailureKind::Connect),
            move || fail_with(&other, FailureKind::Other(7)),
        );

        let opening = breaker.observer().history()[0];
        let named = [FailureKind::Connect, FailureKind::Other(7)].map(Some);
        assert!(named.contains(&opening.failure), "{opening:?}");
    });
}
