//! The series, by name.

#[cfg(feature = "registry")]
#[cfg(feature = "registry")]
use crate::observe::Rejections;
use crate::{Cause, State};
use ::metrics::{
    Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, SharedString, Unit,
    with_recorder,
};
#[cfg(feature = "registry")]
use std::fmt::Write;

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
pub(super) const WAYS: [(State, Cause); 20] = [
    (State::Open, Cause::ConsecutiveFailures),
    (State::Open, Cause::FailureCount),
    (State::Open, Cause::FailureRate),
    (State::Open, Cause::SlowRate),
    (State::Open, Cause::Evidence),
    (State::Open, Cause::Hang),
    (State::Open, Cause::Peers),
    (State::HalfOpen, Cause::OpenElapsed),
    (State::Closed, Cause::ProbesSucceeded),
    (State::Open, Cause::ProbeFailed),
    (State::Open, Cause::ProbeTimeout),
    (State::Open, Cause::ProbesCancelled),
    (State::Closed, Cause::RampCompleted),
    (State::Open, Cause::RampFailed),
    (State::Closed, Cause::Manual),
    (State::Open, Cause::Manual),
    (State::HalfOpen, Cause::Manual),
    (State::ForcedOpen, Cause::Manual),
    (State::Disabled, Cause::Manual),
    (State::ObserveOnly, Cause::Manual),
];

/// The label with the breaker's name.
const BREAKER: &str = "breaker";

/// Labels that series add themselves, and exporters to histograms.
const OURS: [&str; 9] = [
    "cause", "kind", "le", "outcome", "pattern", "quantile", "reason", "state", "to",
];

/// The labels of each series of one source.
#[derive(Clone, Debug)]
pub(super) struct Labels(pub(super) Vec<Label>);

impl Labels {
    /// The texts are shared from here on, because each series has them.
    pub(super) fn new(labels: Vec<Label>) -> Labels {
        let shared = |text: SharedString| KeyName::from(text).to_retained().into_inner();
        let one = |label: Label| {
            let (key, value) = label.into_parts();
            Label::new(shared(key), shared(value))
        };
        Labels(labels.into_iter().map(one).collect())
    }

    /// Those of a breaker: its name too, unless a label has that key. No two have the same key, or keys
    /// that are the same in an exporter, and none has one that a series adds; and they are in order, so
    /// that equal ones are one set.
    pub(super) fn of_breaker(name: &str, mut labels: Vec<Label>) -> Vec<Label> {
        for label in &mut labels {
            if OURS.iter().any(|ours| same(ours, label.key())) {
                let exported = format!("exported_{}", label.key());
                *label = Label::new(exported, take(label).into_parts().1);
            }
        }
        let names = |label: &Label| same(BREAKER, label.key());
        if !labels.iter().any(names) {
            labels.push(Label::new(BREAKER, name.to_owned()));
        }
        // those of one key stay in their order, and the first of them remains
        labels.sort_by(|a, b| exported(a.key()).cmp(exported(b.key())));
        labels.dedup_by(|later, first| same(first.key(), later.key()));
        labels
    }

    /// Labels in one text, by which they are compared: each text with its length, so that no two are alike.
    #[cfg(feature = "registry")]
    pub(super) fn text(labels: &[Label]) -> String {
        let mut text = String::new();
        for part in labels.iter().flat_map(|l| [l.key(), l.value()]) {
            // a string never refuses
            let _ = write!(text, "{}:{part}", part.len());
        }
        text
    }

    /// The labels of such a text.
    #[cfg(feature = "registry")]
    pub(super) fn parse(text: &str) -> Vec<Label> {
        let mut rest = text;
        let mut part = || {
            let (length, from) = rest.split_once(':')?;
            let (part, more) = from.split_at_checked(length.parse().ok()?)?;
            rest = more;
            Some(part.to_owned())
        };
        std::iter::from_fn(|| Some(Label::new(part()?, part()?))).collect()
    }

    fn key(&self, name: &'static str, more: &[(&'static str, &'static str)]) -> Key {
        let mut labels = Vec::with_capacity(self.0.len() + more.len());
        labels.extend_from_slice(&self.0);
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
    pub(super) fn rejections(&self, name: &'static str) -> [(State, Counter); 4] {
        let rejecting = [
            State::Open,
            State::HalfOpen,
            State::ForcedOpen,
            State::Closed,
        ];
        rejecting.map(|state| {
            let label = ("state", state.as_str());
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

fn take(label: &mut Label) -> Label {
    std::mem::replace(label, Label::from_static_parts("", ""))
}

/// A label's key as exporters write it: letters and, but first, digits; and `_` for all else.
fn exported(key: &str) -> impl Iterator<Item = char> + '_ {
    key.chars().enumerate().map(|(at, c)| match c {
        'a'..='z' | 'A'..='Z' => c,
        '0'..='9' if at > 0 => c,
        _ => '_',
    })
}

fn same(a: &str, b: &str) -> bool {
    exported(a).eq(exported(b))
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
