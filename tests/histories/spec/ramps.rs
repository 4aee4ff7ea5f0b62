//! A ramp: a call takes its share of it, and ends in it; both judge the step.

use super::{Phase, Spec, decides_nothing, end, failed};
use crate::model::{Cause, Permit, State};
use crate::plan::{Ending, Op};
use crate::record::{Call, Said};

/// A call of a ramp ends, in the ramp of that generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Leaving {
    pub(super) now: u64,
    generation: u64,
    left: Left,
    asks: bool,
}

/// What is left to do. Each may find the ramp over, or another step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Left {
    /// It is counted: its duration comes next, then its result.
    Duration,
    Result,
    /// Only to judge, until nothing more follows.
    Judgement,
}

impl Spec {
    /// Whether anything follows from the step by that reading of the clock.
    fn follows(&self, now: u64) -> bool {
        self.model.clone().judge_step(None, now)
    }

    /// One that has found so judges the step, at the breaker's time.
    fn judge_step(&mut self, now: u64) {
        self.at(now, None, |model, now| model.judge_step(None, now));
    }

    /// An acquire in a ramp. It looks at what is left of the step after it has been rejected.
    pub(super) fn take_share(
        mut self,
        index: usize,
        now: u64,
        said: Said,
    ) -> Option<(Spec, Phase)> {
        if self.follows(now) {
            self.judge_step(now);
            return Some((self, Phase::Read(now)));
        }
        match (self.model.acquire(now), said) {
            (Ok(permit), Said::Admitted) => {
                self.permits.push((index, permit));
                Some((self, Phase::Done))
            }
            (Err(_), Said::Rejected(_)) => {
                self.model.withhold_rejection(State::HalfOpen);
                Some((self, Phase::Turned { now }))
            }
            _ => None,
        }
    }

    /// Whether a call that a ramp has rejected is answered so by now.
    pub(super) fn is_turned_away(&self, now: u64, said: Said) -> bool {
        matches!(said, Said::Rejected(by)
            if by.state == State::HalfOpen
                && by.cause.is_none()
                && by.retry_after == self.model.rest_of_step(now))
    }

    /// A call of the ramp under way ends, or a probe of the round before it, which is late.
    pub(super) fn end_in_ramp(&mut self, permit: Permit, ending: Ending, now: u64) -> Phase {
        end(&mut self.model, permit, ending, now);
        if permit.step.is_none() {
            return Phase::Done;
        }
        Phase::Leaving(Leaving {
            now,
            generation: self.generation(),
            left: match ending.took() {
                _ if decides_nothing(&self.rules, ending) => Left::Judgement,
                // it adds nothing to the sum
                0 => Left::Result,
                _ => Left::Duration,
            },
            asks: ending == Ending::Asking,
        })
    }

    pub(super) fn leave_ramp(mut self, leaving: Leaving, call: &Call) -> (Spec, Phase) {
        let Op::End(ending) = call.op else {
            unreachable!("only what ends leaves a ramp");
        };
        let Leaving {
            now,
            generation,
            left,
            asks,
        } = leaving;
        let goes_on = |left| Phase::Leaving(Leaving { left, ..leaving });
        let over = generation != self.generation();
        let step = self.permit(call).step.expect("it is a call of a ramp");
        let phase = match left {
            Left::Duration if !over => {
                self.model.time_in_ramp(step, ending.took());
                goes_on(Left::Result)
            }
            Left::Result if !over => {
                let limit = self.rules.slow_call.unwrap_or(u64::MAX);
                let is_bad = failed(ending) || ending.took() > limit;
                self.model.score_in_ramp(step, is_bad);
                goes_on(Left::Judgement)
            }
            Left::Judgement if !over && self.follows(now) => {
                self.judge_step(now);
                Phase::Leaving(leaving)
            }
            Left::Judgement if over && asks => {
                // it may have decided, whichever call has judged
                match self.events()[generation as usize].cause {
                    Cause::RampFailed => self.claim(now, generation + 1, self.rules.backoff.max),
                    _ => Phase::Done,
                }
            }
            _ => Phase::Done,
        };
        (self, phase)
    }

    /// A probe is about to succeed, in a round that is not decided, and would be the slowest.
    pub(super) fn may_note(&self, call: &Call) -> bool {
        let Op::End(ending @ (Ending::Success | Ending::SlowSuccess)) = call.op else {
            return false;
        };
        self.rules.half_open.ramp
            && self.rules.slow_rate.is_none()
            && self.is_in_round(call)
            && ending.took() > 0
            && self.model.is_slowest(ending.took())
    }

    /// How long it took is known from here on, though the round may be decided before it counts.
    pub(super) fn note(&mut self, call: &Call) {
        let Op::End(ending) = call.op else {
            unreachable!("only what ends has a duration");
        };
        let generation = self.permit(call).generation;
        if generation == self.generation() && self.model.state() == State::HalfOpen {
            self.model.note_probe(ending.took());
        }
    }
}
