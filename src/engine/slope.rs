//! The judgement of a ramp's step, as pure functions.

use crate::engine::evidence::{ONE, Weights, ln};
use crate::words::ramp::{Course, Gate, Mark, Results, Spent, Step, WHOLE};

/// The shortest step, in nanoseconds.
pub(crate) const STEP: u64 = 100_000_000;

/// The least first share.
const LEAST: u64 = WHOLE / 4;

/// Calls per second that the first share lets through, if all come as often as before.
const FIRST_CALLS: u64 = 50;

/// So many calls are enough to find a step good, or its mean too long.
const ENOUGH: u64 = 5;

/// So many calls may be out, however old the step is.
const FEW: u64 = 10;

/// How much longer than the slowest success of the round the calls may take: that many times, and that many
/// microseconds.
const LONGER: u64 = 3;
const LONGER_BY: u64 = 20_000;

/// The share with which a ramp begins at that pace.
pub(crate) fn first_share(pace: u64) -> u64 {
    let wanted = FIRST_CALLS * ONE * WHOLE / pace.max(1);
    wanted.clamp(LEAST, WHOLE)
}

/// In whole microseconds, rounded up.
pub(crate) fn micros(nanos: u64) -> u64 {
    nanos.div_ceil(1000)
}

/// The words of a step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) step: Step,
    pub(crate) gate: Gate,
    pub(crate) results: Results,
    pub(crate) spent: Spent,
    pub(crate) mark: Mark,
}

/// A step at a cut, and the rules.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ascent {
    /// Whether the ramp is on.
    pub(crate) on: bool,
    pub(crate) held: Held,
    /// Of the round, in microseconds, if that is known.
    pub(crate) slowest: Option<u64>,
    /// How long it has lasted, and what that is compared with, in nanoseconds.
    pub(crate) age: u64,
    pub(crate) patience: u64,
    /// How long a step waits for its calls.
    pub(crate) timeout: u64,
    pub(crate) pace: u64,
    pub(crate) weights: Weights,
}

impl Ascent {
    /// The next step, or the end of the ramp; `None` if the step goes on.
    pub(crate) fn judge(&self) -> Option<Step> {
        if !self.on {
            return Some(self.ends(Course::Completed));
        }
        let (admitted, ended) = (self.held.gate.admitted, self.held.results.ended);
        let out = admitted.saturating_sub(ended);
        if self.score() >= ln(4 * admitted.max(ENOUGH))
            || out >= FEW && self.age > self.patience && 2 * ended < admitted
        {
            return Some(self.cut());
        }
        let nearly_all = 10 * ended >= 9 * admitted;
        if self.age >= STEP && ended >= self.enough() && nearly_all || self.has_waited_enough() {
            return Some(self.good());
        }
        if self.is_over() {
            return Some(self.held.step.next());
        }
        // half of the time is over: what is admitted from here on is not waited for
        let marks = self.held.step.course == Course::Going && self.age >= self.time() / 2;
        marks.then(|| self.held.step.marked())
    }

    /// The score with which the next step begins.
    pub(crate) fn score_after(&self, next: Step) -> u64 {
        if next.is_fresh() { 0 } else { self.score() }
    }

    /// With overdue calls as bad ones.
    fn score(&self) -> u64 {
        let overdue = self.weights.bad * self.overdue();
        self.held.results.raised(overdue).score
    }

    /// How long the step may last.
    fn time(&self) -> u64 {
        self.timeout.max(STEP)
    }

    fn is_over(&self) -> bool {
        self.age >= self.time()
    }

    /// The calls that have had half of the step's time at least. Without a mark none has come since then, or its
    /// arrival would have made one.
    fn marked(&self) -> u64 {
        let admitted = self.held.gate.admitted;
        self.held.mark.0.map_or(admitted, |mark| mark.min(admitted))
    }

    /// So many of those have not ended, at least: which calls have ended is not known. Once the step is over.
    fn overdue(&self) -> u64 {
        if self.is_over() {
            self.marked().saturating_sub(self.held.results.ended)
        } else {
            0
        }
    }

    /// The step is over, and enough calls have been waited for; or fewer, if all of them have ended: calls may come
    /// much less often than before the outage.
    fn has_waited_enough(&self) -> bool {
        let marked = self.marked();
        self.is_over() && (marked >= self.enough() || marked > 0 && self.overdue() == 0)
    }

    /// So many calls have to end for the step to be good.
    fn enough(&self) -> u64 {
        // share * pace * 100 ms
        let units = u128::from(WHOLE) * u128::from(ONE) * 10;
        let expected = u128::from(self.held.step.share) * u128::from(self.pace) / units;
        expected.clamp(1, ENOUGH.into()) as u64
    }

    /// A queue is building up.
    fn takes_longer(&self) -> bool {
        let Some(slowest) = self.slowest else {
            return false;
        };
        let timed = self.held.results.ended;
        let most = (slowest.saturating_mul(LONGER)).saturating_add(LONGER_BY);
        timed >= ENOUGH && u128::from(self.held.spent.sum) > u128::from(timed) * u128::from(most)
    }

    fn ends(&self, course: Course) -> Step {
        Step {
            course,
            ..self.held.step
        }
    }

    fn good(&self) -> Step {
        if self.takes_longer() {
            self.cut()
        } else {
            self.grown()
        }
    }

    fn grown(&self) -> Step {
        let share = if self.held.step.slowed {
            self.held.step.share * 3 / 2
        } else {
            self.held.step.share * 3
        };
        if share >= WHOLE {
            return self.ends(Course::Completed);
        }
        Step {
            share,
            cut: false,
            ..self.held.step.next()
        }
    }

    fn cut(&self) -> Step {
        let first = first_share(self.pace);
        if self.held.step.cut || self.held.step.share <= first {
            return self.ends(Course::Failed);
        }
        let next = self.held.step.next();
        Step {
            share: (self.held.step.share / 2).max(first),
            slowed: true,
            cut: true,
            fence: next.number,
            ..next
        }
    }
}

#[cfg(test)]
mod tests;
