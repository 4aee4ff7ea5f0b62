//! The update: announce, freeze, decide, publish. Nothing else changes a breaker's state.
//!
//! A thread that wants a change *announces* it: one compare-exchange on the control word, to the
//! next version, with the goal. From there on every thread that meets the announced word does the
//! same work, and any of them may finish it. So a thread that stops anywhere in an update does not
//! stop the others:
//!
//! 1. *Freeze*: every count gets the new version as its tag, if outcomes can land before the update or after
//!    it. A record is an exchange that expects
//!    the version it read, so now records fail, and every helper reads the same counts.
//! 2. *Agree*: helpers differ in their clock and their rules. Values that depend on those (the
//!    time, the decision, a deadline) are written once, into a word tagged with the version; the
//!    other helpers take them from there.
//! 3. *Carry out* the decision, each word by `help_write`.
//! 4. *Publish*: one compare-exchange from exactly the announced word.
//!
//! An update that judges an outcome and finds no rule true needs no time; the time of a transition is agreed in
//! the words of its event.
//!
//! *Order within step 3.* A word that a helper reads must not be overwritten by another helper of
//! the same update before all could have agreed on what follows from it. So the decision and the
//! event (which read the window, the round and the run) come before the fresh boundaries and the
//! fresh round; the openings (which read the deadline and `since`) come before the deadline and
//! `since`.

#[cfg(feature = "std")]
use crate::engine::events::queue::FEW;
use crate::engine::frozen::Frozen;
use crate::engine::help::Over;
use crate::engine::policy::{Allowance, Policy, Seen};
use crate::engine::state::Core;
use crate::engine::transition::{
    Cut, Decision, advances_epochs, decide, decided_by_goal, destination, judges_round, thaws,
};
use crate::engine::window::Shape;
use crate::engine::window::class::Class;
use crate::words::control::{Control, Goal, Period};
use crate::words::deadline::Wait;
use crate::words::outcome::{Cause, Counts, State};
use crate::words::tagged::{PAYLOAD_BITS, PAYLOAD_MAX, extend};

impl Core {
    /// Announces an update from that control word, and finishes it. `wait` is how long the announcer
    /// wants Open to last, in nanoseconds. A helper that comes first does not know it, and the
    /// announcer has to call `override_deadline`. Returns whether this thread announced the update.
    #[cold]
    pub(crate) fn update(&self, control: Control, goal: Goal, now: u64, wait: Wait) -> bool {
        self.start(control, control.announce(goal), now, wait)
    }

    pub(crate) fn start(&self, control: Control, announced: Control, now: u64, wait: Wait) -> bool {
        // Before anyone can meet the announced word: a helper may have read the clock long ago, and agrees
        // on no earlier time than this. Where the exchange fails, `latest` is only a reading that was made.
        self.heard(now);
        // One thread announces from each word. From here to the publication, every thread that
        // reads control meets the announced word.
        let won = self.head.control.cas(control, announced).is_ok();
        if won {
            self.carry_out(announced, wait);
        }
        won
    }

    /// Makes a transition from that period, unless it has ended.
    #[cold]
    pub(crate) fn leave_period(&self, period: Period, goal: Goal, now: u64, wait: Wait) {
        loop {
            let control = self.quiet(now);
            // If the announcement fails, another thread has announced an update. It may be one that
            // does not end the period, so the next turn looks again.
            // A verdict on a round is of no use once another thread has begun the ramp, by other rules perhaps.
            let begun = judges_round(goal) && control.ramps();
            if control.period() != period || begun || self.update(control, goal, now, wait) {
                return;
            }
        }
    }

    /// Called by every thread that meets an announced update. On return the update is over.
    #[cold]
    pub(crate) fn finish(&self, announced: Control, now: u64, wait: Wait) {
        // This helper's reading may be the latest of all. It counts if the time is not yet decided.
        self.heard(now);
        self.carry_out(announced, wait);
    }

    /// Called by a thread whose time was heard: by the announcer, and by `finish`. On return the update is
    /// over.
    #[cold]
    fn carry_out(&self, announced: Control, wait: Wait) {
        if let Ok((next, decision)) = self.work_out(announced, wait)
            // All helpers have computed the same word, and the first exchange publishes it. What
            // follows is done once, by the thread that succeeded.
            && self.head.control.cas(announced, next).is_ok()
        {
            // If the publisher stops here, these edges are missing from the sum until it continues:
            // no decision depends on it.
            if decision.rising.any() {
                self.report_would_trip(announced.state(), decision.rising.number());
            }
            if decision.transition.is_some() {
                self.count_in_bound(announced, next);
            }
            #[cfg(feature = "std")]
            self.tell(next, decision.transition.is_some());
        }
    }

    /// Called by the one thread that has published the update.
    #[cfg(feature = "std")]
    #[inline]
    fn tell(&self, next: Control, transition: bool) {
        let newest = || self.generation(next);
        // After the publication: a listener that is woken reads the ring up to the generation that
        // control names.
        let behind = self.listeners.wake(transition.then_some(newest));
        if behind > FEW as u64 / 2
            && let Some(queue) = self.queue.get()
        {
            queue.lengthen();
        }
    }

