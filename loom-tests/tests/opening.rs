//! I8: after Open is published no call is admitted before its deadline.

use tripcoil::{Cause, HalfOpen, State};
use tripcoil_loom_tests::{OPEN, by_count, check_history, explore, fail, race, ready_to_probe};

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
