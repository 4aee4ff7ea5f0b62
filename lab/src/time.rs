//! Time within a simulated day: whole nanoseconds since its beginning.

use std::time::Duration;

pub(crate) type Nanos = u64;

pub(crate) const MILLISECOND: Nanos = 1_000_000;
pub(crate) const SECOND: Nanos = 1_000_000_000;

/// Returns so many seconds, rounded to whole nanoseconds; what is negative or too large is clamped.
pub(crate) fn seconds(s: f64) -> Nanos {
    // `as` saturates
    (s * SECOND as f64 + 0.5) as Nanos
}

pub(crate) fn in_seconds(t: Nanos) -> f64 {
    t as f64 / SECOND as f64
}

/// Returns the duration in nanoseconds, at most 584 years.
pub(crate) fn nanos(duration: Duration) -> Nanos {
    Nanos::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX)
}
