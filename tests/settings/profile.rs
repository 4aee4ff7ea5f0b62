//! The profile: from where settings come that are absent.

use std::time::Duration;
use tripcoil::{Backoff, Config, FailureKind, HalfOpen, Hang, Lenient, Outage, Ramp, Window};

fn of(text: &str) -> Config {
    toml::from_str(text).expect("valid")
}

/// In the adaptive profile.
fn adaptive(text: &str) -> Config {
    of(&format!("profile = \"adaptive\"\n{text}"))
}

fn same(a: &Config, b: &Config) -> bool {
    format!("{a:?}") == format!("{b:?}")
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn ramp(round: HalfOpen) -> HalfOpen {
    round.ramp(Ramp::new())
}

#[test]
fn it_chooses_the_settings_that_are_absent() {
    assert!(same(&adaptive(""), &Config::adaptive()));
    assert!(same(&of("profile = \"default\""), &Config::default()));
    let json = r#"{"profile": "adaptive", "window": {}, "outage": {}, "hang": {}, "lenient": {}, "open_for": {}, "half_open": {}}"#;
    let empty: Config = serde_json::from_str(json).expect("valid");
    assert!(same(&empty, &Config::adaptive()));
}

#[test]
fn it_may_be_written_anywhere() {
    let text = "slow_call = \"250ms\"\noutage = { theta = 0.3 }\n";
    let expected = Config {
        slow_call: Some(ms(250)),
        outage: Some(Outage::at(0.3)),
        ..Config::adaptive()
    };
    assert!(same(&adaptive(text), &expected));
    assert!(same(
        &of(&format!("{text}profile = \"adaptive\"")),
        &expected
    ));
}

#[test]
fn parts_refine_its_rules() {
    let outage = adaptive("outage = { theta = 0.3 }").outage;
    assert_eq!(outage, Some(Outage::at(0.3)));
    let outage = adaptive("outage.loss = 0.01").outage;
    assert_eq!(outage, Some(Outage::default().loss_at_most(0.01)));
    let hang = adaptive("hang = { starts = 3 }").hang;
    assert_eq!(hang, Some(Hang::default().starts(3)));
    let hang = adaptive("hang.after = \"1s\"").hang;
    assert_eq!(hang, Some(Hang::after(ms(1_000))));
    let window = adaptive("window = { time = \"30s\" }").window;
    assert_eq!(window, Window::time(ms(30_000)));
}

#[test]
fn false_switches_its_rules_off() {
    let config = adaptive("outage = false\nhang = false\nhalf_open.ramp = false");
    assert_eq!((config.outage, config.hang), (None, None));
    assert_eq!(config.half_open, HalfOpen::successes(3));
    assert_eq!(config.open_for, Backoff::adaptive());
    // no rule is left
    let error = config.validate().expect_err("refused").to_string();
    assert!(error.contains("at least one of"), "{error}");
    // by default they are off anyway
    let config = of("outage = false\nhang = false\nhalf_open.ramp = false");
    assert!(same(&config, &Config::default()));
}

#[test]
fn other_failure_rules_stand_beside_its_own() {
    let config = adaptive("consecutive_failures = 7\nfailure_rate = false");
    assert_eq!(config.consecutive_failures, Some(7));
    assert_eq!((config.failure_rate, config.failure_count), (None, None));
    assert_eq!(config.outage, Some(Outage::default()));
}

#[test]
fn lenient_kinds_are_added_to_it() {
    assert!(same(&adaptive("lenient = false"), &Config::adaptive()));
    let config = adaptive("lenient = { kinds = \"overload\", weight = 0.125 }");
    let expected = Config {
        lenient: Some(Lenient::new([FailureKind::Overload], 0.125)),
        ..Config::adaptive()
    };
    assert!(same(&config, &expected));
    assert_eq!(config.validate(), Ok(()));
}

#[test]
fn another_form_of_backoff_replaces_its_own() {
    let open_for = |text: &str| adaptive(text).open_for;
    assert_eq!(open_for("open_for = \"5s\""), Backoff::constant(ms(5_000)));
    let doubles = Backoff::exponential(ms(1_000), 2.0);
    assert_eq!(open_for("open_for = { base = \"1s\" }"), doubles);
    let tripled = "open_for = { factor = 3 }";
    assert_eq!(open_for(tripled), of(tripled).open_for);
    let spread = "open_for = { jitter = 0.5, max = \"1h\" }";
    assert_eq!(open_for(spread), of(spread).open_for);
    let reset = "open_for = { reset_after = \"1m\" }";
    assert_eq!(open_for(reset), of(reset).open_for);
    let off = "open_for = { adaptive = false }";
    assert_eq!(open_for(off), Backoff::default());
}

#[test]
fn a_max_and_a_seed_refine_it() {
    let open_for = |text: &str| adaptive(text).open_for;
    let max = Backoff::adaptive().max(ms(2_000));
    assert_eq!(open_for("open_for = { max = \"2s\" }"), max);
    assert_eq!(open_for("open_for.seed = 7"), Backoff::adaptive().seed(7));
    let both = "open_for = { adaptive = true, max = \"2s\" }";
    assert_eq!(open_for(both), max);
    // of what is said it is said that it does not go together
    let clash = "profile = \"adaptive\"\nopen_for = { adaptive = true, base = \"1s\" }";
    let error = toml::from_str::<Config>(clash).expect_err("refused");
    let expected = "open_for: adaptive is set beside base or factor";
    assert!(error.message().starts_with(expected), "{error}");
}

#[test]
fn another_round_keeps_its_ramp() {
    let half_open = |text: &str| adaptive(text).half_open;
    let rate = "half_open = { of = 10, failure_rate = 0.5 }";
    assert_eq!(half_open(rate), ramp(HalfOpen::rate(10, 0.5)));
    let one = "half_open = { successes = 1 }";
    assert_eq!(half_open(one), ramp(HalfOpen::successes(1)));
    let without = "half_open = { of = 10, failure_rate = 0.5, ramp = false }";
    assert_eq!(half_open(without), HalfOpen::rate(10, 0.5));
    let parts = "half_open = { max_probes = 2, probe_timeout = \"1s\" }";
    let three = HalfOpen::successes(3)
        .max_probes(2)
        .probe_timeout(ms(1_000));
    assert_eq!(half_open(parts), ramp(three));
}

#[test]
fn a_configuration_does_not_remember_it() {
    let written = serde_json::to_value(Config::adaptive()).expect("it can be written");
    assert_eq!(written["profile"], serde_json::Value::Null);
    let again: Config = serde_json::from_value(written).expect("valid");
    assert!(same(&again, &Config::adaptive()));
}

#[test]
fn a_wrong_name_is_answered_with_those_that_exist() {
    let error = toml::from_str::<Config>("profile = \"adaptiv\"").expect_err("refused");
    assert_eq!(
        error.message(),
        "profile: invalid value: string \"adaptiv\", expected \"default\", \"adaptive\", \
         \"database\", \"http\", \"cache\" or \"queue\""
    );
    let error = toml::from_str::<Config>("profil = \"adaptive\"").expect_err("refused");
    let meant = "unknown setting profil; did you mean profile?";
    assert!(error.message().starts_with(meant), "{error}");
    let error = Config::from_vars("DB", [("DB_PROFILE", "adaptiv")]).expect_err("refused");
    let line =
        "DB_PROFILE is \"adaptiv\", but must be default, adaptive, database, http, cache or queue";
    assert!(error.to_string().ends_with(line), "{error}");
}

// ---- in the environment

fn read(vars: &[(&str, &str)]) -> Result<Config, tripcoil::config::EnvError> {
    let profile = ("DB_PROFILE", "adaptive");
    Config::from_vars("DB", [vars, &[profile]].concat())
}

#[test]
fn it_has_a_variable() {
    assert!(same(&read(&[]).expect("valid"), &Config::adaptive()));
    let vars = [
        ("DB_OUTAGE_THETA", "0.3"),
        ("DB_HANG", "false"),
        ("DB_OPEN_FOR_MAX", "2s"),
        ("DB_HALF_OPEN_RAMP", "false"),
        ("DB_CONSECUTIVE_FAILURES", "9"),
    ];
    let expected = Config {
        outage: Some(Outage::at(0.3)),
        hang: None,
        open_for: Backoff::adaptive().max(ms(2_000)),
        half_open: HalfOpen::successes(3),
        consecutive_failures: Some(9),
        ..Config::adaptive()
    };
    assert!(same(&read(&vars).expect("valid"), &expected));
    let default = [("DB_PROFILE", "default"), ("DB_OUTAGE", "false")];
    let config = Config::from_vars("DB", default).expect("valid");
    assert!(same(&config, &Config::default()));
}

#[test]
fn a_group_is_off_or_has_parts() {
    for (off, part, value, group) in [
        ("DB_OUTAGE", "DB_OUTAGE_LOSS", "0.01", "DB_OUTAGE_*"),
        ("DB_HANG", "DB_HANG_STARTS", "9", "DB_HANG_*"),
        ("DB_LENIENT", "DB_LENIENT_KINDS", "data", "DB_LENIENT_*"),
        ("DB_LENIENT", "DB_LENIENT_WEIGHT", "0.5", "DB_LENIENT_*"),
    ] {
        let error = read(&[(off, "false"), (part, value)]).expect_err("refused");
        let line = format!(
            "{group} do not go together: false and parts are both set, but only one form can be"
        );
        assert!(error.to_string().ends_with(&line), "{error}");
        let error = read(&[(off, "true")]).expect_err("refused");
        let line = format!("{off} is \"true\", but must be false to turn it off");
        assert!(error.to_string().ends_with(&line), "{error}");
    }
}

#[test]
fn what_the_profile_sets_may_be_out_of_range() {
    let error = read(&[("DB_WINDOW_COUNT", "9")]).expect_err("refused");
    let text = error.to_string();
    let lines: Vec<_> = text.lines().skip(1).collect();
    assert_eq!(
        lines,
        [
            "DB_HALF_OPEN_RAMP is true by the profile, but must be false, since a ramp needs a time window",
            "DB_HANG is set by the profile, but must be unset, since the rule needs a time window",
            "DB_OPEN_FOR_ADAPTIVE is true by the profile, but must be false, since an adaptive backoff needs a time window",
            "DB_OUTAGE is set by the profile, but must be unset, since the rule needs a time window",
        ]
    );
}
