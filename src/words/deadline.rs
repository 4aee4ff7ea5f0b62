//! The deadline word: when Open ends.

use crate::sync::pack::Pack;
#[cfg(any(feature = "persist", test))]
use crate::words::tagged::PAYLOAD_MAX;

const MILLISECOND: u64 = 1_000_000;

/// How long Open is asked to last, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wait {
    /// As long as the backoff says.
    Backoff,
    /// As long as the backoff says, and no less than this: the wait of the failure that decided.
    AtLeast(u64),
    /// Exactly this, whatever the backoff says: the operator's.
    Exactly(u64),
}

impl Wait {
    /// A failure's own wait, if it has one.
    pub(crate) fn of_failure(own: Option<u64>) -> Wait {
        own.map_or(Wait::Backoff, Wait::AtLeast)
    }
}

/// The moment at which Open ends, in whole milliseconds of the clock, rounded up.
///
/// firm 1 | milliseconds 39 (from the low end), counted from the millisecond in which Open began. A
/// firm one was set by the operator (`trip_for`, `postpone`); only a soft one may be moved earlier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Deadline(u64);

impl Pack for Deadline {
    #[inline(always)]
    fn pack(self) -> u64 {
        self.0
    }

    #[inline(always)]
    fn unpack(payload: u64) -> Deadline {
        Deadline(payload)
    }
}

impl Deadline {
    /// The latest that is packed: 17 years after Open began.
    const LAST: u64 = (1 << 39) - 1;

    /// For a state without a deadline.
    pub(crate) const NONE: Deadline = Deadline(0);

    /// Over when it began. Firm, so that it is another word than none: it cannot be moved earlier anyway.
    pub(crate) const OVER: Deadline = Deadline(1);
    /// The longest wait that fits, in nanoseconds.
    #[cfg(feature = "persist")]
    pub(crate) const LONGEST: u64 = (Deadline::LAST + 1) * MILLISECOND;

    /// `wait` from `start`, for an Open that began at `opened`.
    pub(crate) fn after(opened: u64, start: u64, wait: u64, firm: bool) -> Deadline {
        let milliseconds = start.saturating_add(wait).div_ceil(MILLISECOND);
        let since = milliseconds.saturating_sub(opened / MILLISECOND);
        match Deadline(since.min(Deadline::LAST) << 1 | u64::from(firm)) {
            Deadline::NONE => Deadline::OVER,
            deadline => deadline,
        }
    }

    /// By the moment alone.
    pub(crate) fn is_before(self, other: Deadline) -> bool {
        self.0 >> 1 < other.0 >> 1
    }

    pub(crate) fn is_firm(self) -> bool {
        self.0 & 1 == 1
    }

    pub(crate) fn nanos(self, opened: u64) -> u64 {
        (opened / MILLISECOND + (self.0 >> 1)).saturating_mul(MILLISECOND)
    }
}

impl Deadline {
    /// The same, for an Open that may have begun before the clock did.
    pub(crate) fn of_any(self, opened: u64) -> u64 {
        let since = opened.cast_signed().div_euclid(MILLISECOND.cast_signed());
        let until = since.saturating_add((self.0 >> 1).cast_signed()).max(0);
        until.cast_unsigned().saturating_mul(MILLISECOND)
    }
}

/// What the word holds of a Closed, which has no deadline: how long it had lasted when it was restored,
/// before the clock begins. In steps of 33 us, up to 417 days: as long as `reset_after` may be.
impl Deadline {
    const BEFORE_SHIFT: u32 = 15;

    /// Rounded up, so that a process which is restarted ever again still comes to an end of it.
    #[cfg(any(feature = "persist", test))]
    pub(crate) fn lasted_before(nanos: u64) -> Deadline {
        let steps = nanos.div_ceil(1 << Deadline::BEFORE_SHIFT);
        Deadline(steps.min(PAYLOAD_MAX))
    }

    /// In nanoseconds.
    pub(crate) fn before_clock(self) -> u64 {
        self.0 << Deadline::BEFORE_SHIFT
    }
}

/// A moment, rounded up to whole milliseconds.
pub(crate) fn whole_milliseconds(at: u64) -> u64 {
    at.div_ceil(MILLISECOND).saturating_mul(MILLISECOND)
}

#[cfg(test)]
mod tests {
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
}
