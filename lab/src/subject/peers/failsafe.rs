//! The crate failsafe 1.3.0, `src/state_machine.rs`, `src/failure_policy.rs`, `src/ema.rs`,
//! `src/backoff.rs`: outside of its own tests it reads `std::time::Instant::now`, so it is modelled.
//! Defaults: a success rate below 0.8 (a moving average over 30 s, judged once the policy is as old
//! as that, with at least 5 calls in 30 s) or 5 failures in a row; each policy with waits of its own,
//! 10 s doubled up to 300 s, of which the second half is drawn, in whole seconds. Half-open all calls
//! are admitted, and the first result decides. An error that its predicate does not count is a
//! success.

use super::super::rolling::Rolling;
use super::super::{Ended, Subject};
use crate::dice::Dice;
use crate::time::{MILLISECOND, Nanos, SECOND, in_seconds};

const WANTED: f64 = 0.8;
const WINDOW: Nanos = 30 * SECOND;
const SLICES: usize = 5;
const CALLS: f64 = 5.0;
const IN_A_ROW: u32 = 5;
const WAIT: u64 = 10;
const LONGEST_WAIT: u64 = 300;
const MOST_DOUBLED: u32 = 30;

#[derive(Clone, Copy, PartialEq)]
enum State {
    Closed,
    Open { until: Nanos, wait: Nanos },
    HalfOpen { wait: Nanos },
}

/// The moving average of successes.
#[derive(Default)]
struct Average {
    value: f64,
    updated: Nanos,
}

pub(in super::super) struct Failsafe {
    state: State,
    /// When the policies were made, or revived.
    since: Nanos,
    average: Average,
    calls: Rolling<1>,
    rate_waits: u32,
    in_a_row: u32,
    run_waits: u32,
    dice: Dice,
}

impl Failsafe {
    pub(in super::super) fn new(dice: Dice) -> Failsafe {
        Failsafe {
            state: State::Closed,
            since: 0,
            average: Average::default(),
            calls: Rolling::new(SLICES, WINDOW / SLICES as u64),
            rate_waits: 0,
            in_a_row: 0,
            run_waits: 0,
            dice,
        }
    }

    fn success(&mut self, now: Nanos) {
        self.observe(now, 1.0);
        self.in_a_row = 0;
    }

    /// Returns the wait that the policies ask for.
    fn failure(&mut self, now: Nanos) -> Option<Nanos> {
        self.observe(now, 0.0);
        let [calls] = self.calls.sums();
        let rate = now - self.since >= WINDOW && self.average.value < WANTED && calls >= CALLS;
        let by_rate = rate.then(|| wait(&mut self.rate_waits, &mut self.dice));
        self.in_a_row += 1;
        let run = self.in_a_row >= IN_A_ROW;
        let by_run = run.then(|| wait(&mut self.run_waits, &mut self.dice));
        by_rate.max(by_run)
    }

    fn observe(&mut self, now: Nanos, value: f64) {
        self.calls.add(now, 0);
        // it counts in whole milliseconds
        let at = (now - self.since) / MILLISECOND * MILLISECOND;
        let average = &mut self.average;
        if average.updated == 0 {
            average.value = value;
        } else {
            let age = in_seconds(at - average.updated) / in_seconds(WINDOW);
            let weight = libm::exp(-age);
            average.value = value * (1.0 - weight) + average.value * weight;
        }
        average.updated = at;
    }

    fn revive(&mut self, now: Nanos) {
        self.state = State::Closed;
        self.since = now;
        self.average = Average::default();
        self.calls.roll(now);
        self.calls.clear();
        (self.rate_waits, self.run_waits, self.in_a_row) = (0, 0, 0);
    }

    fn open(&mut self, now: Nanos, wait: Nanos) {
        self.state = State::Open {
            until: now + wait,
            wait,
        };
    }
}

fn wait(doubled: &mut u32, dice: &mut Dice) -> Nanos {
    let half = ((1 << *doubled) * WAIT).min(LONGEST_WAIT) / 2;
    *doubled = (*doubled + 1).min(MOST_DOUBLED);
    (half + dice.bits() % (half + 1)) * SECOND
}

impl Subject for Failsafe {
    type Permit = ();

    fn admit(&mut self, now: Nanos) -> Option<()> {
        if let State::Open { until, wait } = self.state {
            if now <= until {
                return None;
            }
            self.state = State::HalfOpen { wait };
        }
        Some(())
    }

    fn end(&mut self, now: Nanos, (): (), ended: Ended) {
        if ended.outcome.is_answer() {
            if matches!(self.state, State::HalfOpen { .. }) {
                self.revive(now);
            }
            return self.success(now);
        }
        match self.state {
            State::Closed => {
                if let Some(wait) = self.failure(now) {
                    self.open(now, wait);
                }
            }
            State::HalfOpen { wait } => {
                let wait = self.failure(now).unwrap_or(wait);
                self.open(now, wait);
            }
            State::Open { .. } => {}
        }
    }
}
