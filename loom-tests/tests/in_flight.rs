//! The limit on calls in flight: at most so many hold a place, each gives it back once, and the later limit stays.

use tripcoil::{Breaker, Cause, Controller, ManualClock, State};
use tripcoil_loom_tests::{all_told, check_history, explore, model_breaker, race};

fn limited(calls: u32) -> (Breaker, Controller, ManualClock) {
    model_breaker(|rules| rules.failure_count(9).max_in_flight(calls))
}

fn in_flight(breaker: &Breaker) -> Option<u64> {
    breaker.observer().snapshot().in_flight
}

/// Two acquires, and one place: exactly one of them has it, and its end leaves none taken.
#[test]
fn one_of_two_takes_the_last_place() {
    explore("one_of_two_takes_the_last_place", None, || {
        let (breaker, _controller, _clock) = limited(1);
        let other = breaker.clone();
        let (mine, other) = race(
            || breaker.try_acquire_owned(),
            move || other.try_acquire_owned(),
        );
        assert_eq!(u8::from(mine.is_ok()) + u8::from(other.is_ok()), 1);
        for rejected in [&mine, &other]
            .into_iter()
            .filter_map(|one| one.as_ref().err())
        {
            assert_eq!(rejected.state(), State::Closed);
            assert_eq!(rejected.cause(), Some(Cause::MaxInFlight));
        }
        assert_eq!(in_flight(&breaker), Some(1));
        drop((mine, other));
        let seen = check_history(&breaker);
        assert_eq!((seen.in_flight, all_told(&seen)), (Some(0), 2));
    });
}

/// An end against an acquire: the place is free once the end has returned, and never twice.
#[test]
fn a_place_is_given_back_once() {
    explore("a_place_is_given_back_once", None, || {
        let (breaker, _controller, _clock) = limited(1);
        let held = breaker.try_acquire_owned().expect("free");
        let other = breaker.clone();
        let (mine, ()) = race(move || other.try_acquire_owned(), move || held.success());
        let now = u64::from(mine.is_ok());
        assert_eq!(in_flight(&breaker), Some(now));
        let next = breaker.try_acquire_owned();
        assert_eq!(next.is_ok(), mine.is_err());
        drop((mine, next));
        assert_eq!(in_flight(&breaker), Some(0));
    });
}

/// The period may end at any moment of a call: in whichever the call ends, its place is free.
#[test]
fn an_end_beside_a_reset_gives_the_place_back() {
    explore("an_end_beside_a_reset_gives_the_place_back", None, || {
        let (breaker, controller, _clock) = limited(2);
        let other = breaker.clone();
        let ((), ()) = race(
            move || assert!(controller.reset()),
            move || other.try_acquire_owned().expect("free").success(),
        );
        let seen = check_history(&breaker);
        assert_eq!((seen.in_flight, all_told(&seen)), (Some(0), 1));
    });
}

/// A trip beside an acquire: a call that is admitted counts itself, whichever state it was admitted in.
#[test]
fn a_trip_beside_an_acquire_leaves_no_place_taken() {
    explore(
        "a_trip_beside_an_acquire_leaves_no_place_taken",
        None,
        || {
            let (breaker, controller, _clock) = limited(1);
            let held = breaker.try_acquire_owned().expect("free");
            let other = breaker.clone();
            let (mine, tripped) = race(
                move || other.try_acquire_owned().map_err(|why| why.state()),
                move || controller.trip(),
            );
            assert!(tripped);
            assert!(matches!(mine, Err(State::Closed | State::Open)));
            held.ignore();
            assert_eq!(in_flight(&breaker), Some(0));
        },
    );
}

/// Two operators: the limit is that of the later rules, which both would read.
#[test]
fn the_later_limit_stays() {
    explore("the_later_limit_stays", Some(3), || {
        let (breaker, controller, _clock) = limited(1);
        let controller = std::sync::Arc::new(controller);
        let other = controller.clone();
        let (mine, other) = race(
            move || controller.reconfigure(|rules| rules.max_in_flight(2)),
            move || other.reconfigure(|rules| rules.max_in_flight(3)),
        );
        assert!(mine.is_ok() && other.is_ok());
        let limit = breaker.observer().config().max_in_flight.expect("set");
        let held: Vec<_> = (0..4)
            .filter_map(|_| breaker.try_acquire_owned().ok())
            .collect();
        assert_eq!(held.len(), limit as usize);
    });
}
