//! The words of the adaptive rules, which are made once such a rule is on.
//!
//! Who writes: updates, each word once per update; and of `watch` and `sample` also acquires and successes. Who reads:
//! updates, snapshots and saved states, and acquires under the hang rule.

use crate::engine::evidence::{FIRST_PACE, Score, Weights};
use crate::engine::initial::Initial;
use crate::engine::policy::Policy;
use crate::engine::slope::Held;
use crate::engine::window::boundaries::Boundaries;
use crate::engine::window::class::{CLASSES, Class, WHOLE_CLASSES, counts_of};
use crate::engine::window::lenient::LenientWords;
use crate::sync::atomic::Word;
use crate::sync::cell::Late;
use crate::words::control::Control;
use crate::words::downtime::Downtime;
use crate::words::leniency::Leniency;
use crate::words::outcome::{Counts, FailureKind};
use crate::words::ramp::{Gate, Mark, Results, Spent, Step, WHOLE};
use crate::words::tagged::{Generation, Tagged, Version};
use crate::words::watch::Watch;
use alloc::boxed::Box;

#[derive(Debug)]
pub(crate) struct AdaptiveWords {
    /// At the tick's start, as the two counts after it.
    pub(crate) score: Word<Tagged<Version, Score>>,
    pub(crate) calls: Word<Tagged<Version>>,
    /// Fast successes.
    pub(crate) good: Word<Tagged<Version>>,
    /// Calls per second, in 2^-16.
    pub(crate) pace: Word<Tagged<Version>>,
    /// The rules that were adopted last: what outcomes weigh, and what the loss adds to the limit.
    pub(crate) weights: Word<Tagged<Version, Weights>>,
    pub(crate) stakes: Word<Tagged<Version>>,
    /// The end of the last tick that had a sign of life, in nanoseconds. It only rises.
    pub(crate) alive: Word,
    /// The calls that had ended as ignored: at the tick's start, and at the latest cut.
    pub(crate) ignored: Word<Tagged<Version>>,
    pub(crate) heard: Word<Tagged<Version>>,
    /// The first success of the tick leaves its duration here; 0 until then. In nanoseconds, as the longest.
    pub(crate) sample: Word<Tagged<Version>>,
    /// The longest of late.
    pub(crate) longest: Word<Tagged<Version>>,
    /// Written by acquires, too.
    pub(crate) watch: Word<Watch>,
    /// The outage under way, and how many calls had been rejected when it began.
    pub(crate) downtime: Word<Tagged<Generation, Downtime>>,
    pub(crate) rejected: Word<Tagged<Generation>>,
    /// Rounds and ramps that were lost in it.
    pub(crate) lost: Word<Tagged<Generation>>,
    pub(crate) ramp: RampWords,
    pub(crate) lenient: Late<Box<LenientWords>>,
}

/// Those of a ramp. An acquire writes the gate, a call that ends the others but the step and the mark; and updates, each.
#[derive(Debug)]
pub(crate) struct RampWords {
    pub(crate) step: Word<Tagged<Version, Step>>,
    pub(crate) gate: Word<Tagged<Version, Gate>>,
    pub(crate) results: Word<Tagged<Version, Results>>,
    pub(crate) spent: Word<Tagged<Version, Spent>>,
    pub(crate) mark: Word<Tagged<Version, Mark>>,
    /// The results of the whole ramp by class. Each counts wholly.
    pub(crate) classes: [Word<Tagged<Version>>; WHOLE_CLASSES],
    /// When the step began, in nanoseconds. It only rises.
    pub(crate) begun: Word,
    /// The slowest success of the round, in microseconds plus one; 0 if there was none. Probes raise it, and a ramp that is completed leaves it to the
    /// next period.
    pub(crate) slowest: Word<Tagged<Generation>>,
}

impl RampWords {
    pub(crate) fn unused(version: Version, generation: Generation) -> RampWords {
        RampWords {
            step: Word::new(Tagged::new(version, Step::first(WHOLE))),
            gate: Word::new(Tagged::new(version, Gate::default())),
            results: Word::new(Tagged::new(version, Results::default())),
            spent: Word::new(Tagged::new(version, Spent::default())),
            mark: Word::new(Tagged::new(version, Mark::default())),
            classes: core::array::from_fn(|_| Word::new(Tagged::new(version, 0))),
            begun: Word::new(0),
            slowest: Word::new(Tagged::new(generation, 0)),
        }
    }

    /// The results of the whole ramp: frozen by the update that ends it, or of a later one, which its reader will find.
    pub(crate) fn total(&self) -> Counts {
        let mut classes = [0; CLASSES];
        for (sum, class) in classes.iter_mut().zip(&self.classes) {
            *sum = class.load().payload();
        }
        counts_of(&classes)
    }

