//! What an instance shows of its fleet.

use super::store::{Down, Reason};
use super::word::Word;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Whether an instance reaches its fleet's store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Link {
    /// Whether the store has answered both the last reports and the last reading of words, and in time.
    ///
    /// It is down too if words alone cannot be read, as with a permission that is missing: verdicts and leases go on then. If
    /// reports fail, breakers are local once what was answered before is forgotten, after two and a half seconds. Without a
    /// breaker nothing is reported, and words are all that it is about.
    pub up: bool,
    /// Why not. `None` while up, and while nothing was asked: before the agent's first answer, and while it does not run.
    pub down: Option<Down>,
    /// How long the link has been up or down.
    pub lasted: Duration,
    pub(super) failures: [u64; Reason::ALL.len()],
}

impl Link {
    /// Returns how often the store could not be used for that reason, since the agent was built.
    #[must_use]
    pub fn failures(&self, reason: Reason) -> u64 {
        let found = Reason::ALL.iter().zip(self.failures);
        found
            .filter(|&(one, _)| *one == reason)
            .map(|(_, count)| count)
            .sum()
    }
}

/// What an instance knows of a breaker from its fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct View {
    /// What the fleet has found out. `None` if that is not known: nothing was found out so far, or the store does not
    /// answer, and the breaker is local.
    pub verdict: Option<Verdict>,
    /// Whether this instance may probe for the fleet now.
    pub leased: bool,
    /// How many instances have a vote, by the last answer.
    pub votes: u64,
    /// The operator's word in force. Its `left` is of now. The breaker may be under a later override of this
    /// instance's own operator.
    pub word: Option<Word>,
}

/// What a fleet has found out about a dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// Whether it is down.
    pub down: bool,
    /// How long ago that was found out.
    pub lasted: Duration,
}

/// A view, with times that go on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shown {
    /// Whether it is down, and since when.
    pub(super) verdict: Option<(bool, Instant)>,
    pub(super) leased: bool,
    pub(super) votes: u64,
    pub(super) word: Option<(Word, Option<Instant>)>,
}

/// What the agent shows, and the handles read.
#[derive(Debug)]
pub(super) struct Board {
    since: Instant,
    up: bool,
    down: Option<Down>,
    failures: [u64; Reason::ALL.len()],
    pub(super) views: HashMap<Arc<str>, Shown>,
}

impl Board {
    pub(super) fn new() -> Board {
        Board {
            since: Instant::now(),
            up: false,
            down: None,
            failures: [0; Reason::ALL.len()],
            views: HashMap::new(),
        }
    }

    pub(super) fn link(&self) -> Link {
        Link {
            up: self.up,
            down: self.down.clone(),
            lasted: self.since.elapsed(),
            failures: self.failures,
        }
    }

    pub(super) fn failed(&mut self, reason: Reason) {
        let mut counts = Reason::ALL.iter().zip(&mut self.failures);
        if let Some((_, count)) = counts.find(|(one, _)| **one == reason) {
            *count += 1;
        }
    }

    /// Returns how long it was otherwise, if it changes.
    pub(super) fn turn(&mut self, up: bool, down: Option<Down>) -> Option<Duration> {
        self.down = down;
        if self.up == up {
            return None;
        }
        let lasted = self.since.elapsed();
        self.up = up;
        self.since = Instant::now();
        Some(lasted)
    }

    pub(super) fn view(&self, breaker: &str) -> Option<View> {
        let shown = self.views.get(breaker)?;
        let now = Instant::now();
        let verdict = shown.verdict.map(|(down, at)| Verdict {
            down,
            lasted: now.saturating_duration_since(at),
        });
        let word = shown.word.clone().map(|(word, ends)| Word {
            left: super::table::left(ends, now),
            ..word
        });
        Some(View {
            verdict,
            leased: shown.leased,
            votes: shown.votes,
            word,
        })
    }
}
