//! How well the next calls are likely to go, as one number.

use crate::integrations::insight::series::Interval;
use crate::observe::Probes;
use crate::{Snapshot, State};
use std::time::Duration;

/// What the mean of five seconds counts for, in calls: with fewer in the last second, that mean decides.
const SHRINKS: f64 = 10.0;
/// What is left of an older second after each further one.
const KEEPS: f64 = 0.8;
/// Of a round: the best score, and that of one without results.
const ROUND: f64 = 50.0;
const UNTOUCHED: f64 = 25.0;

/// A health score, and how much it rests on.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Score {
    /// From 0 to 100. While closed, `100 (1 - p / theta)`: `p` is the rate of bad calls in the last second, shrunk
    /// towards the mean of five seconds, and theta the rate from which on the dependency is not worth calling. Half-open,
    /// at most 50 by the round's results, and from there on by the share that a ramp admits. 0 while open, and 50 while
    /// disabled.
    pub value: f64,
    /// From 0 to 1. While closed, `n / (n + 10)` of the `n` calls of about five seconds; 0 if nothing is measured, as
    /// while disabled. 1 while open: no call is made.
    pub confidence: f64,
}

/// The last seconds of a closed breaker.
#[derive(Debug, Default)]
pub(super) struct Seconds {
    last: Option<Interval>,
    /// The mean rate of bad calls over about five seconds.
    mean: Option<f64>,
    /// The calls of about five seconds.
    calls: f64,
    /// When the last interval ended, with calls or without.
    upto: Duration,
}

impl Seconds {
    pub(super) fn add(&mut self, interval: &Interval) {
        let gone = keeps(interval.end.saturating_sub(self.upto));
        self.upto = interval.end;
        // evenly in the interval, of which the last seconds count
        let lasted = interval.seconds().max(1.0);
        let per_second = interval.calls as f64 / lasted;
        self.calls = self.calls * gone + per_second * (1.0 - KEEPS.powf(lasted)) / (1.0 - KEEPS);
        let Some(rate) = interval.bad_rate() else {
            return;
        };
        let since = self.last.map_or(interval.start, |last| last.end);
        let kept = keeps(interval.end.saturating_sub(since));
        self.mean = Some(match self.mean {
            Some(mean) => rate + kept * (mean - rate),
            None => rate,
        });
        self.last = Some(*interval);
    }

    pub(super) fn clear(&mut self) {
        *self = Seconds::default();
    }

    pub(super) fn score(&self, seen: &Snapshot, theta: f64, now: Duration) -> Score {
        let (value, confidence) = match seen.state {
            State::Closed | State::ObserveOnly => self.closed(theta, now),
            State::HalfOpen => half_open(seen.probes, seen.admitted_share),
            State::Open | State::ForcedOpen => (0.0, 1.0),
            State::Disabled => (ROUND, 0.0),
        };
        Score { value, confidence }
    }

    fn closed(&self, theta: f64, now: Duration) -> (f64, f64) {
        let (Some(last), Some(mean)) = (self.last, self.mean) else {
            return (100.0, 0.0);
        };
        let rate = (last.bad as f64 + SHRINKS * mean) / (last.calls as f64 + SHRINKS);
        // the next interval is under way for as long as the last one was
        let late = now.saturating_sub(self.upto).as_secs_f64() - last.seconds();
        let calls = self.calls * KEEPS.powf(late.max(0.0));
        (
            100.0 * (1.0 - rate / theta).clamp(0.0, 1.0),
            calls / (calls + SHRINKS),
        )
    }
}

fn keeps(span: Duration) -> f64 {
    KEEPS.powf(span.as_secs_f64())
}

fn half_open(probes: Probes, share: f64) -> (f64, f64) {
    let (succeeded, failed) = (f64::from(probes.succeeded), f64::from(probes.failed));
    let results = succeeded + failed;
    let confidence = results / (results + SHRINKS);
    if share > 0.0 {
        return (ROUND + (100.0 - ROUND) * share, confidence);
    }
    if results == 0.0 {
        return (UNTOUCHED, 0.0);
    }
    (ROUND * succeeded / results, confidence)
}

#[cfg(test)]
mod tests;
