use super::*;
use alloc::string::ToString;

const fn by(cause: Cause) -> Control {
    Control::of_open(cause)
}

const OPEN: Rejected = Rejected::by_open(by(Cause::FailureRate), 1_500_000_000);
const FORCED: Rejected = Rejected::by(State::ForcedOpen);

#[test]
fn a_rejection_is_small_and_says_what_it_knows() {
    assert!(size_of::<Rejected>() <= 16);
    assert_eq!(
        OPEN.to_string(),
        "the breaker is open (failure rate), retry after 1.5s"
    );
    assert_eq!(FORCED.to_string(), "the breaker is forced open (manual)");
    let probing = Rejected::by(State::HalfOpen);
    assert_eq!(probing.to_string(), "the breaker is half-open");
    assert_eq!(OPEN.cause(), Some(Cause::FailureRate));
    // what else stands in the control word is no part of it
    let stripes = by(Cause::FailureRate).more_stripes();
    assert_eq!(Rejected::by_open(stripes, 1_500_000_000), OPEN);
    assert_eq!(
        (FORCED.cause(), probing.cause()),
        (Some(Cause::Manual), None)
    );
}

#[test]
fn a_rejection_is_read_to_three_digits_and_asked_to_the_last() {
    let said = |nanos| {
        let rejected = Rejected::by_open(by(Cause::Manual), nanos);
        assert_eq!(rejected.retry_after(), Some(Duration::from_nanos(nanos)));
        let text = rejected.to_string();
        let wait = text.rsplit(' ').next();
        wait.map(ToString::to_string)
    };
    for (nanos, text) in [
        (0, "0ns"),
        (999, "999ns"),
        (1_499_600, "1.5ms"),
        (12_345_678, "12.3ms"),
        (999_600_000, "1s"),
        (1_250_000_000, "1.25s"),
        (1_500_000_000, "1.5s"),
        (29_951_000_000, "30s"),
        (59_999_876_543, "60s"),
        (60_000_806_964, "60s"),
        (612_400_000_000, "612s"),
        (7_261_500_000_000, "7262s"),
        (u64::MAX - 1, "18446744073s"),
    ] {
        assert_eq!(said(nanos).as_deref(), Some(text), "{nanos}");
    }
}
