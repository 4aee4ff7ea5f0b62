//! Causes and kinds as bits, and the names in print.

use super::*;
use alloc::string::ToString;
use alloc::vec::Vec;

#[test]
fn causes_come_back_from_their_bits() {
    let causes: Vec<Cause> = (0..Cause::NUMBER).map(Cause::unpack).collect();
    for (bits, cause) in (0..).zip(&causes) {
        assert_eq!(cause.pack(), bits);
    }
    for unknown in [Cause::NUMBER, Cause::NUMBER + 1, u64::MAX] {
        assert_eq!(Cause::unpack(unknown), Cause::Manual);
    }
}

#[test]
fn each_slot_shows_a_kind_of_its_own() {
    for (slot, kind) in FailureKind::SHOWN.into_iter().enumerate() {
        assert_eq!(kind.slot(), slot);
    }
    for number in 2..=u8::MAX {
        assert_eq!(FailureKind::Other(number).slot(), 8);
    }
}

#[test]
fn kinds_are_read_by_their_slots() {
    let kinds = FailureKinds([10, 11, 12, 13, 14, 15, 16, 17, 18]);
    assert_eq!(kinds.get(FailureKind::Timeout), 10);
    assert_eq!(kinds.get(FailureKind::Other(1)), 17);
    assert_eq!(kinds.get(FailureKind::Other(200)), 18);
    let all: Vec<_> = kinds.iter().collect();
    assert_eq!(all.len(), FailureKind::SLOTS);
    assert!(all.iter().all(|&(kind, count)| kinds.get(kind) == count));
}

#[test]
fn only_a_failure_has_a_wait() {
    let wait = Duration::from_secs(3);
    let failure = Outcome::Failure(FailureKind::Data);
    let waiting = Outcome::FailureRetryAfter(FailureKind::Data, wait);
    assert_eq!(failure.with_retry_after(wait), waiting);
    assert_eq!(
        failure
            .with_retry_after(Duration::ZERO)
            .with_retry_after(wait),
        waiting
    );
    assert_eq!(Outcome::Ignored.with_retry_after(wait), Outcome::Ignored);
    assert_eq!(Outcome::Success.with_retry_after(wait), Outcome::Success);
}

#[test]
fn names_are_the_fields() {
    let states: Vec<_> = State::ALL.iter().map(ToString::to_string).collect();
    let expected = [
        "closed",
        "open",
        "half-open",
        "forced open",
        "disabled",
        "observe-only",
    ];
    assert_eq!(states, expected);
    assert_eq!(Cause::FailureRate.to_string(), "failure rate");
    assert_eq!(FailureKind::Overload.to_string(), "overload");
    assert_eq!(FailureKind::Other(7).to_string(), "other(7)");
}
