//! A round's probes: what puts its end off, and what decides it.

use super::{Decided, Phase, Spec, end};
use crate::model::{Permit, State};
use crate::plan::{Ending, Op};
use crate::record::Call;

impl Spec {
    /// A probe is about to be admitted, or to end with a result, and later than any before it.
    pub(super) fn may_raise(&self, call: &Call, now: u64) -> bool {
        match call.op {
            Op::Acquire => {
                let room = self.model.has_room() && self.decided.is_none();
                now > self.admitted && (room || self.is_due(now))
            }
            Op::End(Ending::Ignored | Ending::Dropped) => false,
            Op::End(_) => {
                let mine = self.permit(call).generation == self.generation();
                now > self.heard
                    && mine
                    && self.model.state() == State::HalfOpen
                    && self.decided.is_none()
            }
            _ => false,
        }
    }

    pub(super) fn raise(&mut self, call: &Call, now: u64) {
        let acquires = call.op == Op::Acquire;
        let latest = if acquires {
            &mut self.admitted
        } else {
            &mut self.heard
        };
        *latest = now.max(*latest);
        if self.model.state() == State::HalfOpen && self.decided.is_none() {
            if acquires {
                self.model.expect_probe(now);
            } else {
                self.model.hear(now);
            }
        }
    }

    /// A probe ends, in its own round. Whether that decides it goes by its own reading.
    pub(super) fn probed(&mut self, permit: Permit, ending: Ending, now: u64) -> Phase {
        let mut tried = self.model.clone();
        end(&mut tried, permit, ending, now);
        if !matches!(ending, Ending::Ignored | Ending::Dropped) {
            self.heard = self.heard.max(now);
        }
        if tried.events().len() as u64 == self.generation() {
            self.model = tried;
            return Phase::Done;
        }
        self.date(now);
        self.decided = Some(Decided { permit, ending });
        Phase::Decided {
            now,
            generation: self.generation(),
            asks: ending == Ending::Asking,
        }
    }
}
