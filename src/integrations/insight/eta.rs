//! How long an outage will last, from those before it.
//!
//! A conformal prediction: of exchangeable outages, the next one is at most as long as the `ceil(q (m + 1))`-th
//! smallest of `m` with probability `q` or more, whatever their distribution. Given that it has lasted for a while, only
//! the longer ones count.

use crate::integrations::insight::series::Latest;
use std::time::Duration;

/// The outages that are remembered: the newest ones, since a dependency changes.
const REMEMBERED: usize = 32;

/// What a guess assumes at least.
const SHORTEST: Duration = Duration::from_secs(1);

/// When an outage under way will be over.
///
/// `p50` and `p90` count from the moment of the report. Half of the outages, and nine of ten, end by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Eta {
    /// The median of the time that is left.
    #[serde(rename = "p50_seconds", serialize_with = "super::units::seconds")]
    pub p50: Duration,
    /// The time within which nine of ten such outages end.
    #[serde(rename = "p90_seconds", serialize_with = "super::units::seconds")]
    pub p90: Duration,
    /// How many earlier outages it is drawn from: those that lasted longer than this one has so far.
    pub outages: usize,
    /// Whether it is a guess, because these are too few for `p90` (fewer than nine) or even for `p50`. A guess assumes
    /// that an outage is expected to last as long again as it has.
    pub guess: bool,
}

/// How long the last outages lasted.
#[derive(Clone, Debug)]
pub(super) struct Past(Latest<Duration>);

impl Past {
    pub(super) fn new() -> Past {
        Past(Latest::new(REMEMBERED))
    }

    pub(super) fn add(&mut self, lasted: Duration) {
        self.0.push(lasted);
    }

    /// The last one goes on.
    pub(super) fn take_back(&mut self) {
        self.0.pop();
    }

    /// Of an outage that has lasted for so long.
    pub(super) fn eta(&self, elapsed: Duration) -> Eta {
        let mut longer: Vec<Duration> = self.0.iter().copied().filter(|d| *d > elapsed).collect();
        longer.sort_unstable();
        let (half, half_known) = total(&longer, elapsed, 0.5);
        let (most, most_known) = total(&longer, elapsed, 0.9);
        Eta {
            p50: half.saturating_sub(elapsed),
            // a guessed median may be beyond a known p90
            p90: most.max(half).saturating_sub(elapsed),
            outages: longer.len(),
            guess: !(half_known && most_known),
        }
    }
}

/// How long it lasts in all, with probability `q`; and whether there were enough to know.
fn total(longer: &[Duration], elapsed: Duration, q: f64) -> (Duration, bool) {
    let rank = (q * (longer.len() + 1) as f64).ceil() as usize;
    if let Some(known) = longer.get(rank - 1) {
        return (*known, true);
    }
    // P(longer than t | longer than e) = e / t, of the longest that is known
    let longest = longer.last().copied().unwrap_or_default();
    let base = longest.max(elapsed).max(SHORTEST);
    // 2 and 10, in whole numbers, which saturate
    let times = (1.0 / (1.0 - q)).round() as u32;
    (base.saturating_mul(times), false)
}

#[cfg(test)]
mod tests;
