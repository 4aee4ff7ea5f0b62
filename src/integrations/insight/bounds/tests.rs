use super::*;
use crate::{Breaker, Window};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn within(bounds: &Bounds, setting: &str, present: Value, suggested: Value) -> Option<Value> {
    bounds.within(setting, &present, &suggested)
}

#[test]
fn without_bounds_nothing_is_touched() {
    let none = Bounds::new();
    assert_eq!(
        within(&none, MIN_THROUGHPUT, Value::Count(5), Value::Count(9)),
        None
    );
    assert_eq!(
        within(&none, FAILURE_RATE, Value::Rate(0.1), Value::Rate(0.2)),
        None
    );
    assert_eq!(
        within(&none, SLOW_CALL, Value::Time(ms(1)), Value::Time(ms(2))),
        None
    );
    let wait = |s| Value::Wait(Backoff::constant(Duration::from_secs(s)));
    assert_eq!(within(&none, OPEN_FOR, wait(60), wait(1)), None);
    assert_eq!(
        within(
            &none,
            "durations",
            Value::Switch(false),
            Value::Switch(true)
        ),
        None
    );
    let others = Bounds::new().failure_count(1..=1000);
    assert_eq!(
        within(&others, MIN_THROUGHPUT, Value::Count(5), Value::Count(9)),
        None
    );
}

#[test]
fn a_value_goes_as_far_as_the_range_lets_it() {
    let bounds = Bounds::new().min_throughput(10..=100);
    let count = |from, to| {
        within(
            &bounds,
            MIN_THROUGHPUT,
            Value::Count(from),
            Value::Count(to),
        )
    };
    assert_eq!(count(5, 50), Some(Value::Count(50)));
    assert_eq!(count(5, 500), Some(Value::Count(100)));
    assert_eq!(count(200, 50), Some(Value::Count(50)));
    assert_eq!(count(200, 5), Some(Value::Count(10)));
    assert_eq!(count(100, 500), None, "it is there");
    // never away from what is suggested
    assert_eq!(count(200, 500), None);
    assert_eq!(count(5, 7), None);
    assert_eq!(count(7, 5), None);
    let bounds = Bounds::new()
        .failure_rate(0.3..=0.6)
        .slow_rate(0.2..=0.4)
        .failure_count(9..=99);
    let rate = |setting, from, to| within(&bounds, setting, Value::Rate(from), Value::Rate(to));
    assert_eq!(rate(FAILURE_RATE, 0.1, 0.9), Some(Value::Rate(0.6)));
    assert_eq!(rate(SLOW_RATE, 0.1, 0.9), Some(Value::Rate(0.4)));
    let count = within(&bounds, FAILURE_COUNT, Value::Count(20), Value::Count(200));
    assert_eq!(count, Some(Value::Count(99)));
    let bounds = Bounds::new()
        .probe_timeout(ms(100)..=ms(900))
        .slow_call(ms(50)..=ms(60));
    let limit = |setting| within(&bounds, setting, Value::Time(ms(40)), Value::Time(ms(5000)));
    assert_eq!(limit(PROBE_TIMEOUT), Some(Value::Time(ms(900))));
    assert_eq!(limit(SLOW_CALL), Some(Value::Time(ms(60))));
}

#[test]
fn a_wait_keeps_its_longest_one_within_the_range() {
    let wait = |bounds: &Bounds, to| {
        let from = Value::Wait(Backoff::exponential(Duration::from_secs(60), 2.0));
        within(bounds, OPEN_FOR, from, Value::Wait(to))
    };
    let bounds = Bounds::new().open_for(ms(250)..=ms(10_000));
    assert!(bounds.means().adaptive);
    assert_eq!(
        wait(&bounds, Backoff::adaptive()),
        Some(Value::Wait(Backoff::adaptive().max(ms(10_000))))
    );
    let bounds = Bounds::new().open_for(ms(2000)..=ms(30_000));
    assert!(!bounds.means().adaptive && !bounds.means().fixed);
    let shorter = Backoff::exponential(ms(1400), 2.0);
    let set = Backoff::exponential(ms(2000), 2.0).max(ms(30_000));
    assert_eq!(wait(&bounds, shorter), Some(Value::Wait(set)));
    let longer = Bounds::new().open_for(Duration::from_secs(60)..=Duration::from_secs(90));
    assert_eq!(wait(&longer, Backoff::exponential(ms(1400), 2.0)), None);
}

fn refused(bounds: &Bounds, config: &Config) -> Vec<String> {
    bounds
        .problems(config)
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn all_that_is_wrong_is_reported() {
    #[expect(clippy::reversed_empty_ranges, reason = "they are to be refused")]
    let bounds = Bounds::new()
        .failure_rate(f64::NAN..=0.5)
        .min_throughput(50..=5)
        .slow_call(Duration::ZERO..=ms(1))
        .slow_rate(0.5..=1.5)
        .consecutive_failures(1..=u32::MAX)
        .failure_count(0..=4)
        .open_for(ms(5)..=Duration::MAX)
        .probe_timeout(ms(9)..=ms(8));
    assert_eq!(
        refused(&bounds, &Config::default()),
        [
            "failure_rate is NaN..=0.5, but must be a range of values above 0 and at most 1",
            "min_throughput is 50..=5, but must be a range from a smaller value to a larger one",
            "slow_call is 0ns..=1ms, but must be a range of values above 0 and at most 1099.511627775s",
            "slow_rate is 0.5..=1.5, but must be a range of values above 0 and at most 1",
            "consecutive_failures is 1..=4294967295, but must be a range within 1 to 536870911",
            "failure_count is 0..=4, but must be a range within 1 to 4294967295",
            "open_for is 5ms..=18446744073709551615.999999999s, but must be a range of values above 0 and at most 365 days",
            "half_open.probe_timeout is 9ms..=8ms, but must be a range from a smaller value to a larger one",
        ]
    );
    let by_count = Config {
        window: Window::count(10),
        ..Config::default()
    };
    assert_eq!(
        refused(&Bounds::new().min_throughput(5..=11), &by_count),
        ["min_throughput is 5..=11, but must be a range within 1 to 10, the size of the window"]
    );
}

#[test]
fn good_bounds_are_accepted() {
    let bounds = Bounds::new()
        .failure_rate(0.3..=0.9)
        .min_throughput(5..=5)
        .slow_call(ms(50)..=ms(2000))
        .slow_rate(0.3..=1.0)
        .consecutive_failures(5..=100)
        .failure_count(5..=100)
        .open_for(ms(250)..=ms(60_000))
        .probe_timeout(ms(100)..=ms(5000));
    assert_eq!(refused(&bounds, &Config::default()), [""; 0]);
    assert_eq!(refused(&bounds, &Config::adaptive()), [""; 0]);
    assert_eq!(refused(&Bounds::new(), &Config::default()), [""; 0]);
}

#[test]
fn the_controller_of_another_breaker_is_refused() -> Result<(), ConfigError> {
    let (breaker, own) = Breaker::builder("a").build_with_controller()?;
    let (_, other) = Breaker::builder("a").build_with_controller()?;
    assert_eq!(Bounds::new().validate(&breaker.observer(), &own), Ok(()));
    let error = Bounds::new().validate(&breaker.observer(), &other);
    let fields = error.map_err(|error| error.problems()[0].field);
    assert_eq!(fields, Err("controller"));
    Ok(())
}
