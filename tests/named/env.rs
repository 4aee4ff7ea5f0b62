//! Variables of the environment that override settings of a file.

use crate::{lines, read};
use std::time::Duration;
use tripcoil::config::{NamedSettings, Profile, SettingsError, SettingsFault};
use tripcoil::{Backoff, Config};

const TEXT: &str = "[default]\nopen_for = { base = \"5s\", max = \"1m\" }\n[breakers.eu-west]\nfailure_rate = 0.4\n[breakers.db]\nprofile = \"database\"\n";

fn with(vars: &[(&str, &str)]) -> Result<NamedSettings, SettingsError> {
    read(TEXT).with_vars("SHOP_", vars.iter().copied())
}

fn s(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[test]
fn a_variable_sets_one_value() {
    let settings = with(&[
        ("SHOP_DEFAULT_FAILURE_RATE", "0.3"),
        ("SHOP_BREAKERS_EU_WEST_OPEN_FOR_MAX", "30s"),
        ("SHOP_BREAKERS_DB_OPEN_FOR_MAX", "9s"),
        ("SHOP_PORT", "80"),
        ("OTHER_DEFAULT_FAILURE_RATE", "7"),
    ])
    .unwrap();
    let base = Backoff::default();
    let five = Backoff::exponential(s(5), 2.0);
    let eu = settings.get("eu-west");
    // the other parts of the group stay, those of the defaults too
    assert_eq!(
        (eu.failure_rate, &eu.open_for),
        (Some(0.4), &five.clone().max(s(30)))
    );
    let other = settings.get("other");
    assert_eq!(
        (other.failure_rate, &other.open_for),
        (Some(0.3), &five.max(s(60)))
    );
    let db = Config {
        open_for: Backoff::adaptive().max(s(9)),
        ..Config::profile(Profile::Database)
    };
    assert_eq!(settings.get("db"), &db);
    assert_ne!(base, db.open_for);
}

#[test]
fn a_profile_by_variable_counts_as_in_the_table() {
    let settings = with(&[("SHOP_BREAKERS_EU_WEST_PROFILE", "cache")]).unwrap();
    let cache = Config {
        failure_rate: Some(0.4),
        ..Config::profile(Profile::Cache)
    };
    assert_eq!(settings.get("eu-west"), &cache);
}

#[test]
fn every_bad_variable_is_reported() {
    let error = with(&[
        ("SHOP_DEFAULT_FAILURE_RAET", "hunter2"),
        ("SHOP_BREAKERS_EU_WEST_SLOW_CALL", "soon"),
        ("SHOP_BREAKERS_US_SLOW_CALL", "hunter2"),
        ("SHOP_BREAKERS_DB_PROFILE", "databse"),
        ("SHOP_DEFAULT_HISTORY", "8"),
        ("SHOP_DEFAULT_HISTORY", "9"),
    ])
    .unwrap_err();
    assert_eq!(
        lines(&error),
        [
            "SHOP_BREAKERS_DB_PROFILE is \"databse\", but must be default, adaptive, database, http, cache or queue",
            "SHOP_BREAKERS_EU_WEST_SLOW_CALL is \"soon\", but must be a duration such as 10s or 500ms, or false to turn it off",
            "SHOP_BREAKERS_US_SLOW_CALL is not a setting of a breaker in the file; did you mean .._BREAKERS_DB_SLOW_CALL?",
            "SHOP_DEFAULT_FAILURE_RAET is not a setting of a breaker in the file; did you mean .._DEFAULT_FAILURE_RATE?",
            "SHOP_DEFAULT_HISTORY is set twice, but must be set once",
        ]
    );
    assert_eq!(error.problems()[0].fault, SettingsFault::UnknownProfile);
    assert_eq!(error.problems()[1].breaker.as_deref(), Some("eu-west"));
    assert_eq!(
        error.problems()[1].variable.as_deref(),
        Some("SHOP_BREAKERS_EU_WEST_SLOW_CALL")
    );
    assert!(!format!("{error:?}").contains("hunter2"));
}

#[test]
fn what_is_out_of_range_names_its_variable() {
    let error = with(&[
        ("SHOP_BREAKERS_EU_WEST_HISTORY", "0"),
        ("SHOP_DEFAULT_WINDOW_COUNT", "3"),
    ]);
    let error = error.unwrap_err();
    let texts = lines(&error);
    assert!(
        texts.contains(&"SHOP_BREAKERS_EU_WEST_HISTORY is 0, but must be from 1 to 65536".into()),
        "{texts:?}"
    );
    // the file's profile of `db` needs a time window
    assert!(
        texts.iter().any(|text| text.contains("breakers.db")),
        "{texts:?}"
    );
}

#[test]
fn what_may_be_meant_for_two_is_refused() {
    let settings =
        read("[default]\n[breakers.a-b]\n[breakers.\"a b\"]\n[breakers.a]\n[breakers.a-hang]\n");
    let vars = [("X_BREAKERS_A_B_HISTORY", "8")];
    let error = settings.clone().with_vars("X", vars).unwrap_err();
    let expected = "X_BREAKERS_A_B_HISTORY may be meant for \"a b\" or for \"a-b\", which are spelt alike in a variable";
    assert_eq!(lines(&error), [expected]);
    // one reading only: `after` is no setting outside its group
    let vars = [("X_BREAKERS_A_HANG_AFTER", "1s")];
    let settings = settings.with_vars("X", vars).unwrap();
    assert_eq!(settings.get("a").hang, Some(tripcoil::Hang::after(s(1))));
    assert_eq!(settings.get("a-hang").hang, None);
}

#[test]
fn an_empty_prefix_leaves_the_paths() {
    let settings = read("[default]\n").with_vars("", [("DEFAULT_HISTORY", "8"), ("PATH", "x")]);
    assert_eq!(settings.unwrap().get("any").history, 8);
}

/// An environment has no order.
#[test]
fn each_pair_of_variables_counts_alike_in_both_orders() {
    let text = "[default]\nopen_for = { base = \"5s\", max = \"1m\" }\nwindow = { time = \"20s\", buckets = 20 }\n[breakers.orders]\n";
    let vars = [
        ("S_DEFAULT_PROFILE", "cache"),
        ("S_DEFAULT_OPEN_FOR_BASE", "9s"),
        ("S_DEFAULT_OPEN_FOR_MAX", "90s"),
        ("S_DEFAULT_WINDOW_TIME", "30s"),
        ("S_DEFAULT_MAX_IN_FLIGHT", "7"),
        ("S_DEFAULT_FAILURE_RATE", "0.3"),
        ("S_BREAKERS_ORDERS_PROFILE", "default"),
        ("S_BREAKERS_ORDERS_OPEN_FOR_MAX", "30s"),
        ("S_BREAKERS_ORDERS_OPEN_FOR_JITTER", "0.2"),
        ("S_BREAKERS_ORDERS_WINDOW_BUCKETS", "10"),
        ("S_BREAKERS_ORDERS_HALF_OPEN_SUCCESSES", "3"),
    ];
    for one in vars {
        for other in vars.into_iter().filter(|other| *other != one) {
            let of = |vars: [(&'static str, &'static str); 2]| {
                let read = read(text).with_vars("S", vars);
                read.map(|s| (s.get("orders").clone(), s.default_settings().clone()))
                    .map_err(|error| lines(&error))
            };
            assert_eq!(of([one, other]), of([other, one]), "{one:?} {other:?}");
        }
    }
}

/// What stays beside a profile stays in its parts too.
#[test]
fn a_part_of_what_no_profile_sets_leaves_the_other_parts() {
    let text = "[default]\nwindow = { time = \"20s\", buckets = 20 }\n[breakers.db]\nprofile = \"database\"\n";
    let vars = [("S_BREAKERS_DB_WINDOW_BUCKETS", "10")];
    let settings = read(text).with_vars("S", vars).unwrap();
    assert_eq!(
        settings.get("db").window,
        tripcoil::Window::time(s(20)).buckets(10)
    );
}

/// One part of a misspelt variable has to be right where there are many tables.
#[test]
fn a_misspelt_variable_beside_many_tables_is_reported() {
    let tables: Vec<String> = (0..2_000)
        .map(|n| format!("[breakers.tenant-{n}]\n"))
        .collect();
    let text = format!("[default]\n{}", tables.concat());
    let vars = [
        ("S_BREAKERS_TENANT_77_HISTORI", "5"),
        ("S_BREAKERS_TENNANT_77_HALF_OPEN_OF", "5"),
        ("S_BREAKERS_TENNANT_77_HISTORI", "5"),
    ];
    let error = read(&text).with_vars("S", vars).unwrap_err();
    assert_eq!(
        lines(&error),
        [
            "S_BREAKERS_TENANT_77_HISTORI is not a setting of a breaker in the file; did you mean .._BREAKERS_TENANT_77_HISTORY?",
            "S_BREAKERS_TENNANT_77_HALF_OPEN_OF is not a setting of a breaker in the file; did you mean .._BREAKERS_TENANT_77_HALF_OPEN_OF?",
            "S_BREAKERS_TENNANT_77_HISTORI is not a setting of a breaker in the file",
        ]
    );
}
