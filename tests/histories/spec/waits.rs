//! The end of Open: a wait that was asked for, and is set by itself after the breaker has opened; and
//! the round that begins when it has come.

use super::{Landed, Phase, Spec};
use crate::model::{Cause, Order, RULES, State, Window, whole_ms};

impl Spec {
    /// The wait that was asked for by whoever opened the breaker, or had a part in it. None of those
    /// asked for here is shorter than the backoff's, and none takes back what another has put off.
    pub(super) fn claim(&mut self, now: u64, generation: u64, wait: u64) -> Phase {
        if self.generation() == generation {
            let opened = self.model.events()[generation as usize - 1].at;
            self.model.control(Order::Postpone(wait), opened);
        }
        Phase::Moved { now, generation }
    }

    /// Was that Open ended by a probe before the wait that was asked for?
    pub(super) fn probed_before(&self, generation: u64, wait: u64) -> bool {
        let events = self.events();
        let opened = events[generation as usize - 1].at;
        events.get(generation as usize).is_some_and(|probe| {
            probe.cause == Cause::OpenElapsed && probe.at < whole_ms(opened + wait)
        })
    }

    /// Whether the event of that generation may be out of the history, which keeps four: the fourth one after it is
    /// written before it is announced. An operator that finds it gone leaves what others have done since then.
    pub(super) fn may_have_lost(&self, generation: u64) -> bool {
        self.generation() >= generation + 3
    }

    /// Stands for the control word: a round begins from the one with which Open was found over.
    pub(super) fn version(&self) -> u64 {
        self.generation() + self.renewed
    }

    pub(super) fn is_due(&self, now: u64) -> bool {
        let until = self.model.turning_point(now);
        self.model.state() == State::Open && until.is_some_and(|until| now >= until)
    }

    /// The first probe of a round, whatever the end of Open is by now.
    pub(super) fn begin_round(&mut self, index: usize, now: u64) {
        let admitted = now.max(self.admitted);
        let permit = self.at(now, Some(Cause::OpenElapsed), |model, now| {
            model.control(Order::HalfOpen, now);
            model.acquire(admitted)
        });
        self.admit(index, permit.expect("a fresh round has room"), now);
    }

    /// Its period has ended by a rule, and it may have had a part in that.
    pub(super) fn may_claim(&self, landed: Landed) -> bool {
        let by_rule = || RULES.contains(&self.events()[landed.generation as usize].cause);
        let by_time = matches!(self.window, Window::Time { .. });
        landed.asks
            && self.generation() == landed.generation + 1
            && (by_time || self.must_claim(landed))
            && by_rule()
    }

    pub(super) fn must_claim(&self, landed: Landed) -> bool {
        landed.owes || landed.by_run || landed.by_count.is_some() && landed.first
    }
}
