use super::*;

/// What is left of any Open, as a saved state has it.
#[cfg(feature = "persist")]
#[test]
fn the_longest_is_what_the_latest_leaves() {
    assert_eq!(Deadline::LONGEST, (1 << 39) * MILLISECOND);
    // one that began just before its millisecond was over
    let opened = MILLISECOND - 1;
    let latest = Deadline(Deadline::LAST << 1).nanos(opened);
    assert!(latest - opened < Deadline::LONGEST);
}

#[test]
fn what_was_before_is_as_long_as_a_close_may_have_to_last() {
    assert_eq!(Deadline::lasted_before(0).before_clock(), 0);
    assert_eq!(Deadline::lasted_before(1).before_clock(), 1 << 15);
    let longest = 365 * 24 * 3600 * 1_000 * MILLISECOND;
    let kept = Deadline::lasted_before(longest).before_clock();
    assert!((longest..longest + (1 << 15)).contains(&kept));
    assert!(Deadline::lasted_before(u64::MAX).before_clock() >= longest);
    assert_eq!(Deadline::lasted_before(u64::MAX).0, PAYLOAD_MAX);
}

#[test]
fn a_deadline_is_rounded_up_to_whole_milliseconds() {
    let at = |start, wait| Deadline::after(0, start, wait, false).nanos(0);
    assert_eq!(at(0, 1), MILLISECOND);
    assert_eq!(at(1, MILLISECOND - 1), MILLISECOND);
    assert_eq!(at(1, MILLISECOND), 2 * MILLISECOND);
    assert_eq!(at(MILLISECOND, 0), MILLISECOND);
    assert_eq!(
        Deadline::after(7 * MILLISECOND + 5, 9 * MILLISECOND + 1, 0, true),
        Deadline(3 << 1 | 1)
    );
    assert_eq!(
        Deadline(3 << 1).nanos(7 * MILLISECOND + 5),
        10 * MILLISECOND
    );
    assert!(Deadline::after(0, 0, 0, true).is_firm());
    assert!(!Deadline::after(0, 0, 5 * MILLISECOND, false).is_firm());
    // the last is all that a payload holds
    let last = Deadline::after(0, 0, u64::MAX, true);
    assert_eq!(last.0, crate::words::tagged::PAYLOAD_MAX);
    let opened = 7 * MILLISECOND + 5;
    assert_eq!(Deadline(3 << 1).of_any(opened), 10 * MILLISECOND);
    let before = opened.wrapping_sub(9 * MILLISECOND);
    assert_eq!(Deadline(3 << 1).of_any(before), MILLISECOND);
    assert_eq!(Deadline(1 << 1).of_any(before), 0);
    assert!(Deadline(1).is_before(Deadline(2)) && !Deadline(2).is_before(Deadline(3)));
    assert_eq!(Deadline::after(0, 0, u64::MAX, true).0 >> 1, Deadline::LAST);
}
