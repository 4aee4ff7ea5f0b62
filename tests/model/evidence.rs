//! The ticks, the pace, and the outage rule: a score of all outcomes.
//!
//! Weights, score, limit and pace are whole numbers of 2^-16.

#[cfg(test)]
mod by_hand;

use super::{Evidence, Model, Outage, OutageSoFar, Pace, Rules, Score, Timed, WHOLE, Window};

const ONE: u64 = 1 << 16;
const MS: u64 = 1_000_000;

/// 0.1 calls per second.
pub(super) const FIRST_PACE: u64 = 6_554;

/// What a bad outcome adds to the score, and what a fast success takes from it.
pub(super) fn weights(theta: f64) -> (u64, u64) {
    let p = 0.6 * theta;
    let of_good = |b: f64| b * theta / (1.0 - theta);
    let excess = |b: f64| p * b.exp() + (1.0 - p) * (-of_good(b)).exp() - 1.0;
    let (mut low, mut high) = (0.0, 8.0);
    for _ in 0..80 {
        let middle = (low + high) / 2.0;
        if excess(middle) < 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    let units = |weight: f64| (weight * ONE as f64) as u64;
    (units(low), units(of_good(low)) + 1)
}

/// So many calls in that time, a second being a thousand million.
pub(super) fn rate(calls: u64, time: u64) -> u64 {
    let units = u128::from(calls) * u128::from(ONE) * 1_000_000_000;
    units.div_ceil(time.into()).min((1 << 40) - 1) as u64
}

/// The logarithm of what is lost, at that pace: see `docs/semantics.md`.
pub(super) fn limit(loss: f64, pace: u64) -> u64 {
    let openings = (2.0 / loss * ONE as f64).ceil() as u128;
    let seconds = u128::from(ONE.max(2 * pace));
    logarithm((openings * seconds).div_ceil(1 << 32))
}

/// That of a whole number: never too low.
pub(super) fn logarithm(x: u128) -> u64 {
    // from here on in 2^-32
    let whole = u128::from(x.ilog2());
    let part = (x << 32 >> whole) - (1 << 32);
    let bend = 861_u128 * (1 << 32) / 10_000 + 2;
    let ln_2 = 2_977_044_472;
    (((whole << 32) + part + bend) * ln_2).div_ceil(1 << 48) as u64
}

/// The ticks of a bucket, by their length.
pub(super) fn tick_length(width: u64) -> u64 {
    // the clock's resolution is 1 ns
    width.div_ceil(width.div_ceil(20 * MS))
}

impl Rules {
    /// Whether a rule is on that has ticks.
    pub(super) fn tick(&self) -> bool {
        self.outage.is_some() || self.hang.is_some()
    }

    /// Whether the pace is kept.
    pub(super) fn pace(&self) -> bool {
        self.outage.is_some() || self.backoff.adaptive.is_some() || self.half_open.ramp
    }
}

/// What a lenient failure of so many eighths adds to the score: less than nothing, if it takes from it.
pub(super) fn lenient_step(theta: f64, eighths: u64) -> i64 {
    let (bad, good) = weights(theta);
    let up = (eighths * bad) as i64;
    let down = ((WHOLE - eighths) * good) as i64;
    (up - down).div_euclid(WHOLE as i64)
}

impl Score {
    /// With the outcomes of the tick.
    fn now(&self, theta: f64, eighths: u64) -> i128 {
        let (bad, good) = weights(theta);
        let of = |number: u64, weight: u64| i128::from(number) * i128::from(weight);
        let lenient = i128::from(self.lenient) * i128::from(lenient_step(theta, eighths));
        i128::from(self.start) + of(self.bad, bad) - of(self.good, good) + lenient
    }

    /// The tick has an outcome that may make the rule true.
    fn has_cause(&self, theta: f64, eighths: u64) -> bool {
        self.bad > 0 || self.lenient > 0 && lenient_step(theta, eighths) > 0
    }
}

impl Model {
    /// The epoch of a moment, and its tick within that.
    pub(super) fn tick(&self, at: u64) -> (u64, u64) {
        match self.window {
            Window::Count(_) => (0, 0),
            Window::Time { width, .. } => {
                let since = at - self.origin;
                let epoch = since / width;
                if self.plain == Some(epoch) {
                    return (epoch, 0);
                }
                (epoch, since % width / tick_length(width))
            }
        }
    }

    pub(super) fn epoch(&self, at: u64) -> u64 {
        self.tick(at).0
    }

    /// The start of the first tick after `now`.
    pub(crate) fn next_tick(&self, now: u64) -> Option<u64> {
        let Window::Time { width, .. } = self.window else {
            return None;
        };
        let (epoch, tick) = self.tick(now);
        let within = if self.plain == Some(epoch) {
            width
        } else {
            width.min((tick + 1) * tick_length(width))
        };
        Some(self.origin + epoch * width + within)
    }

    /// The pace that is found in that epoch.
    fn pace_in(&self, epoch: u64) -> Pace {
        let value = if self.rules.pace() && epoch != self.pace.epoch {
            self.pace_before(epoch).unwrap_or(self.pace.value)
        } else {
            self.pace.value
        };
        Pace { value, epoch }
    }

    /// That of the whole buckets before an epoch.
    fn pace_before(&self, epoch: u64) -> Option<u64> {
        let (Window::Time { buckets, width }, Some(period)) = (self.window, self.period) else {
            return None;
        };
        let from = period.whole_from.max(epoch.saturating_sub(buckets.into()));
        let counts = |outcome: &&Timed| {
            let of = self.epoch(outcome.at);
            outcome.generation == period.generation && from <= of && of < epoch
        };
        let calls = self.outcomes.iter().rev().filter(counts).count() as u64;
        (calls > 0).then(|| rate(calls, (epoch - from) * width))
    }

    /// What an outcome, or new rules, would find at that moment.
    fn score(&self, now: u64) -> Score {
        let mut score = self.score;
        let Some(Outage { theta, loss }) = self.rules.outage else {
            return score;
        };
        let tick = self.tick(now);
        if tick != score.tick && score.bad + score.good + score.lenient > 0 {
            let end = score
                .now(theta, self.rules.eighths())
                .clamp(0, limit(loss, self.pace.value).into());
            score.start = end as u64;
            score.held &= end > 0;
            score.bad = 0;
            score.good = 0;
            score.lenient = 0;
        }
        score.tick = tick;
        score
    }

    /// Ends what is over by now: an outcome, new rules, or an acquire under the hang rule finds it so.
    pub(crate) fn end_ticks(&mut self, now: u64) {
        self.end_tick_of_life(now);
        self.score = self.score(now);
        self.pace = self.pace_in(self.epoch(now));
    }

    /// Whether the rule is true at this outcome, which has just been counted.
    pub(super) fn outage_at(&mut self, outcome: Timed, now: u64) -> bool {
        self.end_ticks(now);
        let Some(Outage { theta, loss }) = self.rules.outage else {
            return false;
        };
        let eighths = self.rules.eighths();
        let score = &mut self.score;
        if score.tick.0 < score.from {
            return false;
        }
        if outcome.lenient {
            score.lenient += 1;
            self.lenients.up += u64::from(lenient_step(theta, eighths) > 0);
            self.lenients.down += u64::from(lenient_step(theta, eighths) < 0);
        } else if outcome.failed || outcome.slow {
            score.bad += 1;
        } else {
            score.good += 1;
        }
        let reached = score.now(theta, eighths) >= i128::from(limit(loss, self.pace.value));
        let cause = score.has_cause(theta, eighths);
        let lacks_a_cause = score.start > 0 && reached && !cause && score.lenient > 0;
        self.lenients.without_cause += u64::from(lacks_a_cause && !score.held);
        score.held |= score.start > 0 && cause && reached;
        score.held
    }

    /// Whether the rule is true of the tick as it is by now.
    pub(crate) fn outage_is_true(&self) -> bool {
        let (score, eighths) = (&self.score, self.rules.eighths());
        self.rules.outage.is_some_and(|Outage { theta, loss }| {
            let reached = score.now(theta, eighths) >= i128::from(limit(loss, self.pace.value));
            score.start > 0 && score.has_cause(theta, eighths) && reached
        })
    }

    /// A counting period ends.
    pub(super) fn end_score(&mut self, now: u64) {
        if !self.rules.tick() {
            self.plain = Some(self.epoch(now));
        }
    }

    /// A counting period begins.
    pub(super) fn begin_score(&mut self, now: u64) {
        let tick = self.tick(now);
        self.score = Score {
            from: tick.0,
            tick,
            ..Score::default()
        };
        self.pace.epoch = tick.0;
    }

    /// The rules are about to become these.
    pub(super) fn change_adaptive(&mut self, new: &Rules, now: u64) {
        if !self.counting() {
            return;
        }
        self.end_ticks(now);
        let on = self.rules.outage.is_some() && new.outage.is_some();
        let other_weight = self.rules.eighths() != new.eighths();
        self.lenients.reweighed += u64::from(on && other_weight && self.score.lenient > 0);
        if !(self.rules.tick() && new.tick()) {
            self.plain = Some(self.epoch(now));
        }
        if self.rules.outage.is_none() || new.outage.is_none() {
            let tick = self.tick(now);
            self.score = Score {
                from: tick.0 + 1,
                tick,
                ..Score::default()
            };
        }
        self.change_hang(new, now);
    }

    /// The breaker has had that pace before.
    pub(crate) fn assume_pace(&mut self, pace: f64) {
        self.pace.value = (pace * ONE as f64) as u64;
    }

    /// What the outage rule has come to.
    pub(crate) fn outage_so_far(&self) -> OutageSoFar {
        let on = self.counting() && self.rules.outage.is_some();
        OutageSoFar {
            generation: self.generation,
            on,
            tick: self.score.tick,
            start: self.score.start,
            waits: on && self.score.tick.0 < self.score.from,
            held: self.score.held,
            pace: self.pace.value,
        }
    }

    pub(super) fn evidence(&self, now: u64) -> Option<Evidence> {
        let Outage { theta, loss } = self.rules.outage.filter(|_| self.counting())?;
        let score = self.score(now);
        let pace = self.pace_in(self.epoch(now)).value;
        let exact = |units: u64| units as f64 / ONE as f64;
        Some(Evidence {
            value: exact(score.now(theta, self.rules.eighths()).max(0) as u64),
            limit: exact(limit(loss, pace)),
            pace: exact(pace),
        })
    }
}
