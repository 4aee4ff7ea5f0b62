//! The writes of an update, once its counts are frozen and its decision is agreed.
//!
//! Several helpers may do each of these at once, and so may one that slept: every word is written
//! by `help_write`.

use crate::config::backoff::unit;
use crate::engine::frozen::Frozen;
use crate::engine::help::Over;
use crate::engine::policy::{Allowance, Policy};
use crate::engine::state::Core;
use crate::engine::transition::{moves_openings, openings};
use crate::engine::window::Shape;
use crate::engine::window::boundaries::Boundaries;
use crate::engine::window::class::Class;
use crate::engine::window::stripes::share;
use crate::words::control::{Control, Goal};
use crate::words::deadline::{Deadline, Wait};
use crate::words::outcome::{Counts, State};
use crate::words::round::Round;
use crate::words::run::{Run, RunRule};
use crate::words::tagged::{EpochNumber, Generation, PAYLOAD_MAX, TAG_BITS, Tagged};

/// How far behind `generations` is left: a quarter of the range of a tag.
const SELDOM: u64 = 1 << (TAG_BITS - 2);

impl Core {
    /// Returns the epoch that is under way at that time, or a later one that has begun.
    pub(crate) fn epoch_at(&self, boundaries: &Boundaries, time: u64) -> u64 {
        let end = self.head.period_end.load();
        if boundaries.is_before(time, end) {
            boundaries.ending_at(end)
        } else {
            boundaries.epoch_at(time)
        }
    }

    /// The end of the period that is under way at that time: of the tick if the rule is on, else of the bucket.
    #[inline(always)]
    pub(crate) fn period_end_at(&self, boundaries: &Boundaries, epoch: u64, time: u64) -> u64 {
        // These are the weights of earlier updates: who comes late, after this update has adopted others,
        // finds that `period_end` has risen.
        match self.adaptive.get() {
            Some(words) => words.period_end_at(boundaries, epoch, time),
            None => boundaries.end_of(epoch),
        }
    }

    /// Gives these counts to the epochs that have begun since the last advance, up to the one that is under
    /// way at that time.
    pub(crate) fn advance_epochs(
        &self,
        announced: Control,
        boundaries: &Boundaries,
        frozen: &Frozen,
        time: u64,
        epoch: u64,
    ) -> Result<(), Over> {
        let end = self.period_end_at(boundaries, epoch, time);
        // Another helper may have raised `period_end` already. Then the range below is empty for
        // this helper, or shorter: the slots that are left out have been written.
        let current = boundaries.ending_at(self.head.period_end.load());
        let first = epoch - boundaries.buckets();
        let lenient = self.lenient_words();
        for begun in first.max(current + 1)..=epoch {
            if let Some(words) = lenient {
                self.begin_lenient(announced, words, frozen, begun)?;
            }
            for (word, count) in boundaries.slot(begun).words(frozen.totals()) {
                // The counts are frozen, so all helpers want the same word. One that sleeps before
                // its exchange finds the word changed: the slot's next epoch has another tag.
                self.help_write(word, announced, |_| Tagged::new(EpochNumber(begun), count))?;
            }
        }
        // it only rises: one that comes late does nothing
        self.head.period_end.raise(end);
        Ok(())
    }

    /// What the window holds by the frozen counts.
    pub(crate) fn window_at(&self, frozen: &Frozen) -> Counts {
        match &self.head.window {
            Shape::Time(boundaries) => {
                // `period_end` and the boundary are two loads. If another helper moves on between
                // them, this helper's result is not used: the decision that needed it has been
                // made.
                let oldest = boundaries.oldest(boundaries.ending_at(self.head.period_end.load()));
                // `None` only if the update is over: the next `help_write` will see that
                boundaries
                    .at(oldest)
                    .map_or(Counts::default(), |base| frozen.totals().since(base))
            }
            Shape::Count(_) => frozen.log.counts,
        }
    }

