//! The words of a ramp, beside the sums of its results.
//!
//! Who writes: an acquire (`Gate`), a call that ends (`Gate`, `Results`, `Spent`), each by one exchange that expects
//! the version of the control word it read; and updates, which freeze the words by their tag and begin another step.
//! `Step` is written by updates alone.
//!
//! *Turns.* A helper that read a frozen word, and sleeps before the exchange that begins the next step, must not find
//! that word again: calls may bring the counts back to what they were, under the same version. So the words that
//! begin anew with a step have the lowest bit of its number, which stays until the next update.

use crate::sync::pack::{Fields, Pack};

/// One, in shares and credits.
pub(crate) const WHOLE: u64 = 1 << 20;

const CREDIT_BITS: u32 = 21;
const COUNT_BITS: u32 = 18;
const SCORE_BITS: u32 = 21;
const SPENT_BITS: u32 = 39;
const STEP_BITS: u32 = 8;
const SHARE_BITS: u32 = 20;

/// The most calls that a step admits.
const MOST: u64 = (1 << COUNT_BITS) - 1;

/// The highest score.
pub(crate) const SCORE_MAX: u64 = (1 << SCORE_BITS) - 1;

/// What acquires move.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Gate {
    /// Below one, but at the beginning.
    pub(crate) credit: u64,
    pub(crate) admitted: u64,
    pub(crate) turn: bool,
}

/// credit 21 | admitted 18 | turn 1 (from the low end)
impl Pack for Gate {
    fn pack(self) -> u64 {
        Fields::of(0)
            .put(CREDIT_BITS, self.credit)
            .put(COUNT_BITS, self.admitted)
            .put_flag(self.turn)
            .bits()
    }

    fn unpack(bits: u64) -> Gate {
        let mut fields = Fields::of(bits);
        Gate {
            credit: fields.take(CREDIT_BITS),
            admitted: fields.take(COUNT_BITS),
            turn: fields.take_flag(),
        }
    }
}

impl Gate {
    pub(crate) const BEGUN: Gate = Gate {
        credit: WHOLE,
        admitted: 0,
        turn: false,
    };

    /// After one more arrival, and whether it is admitted. Of a gate that is full nothing goes on.
    pub(crate) fn arrive(self, share: u64) -> (Gate, bool) {
        let credit = self.credit + share;
        if credit < WHOLE {
            return (Gate { credit, ..self }, false);
        }
        if self.admitted == MOST {
            return (self, false);
        }
        let admitted = Gate {
            credit: credit - WHOLE,
            admitted: self.admitted + 1,
            ..self
        };
        (admitted, true)
    }

    /// A call of this step ended without a result.
    #[must_use]
    pub(crate) fn take_off(self) -> Gate {
        Gate {
            admitted: self.admitted.saturating_sub(1),
            ..self
        }
    }

    /// Of the next step.
    #[must_use]
    pub(crate) fn next(self, turn: bool) -> Gate {
        Gate {
            admitted: 0,
            turn,
            ..self
        }
    }
}

/// What ends of calls move.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Results {
    /// Of the step.
    pub(crate) ended: u64,
    /// Of the calls admitted since the latest cut.
    pub(crate) score: u64,
    pub(crate) turn: bool,
}

/// ended 18 | score 21 | turn 1 (from the low end)
impl Pack for Results {
    fn pack(self) -> u64 {
        Fields::of(0)
            .put(COUNT_BITS, self.ended)
            .put(SCORE_BITS, self.score)
            .put_flag(self.turn)
            .bits()
    }

    fn unpack(bits: u64) -> Results {
        let mut fields = Fields::of(bits);
        Results {
            ended: fields.take(COUNT_BITS),
            score: fields.take(SCORE_BITS),
            turn: fields.take_flag(),
        }
    }
}

impl Results {
    /// One more of this step ended.
    #[must_use]
    pub(crate) fn counted(self) -> Results {
        Results {
            ended: (self.ended + 1).min(MOST),
            ..self
        }
    }

    /// A bad call ended.
    #[must_use]
    pub(crate) fn raised(self, by: u64) -> Results {
        Results {
            score: self.score.saturating_add(by).min(SCORE_MAX),
            ..self
        }
    }

    /// A good one did.
    #[must_use]
    pub(crate) fn lowered(self, by: u64) -> Results {
        Results {
            score: self.score.saturating_sub(by),
            ..self
        }
    }
}

/// The durations of the step's calls, in microseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Spent {
    pub(crate) sum: u64,
    pub(crate) turn: bool,
}

