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
