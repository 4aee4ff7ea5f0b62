//! I3, I4 and I5 with new rules: they are adopted whole, and judged from the next outcome on.
//!
//! Where the rules are kept loom does not see. A second thread's change falls wherever that thread is
//! first run, which is before each of the first one's accesses to the control word.

use std::sync::Arc;

use tripcoil::{Cause, State};
use tripcoil_loom_tests::{
    SLOW, by_count, by_run, by_slow_rate, check_history, explore, fail, race, succeed,
    succeed_slowly,
};

/// The allowance of the old rules is void: both failures are there, and the next outcome trips.
#[test]
fn a_stricter_rule_trips_at_the_next_outcome() {
    explore("a_stricter_rule_trips_at_the_next_outcome", Some(3), || {
        let (breaker, controller, _clock) = by_count(100);
        fail(&breaker);
        let stricter = move || controller.reconfigure(|rules| rules.failure_count(2));
        let ((), changed) = race(|| fail(&breaker), stricter);
        changed.expect("valid");
        // which may be this one
        succeed(&breaker);

        let seen = check_history(&breaker);
        assert_eq!((seen.state, seen.generation), (State::Open, 1), "{seen:?}");
        let event = breaker.observer().history()[0];
        assert_eq!(
            (event.cause, event.counts.failures),
            (Cause::FailureCount, 2)
        );
    });
}

/// One helper judges by the old rule, another by the new: one of the two is the decision.
#[test]
fn helpers_with_different_rules_decide_alike() {
    explore("helpers_with_different_rules_decide_alike", Some(2), || {
        let (breaker, controller, _clock) = by_count(2);
        let controller = Arc::new(controller);
        fail(&breaker);
        let also = Arc::clone(&controller);
        let looser = move || also.reconfigure(|rules| rules.failure_count(100));
        let ((), changed) = race(|| fail(&breaker), looser);
        changed.expect("valid");

        let seen = check_history(&breaker);
        if seen.state == State::Open {
            let event = breaker.observer().history()[0];
            assert_eq!(
                (event.cause, event.counts.failures),
                (Cause::FailureCount, 2)
            );
            return;
        }
        assert_eq!((seen.state, seen.window.failures), (State::Closed, 2));
        // nothing is left of a trip that was not decided
        assert!(controller.trip());
        check_history(&breaker);
        let event = breaker.observer().history()[0];
        assert_eq!(event.cause, Cause::Manual, "{event:?}");
    });
}

/// Two operators change two rules: both changes stay, and both are adopted.
#[test]
fn changes_by_two_operators_both_hold() {
    explore("changes_by_two_operators_both_hold", Some(3), || {
        let (breaker, controller, _clock) = by_count(100);
        let controller = Arc::new(controller);
        let also = Arc::clone(&controller);
        let (count, run) = race(
            || controller.reconfigure(|rules| rules.failure_count(2)),
            move || also.reconfigure(|rules| rules.consecutive_failures(3)),
        );
        count.expect("valid");
        run.expect("valid");
        fail(&breaker);
        let seen = check_history(&breaker);
        assert_eq!((seen.state, seen.consecutive_failures), (State::Closed, 1));
        fail(&breaker);
        let seen = check_history(&breaker);
        assert_eq!((seen.state, seen.generation), (State::Open, 1), "{seen:?}");
    });
}

/// The rule on runs goes off and on again, and is met earlier then, during one failure: what came before
/// is no part of the new run, wherever between its landing and its noting the failure is.
#[test]
fn a_run_of_an_old_era_does_not_go_on() {
    explore("a_run_of_an_old_era_does_not_go_on", Some(3), || {
        let (breaker, controller, _clock) = by_count(100);
        let on = controller.reconfigure(|rules| rules.consecutive_failures(3));
        on.expect("valid");
        fail(&breaker);
        let switch = move || {
            let off = controller.reconfigure(|rules| rules.no_failure_rules().failure_count(100));
            off.and_then(|()| controller.reconfigure(|rules| rules.consecutive_failures(2)))
        };
        let ((), switched) = race(|| fail(&breaker), switch);
        switched.expect("valid");
        let seen = check_history(&breaker);
        assert_eq!(seen.state, State::Closed, "two in the old run: {seen:?}");
        assert!(seen.consecutive_failures <= 1, "{seen:?}");
        assert_eq!(seen.totals.failures, 2);
    });
}

