use super::*;

fn wait(wait: Backoff) -> String {
    Value::Wait(wait).to_string()
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn values_print_as_in_toml() {
    assert_eq!(wait(Backoff::constant(5 * SECOND)), "\"5s\"");
    assert_eq!(
        wait(Backoff::exponential(SECOND, 2.0)),
        "{ base = \"1s\", factor = 2.0 }"
    );
    let all = Backoff::exponential(SECOND, 1.5)
        .max(60 * SECOND)
        .jitter(0.1)
        .reset_after(SECOND)
        .seed(7);
    assert_eq!(
        wait(all),
        "{ base = \"1s\", factor = 1.5, max = \"1m\", jitter = 0.1, reset_after = \"1s\", seed = 7 }"
    );
    assert_eq!(
        Value::Window(Window::count(20)).to_string(),
        "{ count = 20 }"
    );
    assert_eq!(Value::Switch(true).to_string(), "true");
    assert_eq!(Value::Rate(1.0).to_string(), "1.0");
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
    use crate::Config;
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
