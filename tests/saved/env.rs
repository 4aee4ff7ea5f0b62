//! A configuration from the environment.

use crate::strategies::apart;
use std::time::Duration;
use tripcoil::{Backoff, Config, EnvError, HalfOpen, OnCancel, State, Window};

fn read(vars: &[(&str, &str)]) -> Result<Config, EnvError> {
    Config::from_vars("DB", vars.iter().copied())
}

fn variables(error: &EnvError) -> Vec<&str> {
    error
        .problems()
        .iter()
        .map(|p| p.variable.as_str())
        .collect()
}

#[test]
fn each_setting_has_a_variable() {
    let config = read(&[
        ("DB_WINDOW_TIME", "30s"),
        ("DB_WINDOW_BUCKETS", "30"),
        ("DB_FAILURE_RATE", "0.4"),
        ("DB_MIN_THROUGHPUT", "20"),
        ("DB_SLOW_CALL", "500ms"),
        ("DB_SLOW_RATE", "1"),
        ("DB_CONSECUTIVE_FAILURES", "false"),
        ("DB_FAILURE_COUNT", "50"),
        ("DB_OPEN_FOR_BASE", "1m"),
        ("DB_OPEN_FOR_FACTOR", "3"),
        ("DB_OPEN_FOR_MAX", "10m"),
        ("DB_OPEN_FOR_JITTER", "0.1"),
        ("DB_OPEN_FOR_RESET_AFTER", "2m"),
        ("DB_OPEN_FOR_SEED", "18446744073709551615"),
        ("DB_HALF_OPEN_OF", "10"),
        ("DB_HALF_OPEN_FAILURE_RATE", "0.5"),
        ("DB_HALF_OPEN_SLOW_RATE", "0.6"),
        ("DB_HALF_OPEN_MAX_PROBES", "3"),
        ("DB_HALF_OPEN_PROBE_TIMEOUT", "5s"),
        ("DB_ON_CANCEL", "failure_if_slow"),
        ("DB_DURATIONS", "true"),
        ("DB_CLOCK", "precise"),
        ("DB_INITIAL_STATE", "observe_only"),
        ("DBX_FAILURE_RATE", "of another"),
        ("DB", "of none"),
        ("PATH", "/bin"),
    ])
    .unwrap();
    let secs = Duration::from_secs;
    let expected = Config {
        window: Window::time(secs(30)).buckets(30),
        failure_rate: Some(0.4),
        min_throughput: Some(20),
        slow_call: Some(Duration::from_millis(500)),
        slow_rate: Some(1.0),
        consecutive_failures: None,
        failure_count: Some(50),
        open_for: Backoff::exponential(secs(60), 3.0)
            .max(secs(600))
            .jitter(0.1)
            .reset_after(secs(120))
            .seed(u64::MAX),
        half_open: HalfOpen::rate(10, 0.5)
            .slow_rate(0.6)
            .max_probes(3)
            .probe_timeout(secs(5)),
        on_cancel: OnCancel::FailureIfSlow,
        durations: true,
        clock: tripcoil::Clock::precise(),
        initial_state: State::ObserveOnly,
    };
    assert_eq!(format!("{config:?}"), format!("{expected:?}"));

    let config = read(&[
        ("DB_OPEN_FOR", "5s"),
        ("DB_WINDOW_COUNT", "9"),
        ("DB_HALF_OPEN_SUCCESSES", "3"),
    ])
    .unwrap();
    assert_eq!(config.open_for, Backoff::constant(secs(5)));
    assert_eq!(config.window, Window::count(9));
    assert_eq!(config.half_open, HalfOpen::successes(3));
}

#[test]
fn nothing_set_is_the_default_and_the_prefix_may_end_as_it_is_joined() {
    let default = format!("{:?}", Config::default());
    assert_eq!(format!("{:?}", read(&[]).unwrap()), default);
    let config = Config::from_vars("DB_", [("DB_FAILURE_RATE", "0.25")]).unwrap();
    assert_eq!(config.failure_rate, Some(0.25));
    assert_eq!(
        format!("{:?}", Config::from_env("TRIPCOIL_TEST_NONE").unwrap()),
        default
    );
}