/// One operator switches the rule on runs off, and then a call succeeds; another switches it on: whatever of
/// the two rules a helper finds, the old run does not go on behind the success.
#[test]
fn no_run_goes_on_behind_a_success() {
    explore("no_run_goes_on_behind_a_success", Some(3), || {
        let (breaker, controller, _clock) = by_count(100);
        let controller = Arc::new(controller);
        let on = controller.reconfigure(|rules| rules.consecutive_failures(2));
        on.expect("valid");
        fail(&breaker);
        let also = Arc::clone(&controller);
        let switch_on = move || also.reconfigure(|rules| rules.consecutive_failures(2));
        let switch_off = || {
            let off = controller.reconfigure(|rules| rules.no_failure_rules().failure_count(100));
            succeed(&breaker);
            off
        };
        let (off, on) = race(switch_off, switch_on);
        off.and(on).expect("valid");
        fail(&breaker);
        let seen = check_history(&breaker);
        assert_eq!(seen.state, State::Closed, "one since the success: {seen:?}");
    });
}

/// A run rule is switched on while failures come: what came before does not count, what begins
/// after does.
#[test]
fn a_run_begins_with_its_rule() {
    explore("a_run_begins_with_its_rule", Some(3), || {
        let (breaker, controller, _clock) = by_count(100);
        fail(&breaker);
        let on = move || controller.reconfigure(|rules| rules.consecutive_failures(2));
        let ((), changed) = race(|| fail(&breaker), on);
        changed.expect("valid");

        let seen = check_history(&breaker);
        assert_eq!(seen.state, State::Closed, "one at the most: {seen:?}");
        assert!(seen.consecutive_failures <= 1, "{seen:?}");
        fail(&breaker);
        fail(&breaker);
        assert_eq!(check_history(&breaker).state, State::Open, "two in a row");
    });
}

/// A longer run is asked for while the shorter one is reached.
#[test]
fn a_longer_run_against_the_shorter_one() {
    explore("a_longer_run_against_the_shorter_one", Some(3), || {
        let (breaker, controller, _clock) = by_run(2);
        fail(&breaker);
        let longer = move || controller.reconfigure(|rules| rules.consecutive_failures(3));
        let ((), changed) = race(|| fail(&breaker), longer);
        changed.expect("valid");

        let seen = check_history(&breaker);
        if seen.state == State::Closed {
            assert_eq!(seen.consecutive_failures, 2, "none is lost: {seen:?}");
            fail(&breaker);
        }
        let seen = check_history(&breaker);
        assert_eq!((seen.state, seen.generation), (State::Open, 1), "{seen:?}");
    });
}

/// The slow limit is raised while a call that would be slow by the old one ends.
#[test]
fn a_call_is_slow_by_one_limit() {
    explore("a_call_is_slow_by_one_limit", Some(3), || {
        let (breaker, controller, _clock) = by_slow_rate(1.0, 1);
        let raise = move || controller.reconfigure(|rules| rules.slow_call(SLOW * 4));
        let ((), changed) = race(|| succeed_slowly(&breaker), raise);
        changed.expect("valid");

        let seen = check_history(&breaker);
        assert_eq!(seen.state == State::Open, seen.totals.slow == 1, "{seen:?}");
        assert_eq!(seen.totals.successes, 1, "{seen:?}");
        if seen.state == State::Closed {
            succeed_slowly(&breaker);
            let seen = check_history(&breaker);
            assert_eq!((seen.state, seen.totals.slow), (State::Closed, 0));
        }
    });
}
