//! The words of lenient kinds: failures that count for less.
//!
//! They have a class of their own, so that an outcome is still one exchange, and an update freezes how many have
//! come. Who writes: updates alone. Who reads: failures (which kinds are lenient), updates, snapshots and
//! saved states.
//!
//! *Made late.* The words are put in when a breaker gets such a rule for the first time. Until an update has adopted
//! it, no failure lands in the class, so a helper that has not seen the words writes the same as one that has: a
//! start that has not been written is that of an empty class.

use crate::engine::initial::Initial;
use crate::engine::policy::Policy;
use crate::engine::window::boundaries::Boundaries;
use crate::sync::atomic::Word;
use crate::words::leniency::Leniency;
use crate::words::tagged::{EpochNumber, Tagged, Version};
use alloc::boxed::Box;

#[derive(Debug)]
pub(crate) struct LenientWords {
    /// What was adopted last.
    pub(crate) rule: Word<Tagged<Version, Leniency>>,
    /// The lenient failures at the tick's start.
    pub(crate) tick: Word<Tagged<Version>>,
    /// And at the start of each live epoch, in the slots of [`Boundaries`].
    starts: Box<[Word<Tagged<EpochNumber>>]>,
}

impl LenientWords {
    /// Without such failures so far. The version is that of an update that is over.
    pub(crate) fn unused(boundaries: &Boundaries, version: Version) -> LenientWords {
        LenientWords {
            rule: Word::new(Tagged::new(version, Leniency::default())),
            tick: Word::new(Tagged::new(version, 0)),
            starts: (0..=boundaries.buckets())
                .map(|_| Word::default())
                .collect(),
        }
    }

    /// Of a breaker that is built with the rule.
    pub(crate) fn new(
        boundaries: &Boundaries,
        policy: &Policy,
        version: Version,
        initial: &Initial,
    ) -> LenientWords {
        let words = LenientWords::unused(boundaries, version);
        words.rule.store(Tagged::new(version, policy.leniency));
        let all = initial.window.all_lenient;
        words.tick.store(Tagged::new(version, all));
        // restored: the live epochs are those from number 1 on
        for (epoch, start) in (1..).zip(&initial.window.lenient) {
            words
                .start(epoch)
                .store(Tagged::new(EpochNumber(epoch), *start));
        }
        words
    }

    pub(crate) fn start(&self, epoch: u64) -> &Word<Tagged<EpochNumber>> {
        &self.starts[(epoch % self.starts.len() as u64) as usize]
    }

    /// How many there had been at that epoch's start. As with [`Boundaries::at`], a later epoch may have the slot by now:
    /// then the update is over, or control has moved on.
    pub(crate) fn at(&self, boundaries: &Boundaries, epoch: u64) -> u64 {
        let epoch = epoch.max(boundaries.begun_in.load());
        let start = self.start(epoch).load().of(EpochNumber(epoch));
        start.unwrap_or(0)
    }

    pub(crate) fn rule(&self) -> Leniency {
        self.rule.load().payload()
    }
}