    fn work_out(&self, announced: Control, wait: Wait) -> Result<(Control, Decision), Over> {
        // Another helper may load other rules: new ones may be set at any moment. So what follows
        // from the rules is decided once for all helpers.
        let policy = &*self.head.policy.load();
        // From the first frozen word on, results of the old version can no longer land there. When
        // all are frozen, every helper has the same counts.
        let frozen = self.freeze(announced)?;
        let leads = if announced.ramps() {
            self.go_on_with_ramp(announced, policy)?
        } else {
            destination(announced.goal())
        };
        // A transition's time is in its event.
        let mut begun = match leads {
            Some(transition) => Some(self.begin_event(announced, transition)?),
            None => None,
        };
        if let Shape::Time(boundaries) = &self.head.window
            && announced.counting()
            && advances_epochs(announced.goal())
        {
            let time = match begun {
                Some(begun) => begun.time(),
                None => self.decide_time(announced)?,
            };
            let epoch = self.epoch_at(boundaries, time);
            if announced.goal() == Goal::Maintain {
                // before its bucket's turn
                self.end_tick(announced, boundaries, &frozen, time, epoch)?;
            }
            // Before the window is read, so that the rules are judged on the buckets that are live
            // at the time of this update.
            self.advance_epochs(announced, boundaries, &frozen, time, epoch)?;
        }
        // A helper that comes late may read boundaries that a later step of this update has
        // replaced. Its decision is not used: one has been decided by then.
        let window = if judges_round(announced.goal()) {
            Counts::default() // it decides nothing
        } else {
            self.window_at(&frozen)
        };
        let seen = Seen {
            relief: self.relief_at(&frozen, policy),
            ..window.into()
        };
        let judged = matches!(self.head.window, Shape::Time(_));
        let stored = &self.ledger.decision;
        let decision = match decided_by_goal(announced.goal(), leads) {
            // the rules have no say, and the next update that judges finds what the last one said
            Some(decision) => decision,
            None => self.decide_once(stored, announced, announced.version(), |mut before| {
                if !judged {
                    // each entry of a count window has judged itself since, and the last one's truth is frozen
                    before.truth = frozen.log.truth;
                }
                let adopts = before.rules != policy.number;
                let weighed = self.weighed_at(announced, &frozen, policy, adopts);
                let cut = Cut {
                    window: seen,
                    weighed: &weighed,
                    judged,
                    withheld: self.withholds(),
                };
                decide(announced, leads, policy, cut, before)
            })?,
        };
        let next = decision.publish(announced);
        let begins = decision.transition.is_some() && next.counting();
        // who moves on to the present epoch finds whether any failure is left; a transition begins a run
        // of its own
        let aged = judged
            && decision.transition.is_none()
            && advances_epochs(announced.goal())
            && window.failures == 0
            && next.runs();
        // If this helper's rules are not those of the decision, they may be older; those that it finds now
        // are not.
        let later;
        let adopting = if !decision.adopts && !aged {
            None
        } else if decision.rules == policy.number {
            Some(policy)
        } else {
            later = self.head.policy.load();
            Some(&*later)
        };
        // Before the window begins afresh: how long its first period lasts follows from the rules.
        let adopted = adopting.filter(|_| decision.adopts);
        let begins_at = begun.as_ref().filter(|_| begins).map(|begun| begun.time());
        self.settle_score(announced, &frozen, adopted, begins_at)?;
        if let Some(transition) = decision.transition {
            let begun = match begun.take() {
                Some(begun) => begun,
                None => self.begin_event(announced, transition)?,
            };
            let time = begun.time();
            // Before `since` is replaced, from which the openings are derived.
            let deadline = self.set_deadline(announced, next, policy, time, wait)?;
            // Before the publication: a reader that sees the new generation finds its event. Before
            // the fresh round and run, whose old contents the event reports.
            self.leave_event(announced, transition, begun, window, deadline)?;
            // From here on words of the new generation are there; those of the old one that stay have its tag. Control still names the old one, so a thread that finds a new word knows that a
            // transition is under way.
            self.begin_generation(announced, next, time)?;
            if begins && let Shape::Time(boundaries) = &self.head.window {
                // A period that counts begins with an empty window. The boundaries move up to the
                // frozen counts, and the counts themselves go on.
                self.begin_afresh(announced, boundaries, &frozen, time)?;
            }
        }
        if let Shape::Count(window) = &self.head.window {
            // After the event, which reports what the window held: these words say from where the log goes on.
            self.release_log(announced, window, &frozen.log, begins, decision.truth)?;
        }
        if let Some(policy) = adopting {
            self.apply_policy(announced, next, policy, aged)?;
        }
        self.renew(stored, announced)?;
        self.renew(&self.ledger.time_high, announced)?;
        self.renew(&self.ledger.time_low, announced)?;
        self.renew(&self.head.slow_limit, announced)?;
        self.renew(&self.head.run_limit, announced)?;
        if judged && next.counting() {
            // Where a rule is true and does not trip, each outcome may end that. And limits of two
            // sets of rules could let pass what neither does: whose rules are not those that
            // decided leaves none.
            let stays = decision.truth.evidence() && next.state() == State::ObserveOnly;
            let allowance = if decision.truth.by_outcomes().any() || decision.rules != policy.number
            {
                Allowance::default()
            } else {
                // a period that begins has an empty window
                let seen = if begins { Seen::default() } else { seen };
                policy.allowance_beside(seen, &self.weighed_after(&frozen), stays)
            };
            // The limits bear this update's version. Results land only after the publication, so
            // none can be measured by a limit that is not yet set.
            self.set_limits(announced, next, &frozen, allowance)?;
        }
        let tagged = self.tagged_classes();
        for class in 0..tagged {
            let (long, class) = (&self.ledger.lifetime[class], frozen.classes[class]);
            // Last, and only for readers, which carry them on. The long counts never exceed the sum of the
            // stripes, which a reader reads after them, and are behind by less than half of what a count holds.
            self.help_write(long, announced, |known| {
                let now = extend(known, class, 1 << PAYLOAD_BITS);
                if now - known > PAYLOAD_MAX / 4 {
                    now
                } else {
                    known
                }
            })?;
        }
        Ok((next, decision))
    }

