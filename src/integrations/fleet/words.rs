//! Operators' words: what they ask of all instances of a fleet.

use super::store::{Down, Store};
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

/// An operator's word.
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

/// An operator's voice: what it says reaches all instances of a fleet.
///
/// ```
/// use std::time::Duration;
/// use tripcoil::fleet::{MemoryStore, Words};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), tripcoil::fleet::Down> {
/// let words = Words::new("checkout", MemoryStore::new(), "ana").because("change 4711");
/// words.force_open("orders").until(Duration::from_secs(600)).await?;
/// assert_eq!(words.list().await?[0].breaker, "orders");
/// words.release("orders").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Words<S> {
    fleet: String,
    store: S,
    who: String,
    why: String,
}

impl<S: Store> Words<S> {
    /// Returns the voice of `who` in that fleet.
    pub fn new(fleet: impl Into<String>, store: S, who: impl Into<String>) -> Words<S> {
        Words {
            fleet: fleet.into(),
            store,
            who: who.into(),
            why: String::new(),
        }
    }

    /// Sets why, for those who read it.
    #[must_use]
    pub fn because(mut self, why: impl Into<String>) -> Words<S> {
        self.why = why.into();
        self
    }

    /// Asks all instances to reject the calls of that breaker, or of [`EVERY`] one.
    pub fn force_open(&self, breaker: impl Into<String>) -> Saying<'_, S> {
        self.saying(Mode::ForceOpen, breaker)
    }

    /// Asks all instances to admit every call.
    pub fn disable(&self, breaker: impl Into<String>) -> Saying<'_, S> {
        self.saying(Mode::Disable, breaker)
    }

    /// Asks all instances to admit every call, and to count.
    pub fn observe_only(&self, breaker: impl Into<String>) -> Saying<'_, S> {
        self.saying(Mode::ObserveOnly, breaker)
    }

    /// Ends what was asked of that breaker.
    pub fn release(&self, breaker: impl Into<String>) -> Saying<'_, S> {
        self.saying(Mode::Release, breaker)
    }

    /// Asks for that mode.
    pub fn saying(&self, mode: Mode, breaker: impl Into<String>) -> Saying<'_, S> {
        Saying {
            words: self,
            word: Word {
                breaker: breaker.into(),
                version: 0,
                mode,
                left: None,
                who: self.who.clone(),
                why: self.why.clone(),
            },
        }
    }

    /// Returns the words in force.
    ///
    /// # Errors
    ///
    /// Returns why they cannot be read.
    pub async fn list(&self) -> Result<Vec<Word>, Down> {
        self.store.words(&self.fleet).await
    }
}

/// A word that is said once it is awaited.
#[must_use = "it is said once it is awaited"]
#[derive(Debug)]
pub struct Saying<'a, S> {
    words: &'a Words<S>,
    word: Word,
}

impl<S: Store> Saying<'_, S> {
    /// Ends it by itself after that time. An end beyond 17 years is none.
    pub fn until(mut self, left: Duration) -> Self {
        self.word.left = Some(left);
        self
    }
}

impl<'a, S: Store> IntoFuture for Saying<'a, S> {
    type Output = Result<Word, Down>;
    type IntoFuture = core::pin::Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.words.store.say(&self.words.fleet, &self.word).await })
    }
}
