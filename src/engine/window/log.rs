//! The words of a count window's log, as plain values.
//!
//! *Wrap-around.* Entries and positions in the log's word count from the cut of its version, and an
//! update comes before they overflow: within one version the word is never again what it was. A cell
//! holds its entry's position in the part of 64 bits that its two counts leave: 40 bits, which are all
//! of a position, up to `n = 4095`, 32 for 65,535 and 24 for the largest `n`. A cell is read only for
//! entries that were in the window at the version's cut or have come since, which are less than
//! 2^21 outcomes apart. To do harm, a thread would have to sleep in the middle of completing a cell
//! until the cell's position repeats, which takes 2^24 outcomes at the least, and find the same counts
//! beside it.

use crate::engine::policy::Truth;
use crate::sync::pack::{Fields, Pack};
use crate::words::tagged::{PAYLOAD_BITS, PAYLOAD_MAX};

const AHEAD_BITS: u32 = 6;
const ENTRY_BITS: u32 = 12;
const OFFSET_BITS: u32 = 20;
const _: () = assert!(2 + AHEAD_BITS + ENTRY_BITS + OFFSET_BITS == PAYLOAD_BITS);

/// Below this, `ahead` is a number of entries. From here on its low three bits are what is true.
const TRUE: u64 = 0b11_0000;
/// The same, of a log that an update has frozen.
const FROZEN: u64 = 0b11_1000;

/// The most entries, and the farthest position, of one version.
pub(crate) const MOST_ENTRIES: u64 = (1 << ENTRY_BITS) - 1;
pub(crate) const FARTHEST: u64 = (1 << OFFSET_BITS) - 1;
/// The most entries that need no look after one that has looked.
pub(crate) const MOST_WITHIN: u64 = TRUE - 1;

/// The log's payload: failed 1 | slow 1 | ahead 6 | entries 12 | offset 20 (from the low end)
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Log {
    /// The last entry: whether it failed, and whether it was slow.
    pub(crate) failed: bool,
    pub(crate) slow: bool,
    ahead: u64,
    /// Entries since the cut. Of 0 there is no last one.
    pub(crate) entries: u64,
    /// The last one's position, from the cut.
    pub(crate) offset: u64,
}

impl Pack for Log {
    #[inline(always)]
    fn pack(self) -> u64 {
        Fields::of(0)
            .put_flag(self.failed)
            .put_flag(self.slow)
            .put(AHEAD_BITS, self.ahead)
            .put(ENTRY_BITS, self.entries)
            .put(OFFSET_BITS, self.offset)
            .bits()
    }

    #[inline(always)]
    fn unpack(payload: u64) -> Log {
        let mut fields = Fields::of(payload);
        Log {
            failed: fields.take_flag(),
            slow: fields.take_flag(),
            ahead: fields.take(AHEAD_BITS),
            entries: fields.take(ENTRY_BITS),
            offset: fields.take(OFFSET_BITS),
        }
    }
}

impl Log {
    /// The log of a new version. The rules in `truth` were true at its cut.
    pub(crate) fn begun(truth: Truth) -> Log {
        Log::default().with_ahead(truth, 0)
    }

    /// With these rules true at the last entry; or with none, and so many entries ahead that cannot
    /// make one true.
    #[inline(always)]
    #[must_use]
    pub(crate) fn with_ahead(self, truth: Truth, within: u64) -> Log {
        let ahead = if truth.any() {
            TRUE | truth.0
        } else {
            within.min(MOST_WITHIN)
        };
        Log { ahead, ..self }
    }

    /// With one more entry, at that offset. What is ahead stays as it was.
    #[inline(always)]
    #[must_use]
    pub(crate) fn followed_by(self, failed: bool, slow: bool, offset: u64) -> Log {
        Log {
            failed,
            slow,
            entries: self.entries + 1,
            offset,
            ahead: self.ahead,
        }
    }

    /// As an update leaves it until its end.
    #[must_use]
    pub(crate) fn frozen(self) -> Log {
        let ahead = FROZEN | self.truth().0;
        Log { ahead, ..self }
    }

    #[inline(always)]
    pub(crate) fn is_frozen(self) -> bool {
        self.ahead >= FROZEN
    }

    /// How many more entries cannot make a rule true.
    #[inline(always)]
    pub(crate) fn within(self) -> u64 {
        if self.ahead < TRUE { self.ahead } else { 0 }
    }

    /// The rules that were true at the last entry, or else at the cut.
    #[inline(always)]
    pub(crate) fn truth(self) -> Truth {
        if self.ahead < TRUE {
            Truth::default()
        } else {
            Truth(self.ahead & 0b111)
        }
    }
}

/// Calls, and the entries among them: 20 | 20 (from the low end)
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Holds {
    pub(crate) calls: u64,
    pub(crate) entries: u64,
}

impl Pack for Holds {
    fn pack(self) -> u64 {
        Fields::of(0)
            .put(20, self.calls)
            .put(20, self.entries)
            .bits()
    }

    fn unpack(payload: u64) -> Holds {
        let mut fields = Fields::of(payload);
        Holds {
            calls: fields.take(20),
            entries: fields.take(20),
        }
    }
}

/// The failed and slow entries up to one, both modulo 2^count_bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Marks {
    pub(crate) failed: u64,
    pub(crate) slow: u64,
}

impl Marks {
    #[inline(always)]
    #[must_use]
    pub(crate) fn and(self, failed: bool, slow: bool) -> Marks {
        Marks {
            failed: self.failed + u64::from(failed),
            slow: self.slow + u64::from(slow),
        }
    }
}

/// How a cell is divided: failed | slow | position (from the low end)
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cells {
    /// Of each of the two counts: enough for differences up to `n`.
    count_bits: u32,
}

impl Cells {
    pub(crate) fn new(size: u32) -> Cells {
        let count_bits = u32::BITS - size.leading_zeros();
        Cells { count_bits }
    }

    fn mask(self) -> u64 {
        (1 << self.count_bits) - 1
    }

    #[inline(always)]
    pub(crate) fn pack(self, position: u64, marks: Marks) -> u64 {
        let mask = self.mask();
        (position & PAYLOAD_MAX) << (2 * self.count_bits)
            | (marks.slow & mask) << self.count_bits
            | marks.failed & mask
    }

    #[inline(always)]
    pub(crate) fn marks(self, cell: u64) -> Marks {
        Marks {
            failed: cell & self.mask(),
            slow: cell >> self.count_bits & self.mask(),
        }
    }

    /// What has come since `base`.
    #[inline(always)]
    pub(crate) fn since(self, marks: Marks, base: Marks) -> Marks {
        Marks {
            failed: marks.failed.wrapping_sub(base.failed) & self.mask(),
            slow: marks.slow.wrapping_sub(base.slow) & self.mask(),
        }
    }

    /// The cell's position, as seen from a cut that is less than 2^22 outcomes away.
    #[inline(always)]
    pub(crate) fn offset(self, cell: u64, at: u64) -> i64 {
        let unused = u64::BITS - (u64::BITS - 2 * self.count_bits).min(PAYLOAD_BITS);
        let ahead = (cell >> (2 * self.count_bits)).wrapping_sub(at);
        (ahead << unused).cast_signed() >> unused
    }
}

#[cfg(test)]
mod tests;
