use super::*;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn seen() -> Observed {
    Observed::new(3_600_000, Duration::from_secs(3600))
}

fn limit(millis: u64) -> Config {
    Config {
        slow_call: Some(ms(millis)),
        ..Config::default()
    }
}

#[test]
fn the_pace_is_of_the_calls_unless_it_is_set() {
    assert_eq!(seen().pace, 1000.0);
    assert_eq!(seen().pace(20.0).pace, 20.0);
    assert_eq!(seen().pace(f64::NAN).pace, 1000.0);
    assert_eq!(seen().pace(-1.0).pace, 0.0);
    assert_eq!(Observed::new(7, Duration::ZERO).pace, 0.0);
}

#[test]
fn rates_are_parts_of_one() {
    assert_eq!(seen().failure_rate(7.0).failing, 1.0);
    assert_eq!(seen().failure_rate(0.1).failure_rate(f64::NAN).failing, 0.1);
    assert_eq!(seen().slow_rate(-0.5).slow, Some(0.0));
    assert_eq!(seen().slow_rate(f64::NAN).slow, None);
}

#[test]
fn little_traffic_does_not_suffice() {
    let suffices = |calls, seconds| Observed::new(calls, Duration::from_secs(seconds)).suffices();
    assert!(suffices(1000, 300));
    assert!(!suffices(999, 300));
    assert!(!suffices(1_000_000, 299));
    assert!(!seen().pace(0.0).suffices());
}

#[test]
fn slow_calls_are_estimated_between_quantiles() {
    let seen = seen().quantiles(Some(ms(10)), Some(ms(100)), Some(ms(1000)));
    assert_eq!(seen.slow_at(ms(9)), 1.0);
    assert_eq!(seen.slow_at(ms(10)), 0.5);
    assert_eq!(seen.slow_at(ms(100)), 0.01);
    assert_eq!(seen.slow_at(ms(5000)), 0.001);
    // on a power law: half of the way between the exponents
    let between = seen.slow_at(Duration::from_secs_f64(0.1 * 10.0_f64.sqrt()));
    assert!((between - 0.01 / 10.0_f64.sqrt()).abs() < 1e-9, "{between}");
    let measured = seen.slow_rate(0.05).under(&limit(20));
    assert_eq!(measured.slow_at(ms(20)), 0.05, "as it was measured");
    assert_eq!(measured.slow_at(ms(100)), 0.01);
    let more = measured.slow_rate(0.9).under(&limit(90));
    assert_eq!(more.slow_at(ms(90)), 0.9);
}

/// Successes end soon, and one call in five times out.
#[test]
fn slow_failures_count() {
    let seen = seen()
        .failure_rate(0.2)
        .slow_rate(0.201)
        .quantiles(Some(ms(10)), Some(ms(50)), Some(ms(100)))
        .under(&limit(100));
    assert_eq!(seen.slow_at(ms(100)), 0.201);
    assert!((seen.slow_at(ms(5000)) - 0.201).abs() < 1e-9);
    // no more of them than there are failures
    let few = seen.failure_rate(0.02);
    assert!((few.slow_at(ms(5000)) - 0.021).abs() < 1e-9);
}

#[test]
fn without_quantiles_what_was_seen_counts() {
    assert_eq!(seen().slow_at(ms(10)), 0.0);
    assert_eq!(seen().slow_rate(0.2).slow_at(ms(10)), 0.2);
    let odd = seen().quantiles(Some(Duration::ZERO), Some(Duration::ZERO), Some(ms(5)));
    assert!(odd.slow_at(ms(1)) <= 0.01);
    // out of order
    let odd = seen().quantiles(Some(ms(9)), Some(ms(3)), Some(ms(1)));
    assert_eq!((odd.p99, odd.p999), (Some(ms(9)), Some(ms(9))));
}
