//! The audit: announce, freeze, decide, publish. Nothing else changes what the breaker is.
//!
//! Whoever wants a change *announces* it: one compare-exchange on the control word, to the next
//! version, with the goal. From there on every thread that meets the announced word does the same
//! work, and any of them may finish it, so a thread that stops anywhere in it stops nobody:
//!
//! 1. *Freeze*: every count gets the new version as its tag. A record lands by an exchange that
//!    expects the version it read, so now none can land, and every helper reads the same cut.
//! 2. *Agree*: helpers differ in their clock and their rules. Whatever depends on those (the time,
//!    the decision, a deadline) is written once, into a word tagged with the version; the others
//!    take it from there.
//! 3. *Carry out* what was decided, each word by `settle`.
//! 4. *Publish*: one compare-exchange from exactly the announced word.
//!
//! `settle` is the one primitive of steps 1 to 3: load; if the word is what is wanted, done; if
//! control is no longer the announced word, the audit is over; else exchange. Control is read
//! *after* all that went into what is wanted, so those reads were of the frozen cut; and a helper
//! that slept finds either control or the word itself moved on, and harms nothing.
//!
//! *Order within step 3.* What a helper reads must not be overwritten by another helper of the
//! same audit before all could have agreed on what follows from it. So the decision and the event
//! (which read the window, the round and the run) come before the fresh boundaries and the fresh
//! round; the openings (which read `since`) before `since`.

use crate::backoff::unit;
use crate::control::{Control, Goal};
use crate::core::{Core, Deadline};
use crate::event::Event;
use crate::outcome::State;
use crate::round::Round;
use crate::rules::{Policy, Tally};
use crate::sync::Word;
use crate::tagged::{PAYLOAD_BITS, PAYLOAD_MAX, Tagged, extend};
use crate::transition::{Decision, decide, judges_round, openings, rolls};
use crate::window::Shape;
use crate::window::boundaries::Boundaries;
use crate::window::stripes::{Class, share};

/// The audit was ended by others.
struct Over;

/// The frozen counts.
#[derive(Clone, Copy, Default)]
struct Cut {
    /// By class, modulo 2^40 (a time window's).
    classes: [u64; 4],
    /// The frozen word of a count window.
    word: u64,
}

impl Cut {
    fn totals(&self) -> Tally {
        let of = |c: Class| self.classes[c as usize];
        let sum = |a: u64, b: u64| a.wrapping_add(b) & PAYLOAD_MAX;
        let failures = sum(of(Class::FastFailure), of(Class::SlowFailure));
        Tally {
            calls: sum(failures, sum(of(Class::FastSuccess), of(Class::SlowSuccess))),
            failures,
            slow: sum(of(Class::SlowSuccess), of(Class::SlowFailure)),
        }
    }
}

impl Core {
    /// Announce an audit from the word `c`, and see it through. `wait` is the announcer's own idea
    /// of how long Open is to last, in nanoseconds. Whether it was ours to announce.
    #[cold]
    pub(crate) fn audit(&self, c: Control, goal: Goal, now: u64, wait: Option<u64>) -> bool {
        self.start(c, c.announce(goal), now, wait)
    }

    pub(crate) fn start(&self, c: Control, announced: Control, now: u64, wait: Option<u64>) -> bool {
        let won = self.head.control.cas(c.0, announced.0).is_ok();
        if won {
            self.finish(announced, now, wait);
            // a helper that came first took the backoff for the wait
            if let Some(wait) = wait {
                self.amend(announced.next_generation(), wait);
            }
        }
        won
    }

    /// By whoever announced it and by whoever meets it. On return it is over.
    #[cold]
    pub(crate) fn finish(&self, a: Control, now: u64, wait: Option<u64>) {
        if let Ok((next, decision)) = self.work_out(a, now, wait) {
            if self.head.control.cas(a.0, next.0).is_ok() {
                self.would_trip.add(decision.rising.number());
                #[cfg(feature = "std")]
                self.listeners.wake(decision.transition.is_some());
            }
        }
    }

