//! I3 and I8 at the two ends of Open: nobody is admitted before its deadline, and one round follows
//! it, whoever begins it.

use std::sync::Arc;

use tripcoil::{Cause, HalfOpen, State};
use tripcoil_loom_tests::{
    OPEN, by_count, by_run, check_history, explore, fail, race, ready_to_probe,
};

/// Who has seen Open is rejected, and told the whole wait.
#[test]
fn nobody_is_admitted_once_open_is_seen() {
    explore("nobody_is_admitted_once_open_is_seen", Some(3), || {
        let (breaker, _controller, _clock) = by_count(1);
        let other = breaker.clone();
        let ask = move || {
            let state = other.state();
            (state, other.try_acquire().map(|permit| permit.ignore()))
        };
        let ((), (state, answer)) = race(|| fail(&breaker), ask);

        let seen = check_history(&breaker);
        assert_eq!((seen.state, seen.generation), (State::Open, 1), "{seen:?}");
        match answer {
            Ok(()) => assert_eq!(state, State::Closed, "admitted after Open was seen"),
            Err(rejected) => {
                assert_eq!(rejected.state(), State::Open, "{rejected:?}");
                assert_eq!(rejected.retry_after(), Some(OPEN), "{rejected:?}");
            }
        }
    });
}

/// The call that trips has returned: whoever comes then is rejected.
#[test]
fn nobody_is_admitted_once_the_trip_has_returned() {
    let name = "nobody_is_admitted_once_the_trip_has_returned";
    explore(name, Some(3), || {
        let (breaker, _controller, _clock) = by_count(1);
        let other = breaker.clone();
        race(
            || {
                fail(&breaker);
                assert!(breaker.try_acquire().is_err(), "admitted");
            },
            move || fail(&other),
        );
        let seen = check_history(&breaker);
        assert_eq!((seen.state, seen.generation), (State::Open, 1), "{seen:?}");
    });
}

/// Who sees Open sees its own deadline, and not that of an earlier opening, which is over.
#[test]
fn an_earlier_deadline_admits_nobody() {
    explore("an_earlier_deadline_admits_nobody", Some(3), || {
        let (breaker, _controller, clock) = ready_to_probe(HalfOpen::successes(1));
        let probe = breaker.try_acquire_owned().expect("the wait is over");
        probe.success();
        clock.advance(OPEN);
        let other = breaker.clone();
        let ask = move || other.try_acquire().map(|permit| permit.ignore());
        let ((), answer) = race(|| fail(&breaker), ask);

        let seen = check_history(&breaker);
        assert_eq!((seen.state, seen.generation), (State::Open, 4), "{seen:?}");
        assert_eq!(seen.retry_after, Some(OPEN), "{seen:?}");
        if let Err(rejected) = answer {
            assert_eq!(rejected.retry_after(), Some(OPEN), "{rejected:?}");
        }
    });
}

/// A round is lost while somebody asks: nobody but the probe was let through.
#[test]
fn a_lost_round_admits_nobody() {
    explore("a_lost_round_admits_nobody", Some(3), || {
        let (breaker, _controller, _clock) = ready_to_probe(HalfOpen::successes(1));
        let probe = breaker.try_acquire_owned().expect("the wait is over");
        let lose = move || probe.failure(tripcoil::FailureKind::Server);
        let (answer, ()) = race(|| breaker.try_acquire().map(|permit| permit.ignore()), lose);

        let rejected = answer.expect_err("one slot, and then Open");
        let expected = match rejected.state() {
            State::HalfOpen => None,
            _ => Some(OPEN),
        };
        assert_eq!(rejected.retry_after(), expected, "{rejected:?}");
        let seen = check_history(&breaker);
        assert_eq!((seen.state, seen.generation), (State::Open, 3), "{seen:?}");
        let verdict = breaker.observer().history()[2];
        assert_eq!(verdict.cause, Cause::ProbeFailed, "{verdict:?}");
    });
}

/// The wait is over, and a health check begins the round too: there is one, with one probe in it.
#[test]
fn a_round_has_one_beginning() {
    explore("a_round_has_one_beginning", Some(3), || {
        let (breaker, controller, _clock) = ready_to_probe(HalfOpen::successes(1));
        let other = breaker.clone();
        let (begun, probe) = race(
            || controller.half_open_from(1),
            move || other.try_acquire_owned(),
        );
        let seen = check_history(&breaker);
        assert_eq!((seen.state, seen.generation), (State::HalfOpen, 2));
        let cause = breaker.observer().history()[1].cause;
        let expected = if begun {
            Cause::Manual
        } else {
            Cause::OpenElapsed
        };
        assert_eq!(cause, expected, "begun by hand: {begun}");
        assert_eq!(seen.probes.in_flight, 1, "{seen:?}");
        probe.expect("the first probe").success();
        assert_eq!(check_history(&breaker).state, State::Closed);
    });
}

