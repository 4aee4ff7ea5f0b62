//! The names of plain values in serde's formats (feature `serde`): one spelling, that of the labels of metrics.

use crate::sync::pack::Pack;
use crate::words::outcome::{Cause, FailureKind, FailureKinds, State};
use alloc::string::ToString;
use core::fmt;
use core::marker::PhantomData;
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[cfg(test)]
mod tests;

/// A value that has a name of its own.
pub(crate) trait Named: Sized {
    /// What a name is of, and which there are.
    const NAMES: &'static str;

    /// Returns the value of that name.
    fn from_name(name: &str) -> Option<Self>;
}

impl Named for State {
    const NAMES: &'static str =
        "a state: closed, open, half_open, forced_open, disabled or observe_only";

    fn from_name(name: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

impl Named for Cause {
    const NAMES: &'static str = "the cause of a transition: consecutive_failures, failure_count, failure_rate, \
        slow_rate, evidence, hang, open_elapsed, probes_succeeded, probe_failed, probe_timeout, \
        probes_cancelled, ramp_completed, ramp_failed, manual, peers or max_in_flight";

    fn from_name(name: &str) -> Option<Cause> {
        let mut all = (0..Cause::NUMBER).map(Cause::unpack);
        all.find(|cause| cause.as_str() == name)
    }
}

impl Named for FailureKind {
    const NAMES: &'static str = "a kind of failure: timeout, connect, overload, server, client, data, or other_0 to \
        other_255";

    fn from_name(name: &str) -> Option<FailureKind> {
        let Some(number) = name.strip_prefix("other_") else {
            let kinds = FailureKinds::default();
            let mut all = kinds.iter().map(|(kind, _)| kind);
            // of those that are the user's own, it is not the name
            return all.find(|kind| kind.to_string() == name && !name.ends_with(')'));
        };
        let number: u8 = number.parse().ok()?;
        // neither other_01 nor other_+1
        let kind = FailureKind::Other(number);
        (KindName(kind).to_string() == name).then_some(kind)
    }
}

/// Prints the name of a kind: `other_0` where `Display` has `other(0)`.
pub(crate) struct KindName(pub(crate) FailureKind);

impl fmt::Display for KindName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            FailureKind::Other(number) => write!(f, "other_{number}"),
            kind => kind.fmt(f),
        }
    }
}

/// As [`State::as_str`].
impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// As [`Cause::as_str`].
impl Serialize for Cause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// In snake case: `timeout`, and `other_7` for `Other(7)`.
impl Serialize for FailureKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&KindName(*self))
    }
}

/// As a map from the kinds' names, zeros included. All `Other` numbers from 2 on are `other`, as in the metrics.
impl Serialize for FailureKinds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let name = |kind| match kind {
            FailureKind::Other(2) => "other".to_string(),
            kind => KindName(kind).to_string(),
        };
        serializer.collect_map(self.iter().map(|(kind, failures)| (name(kind), failures)))
    }
}

struct Name<T>(PhantomData<T>);

impl<T: Named> Visitor<'_> for Name<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::NAMES)
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<T, E> {
        T::from_name(name).ok_or_else(|| E::invalid_value(Unexpected::Str(name), &self))
    }
}

fn named<'de, T: Named, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_str(Name(PhantomData))
}

impl<'de> Deserialize<'de> for State {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<State, D::Error> {
        named(deserializer)
    }
}

impl<'de> Deserialize<'de> for Cause {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Cause, D::Error> {
        named(deserializer)
    }
}

impl<'de> Deserialize<'de> for FailureKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<FailureKind, D::Error> {
        named(deserializer)
    }
}
