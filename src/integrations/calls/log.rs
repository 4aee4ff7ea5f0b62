//! The log: two bounded lists, and the failures before each opening.

use crate::integrations::calls::event::{CallEvent, Explained, OpeningCalls};
use crate::integrations::calls::sample::Share;
use crate::sync::atomic::Counter;
use crate::{ConfigError, Observer, Outcome, Rejected, State, Subscription, Transition};
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, SystemTime};

const KEPT: usize = 64;
const TEXT: usize = 256;
/// The openings whose failures are kept, and how many of each.
const OPENINGS: usize = 8;
const BEFORE_OPENING: usize = 16;

/// Keeps the last calls of a breaker. Clones share the log. See the [module](super).
#[derive(Clone)]
pub struct CallLog {
    failures: Share,
    successes: Share,
    kept: usize,
    text: usize,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    lists: Mutex<Lists>,
    missed: Counter,
}

/// Failures have a list of their own, so that no success pushes one out.
#[derive(Default)]
struct Lists {
    failures: VecDeque<CallEvent>,
    others: VecDeque<CallEvent>,
    openings: VecDeque<OpeningCalls>,
}

fn push<T>(list: &mut VecDeque<T>, one: T, most: usize) -> Option<T> {
    let out = if list.len() >= most {
        list.pop_front()
    } else {
        None
    };
    if most > 0 {
        list.push_back(one);
        out
    } else {
        Some(one)
    }
}

impl fmt::Debug for CallLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallLog")
            .field("failures", &self.failures)
            .field("successes", &self.successes)
            .field("missed", &self.missed())
            .finish_non_exhaustive()
    }
}

impl Default for CallLog {
    fn default() -> CallLog {
        CallLog {
            failures: Share::ALL,
            successes: Share::NONE,
            kept: KEPT,
            text: TEXT,
            shared: Arc::default(),
        }
    }
}

impl CallLog {
    /// Returns a log that keeps the last 64 failures, and no other calls.
    #[must_use]
    pub fn new() -> CallLog {
        CallLog::default()
    }

    /// Sets the share of the failures that are kept, 0 to 1. By default all are.
    ///
    /// # Errors
    ///
    /// Returns a problem of `failures` if the share is outside that range.
    pub fn failures(self, share: f64) -> Result<CallLog, ConfigError> {
        let failures = Share::of("failures", share)?;
        Ok(CallLog { failures, ..self })
    }

    /// Sets the share of the other calls that are kept, 0 to 1: successes, and ignored ones. By default none are.
    ///
    /// # Errors
    ///
    /// Returns a problem of `successes` if the share is outside that range.
    pub fn successes(self, share: f64) -> Result<CallLog, ConfigError> {
        let successes = Share::of("successes", share)?;
        Ok(CallLog { successes, ..self })
    }

    /// Sets how many failures are kept, and as many other calls. By default 64. With 0 nothing is kept.
    #[must_use]
    pub fn keep(self, calls: usize) -> CallLog {
        CallLog {
            kept: calls,
            ..self
        }
    }

    /// Sets the length at which a text is cut, in bytes of UTF-8. By default 256.
    #[must_use]
    pub fn text_at_most(self, bytes: usize) -> CallLog {
        CallLog {
            text: bytes,
            ..self
        }
    }

    /// Keeps the failures before each opening of that breaker from closed: the last 16 that the log has, of the last 8
    /// openings. For as long as the returned value is kept.
    pub fn follow(&self, observer: &Observer) -> Subscription {
        // the lists alone: the log may be in the breaker's own classifier
        let (shared, breaker) = (Arc::downgrade(&self.shared), observer.name().to_owned());
        observer.subscribe(move |event: &Transition| {
            let opens = (event.from, event.to) == (State::Closed, State::Open);
            if let Some(shared) = shared.upgrade()
                && opens
            {
                shared.open(&breaker, event);
            }
        })
    }

    /// Returns the failures that are kept, oldest first.
    #[must_use]
    pub fn recent_failures(&self) -> Vec<CallEvent> {
        self.shared.lists().failures.iter().cloned().collect()
    }

    /// Returns the calls that are kept, oldest first: the failures and the others.
    #[must_use]
    pub fn recent(&self) -> Vec<CallEvent> {
        let lists = self.shared.lists();
        let mut all: Vec<_> = lists
            .failures
            .iter()
            .chain(&lists.others)
            .cloned()
            .collect();
        drop(lists);
        all.sort_by_key(|call| call.at);
        all
    }

    /// Returns the last failure that is kept.
    #[must_use]
    pub fn last_failure(&self) -> Option<CallEvent> {
        self.shared.lists().failures.back().cloned()
    }

    /// Returns the openings that were [followed](Self::follow), oldest first, each with the failures before it.
    #[must_use]
    pub fn openings(&self) -> Vec<OpeningCalls> {
        self.shared.lists().openings.iter().cloned().collect()
    }

    /// Returns the rejection with the last failure, for a log or an answer. With `{:#}` it reads "the breaker is open
    /// (failure rate), retry after 2s; the last failure: connection refused".
    #[must_use]
    pub fn explain(&self, rejected: Rejected) -> Explained {
        Explained {
            rejected,
            last_failure: self.last_failure(),
        }
    }

    /// Returns how many calls were sampled and not kept, because another thread was in the lists.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.shared.missed.get()
    }

    /// A call has ended. `lasted` and `text` are asked only if it is kept.
    pub(super) fn note(
        &self,
        outcome: Outcome,
        lasted: &dyn Fn() -> Option<Duration>,
        text: impl FnOnce() -> Option<String>,
    ) {
        let failed = matches!(
            outcome,
            Outcome::Failure(_) | Outcome::FailureRetryAfter(..)
        );
        let share = if failed {
            self.failures
        } else {
            self.successes
        };
        if self.kept == 0 || !share.draws() {
            return;
        }
        let event = CallEvent {
            at: SystemTime::now(),
            outcome,
            lasted: lasted(),
            // the user's code, and so outside the lock
            text: text().map(|text| cut(text, self.text)),
        };
        // No call waits here. Those who hold the lock copy or push, and a call that comes meanwhile is missed.
        let mut lists = match self.shared.lists.try_lock() {
            Ok(lists) => lists,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return self.shared.missed.add(1),
        };
        let list = if failed {
            &mut lists.failures
        } else {
            &mut lists.others
        };
        let out = push(list, event, self.kept);
        drop(lists);
        drop(out);
    }
}

impl Shared {
    /// For readers, which may wait for the short moments of others.
    fn lists(&self) -> MutexGuard<'_, Lists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, breaker: &str, opening: &Transition) {
        let mut lists = self.lists();
        let last = lists.failures.len().saturating_sub(BEFORE_OPENING);
        let failures = lists.failures.iter().skip(last).cloned().collect();
        let opening = OpeningCalls {
            breaker: breaker.to_owned(),
            opening: *opening,
            failures,
        };
        let out = push(&mut lists.openings, opening, OPENINGS);
        drop(lists);
        drop(out);
    }
}

/// Cuts a text at a character's end.
fn cut(mut text: String, most: usize) -> String {
    if text.len() > most {
        let end = (0..=most).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or(0));
        text.shrink_to_fit();
    }
    text
}
