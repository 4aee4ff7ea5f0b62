//! A configuration from serde's formats.

use crate::strategies::{cases, configs};
use proptest::prelude::*;
use proptest::sample::select;
use std::time::Duration;
use tripcoil::{
    Backoff, Breaker, Clock, Config, FailureKind, HalfOpen, Hang, Lenient, OnCancel, Outage, Ramp,
    State, Window,
};

fn same(a: &Config, b: &Config) -> bool {
    format!("{a:?}") == format!("{b:?}")
}

/// With a clock that can be written.
fn written_configs() -> impl Strategy<Value = Config> {
    let clocks = [Clock::coarse(), Clock::upkeep(), Clock::precise()];
    (configs(), select(clocks.to_vec())).prop_map(|(config, clock)| Config { clock, ..config })
}

fn toml_of(text: &str) -> Result<Config, String> {
    toml::from_str(text).map_err(|e| e.to_string())
}

fn json_of(text: &str) -> Result<Config, String> {
    serde_json::from_str(text).map_err(|e| e.to_string())
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn what_was_written_is_read(config in written_configs()) {
        let json = serde_json::to_string(&config).unwrap();
        let again: Config = serde_json::from_str(&json).unwrap();
        prop_assert!(same(&again, &config), "{json}");
        // by way of a value, whose fields have another order
        let value = serde_json::to_value(&config).unwrap();
        let again: Config = serde_json::from_value(value).unwrap();
        prop_assert!(same(&again, &config), "{json}");
        let toml = toml::to_string(&config).unwrap();
        let again: Config = toml::from_str(&toml).unwrap();
        prop_assert!(same(&again, &config), "{toml}");
    }

    #[test]
    fn a_manual_clock_is_not_written(config in configs()) {
        let error = serde_json::to_string(&config).unwrap_err().to_string();
        prop_assert_eq!(error, "clock: a manual clock cannot be written");
    }
}

#[test]
fn a_file_says_what_the_builder_would() {
    let config = toml_of(
        r#"
        window = { time = "30s", buckets = 30 }
        failure_rate = 0.4
        min_throughput = 20
        slow_call = "500ms"
        slow_rate = 1
        consecutive_failures = false
        failure_count = 50
        outage = { theta = 0.4, loss = 0.01 }
        hang = { after = "2s", starts = 25 }
        lenient = { kinds = ["overload", "timeout", "other_3"], weight = 0.25 }
        open_for = { base = "1m", factor = 3, max = "10m", jitter = 0.1, reset_after = "2m", seed = 7 }
        half_open = { of = 10, failure_rate = 0.5, slow_rate = 0.6, max_probes = 3, probe_timeout = "5s", ramp = true }
        on_cancel = "failure_if_slow"
        max_in_flight = 64
        durations = true
        history = 100
        clock = "precise"
        initial_state = "observe_only"
        "#,
    )
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
            [
                FailureKind::Overload,
                FailureKind::Timeout,
                FailureKind::Other(3),
            ],
            0.25,
        )),
        open_for: Backoff::exponential(secs(60), 3.0)
            .max(secs(600))
            .jitter(0.1)
            .reset_after(secs(120))
            .seed(7),
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
    assert!(same(&config, &expected), "{config:?}");
    // which only the controller ends
    let alone = Breaker::from_config("db", config.clone()).err().unwrap();
    assert_eq!(alone.problems()[0].field, "initial_state");
    Breaker::from_config_with_controller("db", config).unwrap();
}