    /// Writes how often the breaker has opened, and until when it is open, in the new generation;
    /// returns the deadline.
    ///
    /// Here and in `begin_generation` a transition does not write the words that it does not change. Which
    /// these are is the same for all helpers: it follows from the goal, the states and the word itself. So a helper
    /// that wants to write a word, sleeps before its exchange and wakes after the publication, finds that
    /// another one has written it. And no tag repeats: one that is old is always written.
    pub(crate) fn set_deadline(
        &self,
        announced: Control,
        next: Control,
        policy: &Policy,
        time: u64,
        wait: Wait,
    ) -> Result<Deadline, Over> {
        let ledger = &self.ledger;
        let generation = next.generation();
        let backoff = &policy.config.open_for;
        let opens = next.state() == State::Open;
        let decide_openings = |before| {
            // `since` still has the beginning of the state that ends, or the openings have been
            // decided already.
            let dwell = time.saturating_sub(ledger.since.load());
            let dwell = dwell.saturating_add(self.lasted_before(announced));
            openings(
                before,
                announced,
                next.state(),
                dwell,
                backoff.reset_after_nanos(),
            )
            .min(PAYLOAD_MAX)
        };
        let left = ledger.openings.load();
        let adaptive = self.follow_downtime(announced, next, policy, time)?;
        let openings = if moves_openings(announced, next.state()) || left.is_old(generation) {
            self.decide_once(&ledger.openings, announced, generation, decide_openings)?
        } else {
            left.payload()
        };
        // A deadline counts from `since`. So the one of an Open does not outlast it: a reader that finds the
        // next period's `since` must not find this deadline beside it.
        let ends = announced.state() == State::Open;
        if !(opens || ends || ledger.deadline.load().is_old(generation)) {
            return Ok(Deadline::NONE);
        }
        self.decide_once(&ledger.deadline, announced, generation, |_| {
            if !opens {
                return Deadline::NONE;
            }
            let openings = u32::try_from(openings).unwrap_or(u32::MAX);
            let seed = backoff.seed.unwrap_or(ledger.seed);
            // The jitter is drawn from the seed and the generation, so helpers with the same rules
            // compute the same wait.
            let of_backoff = || match adaptive {
                Some(wait) => wait,
                None => backoff.wait_nanos(openings, unit(seed, generation.number())),
            };
            // A helper has `Backoff` here, for it does not know what the announcer wants. Whichever
            // comes first decides, and the announcer then corrects the deadline.
            let (lasts, firm) = match wait {
                Wait::Backoff => (of_backoff(), false),
                // whatever the dependency asks for, it is not called sooner than the backoff says
                Wait::AtLeast(own) => (of_backoff().max(own), false),
                Wait::Exactly(lasts) => (lasts, true),
            };
            Deadline::after(time, time, lasts, firm)
        })
    }

    /// The other words of a new generation: its run and round, and its dates.
    #[inline(always)]
    pub(crate) fn begin_generation(
        &self,
        announced: Control,
        next: Control,
        time: u64,
    ) -> Result<(), Over> {
        let ledger = &self.ledger;
        let generation = next.generation();
        // The run is tagged with its generation, so the one that ends may stay here. A failure of the old generation
        // may still add to it: it reported a call that overlaps the transition. The first failure of a later one
        // begins a run of its own, and one of the old one, if it wakes after that, finds a later word.
        if ledger.run.load().is_old(generation) {
            self.decide_once(&ledger.run, announced, generation, |before| {
                Run::begun(before.era)
            })?;
        }
        // A kind is tagged with its generation, so it may stay here when that is over.
        if ledger.deciding.load().is_old(generation) {
            self.decide_once(&ledger.deciding, announced, generation, |_| None)?;
        }
        // the one who announced a probe holds the first slot
        let fresh = match announced.goal() {
            Goal::Probe => Round::fresh(generation).admit(),
            _ => Round::fresh(generation),
        };
        // A round that has ended stays as it is. A probe that read control and the round before may still land in
        // it: that is as if it had landed just before the transition, which its call overlaps. Nobody reads that
        // round any more, and the next one has another tag.
        if next.state() == State::HalfOpen || self.probing.round.load().is_old(generation) {
            // A probe of the new round may take a slot as soon as this update is published by another
            // helper. This helper then finds the round of its generation, and leaves it.
            self.help_write(&self.probing.round, announced, |round| {
                if round.is_of(generation) {
                    round
                } else {
                    fresh
                }
            })?;
        }
        // The time is decided, so all helpers want the same. One that sleeps here past the
        // publication finds control changed, and a later transition writes the same time or a later
        // one.
        self.help_write(&ledger.since, announced, |_| time)?;
        // It only rises, and before the publication: a reader of the old control word may find it ahead.
        self.help_write(&ledger.generations, announced, |known| {
            let long = generation.at_least(known);
            // readers carry it on from there
            if long - known > SELDOM { long } else { known }
        })?;
        Ok(())
    }

    /// Empties a window of time for a fresh counting period.
    pub(crate) fn begin_afresh(
        &self,
        announced: Control,
        boundaries: &Boundaries,
        frozen: &Frozen,
        time: u64,
    ) -> Result<(), Over> {
        // Another helper may have raised `period_end`, to the same epoch.
        let epoch = self.epoch_at(boundaries, time);
        // The other slots stay as they are: up to this epoch none is read any more, and those after it
        // are written as their epochs begin.
        for (word, count) in boundaries.slot(epoch).words(frozen.totals()) {
            // One that sleeps before its exchange finds the word changed: another helper has written
            // it, and counts and epochs only rise.
            self.help_write(word, announced, |_| Tagged::new(EpochNumber(epoch), count))?;
        }
        if let Some(words) = self.lenient_words() {
            self.begin_lenient(announced, words, frozen, epoch)?;
        }
        // With a look at control, though it only rises: a helper that comes after this update may have
        // read the end of a later epoch above.
        self.help_write(&boundaries.begun_in, announced, |known| known.max(epoch))?;
        let end = self.period_end_at(boundaries, epoch, time);
        self.head.period_end.raise(end);
        Ok(())
    }

