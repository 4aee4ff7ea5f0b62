//! A change that the tuner has made.

use crate::integrations::insight::value::Value;
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// A setting that a [`Tuner`](super::Tuner) has changed, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Change {
    /// When, by the breaker's clock; serialised, in seconds.
    #[serde(rename = "at_seconds", serialize_with = "super::units::seconds")]
    pub at: Duration,
    /// The setting, as its path in [`Config`](crate::Config).
    pub setting: &'static str,
    /// The value before.
    pub from: Value,
    /// The value since.
    pub to: Value,
    /// Why, as a sentence.
    pub reason: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Change {
            setting,
            from,
            to,
            reason,
            ..
        } = self;
        write!(f, "{setting} = {to}    (was {from}): {reason}")
    }
}
