//! Calls, by what the log and the breaker made of them.

use crate::log::{Call, Recorded};
use crate::time::Nanos;
use serde::Serialize;
use std::ops::AddAssign;

/// What the log shows about a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Good,
    /// Failed, or slower than the configuration's slow limit.
    Bad,
    /// Given up by its caller.
    Cancelled,
    /// Rejected by the breaker that the client had.
    Unknown,
}

impl Class {
    /// `slow`: the slow limit of the configuration.
    pub(super) fn of(call: &Call, slow: Option<Nanos>) -> Class {
        match call.outcome {
            Recorded::Rejected => Class::Unknown,
            Recorded::Cancelled => Class::Cancelled,
            Recorded::Success if slow.is_some_and(|limit| call.lasted > limit) => Class::Bad,
            outcome if outcome.is_failure() => Class::Bad,
            _ => Class::Good,
        }
    }
}

/// Calls by what the log shows about them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Counts {
    pub(super) good: u64,
    pub(super) bad: u64,
    pub(super) cancelled: u64,
    pub(super) unknown: u64,
}

impl Counts {
    pub(super) fn all(&self) -> u64 {
        self.good + self.bad + self.cancelled + self.unknown
    }

    fn add(&mut self, class: Class) {
        match class {
            Class::Good => self.good += 1,
            Class::Bad => self.bad += 1,
            Class::Cancelled => self.cancelled += 1,
            Class::Unknown => self.unknown += 1,
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.good += other.good;
        self.bad += other.bad;
        self.cancelled += other.cancelled;
        self.unknown += other.unknown;
    }
}

/// Calls by what the breaker made of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Tally {
    pub(super) admitted: Counts,
    pub(super) rejected: Counts,
}

impl Tally {
    pub(super) fn add(&mut self, class: Class, admitted: bool) {
        if admitted {
            self.admitted.add(class);
        } else {
            self.rejected.add(class);
        }
    }

    pub(super) fn calls(&self) -> u64 {
        self.admitted.all() + self.rejected.all()
    }

    /// Those about which the log shows nothing.
    pub(super) fn others(&self) -> u64 {
        let others = |counts: &Counts| counts.cancelled + counts.unknown;
        others(&self.admitted) + others(&self.rejected)
    }

    /// The share of the good calls that was rejected; `None` if there was no good call.
    pub(super) fn good_rejected_share(&self) -> Option<f64> {
        let good = self.admitted.good + self.rejected.good;
        (good > 0).then(|| self.rejected.good as f64 / good as f64)
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.admitted += other.admitted;
        self.rejected += other.rejected;
    }
}
