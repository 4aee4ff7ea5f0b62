//! A configuration from the environment.

use crate::strategies::apart;
use std::time::Duration;
use tripcoil::config::EnvError;
use tripcoil::{
    Backoff, Config, FailureKind, HalfOpen, Hang, Lenient, OnCancel, Outage, Ramp, State, Window,
};

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
        ("DB_OUTAGE_THETA", "0.4"),
        ("DB_OUTAGE_LOSS", "0.01"),
        ("DB_HANG_AFTER", "2s"),
        ("DB_HANG_STARTS", "25"),
        ("DB_LENIENT_KINDS", "overload,other(1)"),
        ("DB_LENIENT_WEIGHT", "0.25"),
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
        ("DB_HALF_OPEN_RAMP", "true"),
        ("DB_ON_CANCEL", "failure_if_slow"),
        ("DB_MAX_IN_FLIGHT", "64"),
        ("DB_DURATIONS", "true"),
        ("DB_HISTORY", "100"),
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
        outage: Some(Outage::at(0.4).loss_at_most(0.01)),
        hang: Some(Hang::after(secs(2)).starts(25)),
        lenient: Some(Lenient::new(
            [FailureKind::Overload, FailureKind::Other(1)],
            0.25,
        )),
        open_for: Backoff::exponential(secs(60), 3.0)
            .max(secs(600))
            .jitter(0.1)
            .reset_after(secs(120))
            .seed(u64::MAX),
        half_open: HalfOpen::rate(10, 0.5)
            .slow_rate(0.6)
            .max_probes(3)
            .probe_timeout(secs(5))
            .ramp(Ramp::new()),
        on_cancel: OnCancel::FailureIfSlow,
        max_in_flight: Some(64),
        durations: true,
        history: 100,
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
fn either_part_of_the_outage_rule_switches_it_on() {
    let of = |vars: &[(&str, &str)]| read(vars).map(|config| config.outage);
    let theta = of(&[("DB_OUTAGE_THETA", "0.3")]).unwrap();
    assert_eq!(theta, Some(Outage::at(0.3)));
    let loss = of(&[("DB_OUTAGE_LOSS", "0.05")]).unwrap();
    assert_eq!(loss, Some(Outage::default().loss_at_most(0.05)));
    for (set, value) in [
        ("DB_OUTAGE", "0.5"),
        ("DB_OUTAGE_THETA", "1"),
        ("DB_OUTAGE_LOSS", "0"),
    ] {
        assert_eq!(variables(&of(&[(set, value)]).unwrap_err()), [set]);
    }
}

#[test]
fn either_part_of_the_hang_rule_switches_it_on() {
    let of = |vars: &[(&str, &str)]| read(vars).map(|config| config.hang);
    let after = of(&[("DB_HANG_AFTER", "1s")]).unwrap();
    assert_eq!(after, Some(Hang::after(Duration::from_secs(1))));
    let starts = of(&[("DB_HANG_STARTS", "3")]).unwrap();
    assert_eq!(starts, Some(Hang::default().starts(3)));
    for (set, value) in [
        ("DB_HANG", "1s"),
        ("DB_HANG_AFTER", "0s"),
        ("DB_HANG_STARTS", "1001"),
    ] {
        assert_eq!(variables(&of(&[(set, value)]).unwrap_err()), [set]);
    }
}

#[test]
fn lenient_kinds_are_a_text_with_commas() {
    let of = |kinds: &str, weight: &str| {
        let vars = [("DB_LENIENT_KINDS", kinds), ("DB_LENIENT_WEIGHT", weight)];
        read(&vars).map(|config| config.lenient)
    };
    let one = Lenient::new([FailureKind::Timeout], 0.0);
    assert_eq!(of("timeout", "0"), Ok(Some(one)));
    let three = [
        FailureKind::Timeout,
        FailureKind::Data,
        FailureKind::Other(2),
    ];
    let three = Lenient::new(three, 0.875);
    let kinds = "data, other(9),timeout,other_200";
    assert_eq!(of(kinds, "0.875"), Ok(Some(three)));
    assert_eq!(of("", "0.5"), Ok(Some(Lenient::new([], 0.5))));
    let off = read(&[("DB_LENIENT", "false")]).map(|config| config.lenient);
    assert_eq!(off, Ok(None));

    let names = "but must be one of timeout, connect, overload, server, client, data and other_0 to \
                 other_255, or several of them with commas between";
    for (kinds, meant) in [
        ("data,overlod", "; did you mean overload?"),
        ("data;timeout", ""),
        ("data,", ""),
        ("false", ""),
    ] {
        let error = of(kinds, "0.5").unwrap_err();
        assert_eq!(variables(&error), ["DB_LENIENT_KINDS"]);
        let line = format!("\nDB_LENIENT_KINDS is {kinds:?}, {names}{meant}");
        assert!(error.to_string().ends_with(&line), "{error}");
    }
    let error = of("data", "a quarter").unwrap_err();
    let line = "DB_LENIENT_WEIGHT is \"a quarter\", but must be a number such as 0.5";
    assert!(error.to_string().ends_with(line), "{error}");
    let error = of("data", "0.3").unwrap_err();
    let line = "DB_LENIENT_WEIGHT is \"0.3\", but must be from 0 to 0.875, a multiple of 0.125";
    assert!(error.to_string().ends_with(line), "{error}");
    for one in [("DB_LENIENT_KINDS", "data"), ("DB_LENIENT_WEIGHT", "0.5")] {
        let error = read(&[one]).unwrap_err();
        let line = "DB_LENIENT_* do not go together: kinds and weight belong together, but only one \
                    of them is set";
        assert!(error.to_string().ends_with(line), "{error}");
    }
}

