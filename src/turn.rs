//! What an audit carries out, once its counts are frozen and its decision is agreed.
//!
//! Each of these may be done by several helpers at once, and by one that slept: every word goes
//! through `settle`.

use crate::backoff::unit;
use crate::control::{Control, GENERATION_BITS, Goal};
use crate::core::Core;
use crate::deadline::{Deadline, Wait};
use crate::outcome::State;
use crate::round::Round;
use crate::rules::{Allowance, Policy, Tally};
use crate::run::{Run, RunRule};
use crate::settle::Over;
use crate::sync::Word;
use crate::tagged::{PAYLOAD_MAX, Tagged, extend};
use crate::transition::openings;
use crate::window::Shape;
use crate::window::boundaries::Boundaries;
use crate::window::stripes::{Class, share};

/// The frozen counts.
#[derive(Clone, Copy, Default)]
pub(crate) struct Cut {
    /// By class, modulo 2^40 (a time window's).
    pub(crate) classes: [u64; 4],
    /// The frozen word of a count window.
    pub(crate) word: u64,
}

impl Cut {
    pub(crate) fn totals(&self) -> Tally {
        let of = |c: Class| self.classes[c as usize];
        let sum = |a: u64, b: u64| a.wrapping_add(b) & PAYLOAD_MAX;
        let failures = sum(of(Class::FastFailure), of(Class::SlowFailure));
        Tally {
            calls: sum(
                failures,
                sum(of(Class::FastSuccess), of(Class::SlowSuccess)),
            ),
            failures,
            slow: sum(of(Class::SlowSuccess), of(Class::SlowFailure)),
        }
    }
}

impl Core {
    /// The epochs that have begun since the last roll begin with this cut; in a fresh period all do.
    pub(crate) fn roll(
        &self,
        a: Control,
        b: &Boundaries,
        cut: &Cut,
        time: u64,
        fresh: bool,
    ) -> Result<(), Over> {
        let current = b.ending_at(self.head.period_end.load());
        let epoch = current.max(b.epoch_at(time));
        let first = epoch - b.buckets();
        let at = cut.totals();
        for e in (if fresh { first } else { first.max(current + 1) })..=epoch {
            let slot = b.slot(e);
            for (word, count) in [
                (&slot.calls, at.calls),
                (&slot.failures, at.failures),
                (&slot.slow, at.slow),
            ] {
                self.settle(word, a, |_| Tagged::new(e, count).0)?;
            }
        }
        // it only rises: one that comes late does nothing
        self.head.period_end.raise(b.end_of(epoch));
        Ok(())
    }

    /// What the window holds at the cut.
    pub(crate) fn window_at(&self, cut: &Cut) -> Tally {
        match &self.head.window {
            Shape::Time(b) => {
                let oldest = b.oldest(b.ending_at(self.head.period_end.load()));
                // `None` only if the audit is over: the next `settle` will see that
                b.at(oldest)
                    .map_or(Tally::default(), |base| cut.totals().since(base))
            }
            Shape::Count(window) => window.tally(cut.word).unwrap_or_default(),
        }
    }

    /// How often the breaker has opened, and until when it is open, in the new generation. Each
    /// transition writes both, and all of `turn`'s words, so that none is ever older than the generation
    /// before, and no tag of theirs can come round again. The deadline's payload.
    pub(crate) fn set_deadline(
        &self,
        a: Control,
        next: Control,
        policy: &Policy,
        time: u64,
        wait: Wait,
    ) -> Result<u64, Over> {
        let l = &self.ledger;
        let generation = next.generation();
        let backoff = &policy.config.open_for;
        let once = |word: &Word, say: &dyn Fn(u64) -> u64| self.agree(word, a, generation, say);
        let k = once(&l.openings, &|before| {
            let dwell = time.saturating_sub(l.since.load());
            let dwell = dwell.saturating_add(self.lasted_before(a));
            openings(before, a, next.state(), dwell, backoff.reset_after_nanos()).min(PAYLOAD_MAX)
        })?;
        once(&l.deadline, &|_| {
            if next.state() != State::Open {
                return 0;
            }
            let k = u32::try_from(k).unwrap_or(u32::MAX);
            let seed = backoff.seed.unwrap_or(l.seed);
            let of_backoff = || backoff.wait_nanos(k, unit(seed, generation));
            let (lasts, firm) = match wait {
                Wait::Backoff => (of_backoff(), false),
                // whatever the dependency asks for, it is not called sooner than the backoff says
                Wait::AtLeast(own) => (of_backoff().max(own), false),
                Wait::Exactly(lasts) => (lasts, true),
            };
            Deadline::after(time, time, lasts, firm).0
        })
    }

