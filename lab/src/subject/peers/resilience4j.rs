//! resilience4j 2.x, `CircuitBreakerConfig.java` and `internal/CircuitBreakerStateMachine.java`,
//! `internal/CircuitBreakerMetrics.java`. Defaults: a count window of 100, judged once it holds 100
//! results, 50 %; 60 s open; 10 calls half-open, judged by the same rate once all are back, with no
//! limit to how long that may take. Slow calls are those beyond 60 s, which no client here waits for.
//! A result goes to the state of its moment, whenever the call began. An ignored error gives its
//! permission back.

use super::super::{Ended, Outcome, Subject};
use crate::time::{Nanos, SECOND};
use std::collections::VecDeque;

const WINDOW: usize = 100;
const WAIT: Nanos = 60 * SECOND;
const PERMITTED: usize = 10;

/// The last results, and how many of them failed.
#[derive(Default)]
struct Ring {
    failed: VecDeque<bool>,
    failures: usize,
}

impl Ring {
    /// Returns whether half or more of the last `size` failed; nothing before there are as many.
    fn record(&mut self, failed: bool, size: usize) -> Option<bool> {
        if self.failed.len() == size && self.failed.pop_front() == Some(true) {
            self.failures -= 1;
        }
        self.failed.push_back(failed);
        self.failures += usize::from(failed);
        (self.failed.len() == size).then_some(self.failures * 2 >= size)
    }
}

enum State {
    Closed(Ring),
    Open { until: Nanos },
    HalfOpen { permitted: usize, ring: Ring },
}

pub(in super::super) struct Resilience4j(State);

impl Default for Resilience4j {
    fn default() -> Self {
        Resilience4j(State::Closed(Ring::default()))
    }
}

impl Subject for Resilience4j {
    type Permit = ();

    fn admit(&mut self, now: Nanos) -> Option<()> {
        if let State::Open { until } = self.0
            && now > until
        {
            self.0 = State::HalfOpen {
                permitted: PERMITTED,
                ring: Ring::default(),
            };
        }
        match &mut self.0 {
            State::Closed(_) => Some(()),
            State::Open { .. } => None,
            State::HalfOpen { permitted, .. } => {
                *permitted = permitted.checked_sub(1)?;
                Some(())
            }
        }
    }

    fn end(&mut self, now: Nanos, (): (), ended: Ended) {
        let failed = !ended.outcome.is_answer();
        let decided = match &mut self.0 {
            State::HalfOpen { permitted, .. } if ended.outcome == Outcome::Ignored => {
                *permitted += 1;
                None
            }
            _ if ended.outcome == Outcome::Ignored => None,
            State::Closed(ring) => ring.record(failed, WINDOW).filter(|above| *above),
            State::Open { .. } => None,
            State::HalfOpen { ring, .. } => ring.record(failed, PERMITTED),
        };
        match decided {
            Some(true) => self.0 = State::Open { until: now + WAIT },
            Some(false) => self.0 = State::Closed(Ring::default()),
            None => {}
        }
    }
}
