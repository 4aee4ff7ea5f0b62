//! Reports, advice and values as JSON and TOML.

use std::time::Duration;
use tripcoil::insight::{Insight, Observed, Value, advise};
use tripcoil::{Backoff, Breaker, Config, FailureKind, ManualClock, Window};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_report_is_plain_data() {
    let clock = ManualClock::new();
    let breaker = Breaker::builder("watched")
        .consecutive_failures(3)
        .clock(&clock)
        .build()
        .expect("valid");
    let insight = Insight::new(&breaker.observer());
    for _ in 0..3 {
        breaker
            .try_acquire()
            .expect("closed")
            .failure(FailureKind::Server);
    }
    clock.advance(2 * SECOND);
    let json = serde_json::to_value(insight.report()).expect("plain data");
    assert_eq!(json["state"], "open");
    assert_eq!(json["at_seconds"], 2.0);
    assert_eq!(json["eta"]["p50_seconds"], 2.0);
    assert_eq!(json["eta"]["guess"], true);
    assert_eq!(json["outage"]["cause"], "consecutive_failures");
    assert_eq!(json["outage"]["ended_seconds"], serde_json::Value::Null);
    assert_eq!(json["outage"]["counts"]["failures"], 3);
    assert_eq!(json["pattern"]["kind"], "single");
    assert_eq!(json["trend"], serde_json::Value::Null);
}

#[test]
fn advice_is_plain_data() -> Result<(), serde_json::Error> {
    let advice = advise(
        &Observed::new(3_600_000, 3600 * SECOND).failure_rate(0.03),
        &Config::default(),
    );
    let json: serde_json::Value = serde_json::to_value(&advice)?;
    assert_eq!(json["suggestions"][1]["setting"], "consecutive_failures");
    assert_eq!(json["suggestions"][1]["present"], 5);
    assert_eq!(json["suggestions"][1]["live"], true);
    assert_eq!(json["doubts"], serde_json::json!([]));
    assert_eq!(json["time_to_detect"]["before"], 0.005);
    Ok(())
}

/// As JSON has it: a number, a text, or a map.
#[test]
fn values_serialise_as_settings() {
    let json = |value: Value| serde_json::to_string(&value).unwrap_or_default();
    assert_eq!(json(Value::Count(20)), "20");
    assert_eq!(json(Value::Rate(0.5)), "0.5");
    assert_eq!(json(Value::Time(SECOND / 4)), "\"250ms\"");
    assert_eq!(json(Value::Switch(true)), "true");
    assert_eq!(
        json(Value::Wait(Backoff::adaptive())),
        "{\"adaptive\":true,\"max\":\"30s\"}"
    );
    assert_eq!(
        json(Value::Window(Window::time(60 * SECOND).buckets(6))),
        "{\"time\":\"1m\",\"buckets\":6}"
    );
}

#[cfg(feature = "serde")]
#[test]
fn a_file_reads_what_is_printed() -> Result<(), toml::de::Error> {
    let waits = [
        Backoff::adaptive().max(9 * SECOND).seed(4),
        Backoff::constant(SECOND / 8),
        Backoff::exponential(SECOND, 3.0).jitter(0.25),
    ];
    for wait in waits {
        let read: Config = toml::from_str(&format!("open_for = {}", Value::Wait(wait.clone())))?;
        assert_eq!(read.open_for, wait);
    }
    for window in [Window::count(9), Window::time(90 * SECOND).buckets(9)] {
        let read: Config = toml::from_str(&format!("window = {}", Value::Window(window.clone())))?;
        assert_eq!(read.window, window);
    }
    let limit = Value::Time(SECOND * 3 / 2);
    let read: Config = toml::from_str(&format!("slow_call = {limit}"))?;
    assert_eq!(read.slow_call, Some(SECOND * 3 / 2));
    Ok(())
}
