//! A configuration's calls and states, by pieces of time.

use super::tally::{Class, Tally};
use crate::log::Log;
use crate::time::{MILLISECOND, Nanos, SECOND};

/// The most buckets of a timeline, and the fewest that a log of few calls has.
pub(super) const MOST: u64 = 600;
const FEWEST: u64 = 60;

/// Calls per bucket that a bucket is worth having for.
const CALLS_EACH: u64 = 4;

/// How a log is cut into buckets. They begin at round times of its own clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Buckets {
    pub(super) width: Nanos,
    /// How long before the log's first call the first bucket begins.
    pub(super) before: Nanos,
    pub(super) many: usize,
}

impl Buckets {
    /// `lasts`: from the beginning of the first call to the end of the last.
    pub(super) fn new(log: &Log, lasts: Nanos) -> Buckets {
        Buckets::of_times(log.begins, log.len() as u64, lasts)
    }

    fn of_times(begins: i64, calls: u64, lasts: Nanos) -> Buckets {
        // one of them may be cut in two by the beginning
        let most = (calls / CALLS_EACH).clamp(FEWEST, MOST) - 1;
        let width = widths()
            .find(|width| lasts / width < most)
            .unwrap_or(Nanos::MAX);
        let before = begins.rem_euclid(width.cast_signed()).cast_unsigned();
        Buckets {
            width,
            before,
            many: ((before + lasts) / width) as usize + 1,
        }
    }

    pub(super) fn of(&self, at: Nanos) -> usize {
        (((at + self.before) / self.width) as usize).min(self.many - 1)
    }

    /// When a bucket begins, from the first call on; the first one may begin before that.
    pub(super) fn begins(&self, bucket: usize) -> i64 {
        (bucket as u64 * self.width).cast_signed() - self.before.cast_signed()
    }

    /// The time from the first bucket's beginning to the last one's end.
    pub(super) fn span(&self) -> Nanos {
        self.many as u64 * self.width
    }
}

/// Widths of buckets that read well, from 1 ms on.
fn widths() -> impl Iterator<Item = Nanos> {
    const MINUTE: Nanos = 60 * SECOND;
    const HOUR: Nanos = 60 * MINUTE;
    const DAY: Nanos = 24 * HOUR;
    let fine = [1, 2, 5, 10, 20, 50, 100, 200, 500].map(|n| n * MILLISECOND);
    let seconds = [1, 2, 5, 10, 15, 30].map(|n| n * SECOND);
    let minutes = [1, 2, 5, 10, 15, 30].map(|n| n * MINUTE);
    let hours = [1, 2, 3, 6, 12].map(|n| n * HOUR);
    let days = [1, 2, 5, 10, 20, 50].map(|n| n * DAY);
    fine.into_iter()
        .chain(seconds)
        .chain(minutes)
        .chain(hours)
        .chain(days)
}

/// One bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bucket {
    pub(super) tally: Tally,
    /// How long the breakers were open and half-open, together.
    pub(super) open: Nanos,
    pub(super) half_open: Nanos,
}

#[derive(Clone, Debug)]
pub(super) struct Timeline {
    pub(super) cut: Buckets,
    pub(super) buckets: Vec<Bucket>,
}

/// A state other than closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shut {
    Open,
    HalfOpen,
}

impl Timeline {
    pub(super) fn new(cut: Buckets) -> Timeline {
        Timeline {
            cut,
            buckets: vec![Bucket::default(); cut.many],
        }
    }

    pub(super) fn call(&mut self, at: Nanos, class: Class, admitted: bool) {
        self.buckets[self.cut.of(at)].tally.add(class, admitted);
    }

    /// A breaker was in this state.
    pub(super) fn state(&mut self, state: Shut, from: Nanos, to: Nanos) {
        let mut at = from;
        while at < to {
            let bucket = self.cut.of(at);
            let ends = self.cut.begins(bucket + 1).cast_unsigned();
            // the last bucket has what is left
            let until = if bucket + 1 == self.cut.many {
                to
            } else {
                to.min(ends)
            };
            let bucket = &mut self.buckets[bucket];
            match state {
                Shut::Open => bucket.open += until - at,
                Shut::HalfOpen => bucket.half_open += until - at,
            }
            at = until;
        }
    }
}

#[cfg(test)]
mod tests;
