//! I4: a failure within its allowance need not look, and yet none is missed: an allowance ends with
//! the epoch, the evaluation and the generation for which it was given.

use tripcoil::{FailureKind, Outcome, State};
use tripcoil_loom_tests::{
    EPOCH, SLOW, by_count, by_rate, check_history, explore, fail, model_breaker, race, succeed,
    succeed_slowly, tripped_at,
};

/// Three may go unseen, the fourth may not.
#[test]
fn failures_within_an_allowance_add_up() {
    explore("failures_within_an_allowance_add_up", Some(2), || {
        let (breaker, _controller, _clock) = by_count(4);
        let other = breaker.clone();
        race(
            || {
                fail(&breaker);
                fail(&breaker);
            },
            move || {
                fail(&other);
                fail(&other);
            },
        );
        tripped_at(&breaker, 4, 1);
    });
}

/// Old successes made room for three failures; they are left behind, and there is room for none.
#[test]
fn an_allowance_of_an_earlier_epoch_is_void() {
    explore("an_allowance_of_an_earlier_epoch_is_void", Some(2), || {
        let (breaker, controller, clock) = by_rate(0.5, 2);
        for _ in 0..4 {
            succeed(&breaker);
        }
        controller.reconfigure(|rules| rules).expect("valid");
        clock.advance(EPOCH * 2);
        let other = breaker.clone();
        race(|| fail(&breaker), move || fail(&other));

        let seen = check_history(&breaker);
        assert_eq!(seen.state, State::Open, "missed: {seen:?}");
        let counts = breaker.observer().history()[0].counts;
        assert_eq!((counts.calls, counts.failures), (2, 2), "{counts:?}");
    });
}

/// The third failure since the epoch before.
#[test]
fn failures_of_two_epochs_add_up() {
    explore("failures_of_two_epochs_add_up", Some(3), || {
        let (breaker, _controller, clock) = by_count(3);
        fail(&breaker);
        clock.advance(EPOCH);
        let other = breaker.clone();
        race(|| fail(&breaker), move || fail(&other));
        tripped_at(&breaker, 3, 1);
    });
}

/// The old rules left room for many more.
#[test]
fn an_allowance_of_earlier_rules_is_void() {
    explore("an_allowance_of_earlier_rules_is_void", Some(2), || {
        let (breaker, controller, _clock) = by_count(100);
        fail(&breaker);
        let stricter = move || controller.reconfigure(|rules| rules.failure_count(3));
        let ((), changed) = race(|| fail(&breaker), stricter);
        changed.expect("valid");
        fail(&breaker);
        tripped_at(&breaker, 3, 1);
    });
}

/// A failure of before the reset, and as many after it as trip.
#[test]
fn an_allowance_of_an_earlier_generation_is_void() {
    explore(
        "an_allowance_of_an_earlier_generation_is_void",
        Some(2),
        || {
            let (breaker, controller, _clock) = by_count(2);
            let old = breaker.try_acquire_owned().expect("closed");
            race(
                || {
                    assert!(controller.reset());
                    fail(&breaker);
                    fail(&breaker);
                },
                move || old.failure(tripcoil::FailureKind::Server),
            );
            tripped_at(&breaker, 2, 2);
        },
    );
}

/// The failure is beyond its allowance. An update that comes between, and does not judge, is no look.
#[test]
fn an_update_that_does_not_judge_is_no_look() {
    explore("an_update_that_does_not_judge_is_no_look", Some(3), || {
        let (breaker, controller, _clock) = by_count(2);
        fail(&breaker);
        let other = breaker.clone();
        let same = || controller.reconfigure(|rules| rules);
        let (adopted, ()) = race(same, move || fail(&other));
        adopted.expect("valid");
        tripped_at(&breaker, 2, 1);
    });
}

/// Two evaluations, of which one sees both failures; the earlier one's allowance is not for the
/// second.
#[test]
fn an_allowance_of_an_earlier_evaluation_is_void() {
    explore(
        "an_allowance_of_an_earlier_evaluation_is_void",
        Some(3),
        || {
            let (breaker, controller, _clock) = by_count(3);
            fail(&breaker);
            let other = breaker.clone();
            race(
                || {
                    controller.reconfigure(|rules| rules).expect("valid");
                    fail(&breaker);
                },
                move || fail(&other),
            );
            tripped_at(&breaker, 3, 1);
        },
    );
}

/// After a success the rate allows one failure more; taken twice that would be one too many.
#[test]
fn an_allowance_by_rate_is_not_taken_twice() {
    explore("an_allowance_by_rate_is_not_taken_twice", Some(2), || {
        let (breaker, _controller, _clock) = by_rate(0.6, 3);
        succeed(&breaker);
        let other = breaker.clone();
        race(|| fail(&breaker), move || fail(&other));
        let seen = check_history(&breaker);
        assert_eq!(seen.state, State::Open, "missed: two of three: {seen:?}");
        let event = breaker.observer().history()[0];
        assert_eq!((event.counts.calls, event.counts.failures), (3, 2));
    });
}

/// Four failures of four calls. Of the two calls more that need not look, whichever they are, none is
/// the seventh.
#[test]
fn calls_within_an_allowance_add_up() {
    explore("calls_within_an_allowance_add_up", Some(3), || {
        let (breaker, _controller, _clock) = by_rate(0.5, 7);
        for _ in 0..4 {
            fail(&breaker);
        }
        let other = breaker.clone();
        race(
            || {
                succeed(&breaker);
                succeed(&breaker);
            },
            move || fail(&other),
        );
        let seen = check_history(&breaker);
        assert_eq!(seen.state, State::Open, "missed: five of seven: {seen:?}");
        let counts = breaker.observer().history()[0].counts;
        assert_eq!((counts.calls, counts.failures), (7, 5));
    });
}

/// The old rules would let two fast failures go unseen, the new ones a fast one and a slow one. Helpers
/// of one update that have different rules must not let two fast ones and a slow one go.
#[test]
fn an_allowance_is_by_one_set_of_rules() {
    explore("an_allowance_is_by_one_set_of_rules", Some(3), || {
        let (breaker, controller, clock) = model_breaker(|rules| {
            let slow = rules.slow_call(SLOW).slow_rate(0.1).min_throughput(1);
            slow.failure_count(3)
        });
        // without a slow call so far, the first one would find no limit at all
        succeed_slowly(&breaker);
        assert!(controller.reset());
        clock.advance(EPOCH);
        let other = breaker.clone();
        let (changed, ()) = race(
            || {
                // the rules are no word of loom's: without an access before, they would be new at once
                let _ = breaker.state();
                controller.reconfigure(|rules| rules.no_slow_rules())
            },
            move || {
                fail(&other);
                fail(&other);
                if let Ok(permit) = other.try_acquire() {
                    permit.record_timed(Outcome::Failure(FailureKind::Server), SLOW * 2);
                }
            },
        );
        changed.expect("valid");
        assert_eq!(breaker.state(), State::Open, "missed: three failures");
    });
}

/// More stripes share out what is left, and no more than that.
#[test]
fn growth_gives_no_allowance_twice() {
    explore("growth_gives_no_allowance_twice", Some(3), || {
        let (breaker, _controller, _clock) = by_count(3);
        let other = breaker.clone();
        race(|| fail(&breaker), move || fail(&other));
        assert_eq!(breaker.state(), State::Closed, "two of three");
        fail(&breaker);
        tripped_at(&breaker, 3, 1);
    });
}
