//! A configuration in serde's formats.
//!
//! The formats must be self-describing: a value may be a number, a text or `false`, and the format
//! has to say which.

use crate::config::files::draft::{Clash, Draft, Key, Within};
use crate::config::files::suggest::{nearest, printable};
use crate::config::files::words::{Field, Found, Written};
use crate::config::settings::Config;
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::Cell;
use core::fmt;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::ser::{Error as _, SerializeMap};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Writes a map of the settings, with the names that are read. A rule that is off is `false`.
///
/// # Errors
///
/// Refuses a manual clock, which is a part of the program.
impl Serialize for Config {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut draft = Draft::of(self)
            .ok_or_else(|| S::Error::custom("clock: a manual clock cannot be written"))?;
        let fields = draft.fields();
        let named: Vec<_> = fields
            .iter()
            .filter_map(|(key, field)| Some((*key, field.written()?)))
            .collect();
        Group(&named, "").serialize(serializer)
    }
}

/// The settings of one group, and its subgroups.
struct Group<'a>(&'a [(Key, Written)], &'static str);

impl Serialize for Group<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Group(named, group) = *self;
        let mut map = serializer.serialize_map(None)?;
        let mut before = group;
        for (key, written) in named {
            if key.group == group {
                map.serialize_entry(key.name, written)?;
            } else if group.is_empty() && key.group != before {
                map.serialize_entry(key.group, &Group(named, key.group))?;
            }
            before = key.group;
        }
        map.end()
    }
}

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Written::Switch(on) => serializer.serialize_bool(*on),
            Written::Float(x) => serializer.serialize_f64(*x),
            Written::Integer(n) => serializer.serialize_u64(*n),
            Written::Text(text) => serializer.serialize_str(text),
            Written::List(names) => serializer.collect_seq(names),
        }
    }
}

/// Reads a map of settings. A setting that is absent keeps its default, or is as in the
/// [`Profile`](crate::config::Profile) if there is a `profile`.
///
/// ```toml
/// profile = "default"                         # or "adaptive", "database", "http", "cache", "queue"
/// window = { time = "10s", buckets = 10 }     # or { count = 100 }
/// failure_rate = 0.5                          # false switches a rule off
/// min_throughput = 20
/// slow_call = "500ms"
/// slow_rate = 0.8
/// consecutive_failures = 5
/// failure_count = 50
/// outage = { theta = 0.5, loss = 0.002 }      # false switches it off in the adaptive profile
/// hang = { after = "300ms", starts = 10 }     # and so here
/// lenient = { kinds = ["overload", "other_0"], weight = 0.25 }   # or false, as by default
/// open_for = { base = "60s", factor = 2.0, max = "10m", jitter = 0.1 }    # or "5s": a constant wait; or { adaptive = true, max = "30s" }
/// half_open = { successes = 2, max_probes = 1, ramp = true }  # or { of = 10, failure_rate = 0.5 }
/// on_cancel = "failure_if_slow"               # "ignored", "failure"
/// max_in_flight = 64                          # or false, as by default
/// durations = true
/// history = 100                               # transitions that an observer returns
/// clock = "coarse"                            # "upkeep", "precise"
/// initial_state = "observe_only"
/// ```
///
/// # Errors
///
/// Reports the first setting that is unknown, given twice, of the wrong type, or in conflict with
/// another, by its name. Ranges are checked by [`Config::validate`], which `build()` calls.
///
/// # Secrets
///
/// These errors never contain the value of a key that is not a setting. A format may add more: the
/// text of a `toml::de::Error` quotes the line of the file, and its `Debug` form the whole file,
/// passwords included. If a file may hold secrets, report the message and the line number only:
///
/// ```
/// use tripcoil::Config;
///
/// let file = "history = 4\nopen_for = { base = 3, password = \"hunter2\" }\n";
/// let error = toml::from_str::<Config>(file).unwrap_err();
/// assert!(error.to_string().contains("hunter2"));
///
/// let before = error.span().and_then(|at| file.get(..at.start)).unwrap_or_default();
/// let line = before.matches('\n').count() + 1;
/// let report = format!("line {line}: {}", error.message());
/// assert!(report.starts_with("line 2: ") && !report.contains("hunter2"));
/// ```
impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Config, D::Error> {
        let mut draft = Draft::default();
        deserializer.deserialize_map(Reading {
            draft: &mut draft,
            group: "",
        })?;
        draft.config().map_err(|clashes| {
            let clash = |clash: &Clash| format!("{}: {}", clash.group, clash.says);
            let all: Vec<_> = clashes.iter().map(clash).collect();
            D::Error::custom(all.join("; "))
        })
    }
}

