//! The arithmetic of the outage rule, as pure functions: what an outcome weighs, the score, its limit, and
//! the pace.
//!
//! Weights, scores and limits are whole numbers of 2^-16, so that all helpers of an update, and all
//! targets, compute the same. Weights are rounded down and limits up: then what the rule promises holds
//! all the more.

use crate::config::settings::Outage;
use crate::sync::pack::{Fields, Pack};
use crate::words::leniency::EIGHTHS;
use crate::words::tagged::PAYLOAD_MAX;

/// One, in the units of weights, scores and limits; and one call per second, in those of the pace.
pub(crate) const ONE: u64 = 1 << 16;

/// The pace before there is any: 0.1 per second.
pub(crate) const FIRST_PACE: u64 = ONE.div_ceil(10);

/// The failure rate up to which the promise holds, as a part of theta.
const NULL: f64 = 0.6;

/// By how much an outcome moves the score.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Weights {
    /// Up, by a bad outcome: one that is neither a fast success nor lenient. 0 if the rule is off.
    pub(crate) bad: u64,
    /// Down, by a fast success.
    pub(crate) good: u64,
    /// Whether the pace is kept, for this rule or for an adaptive backoff.
    pub(crate) paced: bool,
    /// Whether the hang rule is on.
    pub(crate) watches: bool,
}

const BAD_BITS: u32 = 17;
const GOOD_BITS: u32 = 20;

/// bad 17 | good 20 | paced 1 | watches 1 (from the low end)
impl Pack for Weights {
    fn pack(self) -> u64 {
        Fields::of(0)
            .put(BAD_BITS, self.bad)
            .put(GOOD_BITS, self.good)
            .put_flag(self.paced)
            .put_flag(self.watches)
            .bits()
    }

    fn unpack(bits: u64) -> Weights {
        let mut fields = Fields::of(bits);
        Weights {
            bad: fields.take(BAD_BITS),
            good: fields.take(GOOD_BITS),
            paced: fields.take_flag(),
            watches: fields.take_flag(),
        }
    }
}

impl Weights {
    /// The weights for which `e^score` is a fair game where a part of `0.6 theta` of the outcomes is bad, and
    /// for which the score keeps its mean where theta is: with `p = 0.6 theta`, the positive solution of
    /// `p e^bad + (1 - p) e^(-bad theta / (1 - theta)) = 1`.
    pub(crate) fn of(outage: Outage) -> Weights {
        let null = NULL * outage.theta;
        let odds = outage.theta / (1.0 - outage.theta);
        // below the solution the sum is less than one, and above it more
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..48 {
            let bad = (low + high) / 2.0;
            if null * exp(bad) + (1.0 - null) * exp(-bad * odds) < 1.0 {
                low = bad;
            } else {
                high = bad;
            }
        }
        Weights {
            bad: (low * ONE as f64) as u64,
            good: (low * odds * ONE as f64) as u64 + 1,
            paced: true,
            watches: false,
        }
    }

    /// By how much a lenient outcome moves the score: as much as that part of a bad one, and the rest of a good one.
    pub(crate) fn lift(self, eighths: u64) -> i64 {
        let up = (eighths * self.bad).cast_signed();
        let down = ((EIGHTHS - eighths) * self.good).cast_signed();
        (up - down).div_euclid(EIGHTHS as i64)
    }

    pub(crate) fn are_off(self) -> bool {
        self.bad == 0
    }

    /// Whether a rule is on that asks for ticks.
    pub(crate) fn tick(self) -> bool {
        self.bad != 0 || self.watches
    }
}

/// Without `std` there is no `f64::exp`. For arguments from -16 to 1.
fn exp(x: f64) -> f64 {
    let part = x / 64.0;
    let series = (1..16)
        .rev()
        .fold(1.0, |sum, n| 1.0 + part * sum / f64::from(n));
    (0..6).fold(series, |power, _| power * power)
}

/// `2 / loss`, in 2^-16, rounded up: the part of the limit that the settings say.
pub(crate) fn stakes(outage: Outage) -> u64 {
    let exact = 2.0 * ONE as f64 / outage.loss;
    let whole = exact as u64;
    whole + u64::from((whole as f64) < exact)
}

