//! When a dependency is down for a fleet, and which instance probes it.

use std::time::Duration;

/// When a fleet's votes make a verdict, and how it probes.
///
/// Every instance sends its rules with each report, and the store goes by those of the report at hand. Give all
/// instances of a fleet the same ones.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Rules {
    /// So many instances make a verdict, and no fewer, however busy one is. At least 1; 3 by default.
    pub quorum: u32,
    /// So many failures, over all instances. At least 1; 8 by default.
    pub min_failures: u32,
    /// Failures per call, over all votes: above 0 and at most 1; 0.7 by default.
    pub failure_rate: f64,
    /// The time from one probe to the next, for all instances together; 1 s by default.
    pub probe_every: Duration,
    /// How long an instance may probe before another one may, unless it renews its lease; 5 s by default.
    pub probe_lease: Duration,
}

impl Rules {
    /// Returns the defaults.
    #[must_use]
    pub const fn new() -> Rules {
        Rules {
            quorum: 3,
            min_failures: 8,
            failure_rate: 0.7,
            probe_every: Duration::from_secs(1),
            probe_lease: Duration::from_secs(5),
        }
    }

    /// Returns the calls of a vote at most, in thousandths: so few that the failures of one instance fewer than
    /// [`quorum`](Self::quorum) are never [`min_failures`](Self::min_failures).
    #[must_use]
    pub fn most_calls(&self) -> u32 {
        let each = (u64::from(self.min_failures) * 1_000).div_ceil(u64::from(self.quorum.max(1)));
        u32::try_from(each).unwrap_or(u32::MAX)
    }

    /// In thousandths.
    pub(crate) fn rate(&self) -> u64 {
        (self.failure_rate.clamp(0.0, 1.0) * 1_000.0).round() as u64
    }
}

impl Default for Rules {
    fn default() -> Self {
        Rules::new()
    }
}

/// A vote counts for so long, unless it is replaced, in milliseconds.
pub(crate) const VOTE_LIFE: u64 = 10_000;
/// A verdict is dropped after so long without a probe and without a failure of a closed breaker, in milliseconds.
///
/// It has to be longer than the time from one probe to the next ever is while there are calls: twice `probe_every` for an
/// instance that probes alone, or the lease of one that has died. So the builder takes at most 5 s and 10 s for these.
pub(crate) const FORGOTTEN_AFTER: u64 = 15_000;

pub(crate) fn millis(of: Duration) -> u64 {
    u64::try_from(of.as_millis())
        .unwrap_or(u64::MAX)
        .min(1 << 40)
}
