//! Finished epochs as a series of evenly long intervals.

use crate::observe::Epoch;
use std::collections::VecDeque;
use std::time::Duration;

/// The shortest interval: trends and scores go by seconds.
const SECOND: Duration = Duration::from_secs(1);

/// What ended in an interval of a second, or of a bucket if that is longer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Interval {
    pub(super) start: Duration,
    pub(super) end: Duration,
    pub(super) calls: u64,
    /// Calls that failed or were slow, where both are counted the larger number: an epoch does not say how many
    /// were both.
    pub(super) bad: u64,
    pub(super) slow: u64,
}

impl Interval {
    fn of(epoch: &Epoch) -> Interval {
        let counts = epoch.counts;
        Interval {
            start: epoch.start,
            end: epoch.end,
            calls: counts.calls,
            bad: counts.failures.max(counts.slow).min(counts.calls),
            slow: counts.slow,
        }
    }

    pub(super) fn seconds(&self) -> f64 {
        self.end.saturating_sub(self.start).as_secs_f64()
    }

    /// The part of the calls that was bad; `None` without calls.
    pub(super) fn bad_rate(&self) -> Option<f64> {
        (self.calls > 0).then(|| self.bad as f64 / self.calls as f64)
    }
}

/// Joins epochs until they last a second.
#[derive(Debug, Default)]
pub(super) struct Gathering(Option<Interval>);

impl Gathering {
    /// Adds the next epoch. Returns an interval that is complete with it.
    pub(super) fn add(&mut self, epoch: &Epoch) -> Option<Interval> {
        let next = Interval::of(epoch);
        let all = match self.0.take() {
            // nothing is missing between them
            Some(open) if open.end == next.start => Interval {
                start: open.start,
                end: next.end,
                calls: open.calls + next.calls,
                bad: open.bad + next.bad,
                slow: open.slow + next.slow,
            },
            _ => next,
        };
        if all.end.saturating_sub(all.start) < SECOND {
            self.0 = Some(all);
            return None;
        }
        Some(all)
    }

    /// Forgets what is not a whole interval.
    pub(super) fn clear(&mut self) {
        self.0 = None;
    }
}

/// A series of bounded length: the latest are kept.
#[derive(Clone, Debug)]
pub(super) struct Latest<T> {
    items: VecDeque<T>,
    most: usize,
}

impl<T> Latest<T> {
    pub(super) fn new(most: usize) -> Latest<T> {
        Latest {
            items: VecDeque::with_capacity(most),
            most,
        }
    }

    pub(super) fn push(&mut self, item: T) {
        if self.items.len() == self.most {
            self.items.pop_front();
        }
        self.items.push_back(item);
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        self.items.pop_back()
    }

    pub(super) fn clear(&mut self) {
        self.items.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// Oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + ExactSizeIterator {
        self.items.iter()
    }

    pub(super) fn last(&self) -> Option<&T> {
        self.items.back()
    }
}

/// The middle value; `None` of none.
pub(super) fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
pub(super) mod tests;