    fn work_out(&self, a: Control, now: u64, wait: Option<u64>) -> Result<(Control, Decision), Over> {
        let policy = self.policy.load();
        let cut = self.freeze(a)?;
        let time = self.agree_on_time(a, now)?;
        if let Shape::Time(b) = &self.window {
            if a.counting() && rolls(a.goal()) {
                self.roll(a, b, &cut, time, false)?;
            }
        }
        let window = self.window_at(&cut);
        let judged = matches!(self.window, Shape::Time(_));
        let decided = self.settle(&self.ledger.decision, a, |w| {
            let w = Tagged(w);
            if w.has(a.version()) {
                return w.0;
            }
            let was = Decision::of(w.payload()).truth;
            Tagged::new(a.version(), decide(a, &policy, window, judged, was).payload()).0
        })?;
        let decision = Decision::of(Tagged(decided).payload());
        let next = decision.publish(a);
        if let Some((state, _)) = decision.transition {
            self.leave_event(a, next, &decision, time, window)?;
            self.turn(a, next, &policy, time, wait)?;
            if next.counting() {
                self.begin_afresh(a, &cut, time)?;
            }
            if state == State::HalfOpen {
                // the one who announced a probe holds the first slot
                let taken = u64::from(a.goal() == Goal::Probe);
                let fresh = Round::fresh(next.generation(), taken);
                self.settle(&self.probing.round, a, |w| {
                    if Round::of(w).is_of(fresh.generation) { w } else { fresh.word() }
                })?;
            }
        }
        if next.counting() {
            self.adopt(a, next, &policy, &cut)?;
        }
        for (long, class) in self.ledger.lifetime.iter().zip(cut.classes) {
            self.settle(long, a, |w| extend(w, class, 1 << PAYLOAD_BITS))?;
        }
        Ok((next, decision))
    }

    /// From here to the publication nothing can land.
    fn freeze(&self, a: Control) -> Result<Cut, Over> {
        let retag = |w: u64| Tagged(w).retag(a.version()).0;
        let mut cut = Cut::default();
        match &self.window {
            Shape::Count(window) => {
                cut.word = self.settle(&window.word, a, retag)?;
            }
            Shape::Time(_) => {
                for i in 0..a.stripes() {
                    for (sum, word) in cut.classes.iter_mut().zip(&self.stripes.get(i).counts) {
                        let count = Tagged(self.settle(word, a, retag)?).payload();
                        *sum = sum.wrapping_add(count) & PAYLOAD_MAX;
                    }
                }
                for o in self.stripes.owned() {
                    let count = self.agree(&o.seen, a, |_| o.count.load())?;
                    let sum = &mut cut.classes[Class::FastSuccess as usize];
                    *sum = sum.wrapping_add(count) & PAYLOAD_MAX;
                }
            }
        }
        Ok(cut)
    }

    /// The time of this audit, not before that of any earlier one.
    fn agree_on_time(&self, a: Control, now: u64) -> Result<u64, Over> {
        let l = &self.ledger;
        l.latest.raise(now);
        let high = self.agree(&l.time_high, a, |_| l.latest.load() >> 32)?;
        let low = self.agree(&l.time_low, a, |_| {
            let t = l.latest.load();
            // it may have risen past what the high half was taken from
            if t >> 32 == high { t & u64::from(u32::MAX) } else { u64::from(u32::MAX) }
        })?;
        Ok(high << 32 | low)
    }

    /// The epochs that have begun since the last roll begin with this cut; in a fresh period all do.
    fn roll(&self, a: Control, b: &Boundaries, cut: &Cut, time: u64, fresh: bool) -> Result<(), Over> {
        let current = b.ending_at(self.head.period_end.load());
        let epoch = current.max(b.epoch_at(time));
        let first = epoch - b.buckets();
        let at = cut.totals();
        for e in (if fresh { first } else { first.max(current + 1) })..=epoch {
            let slot = b.slot(e);
            for (word, count) in [(&slot.calls, at.calls), (&slot.failures, at.failures), (&slot.slow, at.slow)] {
                self.settle(word, a, |_| Tagged::new(e, count).0)?;
            }
        }
        // it only rises: one that comes late does nothing
        self.head.period_end.raise(b.end_of(epoch));
        Ok(())
    }

    /// What the window holds at the cut.
    fn window_at(&self, cut: &Cut) -> Tally {
        match &self.window {
            Shape::Time(b) => {
                let oldest = b.oldest(b.ending_at(self.head.period_end.load()));
                // `None` only if the audit is over: the next `settle` will see that
                b.at(oldest).map_or(Tally::default(), |base| cut.totals().since(base))
            }
            Shape::Count(window) => window.tally(cut.word).unwrap_or_default(),
        }
    }

