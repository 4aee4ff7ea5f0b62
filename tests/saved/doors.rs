//! A configuration comes in by many doors: the builder, a value, a registry, a file, the environment, a change at
//! work. Each has the same checks and gives the same answers.

use crate::strategies::{STATES, cases, ms};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use std::time::Duration;
use tripcoil::config::Problem;
use tripcoil::{
    Backoff, Breaker, Clock, Config, ConfigError, FailureKind, HalfOpen, Hang, Lenient, OnCancel,
    Outage, Ramp, State, Window,
};

const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

fn durations() -> impl Strategy<Value = Duration> {
    let edges = [
        Duration::ZERO,
        Duration::from_nanos(1),
        Duration::from_nanos(999_999),
        ms(1),
        ms(4),
        Duration::from_secs(1),
        Duration::from_nanos((1 << 40) - 1),
        Duration::from_nanos(1 << 40),
        Duration::from_secs(24 * 3600),
        Duration::from_secs(24 * 3600) + Duration::from_nanos(1),
        YEAR,
        YEAR + Duration::from_nanos(1),
        YEAR * 20,
        Duration::from_secs(u64::from(u32::MAX)),
    ];
    select(edges.to_vec())
}

fn rates() -> impl Strategy<Value = f64> {
    let edges = [
        0.5,
        1.0,
        1.000_000_1,
        0.0,
        -0.0,
        -1.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MIN_POSITIVE,
        5e-324,
        1e300,
        2.0,
    ];
    select(edges.to_vec())
}

fn outages() -> impl Strategy<Value = Outage> {
    let thetas = prop_oneof![select(vec![0.01, 0.009_999, 0.9, 0.900_001]), rates()];
    let losses = prop_oneof![select(vec![0.0001, 0.000_09, 0.1, 0.100_001]), rates()];
    (thetas, losses).prop_map(|(theta, loss)| Outage::at(theta).loss_at_most(loss))
}

fn hangs() -> impl Strategy<Value = Hang> {
    (durations(), select(vec![0, 1, 10, 1_000, 1_001]))
        .prop_map(|(after, starts)| Hang::after(after).starts(starts))
}

const KINDS: [FailureKind; 4] = [
    FailureKind::Timeout,
    FailureKind::Overload,
    FailureKind::Other(0),
    FailureKind::Other(2),
];

fn lenients() -> impl Strategy<Value = Lenient> {
    let weights = prop_oneof![select(vec![0.0, 0.125, 0.875, 0.0625, 0.9375]), rates()];
    let kinds = subsequence(&KINDS[..], 0..=KINDS.len());
    (kinds, weights).prop_map(|(kinds, weight)| Lenient::new(kinds, weight))
}

fn counts() -> impl Strategy<Value = u32> {
    let edges = [
        0,
        1,
        5,
        100,
        101,
        3_600,
        3_601,
        1 << 16,
        1 << 20,
        (1 << 20) - 1,
        (1 << 29) - 1,
        1 << 29,
        u32::MAX,
    ];
    select(edges.to_vec())
}

