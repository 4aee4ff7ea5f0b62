//! The records of a run: calls and transitions.

use crate::clients::Guard;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tripcoil::{Cause, FailureKind, State};

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Ok,
    /// Sent, and failed.
    Failed(FailureKind),
    /// Never sent: rejected by the breaker.
    Rejected,
}

/// One call of a client. Times are since the script's beginning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) began: Duration,
    pub(crate) took: Duration,
    pub(crate) fate: Fate,
}

/// A transition of a breaker, since the script's beginning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) at: Duration,
    pub(crate) from: State,
    pub(crate) to: State,
    pub(crate) cause: Cause,
}

/// A list that many tasks write to. A lock is good enough for the example's own records.
pub(crate) struct Notes<T>(Mutex<Vec<T>>);

impl<T> Default for Notes<T> {
    fn default() -> Self {
        Notes(Mutex::new(Vec::new()))
    }
}

impl<T: Copy> Notes<T> {
    pub(crate) fn push(&self, item: T) {
        self.lock().push(item);
    }

    /// The items after the first `seen`.
    pub(crate) fn since(&self, seen: usize) -> Vec<T> {
        self.lock().get(seen..).unwrap_or_default().to_vec()
    }

    pub(crate) fn all(&self) -> Vec<T> {
        self.since(0)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The records of one group.
pub(crate) struct Run {
    pub(crate) guard: Guard,
    pub(crate) calls: Vec<Call>,
    pub(crate) changes: Vec<Change>,
    /// Transitions that the listener missed.
    pub(crate) missed: u64,
}

impl Run {
    /// The breaker's states one after the other, from when to when.
    pub(crate) fn states(&self, end: Duration) -> Vec<(State, Duration, Duration)> {
        let first = self.changes.first().map_or(State::Closed, |c| c.from);
        let begins = std::iter::once((first, Duration::ZERO));
        let begins = begins.chain(self.changes.iter().map(|c| (c.to, c.at.min(end))));
        let ends = self.changes.iter().map(|c| c.at.min(end)).chain([end]);
        let states = begins
            .zip(ends)
            .map(|((state, from), to)| (state, from, to));
        states.collect()
    }
}

/// Calls by fate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) ok: u64,
    pub(crate) failed: u64,
    pub(crate) rejected: u64,
}

impl Tally {
    pub(crate) fn of<'a>(calls: impl IntoIterator<Item = &'a Call>) -> Tally {
        let mut tally = Tally::default();
        for call in calls {
            tally.add(call.fate);
        }
        tally
    }

    pub(crate) fn add(&mut self, fate: Fate) {
        match fate {
            Fate::Ok => self.ok += 1,
            Fate::Failed(_) => self.failed += 1,
            Fate::Rejected => self.rejected += 1,
        }
    }

    pub(crate) fn calls(&self) -> u64 {
        self.ok + self.failed + self.rejected
    }

    /// The share of failures among the calls that were sent; `None` if there were none.
    pub(crate) fn error_rate(&self) -> Option<f64> {
        let sent = self.ok + self.failed;
        (sent > 0).then(|| self.failed as f64 / sent as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_states_fill_the_time_without_a_gap() {
        let ms = Duration::from_millis;
        let change = |at, from, to, cause| Change {
            at: ms(at),
            from,
            to,
            cause,
        };
        let mut run = Run {
            guard: Guard::Adaptive,
            calls: Vec::new(),
            changes: vec![
                change(600, State::Closed, State::Open, Cause::Evidence),
                change(900, State::Open, State::HalfOpen, Cause::OpenElapsed),
            ],
            missed: 0,
        };
        let expected = [
            (State::Closed, ms(0), ms(600)),
            (State::Open, ms(600), ms(900)),
            (State::HalfOpen, ms(900), ms(1_000)),
        ];
        assert_eq!(run.states(ms(1_000)), expected);
        run.changes.clear();
        assert_eq!(run.states(ms(7)), [(State::Closed, ms(0), ms(7))]);
    }
}
