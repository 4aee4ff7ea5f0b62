//! Which kinds of failures count for less, and what a failure is made of.

use crate::sync::pack::{Fields, Pack};
use crate::words::outcome::FailureKind;

/// The parts of a failure, in which it is weighed.
pub(crate) const EIGHTHS: u64 = 8;

/// Which kinds of failures are lenient, and what each counts for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Leniency {
    /// A bit per slot.
    pub(crate) kinds: u64,
    pub(crate) eighths: u64,
}

/// No kind is lenient, and what has been so counts wholly.
impl Default for Leniency {
    fn default() -> Leniency {
        Leniency {
            kinds: 0,
            eighths: EIGHTHS,
        }
    }
}

const EIGHTHS_BITS: u32 = 4;

/// kinds 9 | eighths 4 (from the low end)
impl Pack for Leniency {
    fn pack(self) -> u64 {
        Fields::of(0)
            .put(FailureKind::SLOTS as u32, self.kinds)
            .put(EIGHTHS_BITS, self.eighths)
            .bits()
    }

    fn unpack(bits: u64) -> Leniency {
        let mut fields = Fields::of(bits);
        Leniency {
            kinds: fields.take(FailureKind::SLOTS as u32),
            eighths: fields.take(EIGHTHS_BITS),
        }
    }
}

impl Leniency {
    pub(crate) fn has(self, kind: FailureKind) -> bool {
        kind.is_in(self.kinds)
    }

    /// What a fast failure counts for, in eighths.
    pub(crate) fn weight_of(self, kind: FailureKind) -> u64 {
        if self.has(kind) {
            self.eighths
        } else {
            EIGHTHS
        }
    }
}
