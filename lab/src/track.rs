//! What became of each call of a day.

use crate::time::Nanos;

/// One call, or one further attempt: when it was made, whether it was admitted, and whether the
/// caller got, or would have got, its answer in time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Seen(u64);

impl Seen {
    const ADMITTED: u64 = 1;
    const GOOD: u64 = 2;

    pub(crate) fn new(at: Nanos, admitted: bool, good: bool) -> Seen {
        Seen(at << 2 | u64::from(good) << 1 | u64::from(admitted))
    }

    pub(crate) fn at(self) -> Nanos {
        self.0 >> 2
    }

    pub(crate) fn admitted(self) -> bool {
        self.0 & Self::ADMITTED != 0
    }

    pub(crate) fn good(self) -> bool {
        self.0 & Self::GOOD != 0
    }
}

/// The outcome of a simulated day, call by call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Track {
    /// In the order of their times.
    pub(crate) seen: Vec<Seen>,
    /// Calls that callers wanted to make, without further attempts.
    pub(crate) wanted: u64,
    /// Those that were answered within the callers' patience, at whichever attempt.
    pub(crate) in_time: u64,
    /// For each second: calls wanted, and calls answered, late or not. Empty without a server.
    pub(crate) seconds: Vec<(u32, u32)>,
}

impl Track {
    /// Returns the first call at or after `t`.
    pub(crate) fn from(&self, t: Nanos) -> usize {
        self.seen.partition_point(|seen| seen.at() < t)
    }

    /// Returns the calls from `from` to before `to`.
    pub(crate) fn between(&self, from: Nanos, to: Nanos) -> &[Seen] {
        self.seen
            .get(self.from(from)..self.from(to))
            .unwrap_or_default()
    }

    /// Returns a number that two tracks share only if all their calls went alike (FNV-1a).
    #[cfg(test)]
    pub(crate) fn digest(&self) -> u64 {
        let words = self
            .seen
            .iter()
            .map(|seen| seen.0)
            .chain([self.wanted, self.in_time]);
        words.fold(0xCBF2_9CE4_8422_2325, |hash, word| {
            (hash ^ word).wrapping_mul(0x100_0000_01B3)
        })
    }
}
