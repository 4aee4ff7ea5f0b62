//! Keys that are published as one: what they have counted together, and what the recorder has been given.
#![cfg(feature = "registry")]

use crate::Observer;
use crate::integrations::metrics::figures::{Counters, Lasted, Levels, Series};
use crate::integrations::metrics::series::Labels;
use ::metrics::Label;
use std::time::Instant;

/// Keys with the same labels.
pub(super) struct Group {
    pub(super) labels: Labels,
    pub(super) keys: usize,
    /// Set if the group has no keys.
    pub(super) empty_since: Option<Instant>,
    /// Of forgotten keys; and the transitions of all keys.
    kept: Counters,
    kept_lasted: Lasted,
    /// Of present keys, at the last reading.
    pub(super) sums: Counters,
    pub(super) levels: Levels,
    pub(super) lasted: Lasted,
    /// What the counters and the histogram were given.
    pub(super) told: Counters,
    pub(super) told_lasted: Lasted,
    durations: bool,
    /// Present as long as the group has keys.
    series: Option<Series>,
}

impl Group {
    pub(super) fn new(labels: Vec<Label>) -> Group {
        Group {
            labels: Labels::new(labels),
            keys: 0,
            empty_since: None,
            kept: Counters::default(),
            kept_lasted: Lasted::default(),
            sums: Counters::default(),
            levels: Levels::default(),
            lasted: Lasted::default(),
            told: Counters::default(),
            told_lasted: Lasted::default(),
            durations: false,
            series: None,
        }
    }

    pub(super) fn publish(&mut self) {
        let now = self.sums.plus(&self.kept);
        if self.keys == 0 && self.series.is_none() && now == self.told {
            return;
        }
        let series = self
            .series
            .get_or_insert_with(|| Series::new(&self.labels, false));
        if self.durations {
            // the first key that keeps them may come later than others
            series.keep_durations(&self.labels);
        }
        series.add(&mut self.told, &now);
        series.level(&self.levels);
        series.record(&mut self.told_lasted, &self.lasted.plus(&self.kept_lasted));
        if self.keys == 0 {
            // so that nothing keeps them from being idle
            self.series = None;
        }
    }
}

/// A key's breaker.
pub(super) struct Key {
    pub(super) observer: Observer,
    /// Its group, by index.
    pub(super) group: usize,
    /// The last generation whose transition was counted, or missed.
    pub(super) told: u64,
}

impl Key {
    /// Adds the key's figures to its group; returns whether the key is still present.
    pub(super) fn read(&mut self, group: &mut Group) -> bool {
        // before the reading, which is final if it is
        let gone = self.observer.is_forgotten();
        let seen = self.observer.figures();
        if seen.generation > self.told {
            self.moved(seen.generation, group);
        }
        let (sums, lasted) = if gone {
            (&mut group.kept, &mut group.kept_lasted)
        } else {
            group.levels.add(&seen);
            (&mut group.sums, &mut group.lasted)
        };
        sums.add(&seen);
        if let Some(durations) = &seen.durations {
            lasted.add(durations);
            group.durations = true;
        }
        !gone
    }

    /// Counts the transitions up to this generation.
    #[cold]
    fn moved(&mut self, generation: u64, group: &mut Group) {
        let mut missed = generation - self.told;
        for transition in self.observer.history() {
            // later ones are counted when a snapshot has them
            if transition.generation > self.told && transition.generation <= generation {
                group.kept.moved(&transition);
                missed = missed.saturating_sub(1);
            }
        }
        group.kept.missed(missed);
        self.told = generation;
    }
}