    /// Applies the rules in force to the recording of outcomes: the slow limit, and the longest
    /// run. Only for an update that adopts rules, or where `aged`: the run, if there is one, is over.
    pub(crate) fn apply_policy(
        &self,
        announced: Control,
        next: Control,
        policy: &Policy,
        aged: bool,
    ) -> Result<(), Over> {
        let head = &self.head;
        // Helpers may have different rules, but none has older ones than the decision names. Each of the two
        // words takes the first helper's; if they are not of the set that the decision names, the
        // reconfiguration that brought the later set follows with an update of its own, which finds the number
        // changed.
        self.decide_once(&head.slow_limit, announced, announced.version(), |_| {
            policy.slow_call()
        })?;
        let rule = self.decide_once(&head.run_limit, announced, announced.version(), |before| {
            let limit = policy.run();
            let rule = RunRule { limit, ..before };
            // By control, which says whether successes have ended runs so far, and not by the limit before:
            // another helper may have taken that from later rules than those it published.
            let switched_on = next.runs() && !announced.runs();
            // The run is not frozen. A failure that has landed in a bygone epoch may add to it before
            // this look, and is wiped with it, or after, and begins the next run: its call overlaps this
            // update. What the first helper finds holds for all.
            let over = aged && self.run_in(announced.generation()) != 0;
            if switched_on || over {
                rule.begun_anew()
            } else {
                rule
            }
        })?;
        // The era was decided above, so all helpers agree on whether the run begins anew. A failure
        // that adds to the fresh run is left alone: its era is the right one.
        self.help_write(&self.ledger.run, announced, |run| {
            if run.payload().era == rule.era {
                run
            } else {
                Tagged::new(next.generation(), Run::begun(rule.era))
            }
        })?;
        Ok(())
    }

    /// Sets how many outcomes may skip the check. A limit that no outcome asks for is left to an earlier version:
    /// that of fast successes, which ask only where the word that is published is armed; those of slow
    /// calls, if no call has been slow so far, and that of lenient failures. The first that is finds no limit, and looks
    /// for itself.
    pub(crate) fn set_limits(
        &self,
        announced: Control,
        next: Control,
        frozen: &Frozen,
        allowance: Allowance,
    ) -> Result<(), Over> {
        let version = announced.version();
        let slow =
            [Class::SlowSuccess, Class::SlowFailure].map(|class| frozen.classes[class as usize]);
        const FAST_SUCCESS: usize = Class::FastSuccess as usize;
        const FAST_FAILURE: usize = Class::FastFailure as usize;
        const LENIENT_FAILURE: usize = Class::LenientFailure as usize;
        let asks = |class: usize| match class {
            FAST_SUCCESS => next.armed(),
            FAST_FAILURE => true,
            LENIENT_FAILURE => frozen.lenient() != 0,
            _ => slow != [0, 0],
        };
        let tagged = self.tagged_classes();
        for i in 0..announced.stripes() {
            let stripe = self.stripes.get(i);
            for (class, all) in allowance.by_class().into_iter().take(tagged).enumerate() {
                let (limit, count) = (&stripe.limits[class], &stripe.counts[class]);
                // an old one would be taken for a limit of this version when that comes round
                if !asks(class) && !limit.load().is_old(version) {
                    continue;
                }
                let share = share(all, i, announced.stripes());
                self.decide_once(limit, announced, version, |_| {
                    // The count is frozen. A helper that comes after the publication may read a
                    // higher one, and finds the limit set.
                    count.load().payload().wrapping_add(share)
                })?;
            }
        }
        Ok(())
    }

    /// Returns the run of failures of that generation, in eighths, given the window at that moment: if a time
    /// window no longer holds a failure, the run is over.
    pub(crate) fn run_beside(&self, generation: Generation, window: Counts) -> u64 {
        let aged = matches!(self.head.window, Shape::Time(_)) && window.failures == 0;
        if aged { 0 } else { self.run_in(generation) }
    }

    /// Returns the run of failures of that generation, in eighths, whatever its age.
    pub(crate) fn run_in(&self, generation: Generation) -> u64 {
        // The word may have another generation's run: this one has not begun here, or is over.
        let run = self.ledger.run.load().of(generation);
        run.map_or(0, |run| run.length)
    }
}
