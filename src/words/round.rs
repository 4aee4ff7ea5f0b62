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
/// it was; a thread would have to sleep between two instructions through exactly 256 of them, none of
/// whose probes counted, for that to fail.
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
mod tests;
