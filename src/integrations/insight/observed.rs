//! What advice is drawn from: traffic, durations and outages.

use crate::{Cause, Config};
use std::time::Duration;

/// No breaker has more calls per second.
const FASTEST: f64 = 1e9;

/// Fewer calls, or less time, say too little.
pub(super) const CALLS: u64 = 1000;
pub(super) const SECONDS: f64 = 300.0;

const NANO: Duration = Duration::from_nanos(1);

/// What was seen of a dependency: the input of [`advise`](super::advise).
///
/// [`Insight::advice`](super::Insight::advice) fills it in from a running breaker. A log can be judged as well:
///
/// ```
/// use std::time::Duration;
/// use tripcoil::Config;
/// use tripcoil::insight::{Observed, advise};
///
/// // an hour with 100 calls per second, of which 5 % failed
/// let seen = Observed::new(360_000, Duration::from_secs(3600)).failure_rate(0.05);
/// let advice = advise(&seen, &Config::default());
/// let five_in_a_row = &advice.suggestions[1];
/// assert_eq!(five_in_a_row.setting, "consecutive_failures");
/// assert_eq!(five_in_a_row.suggested.to_string(), "10");
/// println!("{advice}");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Observed {
    pub(super) calls: u64,
    pub(super) seconds: f64,
    pub(super) pace: f64,
    pub(super) failing: f64,
    pub(super) slow: Option<f64>,
    /// The limit by which they were slow; without one, whichever is asked for.
    slow_limit: Option<Duration>,
    pub(super) p50: Option<Duration>,
    pub(super) p99: Option<Duration>,
    pub(super) p999: Option<Duration>,
    pub(super) outages: Vec<Duration>,
    pub(super) false_openings: Vec<(Cause, u64)>,
}

impl Observed {
    /// So many calls were seen in this time, outages left out. That is the pace, unless [`pace`](Self::pace) is set.
    /// Fewer than 1,000 calls, or less than 300 s, are too little for advice.
    pub fn new(calls: u64, over: Duration) -> Observed {
        let seconds = over.as_secs_f64();
        Observed {
            calls,
            seconds,
            pace: if seconds > 0.0 {
                (calls as f64 / seconds).min(FASTEST)
            } else {
                0.0
            },
            failing: 0.0,
            slow: None,
            slow_limit: None,
            p50: None,
            p99: None,
            p999: None,
            outages: Vec::new(),
            false_openings: Vec::new(),
        }
    }

    /// Sets the calls per second, clamped to 0 to 10^9; NaN and infinity are ignored.
    pub fn pace(mut self, per_second: f64) -> Observed {
        if per_second.is_finite() {
            self.pace = per_second.clamp(0.0, FASTEST);
        }
        self
    }

    /// Sets the share of calls that fail outside of outages, clamped to 0 to 1; NaN is ignored. By default 0.
    pub fn failure_rate(mut self, rate: f64) -> Observed {
        if !rate.is_nan() {
            self.failing = rate.clamp(0.0, 1.0);
        }
        self
    }

    /// Sets the share of calls that are slow by the present `slow_call`, outside of outages, likewise. Slow failures
    /// count. By default unknown, and estimated from the quantiles.
    pub fn slow_rate(mut self, rate: f64) -> Observed {
        if !rate.is_nan() {
            self.slow = Some(rate.clamp(0.0, 1.0));
        }
        self
    }

    /// Sets the durations that 50 %, 99 % and 99.9 % of the successful calls do not exceed, as far as they are known.
    pub fn quantiles(
        mut self,
        p50: Option<Duration>,
        p99: Option<Duration>,
        p999: Option<Duration>,
    ) -> Observed {
        self.p50 = p50;
        // in order, whatever was given
        self.p99 = p99.map(|p99| p99.max(p50.unwrap_or_default()));
        self.p999 = p999.map(|p999| p999.max(self.p99.or(p50).unwrap_or_default()));
        self
    }

    /// Adds an outage that lasted so long, as the breaker saw it.
    pub fn outage(mut self, lasted: Duration) -> Observed {
        self.outages.push(lasted);
        self
    }

    /// Adds an opening that may have been a [false one](super::OutageRecord::may_be_false): by which rule, and with how
    /// many calls in the window.
    pub fn false_opening(mut self, cause: Cause, calls: u64) -> Observed {
        self.false_openings.push((cause, calls));
        self
    }

    /// Returns whether it is enough for advice.
    pub(super) fn suffices(&self) -> bool {
        self.calls >= CALLS && self.seconds >= SECONDS && self.pace > 0.0
    }

    /// The same, seen under these settings: the slow calls are slow by their limit.
    pub(super) fn under(&self, config: &Config) -> Observed {
        Observed {
            slow_limit: config.slow_call,
            ..self.clone()
        }
    }

    /// The share of calls that lasts longer than this. By the present limit it was measured; by a longer one it is
    /// estimated.
    ///
    /// The quantiles are those of successes. What was slow beyond them failed, as calls that time out, and lasts longer
    /// than any limit, for all that is known.
    pub(super) fn slow_at(&self, limit: Duration) -> f64 {
        let estimate = self.beyond(limit);
        let Some(measured) = self.slow else {
            return estimate.unwrap_or(0.0);
        };
        let present = self.slow_limit.unwrap_or(limit);
        if limit <= present {
            return measured;
        }
        let (Some(longer), Some(by_present)) = (estimate, self.beyond(present)) else {
            return measured;
        };
        let failed = (measured - by_present).clamp(0.0, self.failing);
        measured.min(longer + failed)
    }

    /// The part that lasts longer, from the quantiles: between two of them on a power law.
    fn beyond(&self, limit: Duration) -> Option<f64> {
        let known = [(self.p50, 0.5), (self.p99, 0.01), (self.p999, 0.001)];
        let known = known
            .iter()
            .filter_map(|(at, part)| Some(((*at)?.max(NANO), *part)));
        let mut below: Option<(Duration, f64)> = None;
        for (at, part) in known {
            if limit < at {
                let Some((shorter, more)) = below else {
                    // most of the calls, for all that is known
                    return Some(1.0);
                };
                let ratio = |a: Duration, b: Duration| (a.as_secs_f64() / b.as_secs_f64()).ln();
                let way = ratio(limit, shorter) / ratio(at, shorter);
                return Some(more * (part / more).powf(way.clamp(0.0, 1.0)));
            }
            below = Some((at, part));
        }
        below.map(|(_, part)| part)
    }
}

#[cfg(test)]
mod tests;
