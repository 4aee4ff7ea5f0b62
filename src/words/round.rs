//! The round word: the admissions and results of a half-open round.
//!
//! Who writes: an acquire that takes a slot, a probe that ends, the acquire that finds the probe
//! timeout passed, and a transition to half-open, which leaves a fresh round. Each step is one exchange, so a
//! round ends at the exchange that decides it. A result that comes to a decided round is late, and
//! the thread that finds a decided round performs its transition.

use crate::sync::pack::{Fields, Pack};
use crate::words::tagged::Generation;

/// cancelled 8 | slow 8 | failed 8 | succeeded 8 | in flight 8 | timed out 1 | given up 1 |
/// admissions 8 | generation 14 (from the low end)
///
/// *Wrap-around.* Each transition to half-open writes the word, and so does each that finds it a
/// quarter of the range behind. So of two rounds that are compared neither is a whole range older.
/// Admissions are counted so that a round in which a slot came back and was taken again is not what
/// it was; a thread would have to sleep between two instructions through exactly 256 of them, all of
/// whose probes were ignored, for that to fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Round {
    pub(crate) generation: u64,
    /// Modulo 256.
    pub(crate) admissions: u64,
    /// Decided by an acquire: its probes have leaked.
    pub(crate) timed_out: bool,
    /// Decided by a cancellation: too many probes were cancelled, and no result came.
    pub(crate) given_up: bool,
    pub(crate) in_flight: u64,
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    /// Results that were slow, failed or not.
    pub(crate) slow: u64,
    /// Probes that ended without a result, up to 255.
    pub(crate) cancelled: u64,
}

const FIELD_BITS: u32 = 8;
const FIELD: u64 = (1 << FIELD_BITS) - 1;
const GENERATION_BITS: u32 = 14;
const GENERATION: u64 = (1 << GENERATION_BITS) - 1;

/// The most probes that a round can need, or have in flight.
pub(crate) const ROUND_MAX: u32 = FIELD as u32;

const _: () = assert!(6 * FIELD_BITS + 2 + GENERATION_BITS == u64::BITS);

impl Pack for Round {
    fn pack(self) -> u64 {
        Fields::of(0)
            .put(FIELD_BITS, self.cancelled)
            .put(FIELD_BITS, self.slow)
            .put(FIELD_BITS, self.failed)
            .put(FIELD_BITS, self.succeeded)
            .put(FIELD_BITS, self.in_flight)
            .put_flag(self.timed_out)
            .put_flag(self.given_up)
            .put(FIELD_BITS, self.admissions)
            .put(GENERATION_BITS, self.generation)
            .bits()
    }

    fn unpack(word: u64) -> Round {
        let mut fields = Fields::of(word);
        Round {
            cancelled: fields.take(FIELD_BITS),
            slow: fields.take(FIELD_BITS),
            failed: fields.take(FIELD_BITS),
            succeeded: fields.take(FIELD_BITS),
            in_flight: fields.take(FIELD_BITS),
            timed_out: fields.take_flag(),
            given_up: fields.take_flag(),
            admissions: fields.take(FIELD_BITS),
            generation: fields.take(GENERATION_BITS),
        }
    }
}

impl Round {
    /// No probe was admitted.
    pub(crate) fn fresh(generation: Generation) -> Round {
        Round {
            generation: generation.number() & GENERATION,
            ..Round::default()
        }
    }

    /// One more probe is out.
    #[must_use]
    pub(crate) fn admit(self) -> Round {
        Round {
            in_flight: self.in_flight + 1,
            admissions: (self.admissions + 1) & FIELD,
            ..self
        }
    }

    /// One probe fewer is out, and it gave no result: it was ignored.
    #[must_use]
    pub(crate) fn give_back(self) -> Round {
        Round {
            in_flight: self.in_flight.saturating_sub(1),
            ..self
        }
    }

    /// The same of a probe that was cancelled, which is counted; as many as can be counted stay so.
    #[must_use]
    pub(crate) fn cancel(self) -> Round {
        Round {
            cancelled: (self.cancelled + 1).min(FIELD),
            ..self.give_back()
        }
    }

    /// Does it belong to that generation?
    pub(crate) fn is_of(self, generation: Generation) -> bool {
        self.generation == generation.number() & GENERATION
    }

    /// Whether it is a quarter of the range behind that generation, or not behind it at all.
    pub(crate) fn is_old(self, generation: Generation) -> bool {
        generation.number().wrapping_sub(self.generation) & GENERATION > GENERATION / 4
    }

    /// Results that count.
    pub(crate) fn results(self) -> u64 {
        self.succeeded + self.failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_word_gives_back_its_round(word: u64) {
            prop_assert_eq!(Round::unpack(word).pack(), word);
        }

        #[test]
        fn a_round_gives_back_its_fields(generation in 0..=GENERATION, timed_out: bool, given_up: bool, n in prop::array::uniform6(0..=FIELD)) {
            let r = Round {
                generation, timed_out, given_up, admissions: n[5],
                in_flight: n[0], succeeded: n[1], failed: n[2], slow: n[3], cancelled: n[4],
            };
            prop_assert_eq!(Round::unpack(r.pack()), r);
        }

        #[test]
        fn a_round_knows_its_generation(generation in 0u64..1 << 24, other in 0u64..1 << 24) {
            let r = Round::fresh(Generation::of(generation)).admit();
            prop_assert!(r.is_of(Generation::of(generation)));
            prop_assert_eq!(r.is_of(Generation::of(other)), (generation ^ other) & GENERATION == 0);
            let behind = other.wrapping_sub(generation) & GENERATION;
            prop_assert_eq!(r.is_old(Generation::of(other)), behind > GENERATION / 4);
        }
    }

    #[test]
    fn cancellations_are_counted_up_to_what_the_word_holds() {
        let mut r = Round::fresh(Generation::of(3)).admit();
        for n in 1..=300 {
            r = Round::unpack(r.cancel().pack()).admit();
            assert_eq!((r.cancelled, r.in_flight), (n.min(FIELD), 1));
        }
        assert_eq!((r.results(), r.slow, r.generation), (0, 0, 3));
    }

    #[test]
    fn a_slot_that_comes_back_leaves_a_trace() {
        let once = Round::fresh(Generation::of(1)).admit();
        let again = Round {
            in_flight: 0,
            ..once
        }
        .admit();
        assert_eq!((once.in_flight, again.in_flight), (1, 1));
        assert_ne!(once.pack(), again.pack());
        let last = Round {
            admissions: FIELD,
            ..once
        };
        assert_eq!(last.admit().admissions, 0);
    }
}
