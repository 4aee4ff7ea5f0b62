//! Every key of a registry, by one publisher.
//!
//! It has no thread: it reads when it is asked to publish. A registry reports each key that comes, whose
//! labels are then asked for, and that keys have gone; what a key that is forgotten had counted is read
//! off its observer, whose figures are final by then.
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

/// Sets of labels, unless another number is set.
const MOST: usize = 1_000;
/// How long a set of labels whose last key is gone keeps its place, unless set otherwise.
const REUSED_AFTER: Duration = Duration::from_secs(3_600);
/// The value of every label of the keys beyond.
const OTHER: &str = "other";
/// Keys that have gone and are kept for the next publication, or as many as there are if these are more.
const GONE: usize = 1_024;

/// Publishes every key of a registry, under the names of the [module](crate::metrics) and with labels of
/// each key's own: made by [`Publisher::of_registry`].
///
/// Keys whose labels are the same are published as one: counters, `tripcoil_state`, window calls and
/// probes are sums, ratios are those of the sums, and times and the run of failures are the greatest.
/// Each series has the label `breaker`, the breaker's name, unless the labels have one of that name: with
/// `breaker` as a key's region, say, there is one set of series for each region.
///
/// There are at most 1,000 sets of labels ([`max_label_values`](Self::max_label_values)): first come, first
/// served. Keys beyond these are summed up in one more set, in which each label has the value `other`.
///
/// When the last key of a set is forgotten, its counters are set to their final totals and its gauges to
/// 0, once, and then they are not published any more, so an exporter that drops idle series (`idle_timeout`
/// of the one for Prometheus) drops these. The set's place can be taken by another
/// [after an hour](Self::reuse_after).
///
/// It has no thread, and a call pays nothing for it: [`publish`](Self::publish) reads. Transitions between
/// two publications are told apart by cause as far as each breaker's [`history`](Observer::history) goes;
/// those before are `tripcoil_transitions_missed_total`. Counters are added to, so a registry needs one
/// such publisher for a recorder, and no more.
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
    /// The registry calls it as long as it is here.
    _report: Arc<dyn Send + Sync>,
}

impl fmt::Debug for KeysPublisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeysPublisher").finish_non_exhaustive()
    }
}

impl Publisher {
    /// Begins to publish every key of a registry, those that come later included: see [`KeysPublisher`].
    ///
    /// `labels` is called once for each key's breaker, soon after it has been made, on a thread that uses
    /// the registry. It names the labels of that key's series beside the breaker's name. Take care that
    /// their values are few, or set a limit.
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
    /// Sets how many sets of labels there are at most; 1,000 unless set. The keys beyond are published as
    /// `other`. To be set before the first publication: sets that are published stay.
    pub fn max_label_values(self, most: usize) -> Self {
        self.shared.published().most = most;
        self
    }

    /// Sets for how long a set of labels keeps its place after its last key was forgotten; an hour unless
    /// set. With a registry whose keys come and go, there are about so many new series in that time at
    /// most. At zero the place is free at once.
    pub fn reuse_after(self, silence: Duration) -> Self {
        self.shared.published().reused_after = silence;
        self
    }

    /// Sets all series to what the breakers know now. Series of new labels are those of the recorder
    /// that is installed now.
    pub fn publish(&self) {
        self.shared.published().publish(&self.shared);
    }
}

/// A key's breaker.
struct Key {
    observer: Observer,
    /// Its group, by index.
    group: usize,
    /// The last generation whose transition has been counted, or missed.
    told: u64,
}

#[derive(Default)]
struct Shared {
    /// Those that have come since the last publication.
    new: Mutex<New>,
    published: Mutex<Published>,
}

#[derive(Default)]
struct New {
    keys: Vec<(Vec<Label>, Observer, u64)>,
    /// Keys that have gone since, new ones included.
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

    /// Nothing is lost if nobody publishes for long: what is kept of those that have gone has a bound.
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
    /// Where there are none any more.
    empty_since: Option<Instant>,
    /// Of keys that have gone; and of all, the transitions.
    kept: Sums,
    kept_lasted: Lasted,
    /// Of keys that are there, at the last look.
    sums: Sums,
    levels: Levels,
    lasted: Lasted,
    /// What the counters have been given, and the histogram.
    told: Sums,
    told_lasted: Lasted,
    durations: bool,
    /// As long as there are keys.
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
    /// Groups whose last key has gone, and when; some may have keys again.
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

    /// Reads all keys, and lets go of those that are forgotten.
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

    /// A group that has been without keys for long enough.
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

    /// That of the keys beyond, with the labels that the first of them has.
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
    /// Adds what it knows to its group; whether it is there still.
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
