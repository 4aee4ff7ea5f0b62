//! One publisher for every key of a registry.
//!
//! It has no thread: it reads when `publish` is called. The registry reports each new key, whose
//! labels are then requested, and reports when keys are gone. The counts of a forgotten key are
//! read from its observer, whose figures are final by then.
#![cfg(feature = "registry")]

use crate::Observer;
use crate::integrations::metrics::figures::{Lasted, Levels, Series, Sums, describe};
use crate::integrations::metrics::publisher::Publisher;
use crate::integrations::metrics::series::Labels;
use crate::registry::{Move, Registry};
use ::metrics::{IntoLabels, Label};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::Hash;
use std::mem::take;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The default number of sets of labels.
const MOST: usize = 1_000;
/// By default, how long a set of labels keeps its place after its last key is gone.
const REUSED_AFTER: Duration = Duration::from_secs(3_600);
/// The value of every label of the keys beyond the limit.
const OTHER: &str = "other";
/// How many forgotten keys are kept for the next publication, or as many as there are keys if these
/// are more.
const GONE: usize = 1_024;

/// Publishes every key of a registry, under the names of the [module](crate::metrics) and with
/// labels per key. Created by [`Publisher::of_registry`].
///
/// Keys with the same labels are published as one. Counters, `tripcoil_state`, window calls and
/// probes are sums; ratios are those of the sums; times and the run of failures are the greatest.
/// Each series has the label `breaker` with the breaker's name, unless the labels contain one of
/// that name: with `breaker` set to a key's region, for example, there is one set of series per
/// region.
///
/// At most 1,000 sets of labels ([`max_label_values`](Self::max_label_values)) are published, first
/// come, first served. Keys beyond these are summed up in one more set, in which each label has the
/// value `other`.
///
/// When the last key of a set is forgotten, its counters are set to their final totals and its
/// gauges to 0, once. After that they are no longer published, so an exporter that drops idle
/// series (`idle_timeout` of the Prometheus exporter) drops these. Another set can take the place
/// [after an hour](Self::reuse_after).
///
/// The publisher has no thread, and costs a call nothing: [`publish`](Self::publish) reads the
/// breakers. Transitions between two publications are counted by cause as far as each breaker's
/// [`history`](Observer::history) reaches; earlier ones are counted in
/// `tripcoil_transitions_missed_total`. The counters are incremented, so use one such publisher per
/// registry and recorder.
///
/// ```
/// use metrics::Label;
/// use tripcoil::metrics::Publisher;
/// use tripcoil::registry::Registry;
///
/// let registry = Registry::<String>::from_config(Default::default())?.build();
/// let publisher = Publisher::of_registry(&registry, |tenant| vec![Label::new("tenant", tenant.clone())])
///     .max_label_values(200);
/// registry.call("acme", || Ok::<_, ()>(())).ok();
/// // before each scrape, or every few seconds
/// publisher.publish();
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[must_use = "dropping a publisher ends its publication"]
pub struct KeysPublisher {
    shared: Arc<Shared>,
    /// The registry calls it as long as this exists.
    _report: Arc<dyn Send + Sync>,
}

impl fmt::Debug for KeysPublisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeysPublisher").finish_non_exhaustive()
    }
}

impl Publisher {
    /// Publishes every key of a registry, including keys that are added later: see
    /// [`KeysPublisher`].
    ///
    /// `labels` is called once per breaker, soon after the breaker is created, on a thread that
    /// uses the registry. It returns the labels of that key's series in addition to the breaker's
    /// name. Keep the number of values small, or set a limit.
    pub fn of_registry<K, C, L>(
        registry: &Registry<K, C>,
        labels: impl Fn(&K) -> L + Send + Sync + 'static,
    ) -> KeysPublisher
    where
        K: Hash + Eq + 'static,
        L: IntoLabels,
    {
        describe();
        let shared = Arc::new(Shared::default());
        let ours = shared.clone();
        let come = move |key: &K, observer: &Observer| {
            let mut all = labels(key).into_labels();
            if all.iter().all(|label| label.key() != "breaker") {
                all.insert(0, Label::new("breaker", observer.name().to_owned()));
            }
            ours.came(all, observer);
        };
        let ours = shared.clone();
        let report = registry.follow(move |key, observer, what| match what {
            Move::There | Move::Came => come(key, observer),
            Move::Went => ours.went(),
        });
        KeysPublisher {
            shared,
            _report: Arc::new(report),
        }
    }
}

impl KeysPublisher {
    /// Sets how many sets of labels there are at most, by default 1,000. Keys beyond that are
    /// published as `other`. Call it before the first publication: sets that were published stay.
    pub fn max_label_values(self, most: usize) -> Self {
        self.shared.published().most = most;
        self
    }

    /// Sets how long a set of labels keeps its place after its last key was forgotten, by default
    /// an hour. If keys come and go, this limits the number of new series in that time to the
    /// number of sets. At zero the place is free at once.
    pub fn reuse_after(self, silence: Duration) -> Self {
        self.shared.published().reused_after = silence;
        self
    }

    /// Sets all series to the breakers' present figures. New series go to the recorder that is
    /// installed now.
    pub fn publish(&self) {
        self.shared.published().publish(&self.shared);
    }
}

/// A key's breaker.
struct Key {
    observer: Observer,
    /// Its group, by index.
    group: usize,
    /// The last generation whose transition was counted, or missed.
    told: u64,
}

#[derive(Default)]
struct Shared {
    /// Keys that were added since the last publication.
    new: Mutex<New>,
    published: Mutex<Published>,
}

#[derive(Default)]
struct New {
    keys: Vec<(Vec<Label>, Observer, u64)>,
    /// Keys that were forgotten since, new ones included.
    gone: usize,
}

