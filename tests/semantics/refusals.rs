//! Refusals: all problems at once, and nothing half done.

use std::time::Duration;

use tripcoil::{Backoff, Breaker, Builder, Config, HalfOpen, Outage, State, Window};

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
        .outage(Outage::at(0.0).loss_at_most(0.2))
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
        "outage.theta",
        "outage.loss",
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
    for state in [State::Closed, State::Open, State::HalfOpen] {
        accepts(builder().initial_state(state));
    }
    for state in OVERRIDES {
        let config = Config {
            initial_state: state,
            ..Config::default()
        };
        assert_eq!(config.validate(), Ok(()));
        assert!(
            builder()
                .config(config.clone())
                .build_with_controller()
                .is_ok()
        );
        assert!(Breaker::from_config_with_controller("name", config).is_ok());
    }
}

const OVERRIDES: [State; 3] = [State::ForcedOpen, State::Disabled, State::ObserveOnly];

#[test]
fn an_override_that_nobody_can_end_is_refused() {
    for state in OVERRIDES {
        let config = Config {
            initial_state: state,
            ..Config::default()
        };
        for refused in [
            builder().initial_state(state).build(),
            builder().config(config.clone()).build(),
            Breaker::from_config("name", config),
        ] {
            let error = refused.expect_err("nobody can end it");
            let [problem] = error.problems() else {
                panic!("{error}");
            };
            assert_eq!(problem.field, "initial_state");
            assert_eq!(problem.value, format!("{state:?}"));
            assert!(problem.permitted.contains("build_with_controller"));
            assert!(error.to_string().contains("build_with_controller"));
        }
        // with all the others
        let error = builder()
            .initial_state(state)
            .failure_rate(7.0)
            .consecutive_failures(0)
            .build()
            .expect_err("three problems");
        let fields: Vec<_> = error.problems().iter().map(|p| p.field).collect();
        assert_eq!(
            fields,
            ["failure_rate", "consecutive_failures", "initial_state"]
        );
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
