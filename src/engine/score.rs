//! The outage rule's words, and what updates do with them.
//!
//! Who writes: updates alone, each word once per update, by `decide_once`. Who reads: updates and snapshots. The
//! score at a cut follows from these words and from the frozen counts, so it is the same for all helpers,
//! and an outcome writes none of them.
//!
//! A *tick* is a part of a bucket, and `period_end` is its end: outcomes compare the time with one word,
//! whatever ends there. The first that finds it over announces an update (`Goal::Maintain`), which ends the
//! tick before it moves the epochs on.
//!
//! *Order.* The new score follows from the old one, from the counts at the tick's start and from the pace; so it
//! is decided before those are replaced, and all of them before `period_end` rises. A helper that finds the end
//! risen leaves the words alone: they have been written.

use crate::engine::adaptive::AdaptiveWords;
use crate::engine::evidence::{Score, Weighed, Weights, limit, pace};
use crate::engine::frozen::Frozen;
use crate::engine::help::Over;
use crate::engine::policy::Policy;
use crate::engine::state::Core;
use crate::engine::window::Shape;
use crate::engine::window::boundaries::Boundaries;
use crate::engine::window::class::{CLASSES, Class, counts_of};
use crate::words::control::{Control, Goal};
use crate::words::outcome::Counts;
use crate::words::tagged::since;
#[cfg(feature = "std")]
use alloc::boxed::Box;

/// The rule as words hold it, or as a policy has it.
#[derive(Clone, Copy)]
struct Adopted {
    weights: Weights,
    stakes: u64,
    /// What a lenient failure counts for, in eighths.
    eighths: u64,
}

impl AdaptiveWords {
    fn weighed_at(&self, frozen: &Frozen, policy: &Policy, adopts: bool) -> Weighed {
        let before = self.adopted();
        let adopted = if adopts {
            Adopted {
                weights: policy.weights,
                stakes: policy.stakes,
                eighths: policy.leniency.eighths,
            }
        } else {
            before
        };
        // one that is switched on waits for the next bucket
        if before.weights.are_off() || adopted.weights.are_off() {
            return Weighed::default();
        }
        self.weighed(adopted, &frozen.classes)
    }

    #[cold]
    fn weighed_after(&self, frozen: &Frozen) -> Weighed {
        let adopted = self.adopted();
        if adopted.weights.are_off() {
            return Weighed::default();
        }
        self.weighed(adopted, &frozen.classes)
    }

    fn adopted(&self) -> Adopted {
        Adopted {
            weights: self.weights.load().payload(),
            stakes: self.stakes.load().payload(),
            eighths: self.leniency().eighths,
        }
    }

    /// The view of that moment.
    fn weighed(&self, adopted: Adopted, classes: &[u64; CLASSES]) -> Weighed {
        let calls = since(counts_of(classes).calls, self.calls.load().payload());
        let all = |class: Class| classes[class as usize];
        let good = since(all(Class::FastSuccess), self.good.load().payload());
        // The word has the count of the same cut as the other two, or the class is empty.
        let lenient = self.lenient.get().map_or(0, |words| {
            since(all(Class::LenientFailure), words.tick.load().payload())
        });
        Weighed {
            weights: adopted.weights,
            score: self.score.load().payload().value,
            bad: calls.saturating_sub(good).saturating_sub(lenient),
            good,
            lenient,
            lift: adopted.weights.lift(adopted.eighths),
            limit: limit(adopted.stakes, self.pace.load().payload()),
            hung: false,
        }
    }
}

impl Core {
    /// Puts the words in, if they are not there.
    #[cfg(feature = "std")]
    pub(crate) fn make_adaptive_words(&self) {
        // The update that control shows may be under way, and one of its helpers may find the new rules: so the
        // words have the version before it, which is over, and the generation that it may end.
        let control = self.control();
        let make = || {
            let version = control.version().before();
            Box::new(AdaptiveWords::unused(version, control.generation()))
        };
        self.adaptive.get_or_make(make);
    }

    /// Ends the tick, if it is over at that time, and sets the pace if its bucket is over too.
    #[inline(always)]
    pub(crate) fn end_tick(
        &self,
        announced: Control,
        boundaries: &Boundaries,
        frozen: &Frozen,
        time: u64,
        epoch: u64,
    ) -> Result<(), Over> {
        match self.adaptive.get() {
            Some(words) => self.end_tick_of(words, announced, boundaries, frozen, time, epoch),
            None => Ok(()), // no such rule is on
        }
    }

