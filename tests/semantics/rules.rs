//! The trip rules, and the order in which a cause is looked for.

use tripcoil::{Cause, Outcome, State, Window};

use crate::common::{Rig, SERVER, counts, ms, ns, secs};

const OK: Outcome = Outcome::Success;

#[test]
fn consecutive_failures_trip_at_n() {
    for n in [1, 2, 5, 100] {
        let rig = Rig::new(|builder| builder.consecutive_failures(n));
        rig.fail(n as usize - 1);
        assert_eq!(rig.state(), State::Closed, "{n}");
        assert_eq!(rig.seen().consecutive_failures, u64::from(n) - 1);
        rig.fail(1);
        assert_eq!(
            (rig.state(), rig.cause()),
            (State::Open, Cause::ConsecutiveFailures),
            "{n}"
        );
        assert_eq!(rig.last().consecutive_failures, u64::from(n));
    }
}

#[test]
fn a_success_between_ends_the_run() {
    let rig = Rig::run_of_three();
    for _ in 0..10 {
        rig.ends(&[SERVER, SERVER, OK]);
    }
    assert_eq!(rig.seen().consecutive_failures, 0);
    rig.fail(2);
    rig.slow(OK);
    rig.fail(2);
    assert_eq!(rig.state(), State::Closed);
    rig.fail(1);
    assert_eq!(rig.state(), State::Open);
}

/// Two buckets of a millisecond, and a run of three.
fn aging() -> Rig {
    Rig::new(|builder| {
        builder
            .window(Window::time(ms(2)).buckets(2))
            .consecutive_failures(3)
    })
}

#[test]
fn a_run_is_over_where_the_window_holds_no_failure_any_more() {
    let rig = aging();
    rig.fail(2);
    rig.wait(ms(2) - ns(1));
    assert_eq!(rig.seen().consecutive_failures, 2);
    rig.wait(ns(1));
    assert_eq!(rig.seen().consecutive_failures, 0, "no call has come yet");
    rig.fail(2);
    assert_eq!(
        (rig.state(), rig.seen().consecutive_failures),
        (State::Closed, 2)
    );
    rig.fail(1);
    assert_eq!(rig.state(), State::Open);
    assert_eq!(rig.last().consecutive_failures, 3);
    for _ in 0..20 {
        rig.wait_out();
        rig.ok(2);
        rig.wait(secs(3_600));
        rig.fail(1);
        assert_eq!(rig.seen().consecutive_failures, 1);
        assert!(rig.controller.reset());
        assert!(rig.controller.trip());
    }
}

/// Each keeps the one before it alive, for as long as it is in the window itself.
#[test]
fn a_run_lasts_as_long_as_its_latest_failure_is_in_the_window() {
    let rig = aging();
    rig.fail(1);
    rig.wait(ms(1));
    rig.fail(1);
    rig.wait(ms(1));
    assert_eq!(rig.seen().window.failures, 1);
    assert_eq!(rig.seen().consecutive_failures, 2);
    rig.fail(1);
    assert_eq!(rig.state(), State::Open);
    assert_eq!(rig.last().consecutive_failures, 3);
}

#[test]
fn a_transition_that_finds_an_old_run_tells_none() {
    for trip in [true, false] {
        let rig = aging();
        rig.fail(2);
        rig.wait(secs(1));
        assert!(if trip {
            rig.controller.trip()
        } else {
            rig.controller.observe_only()
        });
        assert_eq!(rig.last().consecutive_failures, 0);
    }
}

#[test]
fn a_run_that_is_over_may_be_told_of_again_under_observe_only() {
    let rig = aging();
    assert!(rig.controller.observe_only());
    rig.fail(3);
    assert_eq!(rig.seen().would_trip, 1);
    rig.wait(secs(1));
    rig.fail(2);
    assert_eq!(rig.seen().would_trip, 1);
    rig.fail(2);
    assert_eq!(rig.seen().would_trip, 2);
}

#[test]
fn a_count_window_and_its_run_have_no_age() {
    let rig = Rig::new(|builder| builder.window(Window::count(9)).consecutive_failures(3));
    for _ in 0..3 {
        assert_eq!(rig.state(), State::Closed);
        rig.wait(secs(3_600));
        rig.fail(1);
    }
    assert_eq!(rig.state(), State::Open);
}

