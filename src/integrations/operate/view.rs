//! What is shown of a breaker.

use crate::error::caught::caught;
#[cfg(feature = "insight")]
use crate::insight::{Insight, Report};
use crate::integrations::operate::operator::Operator;
use crate::{Clock, Config, Observer, Snapshot, State, Transition};
use serde::Serialize;
use serde_json::Value;

/// A breaker in a list.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    name: String,
    switchable: bool,
    state: State,
    generation: u64,
    time_in_state_seconds: f64,
    retry_after_seconds: Option<f64>,
    failure_rate: f64,
    slow_rate: f64,
    calls: u64,
    rejected: u64,
}

/// How many transitions are shown beside a breaker. The rest is in its history.
const TRANSITIONS: usize = 16;

/// Everything about a breaker.
#[derive(Debug, Serialize)]
pub(super) struct Whole {
    name: String,
    switchable: bool,
    /// The breaker's clock.
    at_seconds: f64,
    snapshot: Snapshot,
    /// The last ones, oldest first.
    history: Vec<Transition>,
    config: Value,
    #[cfg(feature = "insight")]
    insight: Option<Report>,
}

/// `None` where the breaker's clock panics: it is the user's.
pub(super) fn summary(observer: &Observer, switchable: bool) -> Option<Summary> {
    let seen = caught(|| observer.figures())?;
    Some(Summary {
        name: observer.name().to_owned(),
        switchable,
        state: seen.state,
        generation: seen.generation,
        time_in_state_seconds: seen.time_in_state.as_secs_f64(),
        retry_after_seconds: seen.retry_after.map(|wait| wait.as_secs_f64()),
        failure_rate: seen.failure_rate,
        slow_rate: seen.slow_rate,
        calls: seen.window.calls,
        rejected: seen.totals.rejected,
    })
}

impl Operator {
    /// `None` where the breaker's clock panics.
    pub(super) fn whole(&self, observer: &Observer, switchable: bool) -> Option<Whole> {
        caught(|| Whole {
            name: observer.name().to_owned(),
            switchable,
            snapshot: observer.snapshot(),
            history: observer.history_before(u64::MAX, TRANSITIONS),
            // the last, so that nothing shown is later
            at_seconds: observer.now().as_secs_f64(),
            config: config(observer.config()),
            #[cfg(feature = "insight")]
            insight: self.report_of(observer),
        })
    }

    #[cfg(feature = "insight")]
    pub(super) fn insight_of(&self, observer: &Observer) -> Option<Insight> {
        let is_of = |insight: &&Insight| insight.observer().is_same(observer);
        let known = self.insights.iter().find(is_of).cloned();
        known.or_else(|| self.insight_of.as_ref()?(observer))
    }

    /// `None` also where the search of the user's panics: what is known without it is shown all the same.
    #[cfg(feature = "insight")]
    fn report_of(&self, observer: &Observer) -> Option<Report> {
        caught(|| self.insight_of(observer).map(|insight| insight.report()))?
    }
}

/// The settings in force, as in a file; without the clock if it is the program's own.
pub(super) fn config(mut config: Config) -> Value {
    if let Ok(written) = serde_json::to_value(&config) {
        return written;
    }
    config.clock = Clock::coarse();
    let mut written = serde_json::to_value(&config).unwrap_or_default();
    if let Some(settings) = written.as_object_mut() {
        settings.remove("clock");
    }
    written
}
