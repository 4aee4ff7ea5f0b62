//! What is to be expected of a configuration: false openings per day, and the time to see an outage.

use crate::integrations::insight::observed::Observed;
use crate::integrations::insight::odds::{
    Extent, Noise, OutageRule, RateRule, count_false_trips_per_day, count_seconds_to_detect,
    run_false_trips_per_day,
};
use crate::{Config, Window};
use std::time::Duration;

/// What is to be expected of a configuration.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Expected {
    /// Per day.
    pub(super) false_trips: f64,
    /// If every call fails; without a rule on failures, if every call is slow.
    pub(super) detect: Option<Duration>,
}

pub(super) fn expected(seen: &Observed, config: &Config) -> Expected {
    let (pace, extent) = (seen.pace, extent(&config.window));
    if pace <= 0.0 {
        return Expected::default();
    }
    let failing = Noise {
        pace,
        bad: seen.failing,
    };
    let slow = Noise {
        pace,
        bad: slow(seen, config),
    };
    let (mut false_trips, mut on_failures, mut on_slow) = (0.0, Vec::new(), None);
    if let Some(n) = config.consecutive_failures.map(f64::from) {
        false_trips += run_false_trips_per_day(n, failing);
        on_failures.push(count_seconds_to_detect(n, pace));
    }
    if let Some(n) = config.failure_count.map(f64::from) {
        false_trips += count_false_trips_per_day(n, extent, failing);
        on_failures.extend(
            extent
                .holds(n, pace)
                .then(|| count_seconds_to_detect(n, pace)),
        );
    }
    if let Some(rate) = config.failure_rate {
        let rule = rate_rule(config, rate);
        false_trips += rule.false_trips_per_day(failing);
        on_failures.extend(rule.seconds_to_detect(pace));
    }
    if let Some(rate) = config.slow_rate {
        let rule = rate_rule(config, rate);
        false_trips += rule.false_trips_per_day(slow);
        on_slow = rule.seconds_to_detect(pace);
    }
    if let Some(outage) = config.outage {
        let rule = OutageRule {
            theta: outage.theta,
            loss: outage.loss,
        };
        let bad = (failing.bad + slow.bad).min(1.0);
        false_trips += rule.false_trips_per_day(Noise { pace, bad });
        on_failures.push(rule.seconds_to_detect(pace));
    }
    let first = on_failures.into_iter().min_by(f64::total_cmp).or(on_slow);
    Expected {
        false_trips,
        detect: first.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
    }
}

pub(super) fn extent(window: &Window) -> Extent {
    match (window.time_span(), window.size()) {
        (Some(span), _) => Extent::Time {
            seconds: span.as_secs_f64(),
            buckets: window.buckets_in_force().into(),
        },
        (None, size) => Extent::Count(size.unwrap_or(1).into()),
    }
}

pub(super) fn rate_rule(config: &Config, rate: f64) -> RateRule {
    RateRule {
        rate,
        min_throughput: config.min_throughput_in_force().into(),
        extent: extent(&config.window),
    }
}

/// The share of calls that is slow by this configuration.
pub(super) fn slow(seen: &Observed, config: &Config) -> f64 {
    config.slow_call.map_or(0.0, |limit| seen.slow_at(limit))
}

#[cfg(test)]
mod tests;
