//! Kinds of failures as values of labels and fields, in snake case. Those of the user's own from 2 on share a counter, and
//! so a label.

use crate::FailureKind;

pub(crate) fn kind(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Timeout => "timeout",
        FailureKind::Connect => "connect",
        FailureKind::Overload => "overload",
        FailureKind::Server => "server",
        FailureKind::Client => "client",
        FailureKind::Data => "data",
        FailureKind::Other(0) => "other_0",
        FailureKind::Other(1) => "other_1",
        FailureKind::Other(_) => "other",
    }
}
