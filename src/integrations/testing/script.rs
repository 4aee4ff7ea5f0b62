//! How calls end, one after the other.

use crate::FailureKind;
use std::time::Duration;

/// How a call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Success,
    Failure {
        kind: FailureKind,
        retry_after: Option<Duration>,
    },
    Hang,
    Panic,
}

/// How a call ends, and how long it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) ending: Ending,
    pub(super) takes: Duration,
}

/// The calls that follow the script's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    Each(Step),
    Again,
}

/// How the calls to a [`Dependency`](super::Dependency) end, in the order in which they begin.
///
/// A call's number alone decides, so that threads cannot take each other's steps. After the last step
/// calls succeed, unless one of the `then_` methods says otherwise.
///
/// ```
/// use std::time::Duration;
/// use tripcoil::FailureKind;
/// use tripcoil::testing::{Dependency, Script};
///
/// let script = Script::new()
///     .succeeds(1)
///     .fails(2, FailureKind::Timeout)
///     .then_fails(FailureKind::Connect);
/// let orders = Dependency::new(script);
/// let kinds: Vec<_> = (0..4).map(|_| orders.call().map_err(|error| error.kind())).collect();
/// let (timeout, connect) = (FailureKind::Timeout, FailureKind::Connect);
/// assert_eq!(kinds, [Ok(1), Err(timeout), Err(timeout), Err(connect)]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a script plays when a `Dependency` has it"]
pub struct Script {
    /// Each with the number of the first call after it. A step without calls is not there.
    steps: Vec<(u64, Step)>,
    takes: Duration,
    after: After,
}

impl Default for Script {
    fn default() -> Self {
        Script {
            steps: Vec::new(),
            takes: Duration::ZERO,
            after: After::Each(Step {
                ending: Ending::Success,
                takes: Duration::ZERO,
            }),
        }
    }
}

impl Script {
    /// Returns a script without steps: each call succeeds at once.
    pub fn new() -> Script {
        Script::default()
    }

    /// Adds `calls` calls that succeed.
    pub fn succeeds(self, calls: u64) -> Script {
        self.step(calls, Ending::Success)
    }

    /// Adds `calls` calls that fail with this kind.
    pub fn fails(self, calls: u64, kind: FailureKind) -> Script {
        self.step(calls, failure(kind, None))
    }

    /// Adds `calls` calls that fail with this kind, and ask for a wait as a `Retry-After` does.
    pub fn fails_retry_after(self, calls: u64, kind: FailureKind, wait: Duration) -> Script {
        self.step(calls, failure(kind, Some(wait)))
    }

    /// Adds `calls` calls that do not end. The future of such a call never ends. A synchronous call
    /// cannot be given up from outside, so it returns a failure of the kind
    /// [`Timeout`](FailureKind::Timeout) instead, as a client with a time limit does.
    pub fn hangs(self, calls: u64) -> Script {
        self.step(calls, Ending::Hang)
    }

    /// Adds `calls` calls that panic, as a broken client may.
    pub fn panics(self, calls: u64) -> Script {
        self.step(calls, Ending::Panic)
    }

    /// Sets how long each call of the steps that follow takes, those after the script's end included. By
    /// default a call takes no time. See [`Dependency`](super::Dependency) for how time passes.
    pub fn takes(mut self, takes: Duration) -> Script {
        self.takes = takes;
        if let After::Each(step) = &mut self.after {
            step.takes = takes;
        }
        self
    }

    /// Lets each call after the last step succeed, which is the default.
    pub fn then_succeeds(self) -> Script {
        self.then(Ending::Success)
    }

    /// Lets each call after the last step fail with this kind.
    pub fn then_fails(self, kind: FailureKind) -> Script {
        self.then(failure(kind, None))
    }

    /// Lets no call after the last step end: see [`hangs`](Self::hangs).
    pub fn then_hangs(self) -> Script {
        self.then(Ending::Hang)
    }

    /// Lets each call after the last step panic, for a test in which there must not be one.
    pub fn then_panics(self) -> Script {
        self.then(Ending::Panic)
    }

    /// Starts again after the last step. A script without steps succeeds.
    pub fn then_repeats(mut self) -> Script {
        self.after = After::Again;
        self
    }

    fn then(mut self, ending: Ending) -> Script {
        let takes = self.takes;
        self.after = After::Each(Step { ending, takes });
        self
    }

    fn step(mut self, calls: u64, ending: Ending) -> Script {
        let (length, takes) = (self.length(), self.takes);
        let end = length.saturating_add(calls);
        if end > length {
            self.steps.push((end, Step { ending, takes }));
        }
        self
    }

    /// Returns the number of calls that its steps have.
    fn length(&self) -> u64 {
        self.steps.last().map_or(0, |&(end, _)| end)
    }

    /// Returns what the call of this number does, counted from zero.
    pub(super) fn of_call(&self, number: u64) -> Step {
        let length = self.length();
        let again = self.after == After::Again && length > 0;
        let number = if again { number % length } else { number };
        let next = self.steps.partition_point(|&(end, _)| end <= number);
        match (self.steps.get(next), self.after) {
            (Some(&(_, step)), _) | (None, After::Each(step)) => step,
            // there is nothing to repeat
            (None, After::Again) => Step {
                ending: Ending::Success,
                takes: self.takes,
            },
        }
    }
}

fn failure(kind: FailureKind, retry_after: Option<Duration>) -> Ending {
    Ending::Failure { kind, retry_after }
}

#[cfg(test)]
mod tests;
