//! What lenient failures leave to the next process: which of the window's were lenient, and the parts of a run.

use crate::damage::made_right;
use crate::restore::{after, rig};
use crate::strategies::{Rig, ms, wall};
use std::time::Duration;
use tripcoil::saved::{Saved, SavedError};
use tripcoil::{Builder, Cause, FailureKind, ManualClock, Outcome, State, Window};

const SECOND: Duration = Duration::from_secs(1);

fn refuse(rig: &Rig, times: usize) {
    for _ in 0..times {
        let permit = rig.acquire().expect("closed");
        permit.record(Outcome::Failure(FailureKind::Overload));
    }
}

fn by_weight(b: Builder) -> Builder {
    b.window(Window::time(SECOND * 3).buckets(3))
        .failure_count(3)
        .lenient([FailureKind::Overload], 0.375)
}

fn rate(rig: &Rig) -> f64 {
    rig.breaker.observer().snapshot().failure_rate
}

#[test]
fn a_restored_window_knows_which_were_lenient() {
    let old = rig(by_weight, ManualClock::new());
    refuse(&old, 2);
    old.clock.advance(SECOND);
    refuse(&old, 3);
    old.fail(1);
    let new = after(&old, by_weight, ms(5));
    assert_eq!(rate(&new), (5.0 * 0.375 + 1.0) / 6.0);
    // the first bucket takes its two with it
    new.clock.advance(SECOND * 2);
    assert_eq!(rate(&new), (3.0 * 0.375 + 1.0) / 4.0);
    let totals = new.breaker.observer().snapshot().totals;
    assert_eq!((totals.failures, totals.slow), (6, 0));
    // 2.125 so far: the next lenient one does not trip, and the one after it neither, but the third does
    refuse(&new, 2);
    assert_eq!(new.breaker.state(), State::Closed);
    refuse(&new, 1);
    assert_eq!(new.breaker.state(), State::Open);
}

#[test]
fn what_has_left_the_window_meanwhile_is_not_in_it() {
    let old = rig(by_weight, ManualClock::new());
    refuse(&old, 2);
    old.clock.advance(SECOND);
    refuse(&old, 1);
    old.fail(1);
    let new = after(&old, by_weight, SECOND * 2);
    assert_eq!(rate(&new), 1.375 / 2.0);
}

/// The fourth of three eighths each is the one that brings it to 1.5; the fifth failure is whole.
#[test]
fn a_restored_run_goes_on_with_its_eighths() {
    let about = |b: Builder| by_weight(b).no_failure_rules().consecutive_failures(2);
    let old = rig(about, ManualClock::new());
    refuse(&old, 3);
    let new = after(&old, about, ms(5));
    assert_eq!(new.breaker.observer().snapshot().consecutive_failures, 1);
    refuse(&new, 2);
    assert_eq!(new.breaker.state(), State::Closed, "1.875");
    refuse(&new, 1);
    let last = new.breaker.observer().history().pop().expect("it tripped");
    assert_eq!(last.cause, Cause::ConsecutiveFailures);
    assert_eq!(last.consecutive_failures, 2);
}

/// Also one that is not a whole failure so far.
#[test]
fn a_run_of_a_part_is_kept() {
    let about = |b: Builder| by_weight(b).no_failure_rules().consecutive_failures(1);
    let old = rig(about, ManualClock::new());
    refuse(&old, 2);
    let new = after(&old, about, ms(5));
    assert_eq!(new.breaker.state(), State::Closed);
    refuse(&new, 1);
    assert_eq!(new.breaker.state(), State::Open);
}

#[test]
fn without_the_setting_they_count_wholly() {
    let old = rig(by_weight, ManualClock::new());
    refuse(&old, 2);
    let without = |b: Builder| by_weight(b).lenient([], 0.0);
    let new = after(&old, without, ms(5));
    assert_eq!(rate(&new), 1.0);
    new.fail(1);
    assert_eq!(new.breaker.state(), State::Open);
}

#[test]
fn a_state_without_them_says_nothing_of_them() {
    let old = rig(by_weight, ManualClock::new());
    old.fail(1);
    let json = serde_json::to_value(old.controller.save_at(wall())).expect("it can be written");
    assert_eq!(json["lenient"], serde_json::Value::Null);
    refuse(&old, 1);
    let json = serde_json::to_value(old.controller.save_at(wall())).expect("it can be written");
    let expected = serde_json::json!({ "eighths": 0, "buckets": [0, 0, 1] });
    assert_eq!(json["lenient"], expected);
}

/// The last four numbers are how many buckets there are, and the lenient ones of each.
#[test]
fn parts_that_no_breaker_can_have_are_refused() {
    let about = |b: Builder| by_weight(b).no_failure_rules().consecutive_failures(9);
    let old = rig(about, ManualClock::new());
    refuse(&old, 1);
    let bytes = old.controller.save_at(wall()).to_bytes();
    let body = &bytes[16..bytes.len() - 4];
    let whole = body
        .strip_suffix(&[3, 3, 0, 0, 1])
        .expect("three eighths, and three buckets");
    let read = |parts: &[u8]| {
        let body = [whole, parts].concat();
        Saved::from_bytes(&made_right(&body, 2)).map(|_| ())
    };
    assert_eq!(read(&[3, 3, 0, 0, 1]), Ok(()));
    let field = |parts: &[u8]| match read(parts) {
        Err(SavedError::Impossible(problem)) => problem.field,
        other => panic!("{other:?}"),
    };
    assert_eq!(field(&[8, 3, 0, 0, 1]), "lenient.eighths");
    assert_eq!(field(&[3, 2, 0, 1]), "lenient.buckets");
    assert_eq!(
        field(&[3, 3, 0, 1, 1]),
        "lenient.buckets",
        "more than have failed"
    );
    assert_eq!(read(&[3, 3, 0, 0]), Err(SavedError::Damaged));
    assert_eq!(read(&[3, 3, 0, 0, 1, 0]), Err(SavedError::Damaged));
}
