//! Transitions that a controller requests.

use crate::engine::state::Core;
use crate::engine::transition::permits;
use crate::words::control::{Control, Goal};
use crate::words::deadline::{Deadline, Wait};
use crate::words::outcome::{Cause, State};

impl Core {
    /// Returns whether anything changed.
    pub(crate) fn operate(&self, goal: Goal, wait: Wait) -> bool {
        let now = self.head.clock.nanos();
        loop {
            // The state is that of a quiet word, and the announcement expects exactly this word:
            // what is permitted here is permitted at the announcement.
            let control = self.quiet(now);
            if !permits(goal, control.state()) {
                return false;
            } else if self.update(control, goal, now, wait) {
                let Wait::Exactly(lasts) = wait else {
                    return true;
                };
                // A helper may have carried out the trip with the backoff's wait. If a probe has
                // even ended that Open before the wait that was asked for, the trip is made again.
                if self.override_deadline(control.period(), lasts, now)
                    || !self.probed_before(control, lasts)
                {
                    return true;
                }
            }
        }
    }

    /// Makes a transition in place of that generation, if its state is such, and of nothing else. Returns whether this
    /// call made it.
    pub(crate) fn operate_in(
        &self,
        generation: u64,
        goal: Goal,
        is: impl Fn(State) -> bool,
    ) -> bool {
        let now = self.head.clock.nanos();
        loop {
            let control = self.quiet(now);
            if !is(control.state()) || self.generation(control) != generation {
                return false;
            // From exactly the word that names the generation: one that begins meanwhile is left alone.
            } else if self.update(control, goal, now, Wait::Backoff) {
                return true;
            }
        }
    }

    /// Sets an override. Returns its generation if this call has set it.
    pub(crate) fn override_by(&self, goal: Goal) -> Option<u64> {
        let now = self.head.clock.nanos();
        loop {
            let control = self.quiet(now);
            if !permits(goal, control.state()) {
                return None;
            } else if self.update(control, goal, now, Wait::Backoff) {
                // From exactly that word, so its generation follows that one's, whatever comes after it.
                return Some(self.generation(control) + 1);
            }
        }
    }

    /// Whether a probe ended the Open that followed `control` before `wait` was over. (A helper set its
    /// deadline without knowing the operator's wait.)
    fn probed_before(&self, control: Control, wait: u64) -> bool {
        let event = |n: u64| self.history.read(control.generation().number() + n);
        // Overwritten by now: transitions have followed that this operator did not ask for.
        let (Some(opened), Some(probe)) = (event(1), event(2)) else {
            return false;
        };
        let asked = Deadline::after(opened.at, opened.at, wait, true);
        probe.cause == Cause::OpenElapsed && probe.at < asked.nanos(opened.at)
    }

    /// The rules in force were replaced: adopts them where outcomes are counted.
    #[cfg(feature = "std")]
    pub(crate) fn adopt_rules(&self) {
        let now = self.head.clock.nanos();
        loop {
            let control = self.quiet(now);
            if !control.counting() {
                return; // the next period's first update does
            }
            if self.update(control, Goal::Maintain, now, Wait::Backoff) {
                return;
            }
        }
    }
}
