//! The series, by name.

#[cfg(feature = "registry")]
use crate::integrations::labels as label;
#[cfg(feature = "registry")]
use crate::observe::Rejections;
use crate::{Cause, State};
use ::metrics::{
    Counter, Gauge, Histogram, Key, Label, Level, Metadata, SharedString, Unit, with_recorder,
};
use std::sync::Arc;

const METADATA: Metadata<'_> = Metadata::new("tripcoil", Level::INFO, Some(module_path!()));

pub(super) const STATES: [State; 6] = [
    State::Closed,
    State::Open,
    State::HalfOpen,
    State::ForcedOpen,
    State::Disabled,
    State::ObserveOnly,
];

/// Every possible transition, by its target and cause. All exist from the start, at zero, so that
/// the first of each is an increase.
pub(super) const WAYS: [(State, Cause); 15] = [
    (State::Open, Cause::ConsecutiveFailures),
    (State::Open, Cause::FailureCount),
    (State::Open, Cause::FailureRate),
    (State::Open, Cause::SlowRate),
    (State::HalfOpen, Cause::OpenElapsed),
    (State::Closed, Cause::ProbesSucceeded),
    (State::Open, Cause::ProbeFailed),
    (State::Open, Cause::ProbeTimeout),
    (State::Open, Cause::ProbesCancelled),
    (State::Closed, Cause::Manual),
    (State::Open, Cause::Manual),
    (State::HalfOpen, Cause::Manual),
    (State::ForcedOpen, Cause::Manual),
    (State::Disabled, Cause::Manual),
    (State::ObserveOnly, Cause::Manual),
];

/// The labels of each series of one source.
#[derive(Clone, Debug)]
pub(super) struct Labels(pub(super) Vec<Label>);

impl Labels {
    /// The texts are shared from here on, because each series has them.
    pub(super) fn new(labels: Vec<Label>) -> Labels {
        let shared = |text: SharedString| SharedString::from(Arc::<str>::from(&*text));
        let one = |label: Label| {
            let (key, value) = label.into_parts();
            Label::new(shared(key), shared(value))
        };
        Labels(labels.into_iter().map(one).collect())
    }

    fn key(&self, name: &'static str, more: &[(&'static str, &'static str)]) -> Key {
        let mut labels = self.0.clone();
        labels.extend(more.iter().map(|&(k, v)| Label::from_static_parts(k, v)));
        Key::from_parts(name, labels)
    }

    pub(super) fn counter(
        &self,
        name: &'static str,
        more: &[(&'static str, &'static str)],
    ) -> Counter {
        let key = self.key(name, more);
        with_recorder(|recorder| recorder.register_counter(&key, &METADATA))
    }

    /// A counter per state that rejects.
    #[cfg(feature = "registry")]
    pub(super) fn rejections(&self, name: &'static str) -> [(State, Counter); 3] {
        [State::Open, State::HalfOpen, State::ForcedOpen].map(|state| {
            let label = ("state", label::state(state));
            (state, self.counter(name, &[label]))
        })
    }

    pub(super) fn histogram(&self, name: &'static str) -> Histogram {
        let key = self.key(name, &[]);
        with_recorder(|recorder| recorder.register_histogram(&key, &METADATA))
    }

    pub(super) fn gauge(&self, name: &'static str, more: &[(&'static str, &'static str)]) -> Gauge {
        let key = self.key(name, more);
        with_recorder(|recorder| recorder.register_gauge(&key, &METADATA))
    }
}

pub(super) fn describe_counters(all: &[(&'static str, &'static str)]) {
    for &(name, what) in all {
        with_recorder(|recorder| recorder.describe_counter(name.into(), None, what.into()));
    }
}

pub(super) fn describe_gauges(all: &[(&'static str, &'static str)]) {
    for &(name, what) in all {
        let unit = name.ends_with("_seconds").then_some(Unit::Seconds);
        with_recorder(|recorder| recorder.describe_gauge(name.into(), unit, what.into()));
    }
}

pub(super) fn describe_histogram((name, what): (&'static str, &'static str)) {
    with_recorder(|recorder| {
        recorder.describe_histogram(name.into(), Some(Unit::Seconds), what.into());
    });
}

#[cfg(feature = "registry")]
pub(super) fn set_rejections(counters: &[(State, Counter)], all: &Rejections) {
    for (state, counter) in counters {
        counter.absolute(all.get(*state));
    }
}