/// The key under which the crate `toml` passes a date, as a map.
const DATE: &str = "$__toml_private_datetime";

/// A group that is written as a single value.
const fn itself(group: &'static str) -> Key {
    Key { group, name: "" }
}

/// What a group is written as.
pub(crate) const fn group_expects(group: &str) -> &'static str {
    match group.as_bytes() {
        b"window" => "a table such as { time = \"10s\", buckets = 10 } or { count = 100 }",
        b"outage" => "a table such as { theta = 0.5, loss = 0.002 }, or false to turn it off",
        b"hang" => "a table such as { after = \"300ms\", starts = 10 }, or false to turn it off",
        b"lenient" => {
            "a table such as { kinds = [\"overload\"], weight = 0.25 }, or false to turn it off"
        }
        b"open_for" => {
            "a duration such as \"10s\", or a table such as { base = \"10s\", factor = 2.0, max = \"10m\" }"
        }
        b"half_open" => {
            "a table such as { successes = 2, max_probes = 1 } or { of = 10, failure_rate = 0.5 }"
        }
        _ => "a breaker's settings, a table such as { failure_rate = 0.5, open_for = \"30s\" }",
    }
}

/// Fills in the settings of one group.
struct Reading<'a> {
    draft: &'a mut Draft,
    group: &'static str,
}

