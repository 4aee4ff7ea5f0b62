//! The tagged word: a payload that is only valid under its tag.
//!
//! Every word that an update writes carries the *version* of the update, the *epoch* or the
//! *generation* to which it belongs, so that one compare-exchange both writes it and checks that
//! it is still what the writer took it for.
//!
//! *Wrap-around.* The payload is the upper part, so that a count which overflows drops its carry:
//! counts are exact modulo 2^40, and so are their differences. The tag is 24 bits: a thread that
//! sleeps in the middle of a compare-exchange would have to sleep through exactly 2^24 updates
//! (of one breaker) and find the same payload, for the exchange to succeed wrongly.

use crate::sync::pack::Pack;
use core::fmt;
use core::marker::PhantomData;

/// Bits of the tag, at the low end.
pub(crate) const TAG_BITS: u32 = 24;
/// Bits of the payload, above the tag.
pub(crate) const PAYLOAD_BITS: u32 = 40;
const TAG: u64 = (1 << TAG_BITS) - 1;
/// The largest payload.
pub(crate) const PAYLOAD_MAX: u64 = (1 << PAYLOAD_BITS) - 1;

const _: () = assert!(TAG_BITS + PAYLOAD_BITS == u64::BITS);

/// What a payload belongs to. Words of different kinds of tags are of different types, so none can be
/// compared with another's tag.
pub(crate) trait Tag: Copy {
    /// Only the low 24 are looked at.
    fn bits(self) -> u64;
    fn from_bits(bits: u64) -> Self;
}

/// An update, by its number modulo 2^24.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Version(pub(crate) u64);

/// A period between two transitions, by its number modulo 2^24.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Generation(u64);

/// An epoch of a window of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct EpochNumber(pub(crate) u64);

impl Version {
    /// The one before it.
    #[cfg(feature = "std")]
    pub(crate) fn before(self) -> Version {
        Version(self.0.wrapping_sub(1) & TAG)
    }
}

impl Generation {
    /// Of a number that has not wrapped, or that has.
    #[inline(always)]
    pub(crate) fn of(number: u64) -> Generation {
        Generation(number & TAG)
    }

    /// Modulo 2^24.
    #[inline(always)]
    pub(crate) fn number(self) -> u64 {
        self.0
    }

    /// The one that a transition begins.
    #[inline(always)]
    #[must_use]
    pub(crate) fn next(self) -> Generation {
        Generation::of(self.0 + 1)
    }

    /// The least number not below `known` that wraps to this.
    pub(crate) fn at_least(self, known: u64) -> u64 {
        extend(known, self.0, 1 << TAG_BITS)
    }

    /// The greatest number not above `known` that wraps to this.
    pub(crate) fn at_most(self, known: u64) -> u64 {
        known.wrapping_sub(known.wrapping_sub(self.0) & TAG)
    }

    /// The number that wraps to this and is less than half of the range from `known`.
    pub(crate) fn nearest(self, known: u64) -> u64 {
        let ahead = self.0.wrapping_sub(known) & TAG;
        if ahead <= TAG / 2 {
            known.wrapping_add(ahead)
        } else {
            self.at_most(known)
        }
    }
}

impl Tag for Version {
    #[inline(always)]
    fn bits(self) -> u64 {
        self.0
    }

    #[inline(always)]
    fn from_bits(bits: u64) -> Version {
        Version(bits)
    }
}

impl Tag for Generation {
    #[inline(always)]
    fn bits(self) -> u64 {
        self.0
    }

    #[inline(always)]
    fn from_bits(bits: u64) -> Generation {
        Generation(bits)
    }
}

impl Tag for EpochNumber {
    #[inline(always)]
    fn bits(self) -> u64 {
        self.0
    }

    #[inline(always)]
    fn from_bits(bits: u64) -> EpochNumber {
        EpochNumber(bits)
    }
}

/// tag 24 | payload 40 (from the low end)
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tagged<T, P = u64> {
    bits: u64,
    of: PhantomData<fn() -> (T, P)>,
}

impl<T, P> Tagged<T, P> {
    #[inline(always)]
    fn from_raw(bits: u64) -> Tagged<T, P> {
        Tagged {
            bits,
            of: PhantomData,
        }
    }
}

impl<T: Copy, P: Copy> Pack for Tagged<T, P> {
    #[inline(always)]
    fn pack(self) -> u64 {
        self.bits
    }

    #[inline(always)]
    fn unpack(bits: u64) -> Tagged<T, P> {
        Tagged::from_raw(bits)
    }
}

impl<T: Tag, P: Pack> Tagged<T, P> {
    /// Of the payload the low 40 bits.
    #[inline(always)]
    pub(crate) fn new(tag: T, payload: P) -> Tagged<T, P> {
        Tagged::from_raw(payload.pack() << TAG_BITS | tag.bits() & TAG)
    }

    #[inline(always)]
    pub(crate) fn has(self, tag: T) -> bool {
        (self.bits ^ tag.bits()) & TAG == 0
    }

    pub(crate) fn tag(self) -> T {
        T::from_bits(self.bits & TAG)
    }

    #[inline(always)]
    pub(crate) fn payload(self) -> P {
        P::unpack(self.bits >> TAG_BITS)
    }

    /// The payload, if it is that tag's.
    #[inline(always)]
    pub(crate) fn of(self, tag: T) -> Option<P> {
        self.has(tag).then(|| self.payload())
    }

    #[inline(always)]
    #[must_use]
    pub(crate) fn retag(self, tag: T) -> Tagged<T, P> {
        Tagged::from_raw(self.bits & !TAG | tag.bits() & TAG)
    }

    /// Whether the tag is a quarter of the range behind `tag`, or not behind it at all. An update that has
    /// nothing to change in a word leaves it alone until then, and writes it then, so that no update finds
    /// the tag of one that was a whole range before.
    #[inline(always)]
    pub(crate) fn is_old(self, tag: T) -> bool {
        tag.bits().wrapping_sub(self.bits) & TAG > TAG / 4
    }

    /// Is this tag later than `tag`? (Half of the range each way.)
    #[inline(always)]
    pub(crate) fn later_than(self, tag: T) -> bool {
        let ahead = self.bits.wrapping_sub(tag.bits()) & TAG;
        ahead != 0 && ahead <= TAG / 2
    }
}

impl<T: Tag> Tagged<T> {
    /// A count, one higher.
    #[inline(always)]
    #[must_use]
    pub(crate) fn plus_one(self) -> Tagged<T> {
        Tagged::from_raw(self.bits.wrapping_add(1 << TAG_BITS))
    }
}

impl<T: Tag + fmt::Debug, P: Pack + fmt::Debug> fmt::Debug for Tagged<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tagged")
            .field(&self.tag())
            .field(&self.payload())
            .finish()
    }
}

/// The difference of two counts that are kept modulo 2^40.
#[inline(always)]
pub(crate) fn since(count: u64, base: u64) -> u64 {
    count.wrapping_sub(base) & PAYLOAD_MAX
}

/// Carry a count that is kept modulo `modulus` (a power of two) on into 64 bits: the least value
/// not below `known` that agrees with `count`.
#[inline(always)]
pub(crate) fn extend(known: u64, count: u64, modulus: u64) -> u64 {
    known.wrapping_add(count.wrapping_sub(known) & (modulus - 1))
}

#[cfg(test)]
mod tests;
