//! The settings that advice is about: their values, read from a configuration and written to it.

use crate::Config;
use crate::integrations::insight::value::Value;

pub(super) const WINDOW: &str = "window";
pub(super) const FAILURE_RATE: &str = "failure_rate";
pub(super) const MIN_THROUGHPUT: &str = "min_throughput";
pub(super) const SLOW_CALL: &str = "slow_call";
pub(super) const SLOW_RATE: &str = "slow_rate";
pub(super) const CONSECUTIVE_FAILURES: &str = "consecutive_failures";
pub(super) const FAILURE_COUNT: &str = "failure_count";
pub(super) const OPEN_FOR: &str = "open_for";
pub(super) const PROBE_TIMEOUT: &str = "half_open.probe_timeout";
pub(super) const DURATIONS: &str = "durations";

/// Those that can be changed on a running breaker.
pub(super) const LIVE: [&str; 8] = [
    FAILURE_RATE,
    MIN_THROUGHPUT,
    SLOW_CALL,
    SLOW_RATE,
    CONSECUTIVE_FAILURES,
    FAILURE_COUNT,
    OPEN_FOR,
    PROBE_TIMEOUT,
];

/// Returns whether it can be changed on a running breaker.
pub(super) fn is_live(setting: &str) -> bool {
    LIVE.contains(&setting)
}

/// Returns the value in force; `None` of a rule that is off.
pub(super) fn value_of(config: &Config, setting: &str) -> Option<Value> {
    match setting {
        WINDOW => Some(Value::Window(config.window.clone())),
        FAILURE_RATE => config.failure_rate.map(Value::Rate),
        MIN_THROUGHPUT => Some(Value::Count(config.min_throughput_in_force())),
        SLOW_CALL => config.slow_call.map(Value::Time),
        SLOW_RATE => config.slow_rate.map(Value::Rate),
        CONSECUTIVE_FAILURES => config.consecutive_failures.map(Value::Count),
        FAILURE_COUNT => config.failure_count.map(Value::Count),
        OPEN_FOR => Some(Value::Wait(config.open_for.clone())),
        PROBE_TIMEOUT => config.half_open.probe_timeout.map(Value::Time),
        DURATIONS => Some(Value::Switch(config.durations)),
        _ => None,
    }
}

/// Writes a value that the setting can have; others change nothing.
pub(super) fn put(config: &mut Config, setting: &str, value: &Value) {
    match (setting, value) {
        (WINDOW, Value::Window(window)) => config.window = window.clone(),
        (FAILURE_RATE, Value::Rate(rate)) => config.failure_rate = Some(*rate),
        (MIN_THROUGHPUT, Value::Count(calls)) => config.min_throughput = Some(*calls),
        (SLOW_CALL, Value::Time(limit)) => config.slow_call = Some(*limit),
        (SLOW_RATE, Value::Rate(rate)) => config.slow_rate = Some(*rate),
        (CONSECUTIVE_FAILURES, Value::Count(n)) => config.consecutive_failures = Some(*n),
        (FAILURE_COUNT, Value::Count(n)) => config.failure_count = Some(*n),
        (OPEN_FOR, Value::Wait(wait)) => config.open_for = wait.clone(),
        (PROBE_TIMEOUT, Value::Time(limit)) => config.half_open.probe_timeout = Some(*limit),
        (DURATIONS, Value::Switch(on)) => config.durations = *on,
        _ => {}
    }
}
