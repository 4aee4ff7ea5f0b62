//! The downtime word: since when there has been an outage.
//!
//! Who writes: a transition that opens, or that leaves Closed, and the controller's `reset` and `release`.

use crate::sync::pack::{Fields, Pack};

const MILLISECOND: u64 = 1_000_000;
const BITS: u32 = 38;
/// The longest that a saved state may have, in milliseconds.
#[cfg(feature = "persist")]
pub(crate) const LONGEST_DOWNTIME: u64 = BEFORE - 1;

/// What is added, so that it may have begun before the clock did.
const BEFORE: u64 = 1 << (BITS - 1);

/// Milliseconds 38 | under way 1 | new 1 (from the low end)
///
/// *Wrap-around.* The milliseconds are modulo 2^38, so that an outage of 8.7 years would look like a new one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Downtime {
    /// In whole milliseconds of the clock, rounded down; 4.3 years later.
    began: u64,
    under_way: bool,
    /// Whether this generation began it.
    new: bool,
}

impl Pack for Downtime {
    fn pack(self) -> u64 {
        Fields::of(0)
            .put(BITS, self.began)
            .put_flag(self.under_way)
            .put_flag(self.new)
            .bits()
    }

    fn unpack(bits: u64) -> Downtime {
        let mut fields = Fields::of(bits);
        Downtime {
            began: fields.take(BITS),
            under_way: fields.take_flag(),
            new: fields.take_flag(),
        }
    }
}

/// A moment in the word's units.
fn milliseconds(at: u64) -> u64 {
    // modulo 2^64: a moment from before the clock is a negative one
    let whole = at.cast_signed().div_euclid(MILLISECOND.cast_signed());
    whole.cast_unsigned().wrapping_add(BEFORE) & ((1 << BITS) - 1)
}

impl Downtime {
    pub(crate) const NONE: Downtime = Downtime {
        began: 0,
        under_way: false,
        new: false,
    };

    /// One that begins at that time.
    pub(crate) fn begun(at: u64) -> Downtime {
        Downtime {
            began: milliseconds(at),
            under_way: true,
            new: true,
        }
    }

    /// The same in a later generation.
    #[must_use]
    pub(crate) fn goes_on(self) -> Downtime {
        Downtime { new: false, ..self }
    }

    pub(crate) fn is_under_way(self) -> bool {
        self.under_way
    }

    pub(crate) fn is_new(self) -> bool {
        self.new
    }

    /// How long it had lasted at that time, in milliseconds.
    pub(crate) fn lasted(self, now: u64) -> u64 {
        let lasted = milliseconds(now).wrapping_sub(self.began) & ((1 << BITS) - 1);
        // a reading from before it began
        if lasted >= BEFORE { 0 } else { lasted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_word_gives_back_its_outage(bits in 0u64..1 << 40) {
            prop_assert_eq!(Downtime::unpack(bits).pack(), bits);
        }

        #[test]
        fn it_lasts_from_its_beginning(at in 0u64..1 << 62, after in 0u64..1 << 50) {
            let outage = Downtime::begun(at);
            prop_assert!(outage.is_under_way() && outage.is_new() && !outage.goes_on().is_new());
            prop_assert_eq!(outage.lasted(at + after), (at + after) / MILLISECOND - at / MILLISECOND);
        }
    }

    #[test]
    fn it_may_have_begun_before_the_clock() {
        let outage = Downtime::begun(0u64.wrapping_sub(5 * MILLISECOND));
        assert_eq!(outage.lasted(2 * MILLISECOND), 7);
    }
}
