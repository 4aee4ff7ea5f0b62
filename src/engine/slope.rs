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
mod tests {
    use super::*;
    use crate::config::settings::Outage;

    const MS: u64 = 1_000_000;

    /// At 1,000 calls per second, in the second step: so many were admitted, and so many of them have ended.
    fn held(admitted: u64, ended: u64) -> Held {
        let first = Step::first(first_share(1000 * ONE));
        Held {
            step: Step {
                share: 3 * first.share,
                ..first.next()
            },
            gate: Gate {
                admitted,
                ..Gate::default()
            },
            results: Results {
                ended,
                ..Results::default()
            },
            spent: Spent::default(),
            mark: Mark::default(),
        }
    }

    /// Old enough to be good.
    fn at(age: u64, held: Held) -> Ascent {
        Ascent {
            on: true,
            held,
            slowest: None,
            age,
            patience: 300 * MS,
            timeout: 5_000 * MS,
            pace: 1000 * ONE,
            weights: Weights::of(Outage::default()),
        }
    }

    fn course(ascent: Ascent) -> Option<Course> {
        ascent.judge().map(|step| step.course)
    }

    fn is_cut(ascent: Ascent) -> bool {
        ascent.judge().is_some_and(|step| step.cut)
    }

    /// The score of ten bad calls.
    fn hit(held: Held) -> Held {
        Held {
            results: held.results.raised(10 * ONE),
            ..held
        }
    }

    #[test]
    fn the_first_share_is_a_quarter_or_fifty_calls_per_second() {
        assert_eq!(first_share(1000 * ONE), WHOLE / 4);
        assert_eq!(first_share(100 * ONE), WHOLE / 2);
        assert_eq!(first_share(50 * ONE), WHOLE);
        assert_eq!(first_share(0), WHOLE);
    }

    #[test]
    fn a_step_is_good_once_it_is_old_enough_and_nearly_all_calls_are_back() {
        let completed = Some(Course::Completed);
        assert_eq!(course(at(STEP, held(20, 20))), completed);
        assert_eq!(course(at(STEP, held(20, 18))), completed);
        assert_eq!(course(at(STEP, held(20, 17))), None);
        assert_eq!(course(at(STEP - 1, held(20, 20))), None);
        // five are enough, and four are not
        assert_eq!(course(at(STEP, held(5, 5))), completed);
        assert_eq!(course(at(STEP, held(4, 4))), None);
    }

    #[test]
    fn after_a_cut_the_share_is_halved_and_grows_by_half() {
        let hit_step = at(STEP, hit(held(20, 20)));
        let Some(cut) = hit_step.judge() else {
            unreachable!("the score is beyond ln 80")
        };
        assert_eq!(cut.share, 3 * WHOLE / 8);
        assert!(cut.slowed && cut.cut && cut.is_fresh());
        assert_eq!(hit_step.score_after(cut), 0);
        let after = |held: Held| at(STEP, Held { step: cut, ..held });
        assert_eq!(course(after(hit(held(20, 20)))), Some(Course::Failed));
        let Some(grown) = after(held(20, 20)).judge() else {
            unreachable!("a good step")
        };
        assert_eq!(
            (grown.share, grown.cut, grown.fence),
            (9 * WHOLE / 16, false, cut.fence)
        );
    }

    #[test]
    fn a_cut_at_the_first_share_reopens() {
        let first = Held {
            step: Step::first(WHOLE / 4),
            ..hit(held(20, 20))
        };
        assert_eq!(course(at(STEP, first)), Some(Course::Failed));
    }

    #[test]
    fn calls_that_hang_cut_the_step() {
        assert!(is_cut(at(301 * MS, held(10, 0))));
        assert_eq!(course(at(300 * MS, held(10, 0))), None);
        assert_eq!(course(at(301 * MS, held(9, 0))), None);
    }

    #[test]
    fn calls_that_take_much_longer_than_the_probes_cut_the_step() {
        let lasted = |sum| Ascent {
            slowest: Some(10_000),
            ..at(
                STEP,
                Held {
                    spent: Spent { sum, turn: false },
                    ..held(20, 20)
                },
            )
        };
        assert_eq!(course(lasted(20 * 50_000)), Some(Course::Completed));
        assert!(is_cut(lasted(20 * 50_000 + 1)));
    }

    /// At the end of its time, with that mark.
    fn old(admitted: u64, ended: u64, mark: Option<u64>) -> Ascent {
        let held = held(admitted, ended);
        at(
            5_000 * MS,
            Held {
                mark: Mark(mark),
                ..held
            },
        )
    }

    #[test]
    fn what_is_out_for_too_long_is_bad_and_the_step_begins_anew() {
        // two of two leaked: too few for a good step
        let two = old(2, 0, None);
        let Some(again) = two.judge() else {
            unreachable!("it is over")
        };
        assert_eq!((again.share, again.cut), (two.held.step.share, false));
        assert_eq!(two.score_after(again), 2 * two.weights.bad);
        assert!(is_cut(old(9, 0, None)));
        // one of ten leaked: a good step, and the score goes on
        let one = old(10, 9, None);
        assert_eq!(course(one), Some(Course::Completed));
        assert_eq!(one.score_after(one.held.step.next()), one.weights.bad);
        assert_eq!(course(old(0, 0, None)), Some(Course::Going));
    }

    /// A dependency that takes long is not taken for one that leaks: its calls overlap.
    #[test]
    fn what_was_admitted_in_the_second_half_is_not_waited_for() {
        let half = at(2_500 * MS, held(100, 50));
        assert_eq!(half.judge(), Some(half.held.step.marked()));
        assert_eq!(at(2_499 * MS, held(100, 50)).judge(), None);
        let marked = Held {
            step: half.held.step.marked(),
            mark: Mark(Some(100)),
            ..held(190, 140)
        };
        assert_eq!(at(4_999 * MS, marked).judge(), None);
        assert_eq!(course(old(200, 150, Some(100))), Some(Course::Completed));
        assert!(is_cut(old(200, 80, Some(100))));
        // a call that was cancelled since then is taken off what is waited for
        assert_eq!(course(old(50, 50, Some(100))), Some(Course::Completed));
        // few had come by then: all of them have to be back
        assert_eq!(course(old(90, 50, Some(4))), Some(Course::Completed));
        assert_eq!(course(old(90, 3, Some(4))), Some(Course::Going));
    }

    /// However short the probe timeout is.
    #[test]
    fn a_step_has_its_100_ms() {
        let short = |age, held| Ascent {
            timeout: MS,
            ..at(age, held)
        };
        assert_eq!(short(STEP / 2 - 1, held(20, 0)).judge(), None);
        assert_eq!(course(short(STEP - 1, held(20, 20))), Some(Course::Marked));
        assert_eq!(course(short(STEP, held(20, 20))), Some(Course::Completed));
    }

    #[test]
    fn a_ramp_that_is_switched_off_is_over() {
        let off = Ascent {
            on: false,
            ..at(0, held(0, 0))
        };
        assert_eq!(course(off), Some(Course::Completed));
    }
}
