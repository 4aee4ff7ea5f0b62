//! A call in 16 bytes, so that ten million of them fit into memory.

use super::{Call, Recorded};
use crate::time::Nanos;

/// The most keys of a log.
pub(super) const KEYS: usize = 1 << KEY_BITS;

/// The longest call: 78 hours.
pub(super) const LONGEST_CALL: Nanos = (1 << LASTED_BITS) - 1;

/// How far a call may be from the first one of the file, either way: 4.5 years.
pub(super) const FARTHEST: i64 = (1 << (BEGIN_BITS - 1)) - 1;

const OUTCOME_BITS: u32 = 4;
const LASTED_BITS: u32 = 48;
const BEGIN_BITS: u32 = 58;
const KEY_BITS: u32 = 18;
const _: () = assert!(OUTCOME_BITS + LASTED_BITS + BEGIN_BITS + KEY_BITS == u128::BITS);

/// From the high end: key, beginning, duration, outcome.
#[derive(Clone, Copy)]
pub(super) struct Record(u128);

impl Record {
    /// `begins`: from the first call of the file, at most `FARTHEST` away.
    pub(super) fn new(key: u32, begins: i64, lasted: Nanos, outcome: Recorded) -> Record {
        let begins = begins.wrapping_add(FARTHEST).cast_unsigned();
        let word = u128::from(key) << BEGIN_BITS | u128::from(begins);
        let word = word << LASTED_BITS | u128::from(lasted);
        Record(word << OUTCOME_BITS | outcome as u128)
    }

    /// By the key, and then by the beginning.
    pub(super) fn order(self) -> u128 {
        self.0 >> (LASTED_BITS + OUTCOME_BITS)
    }

    pub(super) fn key(self) -> u32 {
        (self.0 >> (u128::BITS - KEY_BITS)) as u32
    }

    /// From the first call of the file.
    pub(super) fn begins(self) -> i64 {
        let begins = self.order() as u64 & ((1 << BEGIN_BITS) - 1);
        begins.cast_signed() - FARTHEST
    }

    pub(super) fn lasted(self) -> Nanos {
        (self.0 >> OUTCOME_BITS) as u64 & LONGEST_CALL
    }

    fn outcome(self) -> Recorded {
        Recorded::ALL[(self.0 as usize & ((1 << OUTCOME_BITS) - 1)).min(Recorded::ALL.len() - 1)]
    }

    /// `first`: the earliest beginning of all.
    pub(super) fn call(self, first: i64) -> Call {
        Call {
            at: (self.begins() - first).cast_unsigned(),
            lasted: self.lasted(),
            outcome: self.outcome(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_packed_and_unpacked() {
        let most = (KEYS - 1) as u32;
        for (key, begins, lasted, outcome) in [
            (0, -FARTHEST, 0, Recorded::Success),
            (most, FARTHEST, LONGEST_CALL, Recorded::Rejected),
            (7, -3, 12_345_678_901, Recorded::Cancelled),
            (1, 0, 1, Recorded::Data),
        ] {
            let record = Record::new(key, begins, lasted, outcome);
            assert_eq!((record.key(), record.begins()), (key, begins));
            let call = record.call(-FARTHEST);
            assert_eq!(call.at, begins.abs_diff(-FARTHEST));
            assert_eq!((call.lasted, call.outcome), (lasted, outcome));
        }
        assert_eq!(size_of::<Record>(), 16);
    }

    #[test]
    fn calls_are_ordered_by_key_and_then_by_time() {
        let of = |key, begins, lasted| Record::new(key, begins, lasted, Recorded::Rejected);
        assert!(of(0, 5, 9).order() < of(0, 6, 0).order());
        assert!(of(0, -1, 0).order() < of(0, 0, 0).order());
        assert!(of(0, 6, 0).order() < of(1, -6, 0).order());
        assert_eq!(of(3, 6, 0).order(), of(3, 6, 1).order());
    }
}
