//! The run of failures, and the rule on it.
//!
//! Who writes: a failure, and the success that ends a run, each by one exchange on the run word; and
//! updates, which begin a new run with each generation, when the rule is switched on, and where the
//! window of time holds no failure any more: evidence that old says nothing about the dependency of
//! now. The rule's *era* counts how often a run was begun within a generation: a run of an earlier era
//! is over, and a helper that slept finds that the era has moved on. (Without it, one that slept before
//! it began the run anew would wipe a later run of the same length.)
//!
//! *Wrap-around.* An era is 7 bits. Each beginning rewrites the run, so eras are only ever compared
//! with the one before; a helper would have to sleep between two instructions through exactly 128
//! beginnings, each of them a switch of the rule, or a failure and then a whole window without one.

use crate::sync::pack::{Fields, Pack};

const LENGTH_BITS: u32 = 32;
/// The longest length.
pub(crate) const LENGTH: u64 = (1 << LENGTH_BITS) - 1;
const ERA_BITS: u32 = 7;
const ERA: u64 = (1 << ERA_BITS) - 1;

const _: () = assert!(1 + LENGTH_BITS + ERA_BITS == crate::words::tagged::PAYLOAD_BITS);

/// The run word's payload: reached 1 | length 32 | era 7 (from the low end)
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Run {
    /// Whether the rule was true at the last outcome: observe-only reports the rising edge.
    pub(crate) reached: bool,
    /// Failures in a row, in eighths.
    pub(crate) length: u64,
    pub(crate) era: u64,
}

impl Pack for Run {
    fn pack(self) -> u64 {
        Fields::of(0)
            .put_flag(self.reached)
            .put(LENGTH_BITS, self.length)
            .put(ERA_BITS, self.era)
            .bits()
    }

    #[inline(always)]
    fn unpack(payload: u64) -> Run {
        let mut fields = Fields::of(payload);
        Run {
            reached: fields.take_flag(),
            length: fields.take(LENGTH_BITS),
            era: fields.take(ERA_BITS),
        }
    }
}

impl Run {
    /// A run without failures.
    pub(crate) fn begun(era: u64) -> Run {
        Run {
            era,
            ..Run::default()
        }
    }

    /// Returns the run after one more outcome: a failure by which it grows so much, or a success. The length
    /// saturates.
    #[must_use]
    pub(crate) fn after(self, failure: Option<u64>, rule: RunRule) -> Run {
        let length = failure.map_or(0, |grows| (self.length + grows).min(LENGTH));
        Run {
            reached: rule.limit != 0 && length >= rule.limit,
            length,
            era: self.era,
        }
    }
}

/// The rule's payload: limit 32 | era 7 (from the low end)
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct RunRule {
    /// The length at which a run trips, in eighths; 0 is off.
    pub(crate) limit: u64,
    pub(crate) era: u64,
}

impl Pack for RunRule {
    fn pack(self) -> u64 {
        Fields::of(0)
            .put(LENGTH_BITS, self.limit)
            .put(ERA_BITS, self.era)
            .bits()
    }

    #[inline(always)]
    fn unpack(payload: u64) -> RunRule {
        let mut fields = Fields::of(payload);
        RunRule {
            limit: fields.take(LENGTH_BITS),
            era: fields.take(ERA_BITS),
        }
    }
}

impl RunRule {
    /// With a new run from now on.
    #[must_use]
    pub(crate) fn begun_anew(self) -> RunRule {
        RunRule {
            era: (self.era + 1) & ERA,
            ..self
        }
    }
}

#[cfg(test)]
mod tests;