/// What a process was begun with; this one goes on in another.
#[test]
fn a_process_has_its_variables() {
    let variable = ("TRIPCOIL_TEST_APART_FAILURE_RATE", "0.25");
    let read = Config::from_env("TRIPCOIL_TEST_APART")
        .unwrap()
        .failure_rate;
    if std::env::var_os(variable.0).is_some() {
        return assert_eq!(read, Some(0.25));
    }
    assert_eq!(read, Some(0.5));
    let here = std::path::Path::new(".");
    assert!(apart("env::a_process_has_its_variables", variable, here));
}

#[test]
fn all_that_cannot_be_read_is_told_at_once() {
    let error = read(&[
        ("DB_SLOW_CALL", "fast"),
        ("DB_FAILURE_RAET", "0.4"),
        ("DB_FAILURE_RATE", ""),
        ("DB_MIN_THROUGHPUT", "many"),
        ("DB_MIN_THROUGHPUT_", "5"),
        ("DB_", "5"),
        ("DB_INITIAL_STATE", "Open"),
        ("DB_SLOW_RATE", "0.5"),
    ])
    .unwrap_err();
    assert_eq!(
        variables(&error),
        [
            "DB_",
            "DB_FAILURE_RAET",
            "DB_FAILURE_RATE",
            "DB_INITIAL_STATE",
            "DB_MIN_THROUGHPUT",
            "DB_MIN_THROUGHPUT_",
            "DB_SLOW_CALL"
        ]
    );
    let text = error.to_string();
    let slow =
        "DB_SLOW_CALL is fast, permitted is a duration, such as 10s or 500ms, or false for none";
    assert!(text.contains(slow), "{text}");
    assert!(
        text.contains(
            "DB_FAILURE_RAET is 0.4, permitted is no such setting: there are WINDOW_TIME,"
        ),
        "{text}"
    );
}

#[test]
fn all_that_is_out_of_range_is_told_at_once() {
    let of = |vars: &[(&str, &str)]| {
        let error = read(vars).unwrap_err();
        variables(&error).join(" ")
    };
    assert_eq!(
        of(&[
            ("DB_FAILURE_RATE", "40"),
            ("DB_OPEN_FOR", "0s"),
            ("DB_WINDOW_COUNT", "0"),
            ("DB_HALF_OPEN_OF", "300"),
            ("DB_HALF_OPEN_FAILURE_RATE", "NaN"),
        ]),
        "DB_FAILURE_RATE DB_HALF_OPEN_FAILURE_RATE DB_HALF_OPEN_OF DB_OPEN_FOR DB_WINDOW_COUNT"
    );
    assert_eq!(
        of(&[("DB_WINDOW_TIME", "0s"), ("DB_OPEN_FOR_BASE", "0s")]),
        "DB_OPEN_FOR_BASE DB_WINDOW_TIME"
    );
    assert_eq!(
        of(&[
            ("DB_FAILURE_RATE", "false"),
            ("DB_CONSECUTIVE_FAILURES", "false")
        ]),
        "DB_*"
    );
    assert_eq!(of(&[("DB_SLOW_RATE", "0.5")]), "DB_SLOW_RATE");
}

#[test]
fn what_does_not_go_together_is_told_by_its_group() {
    for (vars, variable) in [
        (
            [("DB_WINDOW_TIME", "10s"), ("DB_WINDOW_COUNT", "5")],
            "DB_WINDOW_*",
        ),
        (
            [("DB_OPEN_FOR", "10s"), ("DB_OPEN_FOR_MAX", "20s")],
            "DB_OPEN_FOR_*",
        ),
        (
            [("DB_HALF_OPEN_SUCCESSES", "2"), ("DB_HALF_OPEN_OF", "5")],
            "DB_HALF_OPEN_*",
        ),
        (
            [("DB_HALF_OPEN_OF", "2"), ("DB_CLOCK", "coarse")],
            "DB_HALF_OPEN_*",
        ),
    ] {
        let error = read(&vars).unwrap_err();
        assert_eq!(variables(&error), [variable]);
    }
}

#[cfg(unix)]
#[test]
fn a_value_that_is_no_text_is_refused() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    let vars = [(
        OsString::from("DB_CLOCK"),
        OsString::from_vec(vec![0x66, 0xff]),
    )];
    let error = Config::from_vars("DB", vars).unwrap_err();
    assert_eq!(variables(&error), ["DB_CLOCK"]);
}
