//! The classes of outcomes that a window distinguishes.

use crate::words::outcome::Counts;
use crate::words::tagged::PAYLOAD_MAX;

/// Fast or slow, success or failure, and of the fast failures the lenient ones: disjoint, so that an outcome is one
/// word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Class {
    FastSuccess = 0,
    FastFailure = 1,
    SlowSuccess = 2,
    SlowFailure = 3,
    LenientFailure = 4,
}

pub(crate) const CLASSES: usize = 5;
/// Without the last, whose outcomes count for a part.
pub(crate) const WHOLE_CLASSES: usize = 4;

impl Class {
    #[inline(always)]
    pub(crate) fn failed(self) -> bool {
        !matches!(self, Class::FastSuccess | Class::SlowSuccess)
    }

    #[inline(always)]
    pub(crate) fn slow(self) -> bool {
        matches!(self, Class::SlowSuccess | Class::SlowFailure)
    }
}

/// The counts of an array by class. Modulo 2^40, as those are; so only differences of these mean anything.
pub(crate) fn counts_of(classes: &[u64; CLASSES]) -> Counts {
    let sum = |one: Class, other: Class| {
        let sum = classes[one as usize].wrapping_add(classes[other as usize]);
        sum & PAYLOAD_MAX
    };
    let failures = sum(Class::FastFailure, Class::SlowFailure)
        .wrapping_add(classes[Class::LenientFailure as usize])
        & PAYLOAD_MAX;
    let successes = sum(Class::FastSuccess, Class::SlowSuccess);
    Counts::new(
        failures.wrapping_add(successes) & PAYLOAD_MAX,
        failures,
        sum(Class::SlowSuccess, Class::SlowFailure),
    )
}