#[test]
fn the_run_is_counted_whatever_the_window() {
    let rig = Rig::new(|builder| builder.window(Window::count(1)).consecutive_failures(3));
    rig.fail(3);
    assert_eq!(rig.state(), State::Open);
    assert_eq!(rig.last().counts, counts(0, 1, 0));
}

#[test]
fn the_run_begins_anew_with_each_generation() {
    let rig = Rig::run_of_three();
    rig.fail(2);
    assert!(rig.controller.reset());
    assert_eq!(rig.seen().consecutive_failures, 0);
    rig.fail(2);
    assert_eq!(rig.state(), State::Closed);
}

#[test]
fn without_the_rule_runs_are_not_counted() {
    let rig = Rig::new(|builder| builder.failure_count(10));
    rig.fail(3);
    assert_eq!(rig.seen().consecutive_failures, 0);
}

#[test]
fn failure_count_trips_at_n_in_the_window() {
    let rig = Rig::new(|builder| {
        builder
            .window(Window::time(secs(2)).buckets(2))
            .failure_count(3)
    });
    rig.ends(&[SERVER, OK, SERVER, OK]);
    rig.wait(secs(2));
    // the two are gone
    rig.ends(&[SERVER, OK, SERVER, OK]);
    assert_eq!(rig.state(), State::Closed);
    rig.wait(secs(1));
    rig.fail(1);
    assert_eq!(
        (rig.state(), rig.cause()),
        (State::Open, Cause::FailureCount)
    );
    assert_eq!(rig.last().counts, counts(2, 3, 0));
}

#[test]
fn failure_rate_is_inclusive() {
    // 3 of 10 is 0.3 as a quotient of floats, 1 of 3 is a third
    for (successes, failures, rate) in [(7, 3, 0.3), (2, 1, 1.0 / 3.0), (1, 1, 0.5), (0, 1, 1.0)] {
        let calls = successes + failures;
        let rig = Rig::new(|builder| builder.failure_rate(rate).min_throughput(calls));
        rig.ok(successes as usize);
        rig.fail(failures as usize - 1);
        assert_eq!(rig.state(), State::Closed, "{rate}");
        rig.fail(1);
        assert_eq!(
            (rig.state(), rig.cause()),
            (State::Open, Cause::FailureRate),
            "{rate}"
        );
    }
}

#[test]
fn just_below_the_rate_does_not_trip() {
    let rig = Rig::new(|builder| builder.failure_rate(0.5).min_throughput(1));
    rig.ok(100);
    rig.fail(99);
    assert_eq!(rig.state(), State::Closed);
    rig.fail(1);
    assert_eq!(rig.state(), State::Open);
    assert_eq!(rig.last().counts, counts(100, 100, 0));
}

#[test]
fn a_rate_of_one_needs_every_call_to_fail() {
    let rig = Rig::new(|builder| builder.failure_rate(1.0).min_throughput(2));
    rig.ok(1);
    rig.fail(50);
    assert_eq!(rig.state(), State::Closed);
}

#[test]
fn no_rate_is_looked_at_below_min_throughput() {
    let rig = Rig::new(|builder| builder.failure_rate(0.5).slow_rate(0.5).min_throughput(10));
    (0..9).for_each(|_| rig.slow(SERVER));
    assert_eq!(rig.state(), State::Closed);
    rig.slow(SERVER);
    assert_eq!(
        (rig.state(), rig.cause()),
        (State::Open, Cause::FailureRate)
    );
}

#[test]
fn a_success_can_be_the_one_that_reaches_min_throughput() {
    let rig = Rig::new(|builder| builder.failure_rate(0.5).min_throughput(6));
    rig.fail(3);
    rig.ok(2);
    assert_eq!(rig.state(), State::Closed);
    rig.ok(1);
    assert_eq!(
        (rig.state(), rig.cause()),
        (State::Open, Cause::FailureRate)
    );
    assert_eq!(rig.last().counts, counts(3, 3, 0));
}

