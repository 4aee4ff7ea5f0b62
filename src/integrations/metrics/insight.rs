//! The series of a breaker's insight.
#![cfg(feature = "insight")]

use crate::insight::{Cost, Pattern, Report};
use crate::integrations::metrics::series::{Labels, describe_counters, describe_gauges};
use ::metrics::{Counter, Gauge};
use std::time::Duration;

const COUNTERS: [(&str, &str); 3] = [
    (
        "tripcoil_outages_total",
        "Outages that have begun since the insight did.",
    ),
    (
        "tripcoil_wasted_calls_total",
        "Calls wasted on a failing or slow dependency (estimate).",
    ),
    (
        "tripcoil_good_calls_rejected_total",
        "Calls that were rejected although the dependency was well again, by estimate.",
    ),
];

const GAUGES: [(&str, &str); 8] = [
    (
        "tripcoil_health_score",
        "How well the next calls are likely to go, 0 to 1.",
    ),
    (
        "tripcoil_health_confidence",
        "How much the health score is worth, 0 to 1.",
    ),
    (
        "tripcoil_eta_seconds",
        "Time until half (0.5) or nine in ten (0.9) of such outages are over; 0 without an outage.",
    ),
    (
        "tripcoil_eta_guessed",
        "1 if the ETA is a guess, because too few outages are known.",
    ),
    (
        "tripcoil_degraded",
        "1 while more calls are bad than is normal.",
    ),
    ("tripcoil_rising", "1 while bad calls are on the rise."),
    (
        "tripcoil_limit_reached_in_seconds",
        "When bad calls reach the limit if they go on rising; 0 if they do not rise.",
    ),
    (
        "tripcoil_outage_pattern",
        "1 for the pattern of the last hour's outages, 0 for the others.",
    ),
];

const PATTERNS: [&str; 4] = ["single", "repeated", "flapping", "periodic"];

/// The series of one set of labels.
pub(super) struct InsightSeries {
    /// Outages, wasted calls, good calls rejected.
    counters: [Counter; 3],
    score: Gauge,
    confidence: Gauge,
    /// The median, and the 0.9 quantile.
    eta: [Gauge; 2],
    eta_guessed: Gauge,
    degraded: Gauge,
    rising: Gauge,
    limit_reached_in: Gauge,
    patterns: [Gauge; 4],
}

impl InsightSeries {
    pub(super) fn new(labels: &Labels) -> InsightSeries {
        describe_counters(&COUNTERS);
        describe_gauges(&GAUGES);
        let [
            score,
            confidence,
            eta,
            guessed,
            degraded,
            rising,
            limit,
            pattern,
        ] = GAUGES.map(|(name, _)| name);
        InsightSeries {
            counters: COUNTERS.map(|(name, _)| labels.counter(name, &[])),
            score: labels.gauge(score, &[]),
            confidence: labels.gauge(confidence, &[]),
            eta: ["0.5", "0.9"].map(|quantile| labels.gauge(eta, &[("quantile", quantile)])),
            eta_guessed: labels.gauge(guessed, &[]),
            degraded: labels.gauge(degraded, &[]),
            rising: labels.gauge(rising, &[]),
            limit_reached_in: labels.gauge(limit, &[]),
            patterns: PATTERNS.map(|one| labels.gauge(pattern, &[("pattern", one)])),
        }
    }

    pub(super) fn set(&self, report: &Report) {
        self.score.set(report.health.value / 100.0);
        self.confidence.set(report.health.confidence);
        let eta = report
            .eta
            .map_or([Duration::ZERO; 2], |eta| [eta.p50, eta.p90]);
        for (gauge, eta) in self.eta.iter().zip(eta) {
            gauge.set(eta.as_secs_f64());
        }
        set_if(&self.eta_guessed, report.eta.is_some_and(|eta| eta.guess));
        set_if(&self.degraded, report.degraded.is_some());
        set_if(&self.rising, report.trend.is_some());
        let left = report.trend.map(|trend| trend.reaches_limit_in);
        self.limit_reached_in
            .set(left.unwrap_or_default().as_secs_f64());
        let pattern = report.pattern.map(Pattern::as_str);
        for (gauge, one) in self.patterns.iter().zip(PATTERNS) {
            set_if(gauge, pattern == Some(one));
        }
        self.count(&report.cost);
    }

    /// Of a breaker that is forgotten.
    pub(super) fn set_final(&self, cost: &Cost) {
        let single = [
            &self.score,
            &self.confidence,
            &self.eta_guessed,
            &self.degraded,
            &self.rising,
            &self.limit_reached_in,
        ];
        for gauge in single.into_iter().chain(&self.eta).chain(&self.patterns) {
            gauge.set(0.0);
        }
        self.count(cost);
    }

    fn count(&self, cost: &Cost) {
        let counts = [cost.outages, cost.wasted, cost.rejected_good];
        for (counter, count) in self.counters.iter().zip(counts) {
            counter.absolute(count);
        }
    }
}

fn set_if(gauge: &Gauge, holds: bool) {
    gauge.set(f64::from(u8::from(holds)));
}
