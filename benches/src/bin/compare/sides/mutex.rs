//! A breaker as one writes it for oneself: a mutex, and a queue of the last outcomes.

use super::{Kind, Reason, Shared, Sides};
use crate::workloads::{MIN_CALLS, OUTCOMES, PROBES, RUN, SLOW_CALL, SLOW_RATE, Settings};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tripcoil_benches::dependency;

pub(crate) const NAME: &str = "mutex";

pub(super) fn configuration() -> String {
    format!(
        "std's Mutex around a VecDeque of the last {OUTCOMES} outcomes and sums of them (outcomes \
         of 10 s would be millions), taken once before and once after the call; at least \
         {MIN_CALLS} calls, {RUN} failures in a row where the workload has that rule; open for \
         1 h, {PROBES} successes close (trip: a wait of zero)"
    )
}

pub(super) fn add(sides: &mut Sides<'_>) {
    sides.breaker(Kind::Peer, NAME, new);
}

struct Breaker {
    failure_rate: f64,
    run: Option<u32>,
    slow_call: Option<Duration>,
    open_for: Duration,
    inner: Mutex<Inner>,
}

struct Inner {
    state: State,
    outcomes: VecDeque<Outcome>,
    failures: usize,
    slow: usize,
    /// Failures since the last success.
    run: u32,
}

enum State {
    Closed,
    Open { until: Instant },
    HalfOpen { succeeded: u32 },
}

#[derive(Clone, Copy)]
struct Outcome {
    failed: bool,
    slow: bool,
}

enum Error<E> {
    Rejected,
    Inner(#[allow(dead_code, reason = "its users would read it")] E),
}

fn new(settings: &Settings) -> Result<Breaker, Reason> {
    if settings.armed {
        return Err("it has no such state: each outcome is judged at once");
    }
    Ok(Breaker {
        failure_rate: settings.rate,
        run: settings.run,
        slow_call: settings.slow.then_some(SLOW_CALL),
        open_for: settings.wait,
        inner: Mutex::new(Inner {
            state: State::Closed,
            outcomes: VecDeque::with_capacity(OUTCOMES as usize),
            failures: 0,
            slow: 0,
            run: 0,
        }),
    })
}

impl Breaker {
    fn call<T, E>(&self, f: impl FnOnce() -> Result<T, E>) -> Result<T, Error<E>> {
        if !self.lock().admits() {
            return Err(Error::Rejected);
        }
        let timed = self.slow_call.map(|limit| (Instant::now(), limit));
        let result = f();
        let outcome = Outcome {
            failed: result.is_err(),
            slow: timed.is_some_and(|(began, limit)| began.elapsed() > limit),
        };
        self.record(outcome);
        result.map_err(Error::Inner)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, outcome: Outcome) {
        let mut inner = self.lock();
        match inner.state {
            State::Open { .. } => {}
            State::HalfOpen { .. } if outcome.failed => inner.open(self.open_for),
            State::HalfOpen { succeeded } if succeeded + 1 < PROBES => {
                inner.state = State::HalfOpen {
                    succeeded: succeeded + 1,
                };
            }
            State::HalfOpen { .. } => inner.begin(State::Closed),
            State::Closed => {
                inner.push(outcome);
                if self.trips(&inner) {
                    inner.open(self.open_for);
                }
            }
        }
    }

    fn trips(&self, inner: &Inner) -> bool {
        let calls = inner.outcomes.len();
        let reached = |part: usize, rate: f64| part as f64 / calls as f64 >= rate;
        let by_rate = calls >= MIN_CALLS as usize
            && (reached(inner.failures, self.failure_rate)
                || self.slow_call.is_some() && reached(inner.slow, SLOW_RATE));
        by_rate || self.run.is_some_and(|n| inner.run >= n)
    }
}

impl Inner {
    fn admits(&mut self) -> bool {
        if let State::Open { until } = self.state {
            if Instant::now() < until {
                return false;
            }
            self.begin(State::HalfOpen { succeeded: 0 });
        }
        true
    }

    fn push(&mut self, outcome: Outcome) {
        if self.outcomes.len() == OUTCOMES as usize
            && let Some(oldest) = self.outcomes.pop_front()
        {
            self.failures -= usize::from(oldest.failed);
            self.slow -= usize::from(oldest.slow);
        }
        self.outcomes.push_back(outcome);
        self.failures += usize::from(outcome.failed);
        self.slow += usize::from(outcome.slow);
        self.run = if outcome.failed { self.run + 1 } else { 0 };
    }

    fn open(&mut self, wait: Duration) {
        self.begin(State::Open {
            until: Instant::now() + wait,
        });
    }

    fn begin(&mut self, state: State) {
        self.state = state;
        self.outcomes.clear();
        self.failures = 0;
        self.slow = 0;
        self.run = 0;
    }
}

impl Shared for Breaker {
    #[inline(always)]
    fn try_call(&self, ok: bool) -> bool {
        !matches!(self.call(|| dependency(ok)), Err(Error::Rejected))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workloads::WORKLOADS;

    fn breaker(workload: &str) -> Breaker {
        let found = WORKLOADS.iter().find(|w| w.name == workload);
        new(&found.expect("that name").settings_for(1)).unwrap_or_else(|why| panic!("{why}"))
    }

    #[test]
    fn it_opens_at_half_of_ten() {
        let b = breaker("success");
        for ok in [true, true, true, true, true, false, false, false, false] {
            assert!(b.try_call(ok));
        }
        assert!(b.try_call(false), "the tenth");
        assert!(!b.try_call(true), "it is open");
    }

    #[test]
    fn the_oldest_outcome_leaves() {
        let b = breaker("success");
        (0..60).for_each(|_| assert!(b.try_call(true)));
        (0..40).for_each(|_| assert!(b.try_call(false)));
        let inner = b.lock();
        assert_eq!((inner.outcomes.len(), inner.failures), (100, 40));
        drop(inner);
        (0..60).for_each(|_| assert!(b.try_call(true)));
        assert_eq!(b.lock().failures, 40);
        (0..40).for_each(|_| assert!(b.try_call(true)));
        assert_eq!(b.lock().failures, 0);
    }
}
