//! A phi-accrual failure detector on the gaps between successes, with five failures in a row beside
//! it, since it is blind to fast failures. Hayashibara et al., "The phi accrual failure detector"
//! (2004); the approximation of phi, its threshold of 8, the least deviation of 100 ms and the 1,000
//! samples are Akka's (`PhiAccrualFailureDetector.scala`). No library joins the two: 1 s open and
//! one probe are our choice. An ignored outcome is a sign of life.

use super::super::{Ended, Subject};
use crate::time::{Nanos, SECOND, in_seconds};
use std::collections::VecDeque;

const SAMPLES: usize = 1000;
const LEAST_DEVIATION: f64 = 0.1;
/// phi > 8.
const TAIL: f64 = 1e-8;
const IN_A_ROW: u32 = 5;
const OPEN: Nanos = SECOND;

#[derive(Clone, Copy, PartialEq)]
enum State {
    Closed,
    Open {
        until: Nanos,
    },
    /// With its probe under way.
    HalfOpen,
}

pub(in super::super) struct Phi {
    gaps: VecDeque<f64>,
    sum: f64,
    squares: f64,
    last: Option<Nanos>,
    state: State,
    generation: u64,
    in_a_row: u32,
}

impl Default for Phi {
    fn default() -> Self {
        Phi {
            gaps: VecDeque::with_capacity(SAMPLES),
            sum: 0.0,
            squares: 0.0,
            last: None,
            state: State::Closed,
            generation: 0,
            in_a_row: 0,
        }
    }
}

impl Phi {
    fn become_state(&mut self, state: State) {
        self.state = state;
        self.generation += 1;
        self.in_a_row = 0;
    }

    fn suspects(&self, now: Nanos) -> bool {
        let (Some(last), false) = (self.last, self.gaps.is_empty()) else {
            return false;
        };
        let samples = self.gaps.len() as f64;
        let mean = self.sum / samples;
        let waited = in_seconds(now - last) - mean;
        // below that phi is small, whatever the deviation
        if waited < LEAST_DEVIATION {
            return false;
        }
        let variance = (self.squares / samples - mean * mean).max(0.0);
        let y = waited / variance.sqrt().max(LEAST_DEVIATION);
        let tail = libm::exp(-y * (1.5976 + 0.070_566 * y * y));
        tail / (1.0 + tail) < TAIL
    }

    fn sign_of_life(&mut self, now: Nanos) {
        if let (Some(last), State::Closed) = (self.last, self.state) {
            let gap = in_seconds(now - last);
            if self.gaps.len() == SAMPLES
                && let Some(old) = self.gaps.pop_front()
            {
                self.sum -= old;
                self.squares -= old * old;
            }
            self.gaps.push_back(gap);
            self.sum += gap;
            self.squares += gap * gap;
        }
        self.last = Some(now);
    }
}

impl Subject for Phi {
    type Permit = u64;

    fn admit(&mut self, now: Nanos) -> Option<u64> {
        match self.state {
            State::Closed if self.suspects(now) => {
                self.become_state(State::Open { until: now + OPEN });
                return None;
            }
            State::Closed => {}
            State::Open { until } if now >= until => self.become_state(State::HalfOpen),
            State::Open { .. } | State::HalfOpen => return None,
        }
        Some(self.generation)
    }

    fn end(&mut self, now: Nanos, permit: u64, ended: Ended) {
        if ended.outcome.is_answer() {
            self.sign_of_life(now);
        }
        if permit != self.generation {
            return;
        }
        let open = State::Open { until: now + OPEN };
        match (self.state, ended.outcome.is_answer()) {
            (State::Closed, true) => self.in_a_row = 0,
            (State::Closed, false) => {
                self.in_a_row += 1;
                if self.in_a_row >= IN_A_ROW {
                    self.become_state(open);
                }
            }
            (State::HalfOpen, true) => self.become_state(State::Closed),
            (State::HalfOpen, false) => self.become_state(open),
            (State::Open { .. }, _) => {}
        }
    }
}