/// Two health checks of one Open: one of them begins the round.
#[test]
fn one_of_two_begins_the_round() {
    explore("one_of_two_begins_the_round", Some(3), || {
        let (breaker, controller, _clock) = ready_to_probe(HalfOpen::successes(1));
        let controller = Arc::new(controller);
        let also = Arc::clone(&controller);
        let (mine, theirs) = race(
            || controller.half_open_from(1),
            move || also.half_open_from(1),
        );
        assert!(mine != theirs, "mine {mine}, theirs {theirs}");
        let seen = check_history(&breaker);
        assert_eq!((seen.state, seen.generation), (State::HalfOpen, 2));
    });
}

/// The breaker is closed by hand while a health check decides on the Open that it saw.
#[test]
fn no_round_begins_but_from_its_open() {
    explore("no_round_begins_but_from_its_open", Some(3), || {
        let (breaker, controller, _clock) = ready_to_probe(HalfOpen::successes(1));
        let controller = Arc::new(controller);
        let also = Arc::clone(&controller);
        let (begun, reset) = race(|| controller.half_open_from(1), move || also.reset());

        assert!(reset);
        let seen = check_history(&breaker);
        let generation = if begun { 3 } else { 2 };
        assert_eq!((seen.state, seen.generation), (State::Closed, generation));
    });
}

/// It is opened anew while a health check puts off the Open that it saw.
#[test]
fn another_open_is_not_put_off() {
    explore("another_open_is_not_put_off", Some(3), || {
        let (breaker, controller, _clock) = ready_to_probe(HalfOpen::successes(1));
        let controller = Arc::new(controller);
        let also = Arc::clone(&controller);
        let put_off = || controller.postpone_in(1, OPEN * 9);
        let (_, tripped) = race(put_off, move || also.trip());

        assert!(tripped);
        let seen = check_history(&breaker);
        assert_eq!((seen.state, seen.generation), (State::Open, 2));
        assert_eq!(seen.retry_after, Some(OPEN), "{seen:?}");
    });
}

/// Two rules and the operator open it at once: a call that is rejected names the cause that the event
/// has, whoever published.
#[test]
fn a_rejection_names_the_cause_of_its_opening() {
    explore(
        "a_rejection_names_the_cause_of_its_opening",
        Some(3),
        || {
            let (breaker, _controller, _clock) = by_count(1);
            let other = breaker.clone();
            let ask = move || other.try_acquire().map(|permit| permit.ignore());
            let ((), answer) = race(|| fail(&breaker), ask);

            let seen = check_history(&breaker);
            assert_eq!(seen.state, State::Open, "{seen:?}");
            let history = breaker.observer().history();
            let opening = history.last().expect("it has opened");
            let rejected = breaker.try_acquire().map(drop).expect_err("open");
            assert_eq!(rejected.cause(), Some(opening.cause), "{history:?}");
            assert_eq!(opening.cause, Cause::FailureCount);
            if let Err(rejected) = answer {
                assert_eq!(rejected.cause(), Some(opening.cause), "{rejected:?}");
            }
        },
    );
}

/// Peers trip the Closed that they saw, beside a failure that trips it: one transition, and one cause.
#[test]
fn peers_trip_the_closed_that_they_saw() {
    explore("peers_trip_the_closed_that_they_saw", Some(3), || {
        let (breaker, controller, _clock) = by_run(1);
        let other = breaker.clone();
        let (tripped, ()) = race(move || controller.trip_in(0), move || fail(&other));
        let seen = check_history(&breaker);
        assert_eq!((seen.state, seen.generation), (State::Open, 1));
        let cause = breaker.observer().history()[0].cause;
        let expected = if tripped {
            Cause::Peers
        } else {
            Cause::ConsecutiveFailures
        };
        assert_eq!(cause, expected);
    });
}

/// The breaker is reset beside them: one that begins meanwhile is left alone.
#[test]
fn peers_trip_no_later_closed() {
    explore("peers_trip_no_later_closed", Some(3), || {
        let (breaker, controller, _clock) = by_run(1);
        let controller = Arc::new(controller);
        let also = Arc::clone(&controller);
        let (tripped, reset) = race(|| controller.trip_in(0), move || also.reset());
        assert!(reset);
        let seen = check_history(&breaker);
        let generation = if tripped { 2 } else { 1 };
        assert_eq!((seen.state, seen.generation), (State::Closed, generation));
    });
}

/// Two operators: the one releases its own override alone.
#[test]
fn one_override_is_released_alone() {
    explore("one_override_is_released_alone", Some(2), || {
        let (breaker, controller, _clock) = by_run(1);
        let controller = Arc::new(controller);
        let also = Arc::clone(&controller);
        let mine = || {
            let ours = controller.override_as(State::ForcedOpen)?;
            Some((ours, controller.release_from(ours)))
        };
        let (mine, theirs) = race(mine, move || also.override_as(State::Disabled));
        let theirs = theirs.expect("disabled by them alone");
        let (ours, released) = mine.expect("forced open by us alone");
        let seen = check_history(&breaker);
        // theirs came before ours and was replaced, or between, or after ours was released
        let expected = match (theirs < ours, released) {
            (true, true) => (State::Closed, 3),
            (false, false) => (State::Disabled, 2),
            (false, true) => (State::Disabled, 3),
            (true, false) => unreachable!("ours was the last"),
        };
        assert_eq!(
            (seen.state, seen.generation),
            expected,
            "{ours} {theirs} {released}"
        );
    });
}