impl Shared {
    fn inbox(&self) -> MutexGuard<'_, New> {
        self.new.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn published(&self) -> MutexGuard<'_, Published> {
        self.published
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn came(&self, labels: Vec<Label>, observer: &Observer) {
        let since = observer.figures().generation;
        self.inbox().keys.push((labels, observer.clone(), since));
    }

    /// Bounds the forgotten keys that are kept if `publish` is not called for long; their counts
    /// are kept in any case.
    fn went(&self) {
        let gone = {
            let mut new = self.inbox();
            new.gone += 1;
            new.gone
        };
        // one that publishes just now sees to it
        if gone > GONE
            && let Ok(mut published) = self.published.try_lock()
            && gone > published.keys.len()
        {
            published.look(self);
        }
    }
}

/// Keys with the same labels.
struct Group {
    labels: Labels,
    keys: usize,
    /// Set if the group has no keys.
    empty_since: Option<Instant>,
    /// Of forgotten keys; and the transitions of all keys.
    kept: Sums,
    kept_lasted: Lasted,
    /// Of present keys, at the last reading.
    sums: Sums,
    levels: Levels,
    lasted: Lasted,
    /// What the counters and the histogram were given.
    told: Sums,
    told_lasted: Lasted,
    durations: bool,
    /// Present as long as the group has keys.
    series: Option<Series>,
}

impl Group {
    fn new(labels: Vec<Label>) -> Group {
        Group {
            labels: Labels::new(labels),
            keys: 0,
            empty_since: None,
            kept: Sums::default(),
            kept_lasted: Lasted::default(),
            sums: Sums::default(),
            levels: Levels::default(),
            lasted: Lasted::default(),
            told: Sums::default(),
            told_lasted: Lasted::default(),
            durations: false,
            series: None,
        }
    }

    fn publish(&mut self) {
        let now = self.sums.plus(&self.kept);
        if self.keys == 0 && self.series.is_none() && now == self.told {
            return;
        }
        let durations = self.durations;
        let series = self
            .series
            .get_or_insert_with(|| Series::new(&self.labels, durations));
        series.add(&self.told, &now);
        series.level(&self.levels);
        series.record(&mut self.told_lasted, &self.lasted.plus(&self.kept_lasted));
        self.told = now;
        if self.keys == 0 {
            // so that nothing keeps them from being idle
            self.series = None;
        }
    }
}

struct Published {
    most: usize,
    reused_after: Duration,
    keys: Vec<Key>,
    groups: Vec<Group>,
    by_labels: HashMap<Vec<Label>, usize>,
    other: Option<usize>,
    /// Groups whose last key was forgotten, and when; some may have keys again.
    empty: VecDeque<(Instant, usize)>,
}

impl Default for Published {
    fn default() -> Published {
        Published {
            most: MOST,
            reused_after: REUSED_AFTER,
            keys: Vec::new(),
            groups: Vec::new(),
            by_labels: HashMap::new(),
            other: None,
            empty: VecDeque::new(),
        }
    }
}

impl Published {
    fn publish(&mut self, shared: &Shared) {
        self.look(shared);
        for group in &mut self.groups {
            group.publish();
        }
    }

    /// Reads all keys, and drops those that are forgotten.
    fn look(&mut self, shared: &Shared) {
        let new = take(&mut *shared.inbox());
        for (labels, observer, told) in new.keys {
            let group = self.group_of(labels);
            self.groups[group].keys += 1;
            self.groups[group].empty_since = None;
            self.keys.push(Key {
                observer,
                group,
                told,
            });
        }
        for group in &mut self.groups {
            group.sums = Sums::default();
            group.levels = Levels::default();
            group.lasted = Lasted::default();
        }
        let now = Instant::now();
        let (groups, empty) = (&mut self.groups, &mut self.empty);
        self.keys.retain_mut(|key| {
            let group = &mut groups[key.group];
            let there = key.read(group);
            if !there {
                group.keys -= 1;
                if group.keys == 0 {
                    group.empty_since = Some(now);
                    empty.push_back((now, key.group));
                }
            }
            there
        });
    }

    fn group_of(&mut self, labels: Vec<Label>) -> usize {
        if let Some(&group) = self.by_labels.get(&labels) {
            return group;
        }
        let group = if self.by_labels.len() < self.most {
            self.groups.push(Group::new(labels.clone()));
            self.groups.len() - 1
        } else if let Some(free) = self.free() {
            self.by_labels.remove(&self.groups[free].labels.0);
            self.groups[free] = Group::new(labels.clone());
            free
        } else {
            return self.other(&labels);
        };
        self.by_labels.insert(labels, group);
        group
    }

    /// Returns a group that has been without keys for long enough.
    fn free(&mut self) -> Option<usize> {
        while let Some(&(since, group)) = self.empty.front() {
            if since.elapsed() < self.reused_after {
                return None;
            }
            self.empty.pop_front();
            let one = &mut self.groups[group];
            // it may have had keys again since
            if one.empty_since == Some(since) && self.other != Some(group) {
                one.publish();
                return Some(group);
            }
        }
        None
    }

    /// Returns the group of the keys beyond the limit, with the label names of the first of them.
    fn other(&mut self, labels: &[Label]) -> usize {
        *self.other.get_or_insert_with(|| {
            let other = |label: &Label| Label::new(label.key().to_owned(), OTHER);
            self.groups
                .push(Group::new(labels.iter().map(other).collect()));
            self.groups.len() - 1
        })
    }
}

impl Key {
    /// Adds the key's figures to its group; returns whether the key is still present.
    fn read(&mut self, group: &mut Group) -> bool {
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