#[test]
fn a_success_can_trip_after_old_successes_left_the_window() {
    let rig = Rig::new(|builder| {
        builder
            .window(Window::time(secs(2)).buckets(2))
            .failure_rate(0.4)
            .min_throughput(2)
    });
    rig.ok(50);
    rig.wait(secs(1));
    rig.fail(4);
    rig.wait(secs(1));
    assert_eq!(rig.state(), State::Closed);
    rig.ok(1);
    assert_eq!(
        (rig.state(), rig.cause()),
        (State::Open, Cause::FailureRate)
    );
    assert_eq!(rig.last().counts, counts(1, 4, 0));
}

#[test]
fn the_oldest_outcome_leaves_a_count_window_before_the_rules_are_judged() {
    let rig = Rig::new(|builder| {
        builder
            .window(Window::count(4))
            .failure_rate(0.5)
            .min_throughput(4)
    });
    rig.ends(&[OK, OK, SERVER, OK]);
    assert_eq!(rig.state(), State::Closed);
    // two of the last four, though only two of all five
    rig.ends(&[SERVER]);
    assert_eq!(
        (rig.state(), rig.last().counts),
        (State::Open, counts(2, 2, 0))
    );
}

#[test]
fn slow_rate_trips_on_slow_successes() {
    let rig = Rig::new(|builder| builder.slow_rate(0.75).min_throughput(4));
    rig.ok(1);
    (0..2).for_each(|_| rig.slow(OK));
    assert_eq!(rig.state(), State::Closed);
    rig.slow(OK);
    assert_eq!((rig.state(), rig.cause()), (State::Open, Cause::SlowRate));
    assert_eq!(rig.last().counts, counts(4, 0, 3));
}

#[test]
fn a_slow_failure_is_in_both_rates() {
    let rig = Rig::new(|builder| builder.slow_rate(1.0).min_throughput(2));
    rig.slow(SERVER);
    rig.slow(SERVER);
    assert_eq!(rig.cause(), Cause::SlowRate);
    assert_eq!(rig.last().counts, counts(0, 2, 2));
}

#[test]
fn a_cause_is_the_first_true_rule_in_the_order() {
    // one outcome makes all the named rules true; each line names one fewer
    type About = fn(tripcoil::Builder) -> tripcoil::Builder;
    let table: [(About, Cause); 4] = [
        (
            |b| {
                b.slow_rate(1.0)
                    .failure_rate(1.0)
                    .failure_count(2)
                    .consecutive_failures(2)
            },
            Cause::ConsecutiveFailures,
        ),
        (
            |b| b.slow_rate(1.0).failure_rate(1.0).failure_count(2),
            Cause::FailureCount,
        ),
        (|b| b.slow_rate(1.0).failure_rate(1.0), Cause::FailureRate),
        (|b| b.slow_rate(1.0), Cause::SlowRate),
    ];
    for (about, cause) in table {
        let rig = Rig::new(|builder| about(builder.min_throughput(2)));
        rig.slow(SERVER);
        assert_eq!(rig.state(), State::Closed);
        rig.slow(SERVER);
        assert_eq!(rig.cause(), cause);
    }
}

#[test]
fn any_one_rule_is_enough() {
    let rig = Rig::new(|builder| {
        builder
            .consecutive_failures(100)
            .failure_count(100)
            .failure_rate(0.9)
            .slow_rate(0.5)
    });
    rig.ok(2);
    (0..3).for_each(|_| rig.slow(OK));
    assert_eq!(rig.cause(), Cause::SlowRate);
}

#[test]
fn rules_may_be_off() {
    // neither the run nor the count is a rule here
    let rig = Rig::new(|builder| builder.failure_rate(0.5).min_throughput(1_000));
    rig.fail(999);
    assert_eq!(rig.state(), State::Closed);
    rig.fail(1);
    assert_eq!(rig.cause(), Cause::FailureRate);
}

#[test]
fn rates_are_compared_as_quotients_of_floats() {
    // at these figures `part >= rate * whole` would say otherwise than `part / whole >= rate`
    let mut differing = 0;
    for whole in 1..=60_u32 {
        for part in 1..whole {
            let rate = f64::from(part) / f64::from(whole);
            if f64::from(part) >= rate * f64::from(whole) {
                continue;
            }
            differing += 1;
            let rig = Rig::new(|builder| builder.failure_rate(rate).min_throughput(whole));
            rig.ok((whole - part) as usize);
            rig.fail(part as usize);
            assert_eq!(rig.state(), State::Open, "{part} of {whole}");
        }
    }
    assert!(differing > 0, "the table is empty");
}