impl<'de> Visitor<'de> for Reading<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.group)?;
        f.write_str(match self.group {
            "" => "",
            _ => " to be ",
        })?;
        f.write_str(group_expects(self.group))
    }

    fn visit_bool<E: Error>(self, on: bool) -> Result<(), E> {
        let field = self.draft.field(itself(self.group));
        if field.is_some_and(|field| field.put(Found::Switch(on)).is_ok()) {
            return Ok(());
        }
        Err(E::invalid_type(Unexpected::Bool(on), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        let field = self.draft.field(itself(self.group));
        match field.filter(|_| self.group == "open_for") {
            Some(field) => One {
                field,
                name: self.group,
                named: &Cell::new(false),
            }
            .visit_str(text),
            None => Err(E::invalid_type(Unexpected::Str(text), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            if key == DATE {
                return Err(A::Error::invalid_type(Unexpected::Other("a date"), &self));
            }
            // another word for the same
            let key = match (self.group, &*key) {
                ("half_open", "rate") => "failure_rate".into(),
                _ => key,
            };
            let name = match self.group {
                "" => printable(&key).into_owned(),
                group => format!("{group}.{}", printable(&key)),
            };
            if seen.contains(&key) {
                return map.next_value_seed(Refused(format!("{name} is given twice")));
            }
            let named = Cell::new(false);
            let read = match self.draft.find(self.group, &key) {
                Within::Group(group) => map.next_value_seed(Reading {
                    draft: self.draft,
                    group,
                }),
                Within::Field(field) => {
                    let one = One {
                        field,
                        name: &name,
                        named: &named,
                    };
                    let read = map.next_value_seed(one);
                    // the format's own words do not name it; ours do, and so keep the place in the file
                    read.map_err(|error| match named.get() {
                        true => error,
                        false => A::Error::custom(format_args!("{name}: {error}")),
                    })
                }
                Within::Nothing(keys) => map.next_value_seed(Refused(format!(
                    "unknown setting {name}; {}",
                    instead(self.group, &key, &keys)
                ))),
            };
            read?;
            seen.push(key);
        }
        Ok(())
    }
}

/// Returns the setting that was probably meant, or the settings that exist.
pub(crate) fn instead(group: &str, written: &str, keys: &[Key]) -> String {
    let name = |key: &Key| match group {
        "" => key.path(),
        _ => key.name.into(),
    };
    let here = |key: &&Key| group.is_empty() || key.group == group && !key.name.is_empty();
    let near = |names: &[Cow<'static, str>]| {
        nearest(written, names.iter().map(|other| &**other)).map(|name| name.to_string())
    };
    let names: Vec<_> = keys.iter().filter(here).map(name).collect();
    let elsewhere = || near(&keys.iter().map(Key::path).collect::<Vec<_>>());
    let meant = match group {
        "" => near(&names),
        group => near(&names)
            .map(|name| format!("{group}.{name}"))
            .or_else(elsewhere),
    };
    match (meant, group) {
        (Some(meant), _) => format!("did you mean {meant}?"),
        (None, "") => format!("the settings are {}", names.join(", ")),
        (None, group) => format!("the settings of {group} are {}", names.join(", ")),
    }
}

impl<'de> DeserializeSeed<'de> for Reading<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// Refuses the value, at its place in the file.
struct Refused(String);

impl<'de> DeserializeSeed<'de> for Refused {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, _: D) -> Result<(), D::Error> {
        Err(D::Error::custom(self.0))
    }
}

/// Fills in one setting.
struct One<'a> {
    field: &'a mut dyn Field,
    name: &'a str,
    /// Whether the error is ours.
    named: &'a Cell<bool>,
}

impl One<'_> {
    fn put<E: Error>(self, found: Found<'_>, is: Unexpected<'_>) -> Result<(), E> {
        let put = self.field.put(found);
        put.map_err(|expected| self.refused("value", is, &expected))
    }

    /// In serde's words, after the setting's name.
    fn refused<E: Error>(&self, what: &str, is: Unexpected<'_>, expected: &str) -> E {
        self.named.set(true);
        let name = self.name;
        E::custom(format_args!(
            "{name}: invalid {what}: {is}, expected {expected}"
        ))
    }
}

impl<'de> Visitor<'de> for One<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.field.expects())
    }

    fn visit_bool<E: Error>(self, on: bool) -> Result<(), E> {
        self.put(Found::Switch(on), Unexpected::Bool(on))
    }

    fn visit_i64<E: Error>(self, n: i64) -> Result<(), E> {
        match u64::try_from(n) {
            Ok(n) => self.visit_u64(n),
            // where a fraction is allowed, a negative number is accepted here and refused as out of range later
            Err(_) => self.put(Found::Float(n as f64), Unexpected::Signed(n)),
        }
    }

    fn visit_u64<E: Error>(self, n: u64) -> Result<(), E> {
        self.put(Found::Integer(n), Unexpected::Unsigned(n))
    }

    fn visit_f64<E: Error>(self, x: f64) -> Result<(), E> {
        self.put(Found::Float(x), Unexpected::Float(x))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.put(Found::Text(text), Unexpected::Str(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let found = match map.next_key::<String>()? {
            Some(key) if key == DATE => Unexpected::Other("a date"),
            _ => Unexpected::Map,
        };
        Err(self.refused("type", found, &self.field.expects()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        if let Err(expected) = self.field.put(Found::List) {
            return Err(self.refused("type", Unexpected::Seq, &expected));
        }
        let mut next = || {
            values.next_element_seed(One {
                field: &mut *self.field,
                ..self
            })
        };
        while next()?.is_some() {}
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for One<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}
