//! Transitions that somebody asks for: the controller, or an outcome that decided one.

use crate::control::{Goal, Period};
use crate::core::{Core, Deadline};
use crate::outcome::State;
use crate::tagged::Tagged;
use crate::transition::permits;

impl Core {
    /// Whether anything changed.
    pub(crate) fn operate(&self, goal: Goal, wait: Option<u64>) -> bool {
        let now = self.head.clock.nanos();
        loop {
            let c = self.control();
            if c.auditing() {
                self.finish(c, now, None);
            } else if !permits(goal, c.state()) {
                return false;
            } else if self.audit(c, goal, now, wait) {
                return true;
            }
        }
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
                self.finish(c, now, None);
            } else if self.audit(c, Goal::Tidy, now, None) {
                return;
            }
        }
    }

    /// While Open: not before `wait` from now. Whether that moved the deadline.
    pub(crate) fn postpone(&self, wait: u64) -> bool {
        let now = self.head.clock.nanos();
        let later = Deadline::after(self.ledger.era, now, wait, true);
        loop {
            let c = self.control();
            if c.auditing() {
                self.finish(c, now, None);
                continue;
            }
            if c.state() != State::Open {
                return false;
            }
            let w = Tagged(self.ledger.deadline.load());
            if !w.has(c.generation()) {
                continue;
            }
            if later.0 >> 1 <= w.payload() >> 1 {
                return false;
            }
            let next = Tagged::new(c.generation(), later.0);
            if self.ledger.deadline.cas(w.0, next.0).is_ok() {
                return true;
            }
        }
    }

    /// A transition from that period, unless it has ended.
    #[cold]
    pub(crate) fn turn_from(&self, period: Period, goal: Goal, now: u64, wait: Option<u64>) {
        loop {
            let c = self.control();
            if c.period() != period {
                return;
            }
            if c.auditing() {
                self.finish(c, now, None);
            } else if self.audit(c, goal, now, wait) {
                return;
            }
        }
    }
}