    /// What the words hold under that version; `None` if an update has come.
    pub(crate) fn read(&self, version: Version) -> Option<Held> {
        Some(Held {
            step: self.step.load().of(version)?,
            gate: self.gate.load().of(version)?,
            results: self.results.load().of(version)?,
            spent: self.spent.load().of(version)?,
            mark: self.mark.load().of(version)?,
        })
    }
}

impl AdaptiveWords {
    /// The end of the period that is under way at that time: of a tick if a rule asks for ticks.
    #[cold]
    pub(crate) fn period_end_at(&self, boundaries: &Boundaries, epoch: u64, time: u64) -> u64 {
        if self.weights.load().payload().tick() {
            boundaries.tick_end(epoch, time)
        } else {
            boundaries.end_of(epoch)
        }
    }

    /// Of a breaker that is built with those rules, and begins so. Its first tick ends at `end`.
    pub(crate) fn new(
        boundaries: &Boundaries,
        policy: &Policy,
        version: Version,
        generation: Generation,
        initial: &Initial,
        end: u64,
    ) -> AdaptiveWords {
        let totals = &initial.totals;
        // what no rule asked for may be old
        let pace = initial.pace.filter(|_| policy.weights.paced);
        let pace = pace.unwrap_or(FIRST_PACE);
        let calls = counts_of(&totals.classes).calls;
        let good = totals.classes[Class::FastSuccess as usize];
        // another backoff follows no outage
        let downtime = match policy.config.open_for.adaptive {
            true => initial.downtime,
            false => Downtime::NONE,
        };
        let lenient = match policy.config.lenient_in_force() {
            Some(_) => Late::full(Box::new(LenientWords::new(
                boundaries, policy, version, initial,
            ))),
            None => Late::midway(),
        };
        AdaptiveWords {
            lenient,
            calls: Word::new(Tagged::new(version, calls)),
            good: Word::new(Tagged::new(version, good)),
            pace: Word::new(Tagged::new(version, pace)),
            weights: Word::new(Tagged::new(version, policy.weights)),
            stakes: Word::new(Tagged::new(version, policy.stakes)),
            alive: Word::new(end),
            ignored: Word::new(Tagged::new(version, totals.ignored)),
            longest: Word::new(Tagged::new(version, initial.longest)),
            downtime: Word::new(Tagged::new(generation, downtime)),
            rejected: Word::new(Tagged::new(generation, totals.rejections.iter().sum())),
            ..AdaptiveWords::unused(version, generation)
        }
    }

    /// Of a breaker whose adaptive rules are off. The tags are those of an update and of a transition that are
    /// over: no later one takes these values for its own.
    pub(crate) fn unused(version: Version, generation: Generation) -> AdaptiveWords {
        AdaptiveWords {
            score: Word::new(Tagged::new(version, Score::default())),
            calls: Word::new(Tagged::new(version, 0)),
            good: Word::new(Tagged::new(version, 0)),
            pace: Word::new(Tagged::new(version, FIRST_PACE)),
            weights: Word::new(Tagged::new(version, Weights::default())),
            stakes: Word::new(Tagged::new(version, 0)),
            alive: Word::new(0),
            ignored: Word::new(Tagged::new(version, 0)),
            heard: Word::new(Tagged::new(version, 0)),
            sample: Word::new(Tagged::new(version, 0)),
            longest: Word::new(Tagged::new(version, 0)),
            watch: Word::new(Watch::default()),
            downtime: Word::new(Tagged::new(generation, Downtime::NONE)),
            rejected: Word::new(Tagged::new(generation, 0)),
            lost: Word::new(Tagged::new(generation, 0)),
            ramp: RampWords::unused(version, generation),
            lenient: Late::midway(),
        }
    }
}

impl AdaptiveWords {
    /// Whether acquires look for a hang under that control word, and not only at the limit on calls in flight.
    #[inline]
    pub(crate) fn watches(&self, control: Control) -> bool {
        // An update adopts both words, this one first. One that comes between the two reads says of a call that
        // overlaps it what holds after it.
        control.watches() && self.weights.load().payload().watches
    }

    /// Which kinds are lenient, as updates have adopted it.
    pub(crate) fn leniency(&self) -> Leniency {
        // Words that are put in after this look: no kinds have been adopted under a control word that was read before.
        let words = self.lenient.get();
        words.map_or(Leniency::default(), |words| words.rule())
    }

    /// The class of a fast failure by these kinds. For a caller that has read control: an update replaces them after it
    /// has frozen the counts. So if the failure lands under that control word, these were its kinds.
    pub(crate) fn class_of(&self, kind: FailureKind) -> Class {
        match self.leniency().has(kind) {
            true => Class::LenientFailure,
            false => Class::FastFailure,
        }
    }
}
