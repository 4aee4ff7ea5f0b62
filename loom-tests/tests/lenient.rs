//! I4, I5 and I8 with lenient kinds: failures of a class of their own, each worth a part of one, are frozen with the
//! others, have their own starts of epochs and ticks, and count by the weight that the rules have at the cut.

use std::time::Duration;

use tripcoil::{
    Breaker, Builder, Cause, Controller, FailureKind, HalfOpen, ManualClock, Outage, Outcome, State,
};
use tripcoil_loom_tests::{
    EPOCH, check_history, explore, fail, model_breaker, race, ready_to_probe, succeed, tripped_at,
};

const KINDS: [FailureKind; 1] = [FailureKind::Overload];

/// One call that fails as lenient.
fn refuse(breaker: &Breaker) {
    if let Ok(permit) = breaker.try_acquire() {
        permit.record(Outcome::Failure(FailureKind::Overload));
    }
}

/// One that opens at so many failures in the window, of which an overload is that part.
fn by_weight(failures: u32, weight: f64) -> (Breaker, Controller, ManualClock) {
    model_breaker(|rules| rules.failure_count(failures).lenient(KINDS, weight))
}

fn lenient(controller: &Controller, kinds: [FailureKind; 1], weight: f64) {
    let adopted = controller.reconfigure(|rules| rules.lenient(kinds, weight));
    adopted.expect("valid");
}

fn rate(breaker: &Breaker) -> f64 {
    breaker.observer().snapshot().failure_rate
}

#[test]
fn two_halves_are_a_failure() {
    explore("two_halves_are_a_failure", Some(3), || {
        let (breaker, _controller, _clock) = by_weight(2, 0.5);
        fail(&breaker);
        let other = breaker.clone();
        race(|| refuse(&breaker), move || refuse(&other));
        tripped_at(&breaker, 3, 1);
    });
}

/// Each class has its part of the allowance: two failures, or four lenient ones, and not both.
#[test]
fn lenient_failures_share_what_is_left() {
    explore("lenient_failures_share_what_is_left", Some(2), || {
        let (breaker, _controller, _clock) = by_weight(4, 0.5);
        fail(&breaker);
        refuse(&breaker);
        let other = breaker.clone();
        let two = || {
            fail(&breaker);
            fail(&breaker);
        };
        race(two, move || refuse(&other));
        tripped_at(&breaker, 5, 1);
    });
}

#[test]
fn a_half_and_a_success_are_none() {
    explore("a_half_and_a_success_are_none", Some(3), || {
        let (breaker, _controller, _clock) = by_weight(1, 0.5);
        let other = breaker.clone();
        race(|| refuse(&breaker), move || succeed(&other));
        let seen = check_history(&breaker);
        assert_eq!(
            (seen.state, seen.window.failures),
            (State::Closed, 1),
            "{seen:?}"
        );
        assert_eq!(seen.failure_rate, 0.25);
    });
}

#[test]
fn a_run_adds_up_by_parts() {
    explore("a_run_adds_up_by_parts", Some(3), || {
        let (breaker, _controller, _clock) =
            model_breaker(|rules| rules.consecutive_failures(2).lenient(KINDS, 0.5));
        fail(&breaker);
        let other = breaker.clone();
        race(|| refuse(&breaker), move || refuse(&other));
        let seen = check_history(&breaker);
        assert_eq!(
            (seen.state, seen.generation),
            (State::Open, 1),
            "missed: {seen:?}"
        );
        let event = breaker.observer().history()[0];
        let run = (
            event.cause,
            event.consecutive_failures,
            event.counts.failures,
        );
        assert_eq!(run, (Cause::ConsecutiveFailures, 2, 3));
    });
}

/// Both find the epoch over, and one of them moves on for both. The epoch that leaves the window takes its lenient
/// failure with it, and no other.
#[test]
fn an_epoch_takes_its_lenient_failures_with_it() {
    explore(
        "an_epoch_takes_its_lenient_failures_with_it",
        Some(2),
        || {
            let (breaker, _controller, clock) = by_weight(9, 0.5);
            refuse(&breaker);
            clock.advance(EPOCH);
            let other = breaker.clone();
            race(|| refuse(&breaker), move || fail(&other));
            assert_eq!(rate(&breaker), 2.0 / 3.0);
            clock.advance(EPOCH);
            assert_eq!(rate(&breaker), 1.5 / 2.0, "one of a half and a whole one");
            succeed(&breaker);
            assert_eq!(rate(&breaker), 1.5 / 3.0);
            check_history(&breaker);
        },
    );
}

/// A period begins with none, though the epoch goes on.
#[test]
fn a_period_begins_without_lenient_failures() {
    explore("a_period_begins_without_lenient_failures", Some(2), || {
        let (breaker, controller, _clock) = by_weight(9, 0.5);
        refuse(&breaker);
        let other = breaker.clone();
        race(|| controller.reset(), move || refuse(&other));
        let seen = check_history(&breaker);
        // before the reset, or after it, or late
        let left = seen.window.failures;
        assert!(left <= 1, "{seen:?}");
        let exact = if left == 0 { 0.0 } else { 0.5 };
        assert_eq!(seen.failure_rate, exact, "{seen:?}");
        fail(&breaker);
        let all = left as f64;
        assert_eq!(rate(&breaker), (0.5 * all + 1.0) / (all + 1.0));
    });
}

