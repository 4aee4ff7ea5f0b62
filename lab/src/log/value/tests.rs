use super::*;
use crate::log::testing::SECOND;
use crate::log::value;

#[test]
fn times_are_exact_and_of_many_forms() {
    let time = |text: &str| value::time(text, Unit::Seconds, false);
    for (text, nanos) in [
        ("1700000000.000000001", 1_700_000_000_000_000_001),
        ("9007199254.740993001", 9_007_199_254_740_993_001),
        ("0", 0),
        (" 12.5 ", 12_500_000_000),
        (".25", 250_000_000),
        ("5.", 5 * SECOND),
        ("+3", 3 * SECOND),
        ("1e-9", 1),
        ("1.9999999999", 1_999_999_999),
        ("000000000000000000000000000000000000000001", SECOND),
        ("0.00000000000000000000000000000000000000000009", 0),
        ("2023-11-14T22:13:20Z", 1_700_000_000 * SECOND),
        (
            "2023-11-15T00:13:20.000000001+02:00",
            1_700_000_000 * SECOND + 1,
        ),
        (
            "2023-11-14 22:13:20,5",
            1_700_000_000 * SECOND + 500_000_000,
        ),
        ("14/Nov/2023:22:13:20 +0000", 1_700_000_000 * SECOND),
        ("[14/Nov/2023:17:13:20 -0500]", 1_700_000_000 * SECOND),
    ] {
        assert_eq!(time(text), Ok(nanos), "{text}");
    }
    for (text, reason) in [
        ("", "the field is empty"),
        ("NaN", "is not a finite number"),
        ("-inf", "is not a finite number"),
        ("-1", "is negative"),
        ("1.2.3", "is not a number"),
        ("1,5", "is not a number"),
        ("12 s", "is not a number"),
        (".", "is not a number"),
        ("1e99999", "is not a number"),
        ("1e300", "is too large"),
        ("1700000000000", "is too large"),
        (
            "99999999999999999999999999999999999999999999",
            "is too large",
        ),
        ("2023-13-14T22:13:20Z", "is neither a number nor a date"),
        ("1969-01-01T00:00:00Z", "is before 1970"),
        ("9000-01-01T00:00:00Z", "is after 2262"),
    ] {
        let error = time(text).expect_err(text);
        assert!(error.contains(reason), "{text}: {error}");
    }
    assert_eq!(
        value::time("1700000000123", Unit::Milliseconds, false),
        Ok(1_700_000_000_123_000_000)
    );
    assert_eq!(value::time("1,5", Unit::Seconds, true), Ok(1_500_000_000));
    assert_eq!(value::time("-0.0", Unit::Seconds, false), Ok(0));
}

#[test]
fn durations_may_have_a_unit() {
    let duration = |text: &str| value::duration(text, Unit::Milliseconds, false);
    for (text, nanos) in [
        ("1.5", 1_500_000),
        ("12.5ms", 12_500_000),
        ("2 s", 2_000_000_000),
        ("3µs", 3_000),
        ("7ns", 7),
    ] {
        assert_eq!(duration(text), Ok(nanos), "{text}");
    }
    for text in ["1h", "ms", "-3ms", "nan", "-"] {
        assert!(duration(text).is_err(), "{text}");
    }
    assert_eq!(
        value::duration("0.25", Unit::Seconds, false),
        Ok(250_000_000)
    );
}

#[test]
fn statuses_are_classified_as_the_crate_does() {
    for (text, outcome) in [
        ("200", Recorded::Success),
        ("404", Recorded::Success),
        ("499", Recorded::Success),
        ("429", Recorded::Overload),
        ("503", Recorded::Overload),
        ("504", Recorded::Timeout),
        ("500", Recorded::Server),
        ("502.0", Recorded::Server),
        ("999", Recorded::Data),
        ("0", Recorded::Connect),
        ("", Recorded::Connect),
        ("OK", Recorded::Success),
        ("DEADLINE_EXCEEDED", Recorded::Timeout),
        ("DeadlineExceeded", Recorded::Timeout),
        ("NotFound", Recorded::Success),
    ] {
        assert_eq!(value::status(text), Ok(outcome), "{text}");
    }
    for text in ["99", "1000", "2xx", "-1", "fine", "UNAVAILABL"] {
        let error = value::status(text).expect_err(text);
        assert!(error.contains("neither an HTTP status nor"), "{error}");
    }
    for outcome in Recorded::ALL {
        assert_eq!(value::outcome(&outcome.word().to_uppercase()), Ok(outcome));
    }
    assert_eq!(value::outcome("Failure"), Ok(Recorded::Server));
    let error = value::outcome("meh").expect_err("unknown");
    assert!(
        error.contains("\"meh\" is not an outcome: failure, success, timeout"),
        "{error}"
    );
}