/// Anything that the types allow, near the edges of what is permitted.
fn any_configs() -> impl Strategy<Value = Config> {
    let windows = prop_oneof![
        Just(Window::default()),
        counts().prop_map(Window::count),
        (counts(), counts()).prop_map(|(n, b)| Window::count(n).buckets(b)),
        durations().prop_map(Window::time),
        (durations(), counts()).prop_map(|(d, b)| Window::time(d).buckets(b)),
    ];
    let backoffs = (
        durations(),
        rates(),
        option::of(durations()),
        rates(),
        durations(),
        option::of(0..9u64),
        proptest::bool::weighted(0.3),
    )
        .prop_map(|(base, factor, max, jitter, reset_after, seed, adaptive)| {
            let b = match adaptive {
                true => Backoff::adaptive(),
                false => Backoff::exponential(base, factor),
            };
            let b = b.jitter(jitter);
            let b = b.reset_after(reset_after);
            let b = max.map_or(b.clone(), |max| b.max(max));
            seed.map_or(b.clone(), |seed| b.seed(seed))
        });
    let rounds = (
        counts(),
        option::of(rates()),
        option::of(rates()),
        option::of(counts()),
        option::of(durations()),
        option::weighted(0.3, Just(Ramp::new())),
    )
        .prop_map(|(n, rate, slow, probes, timeout, ramp)| {
            let round = rate.map_or(HalfOpen::successes(n), |rate| HalfOpen::rate(n, rate));
            let round = slow.map_or(round.clone(), |slow| round.slow_rate(slow));
            let round = probes.map_or(round.clone(), |n| round.max_probes(n));
            let round = timeout.map_or(round.clone(), |timeout| round.probe_timeout(timeout));
            ramp.map_or(round.clone(), |ramp| round.ramp(ramp))
        });
    let rules = (
        option::of(rates()),
        option::of(counts()),
        option::of(durations()),
        option::of(rates()),
        option::of(counts()),
        option::of(counts()),
        option::of(outages()),
        option::of(hangs()),
        option::of(lenients()),
    );
    let on_cancel = [
        OnCancel::Ignored,
        OnCancel::Failure,
        OnCancel::FailureIfSlow,
    ];
    let clocks = [Clock::coarse(), Clock::upkeep(), Clock::precise()];
    let rest = (
        select(on_cancel.to_vec()),
        any::<bool>(),
        counts(),
        select(clocks.to_vec()),
        select(STATES.to_vec()),
        option::of(counts()),
    );
    let parts = (windows, backoffs, rounds, rules, rest);
    parts.prop_map(|(window, open_for, half_open, rules, rest)| {
        let (rate, min, slow_call, slow_rate, run, count, outage, hang, lenient) = rules;
        let (on_cancel, durations, history, clock, initial_state, max_in_flight) = rest;
        Config {
            window,
            failure_rate: rate,
            min_throughput: min,
            slow_call,
            slow_rate,
            consecutive_failures: run,
            failure_count: count,
            outage,
            hang,
            lenient,
            open_for,
            half_open,
            on_cancel,
            max_in_flight,
            durations,
            history,
            clock,
            initial_state,
        }
    })
}

fn problems<T>(result: Result<T, ConfigError>) -> Vec<Problem> {
    result.err().map_or(vec![], |e| e.problems().to_vec())
}

/// The kinds and the weight, as they are written.
fn lenient(config: &Config) -> Option<(Vec<FailureKind>, f64)> {
    let table = toml::Table::try_from(config).unwrap();
    let lenient = table.get("lenient")?;
    let names = lenient["kinds"].as_array().unwrap();
    let written = |kind: &FailureKind| names.contains(&toml::Value::try_from(kind).unwrap());
    let kinds = KINDS.into_iter().filter(written).collect();
    Some((kinds, lenient["weight"].as_float().unwrap()))
}

/// By a setter for each of the settings.
fn set(config: &Config, name: &str) -> tripcoil::Builder {
    let c = config.clone();
    let mut builder = Breaker::builder(name)
        .no_failure_rules()
        .window(c.window)
        .open_for(c.open_for)
        .half_open(c.half_open)
        .on_cancel(c.on_cancel)
        .durations(c.durations)
        .history(c.history)
        .clock(c.clock)
        .initial_state(c.initial_state);
    if let Some(rate) = c.failure_rate {
        builder = builder.failure_rate(rate);
    }
    if let Some(calls) = c.min_throughput {
        builder = builder.min_throughput(calls);
    }
    if let Some(limit) = c.slow_call {
        builder = builder.slow_call(limit);
    }
    if let Some(rate) = c.slow_rate {
        builder = builder.slow_rate(rate);
    }
    if let Some(n) = c.consecutive_failures {
        builder = builder.consecutive_failures(n);
    }
    if let Some(n) = c.failure_count {
        builder = builder.failure_count(n);
    }
    if let Some(n) = c.max_in_flight {
        builder = builder.max_in_flight(n);
    }
    if let Some(outage) = c.outage {
        builder = builder.outage(outage);
    }
    if let Some(hang) = c.hang {
        builder = builder.hang(hang);
    }
    if let Some((kinds, weight)) = lenient(config) {
        builder = builder.lenient(kinds, weight);
    }
    builder
}

