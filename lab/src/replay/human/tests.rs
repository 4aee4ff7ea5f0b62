use super::*;

#[test]
fn numbers_and_shares() {
    for (n, text) in [
        (0, "0"),
        (999, "999"),
        (1_000, "1,000"),
        (1_234_567, "1,234,567"),
    ] {
        assert_eq!(count(n), text);
    }
    for (share, text) in [
        (0.0, "0 %"),
        (1e-9, "< 0.001 %"),
        (0.000_5, "0.050 %"),
        (0.012_3, "1.23 %"),
        (0.5, "50.0 %"),
        (1.0, "100.0 %"),
    ] {
        assert_eq!(percent(share), text);
    }
}

#[test]
fn durations_in_two_units() {
    for (nanos, text) in [
        (0, "0 s"),
        (1, "< 1 ms"),
        (999_999_999, "999 ms"),
        (10 * SECOND, "10 s"),
        (61_500 * MILLISECOND, "1 min 1 s"),
        (1_500 * MILLISECOND, "1.50 s"),
        (3_600 * SECOND, "1 h"),
        (90_000 * SECOND, "1 d 1 h"),
    ] {
        assert_eq!(duration(nanos), text);
    }
}

#[test]
fn moments_are_dates_or_seconds() {
    let unix = Times::new(1_700_000_000_123_456_789);
    assert_eq!(unix.full(0), "2023-11-14 22:13:20.123 UTC");
    assert_eq!(unix.exact(1), "2023-11-14T22:13:20.12345679Z");
    assert_eq!(unix.clock(2_000_000_000), "11-14 22:13:22.123");
    assert_eq!(unix.short(0, 60 * SECOND), "22:13");
    assert_eq!(unix.short(0, SECOND), "22:13:20");
    assert_eq!(unix.short(0, MILLISECOND), "13:20.123");
    assert_eq!(unix.short(0, 86_400 * SECOND), "Nov 14");
    let zero = Times::new(-1_500_000_000);
    assert_eq!(
        (zero.full(0).as_str(), zero.exact(3_000_000_000).as_str()),
        ("-1.500 s", "1.5")
    );
    assert_eq!(zero.clock(0), "-1.500 s");
}

#[test]
fn one_is_not_many() {
    assert_eq!(counted(0, "call"), "0 calls");
    assert_eq!(counted(1, "key"), "1 key");
    assert_eq!(counted(1000, "bad line"), "1,000 bad lines");
}
