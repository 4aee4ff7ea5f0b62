//! Which of several settings counts.

use crate::read;
use std::time::Duration;
use tripcoil::config::Profile;
use tripcoil::{Backoff, Config, HalfOpen, OnCancel, Outage, Ramp, Window};

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[test]
fn an_empty_default_is_the_default() {
    let settings = read("[default]\n");
    assert_eq!(settings.get("any"), &Config::default());
    assert_eq!((settings.len(), settings.is_empty()), (0, true));
    assert_eq!(settings.get(""), settings.default_settings());
}

#[test]
fn each_profile_is_that_of_its_name() {
    for profile in Profile::ALL {
        let name = profile.name();
        let text = format!("[default]\n[breakers.own]\nprofile = \"{name}\"\n");
        assert_eq!(read(&text).get("own"), &Config::profile(profile), "{name}");
        let text = format!("[default]\nprofile = \"{name}\"\n[breakers.own]\n");
        assert_eq!(read(&text).get("own"), &Config::profile(profile), "{name}");
    }
}

#[test]
fn a_named_setting_replaces_that_of_the_default() {
    let settings = read(
        "[default]\nfailure_rate = 0.4\nmin_throughput = 30\n\
         [breakers.a]\nmin_throughput = 50\n[breakers.b]\n",
    );
    let of = |name: &str| {
        let config = settings.get(name);
        (config.failure_rate, config.min_throughput)
    };
    assert_eq!(of("a"), (Some(0.4), Some(50)));
    assert_eq!(of("b"), (Some(0.4), Some(30)));
    assert_eq!(of("c"), (Some(0.4), Some(30)));
    assert!(settings.contains("b") && !settings.contains("c"));
}

#[test]
fn what_is_off_in_the_default_may_be_on_and_the_other_way_about() {
    let settings = read(
        "[default]\nfailure_rate = false\nconsecutive_failures = 7\n\
         [breakers.a]\nfailure_rate = 0.3\nconsecutive_failures = false\n",
    );
    let (a, other) = (settings.get("a"), settings.get("other"));
    assert_eq!((a.failure_rate, a.consecutive_failures), (Some(0.3), None));
    assert_eq!(
        (other.failure_rate, other.consecutive_failures),
        (None, Some(7))
    );
}

/// A named profile stands for all rules: none of the defaults' is left beside it.
#[test]
fn a_named_profile_replaces_the_rules_of_the_default() {
    let settings = read(
        "[default]\nprofile = \"http\"\nslow_call = \"300ms\"\nfailure_count = 9\nopen_for = \"5s\"\n\
         on_cancel = \"failure\"\ndurations = true\nhistory = 64\nclock = \"precise\"\n\
         window = { time = \"20s\" }\ninitial_state = \"observe_only\"\n\
         [breakers.orders]\nprofile = \"database\"\nslow_rate = 0.5\n",
    );
    let window = Window::time(ms(20_000));
    let orders = Config {
        slow_rate: Some(0.5),
        durations: true,
        history: 64,
        clock: tripcoil::Clock::precise(),
        window: window.clone(),
        initial_state: tripcoil::State::ObserveOnly,
        ..Config::profile(Profile::Database)
    };
    assert_eq!(settings.get("orders"), &orders);
    let other = Config {
        slow_call: Some(ms(300)),
        failure_count: Some(9),
        open_for: Backoff::constant(ms(5_000)),
        on_cancel: OnCancel::Failure,
        slow_rate: None,
        ..Config {
            durations: true,
            history: 64,
            clock: tripcoil::Clock::precise(),
            window,
            initial_state: tripcoil::State::ObserveOnly,
            ..Config::profile(Profile::Http)
        }
    };
    assert_eq!(settings.get("other"), &other);
}

#[test]
fn the_default_profile_by_name_is_a_profile_too() {
    let settings = read(
        "[default]\nprofile = \"adaptive\"\nfailure_count = 9\n[breakers.a]\nprofile = \"default\"\n",
    );
    assert_eq!(settings.get("a"), &Config::default());
}