/// By the variable that is set.
#[test]
fn a_rule_that_needs_a_time_window_says_so() {
    for (set, value) in [
        ("DB_OUTAGE_THETA", "0.3"),
        ("DB_OUTAGE_LOSS", "0.05"),
        ("DB_HANG_AFTER", "1s"),
        ("DB_HANG_STARTS", "3"),
    ] {
        let error = read(&[("DB_WINDOW_COUNT", "9"), (set, value)]).unwrap_err();
        assert_eq!(variables(&error), [set]);
        let expected = format!("{set} is \"{value}\", but must be unset, since");
        assert!(error.to_string().contains(&expected), "{error}");
    }
    let lenient = [
        ("DB_LENIENT_WEIGHT", "0.5"),
        ("DB_LENIENT_KINDS", "data"),
        ("DB_WINDOW_COUNT", "9"),
    ];
    let error = read(&lenient).unwrap_err();
    assert_eq!(variables(&error), ["DB_LENIENT_KINDS"]);
    let expected =
        "DB_LENIENT_KINDS is \"data\", but must be unset, since weights need a time window";
    assert!(error.to_string().ends_with(expected), "{error}");
}

#[test]
fn an_adaptive_backoff_has_variables() {
    let adaptive = ("DB_OPEN_FOR_ADAPTIVE", "true");
    let of = |more: &[(&str, &str)]| read(&[&[adaptive], more].concat());
    let expected = Backoff::adaptive().max(Duration::from_secs(2)).seed(7);
    let parts = [("DB_OPEN_FOR_MAX", "2s"), ("DB_OPEN_FOR_SEED", "7")];
    assert_eq!(of(&parts).unwrap().open_for, expected);
    for (part, value, refused) in [
        ("DB_OPEN_FOR", "1s", "DB_OPEN_FOR_*"),
        ("DB_OPEN_FOR_BASE", "1s", "DB_OPEN_FOR_*"),
        ("DB_OPEN_FOR_FACTOR", "2", "DB_OPEN_FOR_*"),
        ("DB_OPEN_FOR_JITTER", "0.5", "DB_OPEN_FOR_JITTER"),
        ("DB_OPEN_FOR_RESET_AFTER", "1s", "DB_OPEN_FOR_RESET_AFTER"),
        ("DB_OPEN_FOR_MAX", "249ms", "DB_OPEN_FOR_MAX"),
        ("DB_WINDOW_COUNT", "9", "DB_OPEN_FOR_ADAPTIVE"),
    ] {
        assert_eq!(variables(&of(&[(part, value)]).unwrap_err()), [refused]);
    }
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
    let slow = "DB_SLOW_CALL is \"fast\", but must be a duration such as 10s or 500ms, \
                or false to turn it off";
    assert!(text.contains(slow), "{text}");
    let meant = "DB_FAILURE_RAET is not a setting; did you mean DB_FAILURE_RATE?";
    assert!(text.contains(meant), "{text}");
}