    #[cold]
    fn end_tick_of(
        &self,
        words: &AdaptiveWords,
        announced: Control,
        boundaries: &Boundaries,
        frozen: &Frozen,
        time: u64,
        epoch: u64,
    ) -> Result<(), Over> {
        // Before `period_end`, which rises before this update adopts other rules: who reads those here finds the
        // tick ended.
        let adopted = words.adopted();
        let end = self.head.period_end.load();
        let Weights { paced, watches, .. } = adopted.weights;
        if !(paced || watches) || boundaries.is_before(time, end) {
            return Ok(());
        }
        let ticks = adopted.weights.tick();
        let turned = epoch > boundaries.ending_at(end);
        let version = announced.version();
        // With neither of the two rules the words are left to this update to begin one of them.
        if ticks {
            let heard = if watches {
                // calls that are ignored are not frozen: the first helper's reading holds
                self.decide_once(&words.heard, announced, version, |_| self.ignored())?
            } else {
                0
            };
            let score = self.decide_once(&words.score, announced, version, |before| {
                let weighed = words.weighed(adopted, &frozen.classes);
                // off, it is as if it waited: this update may switch it on
                let off = adopted.weights.are_off();
                Score {
                    value: if off || before.waits {
                        0
                    } else {
                        weighed.at_the_end()
                    },
                    waits: off || before.waits && !turned,
                    alive: !weighed.is_empty()
                        || watches && heard != words.ignored.load().payload(),
                }
            })?;
            if watches {
                let alive_until = score.alive.then_some(end);
                let begins = boundaries.tick_start(time);
                self.end_watched_tick(announced, words, frozen, heard, alive_until, begins)?;
            }
        }
        if turned && paced {
            self.decide_once(&words.pace, announced, version, |before| {
                self.pace_before(boundaries, epoch, frozen.totals())
                    .unwrap_or(before)
            })?;
        }
        if ticks {
            self.begin_tick(announced, words, frozen)?;
        }
        Ok(())
    }

    fn begin_tick(
        &self,
        announced: Control,
        words: &AdaptiveWords,
        frozen: &Frozen,
    ) -> Result<(), Over> {
        let version = announced.version();
        self.decide_once(&words.calls, announced, version, |_| frozen.totals().calls)?;
        self.decide_once(&words.good, announced, version, |_| frozen.good())?;
        if let Some(words) = words.lenient.get() {
            self.decide_once(&words.tick, announced, version, |_| frozen.lenient())?;
        }
        Ok(())
    }

    /// The pace of the whole buckets of this period before that one, as many as the window has; `None` if they
    /// hold no calls, or if there are none.
    fn pace_before(&self, boundaries: &Boundaries, epoch: u64, totals: Counts) -> Option<u64> {
        let first = boundaries.first_whole().max(epoch - boundaries.buckets());
        // of a bucket that no update has reached
        if first > boundaries.ending_at(self.head.period_end.load()) {
            return None;
        }
        let calls = totals.since(boundaries.at(first)?).calls;
        // a reader, or a helper, that comes late may find a period that began after its epoch
        let time = epoch
            .saturating_sub(first)
            .saturating_mul(boundaries.width());
        (calls > 0).then(|| pace(calls, time))
    }

    /// The rule's view at the cut, for a judgement by that policy. `adopts`: its rule takes the place of the
    /// one before it.
    #[inline(always)]
    pub(crate) fn weighed_at(
        &self,
        announced: Control,
        frozen: &Frozen,
        policy: &Policy,
        adopts: bool,
    ) -> Weighed {
        match self.adaptive.get() {
            Some(words) => self.weighed_by(words, announced, frozen, policy, adopts),
            None => Weighed::default(),
        }
    }

    #[cold]
    fn weighed_by(
        &self,
        words: &AdaptiveWords,
        announced: Control,
        frozen: &Frozen,
        policy: &Policy,
        adopts: bool,
    ) -> Weighed {
        let judges_hang = announced.goal() == Goal::CheckHang && policy.config.hang.is_some();
        Weighed {
            hung: judges_hang && self.is_silent_at(words, frozen),
            ..words.weighed_at(frozen, policy, adopts)
        }
    }

    /// The same by the words alone, once this update has written them.
    #[inline(always)]
    pub(crate) fn weighed_after(&self, frozen: &Frozen) -> Weighed {
        match self.adaptive.get() {
            Some(words) => words.weighed_after(frozen),
            None => Weighed::default(),
        }
    }