/// sum 39 | turn 1 (from the low end)
impl Pack for Spent {
    fn pack(self) -> u64 {
        Fields::of(0)
            .put(SPENT_BITS, self.sum)
            .put_flag(self.turn)
            .bits()
    }

    fn unpack(bits: u64) -> Spent {
        let mut fields = Fields::of(bits);
        Spent {
            sum: fields.take(SPENT_BITS),
            turn: fields.take_flag(),
        }
    }
}

impl Spent {
    #[must_use]
    pub(crate) fn plus(self, micros: u64) -> Spent {
        let sum = self.sum.saturating_add(micros);
        Spent {
            sum: sum.min((1 << SPENT_BITS) - 1),
            ..self
        }
    }
}

/// What the step had admitted at half of the time that its calls have. Updates alone write it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Mark(pub(crate) Option<u64>);

/// admitted 18 | is there one 1 (from the low end)
impl Pack for Mark {
    fn pack(self) -> u64 {
        Fields::of(0)
            .put(COUNT_BITS, self.0.unwrap_or(0))
            .put_flag(self.0.is_some())
            .bits()
    }

    fn unpack(bits: u64) -> Mark {
        let mut fields = Fields::of(bits);
        let admitted = fields.take(COUNT_BITS);
        Mark(fields.take_flag().then_some(admitted))
    }
}

/// Whether the ramp goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Course {
    #[default]
    Going,
    /// With a mark.
    Marked,
    Completed,
    Failed,
}

/// The step under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Step {
    /// Modulo 256.
    pub(crate) number: u8,
    /// 1 to `WHOLE`.
    pub(crate) share: u64,
    /// There was a cut in this ramp.
    pub(crate) slowed: bool,
    /// There was one, and no good step since.
    pub(crate) cut: bool,
    /// The first step since the latest cut.
    pub(crate) fence: u8,
    pub(crate) course: Course,
}

/// number 8 | share less one 20 | slowed 1 | cut 1 | fence 8 | course 2 (from the low end)
///
/// *Wrap-around.* A permit that is kept through exactly 256 steps, of which each lasts 100 ms at least, is taken for
/// one of the present step.
impl Pack for Step {
    fn pack(self) -> u64 {
        let course = match self.course {
            Course::Going => 0,
            Course::Marked => 1,
            Course::Completed => 2,
            Course::Failed => 3,
        };
        Fields::of(0)
            .put(STEP_BITS, self.number.into())
            .put(SHARE_BITS, self.share - 1)
            .put_flag(self.slowed)
            .put_flag(self.cut)
            .put(STEP_BITS, self.fence.into())
            .put(2, course)
            .bits()
    }

    fn unpack(bits: u64) -> Step {
        let mut fields = Fields::of(bits);
        Step {
            number: fields.take(STEP_BITS) as u8,
            share: fields.take(SHARE_BITS) + 1,
            slowed: fields.take_flag(),
            cut: fields.take_flag(),
            fence: fields.take(STEP_BITS) as u8,
            course: match fields.take(2) {
                0 => Course::Going,
                1 => Course::Marked,
                2 => Course::Completed,
                _ => Course::Failed,
            },
        }
    }
}

impl Step {
    /// The first of a ramp.
    pub(crate) fn first(share: u64) -> Step {
        Step {
            number: 0,
            share,
            slowed: false,
            cut: false,
            fence: 0,
            course: Course::Going,
        }
    }

    /// The one after it, with the same share.
    #[must_use]
    pub(crate) fn next(self) -> Step {
        let number = self.number.wrapping_add(1);
        // The cut was 256 steps before: from here on the fence stays as far behind as it can.
        let passed = u8::from(number == self.fence);
        Step {
            number,
            fence: self.fence.wrapping_add(passed),
            course: Course::Going,
            ..self
        }
    }

    /// The same, from its mark on.
    #[must_use]
    pub(crate) fn marked(self) -> Step {
        Step {
            course: Course::Marked,
            ..self
        }
    }

    /// What words that begin anew with it have.
    pub(crate) fn turn(self) -> bool {
        self.number & 1 == 1
    }

    /// Whether a call of that step was admitted since the latest cut.
    pub(crate) fn scores(self, admitted: u8) -> bool {
        self.number.wrapping_sub(admitted) <= self.number.wrapping_sub(self.fence)
    }

    /// Whether the latest cut began it.
    pub(crate) fn is_fresh(self) -> bool {
        self.fence == self.number
    }
}

#[cfg(test)]
mod tests;