/// What else an environment holds under a prefix, and what must be printed nowhere.
#[test]
fn the_value_of_what_is_no_setting_is_printed_nowhere() {
    const SECRET: &str = "hunter2";
    let url = format!("postgres://app:{SECRET}@db/orders");
    let vars = [
        ("DB_PASSWORD", SECRET),
        ("DB_URL", &url),
        ("DB_PASS_WORD\nDB_OK", SECRET),
        ("DB_FAILURE_RATES", SECRET),
        ("DB_SLOW-CALL", SECRET),
        ("DB_WINDOW", SECRET),
        ("DB_", SECRET),
        ("DB_open_for", SECRET),
        ("DB_CLOCK", "sundial"),
    ];
    let error = read(&vars).unwrap_err();
    for printed in [
        format!("{error}"),
        format!("{error:?}"),
        format!("{error:#?}"),
        format!("{:?}", error.problems()),
    ] {
        assert!(!printed.contains(SECRET), "{printed}");
        assert!(printed.contains("sundial"), "{printed}");
    }
    assert_eq!(error.problems().len(), vars.len());
    let known = "PROFILE, WINDOW_TIME, WINDOW_BUCKETS, WINDOW_COUNT, FAILURE_RATE, MIN_THROUGHPUT, SLOW_CALL, \
                 SLOW_RATE, CONSECUTIVE_FAILURES, FAILURE_COUNT, OUTAGE, OUTAGE_THETA, OUTAGE_LOSS, \
                 HANG, HANG_AFTER, HANG_STARTS, LENIENT, LENIENT_KINDS, LENIENT_WEIGHT, \
                 OPEN_FOR, OPEN_FOR_ADAPTIVE, OPEN_FOR_BASE, OPEN_FOR_FACTOR, OPEN_FOR_MAX, OPEN_FOR_JITTER, OPEN_FOR_RESET_AFTER, OPEN_FOR_SEED, \
                 HALF_OPEN_SUCCESSES, HALF_OPEN_OF, HALF_OPEN_FAILURE_RATE, HALF_OPEN_SLOW_RATE, \
                 HALF_OPEN_MAX_PROBES, HALF_OPEN_PROBE_TIMEOUT, HALF_OPEN_RAMP, ON_CANCEL, MAX_IN_FLIGHT, DURATIONS, HISTORY, CLOCK";
    let text = error.to_string();
    let mut lines = text.lines();
    let all = format!("is not a setting; after DB_ there can be {known}");
    let mut expect = |line: &str| {
        let told = lines.next().unwrap();
        assert!(told.starts_with(line), "{told}\n{line}");
    };
    expect("invalid breaker configuration in the environment, DB_*:");
    expect(&format!("DB_ {all}"));
    expect("DB_CLOCK is \"sundial\", but must be coarse, upkeep or precise");
    expect("DB_FAILURE_RATES is not a setting; did you mean DB_FAILURE_RATE?");
    expect(&format!("DB_PASSWORD {all}"));
    expect(&format!("\"DB_PASS_WORD\\nDB_OK\" {all}"));
    expect("DB_SLOW-CALL is not a setting; did you mean DB_SLOW_CALL?");
    expect(&format!("DB_URL {all}"));
    expect("DB_WINDOW is not a setting; did you mean DB_WINDOW_TIME?");
    expect("DB_open_for is not a setting; did you mean DB_OPEN_FOR?");
}

/// A value cannot forge a line, nor go unseen.
#[test]
fn values_are_quoted_and_escaped() {
    let of = |value: &str| {
        let error = read(&[("DB_MIN_THROUGHPUT", value)]).unwrap_err();
        assert_eq!(error.problems()[0].value, value);
        let text = error.to_string();
        assert_eq!(text.lines().count(), 2, "{text}");
        let line = text.lines().last().unwrap().to_string();
        let rest = ", but must be a whole number up to 4294967295, such as 20";
        let start = line.strip_suffix(rest).expect("what is expected");
        start.to_string()
    };
    assert_eq!(of(""), "DB_MIN_THROUGHPUT is \"\"");
    assert_eq!(of(" 20"), "DB_MIN_THROUGHPUT is \" 20\"");
    let forged = of("5\nDB_CLOCK is \"fine\"\r\u{1b}[2J\u{202e}\0");
    assert_eq!(
        forged,
        r#"DB_MIN_THROUGHPUT is "5\nDB_CLOCK is \"fine\"\r\u{1b}[2J\u{202e}\0""#
    );
    let long = of(&"x".repeat(100_000));
    assert!(long.len() < 200, "{}", long.len());
    // what validation refuses, too
    let error = read(&[("DB_FAILURE_RATE", "4e1")]).unwrap_err();
    let line = "DB_FAILURE_RATE is \"4e1\", but must be above 0 and at most 1";
    assert!(error.to_string().ends_with(line), "{error}");
}

#[test]
fn what_a_setting_is_called_elsewhere_is_answered_with_its_name() {
    for (called, meant) in [
        ("DB_HALF_OPEN_RATE", "DB_HALF_OPEN_FAILURE_RATE"),
        ("DB_HALF_OPEN_RAET", "DB_HALF_OPEN_FAILURE_RATE"),
        ("DB_WINDOW_SIZE", "DB_WINDOW_COUNT"),
        ("DB_HALF_OPEN_OFF", "DB_HALF_OPEN_OF"),
        ("DB_WINDOW_TIMES", "DB_WINDOW_TIME"),
    ] {
        let error = read(&[(called, "1")]).unwrap_err();
        assert_eq!(error.problems()[0].permitted, meant);
    }
}

