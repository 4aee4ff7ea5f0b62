//! Transitions that somebody asks for: the controller, or an outcome that decided one.

use crate::control::{Control, Goal, Period};
use crate::core::Core;
use crate::deadline::{Deadline, Wait};
use crate::outcome::{Cause, State};
use crate::transition::permits;

impl Core {
    /// Whether anything changed.
    pub(crate) fn operate(&self, goal: Goal, wait: Wait) -> bool {
        let now = self.head.clock.nanos();
        loop {
            let c = self.control();
            if c.auditing() {
                self.finish(c, now, Wait::Backoff);
            } else if !permits(goal, c.state()) {
                return false;
            } else if self.audit(c, goal, now, wait) {
                let Wait::Exactly(lasts) = wait else {
                    return true;
                };
                if self.amend(c.period(), lasts, now) || !self.probed_before(c, lasts) {
                    return true;
                }
            }
        }
    }

    /// A round in the place of that Open, and of nothing else. Whether this call began it.
    pub(crate) fn half_open_from(&self, generation: u64) -> bool {
        let now = self.head.clock.nanos();
        loop {
            let c = self.control();
            if c.auditing() {
                self.finish(c, now, Wait::Backoff);
            } else if !self.is_open_of(c, generation) {
                return false;
            } else if self.audit(c, Goal::HalfOpen, now, Wait::Backoff) {
                return true;
            }
        }
    }

    /// Is `c` the Open of that generation, by its long count?
    pub(crate) fn is_open_of(&self, c: Control, generation: u64) -> bool {
        c.state() == State::Open && self.generation(c) == generation
    }

    /// Was the Open that followed `c` ended by a probe before `wait` was over? (Its deadline was a
    /// helper's, which did not know what the operator asked for.)
    fn probed_before(&self, c: Control, wait: u64) -> bool {
        let event = |n: u64| self.history.read(c.generation().wrapping_add(n));
        let (Some(opened), Some(probe)) = (event(1), event(2)) else {
            return false;
        };
        let asked = Deadline::after(opened.at, opened.at, wait, true);
        probe.cause == Cause::OpenElapsed && probe.at < asked.nanos(opened.at)
    }

    /// The rules in force have been replaced: where outcomes are counted, adopt them.
    #[cfg(feature = "std")]
    pub(crate) fn adopt_rules(&self) {
        let now = self.head.clock.nanos();
        loop {
            let c = self.control();
            if !c.counting() {
                return; // the next period's first audit does
            }
            if c.auditing() {
                self.finish(c, now, Wait::Backoff);
            } else if self.audit(c, Goal::Tidy, now, Wait::Backoff) {
                return;
            }
        }
    }

    /// A transition from that period, unless it has ended.
    #[cold]
    pub(crate) fn turn_from(&self, period: Period, goal: Goal, now: u64, wait: Wait) {
        loop {
            let c = self.control();
            if c.period() != period {
                return;
            }
            if c.auditing() {
                self.finish(c, now, Wait::Backoff);
            } else if self.audit(c, goal, now, wait) {
                return;
            }
        }
    }
}