    /// Begins a ramp, or judges its step. Returns the transition that follows.
    #[cold]
    #[inline(never)]
    fn go_on_with_ramp(
        &self,
        announced: Control,
        policy: &Policy,
    ) -> Result<Option<(State, Cause)>, Over> {
        let time = self.decide_time(announced)?;
        match announced.goal() {
            Goal::Ramp => self.begin_ramp(announced, time).map(|()| None),
            _ => self.end_step(announced, policy, time),
        }
    }

    /// From here to the publication no outcome can be recorded. Between two states that count nothing none can be
    /// anyway: the counts are as the last update left them, and the next one that leads to a counting state
    /// freezes them under its own version.
    fn freeze(&self, announced: Control) -> Result<Frozen, Over> {
        let mut frozen = Frozen::default();
        let version = announced.version();
        let thaws = thaws(announced);
        let tagged = self.tagged_classes();
        for i in 0..announced.stripes() {
            let stripe = self.stripes.get(i);
            for class in 0..tagged {
                let (sum, word) = (&mut frozen.classes[class], &stripe.counts[class]);
                // A result may land between the load and the exchange in `help_write`: then the
                // exchange fails, and the word is read again with it.
                let count = self.help_write(word, announced, |word| {
                    if thaws { word.retag(version) } else { word }
                })?;
                *sum = sum.wrapping_add(count.payload()) & PAYLOAD_MAX;
            }
        }
        // An owned count has no tag, and its owner goes on storing. The first helper's reading holds
        // for all; what is stored after it belongs to the next update, whatever the state: an owner that
        // looked before this update may store after it. (Only a time window has such.)
        for owned in self.stripes.owned() {
            let count =
                self.decide_once(&owned.seen, announced, version, |_| owned.count.load())?;
            let sum = &mut frozen.classes[Class::FastSuccess as usize];
            *sum = sum.wrapping_add(count) & PAYLOAD_MAX;
        }
        if let Shape::Count(window) = &self.head.window {
            self.freeze_log(announced, window, &mut frozen)?;
        }
        Ok(frozen)
    }

    /// Later updates, and updates announced from here on, are never of an earlier time. If another
    /// thread raises the time in between, nothing is left to do: it only rises.
    pub(crate) fn heard(&self, now: u64) {
        self.ledger.latest.raise(now);
    }

    /// Returns the time of an update that makes no transition, not before that of any earlier one, nor before its
    /// announcer's reading.
    fn decide_time(&self, announced: Control) -> Result<u64, Over> {
        let ledger = &self.ledger;
        // A time has more bits than a payload, so it is decided in two halves. The low half follows
        // from the high half that was decided, whichever helper did it.
        let high = self.decide_once(&ledger.time_high, announced, announced.version(), |_| {
            ledger.latest.load() >> 32
        })?;
        let low = self.decide_once(&ledger.time_low, announced, announced.version(), |_| {
            let latest = ledger.latest.load();
            // it may have risen past what the high half was taken from
            if latest >> 32 == high {
                latest & u64::from(u32::MAX)
            } else {
                u64::from(u32::MAX)
            }
        })?;
        Ok(high << 32 | low)
    }

    /// Returns control, read while no update is under way. An announced update is finished here,
    /// not waited for: the thread that announced it may sleep, and this one goes on all the same.
    pub(crate) fn quiet(&self, now: u64) -> Control {
        loop {
            let control = self.control();
            if !control.updating() {
                return control;
            }
            self.finish(control, now, Wait::Backoff);
        }
    }

    /// Makes earlier stores visible to every later update, and returns the control word at which it
    /// did.
    #[cfg(feature = "std")]
    pub(crate) fn sync(&self, now: u64) -> Control {
        loop {
            let control = self.quiet(now);
            // An exchange that changes nothing still orders: an update that is announced after it
            // has an announcer that sees what this thread stored before.
            if self.head.control.cas(control, control).is_ok() {
                return control;
            }
        }
    }
}
