//! A histogram of the calls' durations. Its buckets grow with the duration.
//!
//! Who writes: the thread that ends a call, to counters that decide nothing and that loom does not
//! see. As long as there are no more threads than rows, each thread has a row of its own.

use crate::sync::atomic::Counter;
use crate::sync::thread_index;
#[cfg(feature = "serde")]
use crate::words::units::seconds;
use alloc::boxed::Box;
use core::fmt;
use core::time::Duration;
use crossbeam_utils::CachePadded;

/// Each octave has four buckets, so a bucket is at most a quarter as wide as it is far.
const PER_OCTAVE: u32 = 4;
/// 1.024 µs: everything shorter is one bucket.
const FIRST: u32 = 10;
/// 137.4 s: everything longer is one bucket.
const LAST: u32 = 37;
const BUCKETS: usize = ((LAST - FIRST) * PER_OCTAVE) as usize + 2;
/// A row takes 880 bytes.
const MOST_ROWS: usize = 16;

fn bucket(nanos: u64) -> usize {
    let octave = nanos.checked_ilog2().unwrap_or(0);
    if octave < FIRST {
        return 0;
    }
    if octave >= LAST {
        return BUCKETS - 1;
    }
    let quarter = (nanos >> (octave - 2)) as u32 - PER_OCTAVE;
    ((octave - FIRST) * PER_OCTAVE + quarter) as usize + 1
}

/// The bucket's end: the shortest duration beyond it.
fn end(bucket: usize) -> u64 {
    if bucket == BUCKETS - 1 {
        return u64::MAX;
    }
    let (octave, quarter) = (
        FIRST + bucket as u32 / PER_OCTAVE,
        bucket as u64 % u64::from(PER_OCTAVE),
    );
    (u64::from(PER_OCTAVE) + quarter) << (octave - 2)
}

fn begin(bucket: usize) -> u64 {
    bucket.checked_sub(1).map_or(0, end)
}

/// What calls add to.
#[derive(Debug)]
pub(crate) struct Histogram(Box<[CachePadded<[Counter; BUCKETS]>]>);

impl Histogram {
    pub(crate) fn new() -> Histogram {
        let rows = thread_index::cpus().next_power_of_two().min(MOST_ROWS);
        let row = || CachePadded::new([const { Counter::new(0) }; BUCKETS]);
        Histogram((0..rows).map(|_| row()).collect())
    }

    #[cold]
    pub(crate) fn add(&self, nanos: u64) {
        self.0[thread_index::index() & (self.0.len() - 1)][bucket(nanos)].add(1);
    }

    pub(crate) fn read(&self) -> Durations {
        let sum = |i: usize| self.0.iter().map(|row| row[i].get()).sum();
        Durations((0..BUCKETS).map(sum).collect())
    }
}

/// The durations of the calls since the breaker was built: see
/// [`Config::durations`](crate::Config::durations).
///
/// From about 1 µs to 137 s, a bucket is a fifth to a quarter as wide as the durations in it.
/// Shorter and longer durations have one bucket each.
///
/// ```
/// use std::time::Duration;
/// use tripcoil::{Breaker, Outcome};
///
/// let breaker = Breaker::builder("payments").durations(true).build()?;
/// for ms in [10, 10, 10, 80] {
///     if let Ok(permit) = breaker.try_acquire() {
///         permit.record_timed(Outcome::Success, Duration::from_millis(ms));
///     }
/// }
/// let lasted = breaker.observer().snapshot().durations.expect("are kept");
/// assert_eq!(lasted.calls(), 4);
/// let median = lasted.quantile(0.5).expect("of some calls");
/// assert!(median >= Duration::from_millis(10) && median < Duration::from_millis(13));
/// assert!(lasted.quantile(0.9) > Some(Duration::from_millis(80)));
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Durations(Box<[u64]>);

/// Shows the buckets that hold calls, by their ends.
impl fmt::Debug for Durations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let some = self.iter().filter(|bucket| bucket.calls > 0);
        f.debug_map()
            .entries(some.map(|b| (b.to.unwrap_or(Duration::MAX), b.calls)))
            .finish()
    }
}

/// One bucket of [`Durations`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct DurationBucket {
    /// The shortest duration in the bucket.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "from_seconds", serialize_with = "seconds")
    )]
    pub from: Duration,
    /// The shortest duration beyond the bucket; `None` for the last one, which has no end.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "to_seconds", serialize_with = "seconds")
    )]
    pub to: Option<Duration>,
    /// The number of calls in the bucket.
    pub calls: u64,
}

/// The buckets that hold calls, shortest durations first.
#[cfg(feature = "serde")]
impl serde::Serialize for Durations {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // the rest, a hundred at most times, are zeros that a reader would have to skip
        let some = self.iter().filter(|bucket| bucket.calls > 0);
        // some formats need to know how many there are
        serializer.collect_seq(some.collect::<alloc::vec::Vec<_>>())
    }
}

impl Durations {
    /// Returns the number of timed calls.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Returns a duration that `part` of the calls did not exceed; `part` is from 0 to 1.
    ///
    /// The result is the end of the bucket in which that duration lies, so it is never too short.
    /// It is [`Duration::MAX`] in the last bucket. Returns `None` if there were no calls, or if
    /// `part` is out of range.
    #[must_use]
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        if !(0.0..=1.0).contains(&part) {
            return None;
        }
        let wanted = self.calls() as f64 * part;
        let mut seen = 0;
        let found = self.iter().find(|bucket| {
            seen += bucket.calls;
            // of none of the calls it is the shortest
            seen > 0 && seen as f64 >= wanted
        })?;
        Some(found.to.unwrap_or(Duration::MAX))
    }

    /// Returns every bucket, shortest durations first.
    pub fn iter(&self) -> impl Iterator<Item = DurationBucket> + '_ {
        let of = |(i, calls): (usize, &u64)| DurationBucket {
            from: Duration::from_nanos(begin(i)),
            to: (i + 1 < BUCKETS).then(|| Duration::from_nanos(end(i))),
            calls: *calls,
        };
        self.0.iter().enumerate().map(of)
    }
}

#[cfg(test)]
mod tests;
