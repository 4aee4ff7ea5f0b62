//! A round's probes: what puts its end off, and what decides it.

use super::{Decided, Phase, Progress, Spec, decides_nothing, end};
use crate::model::{Cause, Permit, State, whole_ms};
use crate::plan::{Ending, Op};
use crate::record::{Call, Said};

impl Spec {
    /// A probe is about to be admitted, or to end with a result, and later than any before it.
    pub(super) fn may_raise(&self, call: &Call, now: u64) -> bool {
        match call.op {
            Op::Acquire => {
                let room = self.model.has_room() && self.decided.is_none();
                now > self.admitted && (room || self.is_due(now))
            }
            Op::End(ending) if decides_nothing(&self.rules, ending) => false,
            Op::End(_) => now > self.heard && self.is_in_round(call),
            _ => false,
        }
    }

    /// A probe ends in its round, which is not decided.
    pub(super) fn is_in_round(&self, call: &Call) -> bool {
        self.permit(call).generation == self.generation()
            && self.model.state() == State::HalfOpen
            && !self.model.ramps()
            && self.decided.is_none()
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

    pub(super) fn progress(&self) -> Progress {
        let (_, round) = self.model.round_so_far();
        (self.generation(), self.permits.len(), round)
    }

    /// Has an acquire with that reading found the probes timed out?
    pub(super) fn expired(&self, said: Said, now: u64) -> Option<(Spec, Phase)> {
        let ends = matches!(said, Said::Rejected(by)
            if by.cause == Some(Cause::ProbeTimeout) || by.state == State::HalfOpen);
        let waits = self.model.state() == State::HalfOpen
            && self.decided.is_none()
            && !self.model.has_room();
        let mut tried = self.model.clone();
        let over = ends && waits && {
            let _ = tried.acquire(now);
            tried.state() == State::Open
        };
        over.then(|| {
            let (latest, _) = self.model.round_so_far();
            let round = self.progress();
            (self.clone(), Phase::Expired { now, latest, round })
        })
    }

    /// After it had looked at the round, the timeout was put off beyond its reading.
    pub(super) fn is_put_off(&self, now: u64) -> bool {
        let timeout = self.rules.half_open.probe_timeout;
        let timeout = timeout.expect("these rules name it");
        now < whole_ms(self.admitted.saturating_add(timeout))
    }

    /// A probe ends, in its own round. Whether that decides it goes by its own reading.
    /// `beside`: the calls that are under way.
    pub(super) fn probed(
        &mut self,
        permit: Permit,
        ending: Ending,
        now: u64,
        beside: &[usize],
    ) -> Phase {
        let mut tried = self.model.clone();
        end(&mut tried, permit, ending, now);
        if !decides_nothing(&self.rules, ending) {
            self.heard = self.heard.max(now);
        }
        if tried.events().len() as u64 == self.generation() && !tried.ramps() {
            self.model = tried;
            return Phase::Done;
        }
        let before = self.latest;
        self.date(now);
        self.decided = Some(Decided {
            permit,
            ending,
            before,
            beside: beside.to_vec(),
        });
        Phase::Decided {
            now,
            generation: self.generation(),
            asks: ending == Ending::Asking,
        }
    }
}
