//! One word of an operator's.

use crate::State;
use core::fmt;
use std::time::Duration;

/// What an operator asks of a breaker on all instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// Rejects every call.
    ForceOpen,
    /// Admits every call, and counts nothing.
    Disable,
    /// Admits every call, counts, and trips nothing.
    ObserveOnly,
    /// Ends what was asked before.
    Release,
}

impl Mode {
    /// All of them.
    pub const ALL: [Mode; 4] = [
        Mode::ForceOpen,
        Mode::Disable,
        Mode::ObserveOnly,
        Mode::Release,
    ];

    /// Returns the name for programs, such as `force_open`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Mode::ForceOpen => "force_open",
            Mode::Disable => "disable",
            Mode::ObserveOnly => "observe_only",
            Mode::Release => "release",
        }
    }

    /// Returns the state in which a breaker is; `None` for a release.
    #[must_use]
    pub const fn state(self) -> Option<State> {
        match self {
            Mode::ForceOpen => Some(State::ForcedOpen),
            Mode::Disable => Some(State::Disabled),
            Mode::ObserveOnly => Some(State::ObserveOnly),
            Mode::Release => None,
        }
    }

    /// Returns the mode of that [name](Self::as_str).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Mode> {
        Mode::ALL.into_iter().find(|mode| mode.as_str() == name)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The name that means every breaker. A word on one breaker goes before one on all.
///
/// A breaker whose own name this is has no words for itself alone: those on all reach it.
pub const EVERY: &str = "*";

/// An operator's word. Its texts have at most 1024 bytes each, because every instance reads all words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The breaker's name, or [`EVERY`].
    pub breaker: String,
    /// Of the words on one breaker, the later one has the larger version. The store sets it.
    pub version: u64,
    /// What it asks.
    pub mode: Mode,
    /// How long it holds from now on; without end if `None`.
    pub left: Option<Duration>,
    /// Who said it.
    pub who: String,
    /// Why, in the operator's own text.
    pub why: String,
}

impl Word {
    /// The most bytes of each text.
    const LONGEST: usize = 1024;

    /// Returns the texts that are too long, and what is wrong with them.
    pub(crate) fn too_long(&self) -> impl Iterator<Item = (&'static str, String)> {
        let texts = [
            ("breaker", &self.breaker),
            ("who", &self.who),
            ("why", &self.why),
        ];
        texts.into_iter().filter_map(|(field, text)| {
            let (most, length) = (Word::LONGEST, text.len());
            let problem = || format!("has {length} bytes, but may have {most} at most");
            (length > most).then(|| (field, problem()))
        })
    }
}
