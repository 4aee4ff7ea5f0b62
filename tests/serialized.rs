//! What users log, in serde's formats: one spelling for names, and one unit for times.
#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;
use std::time::Duration;
use tripcoil::observe::{FailureKinds, Totals};
use tripcoil::{Breaker, Cause, FailureKind, ManualClock, Outage, State, Window};

const SECOND: Duration = Duration::from_secs(1);

fn json_of(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("plain data")
}

fn there_and_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T, name: &str) {
    assert_eq!(json_of(value), json!(name));
    let back: T = serde_json::from_value(json!(name)).expect(name);
    assert_eq!(&back, value);
    // a format that is not self-describing
    let bytes = postcard::to_stdvec(value).expect("a text");
    assert_eq!(postcard::from_bytes::<T>(&bytes).expect(name), *value);
}

#[test]
fn states_causes_and_kinds_have_one_name_each() {
    for (state, name) in [
        (State::Closed, "closed"),
        (State::Open, "open"),
        (State::HalfOpen, "half_open"),
        (State::ForcedOpen, "forced_open"),
        (State::Disabled, "disabled"),
        (State::ObserveOnly, "observe_only"),
    ] {
        there_and_back(&state, name);
        assert_eq!(state.as_str(), name);
        // as in a configuration
        let config = toml::from_str::<tripcoil::Config>(&format!("initial_state = {name:?}"));
        assert_eq!(config.expect(name).initial_state, state);
    }
    for (cause, name) in [
        (Cause::ConsecutiveFailures, "consecutive_failures"),
        (Cause::FailureCount, "failure_count"),
        (Cause::FailureRate, "failure_rate"),
        (Cause::SlowRate, "slow_rate"),
        (Cause::Evidence, "evidence"),
        (Cause::Hang, "hang"),
        (Cause::OpenElapsed, "open_elapsed"),
        (Cause::ProbesSucceeded, "probes_succeeded"),
        (Cause::ProbeFailed, "probe_failed"),
        (Cause::ProbeTimeout, "probe_timeout"),
        (Cause::ProbesCancelled, "probes_cancelled"),
        (Cause::RampCompleted, "ramp_completed"),
        (Cause::RampFailed, "ramp_failed"),
        (Cause::Manual, "manual"),
        (Cause::Peers, "peers"),
        (Cause::MaxInFlight, "max_in_flight"),
    ] {
        there_and_back(&cause, name);
        assert_eq!(cause.as_str(), name);
        assert_eq!(cause.to_string().replace(' ', "_"), name, "for people");
    }
    for (kind, name) in [
        (FailureKind::Timeout, "timeout"),
        (FailureKind::Connect, "connect"),
        (FailureKind::Overload, "overload"),
        (FailureKind::Server, "server"),
        (FailureKind::Client, "client"),
        (FailureKind::Data, "data"),
    ] {
        there_and_back(&kind, name);
    }
    for number in 0..=u8::MAX {
        there_and_back(&FailureKind::Other(number), &format!("other_{number}"));
    }
}

#[test]
fn an_unknown_name_is_answered_with_those_that_exist() {
    fn refused<T: DeserializeOwned + Debug>(value: &Value) -> String {
        let error = serde_json::from_value::<T>(value.clone()).expect_err("unknown");
        error.to_string()
    }
    // what `Display` prints is for people
    for name in ["half-open", "Open", "", "forced open", "open "] {
        let error = refused::<State>(&json!(name));
        let expected = format!(
            "invalid value: string {name:?}, expected a state: closed, open, half_open, forced_open, \
             disabled or observe_only"
        );
        assert_eq!(error, expected);
    }
    let error = refused::<Cause>(&json!("failure rate"));
    assert!(
        error.contains(
            "\"failure rate\", expected the cause of a transition: consecutive_failures,"
        ),
        "{error}"
    );
    for name in [
        "other",
        "other_",
        "other_256",
        "other_-1",
        "other_+1",
        "other_01",
        "other(1)",
        "TIMEOUT",
    ] {
        let error = refused::<FailureKind>(&json!(name));
        assert!(
            error.contains(name) && error.contains("other_0 to other_255"),
            "{error}"
        );
    }
    for wrong in [json!(1), json!(null), json!(["open"]), json!({ "open": 1 })] {
        let error = refused::<State>(&wrong);
        assert!(error.contains("expected a state: closed"), "{error}");
    }
}

