//! The share of calls that fail while all is well.
//!
//! The baseline knows bad calls, of which many may only be slow. What failed is counted here, and forgotten as slowly.

use crate::observe::Epoch;

/// What is kept after a second: about five minutes count.
const KEEPS: f64 = 0.997;

#[derive(Debug, Default)]
pub(super) struct Failing {
    calls: f64,
    failures: f64,
}

impl Failing {
    /// Adds an epoch without an outage.
    pub(super) fn add(&mut self, epoch: &Epoch) {
        let seconds = epoch.end.saturating_sub(epoch.start).as_secs_f64();
        // an hour without calls says nothing of how many fail
        if epoch.counts.calls == 0 {
            return;
        }
        let keeps = KEEPS.powf(seconds);
        self.calls = self.calls * keeps + epoch.counts.calls as f64;
        self.failures = self.failures * keeps + epoch.counts.failures as f64;
    }

    /// Returns the learnt rate, which is at most that of bad calls: while those are more than usual, the baseline does not
    /// learn.
    pub(super) fn rate(&self, bad: f64) -> f64 {
        if self.calls > 0.0 {
            bad.min(self.failures / self.calls)
        } else {
            bad
        }
    }
}

#[cfg(test)]
mod tests;
