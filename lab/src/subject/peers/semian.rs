//! Shopify's Semian, adaptive circuit breaker: `lib/semian/adaptive_circuit_breaker.rb`,
//! `lib/semian/pid_controller.rb`, `lib/semian/simple_exponential_smoother.rb`. Once per second, the
//! error rate of the last 10 s, of at most 2,000 successes and 2,000 errors, is compared with an
//! ideal rate that is learnt (0.05 at first, never from rates above 0.1); the part of the calls to
//! reject follows by kp = 1, ki = 0.2, kd = 0, an integral within 10, and a dead zone of a quarter.
//! It rejects by chance. An answer that raises nothing, such as a 404, is a success.

use super::super::{Ended, Subject};
use crate::dice::Dice;
use crate::time::{Nanos, SECOND};
use std::collections::VecDeque;

const WINDOW: Nanos = 10 * SECOND;
const INTERVAL: Nanos = SECOND;
const MOST: usize = 2000;
const KI: f64 = 0.2;
const INTEGRAL: f64 = 10.0;
const DEAD_ZONE: f64 = 0.25;
const IDEAL: f64 = 0.05;
const LEARNT_UP_TO: f64 = 0.1;
/// So many observations are made before the estimate is trusted: 30 minutes' worth.
const TRUSTED_AFTER: u32 = 1800;

pub(in super::super) struct Semian {
    successes: VecDeque<Nanos>,
    errors: VecDeque<Nanos>,
    rejects: f64,
    integral: f64,
    ideal: f64,
    observations: u32,
    next: Nanos,
    dice: Dice,
}

impl Semian {
    pub(in super::super) fn new(dice: Dice) -> Semian {
        Semian {
            successes: VecDeque::with_capacity(MOST),
            errors: VecDeque::with_capacity(MOST),
            rejects: 0.0,
            integral: 0.0,
            ideal: IDEAL,
            observations: 0,
            next: INTERVAL,
            dice,
        }
    }

    fn learn(&mut self, rate: f64) {
        if rate > LEARNT_UP_TO {
            return;
        }
        self.observations += 1;
        let alpha = match (self.observations < TRUSTED_AFTER, rate > self.ideal) {
            (true, true) => 0.0017,
            (true, false) => 0.078,
            (false, true) => 0.0009,
            (false, false) => 0.039,
        };
        self.ideal = alpha * rate + (1.0 - alpha) * self.ideal;
    }

    fn control(&mut self, rate: f64) {
        let above = rate - self.ideal;
        let silent = above > 0.0 && above <= self.ideal * DEAD_ZONE;
        let above = if silent { 0.0 } else { above };
        let error = above - (1.0 - above) * self.rejects;
        self.integral += error;
        self.rejects = (self.rejects + error + KI * self.integral).clamp(0.0, 1.0);
        self.integral = self.integral.clamp(-INTEGRAL, INTEGRAL);
    }

    #[cfg(test)]
    pub(in super::super) fn rejects(&self) -> f64 {
        self.rejects
    }
}

impl Subject for Semian {
    type Permit = ();

    fn admit(&mut self, _: Nanos) -> Option<()> {
        (self.rejects == 0.0 || self.dice.unit() >= self.rejects).then_some(())
    }

    fn end(&mut self, now: Nanos, (): (), ended: Ended) {
        let of = if ended.outcome.is_answer() {
            &mut self.successes
        } else {
            &mut self.errors
        };
        if of.len() == MOST {
            of.pop_front();
        }
        of.push_back(now);
    }

    fn timer(&self) -> Nanos {
        self.next
    }

    fn wake(&mut self, now: Nanos) {
        self.next = now + INTERVAL;
        for times in [&mut self.successes, &mut self.errors] {
            let old = times.partition_point(|time| time + WINDOW < now);
            times.drain(..old);
        }
        let (successes, errors) = (self.successes.len() as f64, self.errors.len() as f64);
        let rate = if successes + errors > 0.0 {
            errors / (successes + errors)
        } else {
            0.0
        };
        self.learn(rate);
        self.control(rate);
    }
}
