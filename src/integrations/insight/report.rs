//! What is known of a breaker, as plain data.

use crate::State;
use crate::integrations::insight::degraded::Degraded;
use crate::integrations::insight::eta::Eta;
use crate::integrations::insight::outage::{Cost, OutageRecord};
use crate::integrations::insight::pattern::{Bursts, Pattern};
use crate::integrations::insight::score::Score;
use crate::integrations::insight::trend::Trend;
use serde::Serialize;
use std::time::Duration;

/// What [`Insight`](super::Insight) knows of its breaker, by now.
///
/// Times are by the breaker's clock; serialised, they are seconds, in fields that end in `_seconds`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The breaker's name.
    pub name: String,
    /// The breaker's state.
    pub state: State,
    /// When the report was made, by the breaker's clock.
    #[serde(rename = "at_seconds", serialize_with = "super::units::seconds")]
    pub at: Duration,
    /// How well the next calls are likely to go.
    pub health: Score,
    /// When the outage under way is likely to end. `None` without one, and if an operator opened the breaker.
    pub eta: Option<Eta>,
    /// Bad calls are on the rise, and will reach the limit within 120 s.
    pub trend: Option<Trend>,
    /// More calls are bad than is normal.
    pub degraded: Option<Degraded>,
    /// How the outages of the last hour follow each other; `None` without any.
    pub pattern: Option<Pattern>,
    /// Whether failures come in bursts; `None` with fewer than 20 in the last 300 intervals.
    pub bursts: Option<Bursts>,
    /// What is normal.
    pub traffic: Traffic,
    /// The outage under way.
    pub outage: Option<OutageRecord>,
    /// The outages that have ended, oldest first: the last 32.
    pub outages: Vec<OutageRecord>,
    /// How many have ended since the insight began.
    pub outages_total: u64,
    /// What all of them have cost, the one under way included.
    pub cost: Cost,
}

/// The traffic while the breaker is closed, as learnt over about five minutes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Traffic {
    /// Calls per second.
    pub pace: f64,
    /// The share of calls that fail or are slow.
    pub bad_rate: f64,
    /// The share of calls that fail.
    pub failure_rate: f64,
    /// The share of calls that are slow.
    pub slow_rate: f64,
    /// From how many intervals of a second (or of a bucket, if that is longer) this was learnt.
    pub intervals: u32,
    /// How long these intervals were.
    #[serde(skip)]
    pub(super) learnt_over: Duration,
}
