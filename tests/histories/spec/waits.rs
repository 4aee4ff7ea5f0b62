//! A wait that was asked for, and is set by itself after the breaker has opened.

use super::{Landed, Spec};
use crate::model::{Cause, Order, RULES, Window, whole_ms};

impl Spec {
    /// The wait that was asked for by whoever opened the breaker, or had a part in it. None of those
    /// asked for here is shorter than the backoff's, and none takes back what another has put off.
    pub(super) fn claim(&mut self, generation: u64, wait: u64) {
        if self.generation() == generation {
            let opened = self.model.events()[generation as usize - 1].at;
            self.model.control(Order::Postpone(wait), opened);
        }
    }

    /// Was that Open ended by a probe before the wait that was asked for?
    pub(super) fn probed_before(&self, generation: u64, wait: u64) -> bool {
        let events = self.model.events();
        let opened = events[generation as usize - 1].at;
        events.get(generation as usize).is_some_and(|probe| {
            probe.cause == Cause::OpenElapsed && probe.at < whole_ms(opened + wait)
        })
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
