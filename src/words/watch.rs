//! The watch word: calls that began while the dependency gave no sign of life.
//!
//! Who writes: an acquire that begins or counts on, or that finds the watch ended by a sign of life; the update
//! that ends a tick in which there was one; and a transition to a state that counts, which ends it.

use crate::sync::pack::{Fields, Pack};

const MILLISECOND: u64 = 1_000_000;
const STARTS_BITS: u32 = 10;
const NUMBER_BITS: u32 = 12;
const BEGAN_BITS: u32 = 40;
const BEGAN: u64 = (1 << BEGAN_BITS) - 1;

const _: () = assert!(STARTS_BITS + NUMBER_BITS + BEGAN_BITS + 2 == u64::BITS);

/// The most calls that are counted.
pub(crate) const STARTS_MAX: u32 = (1 << STARTS_BITS) - 1;

/// starts 10 | reported 1 | due 1 | number 12 | milliseconds 40 (from the low end)
///
/// *Wrap-around.* Watches are numbered modulo 2^12, and each update that ends one numbers it anew, whether it was on or
/// not: so neither an acquire that read it before nor a helper that wakes after the update finds the same word. One
/// would have to sleep between two instructions through 4,096 such ends, 82 s of ticks of 20 ms. The milliseconds are those of the clock, modulo 2^40: 34 years.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Watch {
    /// Calls that began since, and the one that began it; none if there is no watch.
    pub(crate) starts: u64,
    /// Under observe-only: that it would have tripped.
    reported: bool,
    /// The next acquire may begin one: the tick before had no sign of life.
    due: bool,
    number: u64,
    /// Rounded up.
    began: u64,
}

impl Pack for Watch {
    fn pack(self) -> u64 {
        Fields::of(0)
            .put(STARTS_BITS, self.starts)
            .put_flag(self.reported)
            .put_flag(self.due)
            .put(NUMBER_BITS, self.number)
            .put(BEGAN_BITS, self.began)
            .bits()
    }

    fn unpack(bits: u64) -> Watch {
        let mut fields = Fields::of(bits);
        Watch {
            starts: fields.take(STARTS_BITS),
            reported: fields.take_flag(),
            due: fields.take_flag(),
            number: fields.take(NUMBER_BITS),
            began: fields.take(BEGAN_BITS),
        }
    }
}

impl Watch {
    /// Whether acquires have to look.
    #[inline(always)]
    pub(crate) fn asks(self) -> bool {
        self.is_on() || self.due
    }

    #[inline(always)]
    pub(crate) fn is_on(self) -> bool {
        self.starts > 0
    }

    /// After a tick without a sign of life: one that is on goes on.
    #[must_use]
    pub(crate) fn due(self) -> Watch {
        Watch {
            due: !self.is_on(),
            ..self
        }
    }

    /// The next one, with the call that begins it.
    #[must_use]
    pub(crate) fn begun(self, now: u64) -> Watch {
        Watch {
            starts: 1,
            reported: false,
            due: false,
            number: self.next_number(),
            began: now.div_ceil(MILLISECOND) & BEGAN,
        }
    }

    /// With one more call; as many as can be counted stay so.
    #[must_use]
    pub(crate) fn counted(self) -> Watch {
        Watch {
            starts: (self.starts + 1).min(STARTS_MAX.into()),
            ..self
        }
    }

    pub(crate) fn is_reported(self) -> bool {
        self.reported
    }

    #[must_use]
    pub(crate) fn reported(self) -> Watch {
        Watch {
            reported: true,
            ..self
        }
    }

    #[must_use]
    pub(crate) fn ended(self) -> Watch {
        Watch {
            starts: 0,
            reported: false,
            due: false,
            ..self
        }
    }

    fn next_number(self) -> u64 {
        (self.number + 1) & ((1 << NUMBER_BITS) - 1)
    }

    /// Ended by an update. An acquire that read it before, whether it was on or not, begins and counts nothing.
    #[must_use]
    pub(crate) fn over(self) -> Watch {
        Watch {
            number: self.next_number(),
            ..self.ended()
        }
    }

    /// How long it has lasted at that time, in nanoseconds; `None` before its beginning, which was rounded up.
    pub(crate) fn lasted(self, now: u64) -> Option<u64> {
        let whole = (now / MILLISECOND).wrapping_sub(self.began) & BEGAN;
        (whole <= BEGAN / 2).then(|| whole * MILLISECOND + now % MILLISECOND)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_word_gives_back_its_watch(word: u64) {
            prop_assert_eq!(Watch::unpack(word).pack(), word);
        }

        #[test]
        fn a_watch_goes_on_until_it_ends(word: u64, now in 0u64..1 << 62, after in 0u64..1 << 58, starts in 1u64..2000) {
            let watch = Watch::unpack(word).begun(now);
            prop_assert!(watch.is_on());
            let since = now.div_ceil(MILLISECOND) * MILLISECOND;
            prop_assert_eq!(watch.lasted(now), (now == since).then_some(0));
            prop_assert_eq!(watch.lasted(since.saturating_sub(1)), (since == 0).then_some(0));
            let later = now.div_ceil(MILLISECOND) * MILLISECOND + after;
            prop_assert_eq!(watch.lasted(later), Some(after));
            let on = (1..starts).fold(watch, |watch, _| watch.counted());
            prop_assert_eq!(on.starts, starts.min(STARTS_MAX.into()));
            prop_assert!(!on.ended().asks() && on.ended().due().asks());
            prop_assert_eq!(on.due(), on);
            // and is not what it was
            prop_assert_ne!(on.ended().begun(now).pack(), watch.pack());
        }
    }
}