/// Neither can a prefix, wherever it is printed.
#[test]
fn a_prefix_is_quoted_and_escaped() {
    let prefix = "D\nB\u{1b}[2J";
    for (name, value) in [
        ("FAILURE_RAET", "1"),
        ("PASSWORD", "1"),
        ("SLOW_CALL", "fast"),
        ("FAILURE_RATE", "40"),
        ("WINDOW_TIME", "1ns"),
        ("HALF_OPEN_OF", "3"),
    ] {
        let vars = [(format!("{prefix}_{name}"), value)];
        let error = Config::from_vars(prefix, vars).unwrap_err();
        let text = error.to_string();
        assert_eq!(text.lines().count(), 1 + error.problems().len(), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
        assert!(text.contains(r#""D\nB\u{1b}[2J_"#), "{text}");
    }
}

#[test]
fn each_problem_reads_as_a_sentence() {
    let of = |vars: &[(&str, &str)]| {
        let text = read(vars).unwrap_err().to_string();
        text.lines().skip(1).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(
        of(&[
            ("DB_WINDOW_TIME", "9ms"),
            ("DB_CLOCK", "precise"),
            ("DB_OPEN_FOR", "0s")
        ]),
        "DB_OPEN_FOR is \"0s\", but must be above 0 and at most 365 days"
    );
    assert_eq!(
        of(&[("DB_WINDOW_TIME", "7ns"), ("DB_CLOCK", "precise")]),
        "DB_WINDOW_BUCKETS is 10 by default, but must be a number that divides 7ns into whole nanoseconds"
    );
    assert_eq!(
        of(&[("DB_SLOW_RATE", "0.5"), ("DB_ON_CANCEL", "failure_if_slow")]),
        "DB_ON_CANCEL is \"failure_if_slow\", but must be ignored or failure unless slow_call is set; \
         DB_SLOW_RATE is \"0.5\", but must be unset unless slow_call is set"
    );
    assert_eq!(
        of(&[
            ("DB_FAILURE_RATE", "false"),
            ("DB_CONSECUTIVE_FAILURES", "false")
        ]),
        "the trip rules are all off, but there must be at least one of consecutive_failures, failure_count, \
         failure_rate, outage, slow_rate and hang"
    );
    assert_eq!(
        of(&[("DB_WINDOW_TIME", "10s"), ("DB_WINDOW_COUNT", "5")]),
        "DB_WINDOW_* do not go together: time and count are both set, but only one of them can be"
    );
    assert_eq!(
        of(&[("DB_INITIAL_STATE", "Open"), ("DB_DURATIONS", "yes")]),
        "DB_DURATIONS is \"yes\", but must be true or false; DB_INITIAL_STATE is \"Open\", but must be \
         closed, open, half_open, forced_open, disabled or observe_only"
    );
}

#[test]
fn with_an_empty_prefix_settings_have_their_bare_names() {
    let vars = [
        ("FAILURE_RATE", "0.4"),
        ("OPEN_FOR_BASE", "5s"),
        ("_FAILURE_RATE", "of another"),
        ("PATH", "/bin"),
        ("", "nothing"),
        ("DB_PASSWORD", "hunter2"),
        ("FAILURE_RAET", "passed over"),
    ];
    let config = Config::from_vars("", vars).unwrap();
    assert_eq!(config.failure_rate, Some(0.4));
    assert_eq!(
        config.open_for,
        Backoff::exponential(Duration::from_secs(5), 2.0)
    );
    let error = Config::from_vars("", [("MIN_THROUGHPUT", "many"), ("HOME", "/")]).unwrap_err();
    assert_eq!(variables(&error), ["MIN_THROUGHPUT"]);
    let first = "invalid breaker configuration in the environment:\n";
    assert!(error.to_string().starts_with(first), "{error}");
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
            [("DB_LENIENT_KINDS", "data"), ("DB_CLOCK", "coarse")],
            "DB_LENIENT_*",
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
    // nor is a name passed over that is no text
    let name = OsString::from_vec(b"DB_CL\xffCK".to_vec());
    let error = Config::from_vars("DB", [(name, OsString::from("hunter2"))]).unwrap_err();
    assert!(!error.to_string().contains("hunter2"));
    assert!(
        error.to_string().ends_with("did you mean DB_CLOCK?"),
        "{error}"
    );
}
