//! The series of a fleet, as one instance sees it.
#![cfg(feature = "fleet")]

use crate::integrations::metrics::series::{Labels, describe_counters, describe_gauges};
use ::metrics::{Counter, Gauge, Label};
use std::time::Duration;

const COUNTERS: [(&str, &str); 2] = [
    (
        "tripcoil_fleet_reports_total",
        "Reports that the fleet's store has answered.",
    ),
    (
        "tripcoil_fleet_failures_total",
        "Requests that the fleet's store has not answered, by reason.",
    ),
];

const GAUGES: [(&str, &str); 5] = [
    (
        "tripcoil_fleet_link",
        "1 while the fleet's store answers, 0 while breakers are local.",
    ),
    (
        "tripcoil_fleet_link_lasted_seconds",
        "How long the link to the fleet's store has been up or down.",
    ),
    (
        "tripcoil_fleet_breakers_down",
        "Breakers whose dependency the fleet has found down, those of registries too.",
    ),
    (
        "tripcoil_fleet_down",
        "1 while the fleet has found the dependency down.",
    ),
    (
        "tripcoil_fleet_lease",
        "1 while this instance may probe for the fleet.",
    ),
];

/// As the store's reasons are called.
const REASONS: [&str; 6] = [
    "unreachable",
    "timeout",
    "denied",
    "read_only",
    "script",
    "protocol",
];

/// The series of an agent.
pub(crate) struct FleetSeries {
    link: Gauge,
    lasted: Gauge,
    breakers_down: Gauge,
    reports: Counter,
    failures: [(&'static str, Counter); REASONS.len()],
}

impl FleetSeries {
    pub(crate) fn new(fleet: &str) -> FleetSeries {
        describe_counters(&COUNTERS);
        describe_gauges(&GAUGES);
        let labels = Labels::new(vec![Label::new("fleet", fleet.to_owned())]);
        let [link, lasted, breakers_down, ..] = GAUGES.map(|(name, _)| name);
        let [(reports, _), (failures, _)] = COUNTERS;
        FleetSeries {
            link: labels.gauge(link, &[]),
            lasted: labels.gauge(lasted, &[]),
            breakers_down: labels.gauge(breakers_down, &[]),
            reports: labels.counter(reports, &[]),
            failures: REASONS
                .map(|reason| (reason, labels.counter(failures, &[("reason", reason)]))),
        }
    }

    pub(crate) fn set(&self, up: bool, lasted: Duration, breakers_down: u64) {
        self.link.set(f64::from(u8::from(up)));
        self.lasted.set(lasted.as_secs_f64());
        self.breakers_down.set(breakers_down as f64);
    }

    pub(crate) fn reported(&self, reports: u64) {
        self.reports.increment(reports);
    }

    pub(crate) fn failed(&self, reason: &str) {
        let counter = self.failures.iter().find(|(one, _)| *one == reason);
        if let Some((_, counter)) = counter {
            counter.increment(1);
        }
    }
}

/// The series of one breaker in a fleet. There are no such series for keys of a registry: they would be too many.
pub(crate) struct FleetBreakerSeries {
    down: Gauge,
    lease: Gauge,
}

impl FleetBreakerSeries {
    pub(crate) fn new(fleet: &str, breaker: &str) -> FleetBreakerSeries {
        describe_gauges(&GAUGES);
        let labels = [("breaker", breaker), ("fleet", fleet)];
        let labels = labels.map(|(name, value)| Label::new(name, value.to_owned()));
        let labels = Labels::new(labels.into());
        let [.., down, lease] = GAUGES.map(|(name, _)| name);
        FleetBreakerSeries {
            down: labels.gauge(down, &[]),
            lease: labels.gauge(lease, &[]),
        }
    }

    pub(crate) fn set(&self, down: bool, lease: bool) {
        self.down.set(f64::from(u8::from(down)));
        self.lease.set(f64::from(u8::from(lease)));
    }
}
