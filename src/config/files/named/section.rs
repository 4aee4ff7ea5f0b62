//! A table of settings, as written.

use crate::config::files::draft::Key;
use crate::config::files::words::{Field, Found};
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

/// A value that fits its setting.
#[derive(Clone, Debug)]
pub(super) enum Raw {
    Switch(bool),
    Float(f64),
    Integer(u64),
    Text(String),
    /// From the environment.
    Any(String),
    List(Vec<String>),
}

impl Raw {
    /// Stores it in a field.
    ///
    /// # Errors
    ///
    /// Returns what is expected instead.
    pub(super) fn put(&self, field: &mut dyn Field) -> Result<(), Cow<'static, str>> {
        match self {
            Raw::Switch(on) => field.put(Found::Switch(*on)),
            Raw::Float(x) => field.put(Found::Float(*x)),
            Raw::Integer(n) => field.put(Found::Integer(*n)),
            Raw::Text(text) => field.put(Found::Text(text)),
            Raw::Any(text) => field.put(Found::Any(text)),
            Raw::List(texts) => {
                field.put(Found::List)?;
                texts
                    .iter()
                    .try_for_each(|text| field.put(Found::Text(text)))
            }
        }
    }
}

/// A setting that was given.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) raw: Raw,
    pub(super) line: Option<usize>,
    /// The variable that gave it.
    pub(super) variable: Option<String>,
}

/// The settings of a table that are right by themselves.
#[derive(Clone, Debug, Default)]
pub(super) struct Section {
    /// Of the table's name.
    pub(super) line: Option<usize>,
    pub(super) entries: Vec<Entry>,
    /// Settings whose values were refused: what hangs on them cannot be judged.
    pub(super) refused: Vec<Key>,
}

/// Returns the outer name of a setting: what a table's group replaces as a whole.
pub(super) fn outer(key: Key) -> &'static str {
    match key.group {
        "" => key.name,
        group => group,
    }
}

impl Section {
    pub(super) fn has(&self, outer_name: &str) -> bool {
        self.entries.iter().any(|e| outer(e.key) == outer_name)
    }

    pub(super) fn refuses(&self, outer_name: &str) -> bool {
        self.refused.iter().any(|key| outer(*key) == outer_name)
    }
}
