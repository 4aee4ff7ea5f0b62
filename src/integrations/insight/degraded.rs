//! Whether more calls are bad than is normal here: a warning, which never trips anything.
//!
//! A CUSUM of intervals against a learnt rate. As a trip rule it would be wrong: what was learnt while all was well
//! would reject good calls in each brown-out that is to be tolerated.

use crate::integrations::insight::series::Interval;
use std::time::Duration;

/// By how much an interval moves the learnt rate, in the long run: about five minutes of seconds.
const LEARNS: f64 = 0.003;
/// While it warns, it learns as much more slowly: what stays for twenty minutes is normal.
const WARNED: f64 = 0.25;
/// An interval without calls says nothing, and so do the first ones.
const FIRST: u32 = 30;
/// How long a warning lasts at least; two intervals if they are longer.
const LASTS: Duration = Duration::from_secs(60);
/// A rate from which on it does not warn.
const WORST: f64 = 0.5;
/// The score at which it warns: false warnings are a day of seconds apart.
fn limit() -> f64 {
    86_400.0_f64.ln() + 1.0
}

/// More calls are bad than is normal for this breaker.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Degraded {
    /// When it was seen, by the breaker's clock.
    #[serde(rename = "since_seconds", serialize_with = "super::units::seconds")]
    pub since: Duration,
    /// The rate of bad calls that is normal, as learnt.
    pub normal: f64,
    /// The rate of bad calls since it began.
    pub rate: f64,
}

/// What is normal, and how far that is from now.
#[derive(Debug, Default)]
pub(super) struct Baseline {
    /// The learnt rate of bad calls, and of slow ones.
    bad: f64,
    slow: f64,
    /// Calls per second, learnt as slowly.
    pace: f64,
    learnt: u32,
    /// The seconds of these intervals.
    seconds: f64,
    score: f64,
    /// Calls and bad ones since the score was 0.
    since: (u64, u64),
    warning: Option<Warning>,
}

#[derive(Clone, Copy, Debug)]
struct Warning {
    since: Duration,
    until: Duration,
    normal: f64,
    rate: f64,
}

impl Baseline {
    pub(super) fn add(&mut self, interval: &Interval) {
        self.learn_pace(interval);
        let Some(rate) = interval.bad_rate() else {
            return;
        };
        if self.learnt >= FIRST {
            self.judge(interval);
        }
        if self.score < limit() / 2.0 {
            let slow = interval.slow as f64 / interval.calls as f64;
            self.learnt = self.learnt.saturating_add(1);
            self.seconds += interval.seconds();
            let part = LEARNS.max(1.0 / f64::from(self.learnt));
            let warned = self.warning_at(interval.end).is_some();
            let part = if warned { part * WARNED } else { part };
            self.bad += part * (rate - self.bad);
            self.slow += part * (slow - self.slow);
        }
    }

    fn learn_pace(&mut self, interval: &Interval) {
        let seconds = interval.seconds();
        if seconds > 0.0 {
            let pace = interval.calls as f64 / seconds;
            // one that lasts longer says more
            let part = 1.0 - (1.0 - LEARNS).powf(seconds);
            let part = part.max(1.0 / f64::from(self.learnt.saturating_add(1)));
            self.pace += part * (pace - self.pace);
        }
    }

    fn judge(&mut self, interval: &Interval) {
        let calls = interval.calls as f64;
        let bad = interval.bad as f64;
        // the calls from which the rate was learnt, and so how well it is known
        let seen = calls * f64::from(self.learnt).min(1.0 / LEARNS);
        let error = ((self.bad + 1.0 / seen) / seen).sqrt();
        let normal = 1.5 * self.bad + 3.0 * error;
        if normal >= WORST {
            // nothing much is worse than that
            self.score = 0.0;
            self.since = (0, 0);
            return;
        }
        let raised = (2.0 * normal).min(0.9);
        let gain =
            bad * (raised / normal).ln() + (calls - bad) * ((1.0 - raised) / (1.0 - normal)).ln();
        self.score = (self.score + gain).max(0.0);
        if self.score == 0.0 {
            self.since = (0, 0);
            return;
        }
        self.since.0 += interval.calls;
        self.since.1 += interval.bad;
        if self.score > limit() {
            self.warn(interval);
        }
    }

    fn warn(&mut self, interval: &Interval) {
        let now = interval.end;
        let lasts = LASTS.max(2 * now.saturating_sub(interval.start));
        let before = self.warning_at(now);
        let rate = self.since.1 as f64 / self.since.0 as f64;
        self.warning = Some(Warning {
            since: before.map_or(now, |warning| warning.since),
            until: now.saturating_add(lasts),
            normal: before.map_or(self.bad, |warning| warning.normal),
            rate,
        });
        self.score = 0.0;
        self.since = (0, 0);
    }

    fn warning_at(&self, now: Duration) -> Option<Warning> {
        self.warning.filter(|warning| now <= warning.until)
    }

    pub(super) fn degraded(&self, now: Duration) -> Option<Degraded> {
        self.warning_at(now).map(|warning| Degraded {
            since: warning.since,
            normal: warning.normal,
            rate: warning.rate,
        })
    }

    /// What lies before an outage says nothing of what comes after it.
    pub(super) fn interrupt(&mut self) {
        self.score = 0.0;
        self.since = (0, 0);
        self.warning = None;
    }

    /// The learnt rate of bad calls.
    pub(super) fn normal(&self) -> f64 {
        self.bad
    }

    pub(super) fn normal_slow(&self) -> f64 {
        self.slow
    }

    pub(super) fn pace(&self) -> f64 {
        self.pace
    }

    pub(super) fn intervals(&self) -> u32 {
        self.learnt
    }

    /// How long these intervals were.
    pub(super) fn learnt_over(&self) -> Duration {
        Duration::try_from_secs_f64(self.seconds).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests;