/// Those of a file, as variables.
fn variables(config: &Config) -> Vec<(String, String)> {
    let table = toml::Table::try_from(config).unwrap();
    let mut variables = Vec::new();
    let mut add = |name: String, value: &toml::Value| {
        let text_of = |value: &toml::Value| match value.as_str() {
            Some(text) => text.to_string(),
            None => value.to_string(),
        };
        let text = match value.as_array() {
            Some(list) => list.iter().map(text_of).collect::<Vec<_>>().join(","),
            None => text_of(value),
        };
        variables.push((format!("DB_{}", name.to_uppercase()), text));
    };
    for (name, value) in &table {
        match value.as_table() {
            Some(group) => group
                .iter()
                .for_each(|(one, value)| add(format!("{name}_{one}"), value)),
            None => add(name.clone(), value),
        }
    }
    variables
}

fn same(a: &Config, b: &Config) -> bool {
    format!("{a:?}") == format!("{b:?}")
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn each_door_has_the_same_checks_and_answers(config in any_configs()) {
        let expected = problems(config.validate());
        let of_breaker = |error: &ConfigError| error.breaker() == Some("payments");

        // as a value, and by the builder, with a controller
        let named = Breaker::from_config_with_controller("payments", config.clone());
        prop_assert!(named.as_ref().err().is_none_or(of_breaker));
        prop_assert_eq!(&problems(named), &expected);
        for builder in [
            set(&config, "payments"),
            Breaker::builder("payments").config(config.clone()),
        ] {
            let built = builder.build_with_controller();
            prop_assert!(built.as_ref().err().is_none_or(of_breaker));
            prop_assert_eq!(&problems(built), &expected);
        }

        // without one, where an override cannot be ended
        let alone = problems(Breaker::from_config("payments", config.clone()));
        prop_assert_eq!(&alone[..expected.len()], &expected[..]);
        let more: Vec<_> = alone[expected.len()..].iter().map(|p| p.field).collect();
        let overridden = [State::ForcedOpen, State::Disabled, State::ObserveOnly];
        let refused = overridden.contains(&config.initial_state);
        prop_assert_eq!(more, if refused { vec!["initial_state"] } else { vec![] });
        for builder in [
            set(&config, "payments"),
            Breaker::builder("payments").config(config.clone()),
        ] {
            prop_assert_eq!(&problems(builder.build()), &alone);
        }

        // from a file: what was written is read, whether it is permitted or not
        let text = toml::to_string(&config).unwrap();
        let read: Config = toml::from_str(&text).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert!(same(&read, &config), "{text}");
        prop_assert_eq!(&problems(read.validate()), &expected);

        // from the environment: the same, of the variable, with the value as it was set
        let variables = variables(&config);
        match Config::from_vars("DB", variables.clone()) {
            Ok(read) => {
                prop_assert!(same(&read, &config), "{variables:?}");
                prop_assert_eq!(&expected, &[]);
            }
            Err(error) => {
                let mut permitted: Vec<_> = expected.iter().map(|p| &p.permitted).collect();
                let mut found: Vec<_> = error.problems().iter().map(|p| &p.permitted).collect();
                permitted.sort();
                found.sort();
                prop_assert_eq!(found, permitted, "{}", error);
                for problem in error.problems() {
                    let set = variables.iter().find(|(name, _)| *name == problem.variable);
                    // one that is not set is wrong by its default
                    let by_default = expected.iter().any(|p| p.value == problem.value);
                    let fits = set.map_or(by_default, |(_, value)| *value == problem.value);
                    prop_assert!(fits, "{error}");
                }
            }
        }

        // at work: the rules, beside what is set when it is built
        let built = Config { clock: Clock::precise(), ..Config::default() };
        let (_, controller) =
            Breaker::from_config_with_controller("payments", built.clone()).unwrap();
        let changed = controller.reconfigure(|rules| rules.config(config.clone()));
        prop_assert!(changed.as_ref().err().is_none_or(of_breaker));
        let whole = Config {
            window: built.window,
            durations: built.durations,
            history: built.history,
            clock: built.clock,
            initial_state: built.initial_state,
            ..config.clone()
        };
        prop_assert_eq!(problems(changed), problems(whole.validate()));
    }
}

