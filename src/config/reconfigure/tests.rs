//! Changes to the rules, one by one and as a whole.

use super::*;
use crate::clock::kinds::ManualClock;
use crate::config::settings::Window;
use crate::words::outcome::State;

#[test]
fn rules_set_what_they_name_and_leave_the_rest() {
    let changed = |c: &Config, f: fn(Rules) -> Rules| f(Rules::unchanged()).upon(c);
    let config = changed(&Config::default(), |r| r.failure_count(9).min_throughput(8));
    assert_eq!(config.consecutive_failures, Some(5));
    assert_eq!(config.failure_rate, Some(0.5));
    assert_eq!(config.failure_count, Some(9));
    assert_eq!(config.min_throughput, Some(8));

    const LIMIT: Duration = Duration::from_millis(3);
    let config = changed(&config, |r| {
        let none = r.slow_call(LIMIT).slow_rate(0.5).no_failure_rules();
        none.failure_rate(0.1).consecutive_failures(2)
    });
    assert_eq!(config.failure_rate, Some(0.1));
    assert_eq!(config.consecutive_failures, Some(2));
    assert_eq!(config.failure_count, None);
    assert_eq!(config.slow_rate, Some(0.5));

    let config = changed(&config, |r| {
        let round = HalfOpen::rate(3, 0.5).slow_rate(0.5);
        r.half_open(round)
            .no_slow_rules()
            .open_for(LIMIT)
            .on_cancel(OnCancel::FailureIfSlow)
    });
    assert_eq!(config.slow_rate, None);
    assert_eq!(config.slow_call, Some(LIMIT));
    assert_eq!(config.half_open, HalfOpen::rate(3, 0.5).slow_rate(0.5));
    assert_eq!(config.open_for, Backoff::constant(LIMIT));
    assert_eq!(config.on_cancel, OnCancel::FailureIfSlow);
}

#[test]
fn lenient_kinds_are_replaced_as_a_whole() {
    let kinds = [FailureKind::Overload, FailureKind::Timeout];
    let built = Config {
        lenient: Some(Lenient::new(kinds, 0.25)),
        ..Config::default()
    };
    let changed = |f: fn(Rules) -> Rules| f(Rules::unchanged()).upon(&built);
    // other rules leave them
    let config = changed(|r| r.no_failure_rules().no_hang_rule().failure_count(9));
    assert_eq!(config.lenient, built.lenient);
    let config = changed(|r| r.lenient([FailureKind::Data], 0.5));
    let expected = Config {
        lenient: Some(Lenient::new([FailureKind::Data], 0.5)),
        ..built.clone()
    };
    assert_eq!(config, expected);
    let config = changed(|r| r.lenient([], 0.5));
    assert_eq!(config.lenient_in_force(), None);
    // as they are there, or not at all
    let config = changed(|r| r.config(Config::default()));
    assert_eq!(config.lenient, None);
    let again = Rules::unchanged().config(built.clone()).upon(&config);
    assert_eq!(again.lenient, built.lenient);
}

#[test]
fn a_configuration_brings_its_rules_and_nothing_else() {
    let clock = ManualClock::new();
    let built = Config {
        window: Window::count(30),
        slow_call: Some(Duration::from_secs(1)),
        slow_rate: Some(0.5),
        min_throughput: Some(9),
        durations: true,
        clock: (&clock).into(),
        initial_state: State::Disabled,
        ..Config::default()
    };
    let rules = Config {
        failure_rate: None,
        failure_count: Some(7),
        open_for: Backoff::constant(Duration::from_secs(3)),
        half_open: HalfOpen::successes(4),
        on_cancel: OnCancel::Failure,
        ..Config::default()
    };
    let config = Rules::unchanged().config(rules.clone()).upon(&built);
    let expected = Config {
        window: Window::count(30),
        durations: true,
        clock: (&clock).into(),
        initial_state: State::Disabled,
        ..rules
    };
    assert_eq!(config, expected);
}