    /// The other words of a new generation: its run and round, and its dates.
    pub(crate) fn turn(&self, a: Control, next: Control, time: u64) -> Result<(), Over> {
        let l = &self.ledger;
        let generation = next.generation();
        self.agree(&l.run, a, generation, |before| {
            Run::begun(Run::of(before).era).payload()
        })?;
        // after the event, which reads what was left there; a helper that comes later finds that agreed
        self.agree(&l.deciding, a, generation, |_| 0)?;
        // the one who announced a probe holds the first slot
        let fresh = match a.goal() {
            Goal::Probe => Round::fresh(generation).admit(),
            _ => Round::fresh(generation),
        };
        self.settle(&self.probing.round, a, |w| {
            if Round::of(w).is_of(generation) {
                w
            } else {
                fresh.word()
            }
        })?;
        self.settle(&l.since, a, |_| time)?;
        self.settle(&l.generations, a, |w| {
            extend(w, generation, 1 << GENERATION_BITS)
        })?;
        Ok(())
    }

    /// The window of a fresh counting period is empty.
    pub(crate) fn begin_afresh(
        &self,
        a: Control,
        next: Control,
        cut: &Cut,
        time: u64,
    ) -> Result<(), Over> {
        match &self.head.window {
            Shape::Time(b) => self.roll(a, b, cut, time, true),
            Shape::Count(window) => {
                let (start, begun) = window.fresh(Tagged(cut.word).payload());
                if let Some((word, position)) = start {
                    self.settle(word, a, |_| position)?;
                }
                self.settle(&window.word, a, |_| Tagged::new(next.version(), begun).0)?;
                Ok(())
            }
        }
    }

    /// The rules in force become those by which outcomes are recorded: what is slow, and how long a
    /// run may be. `aged`: the run, if there is one, is over.
    pub(crate) fn adopt(
        &self,
        a: Control,
        next: Control,
        policy: &Policy,
        aged: bool,
    ) -> Result<(), Over> {
        let h = &self.head;
        self.agree(&h.slow_limit, a, a.version(), |_| policy.slow_call())?;
        let rule = self.agree(&h.run_limit, a, a.version(), |before| {
            let rule = RunRule::of(before).with(policy.run());
            // The run is not frozen. A failure that has landed in a bygone epoch may add to it before
            // this look, and is wiped with it, or after, and begins the next run: its call overlaps this
            // audit. What the first helper finds holds for all.
            if aged && self.run_in(a.generation()) != 0 {
                rule.begun_anew().payload()
            } else {
                rule.payload()
            }
        })?;
        let begun = Run::begun(RunRule::of(rule).era);
        self.settle(&self.ledger.run, a, |w| {
            if Run::of(Tagged(w).payload()).era == begun.era {
                w
            } else {
                Tagged::new(next.generation(), begun.payload()).0
            }
        })?;
        Ok(())
    }

    /// How many outcomes need no look.
    pub(crate) fn allow(&self, a: Control, allowance: Allowance) -> Result<(), Over> {
        for i in 0..a.stripes() {
            let stripe = self.stripes.get(i);
            let shares = share(allowance, i, a.stripes());
            for ((limit, count), share) in stripe.limits.iter().zip(&stripe.counts).zip(shares) {
                self.agree(limit, a, a.version(), |_| {
                    Tagged(count.load()).payload().wrapping_add(share)
                })?;
            }
        }
        Ok(())
    }

    /// The run of failures of that generation, beside what the window holds at that moment: where a
    /// window of time holds no failure any more, neither does the run.
    pub(crate) fn run_beside(&self, generation: u64, window: Tally) -> u64 {
        let aged = matches!(self.head.window, Shape::Time(_)) && window.failures == 0;
        if aged { 0 } else { self.run_in(generation) }
    }

    /// The run of failures of that generation, however old.
    pub(crate) fn run_in(&self, generation: u64) -> u64 {
        let w = Tagged(self.ledger.run.load());
        if w.has(generation) {
            Run::of(w.payload()).length
        } else {
            0
        }
    }
}
