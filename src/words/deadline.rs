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
mod tests;
