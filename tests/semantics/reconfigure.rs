//! New rules while it runs.

use tripcoil::{
    Backoff, Breaker, Cause, FailureKind, HalfOpen, ManualClock, OnCancel, Outage, Outcome, State,
    Window,
};

use crate::common::{Rig, SERVER, counts, ms, ns, secs};

#[test]
fn naming_a_rule_sets_that_one_and_the_others_stay() {
    let rig = Rig::new(|builder| builder.consecutive_failures(3).failure_count(10));
    rig.controller
        .reconfigure(|rules| rules.failure_count(5))
        .expect("valid");
    rig.ends(&[
        SERVER,
        SERVER,
        Outcome::Success,
        SERVER,
        SERVER,
        Outcome::Success,
    ]);
    assert_eq!(rig.state(), State::Closed);
    rig.fail(1);
    assert_eq!(rig.cause(), Cause::FailureCount);
    assert!(rig.controller.reset());
    rig.fail(3);
    assert_eq!(rig.cause(), Cause::ConsecutiveFailures);
}

#[test]
fn no_failure_rules_takes_them_away() {
    let rig = Rig::run_of_three();
    rig.controller
        .reconfigure(|rules| {
            rules
                .no_failure_rules()
                .failure_rate(1.0)
                .min_throughput(50)
        })
        .expect("valid");
    rig.fail(49);
    assert_eq!(rig.state(), State::Closed);
    rig.fail(1);
    assert_eq!(rig.cause(), Cause::FailureRate);
}

#[test]
fn no_failure_rules_takes_the_outage_rule_away() {
    let rig = Rig::new(|builder| builder.outage(Outage::at(0.5)));
    let on = |rules: tripcoil::config::Rules| rules.no_failure_rules().outage(Outage::at(0.3));
    rig.controller.reconfigure(on).expect("valid");
    assert!(rig.seen().evidence.is_some());
    let off = |rules: tripcoil::config::Rules| rules.no_failure_rules().failure_count(10_000);
    rig.controller.reconfigure(off).expect("valid");
    assert_eq!(rig.seen().evidence, None);
    for _ in 0..100 {
        rig.fail(10);
        rig.wait(ms(20));
    }
    assert_eq!(rig.state(), State::Closed);
}

#[test]
fn an_outage_rule_that_is_refused_changes_nothing() {
    let rig = Rig::new(|builder| builder.outage(Outage::at(0.5)));
    rig.fail(3);
    let before = rig.seen();
    for outage in [Outage::at(f64::NAN), Outage::at(0.5).loss_at_most(0.5)] {
        let refused = rig.controller.reconfigure(|rules| rules.outage(outage));
        assert!(refused.is_err());
    }
    assert_eq!(rig.seen(), before);
    let count = Rig::new(|builder| builder.window(Window::count(9)).failure_count(3));
    let refused = count
        .controller
        .reconfigure(|rules| rules.outage(Outage::at(0.5)));
    assert_eq!(
        refused.expect_err("a count window").problems()[0].field,
        "outage"
    );
}

#[test]
fn lenient_kinds_that_are_refused_change_nothing() {
    let kinds = [FailureKind::Overload];
    let rig = Rig::run_of_three();
    rig.fail(2);
    let before = rig.seen();
    for weight in [0.3, 1.0, f64::NAN] {
        let refused = rig
            .controller
            .reconfigure(|rules| rules.lenient(kinds, weight));
        let error = refused.expect_err("no eighths");
        assert_eq!(error.problems()[0].field, "lenient.weight");
    }
    assert_eq!(rig.seen(), before);
    rig.fail(1);
    assert_eq!(rig.cause(), Cause::ConsecutiveFailures);

    let by_count = Rig::new(|builder| builder.window(Window::count(9)).failure_count(3));
    let rules = |kinds| move |rules: tripcoil::config::Rules| rules.lenient(kinds, 0.5);
    let refused = by_count.controller.reconfigure(rules(Vec::from(kinds)));
    let error = refused.expect_err("a count window");
    assert_eq!(error.problems()[0].field, "lenient");
    let none = by_count.controller.reconfigure(rules(Vec::new()));
    assert_eq!(none, Ok(()));
}

#[test]
fn no_slow_rules_takes_the_slow_rate_away() {
    let rig = Rig::new(|builder| builder.slow_rate(0.1).min_throughput(1).failure_count(100));
    rig.controller
        .reconfigure(|rules| rules.no_slow_rules())
        .expect("valid");
    (0..50).for_each(|_| rig.slow(Outcome::Success));
    assert_eq!(rig.state(), State::Closed);
}

#[test]
fn it_is_no_transition_and_the_window_stays() {
    let rig = Rig::run_of_three();
    rig.ends(&[SERVER, Outcome::Success, SERVER, SERVER]);
    let before = rig.seen();
    rig.controller
        .reconfigure(|rules| rules.failure_rate(0.9).min_throughput(100))
        .expect("valid");
    assert_eq!(rig.seen(), before);
    assert_eq!(rig.observer.history(), []);
    rig.fail(1);
    assert_eq!(rig.cause(), Cause::ConsecutiveFailures);
    assert_eq!(rig.last().counts, counts(1, 4, 0));
}

#[test]
fn new_rules_are_judged_at_the_next_counted_outcome() {
    let rig = Rig::new(|builder| builder.failure_count(100));
    rig.fail(10);
    rig.controller
        .reconfigure(|rules| rules.failure_count(5))
        .expect("valid");
    assert_eq!(rig.state(), State::Closed);
    rig.end(Outcome::Ignored);
    assert_eq!(rig.state(), State::Closed);
    rig.ok(1);
    assert_eq!(
        (rig.state(), rig.cause()),
        (State::Open, Cause::FailureCount)
    );
    assert_eq!(rig.last().counts, counts(1, 10, 0));
}

