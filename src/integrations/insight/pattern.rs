//! How outages follow each other, and how failures cluster.

use crate::integrations::insight::series::{Latest, median};
use crate::observe::Epoch;
use std::time::Duration;

/// Outages that began earlier are not looked at.
const LOOKED_AT: Duration = Duration::from_secs(3600);
/// The gaps between outages that must be alike.
const GAPS: usize = 8;
/// By how much, as a part of their mean.
const ALIKE: f64 = 0.1;

/// How the openings of the last hour follow each other, those by an operator left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
#[non_exhaustive]
pub enum Pattern {
    /// One or two.
    Single,
    /// Three or more, without a pattern.
    Repeated,
    /// The last three began within five times their median length: the dependency comes and goes, or the breaker
    /// does.
    Flapping,
    /// Five or more, at equal distances: a job, a deployment, a cache that expires.
    Periodic {
        /// From the beginning of one to that of the next.
        #[serde(rename = "period_seconds", serialize_with = "super::units::seconds")]
        period: Duration,
    },
}

impl Pattern {
    /// Returns `single`, `repeated`, `flapping` or `periodic`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Pattern::Single => "single",
            Pattern::Repeated => "repeated",
            Pattern::Flapping => "flapping",
            Pattern::Periodic { .. } => "periodic",
        }
    }
}

/// Of openings by their beginning and length, oldest first; `None` if none began in the last hour.
pub(super) fn pattern(
    openings: impl Iterator<Item = (Duration, Duration)>,
    now: Duration,
) -> Option<Pattern> {
    let recent = |(began, _): &(Duration, Duration)| *began + LOOKED_AT > now;
    let (began, mut lasted): (Vec<f64>, Vec<f64>) = openings
        .filter(recent)
        .map(|(began, lasted)| (began.as_secs_f64(), lasted.as_secs_f64()))
        .unzip();
    let number = began.len();
    if number == 0 {
        return None;
    }
    if number < 3 {
        return Some(Pattern::Single);
    }
    // of those three: one long outage before them says nothing
    let length = median(&mut lasted[number - 3..]).unwrap_or_default();
    if began[number - 1] - began[number - 3] < 5.0 * length {
        return Some(Pattern::Flapping);
    }
    let gaps = began
        .windows(2)
        .rev()
        .take(GAPS)
        .map(|pair| pair[1] - pair[0]);
    let mut gaps: Vec<f64> = gaps.collect();
    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
    if number >= 5 && variance.sqrt() < ALIKE * mean {
        let period = median(&mut gaps).unwrap_or(mean);
        return Some(Pattern::Periodic {
            period: Duration::from_secs_f64(period),
        });
    }
    Some(Pattern::Repeated)
}

/// The intervals of which failures are counted: of 100 ms, or of a bucket if that is longer.
const SHORT: Duration = Duration::from_millis(100);
/// How many of them: half a minute of the shortest.
const SHORTS: usize = 300;
/// With fewer failures in all of them, or fewer intervals, nothing can be said.
const FEW: u64 = 20;
const FEWEST: usize = 30;

/// Whether failures come in bursts.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Bursts {
    /// The Fano factor of the failures: their variance over their mean, per interval. About 1 if they are independent of
    /// each other, several times that if they come in bursts.
    pub fano: f64,
    /// The length of an interval: 100 ms, or the window's bucket if that is longer.
    #[serde(rename = "per_seconds", serialize_with = "super::units::seconds")]
    pub per: Duration,
}

impl Bursts {
    /// Returns whether failures come in bursts: the factor is above 3.
    #[must_use]
    pub fn are_bursts(&self) -> bool {
        self.fano > 3.0
    }
}

/// Failures per short interval.
#[derive(Debug)]
pub(super) struct Failures {
    latest: Latest<u64>,
    /// One that is not long enough: when it began and ended, and its failures.
    open: Option<(Duration, Duration, u64)>,
    per: Duration,
}

impl Failures {
    pub(super) fn new() -> Failures {
        Failures {
            latest: Latest::new(SHORTS),
            open: None,
            per: SHORT,
        }
    }

    pub(super) fn add(&mut self, epoch: &Epoch) {
        let (start, failures) = match self.open.take() {
            Some((start, end, failures)) if end == epoch.start => {
                (start, failures + epoch.counts.failures)
            }
            _ => (epoch.start, epoch.counts.failures),
        };
        let lasted = epoch.end.saturating_sub(start);
        if lasted < SHORT {
            self.open = Some((start, epoch.end, failures));
            return;
        }
        // several epochs are reported as one after a silence: that is no interval of this series
        if lasted >= 2 * self.per && self.latest.len() > 0 {
            return;
        }
        if self.per >= 2 * lasted {
            self.latest.clear();
        }
        self.per = lasted;
        self.latest.push(failures);
    }

    pub(super) fn clear(&mut self) {
        self.latest.clear();
        self.open = None;
        self.per = SHORT;
    }

    pub(super) fn bursts(&self) -> Option<Bursts> {
        let number = self.latest.len() as f64;
        let sum: u64 = self.latest.iter().sum();
        if sum < FEW || self.latest.len() < FEWEST {
            return None;
        }
        let mean = sum as f64 / number;
        let square = |failures: &u64| (*failures as f64 - mean).powi(2);
        let variance = self.latest.iter().map(square).sum::<f64>() / number;
        Some(Bursts {
            fano: variance / mean,
            per: self.per,
        })
    }
}

#[cfg(test)]
mod tests;
