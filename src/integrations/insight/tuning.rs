//! What a tuner has changed, and what it must leave alone.

use crate::integrations::insight::change::Change;
use crate::integrations::insight::outage::OutageRecord;
use crate::integrations::insight::series::Latest;
use crate::integrations::insight::setting::{
    CONSECUTIVE_FAILURES, FAILURE_COUNT, FAILURE_RATE, LIVE, MIN_THROUGHPUT, SLOW_CALL, SLOW_RATE,
    value_of,
};
use crate::integrations::insight::value::Value;
use crate::{Cause, Config};
use std::time::Duration;

/// Changes are so far apart, and a false opening is put down to one for so long.
const HOUR: Duration = Duration::from_secs(3600);
/// How long a setting is left alone.
const DAY: Duration = Duration::from_secs(86_400);
/// Why a change is undone.
const UNDONE: &str = "Undone: the rule tripped sooner by it, and then opened the breaker, falsely so by all that is known.";
/// How many changes are kept.
const KEPT: usize = 64;

#[derive(Debug)]
pub(super) struct Tuning {
    changes: Latest<Change>,
    /// When the last ones were made.
    last: Option<Duration>,
    /// Those, as far as they may have to be undone.
    pending: Vec<Change>,
    /// What each setting was when it was last looked at; `None` of a rule that was off.
    last_seen: Vec<(&'static str, Option<Value>)>,
    /// Settings that are left alone, and until when.
    held: Vec<(&'static str, Duration)>,
}

impl Tuning {
    /// Of a breaker with these settings.
    pub(super) fn new(config: &Config) -> Tuning {
        Tuning {
            changes: Latest::new(KEPT),
            last: None,
            pending: Vec::new(),
            last_seen: LIVE
                .map(|setting| (setting, value_of(config, setting)))
                .into(),
            held: Vec::new(),
        }
    }

    /// Leaves settings alone that the operator has changed since they were last looked at.
    pub(super) fn respect(&mut self, config: &Config, now: Duration) {
        let Tuning {
            last_seen,
            held,
            pending,
            ..
        } = self;
        for (setting, seen) in last_seen {
            let value = value_of(config, setting);
            if value != *seen {
                *seen = value;
                hold(held, setting, now);
                pending.retain(|change| change.setting != *setting);
            }
        }
    }

    /// Returns the changes that undo the last ones, if an opening followed that may have been false and that they may have
    /// caused.
    pub(super) fn regretted(&mut self, outages: &[OutageRecord], now: Duration) -> Vec<Change> {
        let followed = |change: &Change, outage: &OutageRecord| {
            let since = outage.began.checked_sub(change.at);
            since.is_some_and(|since| since <= HOUR) && outage.may_be_false()
        };
        let caused = |change: &&Change| {
            let mut those = outages.iter().filter(|outage| followed(change, outage));
            those.any(|outage| outage.cause.is_some_and(|cause| may_cause(change, cause)))
        };
        let undo = |change: &Change| Change {
            at: now,
            setting: change.setting,
            from: change.to.clone(),
            to: change.from.clone(),
            reason: UNDONE.into(),
        };
        let undone: Vec<Change> = self.pending.iter().filter(caused).map(undo).collect();
        for change in &undone {
            hold(&mut self.held, change.setting, now);
            self.pending.retain(|one| one.setting != change.setting);
        }
        undone
    }

    pub(super) fn is_due(&self, now: Duration) -> bool {
        self.last
            .is_none_or(|last| now.saturating_sub(last) >= HOUR)
    }

    /// Whether a setting is left alone.
    pub(super) fn holds(&self, setting: &str, now: Duration) -> bool {
        self.held
            .iter()
            .any(|(held, until)| *held == setting && now < *until)
    }

    /// Notes what was changed.
    pub(super) fn made(&mut self, made: &[Change], now: Duration) {
        if made.is_empty() {
            return;
        }
        self.last = Some(now);
        self.held.retain(|(_, until)| now < *until);
        // What was undone is held. Then the others of the last changes may still have to be undone.
        if made.iter().any(|change| !self.holds(change.setting, now)) {
            self.pending = made.to_vec();
        }
        for change in made {
            for (setting, seen) in &mut self.last_seen {
                if *setting == change.setting {
                    *seen = Some(change.to.clone());
                }
            }
            self.changes.push(change.clone());
        }
    }

    pub(super) fn changes(&self) -> Vec<Change> {
        self.changes.iter().cloned().collect()
    }
}

fn hold(held: &mut Vec<(&'static str, Duration)>, setting: &'static str, now: Duration) {
    held.retain(|(one, _)| *one != setting);
    held.push((setting, now + DAY));
}

/// Whether a change can be why a rule has opened the breaker: it belongs to that rule, which trips sooner by it.
fn may_cause(change: &Change, cause: Cause) -> bool {
    let rules: &[Cause] = match change.setting {
        CONSECUTIVE_FAILURES => &[Cause::ConsecutiveFailures],
        FAILURE_COUNT => &[Cause::FailureCount],
        FAILURE_RATE => &[Cause::FailureRate],
        MIN_THROUGHPUT => &[Cause::FailureRate, Cause::SlowRate],
        SLOW_RATE => &[Cause::SlowRate],
        SLOW_CALL => &[Cause::SlowRate, Cause::Evidence],
        // waits and rounds open no closed breaker
        _ => &[],
    };
    let sooner = match (&change.from, &change.to) {
        (Value::Count(from), Value::Count(to)) => to < from,
        (Value::Rate(from), Value::Rate(to)) => to < from,
        (Value::Time(from), Value::Time(to)) => to < from,
        _ => false,
    };
    sooner && rules.contains(&cause)
}

#[cfg(test)]
mod tests;
