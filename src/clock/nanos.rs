//! Time in the engine's unit.

use core::time::Duration;

/// A duration in nanoseconds; `u64::MAX`, which is 584 years, for all that are longer.
pub(crate) fn saturating_nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Where a manual clock stops. Beyond it the end of a wait or a bucket could overflow.
pub(super) const LAST: u64 = u64::MAX / 4;
