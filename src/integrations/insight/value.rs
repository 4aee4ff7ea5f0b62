//! A setting's value, printed as in a TOML file.

use crate::{Backoff, Window};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use std::fmt;
use std::time::Duration;

/// The value of a setting. It prints as in a TOML file, and serialises as in a [`Config`](crate::Config).
///
/// ```
/// use std::time::Duration;
/// use tripcoil::insight::Value;
/// use tripcoil::{Backoff, Window};
///
/// assert_eq!(Value::Count(20).to_string(), "20");
/// assert_eq!(Value::Rate(0.5).to_string(), "0.5");
/// assert_eq!(Value::Time(Duration::from_millis(250)).to_string(), "\"250ms\"");
/// let adaptive = Value::Wait(Backoff::adaptive());
/// assert_eq!(adaptive.to_string(), "{ adaptive = true, max = \"30s\" }");
/// let window = Value::Window(Window::time(Duration::from_secs(60)));
/// assert_eq!(window.to_string(), "{ time = \"1m\", buckets = 10 }");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// A number of calls or failures.
    Count(u32),
    /// A share of calls.
    Rate(f64),
    /// A limit.
    Time(Duration),
    /// Whether something is on.
    Switch(bool),
    /// The wait of an open breaker.
    Wait(Backoff),
    /// The window.
    Window(Window),
}

/// A single value, alone or in a table.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Scalar {
    Count(u64),
    Rate(f64),
    Text(String),
    Switch(bool),
}

impl Scalar {
    fn text(span: Duration) -> Scalar {
        Scalar::Text(humantime::format_duration(span).to_string())
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Count(n) => write!(f, "{n}"),
            Scalar::Rate(x) => write!(f, "{x:?}"),
            Scalar::Text(text) => write!(f, "\"{text}\""),
            Scalar::Switch(on) => write!(f, "{on}"),
        }
    }
}

/// What a file has.
#[derive(Debug)]
enum Written {
    Scalar(Scalar),
    Table(Vec<(&'static str, Scalar)>),
}

impl Value {
    fn written(&self) -> Written {
        match self {
            Value::Count(n) => Written::Scalar(Scalar::Count((*n).into())),
            Value::Rate(x) => Written::Scalar(Scalar::Rate(*x)),
            Value::Time(span) => Written::Scalar(Scalar::text(*span)),
            Value::Switch(on) => Written::Scalar(Scalar::Switch(*on)),
            Value::Wait(wait) => waits(wait),
            Value::Window(window) => Written::Table(sizes(window)),
        }
    }
}

fn waits(wait: &Backoff) -> Written {
    let mut table = Vec::new();
    if wait.adaptive {
        table.push(("adaptive", Scalar::Switch(true)));
    } else {
        table.push(("base", Scalar::text(wait.base)));
        table.push(("factor", Scalar::Rate(wait.factor)));
    }
    table.extend(wait.max.map(|max| ("max", Scalar::text(max))));
    if wait.jitter != 0.0 {
        table.push(("jitter", Scalar::Rate(wait.jitter)));
    }
    if !wait.reset_after.is_zero() {
        table.push(("reset_after", Scalar::text(wait.reset_after)));
    }
    table.extend(wait.seed.map(|seed| ("seed", Scalar::Count(seed))));
    if *wait == Backoff::constant(wait.base) {
        return Written::Scalar(Scalar::text(wait.base));
    }
    Written::Table(table)
}

fn sizes(window: &Window) -> Vec<(&'static str, Scalar)> {
    match (window.time_span(), window.size()) {
        (Some(span), _) => vec![
            ("time", Scalar::text(span)),
            ("buckets", Scalar::Count(window.buckets_in_force().into())),
        ],
        (None, size) => size
            .map(|size| ("count", Scalar::Count(size.into())))
            .into_iter()
            .collect(),
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.written() {
            Written::Scalar(scalar) => scalar.fmt(f),
            Written::Table(entries) => {
                f.write_str("{ ")?;
                for (i, (key, value)) in entries.iter().enumerate() {
                    let comma = if i == 0 { "" } else { ", " };
                    write!(f, "{comma}{key} = {value}")?;
                }
                f.write_str(" }")
            }
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.written() {
            Written::Scalar(scalar) => scalar.serialize(serializer),
            Written::Table(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in &entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

#[cfg(test)]
mod tests;
