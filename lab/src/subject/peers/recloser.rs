//! The crate recloser 1.4.0, `src/recloser.rs` and `src/ring_buffer.rs`: it reads
//! `std::time::Instant::now`, so it is modelled. Defaults: a ring of 100, judged by each result
//! after it is full, 50 %; 30 s open; half-open all calls are admitted, and the results after the
//! first 10 decide. A result goes to the state of its moment. An error that its predicate does not
//! count is a success.

use super::super::{Ended, Subject};
use crate::time::{Nanos, SECOND};
use std::collections::VecDeque;

const CLOSED: usize = 100;
const HALF_OPEN: usize = 10;
const THRESHOLD: f32 = 0.5;
const WAIT: Nanos = 30 * SECOND;

#[derive(Default)]
struct Ring {
    failed: VecDeque<bool>,
    failures: usize,
}

impl Ring {
    /// Returns the rate of failures, if the ring was full before.
    fn record(&mut self, failed: bool, size: usize) -> Option<f32> {
        let full = self.failed.len() == size;
        if full && self.failed.pop_front() == Some(true) {
            self.failures -= 1;
        }
        self.failed.push_back(failed);
        self.failures += usize::from(failed);
        full.then_some(self.failures as f32 / size as f32)
    }
}

enum State {
    Closed(Ring),
    Open { until: Nanos },
    HalfOpen(Ring),
}

pub(in super::super) struct Recloser(State);

impl Default for Recloser {
    fn default() -> Self {
        Recloser(State::Closed(Ring::default()))
    }
}

impl Subject for Recloser {
    type Permit = ();

    fn admit(&mut self, now: Nanos) -> Option<()> {
        if let State::Open { until } = self.0 {
            if now <= until {
                return None;
            }
            self.0 = State::HalfOpen(Ring::default());
        }
        Some(())
    }

    fn end(&mut self, now: Nanos, (): (), ended: Ended) {
        let failed = !ended.outcome.is_answer();
        let open = State::Open { until: now + WAIT };
        match &mut self.0 {
            State::Closed(ring) => {
                if ring
                    .record(failed, CLOSED)
                    .is_some_and(|rate| rate >= THRESHOLD)
                {
                    self.0 = open;
                }
            }
            State::Open { .. } => {}
            // a success may close, and a failure may open; at exactly half, either does
            State::HalfOpen(ring) => match ring.record(failed, HALF_OPEN) {
                Some(rate) if failed && rate >= THRESHOLD => self.0 = open,
                Some(rate) if !failed && rate <= THRESHOLD => {
                    self.0 = State::Closed(Ring::default())
                }
                _ => {}
            },
        }
    }
}
