//! Kinds of failures as written: a list of their names, or one text with commas between them.

use crate::config::files::suggest::nearest;
use crate::config::files::words::{Field, Found, Written};
use crate::config::settings::Lenient;
use crate::words::names::{KindName, Named};
use crate::words::outcome::{FailureKind, FailureKinds};
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Kinds that may be given.
#[derive(Default)]
pub(crate) struct Kinds(pub(crate) Option<Vec<FailureKind>>);

impl Kinds {
    pub(crate) fn of(lenient: Option<Lenient>) -> Kinds {
        Kinds(lenient.map(|lenient| {
            let mut kinds = every_slot();
            kinds.retain(|kind| kind.is_in(lenient.kinds));
            kinds
        }))
    }
}

impl Field for Kinds {
    fn expects(&self) -> Cow<'static, str> {
        "a list of kinds of failures such as \"overload\" and \"timeout\"".into()
    }

    /// A list begins, and each of its names is put by itself. A text has all of them.
    fn put(&mut self, found: Found<'_>) -> Result<(), Cow<'static, str>> {
        let (names, or) = match (&self.0, found) {
            (None, Found::List) => (Vec::new(), ""),
            (None, Found::Text(text) | Found::Any(text)) => {
                (names_in(text), ", or several of them with commas between")
            }
            (Some(_), Found::Text(name)) => ([name].into(), ""),
            (None, _) => return Err(self.expects()),
            (Some(_), _) => return Err(instead("", "")),
        };
        let kinds = self.0.get_or_insert_default();
        for name in names {
            kinds.push(kind(name).ok_or_else(|| instead(name, or))?);
        }
        Ok(())
    }

    fn written(&self) -> Option<Written> {
        let kinds = self.0.as_ref()?.iter();
        let name = |kind: &FailureKind| KindName(*kind).to_string();
        Some(Written::List(kinds.map(name).collect()))
    }
}

/// A kind of each slot.
fn every_slot() -> Vec<FailureKind> {
    let all = FailureKinds::default();
    all.iter().map(|(kind, _)| kind).collect()
}

/// The kinds that are not the user's own.
fn built_in() -> Vec<FailureKind> {
    let mut kinds = every_slot();
    kinds.retain(|kind| !matches!(kind, FailureKind::Other(_)));
    kinds
}

fn names_in(text: &str) -> Vec<&str> {
    match text.trim() {
        "" => Vec::new(),
        text => text.split(',').map(str::trim).collect(),
    }
}

/// Returns the kind of that name, or of what `Display` prints of it: `other_0`, `other(0)`.
fn kind(name: &str) -> Option<FailureKind> {
    let shown = || {
        let mut own = (0..=u8::MAX).map(FailureKind::Other);
        own.find(|kind| kind.to_string() == name)
    };
    FailureKind::from_name(name).or_else(shown)
}

/// Returns the names that exist, and the one that was probably meant.
fn instead(unknown: &str, or: &str) -> Cow<'static, str> {
    let names: Vec<_> = built_in().iter().map(FailureKind::to_string).collect();
    let quoted: Vec<_> = names.iter().map(|name| format!("{name:?}")).collect();
    let meant = match nearest(unknown, names.iter().map(String::as_str)) {
        Some(meant) => format!("; did you mean {meant:?}?"),
        None => String::new(),
    };
    let quoted = quoted.join(", ");
    format!("one of {quoted} and \"other_0\" to \"other_255\"{or}{meant}").into()
}

#[cfg(test)]
mod tests;