#[cfg(feature = "registry")]
proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_registry_has_the_same_checks_and_answers(config in any_configs()) {
        use tripcoil::registry::Registry;

        let expected = problems(config.validate());
        prop_assert_eq!(&problems(Registry::<u32>::from_config(config.clone())), &expected);
        let template = config.clone();
        let (registry, controller) =
            Registry::<u32>::builder(move |key| Breaker::builder(format!("key {key}")).config(template.clone()))
                .build_with_controller();
        let got = registry.get(&7);
        prop_assert!(got.as_ref().err().is_none_or(|e| e.breaker() == Some("key 7")));
        prop_assert_eq!(&problems(got), &expected);
        controller.retemplate(|_| Breaker::builder("good"));
        prop_assert!(registry.get(&8).is_ok());
        let template = config.clone();
        controller.retemplate(move |_| set(&template, "bad"));
        prop_assert_eq!(&problems(registry.get(&9)), &expected);
        // rules for those that are there, and of those that come
        let whole = Config {
            window: Window::default(),
            durations: false,
            history: Config::default().history,
            clock: Config::default().clock,
            initial_state: State::Closed,
            ..config.clone()
        };
        let changed = controller.reconfigure(&8, |rules| rules.config(config.clone()));
        prop_assert!(changed.as_ref().err().is_none_or(|e| e.breaker() == Some("good")));
        prop_assert_eq!(problems(changed), problems(whole.validate()));
    }
}

/// A setting is written though it says what holds without it.
#[test]
fn settings_that_exclude_each_other_are_refused_whatever_their_values() {
    for part in [
        "base = \"60s\"",
        "factor = 2.0",
        "max = \"10m\"",
        "jitter = 0.0",
        "reset_after = \"0s\"",
        "seed = 0",
    ] {
        let (name, value) = part.split_once(" = ").unwrap();
        let variables = [
            ("DB_OPEN_FOR".into(), "5s"),
            (
                format!("DB_OPEN_FOR_{}", name.to_uppercase()),
                value.trim_matches('"'),
            ),
        ];
        let refused = Config::from_vars("DB", variables);
        let error = refused.expect_err(part).to_string();
        assert!(
            error.contains("DB_OPEN_FOR_* do not go together"),
            "{error}"
        );
    }
    for window in [
        [("DB_WINDOW_TIME", "10s"), ("DB_WINDOW_COUNT", "10")],
        [("DB_WINDOW_COUNT", "1"), ("DB_WINDOW_TIME", "1s")],
    ] {
        assert!(Config::from_vars("DB", window).is_err());
    }
}

/// As all other problems are.
#[test]
fn all_groups_that_do_not_go_together_are_reported_at_once() {
    let variables = [
        ("DB_WINDOW_TIME", "10s"),
        ("DB_WINDOW_COUNT", "10"),
        ("DB_OPEN_FOR", "5s"),
        ("DB_OPEN_FOR_SEED", "5"),
        ("DB_HALF_OPEN_OF", "5"),
        ("DB_LENIENT_WEIGHT", "0.5"),
    ];
    let error = Config::from_vars("DB", variables).unwrap_err();
    let groups: Vec<_> = error.problems().iter().map(|p| &*p.variable).collect();
    let expected = [
        "DB_HALF_OPEN_*",
        "DB_LENIENT_*",
        "DB_OPEN_FOR_*",
        "DB_WINDOW_*",
    ];
    assert_eq!(groups, expected);
    let file = "window = { time = \"10s\", count = 10 }\nhalf_open = { of = 5 }";
    let error = toml::from_str::<Config>(file).unwrap_err().to_string();
    assert!(
        error.contains("window: ") && error.contains("half_open: "),
        "{error}"
    );
}

/// In a file it is refused, and so it is in the environment.
#[test]
fn a_setting_that_is_given_twice_is_refused() {
    let twice = [("DB_FAILURE_RATE", "0.4"), ("DB_FAILURE_RATE", "0.5")];
    let error = Config::from_vars("DB", twice).unwrap_err();
    assert_eq!(error.problems().len(), 1);
    let text = error.to_string();
    assert!(
        text.ends_with("\nDB_FAILURE_RATE is set twice, but must be set once"),
        "{text}"
    );
    let same = [
        ("FAILURE_RATE", "0.4"),
        ("PATH", ""),
        ("PATH", ""),
        ("FAILURE_RATE", "0.4"),
    ];
    assert!(Config::from_vars("", same).is_err());
    let json = r#"{"failure_rate": 0.4, "failure_rate": 0.4}"#;
    let error = serde_json::from_str::<Config>(json)
        .unwrap_err()
        .to_string();
    assert!(error.contains("failure_rate is given twice"), "{error}");
}
