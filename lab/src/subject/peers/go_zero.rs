//! go-zero 1.8, `core/breaker/googlebreaker.go`, `core/breaker/bucket.go`,
//! `core/collection/rollingwindow.go`: 10 s in 40 buckets; K from 1.5 down to 1.1 with the number
//! of buckets in a row that only failed; 5 calls are free; a pass per second is forced; and fewer are
//! dropped, the more buckets in a row only succeeded. `Acceptable` counts an ignored outcome as a
//! success.

use super::super::rolling::Rolling;
use super::super::{Ended, Subject};
use crate::dice::Dice;
use crate::time::{MILLISECOND, Nanos, SECOND};

const BUCKETS: usize = 40;
const WIDTH: Nanos = 250 * MILLISECOND;
const K: f64 = 1.5;
const MIN_K: f64 = 1.1;
const PROTECTION: f64 = 5.0;
const FORCE_PASS: Nanos = SECOND;

const SUCCESS: usize = 0;
const FAILURE: usize = 1;
const DROP: usize = 2;

pub(in super::super) struct GoZero {
    window: Rolling<3>,
    last_pass: Option<Nanos>,
    dice: Dice,
    /// Whether a bucket's kind has changed since the two counts were made.
    changed: bool,
    failing: f64,
    working: f64,
}

impl GoZero {
    pub(in super::super) fn new(dice: Dice) -> GoZero {
        GoZero {
            window: Rolling::new(BUCKETS, WIDTH),
            last_pass: None,
            dice,
            changed: false,
            failing: 0.0,
            working: 0.0,
        }
    }

    fn count_buckets(&mut self) {
        (self.failing, self.working) = (0.0, 0.0);
        for [successes, failures, _] in self.window.in_order() {
            if *failures > 0 {
                self.working = 0.0;
            } else if *successes > 0 {
                self.working += 1.0;
            }
            if *successes > 0 {
                self.failing = 0.0;
            } else if *failures > 0 {
                self.failing += 1.0;
            }
        }
        self.changed = false;
    }
}

impl Subject for GoZero {
    type Permit = ();

    fn admit(&mut self, now: Nanos) -> Option<()> {
        if self.window.roll(now) || self.changed {
            self.count_buckets();
        }
        let [accepts, failures, drops] = self.window.sums();
        let total = accepts + failures + drops;
        let k = (K - (K - MIN_K) * self.failing / BUCKETS as f64).max(MIN_K);
        let drop = (total - PROTECTION - k * accepts) / (total + 1.0);
        if drop <= 0.0 {
            return Some(());
        }
        if self.last_pass.is_some_and(|last| now - last > FORCE_PASS) {
            self.last_pass = Some(now);
            return Some(());
        }
        if self.dice.unit() < drop * (BUCKETS as f64 - self.working) / BUCKETS as f64 {
            self.window.add(now, DROP);
            return None;
        }
        self.last_pass = Some(now);
        Some(())
    }

    fn end(&mut self, now: Nanos, (): (), ended: Ended) {
        let class = if ended.outcome.is_answer() {
            SUCCESS
        } else {
            FAILURE
        };
        self.changed |= self.window.roll(now);
        self.changed |= self.window.add(now, class);
    }
}
