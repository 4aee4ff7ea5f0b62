//! The outcomes of an instance's own calls while its breaker is closed.

use super::vote::Vote;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// A vote is about so long.
pub(super) const SPAN: Duration = Duration::from_secs(1);
/// Outcomes are of no use after so long: the instance has nothing to say then.
pub(super) const STALE: Duration = Duration::from_secs(5);
/// Outcomes before the newest that are kept, for a verdict that comes later.
const KEPT: Duration = Duration::from_secs(3);

/// How many calls have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) successes: u64,
    pub(super) failures: u64,
}

impl Ended {
    pub(super) fn add(&mut self, more: Ended) {
        self.successes += more.successes;
        self.failures += more.failures;
    }

    fn calls(self) -> u64 {
        self.successes + self.failures
    }

    /// Whether at least one has failed, and half of all.
    pub(super) fn is_failing(self) -> bool {
        self.failures > 0 && self.failures >= self.successes
    }
}

/// The outcomes of one generation, by the look that has found them.
#[derive(Debug, Default)]
pub(super) struct Outcomes(VecDeque<(Instant, Ended)>);

impl Outcomes {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn add(&mut self, now: Instant, ended: Ended) {
        if ended.calls() == 0 {
            return;
        }
        let is_old = |at: Instant| now.saturating_duration_since(at) > KEPT;
        while self.0.front().is_some_and(|&(at, _)| is_old(at)) {
            self.0.pop_front();
        }
        self.0.push_back((now, ended));
    }

    /// Sums up those from `first` on.
    pub(super) fn since(&self, first: Option<Instant>) -> Ended {
        let mut sum = Ended::default();
        for &(at, ended) in self.0.iter().rev() {
            if first.is_some_and(|first| at < first) {
                break;
            }
            sum.add(ended);
        }
        sum
    }

    /// Returns the vote of at most so many thousandths of a call: on the last second with outcomes.
    pub(super) fn vote(&self, now: Instant, most: u32) -> Option<Vote> {
        let &(newest, _) = self.0.back()?;
        if now.saturating_duration_since(newest) >= STALE {
            return None;
        }
        let ended = self.since(newest.checked_sub(SPAN));
        let all = u128::from(ended.calls());
        let calls = (all * 1_000).min(u128::from(most));
        // rounded up, so that one failure among many calls is not lost
        let failures = (u128::from(ended.failures) * calls).div_ceil(all);
        let fits = |part: u128| u32::try_from(part).unwrap_or(u32::MAX);
        Some(Vote::Outcomes {
            calls: fits(calls),
            failures: fits(failures),
        })
    }
}

#[cfg(test)]
mod tests;