/// The limit at that pace: `ln(stakes max(1, 2 pace))`, by a logarithm that is never low and at most 0.06
/// high: `ln x = ln 2 (k + x / 2^k - 1 + 0.0861)`, with k the logarithm of x to base 2, rounded down.
pub(crate) fn limit(stakes: u64, pace: u64) -> u64 {
    let odds = u128::from(stakes) * u128::from((2 * pace).max(ONE));
    logarithm(odds.div_ceil(1 << 32).max(1))
}

/// The same logarithm of a whole number, at least 1.
pub(crate) fn ln(x: u64) -> u64 {
    logarithm(x.into())
}

fn logarithm(x: u128) -> u64 {
    /// In 2^-32, rounded up.
    const LN_2: u128 = 2_977_044_472;
    const BULGE: u128 = 369_796_685;
    let k = x.ilog2();
    let part = ((x << 32) >> k) - (1 << 32);
    let binary = (u128::from(k) << 32) + part + BULGE + 1;
    (binary * LN_2).div_ceil(1 << 48) as u64
}

/// Calls per second, in 2^-16, rounded up: so many in that time.
pub(crate) fn pace(calls: u64, nanos: u64) -> u64 {
    let second = 1_000_000_000;
    let exact = (u128::from(calls) * u128::from(ONE) * second).div_ceil(u128::from(nanos).max(1));
    exact.min(u128::from(PAYLOAD_MAX)) as u64
}

/// The score at the start of the tick under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Score {
    pub(crate) value: u64,
    /// The rule was switched on in this bucket, and begins with the next.
    pub(crate) waits: bool,
    /// The tick before had a sign of life, for the hang rule.
    pub(crate) alive: bool,
}

const SCORE_BITS: u32 = 38;

/// value 38 | waits 1 | alive 1 (from the low end)
impl Pack for Score {
    fn pack(self) -> u64 {
        Fields::of(0)
            .put(SCORE_BITS, self.value)
            .put_flag(self.waits)
            .put_flag(self.alive)
            .bits()
    }

    fn unpack(bits: u64) -> Score {
        let mut fields = Fields::of(bits);
        Score {
            value: fields.take(SCORE_BITS),
            waits: fields.take_flag(),
            alive: fields.take_flag(),
        }
    }
}

/// The rule's view of a moment. All zero: off, or nothing has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Weighed {
    pub(crate) weights: Weights,
    /// At the tick's start.
    pub(crate) score: u64,
    /// Outcomes since then.
    pub(crate) bad: u64,
    pub(crate) good: u64,
    pub(crate) lenient: u64,
    /// By how much a lenient one raises the score, or lowers it.
    pub(crate) lift: i64,
    pub(crate) limit: u64,
    /// The hang rule, where it is judged: nothing has come since the tick's start.
    pub(crate) hung: bool,
}

impl Weighed {
    /// The score by now. Within a tick it may be below zero, or beyond its limit.
    pub(crate) fn value(&self) -> i64 {
        // counts have 40 bits and weights at most 20
        let up = (self.weights.bad * self.bad).cast_signed();
        let down = (self.weights.good * self.good).cast_signed();
        self.score.cast_signed() + up - down + self.lift * self.lenient.cast_signed()
    }

    /// What the tick's end makes of it. Without outcomes it makes nothing of it, though the limit may have
    /// fallen below the score, by a new pace or a new loss.
    pub(crate) fn at_the_end(&self) -> u64 {
        if self.is_empty() {
            return self.score;
        }
        self.value()
            .clamp(0, self.limit.cast_signed())
            .cast_unsigned()
    }

    /// Nothing has come since the tick's start.
    pub(crate) fn is_empty(&self) -> bool {
        self.bad + self.good + self.lenient == 0
    }

    /// Whether the rule is true. What has come within one tick never suffices, however much it is.
    #[inline]
    pub(crate) fn holds(&self) -> bool {
        let raised = self.bad > 0 || self.lenient > 0 && self.lift > 0;
        self.score > 0 && raised && self.value() >= self.limit.cast_signed()
    }

    /// How many more bad outcomes cannot make the rule true; `None` if none can until the tick's end.
    /// Successes only lower the score.
    #[inline]
    pub(crate) fn within(&self) -> Option<u64> {
        if self.score == 0 {
            return None;
        }
        let missing = self.limit.cast_signed() - self.value();
        let missing = missing.max(0).cast_unsigned();
        Some(missing.div_ceil(self.weights.bad.max(1)).saturating_sub(1))
    }
}

#[cfg(test)]
mod tests;
