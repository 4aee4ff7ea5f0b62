//! What an instance says of a breaker, and all that the instances say.

use std::collections::{BTreeMap, BTreeSet};

/// What one instance has seen of a breaker's dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vote {
    /// Its breaker is closed: outcomes within a second, in thousandths of a call. Neither number says how busy
    /// the instance is: the agent scales both down to [`Rules::most_calls`](super::Rules::most_calls).
    Outcomes {
        /// The calls with an outcome.
        calls: u32,
        /// Those of them that failed.
        failures: u32,
    },
    /// Its breaker is open because of its own failures: it has nothing newer to say, and has not changed its mind.
    Standing,
}

impl Vote {
    /// In thousandths: at most as many failures as calls, and not more than fits.
    pub(crate) fn counted(self) -> (u64, u64) {
        match self {
            Vote::Outcomes { calls, failures } => (calls.into(), failures.min(calls).into()),
            Vote::Standing => (0, 0),
        }
    }

    /// Whether half of its calls failed, or more; or it is standing.
    #[must_use]
    pub fn is_failing(self) -> bool {
        let (calls, failures) = self.counted();
        self == Vote::Standing || (failures > 0 && failures * 2 >= calls)
    }

    /// Whether it names a failure.
    #[must_use]
    pub fn has_failures(self) -> bool {
        self == Vote::Standing || self.counted().1 > 0
    }
}

/// The votes on one breaker, each with the store's time in milliseconds at which it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Votes {
    votes: BTreeMap<String, (u64, Vote)>,
    /// By age, and then by name: the order in which old ones are dropped.
    ages: BTreeSet<(u64, String)>,
}

/// So many votes are dropped at a report: its work is bounded.
const DROPPED_AT_ONCE: usize = 16;

impl Votes {
    /// Returns how many there are. Some may be too old, and are dropped at one of the next reports.
    #[must_use]
    pub fn len(&self) -> usize {
        self.votes.len()
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.votes.is_empty()
    }

    /// Returns each vote by its instance's name, with the store's time in milliseconds at which it came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64, Vote)> {
        let votes = self.votes.iter();
        votes.map(|(instance, (at, vote))| (instance.as_str(), *at, *vote))
    }

    /// Drops votes from more than `life` milliseconds ago, the oldest first; and then those from a time to come, as after
    /// a step of the store's clock; at most sixteen.
    pub(super) fn drop_old(&mut self, now: u64, life: u64) {
        let (first, last) = (now.saturating_sub(life), now.saturating_add(life));
        let old = self.ages.range(..(first, String::new()));
        let ahead = self.ages.range((last.saturating_add(1), String::new())..);
        let dropped: Vec<_> = old.chain(ahead).take(DROPPED_AT_ONCE).cloned().collect();
        for (_, instance) in dropped {
            self.remove(&instance);
        }
    }

    pub(super) fn put(&mut self, instance: &str, vote: Vote, now: u64) {
        self.remove(instance);
        self.votes.insert(instance.to_owned(), (now, vote));
        self.ages.insert((now, instance.to_owned()));
    }

    pub(super) fn remove(&mut self, instance: &str) {
        if let Some((at, _)) = self.votes.remove(instance) {
            self.ages.remove(&(at, instance.to_owned()));
        }
    }

    pub(super) fn clear(&mut self) {
        self.votes.clear();
        self.ages.clear();
    }

    pub(super) fn sums(&self) -> Sums {
        let mut sums = Sums::default();
        for (_, vote) in self.votes.values() {
            let (calls, failures) = vote.counted();
            sums.votes += 1;
            sums.calls += calls;
            sums.failures += failures;
            sums.failing += u64::from(vote.is_failing() && *vote != Vote::Standing);
            sums.standing += u64::from(*vote == Vote::Standing);
        }
        sums
    }
}

/// Of all votes.
#[derive(Debug, Default)]
pub(super) struct Sums {
    pub(super) votes: u64,
    /// In thousandths, as the failures.
    pub(super) calls: u64,
    pub(super) failures: u64,
    /// Of closed breakers, half of whose calls failed.
    pub(super) failing: u64,
    pub(super) standing: u64,
}