    fn leave_event(&self, a: Control, next: Control, d: &Decision, time: u64, window: Tally) -> Result<(), Over> {
        let Some((to, cause)) = d.transition else { return Ok(()) };
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
            run: if a.counting() { self.run_in(a.generation()) } else { 0 },
        };
        for ring in core::iter::once(&self.history).chain(self.queue.get()) {
            for (word, payload) in ring.slot(event.generation).iter().zip(event.payloads()) {
                self.agree(word, a, |_| payload)?;
            }
        }
        Ok(())
    }

    /// The openings, the deadline, and the dates of a new generation.
    fn turn(&self, a: Control, next: Control, policy: &Policy, time: u64, wait: Option<u64>) -> Result<(), Over> {
        let l = &self.ledger;
        let generation = next.generation();
        let backoff = &policy.config.open_for;
        let once = |word: &Word, say: &dyn Fn(u64) -> u64| {
            self.settle(word, a, |w| {
                let w = Tagged(w);
                if w.has(generation) { w.0 } else { Tagged::new(generation, say(w.payload())).0 }
            })
        };
        let k = once(&l.openings, &|before| {
            let dwell = time.saturating_sub(l.since.load());
            openings(before, a, next.state(), dwell, backoff.reset_after_nanos()).min(PAYLOAD_MAX)
        })?;
        if next.state() == State::Open {
            once(&l.deadline, &|_| {
                let k = u32::try_from(Tagged(k).payload()).unwrap_or(u32::MAX);
                let of_backoff = || backoff.wait_nanos(k, unit(self.seed, generation));
                Deadline::after(self.era, time, wait.unwrap_or_else(of_backoff), wait.is_some()).0
            })?;
        }
        self.settle(&l.since, a, |_| time)?;
        self.settle(&l.generations, a, |w| extend(w, generation, 1 << crate::control::GENERATION_BITS))?;
        Ok(())
    }

    /// The window of a fresh counting period is empty.
    fn begin_afresh(&self, a: Control, cut: &Cut, time: u64) -> Result<(), Over> {
        match &self.window {
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
    fn adopt(&self, a: Control, next: Control, policy: &Policy, cut: &Cut) -> Result<(), Over> {
        self.agree(&self.head.slow_limit, a, |_| policy.slow_call)?;
        let run = self.agree(&self.head.run_limit, a, |_| policy.run)?;
        if run == 0 && a.runs() {
            // runs are no longer counted; should they be again, they start from nothing
            self.settle(&self.run, a, |_| Tagged::new(next.generation(), 0).0)?;
        }
        if !matches!(self.window, Shape::Time(_)) || next.armed() {
            return Ok(());
        }
        let allowance = policy.allowance(self.window_at(cut));
        for i in 0..a.stripes() {
            let stripe = self.stripes.get(i);
            let shares = share(allowance, i, a.stripes());
            for ((limit, count), share) in stripe.limits.iter().zip(&stripe.counts[1..]).zip(shares) {
                self.agree(limit, a, |_| Tagged(count.load()).payload().wrapping_add(share))?;
            }
        }
        Ok(())
    }

    /// What the first one says, under the version's tag, holds for all helpers of this audit.
    fn agree(&self, word: &Word, a: Control, say: impl Fn(u64) -> u64) -> Result<u64, Over> {
        let agreed = self.settle(word, a, |w| {
            let w = Tagged(w);
            if w.has(a.version()) { w.0 } else { Tagged::new(a.version(), say(w.payload())).0 }
        })?;
        Ok(Tagged(agreed).payload())
    }

    /// Bring a word to what this audit wants of it, unless the audit is over. `want` may depend on
    /// the word, and on whatever was read before: if the audit is still announced afterwards, all
    /// of that was frozen.
    fn settle(&self, word: &Word, a: Control, want: impl Fn(u64) -> u64) -> Result<u64, Over> {
        loop {
            let is = word.load();
            let wanted = want(is);
            if is == wanted {
                return Ok(is);
            }
            if self.control() != a {
                return Err(Over);
            }
            if word.cas(is, wanted).is_ok() {
                return Ok(wanted);
            }
        }
    }

    /// The wait of whoever decided on Open, if a helper that did not know it set the deadline. A
    /// deadline that is firm was set by somebody who knew better.
    pub(crate) fn amend(&self, generation: u64, wait: u64) {
        loop {
            let c = self.control();
            let w = Tagged(self.ledger.deadline.load());
            let soft = !Deadline(w.payload()).is_firm();
            if c.generation() != generation || c.state() != State::Open || !w.has(generation) || !soft {
                return;
            }
            let firm = Deadline::after(self.era, self.ledger.since.load(), wait, true);
            if self.ledger.deadline.cas(w.0, Tagged::new(generation, firm.0).0).is_ok() {
                return;
            }
        }
    }

    /// The run of failures of that generation.
    pub(crate) fn run_in(&self, generation: u64) -> u64 {
        let w = Tagged(self.run.load());
        if w.has(generation) { w.payload() >> 1 } else { 0 }
    }

    /// Put what was stored before into the sight of every later audit, and say at which word.
    #[cfg(feature = "std")]
    pub(crate) fn show(&self, now: u64) -> Control {
        loop {
            let c = self.control();
            if c.auditing() {
                self.finish(c, now, None);
            } else if self.head.control.cas(c.0, c.0).is_ok() {
                return c;
            }
        }
    }
}