#[test]
fn a_snapshot_and_its_transitions_are_plain_data() {
    let clock = ManualClock::new();
    let breaker = Breaker::builder("watched")
        .consecutive_failures(2)
        .open_for(Duration::from_millis(2500))
        .durations(true)
        .outage(Outage::at(0.5))
        .clock(&clock)
        .build()
        .expect("valid");
    let observer = breaker.observer();
    let closed = json_of(&observer.snapshot());
    assert_eq!(closed["retry_after_seconds"], Value::Null);
    assert_eq!(closed["last_opening"], Value::Null);
    assert_eq!(closed["evidence"]["value"], 0.0);
    assert_eq!(closed["watch"], Value::Null);
    clock.advance(Duration::from_millis(500));
    for kind in [FailureKind::Other(1), FailureKind::Other(9)] {
        let permit = breaker.try_acquire().expect("closed");
        clock.advance(Duration::from_millis(250));
        permit.failure(kind);
    }
    clock.advance(SECOND);
    let rejected = breaker.try_acquire().expect_err("open");
    let wait =
        json!({ "state": "open", "cause": "consecutive_failures", "retry_after_seconds": 1.5 });
    assert_eq!(json_of(&rejected), wait);

    let seen = json_of(&observer.snapshot());
    assert_eq!(seen["state"], "open");
    assert_eq!(seen["generation"], 1);
    assert_eq!(seen["time_in_state_seconds"], 1.0);
    assert_eq!(seen["retry_after_seconds"], 1.5);
    let counts = json!({ "calls": 2, "successes": 0, "failures": 2, "slow": 0 });
    assert_eq!(seen["window"], counts);
    assert_eq!(seen["buckets"].as_array().map(Vec::len), Some(10));
    assert_eq!(seen["failures_by_kind"]["other_1"], 1);
    assert_eq!(seen["failures_by_kind"]["other"], 1, "as in the metrics");
    assert_eq!(
        seen["failures_by_kind"]
            .as_object()
            .map(serde_json::Map::len),
        Some(9)
    );
    let rejections = json!({ "open": 1, "half_open": 0, "forced_open": 0, "closed": 0 });
    assert_eq!(seen["rejections_by_state"], rejections);
    assert_eq!(
        seen["probes"],
        json!({ "in_flight": 0, "succeeded": 0, "failed": 0 })
    );
    let durations = seen["durations"].as_array().expect("are kept");
    assert_eq!(durations.len(), 1, "those that hold calls");
    assert_eq!(durations[0]["calls"], 2);
    assert!(durations[0]["from_seconds"].as_f64() <= Some(0.25));
    assert!(durations[0]["to_seconds"].as_f64() > Some(0.25));

    let transition = json_of(&observer.history());
    // but for the wall clock's time, which is computed when it is read
    assert_eq!(
        transition[0]["generation"],
        seen["last_opening"]["generation"]
    );
    assert_eq!(
        transition[0]["at_seconds"],
        seen["last_opening"]["at_seconds"]
    );
    let transition = &transition[0];
    assert_eq!(
        (&transition["from"], &transition["to"]),
        (&json!("closed"), &json!("open"))
    );
    assert_eq!(transition["cause"], "consecutive_failures");
    assert_eq!(transition["failure"], "other_9");
    assert_eq!(transition["at_seconds"], 1.0);
    assert_eq!(transition["open_until_seconds"], 3.5);
    assert_eq!(transition["consecutive_failures"], 2);
    assert_eq!(transition["counts"], counts);
    // since 1970
    assert!(transition["wall_time_seconds"].as_f64() > Some(1.7e9));
}

/// What a reader of a format without field names has for a transition.
#[derive(serde::Deserialize)]
struct Mirror {
    generation: u64,
    _from: State,
    to: State,
    cause: Cause,
    at_seconds: f64,
    wall_time_seconds: Option<f64>,
    open_until_seconds: Option<f64>,
    failure: Option<FailureKind>,
    counts: [u64; 4],
    consecutive_failures: u64,
}

#[derive(serde::Deserialize)]
struct Bucket {
    from_seconds: f64,
    to_seconds: Option<f64>,
    calls: u64,
}

