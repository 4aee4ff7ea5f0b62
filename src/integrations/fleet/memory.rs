//! A store in this process's memory.

use super::changes::{Change, ChangeSender, Changes};
use super::decide::{Answer, Record, Report, decide};
use super::store::{Down, Store};
use super::vote::Votes;
use super::word::Word;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// A store in the memory of one process: for tests, and for several fleets of one program. Its clones share it.
///
/// It forgets a breaker without a report for a minute, within a minute more.
///
/// Its time is tokio's, which a test can [pause](https://docs.rs/tokio/latest/tokio/time/fn.pause.html).
#[derive(Clone, Debug)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    began: Instant,
    all: Mutex<All>,
}

#[derive(Debug, Default)]
struct All {
    breakers: HashMap<(String, String), Stored>,
    /// When those without reports were dropped last, in the store's milliseconds.
    swept: u64,
    /// By fleet and breaker: a word, and when it ends.
    words: BTreeMap<(String, String), (Word, Option<Instant>)>,
    version: u64,
    /// By fleet.
    changes: HashMap<String, ChangeSender>,
}

#[derive(Debug, Default)]
struct Stored {
    record: Record,
    votes: Votes,
    /// When it was reported last, in the store's milliseconds.
    reported: u64,
}

/// A breaker is forgotten after so long without a report, in milliseconds: nothing that is known of it lasts as long.
const LIFE: u64 = 60_000;

impl All {
    /// Drops breakers without recent reports. It looks at all breakers, and so does little for each report.
    fn sweep(&mut self, now: u64) {
        if now.saturating_sub(self.swept) >= LIFE {
            self.swept = now;
            self.breakers
                .retain(|_, stored| now.saturating_sub(stored.reported) < LIFE);
        }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        MemoryStore::new()
    }
}

impl MemoryStore {
    /// Returns one that knows nothing.
    #[must_use]
    pub fn new() -> MemoryStore {
        MemoryStore {
            shared: Arc::new(Shared {
                began: Instant::now(),
                all: Mutex::default(),
            }),
        }
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.shared
            .all
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn sender(&self, fleet: &str) -> ChangeSender {
        let mut all = self.all();
        all.changes.entry(fleet.to_owned()).or_default().clone()
    }
}

impl Store for MemoryStore {
    async fn exchange(&self, fleet: &str, reports: &[Report]) -> Result<Vec<Answer>, Down> {
        // not zero: a verdict has a number
        let now = 1 + self.shared.began.elapsed().as_millis() as u64;
        let mut answers = Vec::with_capacity(reports.len());
        for report in reports {
            let key = (fleet.to_owned(), report.breaker.clone());
            let (answer, changed) = {
                let mut all = self.all();
                all.sweep(now);
                let stored = all.breakers.entry(key).or_default();
                stored.reported = now.max(stored.reported);
                decide(&mut stored.record, &mut stored.votes, report, now)
            };
            if changed {
                self.sender(fleet)
                    .send(Change::Verdict(report.breaker.clone()));
            }
            answers.push(answer);
        }
        Ok(answers)
    }

    async fn words(&self, fleet: &str) -> Result<Vec<Word>, Down> {
        let now = Instant::now();
        let mut all = self.all();
        all.words
            .retain(|_, (_, end)| end.is_none_or(|end| end > now));
        let of_fleet = all.words.iter().filter(|((of, _), _)| of == fleet);
        let words = of_fleet.map(|(_, (word, end))| Word {
            left: end.map(|end| end - now),
            ..word.clone()
        });
        Ok(words.collect())
    }

    async fn say(&self, fleet: &str, word: &Word) -> Result<Word, Down> {
        let said = {
            let mut all = self.all();
            all.version += 1;
            let said = Word {
                version: all.version,
                ..word.clone()
            };
            let end = said.left.and_then(|left| Instant::now().checked_add(left));
            let key = (fleet.to_owned(), word.breaker.clone());
            all.words.insert(key, (said.clone(), end));
            said
        };
        self.sender(fleet).send(Change::Word);
        Ok(said)
    }

    fn changes(&self, fleet: &str) -> Changes {
        self.sender(fleet).changes()
    }
}

#[cfg(test)]
mod tests;
