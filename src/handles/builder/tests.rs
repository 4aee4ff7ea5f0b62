use super::*;
use crate::clock::kinds::ManualClock;

type FailureRules = (Option<u32>, Option<u32>, Option<f64>);

fn rules(builder: &Builder) -> FailureRules {
    let c = &builder.config;
    (c.consecutive_failures, c.failure_count, c.failure_rate)
}

fn builder() -> Builder {
    Breaker::builder("built")
}

#[test]
fn the_first_failure_rule_named_replaces_the_default_ones() {
    assert_eq!(rules(&builder()), (Some(5), None, Some(0.5)));
    let run = builder().consecutive_failures(3);
    assert_eq!(rules(&run), (Some(3), None, None));
    assert_eq!(rules(&run.failure_count(9)), (Some(3), Some(9), None));
    assert_eq!(rules(&builder().failure_rate(0.1)), (None, None, Some(0.1)));
    assert_eq!(rules(&builder().failure_count(4)), (None, Some(4), None));
}

#[test]
fn other_settings_leave_the_default_failure_rules() {
    let other = builder()
        .min_throughput(9)
        .slow_call(Duration::from_secs(1))
        .slow_rate(0.5);
    assert_eq!(rules(&other), (Some(5), None, Some(0.5)));
    assert_eq!(rules(&other.failure_rate(0.2)), (None, None, Some(0.2)));
}

#[test]
fn none_is_none_until_one_is_named() {
    let none = builder().failure_rate(0.3).no_failure_rules();
    assert_eq!(rules(&none), (None, None, None));
    assert_eq!(rules(&none.failure_count(2)), (None, Some(2), None));
}

#[test]
fn the_rules_of_a_config_count_as_named() {
    let config = Config {
        failure_count: Some(7),
        ..Config::default()
    };
    let from = builder().failure_rate(0.9).config(config);
    assert_eq!(rules(&from), (Some(5), Some(7), Some(0.5)));
    let changed = from.failure_rate(0.2);
    assert_eq!(rules(&changed), (Some(5), Some(7), Some(0.2)));
}

#[test]
fn a_classifier_keeps_what_was_named_before() {
    let named = builder()
        .failure_count(4)
        .classifier(|_: &Result<u8, u8>| crate::words::outcome::Outcome::Success);
    let named = named.consecutive_failures(2);
    assert_eq!(named.config.failure_count, Some(4));
    assert_eq!(named.config.consecutive_failures, Some(2));
    assert_eq!(named.config.failure_rate, None);
}

#[test]
fn every_setting_arrives() {
    let clock = ManualClock::new();
    clock.advance(Duration::from_secs(7));
    let wait = Duration::from_secs(3);
    let set = builder()
        .window(Window::count(12))
        .open_for(wait)
        .half_open(HalfOpen::successes(9))
        .clock(&clock)
        .on_cancel(OnCancel::Failure)
        .initial_state(State::Disabled);
    let config = &set.config;
    assert_eq!(config.window, Window::count(12));
    assert_eq!(config.open_for, Backoff::constant(wait));
    assert_eq!(config.half_open, HalfOpen::successes(9));
    assert_eq!(config.clock.nanos(), 7_000_000_000);
    assert_eq!(config.on_cancel, OnCancel::Failure);
    assert_eq!(config.initial_state, State::Disabled);
}

#[test]
fn what_is_wrong_is_told_when_it_is_built() {
    let built = builder()
        .clock(ManualClock::new())
        .failure_rate(2.0)
        .build();
    let field = built.err().map(|error| error.problems()[0].field);
    assert_eq!(field, Some("failure_rate"));
}
