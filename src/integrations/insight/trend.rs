//! Whether bad calls are on the rise, and when they will reach the limit.
//!
//! Mann and Kendall's test finds it: it counts the pairs in which the later value is larger, so it needs no
//! distribution and bursts hardly move it. From then on Theil and Sen's slope, the median of all pairs' slopes, says
//! how steep it is, once that is known well enough.

use crate::integrations::insight::series::{Interval, Latest, median};
use std::time::Duration;

/// How many intervals are compared by the test.
const INTERVALS: usize = 16;
/// How many are kept: the slope is that of all that are raised.
const KEPT: usize = 64;
/// The slope is that of at least so many.
const FEWEST: usize = 6;
/// What Mann and Kendall's z must exceed. By chance alone, three of 86,400 tests would.
const RAISED: f64 = 4.0;
/// A limit that is further away is not reported.
const HORIZON: f64 = 120.0;
/// Nor is a slope whose standard error is a larger part of it: the first ones that seem steep would be chance.
const ERROR: f64 = 0.15;

/// The rate of bad calls rises towards the limit.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Trend {
    /// The rate of bad calls now, by the trend.
    pub rate: f64,
    /// By how much the rate rises per second.
    pub per_second: f64,
    /// The rate of bad calls at which the breaker's rules are meant to open it: theta, or the failure rate.
    pub limit: f64,
    /// When the rate reaches the limit, if it goes on like that: less than 120 s.
    #[serde(
        rename = "reaches_limit_in_seconds",
        serialize_with = "super::units::seconds"
    )]
    pub reaches_limit_in: Duration,
}

/// The rate of an interval: its middle in seconds, the rate, and of how many calls.
#[derive(Clone, Copy, Debug)]
struct Point {
    at: f64,
    rate: f64,
    calls: f64,
}

/// The last intervals that had calls.
#[derive(Debug)]
pub(super) struct Rates {
    latest: Latest<Point>,
    /// The test has found a rise, and since then all have been raised.
    rising: bool,
}

impl Rates {
    pub(super) fn new() -> Rates {
        Rates {
            latest: Latest::new(KEPT),
            rising: false,
        }
    }

    /// Adds the next interval. `normal` is the rate that is learnt.
    pub(super) fn add(&mut self, interval: &Interval, normal: f64) {
        let Some(rate) = interval.bad_rate() else {
            return;
        };
        let middle = (interval.start.as_secs_f64() + interval.end.as_secs_f64()) / 2.0;
        self.latest.push(Point {
            at: middle,
            rate,
            calls: interval.calls as f64,
        });
        let last: Vec<Point> = self
            .latest
            .iter()
            .rev()
            .take(INTERVALS)
            .rev()
            .copied()
            .collect();
        let found = last.len() == INTERVALS && mann_kendall(&last) > RAISED;
        self.rising = found || self.rising && is_raised(rate, normal);
    }

    pub(super) fn clear(&mut self) {
        self.latest.clear();
        self.rising = false;
    }

    /// The trend at the end of the last interval.
    pub(super) fn trend(&self, normal: f64, limit: f64, end: Duration) -> Option<Trend> {
        if !self.rising {
            return None;
        }
        let all: Vec<Point> = self.latest.iter().copied().collect();
        // only those that are raised, without a gap: the slope of what was before is another one
        let raised = all
            .iter()
            .rev()
            .take_while(|point| is_raised(point.rate, normal));
        let points = &all[all.len() - raised.count().max(FEWEST)..];
        let (slope, level) = theil_sen(points)?;
        let rate = level + slope * end.as_secs_f64();
        let left = (limit - rate) / slope;
        let known = slope > 0.0 && error(points) < ERROR * slope;
        (known && left < HORIZON).then(|| Trend {
            rate: rate.clamp(0.0, 1.0),
            per_second: slope,
            limit,
            reaches_limit_in: Duration::from_secs_f64(left.max(0.0)),
        })
    }
}

fn is_raised(rate: f64, normal: f64) -> bool {
    rate > 3.0 * normal + 0.005
}

fn pairs(points: &[Point]) -> impl Iterator<Item = (Point, Point)> {
    let later = |(i, a): (usize, &Point)| {
        let a = *a;
        points[i + 1..].iter().map(move |b| (a, *b))
    };
    points.iter().enumerate().flat_map(later)
}

/// The standard normal value of the pairs that rise over those that fall.
fn mann_kendall(points: &[Point]) -> f64 {
    let sign =
        |(a, b): (Point, Point)| f64::from(i8::from(b.rate > a.rate) - i8::from(b.rate < a.rate));
    let sum: f64 = pairs(points).map(sign).sum();
    let n = points.len() as f64;
    sum / (n * (n - 1.0) * (2.0 * n + 5.0) / 18.0).sqrt()
}

/// Slope, and level at time 0.
fn theil_sen(points: &[Point]) -> Option<(f64, f64)> {
    let mut slopes: Vec<f64> = pairs(points)
        .map(|(a, b)| (b.rate - a.rate) / (b.at - a.at))
        .collect();
    let slope = median(&mut slopes)?;
    let mut levels: Vec<f64> = points.iter().map(|p| p.rate - slope * p.at).collect();
    Some((slope, median(&mut levels)?))
}

/// The standard error of a slope through rates of independent calls.
fn error(points: &[Point]) -> f64 {
    let n = points.len() as f64;
    let mean = |of: fn(&Point) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (middle, rate, calls) = (mean(|p| p.at), mean(|p| p.rate), mean(|p| p.calls));
    let spread: f64 = points.iter().map(|p| (p.at - middle).powi(2)).sum();
    (rate * (1.0 - rate) / calls / spread).sqrt()
}

#[cfg(test)]
mod tests;
