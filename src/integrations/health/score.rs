//! The health of a dependency, as its breaker sees it.

use crate::observe::{Counts, Probes};
use crate::{Snapshot, State};
use serde_core::{Serialize, Serializer};
use std::fmt;
use std::time::Duration;

/// The score from which a closed breaker is up.
const UP: u8 = 80;
/// A window with fewer calls is filled up with good ones: one failure among two calls shows little.
const FEW: u64 = 5;
/// The best score of a round, and that of one without results.
const ROUND: f64 = 50.0;
const UNTOUCHED: u8 = 25;
/// The score of a dependency that is not monitored.
const UNKNOWN: u8 = 50;

/// Whether a dependency can be used.
///
/// The order is from bad to good, so the least of several is the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Status {
    /// Calls are not made.
    Down,
    /// Calls are made, and some go badly or are not monitored; or only probes are made.
    Degraded,
    /// Calls are made and go well.
    Up,
}

impl Status {
    /// Returns `up`, `degraded` or `down`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Status::Up => "up",
            Status::Degraded => "degraded",
            Status::Down => "down",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Status and score of one dependency. See the table of the [module](super).
///
/// ```
/// use tripcoil::Breaker;
/// use tripcoil::health::{Health, Status};
///
/// let breaker = Breaker::builder("db").consecutive_failures(9).build()?;
/// for n in 0..8 {
///     let _ = breaker.call(|| if n < 2 { Err("no route") } else { Ok(n) });
/// }
/// let health = Health::of(&breaker.observer().snapshot());
/// assert_eq!((health.status, health.score), (Status::Degraded, 75));
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Health {
    /// Whether it can be used.
    pub status: Status,
    /// The score, from 0 to 100.
    pub score: u8,
}

impl Health {
    pub(super) const fn new(status: Status, score: u8) -> Health {
        Health { status, score }
    }

    /// Computes the health from a breaker's snapshot.
    #[must_use]
    pub fn of(seen: &Snapshot) -> Health {
        match seen.state {
            State::Closed | State::ObserveOnly => {
                let score = of_window(seen.window);
                let well = score >= UP;
                Health::new(if well { Status::Up } else { Status::Degraded }, score)
            }
            State::HalfOpen => Health::new(Status::Degraded, of_round(seen.probes)),
            // the next call is a probe
            State::Open if seen.retry_after == Some(Duration::ZERO) => {
                Health::new(Status::Degraded, UNTOUCHED)
            }
            State::Open | State::ForcedOpen => Health::new(Status::Down, 0),
            State::Disabled => Health::new(Status::Degraded, UNKNOWN),
        }
    }
}

fn of_window(window: Counts) -> u8 {
    let good = |bad: u64, weight: f64| 1.0 - weight * bad as f64 / window.calls.max(FEW) as f64;
    // a snapshot's parts are at most its whole, but any two numbers must give a score
    let score = 100.0 * good(window.failures, 1.0) * good(window.slow, 0.5);
    score.round().clamp(0.0, 100.0) as u8
}

fn of_round(probes: Probes) -> u8 {
    let (succeeded, failed) = (f64::from(probes.succeeded), f64::from(probes.failed));
    if succeeded + failed == 0.0 {
        return UNTOUCHED;
    }
    (ROUND * succeeded / (succeeded + failed)).round() as u8
}
