//! What the instances of a fleet share, seen from an agent.

use super::changes::Changes;
use super::decide::{Answer, Report};
use super::word::Word;
use core::fmt;
use std::future::Future;

/// A place that all instances of a fleet reach. It keeps votes and verdicts for a minute, and operators' words for as long
/// as they hold.
///
/// The agent calls it from one task, and drops a future that takes longer than its limit. No method is called on a
/// breaker's call. Names of fleets and breakers are any text: a store escapes them.
///
/// [`MemoryStore`](super::MemoryStore) implements it, and with the feature `fleet-redis` also `RedisStore`.
/// Another one is right if it answers as [`decide`](super::decide()) does, for each breaker by a record and
/// votes of its own, at the store's time.
pub trait Store: Send + Sync + 'static {
    /// Takes the reports in order, each at one moment of the store's. Returns an answer to each.
    ///
    /// # Errors
    ///
    /// Returns why there is no answer. Some reports may have been taken then.
    fn exchange(
        &self,
        fleet: &str,
        reports: &[Report],
    ) -> impl Future<Output = Result<Vec<Answer>, Down>> + Send;

    /// Returns the fleet's words in force: at most one per breaker, and one for all of them.
    ///
    /// # Errors
    ///
    /// Returns why they cannot be read.
    fn words(&self, fleet: &str) -> impl Future<Output = Result<Vec<Word>, Down>> + Send;

    /// Sets a word, in place of the one before on the same breaker, with a version above that.
    ///
    /// # Errors
    ///
    /// Returns why it was not set, for example that the store's user may not.
    fn say(&self, fleet: &str, word: &Word) -> impl Future<Output = Result<Word, Down>> + Send;

    /// Returns what may change in the fleet from now on: verdicts and words. A store that cannot know sends nothing, and
    /// the agent finds out at its next report.
    fn changes(&self, fleet: &str) -> Changes;
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Down {
    /// For metrics: a few fixed values.
    pub reason: Reason,
    /// For people, in one line.
    pub detail: String,
}

/// Why a store cannot be used, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reason {
    /// No connection.
    Unreachable,
    /// No answer in time.
    Timeout,
    /// The store's user may not do that, or is not who it says.
    Denied,
    /// The store takes no writes now: it is a replica, loading, or full.
    ReadOnly,
    /// The store's script failed.
    Script,
    /// The answer cannot be understood.
    Protocol,
}

impl Reason {
    /// All of them.
    pub const ALL: [Reason; 6] = [
        Reason::Unreachable,
        Reason::Timeout,
        Reason::Denied,
        Reason::ReadOnly,
        Reason::Script,
        Reason::Protocol,
    ];

    /// Returns the name for programs, such as `read_only`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::Unreachable => "unreachable",
            Reason::Timeout => "timeout",
            Reason::Denied => "denied",
            Reason::ReadOnly => "read_only",
            Reason::Script => "script",
            Reason::Protocol => "protocol",
        }
    }
}

impl Down {
    /// Returns one of that reason.
    pub fn new(reason: Reason, detail: impl fmt::Display) -> Down {
        Down {
            reason,
            detail: detail.to_string(),
        }
    }
}

impl fmt::Display for Down {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the fleet's store: {}: {}",
            self.reason.as_str(),
            self.detail
        )
    }
}

impl std::error::Error for Down {}
