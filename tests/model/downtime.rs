//! Adaptive waits: by how long the outage has lasted.

#[cfg(test)]
mod by_hand;

use super::evidence::rate;
use super::{Cause, Model, State};

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;
/// A breaker that leaves closed sooner goes on with the same outage.
const RELAPSE: u64 = 2 * SECOND;
/// The shortest wait after a lost round.
const LEAST: u64 = 250 * MS;

/// An outage under way.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Downtime {
    pub(super) since: u64,
    /// The calls that had been rejected when it began.
    rejected: u64,
    /// The rounds and ramps that were lost in it.
    pub(super) lost: u32,
}

/// The place of a generation's wait, at least 0 and below 1: splitmix64's output after so many steps and one.
pub(super) fn unit(seed: u64, generation: u64) -> f64 {
    let mut state = u128::from(seed);
    state += (u128::from(generation) + 1) * 0x9E37_79B9_7F4A_7C15;
    let mut word = state as u64;
    for (shift, factor) in [(30, 0xBF58_476D_1CE4_E5B9), (27, 0x94D0_49BB_1331_11EB)] {
        word ^= word >> shift;
        word = word.wrapping_mul(factor);
    }
    word ^= word >> 31;
    (word >> 11) as f64 / 9_007_199_254_740_992.0
}

/// From closed.
pub(super) fn first_wait(unit: f64) -> u64 {
    (LEAST as f64 * (0.5 + 0.5 * unit)).round() as u64
}

/// After a lost round: the age is in milliseconds, the pace in 2^-16 calls per second.
pub(super) fn later_wait(age: u64, pace: u64, max: u64, unit: f64) -> u64 {
    let pace = u128::from(pace);
    let root = (pace << 16).isqrt();
    let by_age = (1_000_000_000_000_000 * u128::from(age) * 65_536 / root).isqrt();
    let by_calls = (3 * u128::from(SECOND) * 65_536).div_ceil(pace);
    let within = |wait: u64| wait.max(LEAST).min(max);
    let wait = within(by_age.max(by_calls) as u64);
    within((wait as f64 * (0.8 + 0.4 * unit)).round() as u64)
}

impl Model {
    pub(super) fn begin_downtime(&mut self, now: u64) {
        if self.rules.backoff.adaptive.is_some() && self.downtime.is_none() {
            self.downtime = Some(Downtime {
                since: now,
                rejected: self.totals.rejected,
                lost: 0,
            });
        }
    }

    pub(super) fn end_downtime(&mut self) {
        if self.rules.backoff.adaptive.is_some() {
            self.downtime = None;
        }
    }

    /// The breaker is about to enter that state.
    pub(super) fn follow_downtime(&mut self, to: State, now: u64) {
        if self.state == State::Closed && now - self.since > RELAPSE {
            self.end_downtime();
        }
        if to != State::Open {
            return;
        }
        self.begin_downtime(now);
        if self.rules.backoff.adaptive.is_some()
            && self.state != State::Closed
            && let Some(downtime) = self.downtime
        {
            let rejected = self.totals.rejected - downtime.rejected;
            let time = SECOND.max(self.age(now) * MS);
            self.pace.value = self.pace.value.max(rate(rejected, time));
        }
    }

    /// How old the outage is, in milliseconds.
    fn age(&self, now: u64) -> u64 {
        self.downtime
            .map_or(0, |downtime| now / MS - downtime.since / MS)
    }

    /// When an opening ends that has just begun. `before`: the state that it has ended, and since when that was.
    pub(super) fn adaptive_end(
        &self,
        seed: u64,
        before: (State, u64),
        cause: Cause,
        now: u64,
    ) -> u64 {
        let unit = unit(seed, self.generation);
        let max = self.rules.backoff.max;
        let wait = || later_wait(self.age(now), self.pace.value, max, unit);
        match before {
            (State::Closed, _) => now + first_wait(unit),
            (State::HalfOpen, round) if cause != Cause::Manual && cause != Cause::RampFailed => {
                now.max(round + wait())
            }
            _ => now + wait(),
        }
    }
}