    /// The score, its limit and the pace at that time: as they are once the periods that are over by then have
    /// ended. `None` if the rule is off. For a reader, between two looks at control.
    pub(crate) fn score_now(
        &self,
        boundaries: &Boundaries,
        now: u64,
        classes: &[u64; CLASSES],
    ) -> Option<(u64, u64, u64)> {
        let words = self.adaptive.get()?;
        let adopted = words.adopted();
        if adopted.weights.are_off() {
            return None;
        }
        let weighed = words.weighed(adopted, classes);
        let mut pace = words.pace.load().payload();
        let end = self.head.period_end.load();
        let ends = !boundaries.is_before(now, end);
        let value = if words.score.load().payload().waits {
            0
        } else if ends {
            weighed.at_the_end()
        } else {
            weighed.value().max(0).cast_unsigned()
        };
        let epoch = boundaries.epoch_at(now);
        if ends && epoch > boundaries.ending_at(end) {
            let latest = self.pace_before(boundaries, epoch, counts_of(classes));
            pace = latest.unwrap_or(pace);
        }
        Some((value, limit(adopted.stakes, pace), pace))
    }

    /// Calls per second, in 2^-16, for a saved state.
    #[cfg(feature = "persist")]
    pub(crate) fn pace(&self) -> Option<u64> {
        let words = self.adaptive.get()?;
        let paced = words.weights.load().payload().paced;
        paced.then(|| words.pace.load().payload())
    }

    /// Adopts the policy's rule, and begins the score anew where a counting period begins, or where the rule is
    /// switched on.
    #[inline(always)]
    pub(crate) fn settle_score(
        &self,
        announced: Control,
        frozen: &Frozen,
        adopting: Option<&Policy>,
        begins_at: Option<u64>,
    ) -> Result<(), Over> {
        match self.adaptive.get() {
            Some(words) => self.settle_words(words, announced, frozen, adopting, begins_at),
            None => Ok(()),
        }
    }

    #[cold]
    fn settle_words(
        &self,
        words: &AdaptiveWords,
        announced: Control,
        frozen: &Frozen,
        adopting: Option<&Policy>,
        begins_at: Option<u64>,
    ) -> Result<(), Over> {
        let Shape::Time(boundaries) = &self.head.window else {
            return Ok(()); // no such rule is on
        };
        let version = announced.version();
        let begins = begins_at.is_some();
        let period_end = self.head.period_end.load();
        let bucket_end = boundaries.end_of(boundaries.ending_at(period_end));
        let end = match begins_at {
            // the end of the tick under way; the rest of a bucket that was begun without ticks is one tick
            Some(time) => {
                let epoch = self.epoch_at(boundaries, time);
                boundaries.tick_end(epoch, time).max(period_end)
            }
            // a rule that is switched on begins with the next bucket, whether this one has ticks or not
            None => bucket_end,
        };
        // Before `weights` is replaced, which says whether the rule was on; and where another helper has replaced
        // it, the score has been decided.
        let before = words.weights.load().payload();
        let was_off = before.are_off();
        let is_off = match adopting {
            Some(policy) => policy.weights.are_off(),
            None => was_off,
        };
        let watched = before.watches;
        let watches = adopting.map_or(watched, |policy| policy.weights.watches);
        let switched_on = was_off && !is_off;
        if begins && !is_off || switched_on {
            self.decide_once(&words.score, announced, version, |before| Score {
                value: 0,
                waits: !begins,
                ..before
            })?;
        }
        if begins && (!is_off || watches) || !before.tick() && (switched_on || watches) {
            self.begin_tick(announced, words, frozen)?;
        }
        if watches && (begins || !watched) {
            self.begin_watching(announced, words, end)?;
        }
        if let Some(policy) = adopting {
            self.decide_once(&words.stakes, announced, version, |_| policy.stakes)?;
            if let Some(words) = words.lenient.get() {
                // These rules may be later than the freeze of this helper, which then has left the class out.
                self.freeze_lenient(announced)?;
                self.decide_once(&words.rule, announced, version, |_| policy.leniency)?;
            }
            let agreed =
                self.decide_once(&words.weights, announced, version, |_| policy.weights)?;
            // by what all helpers have agreed on, so that the one that publishes has raised it
            if !agreed.tick() {
                // No tick ends any more in this bucket. The helper that publishes has raised it: one that comes
                // later changes nothing.
                self.head.period_end.raise(bucket_end);
            }
        }
        self.renew(&words.score, announced)?;
        for word in [
            &words.calls,
            &words.good,
            &words.pace,
            &words.stakes,
            &words.ignored,
            &words.heard,
            &words.sample,
            &words.longest,
        ] {
            self.renew(word, announced)?;
        }
        self.renew(&words.weights, announced)?;
        // Words that come between these two steps have the version before this one: they are not old.
        if let Some(words) = words.lenient.get() {
            self.renew(&words.tick, announced)?;
            self.renew(&words.rule, announced)?;
        }
        self.renew_ramp(&words.ramp, announced)
    }
}