#[test]
fn a_format_without_names_can_be_read_by_the_same_fields() {
    let clock = ManualClock::new();
    let (breaker, controller) = Breaker::builder("watched")
        .consecutive_failures(1)
        .open_for(5 * SECOND)
        .durations(true)
        .clock(&clock)
        .build_with_controller()
        .expect("valid");
    let permit = breaker.try_acquire().expect("closed");
    clock.advance(SECOND);
    permit.failure(FailureKind::Other(9));
    controller.force_open();
    let observer = breaker.observer();
    let bytes = postcard::to_stdvec(&observer.history()).expect("its length is known");
    let read: Vec<Mirror> = postcard::from_bytes(&bytes).expect("the same fields");
    let [opened, forced] = &read[..] else {
        panic!("{} transitions", read.len())
    };
    assert_eq!((opened.generation, opened.to), (1, State::Open));
    assert_eq!(opened.cause, Cause::ConsecutiveFailures);
    assert_eq!(
        (opened.at_seconds, opened.open_until_seconds),
        (1.0, Some(6.0))
    );
    assert_eq!(opened.failure, Some(FailureKind::Other(9)));
    assert_eq!(
        (opened.counts, opened.consecutive_failures),
        ([1, 0, 1, 0], 1)
    );
    assert!(opened.wall_time_seconds > Some(1.7e9));
    assert_eq!(
        (forced.to, forced.open_until_seconds),
        (State::ForcedOpen, None)
    );

    let snapshot = observer.snapshot();
    let bytes = postcard::to_stdvec(&snapshot).expect("each length is known");
    assert!(!bytes.is_empty());
    let bytes = postcard::to_stdvec(&snapshot.durations).expect("its length is known");
    let read: Option<Vec<Bucket>> = postcard::from_bytes(&bytes).expect("the same fields");
    let [bucket] = &read.expect("are kept")[..] else {
        panic!("not one bucket")
    };
    assert_eq!(bucket.calls, 1);
    assert!(bucket.from_seconds <= 1.0 && bucket.to_seconds > Some(1.0));
}

/// A name that is not a time's has no unit, and each time has the one.
#[test]
fn every_time_is_in_seconds_and_its_name_says_so() {
    fn names(value: &Value, into: &mut Vec<String>) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, value)| {
                into.push(name.clone());
                names(value, into);
            }),
            Value::Array(values) => values.iter().for_each(|value| names(value, into)),
            _ => {}
        }
    }
    let (breaker, controller) = Breaker::builder("watched")
        .window(Window::time(SECOND))
        .durations(true)
        .build_with_controller()
        .expect("valid");
    let _ = breaker.call(|| Ok::<_, ()>(()));
    controller.trip();
    let observer = breaker.observer();
    let mut found = Vec::new();
    names(&json_of(&observer.snapshot()), &mut found);
    names(&json_of(&observer.history()), &mut found);
    let mut times: Vec<_> = found
        .iter()
        .filter_map(|name| name.strip_suffix("_seconds"))
        .collect();
    times.sort_unstable();
    times.dedup();
    let expected = [
        "at",
        "from",
        "open_until",
        "retry_after",
        "time_in_state",
        "to",
        "wall_time",
    ];
    assert_eq!(times, expected);
    assert!(
        !found
            .iter()
            .any(|name| name.ends_with("_ms") || name.ends_with("_nanos"))
    );
}

#[test]
fn counts_are_maps_of_numbers() {
    let totals = json!({
        "successes": 0, "failures": 0, "slow": 0, "rejected": 0, "late": 0, "ignored": 0, "cancelled": 0,
    });
    assert_eq!(json_of(&Totals::default()), totals);
    let kinds = json!({
        "timeout": 0, "connect": 0, "overload": 0, "server": 0, "client": 0, "data": 0,
        "other_0": 0, "other_1": 0, "other": 0,
    });
    assert_eq!(json_of(&FailureKinds::default()), kinds);
}

#[cfg(feature = "registry")]
#[test]
fn a_registry_is_a_map_of_its_states_too() {
    use tripcoil::registry::Registry;
    let (registry, controller) = Registry::<String>::from_config(tripcoil::Config::default())
        .expect("valid")
        .build_with_controller();
    registry.get("a").expect("valid");
    controller
        .on("b", tripcoil::Controller::force_open)
        .expect("valid");
    let all = json_of(&registry.aggregate());
    let states = json!({
        "closed": 1, "open": 0, "half_open": 0, "forced_open": 1, "disabled": 0, "observe_only": 0,
    });
    assert_eq!((&all["states"], &all["breakers"]), (&states, &json!(2)));
}
