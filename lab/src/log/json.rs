//! Lines of JSON.

use super::fields::{Columns, Fields, MANY};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

pub(super) struct Json {
    /// What the first object has, for an error's text.
    pub(super) known: Vec<String>,
}

impl Json {
    pub(super) fn new() -> Json {
        Json { known: Vec::new() }
    }

    /// Returns the fields of a line.
    pub(super) fn fields<'a>(
        &mut self,
        line: &'a [u8],
        columns: &Columns,
    ) -> Result<Fields<'a>, String> {
        let line = std::str::from_utf8(line).map_err(|_| "it is not UTF-8")?;
        let found = members(line, columns.names()).map_err(|error| {
            let text = error.to_string();
            let text = text.replace(" at line 1 column", ", at column");
            format!("it is not a JSON object: {text}")
        })?;
        if self.known.is_empty() {
            self.known = names(line);
        }
        let mut fields = Fields::default();
        for (field, raw) in fields.iter_mut().zip(found) {
            *field = raw.map(text).transpose()?;
        }
        Ok(fields)
    }
}

/// A number as it is written, a string without its quotes, and null as nothing.
fn text(raw: &RawValue) -> Result<Cow<'_, str>, String> {
    let json = raw.get();
    match json.as_bytes().first() {
        Some(b'"') => match serde_json::from_str::<&str>(json) {
            Ok(text) => Ok(Cow::Borrowed(text)),
            // it has escapes
            Err(_) => serde_json::from_str(json)
                .map(Cow::Owned)
                .map_err(|error| error.to_string()),
        },
        Some(b'n') => Ok(Cow::Borrowed("")),
        Some(b'{' | b'[') => Err("a value is neither a number nor a string".into()),
        _ => Ok(Cow::Borrowed(json)),
    }
}

type Found<'a> = [Option<&'a RawValue>; MANY];

/// Returns the members with these names. A name with dots may be a path through objects.
fn members<'a>(json: &'a str, wanted: [Option<&str>; MANY]) -> serde_json::Result<Found<'a>> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let (mut found, outer) = deserializer.deserialize_map(Members(wanted))?;
    deserializer.end()?;
    for at in 0..MANY {
        if let (None, Some(object)) = (found[at], outer[at])
            && object.get().starts_with('{')
            && let Some((_, rest)) = wanted[at].and_then(|name| name.split_once('.'))
        {
            let mut inner = [None; MANY];
            inner[at] = Some(rest);
            found[at] = members(object.get(), inner)?[at];
        }
    }
    Ok(found)
}

struct Members<'w>([Option<&'w str>; MANY]);

impl<'de> Visitor<'de> for Members<'_> {
    /// The members themselves, and the objects in which they may be.
    type Value = (Found<'de>, Found<'de>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut found, mut outer) = (Found::default(), Found::default());
        while let Some(Key(key)) = map.next_key()? {
            let is = |name: &Option<&str>| name.is_some_and(|name| name == key);
            let leads = |name: &Option<&str>| {
                name.is_some_and(|name| {
                    name.strip_prefix(&*key)
                        .is_some_and(|rest| rest.starts_with('.'))
                })
            };
            if !self.0.iter().any(|name| is(name) || leads(name)) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value: &RawValue = map.next_value()?;
            for (at, name) in self.0.iter().enumerate() {
                if is(name) {
                    found[at] = Some(value);
                } else if leads(name) {
                    outer[at] = Some(value);
                }
            }
        }
        Ok((found, outer))
    }
}

#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// Returns the names of an object's members, and of those one level below.
fn names(json: &str) -> Vec<String> {
    let Ok(Value::Object(members)) = serde_json::from_str(json) else {
        return Vec::new();
    };
    let mut names = Vec::new();
    for (name, value) in &members {
        match value {
            Value::Object(inner) => names.extend(inner.keys().map(|key| format!("{name}.{key}"))),
            _ => names.push(name.clone()),
        }
    }
    names
}
