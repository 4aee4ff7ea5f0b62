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

/// Bits of the tag, at the low end.
pub(crate) const TAG_BITS: u32 = 24;
/// Bits of the payload, above the tag.
pub(crate) const PAYLOAD_BITS: u32 = 40;
const TAG: u64 = (1 << TAG_BITS) - 1;
/// The largest payload.
pub(crate) const PAYLOAD_MAX: u64 = (1 << PAYLOAD_BITS) - 1;

const _: () = assert!(TAG_BITS + PAYLOAD_BITS == u64::BITS);

/// tag 24 | payload 40 (from the low end)
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Tagged(pub(crate) u64);

impl Tagged {
    #[inline(always)]
    pub(crate) fn new(tag: u64, payload: u64) -> Tagged {
        Tagged(payload << TAG_BITS | tag & TAG)
    }

    #[inline(always)]
    pub(crate) fn has(self, tag: u64) -> bool {
        (self.0 ^ tag) & TAG == 0
    }

    pub(crate) fn tag(self) -> u64 {
        self.0 & TAG
    }

    #[inline(always)]
    pub(crate) fn payload(self) -> u64 {
        self.0 >> TAG_BITS
    }

    #[inline(always)]
    #[must_use]
    pub(crate) fn plus_one(self) -> Tagged {
        Tagged(self.0.wrapping_add(1 << TAG_BITS))
    }

    #[inline(always)]
    #[must_use]
    pub(crate) fn retag(self, tag: u64) -> Tagged {
        Tagged(self.0 & !TAG | tag & TAG)
    }

    /// Is this tag later than `tag`? (Half of the range each way.)
    #[inline(always)]
    pub(crate) fn later_than(self, tag: u64) -> bool {
        let ahead = self.0.wrapping_sub(tag) & TAG;
        ahead != 0 && ahead <= TAG / 2
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_tagged_word_gives_back_what_was_put_in(tag in 0..=TAG, other in 0..=TAG, payload in 0..=PAYLOAD_MAX) {
            let w = Tagged::new(tag, payload);
            prop_assert_eq!(w.payload(), payload);
            prop_assert!(w.has(tag));
            prop_assert_eq!(w.has(other), other == tag);
            prop_assert_eq!(w.retag(other), Tagged::new(other, payload));
            prop_assert_eq!(w.plus_one(), Tagged::new(tag, (payload + 1) & PAYLOAD_MAX));
        }

        #[test]
        fn differences_survive_the_wrap(base in 0..=PAYLOAD_MAX, n in 0..=PAYLOAD_MAX) {
            prop_assert_eq!(since(base.wrapping_add(n) & PAYLOAD_MAX, base), n);
        }

        #[test]
        fn extension_is_exact_below_one_lap(known: u32, n in 0..=PAYLOAD_MAX) {
            let known = u64::from(known) << 20;
            prop_assert_eq!(extend(known, (known + n) & PAYLOAD_MAX, 1 << PAYLOAD_BITS), known + n);
        }

        #[test]
        fn later_looks_half_way_round(tag in 0..=TAG, n in 1..=TAG / 2) {
            prop_assert!(Tagged::new(tag.wrapping_add(n), 0).later_than(tag));
            prop_assert!(!Tagged::new(tag, 0).later_than(tag.wrapping_add(n)));
            prop_assert!(!Tagged::new(tag, 7).later_than(tag));
        }
    }
}