#[test]
fn a_looser_rule_takes_effect_at_once() {
    let rig = Rig::new(|builder| builder.failure_count(5));
    rig.fail(4);
    rig.controller
        .reconfigure(|rules| rules.failure_count(7))
        .expect("valid");
    rig.fail(2);
    assert_eq!(rig.state(), State::Closed);
    rig.fail(1);
    assert_eq!(rig.state(), State::Open);
}

#[test]
fn a_run_goes_on_under_a_new_limit() {
    let rig = Rig::run_of_three();
    rig.fail(2);
    rig.controller
        .reconfigure(|rules| rules.consecutive_failures(5))
        .expect("valid");
    assert_eq!(rig.seen().consecutive_failures, 2);
    rig.fail(2);
    assert_eq!(rig.state(), State::Closed);
    rig.fail(1);
    assert_eq!(
        (rig.state(), rig.last().consecutive_failures),
        (State::Open, 5)
    );
}

#[test]
fn a_run_rule_turned_on_starts_its_run_at_zero() {
    let rig = Rig::new(|builder| builder.failure_count(100));
    rig.fail(10);
    rig.controller
        .reconfigure(|rules| rules.consecutive_failures(3))
        .expect("valid");
    assert_eq!(rig.seen().consecutive_failures, 0);
    rig.fail(2);
    assert_eq!(
        (rig.state(), rig.seen().consecutive_failures),
        (State::Closed, 2)
    );
    rig.fail(1);
    assert_eq!(rig.cause(), Cause::ConsecutiveFailures);
}

#[test]
fn a_run_rule_turned_off_and_on_again_starts_at_zero() {
    let rig = Rig::run_of_three();
    rig.fail(2);
    rig.controller
        .reconfigure(|rules| rules.no_failure_rules().failure_count(100))
        .expect("valid");
    assert_eq!(rig.seen().consecutive_failures, 0);
    rig.controller
        .reconfigure(|rules| rules.consecutive_failures(3))
        .expect("valid");
    rig.fail(2);
    assert_eq!(rig.state(), State::Closed);
}

#[test]
fn the_slow_limit_changes_for_calls_that_end_later() {
    let rig = Rig::run_of_three();
    let under_way = rig.acquire();
    rig.controller
        .reconfigure(|rules| rules.slow_call(ms(50)))
        .expect("valid");
    rig.wait(ms(50));
    under_way.success();
    assert_eq!(rig.seen().totals.slow, 0);
    let under_way = rig.acquire();
    rig.wait(ms(50) + ns(1));
    under_way.success();
    assert_eq!(rig.seen().totals.slow, 1);
}

#[test]
fn the_backoff_and_the_round_change_for_those_that_begin_later() {
    let rig = Rig::run_of_three();
    rig.fail(3);
    rig.controller
        .reconfigure(|rules| {
            rules
                .open_for(Backoff::exponential(ms(100), 3.0).max(secs(1)))
                .half_open(HalfOpen::successes(1))
                .on_cancel(OnCancel::Failure)
        })
        .expect("valid");
    assert_eq!(rig.rest(), ms(10));
    rig.wait_out();
    drop(rig.acquire());
    // a failed probe by now, and the second opening
    assert_eq!((rig.cause(), rig.rest()), (Cause::ProbeFailed, ms(300)));
    rig.wait_out();
    rig.ok(1);
    assert_eq!(rig.state(), State::Closed);
}

#[test]
fn it_may_be_done_in_any_state() {
    let states = [
        State::Open,
        State::HalfOpen,
        State::ForcedOpen,
        State::Disabled,
    ];
    for state in states.into_iter().chain([State::ObserveOnly]) {
        let rig = crate::common::rig_in(state);
        rig.controller
            .reconfigure(|rules| rules.consecutive_failures(1))
            .expect("valid");
        assert_eq!(rig.state(), state);
        assert!(rig.controller.reset());
        rig.fail(1);
        assert_eq!(rig.state(), State::Open, "{state:?}");
    }
}

#[test]
fn a_count_window_still_bounds_the_rules() {
    let rig = Rig::new(|builder| builder.window(Window::count(10)).failure_count(5));
    assert!(
        rig.controller
            .reconfigure(|rules| rules.failure_count(11))
            .is_err()
    );
    assert!(
        rig.controller
            .reconfigure(|rules| rules.min_throughput(11))
            .is_err()
    );
    rig.controller
        .reconfigure(|rules| rules.failure_count(10).min_throughput(10))
        .expect("valid");
}

/// Found in lock step: the acquire that ends a decided round is admitted as any other.
#[test]
fn a_call_that_an_ended_round_admits_has_no_duration_without_a_limit() {
    let clock = ManualClock::new();
    let (breaker, controller) = Breaker::builder("unlimited")
        .clock(&clock)
        .half_open(HalfOpen::successes(2))
        .build_with_controller()
        .expect("valid");
    assert!(controller.half_open());
    breaker.try_acquire().expect("a probe").success();
    controller
        .reconfigure(|rules| rules.half_open(HalfOpen::successes(1)))
        .expect("valid");
    let admitted = breaker.try_acquire().expect("admitted");
    assert_eq!(breaker.state(), State::Closed);
    controller
        .reconfigure(|rules| rules.slow_call(ms(1)))
        .expect("valid");
    clock.advance(ms(5));
    admitted.success();
    let seen = breaker.observer().snapshot();
    assert_eq!((seen.window, seen.totals.slow), (counts(1, 0, 0), 0));
}
