//! The hang rule: an acquire that is admitted looks at the watch, and an ignored result is a sign of life.

use super::{Phase, Spec};
use crate::model::{Cause, Order, Permit, State};
use crate::plan::{Ending, Op};
use crate::record::{Call, Said};

fn begins_to_count(order: Order) -> bool {
    matches!(order, Order::Reset | Order::Release | Order::ObserveOnly)
}

impl Spec {
    /// Acquires look at the watch.
    pub(super) fn watches(&self) -> bool {
        self.rules.hang.is_some() && self.counting()
    }

    /// A call that the period of that generation has admitted looks at the watch. If it trips the breaker, or finds
    /// that calls are rejected, it acts on the state that there is then.
    pub(super) fn look_at_watch(
        mut self,
        index: usize,
        now: u64,
        generation: u64,
        others: &[usize],
        said: Said,
    ) -> Vec<(Spec, Phase)> {
        let mut found = Vec::new();
        let present = generation == self.generation();
        if present && self.is_beyond(now) {
            self.roll(now);
        }
        if present {
            let mut tried = self.model.clone();
            if tried.acquire(now).is_err() {
                self.at(now, Some(Cause::Hang), |model, now| {
                    model.control(Order::Trip, now)
                });
                return vec![(self, Phase::Read(now))];
            }
            self.model = tried;
        } else if !self.counting() && self.model.state() != State::Disabled {
            found.push((self.clone(), Phase::Read(now)));
            if !others.iter().any(|other| self.may_end_the_watch(*other)) {
                return found;
            }
        }
        if said == Said::Admitted {
            let permit = Permit {
                generation,
                admitted: Some(now),
                probe: false,
                step: None,
                in_flight: false,
            };
            self.permits.push((index, permit));
            found.push((self, Phase::Done));
        }
        found
    }

    /// Whether a call that is under way may have ended the watch that an acquire looks at, after the period itself. One
    /// that is about to begin a period gives it a watch of its own before the period is seen. An ignored result may
    /// come while a hang trip is carried out, which does not know of it.
    fn may_end_the_watch(&self, call: usize) -> bool {
        match self.expected.ops[call] {
            Op::Order(order) => begins_to_count(order),
            Op::End(Ending::Ignored) if self.model.state() == State::Open => {
                self.events().last().map(|event| event.cause) == Some(Cause::Hang)
            }
            Op::End(_) => self.model.state() == State::HalfOpen,
            _ => false,
        }
    }

    /// An order is about to end this period and to begin one that counts.
    pub(super) fn may_begin(&self, call: &Call, now: u64) -> bool {
        match call.op {
            Op::Order(order) if begins_to_count(order) => {
                let mut tried = self.model.clone();
                self.watches() && tried.control(order, now.max(self.latest))
            }
            _ => false,
        }
    }

    /// A result of the present period is ignored: it looks, and then it counts, wherever the breaker is by then.
    pub(super) fn ignore(&mut self, now: u64) -> Phase {
        if self.is_beyond(now) {
            self.roll(now);
        }
        Phase::Ignoring { now }
    }
}