/// The class is counted for the first time while the rule comes: as lenient or as others, and once.
#[test]
fn the_rule_comes_while_a_failure_ends() {
    explore("the_rule_comes_while_a_failure_ends", Some(2), || {
        let (breaker, controller, _clock) = model_breaker(|rules| rules.failure_count(9));
        let other = breaker.clone();
        race(|| lenient(&controller, KINDS, 0.5), move || refuse(&other));
        let seen = check_history(&breaker);
        assert_eq!(
            (seen.window.failures, seen.totals.failures),
            (1, 1),
            "{seen:?}"
        );
        let first = seen.failure_rate;
        assert!(first == 1.0 || first == 0.5, "{seen:?}");
        refuse(&breaker);
        assert_eq!(rate(&breaker), (first + 0.5) / 2.0, "the second is lenient");
    });
}

/// The update by which it comes may be another thread's, and under way.
#[test]
fn the_rule_comes_amid_an_update() {
    explore("the_rule_comes_amid_an_update", Some(2), || {
        let (breaker, controller, clock) = model_breaker(|rules| rules.failure_count(9));
        succeed(&breaker);
        clock.advance(EPOCH);
        let other = breaker.clone();
        race(|| lenient(&controller, KINDS, 0.5), move || succeed(&other));
        refuse(&breaker);
        assert_eq!(rate(&breaker), 0.5 / 3.0);
        clock.advance(EPOCH);
        refuse(&breaker);
        assert_eq!(rate(&breaker), 1.0 / 3.0);
        check_history(&breaker);
    });
}

/// By either weight the second failure makes the rule true, so it trips whichever holds.
#[test]
fn a_new_weight_meets_the_failure_that_trips() {
    explore("a_new_weight_meets_the_failure_that_trips", Some(2), || {
        let (breaker, controller, _clock) = by_weight(1, 0.5);
        refuse(&breaker);
        let other = breaker.clone();
        race(|| lenient(&controller, KINDS, 0.75), move || refuse(&other));
        tripped_at(&breaker, 2, 1);
    });
}

/// By the rules before, the second half is a failure with the first; by those after, it is a whole one.
#[test]
fn other_kinds_meet_the_end_of_a_run() {
    explore("other_kinds_meet_the_end_of_a_run", Some(2), || {
        let rules = |b: Builder| b.consecutive_failures(1).lenient(KINDS, 0.5);
        let (breaker, controller, _clock) = model_breaker(rules);
        refuse(&breaker);
        let other = breaker.clone();
        race(
            || lenient(&controller, [FailureKind::Timeout], 0.0),
            move || refuse(&other),
        );
        let seen = check_history(&breaker);
        assert_eq!(
            (seen.state, seen.generation),
            (State::Open, 1),
            "missed: {seen:?}"
        );
    });
}

/// They add up in the score, over the end of a tick that both find.
#[test]
fn a_tick_has_its_lenient_failures() {
    explore("a_tick_has_its_lenient_failures", Some(2), || {
        // at theta 0.5 a bad outcome weighs 55,528 and a fast success 55,529, in 2^-16: three quarters of the one less a
        // quarter of the other
        let lift = 27_763.0 / 65_536.0;
        let (breaker, _controller, clock) =
            model_breaker(|rules| rules.outage(Outage::at(0.5)).lenient(KINDS, 0.75));
        refuse(&breaker);
        clock.advance(Duration::from_millis(20));
        let other = breaker.clone();
        race(|| refuse(&breaker), move || refuse(&other));
        let seen = check_history(&breaker);
        assert_eq!(
            seen.evidence.map(|evidence| evidence.value),
            Some(3.0 * lift)
        );
        clock.advance(Duration::from_millis(20));
        refuse(&breaker);
        let seen = check_history(&breaker);
        assert_eq!(
            seen.evidence.map(|evidence| evidence.value),
            Some(4.0 * lift)
        );
    });
}

/// The probe that is refused decides nothing, and another call has its slot.
#[test]
fn a_light_probe_gives_its_slot_back() {
    explore("a_light_probe_gives_its_slot_back", Some(3), || {
        let (breaker, controller, _clock) = ready_to_probe(HalfOpen::successes(1));
        lenient(&controller, KINDS, 0.375);
        let probe = breaker.try_acquire_owned().expect("the wait is over");
        let other = breaker.clone();
        race(
            || probe.record(Outcome::Failure(FailureKind::Overload)),
            move || succeed(&other),
        );
        let seen = check_history(&breaker);
        assert_eq!(seen.totals.failures, 1, "{seen:?}");
        assert_eq!(seen.failures_by_kind.get(FailureKind::Overload), 1);
        let closed = seen.totals.successes;
        let state = if closed == 1 {
            State::Closed
        } else {
            State::HalfOpen
        };
        assert_eq!(
            (seen.state, closed + seen.totals.rejected),
            (state, 1),
            "{seen:?}"
        );
        assert_eq!(seen.probes.in_flight, 0);
        succeed(&breaker);
        assert_eq!(check_history(&breaker).state, State::Closed);
    });
}
