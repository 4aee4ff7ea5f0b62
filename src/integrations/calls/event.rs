//! What is kept of a call.

use crate::{Outcome, Rejected, Transition};
use std::error::Error;
use std::fmt;
use std::time::{Duration, SystemTime};

/// A call that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallEvent {
    /// When it ended, by the system's clock.
    pub at: SystemTime,
    /// How it ended, with the kind of a failure.
    pub outcome: Outcome,
    /// How long it took, if its breaker times calls.
    pub lasted: Option<Duration>,
    /// What [`with_text`](super::Logged::with_text) says of its result.
    pub text: Option<String>,
}

/// An opening of a breaker, with the failures before it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct OpeningCalls {
    /// The breaker's name.
    pub breaker: String,
    /// The opening.
    pub opening: Transition,
    /// The last failures that the log had kept then, oldest first. The last may have ended a moment after it.
    pub failures: Vec<CallEvent>,
}

/// A rejection, and the last failure of its log; [`CallLog::explain`](super::CallLog::explain) returns it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explained {
    /// The rejection.
    pub rejected: Rejected,
    /// The last failure that the log has kept.
    pub last_failure: Option<CallEvent>,
}

/// `{}` leaves the rejection to the source, as a [`CallError`](crate::CallError) does, so that a report of the whole chain
/// has it once: "call not made; the last failure: connection refused: the breaker is open (failure rate), retry after 2s".
/// `{:#}` has both in one line, for a log.
impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            self.rejected.fmt(f)?;
        } else {
            f.write_str("call not made")?;
        }
        let Some(last) = &self.last_failure else {
            return Ok(());
        };
        match (&last.text, last.outcome) {
            (Some(text), _) => write!(f, "; the last failure: {text}"),
            (None, Outcome::Failure(kind) | Outcome::FailureRetryAfter(kind, _)) => {
                write!(f, "; the last failure: {kind}")
            }
            _ => Ok(()),
        }
    }
}

impl Error for Explained {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.rejected)
    }
}
