//! A call, as the log has it.

use crate::time::Nanos;

/// How a call ended, by the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recorded {
    Success,
    Timeout,
    Connect,
    Overload,
    Server,
    Client,
    Data,
    Ignored,
    Cancelled,
    /// By the breaker that the client had: it was not made, and how it would have ended is unknown.
    Rejected,
}

impl Recorded {
    pub(crate) const ALL: [Recorded; 10] = [
        Recorded::Success,
        Recorded::Timeout,
        Recorded::Connect,
        Recorded::Overload,
        Recorded::Server,
        Recorded::Client,
        Recorded::Data,
        Recorded::Ignored,
        Recorded::Cancelled,
        Recorded::Rejected,
    ];

    /// Returns the word of a column of outcomes.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Recorded::Success => "success",
            Recorded::Timeout => "timeout",
            Recorded::Connect => "connect",
            Recorded::Overload => "overload",
            Recorded::Server => "server",
            Recorded::Client => "client",
            Recorded::Data => "data",
            Recorded::Ignored => "ignored",
            Recorded::Cancelled => "cancelled",
            Recorded::Rejected => "rejected",
        }
    }

    pub(crate) fn is_failure(self) -> bool {
        use Recorded::{Client, Connect, Data, Overload, Server, Timeout};
        matches!(self, Timeout | Connect | Overload | Server | Client | Data)
    }
}

/// A call of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// When it began, since the beginning of the log's first call.
    pub(crate) at: Nanos,
    pub(crate) lasted: Nanos,
    pub(crate) outcome: Recorded,
}

impl Call {
    pub(crate) fn ends(&self) -> Nanos {
        self.at + self.lasted
    }
}
