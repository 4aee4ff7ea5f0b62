//! One opening: whether to drive it, and what follows from an answer.
//!
//! All times are by the breaker's clock, counted from the start of the opening, so that one
//! snapshot has them all. A snapshot no longer has the end once it has passed; the last known end
//! is used then.

use crate::integrations::health::recovery::Recovery;
use crate::{Cause, Controller, Observer, State};
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Opening {
    generation: u64,
    /// From its beginning to its end, as last seen.
    length: Duration,
    /// By how much unhealthy answers have extended it.
    moved: Duration,
    /// Healthy answers in a row.
    healthy: u32,
    /// Whether they started the round.
    begun: bool,
    /// How many rounds that healthy answers started have failed since the breaker was last closed.
    in_vain: u32,
}

impl Opening {
    /// Returns the current opening, unless the operator made it. `last` is the one that was driven
    /// before.
    pub(super) fn ours(observer: &Observer, last: Option<&Opening>) -> Option<Opening> {
        loop {
            let seen = observer.snapshot();
            if seen.state != State::Open {
                return None;
            }
            let history = observer.history();
            let event = history.iter().find(|t| t.generation == seen.generation);
            let by_operator = match event {
                Some(event) => event.cause == Cause::Manual,
                // an event is kept for as long as its generation lasts: this one has none, since the
                // breaker was built so, or restored
                None if observer.snapshot().generation == seen.generation => false,
                // the breaker has gone on, and so far that it is no longer kept
                None => continue,
            };
            let in_vain = match (event, last) {
                // a round has failed
                (Some(event), Some(last)) if event.from == State::HalfOpen => {
                    let its_own = last.begun && last.generation + 2 == seen.generation;
                    last.in_vain + u32::from(its_own)
                }
                _ => 0,
            };
            return (!by_operator).then_some(Opening {
                generation: seen.generation,
                length: seen.time_in_state + seen.retry_after.unwrap_or_default(),
                moved: Duration::ZERO,
                healthy: 0,
                begun: false,
                in_vain,
            });
        }
    }

    /// Returns how long it has lasted; `None` if it is over.
    pub(super) fn look(&mut self, observer: &Observer) -> Option<Duration> {
        let seen = observer.snapshot();
        if seen.generation != self.generation {
            return None;
        }
        let lasted = seen.time_in_state;
        self.length = match seen.retry_after {
            Some(rest) if !rest.is_zero() => lasted + rest,
            _ => self.length.min(lasted),
        };
        Some(lasted)
    }

    pub(super) fn answered(
        &mut self,
        healthy: bool,
        recovery: &Recovery,
        controller: &Controller,
        observer: &Observer,
    ) {
        let Some(lasted) = self.look(observer) else {
            return;
        };
        if !healthy {
            self.healthy = 0;
            self.put_off(lasted, recovery, controller, observer);
            return;
        }
        self.healthy = self.healthy.saturating_add(1);
        let doublings = 1_u32.checked_shl(self.in_vain).unwrap_or(u32::MAX);
        let needed = recovery.healthy.max(1).saturating_mul(doublings);
        if self.healthy >= needed && lasted >= recovery.at_least {
            self.begun = controller.half_open_from(self.generation);
        }
    }

    /// Extends the wait until the next answer, within the limit.
    fn put_off(
        &mut self,
        lasted: Duration,
        recovery: &Recovery,
        controller: &Controller,
        observer: &Observer,
    ) {
        let before = self.length;
        let next = recovery.every.saturating_add(recovery.timeout);
        let left = recovery.postpone_at_most.saturating_sub(self.moved);
        let end = lasted.saturating_add(next).min(before.saturating_add(left));
        // Only later, and not up to now what has passed. `postpone_in` reads the clock again, and
        // rounds up: asked for the end as it is, it would creep on beyond the bound.
        if end > before.max(lasted)
            && controller.postpone_in(self.generation, end - lasted)
            && self.look(observer).is_some()
        {
            self.moved += self.length.saturating_sub(before);
        }
    }
}