#[test]
fn what_is_not_named_is_as_by_default() {
    assert!(same(&toml_of("").unwrap(), &Config::default()));
    assert!(same(&json_of("{}").unwrap(), &Config::default()));
    let empty = r#"{"window": {}, "lenient": {}, "open_for": {}, "half_open": {}}"#;
    assert!(same(&json_of(empty).unwrap(), &Config::default()));
    let partly =
        json_of(r#"{"open_for": {"base": "5s"}, "half_open": {"max_probes": 2}}"#).unwrap();
    assert_eq!(
        partly.open_for,
        Backoff::exponential(Duration::from_secs(5), 2.0)
    );
    assert_eq!(partly.half_open, HalfOpen::successes(2).max_probes(2));
}

#[test]
fn short_words_and_false() {
    let config = toml_of("open_for = \"5s\"\nfailure_rate = false\nslow_call = false").unwrap();
    assert_eq!(config.open_for, Backoff::constant(Duration::from_secs(5)));
    assert_eq!((config.failure_rate, config.slow_call), (None, None));
    let count =
        json_of(r#"{"window": {"count": 100}, "half_open": {"rate": 0.5, "of": 4}}"#).unwrap();
    assert_eq!(count.window, Window::count(100));
    assert_eq!(count.half_open, HalfOpen::rate(4, 0.5));
}

#[test]
fn either_part_of_the_outage_rule_switches_it_on() {
    let of = |text: &str| toml_of(text).expect("valid").outage;
    assert_eq!(of(""), None);
    assert_eq!(of("[outage]"), None);
    assert_eq!(of("[outage]\ntheta = 0.3"), Some(Outage::at(0.3)));
    let strict = Outage::default().loss_at_most(0.001);
    assert_eq!(of("outage.loss = 0.001"), Some(strict));
    // other rules stay as they are by default
    let config = toml_of("outage.theta = 0.5").expect("valid");
    let rules = (config.failure_rate, config.consecutive_failures);
    assert_eq!(rules, (Some(0.5), Some(5)));
}

#[test]
fn the_outage_rule_is_written_in_full_or_not_at_all() {
    let written = |outage| {
        let config = Config {
            outage,
            ..Config::default()
        };
        serde_json::to_value(config).expect("it can be written")["outage"].clone()
    };
    assert_eq!(written(None), serde_json::Value::Null);
    let full = serde_json::json!({ "theta": 0.3, "loss": 0.002 });
    assert_eq!(written(Some(Outage::at(0.3))), full);
}

#[test]
fn either_part_of_the_hang_rule_switches_it_on() {
    let of = |text: &str| toml_of(text).expect("valid").hang;
    assert_eq!(of(""), None);
    assert_eq!(of("[hang]"), None);
    let second = Hang::after(Duration::from_secs(1));
    assert_eq!(of("hang = { after = \"1s\" }"), Some(second));
    assert_eq!(of("hang.starts = 3"), Some(Hang::default().starts(3)));
    // other rules stay as they are by default
    let config = toml_of("hang.starts = 3").expect("valid");
    let rules = (config.failure_rate, config.consecutive_failures);
    assert_eq!(rules, (Some(0.5), Some(5)));

    let written = |hang| {
        let config = Config {
            hang,
            ..Config::default()
        };
        serde_json::to_value(config).expect("it can be written")["hang"].clone()
    };
    assert_eq!(written(None), serde_json::Value::Null);
    let full = serde_json::json!({ "after": "1s", "starts": 10 });
    assert_eq!(written(Some(second)), full);
}

#[test]
fn lenient_kinds_are_a_list_or_a_text_with_commas() {
    let of = |text: &str| toml_of(text).expect("valid").lenient;
    let two = Lenient::new([FailureKind::Connect, FailureKind::Other(0)], 0.5);
    for text in [
        r#"lenient = { kinds = ["connect", "other(0)"], weight = 0.5 }"#,
        r#"lenient = { weight = 0.5, kinds = ["other_0", "connect", "connect"] }"#,
        r#"lenient = { kinds = "connect,other(0)", weight = 0.5 }"#,
        r#"lenient = { kinds = "other(0), connect", weight = 0.5 }"#,
        "[lenient]\nweight = 0.5\nkinds = [\n  \"connect\", # no answer\n  \"other(0)\",\n]",
    ] {
        assert_eq!(of(text), Some(two), "{text}");
    }
    let json = json_of(r#"{"lenient": {"kinds": ["data"], "weight": 0}}"#).expect("valid");
    assert_eq!(json.lenient, Some(Lenient::new([FailureKind::Data], 0.0)));
    for text in ["", "[lenient]", "lenient = false"] {
        assert_eq!(of(text), None, "{text}");
    }
    // no kinds have no effect, and are kept
    for kinds in ["[]", "\"\""] {
        let none = of(&format!("lenient = {{ kinds = {kinds}, weight = 0.5 }}"));
        assert_eq!(none, Some(Lenient::new([], 0.5)));
    }
    // the rules stay as they are by default
    let config = toml_of("lenient = { kinds = \"data\", weight = 0.5 }").expect("valid");
    let expected = Config {
        lenient: Some(Lenient::new([FailureKind::Data], 0.5)),
        ..Config::default()
    };
    assert!(same(&config, &expected), "{config:?}");
}

#[test]
fn lenient_kinds_are_written_as_a_list() {
    let written = |lenient| {
        let config = Config {
            lenient,
            ..Config::default()
        };
        serde_json::to_value(config).expect("it can be written")["lenient"].clone()
    };
    assert_eq!(written(None), serde_json::Value::Null);
    // each once, in the order of the kinds; all numbers from 2 on are one kind
    let kinds = [3, 1, 255].map(FailureKind::Other);
    let kinds = kinds.into_iter().chain([FailureKind::Timeout]);
    let some = written(Some(Lenient::new(kinds, 0.25)));
    let names = ["timeout", "other_1", "other_2"];
    let table = serde_json::json!({ "kinds": names, "weight": 0.25 });
    assert_eq!(some, table);
    let none = written(Some(Lenient::new([], 0.25)));
    let table = serde_json::json!({ "kinds": [], "weight": 0.25 });
    assert_eq!(none, table);
}

#[test]
fn lenient_kinds_need_a_weight_and_a_weight_needs_kinds() {
    let both = "lenient: kinds and weight belong together, but only one of them is set";
    for text in [
        r#"{"lenient": {"kinds": ["overload"]}}"#,
        r#"{"lenient": {"kinds": []}}"#,
        r#"{"lenient": {"weight": 0.25}}"#,
        r#"{"profile": "adaptive", "lenient": {"weight": 0.25}}"#,
    ] {
        let error = json_of(text).unwrap_err();
        assert!(error.starts_with(both), "{text}: {error}");
    }
}

#[test]
fn groups_that_clash_are_reported_together() {
    let error = json_of(
        r#"{
            "half_open": {"of": 5},
            "window": {"time": "10s", "count": 5},
            "open_for": {"adaptive": true, "base": "1s"},
            "lenient": {"weight": 0.25}
        }"#,
    );
    let error = error.unwrap_err();
    let groups: Vec<_> = error
        .split("; ")
        .filter_map(|clash| clash.split(": ").next())
        .collect();
    assert_eq!(groups, ["window", "lenient", "open_for", "half_open"]);
}

#[test]
fn an_unknown_kind_is_answered_with_the_names_that_exist() {
    let names = "expected one of \"timeout\", \"connect\", \"overload\", \"server\", \"client\", \
                 \"data\" and \"other_0\" to \"other_255\"";
    let or = ", or several of them with commas between";
    let meant = "; did you mean \"overload\"?";
    let refused = |kinds: &str, found: &str, expected: &str| {
        let whole = format!("lenient.kinds: invalid {found}, {expected}");
        let table = format!("lenient = {{ weight = 0.5, kinds = {kinds} }}");
        let error = toml::from_str::<Config>(&table).unwrap_err();
        assert_eq!(error.message(), whole);
        let json = format!(r#"{{"lenient": {{"weight": 0.5, "kinds": {kinds}}}}}"#);
        let error = json_of(&json).unwrap_err();
        assert!(error.starts_with(&format!("{whole} at line 1")), "{error}");
    };
    for (name, rest) in [
        ("overlod", meant),
        ("Overload", meant),
        ("password", ""),
        ("data,timeout", ""),
        ("other(256)", ""),
        ("", ""),
    ] {
        let found = format!("value: string {name:?}");
        let expected = format!("{names}{rest}");
        refused(&format!("[{name:?}]"), &found, &expected);
        refused(&format!("[\"data\", {name:?}]"), &found, &expected);
    }
    refused("[\"data\", 5]", "value: integer `5`", names);
    refused("[\"data\", false]", "value: boolean `false`", names);
    refused("[[\"data\"]]", "type: sequence", names);
    for (text, rest) in [
        ("overlod", meant),
        ("data,overlod", meant),
        ("data,password", ""),
        ("data,", ""),
    ] {
        let found = format!("value: string {text:?}");
        refused(&format!("{text:?}"), &found, &format!("{names}{or}{rest}"));
    }
}

#[test]
fn an_adaptive_backoff_has_a_max_and_a_seed() {
    let of = |text: &str| toml_of(text).map(|config| config.open_for);
    let adaptive = Backoff::adaptive;
    assert_eq!(of("open_for.adaptive = true"), Ok(adaptive()));
    let all = "open_for = { adaptive = true, max = \"2s\", seed = 7 }";
    let expected = adaptive().max(Duration::from_secs(2)).seed(7);
    assert_eq!(of(all), Ok(expected.clone()));
    assert_eq!(of("open_for.adaptive = false"), Ok(Backoff::default()));

    let config = Config {
        open_for: expected,
        ..Config::default()
    };
    let written = serde_json::to_value(config).expect("it can be written");
    let parts = serde_json::json!({ "adaptive": true, "max": "2s", "seed": 7 });
    assert_eq!(written["open_for"], parts);

    // what it has not is in conflict with it, or out of range
    for part in ["base = \"1s\"", "factor = 2"] {
        let error = of(&format!("open_for = {{ adaptive = true, {part} }}")).unwrap_err();
        let expected = "adaptive is set beside base or factor";
        assert!(error.contains(expected), "{error}");
    }
    for (part, field) in [
        ("jitter = 0.5", "open_for.jitter"),
        ("reset_after = \"1s\"", "open_for.reset_after"),
        ("max = \"249ms\"", "open_for.max"),
    ] {
        let text = format!("open_for = {{ adaptive = true, {part} }}");
        let error = toml_of(&text).unwrap().validate().unwrap_err();
        let fields: Vec<_> = error.problems().iter().map(|p| p.field).collect();
        assert_eq!(fields, [field]);
    }
}

#[test]
fn a_ramp_is_on_or_off() {
    let of = |text: &str| toml_of(text).expect("valid").half_open;
    let ramp = |round: HalfOpen| round.ramp(Ramp::new());
    assert_eq!(of("half_open.ramp = true"), ramp(HalfOpen::default()));
    assert_eq!(of("half_open.ramp = false"), HalfOpen::default());
    let rate = ramp(HalfOpen::rate(4, 0.5));
    assert_eq!(of("half_open = { of = 4, rate = 0.5, ramp = true }"), rate);

    let written = |half_open| {
        let config = Config {
            half_open,
            ..Config::default()
        };
        serde_json::to_value(config).expect("it can be written")["half_open"].clone()
    };
    let two = serde_json::json!({ "successes": 2 });
    assert_eq!(
        written(HalfOpen::successes(2)),
        two,
        "nor a timeout of which nothing was said"
    );
    let all = serde_json::json!({ "successes": 2, "probe_timeout": "5s", "ramp": true });
    let round = HalfOpen::successes(2).probe_timeout(Duration::from_secs(5));
    assert_eq!(written(ramp(round)), all);

    let error = toml_of("window.count = 9\nhalf_open.ramp = true").unwrap();
    let error = error.validate().unwrap_err().to_string();
    let line = "half_open.ramp is true, but must be false, since a ramp needs a time window";
    assert!(error.contains(line), "{error}");
}

/// Whatever is wrong with it, the message has the field, by its path.
#[test]
fn errors_name_the_field() {
    for (field, json) in [
        ("failure_rate", r#""half""#),
        ("failure_rate", "true"),
        ("failure_rate", "null"),
        ("failure_rate", "[0.5]"),
        ("min_throughput", "1.5"),
        ("min_throughput", "-1"),
        ("min_throughput", "4294967296"),
        ("min_throughput", "false"),
        ("slow_call", "500"),
        ("slow_call", r#""fast""#),
        ("consecutive_failures", r#""5""#),
        ("window", "10"),
        ("window", r#""10s""#),
        ("window.time", r#"{"time": 10}"#),
        ("window", r#"{"time": "10s", "count": 5}"#),
        ("window.bucket", r#"{"bucket": 5}"#),
        ("window.buckets?", r#"{"bucket": 5}"#),
        ("profile", "true"),
        ("profile", r#""adaptiv""#),
        ("profile", r#"{"name": "adaptive"}"#),
        ("outage", "true"),
        ("outage", r#""false""#),
        ("outage", "0.5"),
        ("outage.theta", r#"{"theta": "half"}"#),
        ("outage.loss", r#"{"loss": null}"#),
        ("outage.rate", r#"{"rate": 0.5}"#),
        ("hang", "true"),
        ("hang", r#""1s""#),
        ("hang.after", r#"{"after": 1}"#),
        ("hang.starts", r#"{"starts": "many"}"#),
        ("hang.calls", r#"{"calls": 5}"#),
        ("lenient", "true"),
        ("lenient", r#""overload""#),
        ("lenient", r#"["overload"]"#),
        ("lenient", r#"{"kinds": ["overload"]}"#),
        ("lenient.kinds", r#"{"kinds": 5, "weight": 0.5}"#),
        ("lenient.kinds", r#"{"kinds": false, "weight": 0.5}"#),
        ("lenient.kinds", r#"{"kinds": [null], "weight": 0.5}"#),
        ("lenient.kinds", r#"{"kinds": ["any"], "weight": 0.5}"#),
        ("lenient.weight", r#"{"kinds": ["data"], "weight": "0.5"}"#),
        ("lenient.weight", r#"{"kinds": ["data"], "weight": [0.5]}"#),
        ("lenient.kind", r#"{"kind": ["data"]}"#),
        ("lenient.kinds?", r#"{"kind": ["data"]}"#),
        ("open_for.adaptive", r#"{"adaptive": "yes"}"#),
        ("open_for", "5"),
        ("open_for", r#""soon""#),
        ("open_for.max", r#"{"max": "never"}"#),
        ("open_for.\"\"", r#"{"": "5s"}"#),
        ("half_open", "2"),
        ("half_open.ramp", r#"{"ramp": "gentle"}"#),
        ("half_open.ramp", r#"{"ramp": {}}"#),
        ("half_open", "false"),
        ("open_for", "false"),
        ("window", "false"),
        ("half_open", r#"{"of": 5}"#),
        ("half_open", r#"{"successes": 5, "failure_rate": 0.5}"#),
        ("half_open.max_probes", r#"{"max_probes": "all"}"#),
        ("on_cancel", r#""retry""#),
        ("clock", r#""manual""#),
        ("initial_state", r#""Closed""#),
        ("failure_raet", "0.5"),
        ("failure_rate is given twice", r#"0.5, "failure_rate": 0.6"#),
    ] {
        let key = field.split([' ', '.']).next().unwrap();
        let error = json_of(&format!(r#"{{"{key}": {json}}}"#)).unwrap_err();
        assert!(error.contains(field), "{field} = {json}: {error}");
        if let Ok(value) = serde_json::from_str::<serde_json::Value>(json)
            && let Ok(text) = toml::to_string(&serde_json::json!({ key: value }))
        {
            let error = toml_of(&text).unwrap_err();
            assert!(error.contains(field), "{text}: {error}");
        }
    }
    let error = json_of(r#"{"slow_call": 500}"#).unwrap_err();
    assert_eq!(
        error,
        "slow_call: invalid value: integer `500`, expected a duration such as \"10s\" or \"500ms\", \
         or false to turn it off at line 1 column 17"
    );
    for (json, expected) in [
        (
            r#"{"half_open": {"probes": 5}}"#,
            "unknown setting half_open.probes; did you mean half_open.max_probes?",
        ),
        (
            r#"{"half_open": {"patience": 5}}"#,
            "unknown setting half_open.patience; the settings of half_open are successes, of, \
             failure_rate, slow_rate, max_probes, probe_timeout, ramp",
        ),
        (
            r#"{"lenient": {"password": "hunter2"}}"#,
            "unknown setting lenient.password; the settings of lenient are kinds, weight",
        ),
        (
            r#"{"weight": 0.5}"#,
            "unknown setting weight; did you mean lenient.weight?",
        ),
        (
            r#"{"open_for": {"max_probes": 5}}"#,
            "unknown setting open_for.max_probes; did you mean half_open.max_probes?",
        ),
        (
            r#"{"buckets": 5}"#,
            "unknown setting buckets; did you mean window.buckets?",
        ),
        (
            r#"{"failure-rate": 5}"#,
            "unknown setting failure-rate; did you mean failure_rate?",
        ),
        (
            r#"{"a\nb": 5}"#,
            r#"unknown setting "a\nb"; the settings are profile, window.time, "#,
        ),
        (
            r#"{"half_open": {"rate": 0.5, "failure_rate": 0.6, "of": 5}}"#,
            "half_open.failure_rate is given twice",
        ),
    ] {
        let error = json_of(json).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }
}

/// A value of another type: what is expected, with an example of it.
#[test]
fn a_value_of_another_type_is_answered_with_an_example() {
    let tables = [
        (
            "window",
            "expected window to be a table such as { time = \"10s\", buckets = 10 } or { count = 100 }",
        ),
        (
            "outage",
            "expected outage to be a table such as { theta = 0.5, loss = 0.002 }, or false to turn it off",
        ),
        (
            "hang",
            "expected hang to be a table such as { after = \"300ms\", starts = 10 }, \
             or false to turn it off",
        ),
        (
            "lenient",
            "expected lenient to be a table such as { kinds = [\"overload\"], weight = 0.25 }, \
             or false to turn it off",
        ),
        (
            "open_for",
            "expected open_for to be a duration such as \"10s\", \
             or a table such as { base = \"10s\", factor = 2.0, max = \"10m\" }",
        ),
        (
            "half_open",
            "expected half_open to be a table such as { successes = 2, max_probes = 1 } \
             or { of = 10, failure_rate = 0.5 }",
        ),
    ];
    for (field, expected) in tables {
        for value in [
            "10",
            "1.5",
            "true",
            "[10]",
            "1979-05-27",
            "07:32:00",
            "\"10s\"",
        ] {
            if (field, value) == ("open_for", "\"10s\"") {
                continue;
            }
            let error = toml_of(&format!("{field} = {value}")).unwrap_err();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("private"), "{error}");
        }
    }
    let values = [
        (
            "failure_rate",
            "expected a number such as 0.5, or false to turn it off",
        ),
        (
            "min_throughput",
            "expected a whole number up to 4294967295, such as 20",
        ),
        (
            "slow_call",
            "expected a duration such as \"10s\" or \"500ms\", or false to turn it off",
        ),
        ("durations", "expected true or false"),
        (
            "profile",
            "expected \"default\", \"adaptive\", \"database\", \"http\", \"cache\" or \"queue\"",
        ),
        ("clock", "expected \"coarse\", \"upkeep\" or \"precise\""),
        (
            "on_cancel",
            "expected \"ignored\", \"failure\" or \"failure_if_slow\"",
        ),
        ("initial_state", "expected \"closed\", \"open\", "),
        (
            "window.time",
            "expected a duration such as \"10s\" or \"500ms\"",
        ),
        ("lenient.weight", "expected a number such as 0.5"),
        ("open_for.seed", "expected a whole number, such as 7"),
        (
            "half_open.successes",
            "expected a whole number up to 4294967295, such as 20",
        ),
    ];
    for (field, expected) in values {
        for (value, found) in [
            ("1979-05-27T07:32:00Z", "invalid type: a date, "),
            ("1979-05-27", "invalid type: a date, "),
            ("07:32:00", "invalid type: a date, "),
            ("[1]", "invalid type: sequence, "),
            ("{ a = 1 }", "invalid type: map, "),
            ("\"\"", "invalid value: string \"\", "),
            ("-1.5", "invalid value: floating point `-1.5`, "),
        ] {
            if let ("failure_rate" | "lenient.weight", "-1.5") = (field, value) {
                continue;
            }
            let error = toml_of(&format!("{field} = {value}")).unwrap_err();
            let whole = format!("{field}: {found}{expected}");
            assert!(error.contains(&whole), "{error}\n{whole}");
        }
    }
    for (value, found) in [
        ("1979-05-27", "invalid type: a date, "),
        ("{ a = 1 }", "invalid type: map, "),
        ("-1.5", "invalid value: floating point `-1.5`, "),
        ("true", "invalid value: boolean `true`, "),
    ] {
        let error = toml_of(&format!("lenient.kinds = {value}")).unwrap_err();
        let list = "expected a list of kinds of failures such as \"overload\" and \"timeout\"";
        let whole = format!("lenient.kinds: {found}{list}");
        assert!(error.contains(&whole), "{error}");
    }
    let error = json_of("[]").unwrap_err();
    let expected =
        "expected a breaker's settings, a table such as { failure_rate = 0.5, open_for = \"30s\" }";
    assert!(error.contains(expected), "{error}");
}

/// Reading does not judge; all that is out of range is told at once by `validate`.
#[test]
fn ranges_are_for_validation_to_tell() {
    let config = toml_of("failure_rate = 30\nopen_for = { jitter = -1 }\nslow_rate = nan").unwrap();
    let fields: Vec<_> = config
        .validate()
        .unwrap_err()
        .problems()
        .iter()
        .map(|p| p.field)
        .collect();
    assert_eq!(fields, ["failure_rate", "slow_rate", "open_for.jitter"]);
}

/// Where all is text (a query, a form) nothing is guessed: that is for `Config::from_vars`.
#[test]
fn a_text_is_no_number() {
    let texts = serde::de::value::MapDeserializer::<_, serde::de::value::Error>::new(
        [("failure_rate", "0.5")].into_iter(),
    );
    let read = <Config as serde::Deserialize>::deserialize(texts);
    assert!(read.unwrap_err().to_string().contains("failure_rate"));
}

/// Nor are formats guessed at that say nothing of themselves.
#[test]
fn a_format_that_does_not_describe_itself_is_refused() {
    assert!(postcard::to_stdvec(&Config::default()).is_err());
    assert!(postcard::from_bytes::<Config>(&[1, 5, b'c', b'l', b'o', b'c', b'k', 0]).is_err());
}

/// The format's own words, and ours.
#[test]
fn a_file_says_where() {
    for (wrong, column) in [
        ("slow_call = 2020-01-01", 13),
        ("slow_call = \"fast\"", 13),
        ("slow_call = [1]", 13),
        ("slow_call = { a = 1 }", 13),
        ("min_throughput = -1", 18),
        ("failure_count = true", 17),
        ("open_for = \"soon\"", 12),
        ("open_for.base = \"soon\"", 17),
        ("window = 5", 10),
        ("window.bucket = 5", 17),
        ("lenient.kinds = 5", 17),
        ("lenient.kinds = \"overlod\"", 17),
        ("lenient.kinds = [\"data\", \"overlod\"]", 26),
        ("lenient.kinds = [\"data\", 5]", 26),
        ("failure_raet = 1", 16),
        ("[half_open]\nfailure_rate = 0.5\nrate = 0.5", 8),
    ] {
        let text = format!("clock = \"coarse\"\n\n{wrong}\n");
        let error = toml_of(&text).unwrap_err();
        let line = 2 + wrong.lines().count();
        let place = format!("line {line}, column {column}");
        assert!(error.contains(&place), "{error}");
    }
    let error = toml_of("clock = \"coarse\"\nhalf_open = { max_probes = 1.5 }\n").unwrap_err();
    assert!(error.contains("line 2"), "{error}");
    assert!(
        error.contains("max_probes: invalid value: floating point `1.5`"),
        "{error}"
    );
}

/// As the documentation of the configuration in serde's formats has it.
fn without_the_snippet(text: &str) -> Option<String> {
    let error = toml::from_str::<Config>(text).err()?;
    let before = error.span().and_then(|at| text.get(..at.start));
    let line = before.unwrap_or_default().matches('\n').count() + 1;
    Some(format!("line {line}: {}", error.message()))
}

#[test]
fn a_toml_errors_message_has_no_value_of_what_is_no_setting() {
    for (line, text) in [
        (2, "password = \"hunter2\"\nfailure_rate = \"half\"\n"),
        (1, "open_for = { password = \"hunter2\", base = 3 }\n"),
        (2, "\nfailure_rate = { password = \"hunter2\" }\n"),
        (
            2,
            "history = 4\npassword = [\"hunter2\", { of = \"hunter2\" }]\n",
        ),
        // no TOML
        (2, "history = 4\npassword = hunter2\n"),
        (2, "history = 4\npassword = \"hunter2\n"),
        (2, "history = 4\npassword = 'hunter2' 'hunter2'\n"),
        (2, "history = 4\npassword \"hunter2\"\n"),
        (2, "password = \"hunter2\"\npassword = \"hunter2\"\n"),
        (2, "history = 4\npassword = \"hunter2\\q\"\n"),
        (
            1,
            "history = { password = \"hunter2\", password = \"hunter2\" }\n",
        ),
    ] {
        let said = without_the_snippet(text).expect("an error");
        assert!(!said.contains("hunter2"), "{said}");
        assert!(
            said.starts_with(&format!("line {line}: ")),
            "{text}: {said}"
        );
    }
}
