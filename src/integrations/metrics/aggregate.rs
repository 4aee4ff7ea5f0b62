//! A registry's series: one set for all its breakers.
#![cfg(feature = "registry")]

use crate::State;
use crate::integrations::metrics::series::{
    Labels, STATES, describe_counters, describe_gauges, set_rejections,
};
use crate::registry::Aggregate;
use ::metrics::{Counter, Gauge, Label};
use std::fmt;

const COUNTERS: [(&str, &str); 6] = [
    (
        "tripcoil_registry_calls_total",
        "Calls of all breakers that have ended, by outcome.",
    ),
    (
        "tripcoil_registry_rejections_total",
        "Calls that were not admitted by their breaker.",
    ),
    (
        "tripcoil_registry_slow_calls_total",
        "Calls that lasted longer than the slow limit.",
    ),
    (
        "tripcoil_registry_transitions_total",
        "Transitions of all breakers.",
    ),
    (
        "tripcoil_registry_evictions_total",
        "Breakers that were forgotten.",
    ),
    (
        "tripcoil_registry_withheld_trips_total",
        "Trips that the registry's bound has withheld.",
    ),
];

const GAUGES: [(&str, &str); 2] = [
    ("tripcoil_registry_breakers", "Breakers, by state."),
    (
        "tripcoil_registry_over_capacity",
        "Breakers beyond the capacity.",
    ),
];

/// Publishes the totals of a whole registry, where a series per key would be too many.
///
/// Each series has the label `registry`. Counters are set to the registry's own totals, so
/// registries need different names.
///
/// | name | kind | further labels |
/// |---|---|---|
/// | `tripcoil_registry_calls_total` | counter | `outcome`, as `tripcoil_calls_total` |
/// | `tripcoil_registry_rejections_total` | counter | `state`, as `tripcoil_rejections_total` |
/// | `tripcoil_registry_slow_calls_total` | counter | |
/// | `tripcoil_registry_transitions_total` | counter | |
/// | `tripcoil_registry_evictions_total` | counter | |
/// | `tripcoil_registry_withheld_trips_total` | counter | |
/// | `tripcoil_registry_breakers` | gauge | `state` |
/// | `tripcoil_registry_over_capacity` | gauge | |
///
/// ```
/// use tripcoil::metrics::RegistryPublisher;
/// use tripcoil::registry::Registry;
///
/// let registry = Registry::<String>::from_config(Default::default())?.build();
/// let publisher = RegistryPublisher::new("tenants");
/// // before each scrape, or every few seconds
/// publisher.publish(&registry.aggregate());
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
pub struct RegistryPublisher {
    name: String,
    /// Success, failure, ignored, cancelled, late.
    calls: [Counter; 5],
    rejections: [(State, Counter); 4],
    slow: Counter,
    transitions: Counter,
    evictions: Counter,
    withheld: Counter,
    breakers: [(State, Gauge); 6],
    over_capacity: Gauge,
}

impl fmt::Debug for RegistryPublisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryPublisher")
            .field("registry", &self.name)
            .finish_non_exhaustive()
    }
}

impl RegistryPublisher {
    /// Returns a publisher for the recorder that is installed now. `registry` is the value of the
    /// label `registry`.
    #[must_use]
    pub fn new(registry: impl Into<String>) -> RegistryPublisher {
        describe_counters(&COUNTERS);
        describe_gauges(&GAUGES);
        let name = registry.into();
        let labels = Labels::new(vec![Label::new("registry", name.clone())]);
        let outcomes = ["success", "failure", "ignored", "cancelled", "late"];
        RegistryPublisher {
            name,
            calls: outcomes
                .map(|o| labels.counter("tripcoil_registry_calls_total", &[("outcome", o)])),
            rejections: labels.rejections("tripcoil_registry_rejections_total"),
            slow: labels.counter("tripcoil_registry_slow_calls_total", &[]),
            transitions: labels.counter("tripcoil_registry_transitions_total", &[]),
            evictions: labels.counter("tripcoil_registry_evictions_total", &[]),
            withheld: labels.counter("tripcoil_registry_withheld_trips_total", &[]),
            breakers: STATES.map(|state| {
                let label = ("state", state.as_str());
                (state, labels.gauge("tripcoil_registry_breakers", &[label]))
            }),
            over_capacity: labels.gauge("tripcoil_registry_over_capacity", &[]),
        }
    }

    /// Sets all series to these figures.
    pub fn publish(&self, all: &Aggregate) {
        let t = &all.totals;
        let calls = [t.successes, t.failures, t.ignored, t.cancelled, t.late];
        for (counter, count) in self.calls.iter().zip(calls) {
            counter.absolute(count);
        }
        set_rejections(&self.rejections, &all.rejections_by_state);
        self.slow.absolute(t.slow);
        self.transitions.absolute(all.transitions);
        self.evictions.absolute(all.evicted);
        self.withheld.absolute(all.withheld);
        for (state, gauge) in &self.breakers {
            gauge.set(all.in_state(*state) as f64);
        }
        self.over_capacity.set(all.over_capacity() as f64);
    }
}
