//! What an audit carries out, once its counts are frozen and its decision is agreed.
//!
//! Each of these may be done by several helpers at once, and by one that slept: every word goes
//! through `settle`.

use crate::backoff::unit;
use crate::control::{Control, GENERATION_BITS};
use crate::core::{Core, Deadline};
use crate::event::Event;
use crate::outcome::State;
use crate::round::Round;
use crate::rules::{Policy, Tally};
use crate::settle::Over;
use crate::sync::Word;
use crate::tagged::{PAYLOAD_MAX, Tagged, extend};
use crate::transition::{Decision, judges_round, openings};
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

    pub(crate) fn leave_event(
        &self,
        a: Control,
        next: Control,
        d: &Decision,
        time: u64,
        window: Tally,
    ) -> Result<(), Over> {
        let Some((to, cause)) = d.transition else {
            return Ok(());
        };
        let counts = if judges_round(a.goal()) {
            let r = Round::of(self.probing.round.load());
            Tally {
                calls: r.results(),
                failures: r.failed,
                slow: r.slow,
            }
        } else {
            window
        };
        let event = Event {
            generation: next.generation(),
            from: a.state(),
            to,
            cause,
            at: time,
            counts,
            run: if a.counting() {
                self.run_in(a.generation())
            } else {
                0
            },
        };
        for ring in core::iter::once(&self.history).chain(self.queue.get()) {
            for (word, payload) in ring.slot(event.generation).iter().zip(event.payloads()) {
                self.agree(word, a, |_| payload)?;
            }
        }
        Ok(())
    }

    /// The openings, the deadline, and the dates of a new generation.
    pub(crate) fn turn(
        &self,
        a: Control,
        next: Control,
        policy: &Policy,
        time: u64,
        wait: Option<u64>,
    ) -> Result<(), Over> {
        let l = &self.ledger;
        let generation = next.generation();
        let backoff = &policy.config.open_for;
        let once = |word: &Word, say: &dyn Fn(u64) -> u64| {
            self.settle(word, a, |w| {
                let w = Tagged(w);
                if w.has(generation) {
                    w.0
                } else {
                    Tagged::new(generation, say(w.payload())).0
                }
            })
        };
        let k = once(&l.openings, &|before| {
            let dwell = time.saturating_sub(l.since.load());
            openings(before, a, next.state(), dwell, backoff.reset_after_nanos()).min(PAYLOAD_MAX)
        })?;
        if next.state() == State::Open {
            once(&l.deadline, &|_| {
                let k = u32::try_from(Tagged(k).payload()).unwrap_or(u32::MAX);
                let of_backoff = || backoff.wait_nanos(k, unit(self.ledger.seed, generation));
                Deadline::after(
                    self.ledger.era,
                    time,
                    wait.unwrap_or_else(of_backoff),
                    wait.is_some(),
                )
                .0
            })?;
        }
        self.settle(&l.since, a, |_| time)?;
        self.settle(&l.generations, a, |w| {
            extend(w, generation, 1 << GENERATION_BITS)
        })?;
        Ok(())
    }

    /// The window of a fresh counting period is empty.
    pub(crate) fn begin_afresh(&self, a: Control, cut: &Cut, time: u64) -> Result<(), Over> {
        match &self.head.window {
            Shape::Time(b) => self.roll(a, b, cut, time, true),
            Shape::Count(window) => {
                let frozen = Tagged(cut.word).payload();
                let (start, begun) = window.fresh(frozen);
                if let Some((word, position)) = start {
                    self.agree(word, a, |_| position)?;
                }
                self.settle(&window.word, a, |_| Tagged::new(a.version(), begun).0)?;
                Ok(())
            }
        }
    }

    /// The rules in force become those by which outcomes are recorded: what is slow, how long a run
    /// may be, and how many failures need no look.
    pub(crate) fn adopt(
        &self,
        a: Control,
        next: Control,
        policy: &Policy,
        cut: &Cut,
    ) -> Result<(), Over> {
        self.agree(&self.head.slow_limit, a, |_| policy.slow_call)?;
        let run = self.agree(&self.head.run_limit, a, |_| policy.run)?;
        if run == 0 && a.runs() {
            // runs are no longer counted; should they be again, they start from nothing
            self.settle(&self.ledger.run, a, |_| Tagged::new(next.generation(), 0).0)?;
        }
        if !matches!(self.head.window, Shape::Time(_)) || next.armed() {
            return Ok(());
        }
        let allowance = policy.allowance(self.window_at(cut));
        for i in 0..a.stripes() {
            let stripe = self.stripes.get(i);
            let shares = share(allowance, i, a.stripes());
            for ((limit, count), share) in stripe.limits.iter().zip(&stripe.counts[1..]).zip(shares)
            {
                self.agree(limit, a, |_| {
                    Tagged(count.load()).payload().wrapping_add(share)
                })?;
            }
        }
        Ok(())
    }

    /// The wait of whoever decided on this Open, where a helper that did not know it set the deadline
    /// by the backoff. Meanwhile somebody may have postponed it, and later it stays.
    pub(crate) fn amend(&self, generation: u64, wait: u64) {
        let l = &self.ledger;
        loop {
            let c = self.control();
            let w = Tagged(l.deadline.load());
            if c.generation() != generation || c.state() != State::Open || !w.has(generation) {
                return;
            }
            let (is, firm) = (
                Deadline(w.payload()),
                Deadline::after(l.era, l.since.load(), wait, true),
            );
            if is.is_firm() && is.0 >= firm.0 {
                return;
            }
            let next = Tagged::new(generation, firm.0);
            if l.deadline.cas(w.0, next.0).is_ok() {
                return;
            }
        }
    }

    /// The run of failures of that generation.
    pub(crate) fn run_in(&self, generation: u64) -> u64 {
        let w = Tagged(self.ledger.run.load());
        if w.has(generation) {
            w.payload() >> 1
        } else {
            0
        }
    }
}
