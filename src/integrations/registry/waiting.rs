//! Saved states that wait for the first use of their keys.
//!
//! *Which state a key gets.* A first use looks its key's state up, and builds a breaker of it outside the lock; several
//! threads may. The state is taken out only when one of these breakers is seated, under the lock of the seats. So a key
//! that is forgotten and comes back is not restored a second time.
//!
//! *What a save finds.* It copies the states that wait first, and lists the breakers then. A key that is seated
//! between the two is in both, and the breaker counts. In no order of events is it in neither.
//!
//! *When the time of a state is over.* Its end is a time of the wall clock, which may be set while the process runs. So
//! the time is that of the wall clock at the start, and what has passed since by a clock that is not set; or that of
//! the wall clock, if it is earlier. A clock that is set forward by a day removes nothing.

use crate::error::caught::caught;
use crate::saved::{Restored, Saved, SavedError, SavedRegistry};
use crate::sync::atomic::Mutex;
use crate::{Breaker, Builder, Controller};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// How many are copied under the lock.
const PART: usize = 1_000;

/// Returns the text under which a key is saved.
pub(super) type Text<K> = Arc<dyn Fn(&K) -> String + Send + Sync>;

/// Called for each key that was restored, or not.
pub(super) type Hook<K> = Arc<dyn Fn(&K, &Result<Restored, SavedError>) + Send + Sync>;

/// What the builder was given.
pub(super) struct Saving<K> {
    pub(super) from: SavedRegistry,
    /// `None`: the name of the key's breaker.
    pub(super) text: Option<Text<K>>,
    pub(super) hooks: Vec<Hook<K>>,
}

impl<K> Default for Saving<K> {
    fn default() -> Self {
        Saving {
            from: SavedRegistry::new(),
            text: None,
            hooks: Vec::new(),
        }
    }
}

pub(super) struct Waiting<K> {
    states: Mutex<SavedRegistry>,
    since: Since,
    text: Option<Text<K>>,
    hooks: Vec<Hook<K>>,
}

/// When the states began to wait, by two clocks.
struct Since {
    wall: SystemTime,
    passed: Instant,
}

impl Since {
    fn now() -> Since {
        Since {
            wall: SystemTime::now(),
            passed: Instant::now(),
        }
    }

    /// Returns the time by which states are over.
    fn time(&self) -> SystemTime {
        self.time_at(SystemTime::now(), self.passed.elapsed())
    }

    fn time_at(&self, wall: SystemTime, passed: Duration) -> SystemTime {
        let steady = self.wall.checked_add(passed);
        steady.map_or(wall, |steady| steady.min(wall))
    }
}

/// A key's state at its first use.
pub(super) struct Found {
    /// The key's text, for taking it.
    text: String,
    /// What it could not be read for.
    refused: Option<SavedError>,
}

impl Found {
    pub(super) fn is_read(&self) -> bool {
        self.refused.is_none()
    }
}

impl<K> Waiting<K> {
    pub(super) fn new(saving: Saving<K>) -> Waiting<K> {
        let mut states = saving.from;
        let since = Since::now();
        states.expire(since.time());
        Waiting {
            states: Mutex::new(states),
            since,
            text: saving.text,
            hooks: saving.hooks,
        }
    }

    fn states(&self) -> crate::sync::atomic::MutexGuard<'_, SavedRegistry> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the key's breaker continue from its state, if one waits.
    pub(super) fn restore<C>(&self, key: &K, builder: Builder<C>) -> (Builder<C>, Option<Found>) {
        if self.states().is_empty() {
            return (builder, None);
        }
        let text = match &self.text {
            Some(text) => text(key),
            None => builder.name().to_string(),
        };
        let found = self.states().get_until(&text, self.since.time());
        match found {
            None => (builder, None),
            Some(Ok(saved)) => {
                let refused = None;
                (builder.restore(saved), Some(Found { text, refused }))
            }
            Some(Err(error)) => {
                let refused = Some(error);
                (builder, Some(Found { text, refused }))
            }
        }
    }

    /// The key's breaker is about to be seated. Returns whether its state was still there.
    pub(super) fn take(&self, found: &Found) -> bool {
        self.states().remove(&found.text)
    }

    /// Calls the hooks, outside all locks.
    pub(super) fn report(&self, key: &K, found: &Found, controller: &Controller) {
        let result = match &found.refused {
            Some(error) => Some(Err(error.clone())),
            None => controller.restored(),
        };
        let Some(result) = result else {
            return;
        };
        for hook in &self.hooks {
            caught(|| hook(key, &result));
        }
    }

    /// Returns how many wait, without those whose time is over.
    pub(super) fn len(&self) -> usize {
        let mut states = self.states();
        states.expire(self.since.time());
        states.len()
    }

    /// Forgets the state of a key; `name` is that of its breaker. Returns whether there was one.
    pub(super) fn forget_key(&self, key: &K, name: impl FnOnce() -> String) -> bool {
        if self.states().is_empty() {
            return false;
        }
        let text = caught(|| match &self.text {
            Some(text) => text(key),
            None => name(),
        });
        text.is_some_and(|text| self.states().remove(&text))
    }

    pub(super) fn forget(&self, text: &str) -> bool {
        self.states().remove(text)
    }

    /// An operator has released all.
    pub(super) fn release(&self) {
        self.states().release();
    }

    /// An operator has reset all.
    pub(super) fn clear(&self) {
        let old = std::mem::take(&mut *self.states());
        drop(old);
    }

    /// Returns those that still wait, without those whose time is over. It copies them part by part, so that a first use
    /// never waits for long.
    pub(super) fn copy(&self) -> SavedRegistry {
        let mut copy = SavedRegistry::new();
        while copy.append_part(&self.states(), PART) {}
        for key in copy.expired(self.since.time()) {
            self.states().remove(&key);
        }
        copy
    }

    /// Returns the text of a key that has a breaker. `None` if the user's code for it panics.
    pub(super) fn text_of<C>(&self, key: &K, breaker: &Breaker<C>) -> Option<String> {
        caught(|| match &self.text {
            Some(text) => text(key),
            None => breaker.name().to_string(),
        })
    }

    /// Returns the text of a key, and the state of its breaker. `None` if the user's code for it panics.
    pub(super) fn save<C>(
        &self,
        key: &K,
        breaker: &Breaker<C>,
        controller: &Controller,
    ) -> Option<(String, Saved)> {
        let text = self.text_of(key, breaker)?;
        Some((text, caught(|| controller.save())?))
    }
}

#[cfg(test)]
mod tests;
