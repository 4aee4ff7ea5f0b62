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
//! *Order within step 3.* What a helper reads must not be overwritten by another helper of the
//! same audit before all could have agreed on what follows from it. So the decision and the event
//! (which read the window, the round and the run) come before the fresh boundaries and the fresh
//! round; the openings (which read the deadline and `since`) before the deadline and `since`.

use crate::control::{Control, Goal};
use crate::core::Core;
use crate::deadline::Wait;
#[cfg(feature = "std")]
use crate::queue::FEW;
use crate::rules::Allowance;
use crate::settle::Over;
use crate::tagged::{PAYLOAD_BITS, PAYLOAD_MAX, Tagged, extend};
use crate::transition::{Decision, decide, rolls};
use crate::turn::Cut;
use crate::window::Shape;
use crate::window::stripes::Class;

impl Core {
    /// Announce an audit from the word `c`, and see it through. `wait` is the announcer's own idea
    /// of how long Open is to last, in nanoseconds; a helper that comes first does not know it, and
    /// the announcer has to `amend`. Whether it was ours to announce.
    #[cold]
    pub(crate) fn audit(&self, c: Control, goal: Goal, now: u64, wait: Wait) -> bool {
        self.start(c, c.announce(goal), now, wait)
    }

    pub(crate) fn start(&self, c: Control, announced: Control, now: u64, wait: Wait) -> bool {
        // Before anyone can meet the announced word: a helper may have read the clock long ago, and agrees
        // on no earlier time than this. Where the exchange fails, `latest` is only a reading that was made.
        self.heard(now);
        let won = self.head.control.cas(c.0, announced.0).is_ok();
        if won {
            self.finish(announced, now, wait);
        }
        won
    }

    /// By whoever announced it and by whoever meets it. On return it is over.
    #[cold]
    pub(crate) fn finish(&self, a: Control, now: u64, wait: Wait) {
        if let Ok((next, decision)) = self.work_out(a, now, wait)
            && self.head.control.cas(a.0, next.0).is_ok()
        {
            self.ledger.would_trip.add(decision.rising.number());
            #[cfg(feature = "std")]
            self.tell(next, decision.transition.is_some());
        }
    }

    /// By the one thread that has published it.
    #[cfg(feature = "std")]
    #[inline]
    fn tell(&self, next: Control, transition: bool) {
        let newest = || self.generation(next);
        let behind = self.listeners.wake(transition.then_some(newest));
        if behind > FEW as u64 / 2
            && let Some(queue) = self.queue.get()
        {
            queue.lengthen();
        }
    }

    fn work_out(&self, a: Control, now: u64, wait: Wait) -> Result<(Control, Decision), Over> {
        let policy = self.head.policy.load();
        let cut = self.freeze(a)?;
        let time = self.agree_on_time(a, now)?;
        if let Shape::Time(b) = &self.head.window
            && a.counting()
            && rolls(a.goal())
        {
            self.roll(a, b, &cut, time, false)?;
        }
        let window = self.window_at(&cut);
        let judged = matches!(self.head.window, Shape::Time(_));
        let decided = self.agree(&self.ledger.decision, a, a.version(), |before| {
            let was = Decision::of(before).truth;
            decide(a, &policy, window, judged, was).payload()
        })?;
        let decision = Decision::of(decided);
        let mut next = decision.publish(a);
        if !judged && decision.transition.is_some() && next.counting() {
            // The fresh window's word is of a version of its own. A helper that sleeps before it puts
            // that word in place must not find the frozen one again, and a count window's few bits
            // can come to be what they were.
            next = next.renewed();
        }
        if decision.transition.is_some() {
            let deadline = self.set_deadline(a, next, &policy, time, wait)?;
            self.leave_event(a, next, &decision, time, window, deadline)?;
            self.turn(a, next, time)?;
            if next.counting() {
                self.begin_afresh(a, next, &cut, time)?;
            }
        }
        // who moves on to the present epoch finds whether any failure is left; a transition begins a run
        // of its own
        let aged =
            judged && decision.transition.is_none() && rolls(a.goal()) && window.failures == 0;
        self.adopt(a, next, &policy, aged)?;
        if judged && next.counting() {
            // Where a rule is true under observe-only, each outcome may end that. And limits of two
            // sets of rules could let pass what neither does: whose rules are not those that
            // decided leaves none.
            let allowance = if decision.truth.any() || decision.rules != policy.number {
                Allowance::default()
            } else {
                policy.allowance(self.window_at(&cut))
            };
            self.allow(a, allowance)?;
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
        match &self.head.window {
            Shape::Count(window) => {
                // another helper may have begun the fresh window already
                let frozen = |w: u64| {
                    if Tagged(w).has(a.renewed().version()) {
                        w
                    } else {
                        retag(w)
                    }
                };
                cut.word = self.settle(&window.word, a, frozen)?;
            }
            Shape::Time(_) => {
                for i in 0..a.stripes() {
                    for (sum, word) in cut.classes.iter_mut().zip(&self.stripes.get(i).counts) {
                        let count = Tagged(self.settle(word, a, retag)?).payload();
                        *sum = sum.wrapping_add(count) & PAYLOAD_MAX;
                    }
                }
                for o in self.stripes.owned() {
                    let count = self.agree(&o.seen, a, a.version(), |_| o.count.load())?;
                    let sum = &mut cut.classes[Class::FastSuccess as usize];
                    *sum = sum.wrapping_add(count) & PAYLOAD_MAX;
                }
            }
        }
        Ok(cut)
    }

    /// No later audit, nor one that is announced from here on, is of an earlier time. Another thread may
    /// raise it in between, and then there is nothing left to do: it only rises.
    fn heard(&self, now: u64) {
        let latest = &self.ledger.latest;
        if latest.load() < now {
            latest.raise(now);
        }
    }

    /// The time of this audit, not before that of any earlier one, nor before its announcer's reading.
    fn agree_on_time(&self, a: Control, now: u64) -> Result<u64, Over> {
        let l = &self.ledger;
        self.heard(now);
        let high = self.agree(&l.time_high, a, a.version(), |_| l.latest.load() >> 32)?;
        let low = self.agree(&l.time_low, a, a.version(), |_| {
            let t = l.latest.load();
            // it may have risen past what the high half was taken from
            if t >> 32 == high {
                t & u64::from(u32::MAX)
            } else {
                u64::from(u32::MAX)
            }
        })?;
        Ok(high << 32 | low)
    }

    /// Put what was stored before into the sight of every later audit, and say at which word.
    #[cfg(feature = "std")]
    pub(crate) fn show(&self, now: u64) -> Control {
        loop {
            let c = self.control();
            if c.auditing() {
                self.finish(c, now, Wait::Backoff);
            } else if self.head.control.cas(c.0, c.0).is_ok() {
                return c;
            }
        }
    }
}