#[test]
fn a_group_replaces_that_of_the_default_as_a_whole() {
    let settings = read(
        "[default]\nopen_for = { base = \"5s\", factor = 3.0, max = \"1m\" }\nwindow = { time = \"20s\", buckets = 5 }\n\
         half_open = { of = 10, failure_rate = 0.5, max_probes = 2 }\n\
         [breakers.a]\nopen_for = { max = \"2m\" }\nwindow = { count = 50 }\nhalf_open.successes = 4\n",
    );
    let a = settings.get("a");
    // what is not set is the profile's, and not the defaults'
    assert_eq!(a.open_for, Backoff::default().max(ms(120_000)));
    assert_eq!(a.window, Window::count(50));
    assert_eq!(a.half_open, HalfOpen::successes(4));
}

#[test]
fn a_part_refines_the_group_of_the_profile() {
    let settings = read(
        "[default]\n[breakers.q]\nprofile = \"queue\"\nopen_for.max = \"5s\"\nhalf_open.successes = 5\noutage.theta = 0.3\n",
    );
    let q = settings.get("q");
    assert_eq!(q.open_for, Backoff::adaptive().max(ms(5_000)));
    let of_profile = Config::profile(Profile::Queue);
    assert_eq!(
        (q.slow_call, q.hang),
        (of_profile.slow_call, of_profile.hang)
    );
    assert_eq!(q.outage, Some(Outage::at(0.3)));
    assert_eq!(q.half_open, HalfOpen::successes(5).ramp(Ramp::new()));
    assert_eq!(of_profile.open_for, Backoff::adaptive());
}

#[test]
fn any_name_is_a_name() {
    let long = "n".repeat(5_000);
    let text = format!(
        "[default]\n[breakers.\"\"]\nhistory = 8\n[breakers.\"eu west/1.2\"]\nhistory = 16\n\
         [breakers.\"\u{5317}\u{4eac}\"]\nhistory = 32\n[breakers.{long}]\nhistory = 64\n[breakers.default]\nhistory = 128\n"
    );
    let settings = read(&text);
    for (name, history) in [
        ("", 8),
        ("eu west/1.2", 16),
        ("\u{5317}\u{4eac}", 32),
        (&long, 64),
        ("default", 128),
        ("other", 4),
    ] {
        assert_eq!(settings.get(name).history, history, "{name:?}");
    }
    assert_eq!(settings.names().count(), 5);
}

/// As the same text would be read by itself.
#[test]
fn a_table_reads_as_a_configuration_does() {
    for text in [
        "profile = \"adaptive\"\nslow_call = \"250ms\"",
        "failure_rate = 1",
        "failure_rate = 0x1",
        "min_throughput = 1_000",
        "half_open = { of = 10, rate = 0.5 }",
        "lenient = { kinds = [\"overload\", \"other(0)\"], weight = 0.25 }",
        "lenient = { kinds = \"overload, data\", weight = 0 }",
        "lenient = { kinds = [], weight = 0.5 }",
        "open_for = { adaptive = true, max = \"30s\", seed = 7 }",
        "outage = { theta = 0.3 }\nhang = { starts = 3 }",
        "outage = false\nhang = false\nlenient = false",
        "window.count = 20",
        "[window]\ntime = \"1m\"",
    ] {
        let alone: Config = toml::from_str(text).expect(text);
        let tables = text.replace("[window]", "[breakers.x.window]");
        let named = read(&format!("[default]\n[breakers.x]\n{tables}\n"));
        assert_eq!(named.get("x"), &alone, "{text}");
    }
}

/// The limit of calls in flight is in no profile.
#[test]
fn a_profile_of_its_own_leaves_what_no_profile_sets() {
    let settings = read(
        "[default]\nprofile = \"http\"\nmax_in_flight = 64\nhistory = 9\n\
         [breakers.same]\nprofile = \"http\"\n[breakers.db]\nprofile = \"database\"\n\
         [breakers.own]\nprofile = \"database\"\nmax_in_flight = false\n",
    );
    let of = |name: &str| {
        let config = settings.get(name);
        (config.max_in_flight, config.history)
    };
    assert_eq!((of("same"), of("db")), ((Some(64), 9), (Some(64), 9)));
    assert_eq!((of("own"), of("other")), ((None, 9), (Some(64), 9)));
}
