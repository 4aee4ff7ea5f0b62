//! The operators' words that an instance knows, which hold although the store may be down.

use super::word::{EVERY, Word};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

#[derive(Debug)]
struct Entry {
    word: Word,
    serial: u64,
    ends: Option<Instant>,
    /// The store no longer knows it: it has ended there, or the store has lost its data.
    missing: bool,
}

impl Entry {
    fn new(word: Word, ends: Option<Instant>, serial: u64) -> Entry {
        Entry {
            word,
            serial,
            ends,
            missing: false,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Table {
    words: HashMap<String, Entry>,
    serials: u64,
    is_read: bool,
}

impl Table {
    /// Returns whether the store's words have been read, once at least.
    pub(super) fn is_read(&self) -> bool {
        self.is_read
    }

    /// Takes what the store has in force now.
    ///
    /// A word that the store has lost goes on: what an operator has asked for does not end because a server has been
    /// restarted. An older word than the one that is known changes nothing, unless the store says it again.
    pub(super) fn read(&mut self, words: Vec<Word>, now: Instant) {
        self.is_read = true;
        let mut found = HashMap::new();
        for mut word in words {
            let ends = word.left.take().and_then(|left| now.checked_add(left));
            let newest: &mut (Word, Option<Instant>) = found
                .entry(word.breaker.clone())
                .or_insert_with(|| (word.clone(), ends));
            if newest.0.version < word.version {
                *newest = (word, ends);
            }
        }
        let mut new = Vec::new();
        for (breaker, entry) in &mut self.words {
            let Some((word, ends)) = found.remove(breaker) else {
                entry.missing = true;
                continue;
            };
            let is_same = entry.word == word || !entry.missing;
            if word.version == entry.word.version && is_same {
                entry.missing = false;
                // over is over, although the store may be a moment late
                entry.ends = match (entry.ends, ends) {
                    (Some(before), Some(ends)) => Some(before.min(ends)),
                    (before, ends) => before.or(ends),
                };
            } else if word.version > entry.word.version || entry.missing {
                new.push((word, ends));
            } else {
                entry.missing = true;
            }
        }
        new.extend(found.into_values());
        // a word that was said later has the larger number
        new.sort_unstable_by(|(one, _), (other, _)| {
            (one.version, &one.breaker).cmp(&(other.version, &other.breaker))
        });
        for (word, ends) in new {
            self.serials += 1;
            let entry = Entry::new(word, ends, self.serials);
            self.words.insert(entry.word.breaker.clone(), entry);
        }
        self.words
            .retain(|_, entry| !entry.missing || entry.ends.is_none_or(|ends| ends > now));
    }

    fn of(&self, breaker: &str, now: Instant) -> Option<&Entry> {
        let entry = self.words.get(breaker)?;
        entry.ends.is_none_or(|ends| ends > now).then_some(entry)
    }

    fn entry(&self, breaker: &str, now: Instant) -> Option<&Entry> {
        if self.words.is_empty() {
            return None; // as nearly always
        }
        self.of(breaker, now).or_else(|| self.of(EVERY, now))
    }

    /// Returns the word in force for that breaker, and its number: that of a word which was learnt later is larger.
    pub(super) fn in_force(&self, breaker: &str, now: Instant) -> Option<(u64, &Word)> {
        let entry = self.entry(breaker, now)?;
        Some((entry.serial, &entry.word))
    }

    /// Returns a copy of it, and when it ends.
    pub(super) fn shown(&self, breaker: &str, now: Instant) -> Option<(Word, Option<Instant>)> {
        let entry = self.entry(breaker, now)?;
        Some((entry.word.clone(), entry.ends))
    }
}

/// The rest of a time, at least zero.
pub(super) fn left(ends: Option<Instant>, now: Instant) -> Option<Duration> {
    ends.map(|ends| ends.saturating_duration_since(now))
}

#[cfg(test)]
mod tests;
