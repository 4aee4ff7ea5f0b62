//! Polly 8, `src/Polly.Core/CircuitBreaker`: `CircuitBreakerStrategyOptions.cs`,
//! `Controller/CircuitStateController.cs`, `Controller/AdvancedCircuitBehavior.cs`,
//! `Health/RollingHealthMetrics.cs`. Defaults: 10 % of at least 100 calls in 30 s (ten windows of
//! 3 s, each begun by a call), 5 s open, one call half-open. Half-open, the first result decides,
//! also that of a call from before. An outcome that is not handled counts as a success.

use super::super::{Ended, Subject};
use crate::time::{Nanos, SECOND};
use std::collections::VecDeque;

const RATIO: f64 = 0.1;
const THROUGHPUT: f64 = 100.0;
const SAMPLING: Nanos = 30 * SECOND;
const WINDOW: Nanos = 3 * SECOND;
const BREAK: Nanos = 5 * SECOND;

#[derive(Clone, Copy, PartialEq)]
enum State {
    Closed,
    Open,
    HalfOpen,
}

pub(in super::super) struct Polly {
    state: State,
    blocked_until: Nanos,
    /// When each window began, and its successes and failures.
    windows: VecDeque<(Nanos, [u32; 2])>,
    sums: [u32; 2],
}

impl Default for Polly {
    fn default() -> Self {
        Polly {
            state: State::Closed,
            blocked_until: 0,
            windows: VecDeque::new(),
            sums: [0; 2],
        }
    }
}

impl Polly {
    fn count(&mut self, now: Nanos, failed: bool) {
        if self
            .windows
            .back()
            .is_none_or(|(began, _)| now - began >= WINDOW)
        {
            self.windows.push_back((now, [0; 2]));
        }
        while let Some((began, old)) = self.windows.front()
            && now - began >= SAMPLING
        {
            for (sum, old) in self.sums.iter_mut().zip(old) {
                *sum -= old;
            }
            self.windows.pop_front();
        }
        let class = usize::from(failed);
        self.sums[class] += 1;
        if let Some((_, counts)) = self.windows.back_mut() {
            counts[class] += 1;
        }
    }

    fn breaks(&self) -> bool {
        let [successes, failures] = self.sums.map(f64::from);
        let throughput = successes + failures;
        throughput >= THROUGHPUT && failures / throughput >= RATIO
    }

    fn open(&mut self, now: Nanos) {
        self.state = State::Open;
        self.blocked_until = now + BREAK;
    }
}

impl Subject for Polly {
    type Permit = ();

    fn admit(&mut self, now: Nanos) -> Option<()> {
        match self.state {
            State::Closed => Some(()),
            State::Open if now >= self.blocked_until => {
                self.state = State::HalfOpen;
                Some(())
            }
            State::Open | State::HalfOpen => None,
        }
    }

    fn end(&mut self, now: Nanos, (): (), ended: Ended) {
        if ended.outcome.is_answer() {
            self.count(now, false);
            if self.state == State::HalfOpen {
                self.state = State::Closed;
                self.windows.clear();
                self.sums = [0; 2];
            }
            return;
        }
        match self.state {
            State::Closed => {
                self.count(now, true);
                if self.breaks() {
                    self.open(now);
                }
            }
            State::Open => self.count(now, true),
            State::HalfOpen => self.open(now),
        }
    }
}
