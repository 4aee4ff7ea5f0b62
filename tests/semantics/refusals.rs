//! Refusals: all problems at once, and nothing half done.

use std::time::Duration;

use tripcoil::{Backoff, Breaker, Builder, Config, HalfOpen, State, Window};

use crate::common::{Rig, ms, secs};
use crate::validation::{YEAR, accepts, builder, fields};

fn all_wrong() -> (Builder, Vec<&'static str>) {
    let builder = builder()
        .window(Window::time(secs(1)).buckets(7))
        .failure_rate(f64::NAN)
        .min_throughput(0)
        .slow_call(Duration::ZERO)
        .slow_rate(2.0)
        .consecutive_failures(0)
        .failure_count(0)
        .open_for(
            Backoff::exponential(Duration::ZERO, 0.5)
                .max(YEAR * 2)
                .jitter(1.0)
                .reset_after(YEAR * 2),
        )
        .half_open(
            HalfOpen::rate(0, 0.0)
                .slow_rate(-1.0)
                .max_probes(0)
                .probe_timeout(Duration::ZERO),
        );
    let expected = vec![
        "window.buckets",
        "failure_rate",
        "min_throughput",
        "slow_call",
        "slow_rate",
        "consecutive_failures",
        "failure_count",
        "open_for.base",
        "open_for.factor",
        "open_for.max",
        "open_for.jitter",
        "open_for.reset_after",
        "half_open.of",
        "half_open.failure_rate",
        "half_open.slow_rate",
        "half_open.max_probes",
        "half_open.probe_timeout",
    ];
    (builder, expected)
}

#[test]
fn all_problems_are_told_at_once() {
    let (builder, mut expected) = all_wrong();
    let error = builder.build().map(drop).expect_err("to be refused");
    let mut told = fields(&error);
    told.sort_unstable();
    expected.sort_unstable();
    assert_eq!(told, expected);
    assert_eq!(error.to_string().matches("open_for.jitter").count(), 1);
}

#[test]
fn a_config_is_checked_alike() {
    let config = Config {
        window: Window::count(3),
        failure_rate: Some(1.5),
        consecutive_failures: None,
        failure_count: Some(4),
        min_throughput: Some(4),
        ..Config::default()
    };
    let error = config.validate().expect_err("to be refused");
    let mut told = fields(&error);
    told.sort_unstable();
    assert_eq!(told, ["failure_count", "failure_rate", "min_throughput"]);
    let again = Breaker::from_config("checked", config.clone())
        .map(drop)
        .expect_err("refused");
    assert_eq!(fields(&again).len(), 3);
    let none = Config {
        failure_rate: None,
        failure_count: None,
        min_throughput: None,
        ..config
    };
    assert_eq!(fields(&none.validate().expect_err("no rule")), ["rules"]);
}

#[test]
fn any_initial_state_is_valid() {
    let all = [
        State::Closed,
        State::Open,
        State::HalfOpen,
        State::ForcedOpen,
        State::Disabled,
        State::ObserveOnly,
    ];
    for state in all {
        accepts(builder().initial_state(state));
    }
}

#[test]
fn new_rules_are_checked_alike_and_all_or_nothing() {
    let rig = Rig::run_of_three();
    let before = rig.seen();
    let bad = rig.controller.reconfigure(|rules| {
        let open_for = Backoff::constant(secs(5)).jitter(3.0);
        rules
            .failure_rate(0.0)
            .consecutive_failures(1)
            .open_for(open_for)
    });
    let error = bad.expect_err("to be refused");
    let mut told = fields(&error);
    told.sort_unstable();
    assert_eq!(told, ["failure_rate", "open_for.jitter"]);
    let none = rig.controller.reconfigure(|rules| rules.no_failure_rules());
    assert_eq!(fields(&none.expect_err("no rule")), ["rules"]);
    assert_eq!(rig.seen(), before);
    // the good one among them did not pass either
    rig.fail(2);
    assert_eq!(rig.state(), State::Closed);
    rig.fail(1);
    assert_eq!(rig.rest(), ms(10));
}
