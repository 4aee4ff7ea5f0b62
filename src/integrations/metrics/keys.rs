//! One publisher for every key of a registry.
//!
//! It has no thread: it reads when `publish` is called. The registry reports each new key, whose
//! labels are then requested, and reports when keys are gone. The counts of a forgotten key are
//! read from its observer, whose figures are final by then.
#![cfg(feature = "registry")]

use crate::Observer;
use crate::integrations::metrics::figures::{Counters, Lasted, Levels, describe};
use crate::integrations::metrics::group::{Group, Key};
use crate::integrations::metrics::publisher::Publisher;
use crate::integrations::metrics::series::Labels;
use crate::registry::{Move, Registry};
use ::metrics::{IntoLabels, Label};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::Hash;
use std::mem::take;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
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
/// There are no series of an insight: give the keys that are worth one a [`Publisher`] each, with other labels.
///
/// The order of a key's labels does not matter. Of labels with the same name the first is used. A
/// name that series use themselves (`state`, `outcome`, `to`, `cause`, `kind`, `le`, `quantile`,
/// `pattern`, `reason`) gets the prefix `exported_`.
///
/// When the last key of a set is forgotten, its counters are set to their final totals and its
/// gauges to 0, once. After that they are no longer published, so an exporter that drops idle
/// series (`idle_timeout` of the Prometheus exporter) drops these. Another set can take the place
/// [after an hour](Self::reuse_after).
///
/// The publisher has no thread, and costs a call nothing: [`publish`](Self::publish) reads the
/// breakers. Transitions between two publications are counted by cause as far as each breaker's
/// [`history`](Observer::history) reaches; earlier ones are counted in
/// `tripcoil_transitions_missed_total`.
///
/// Counters are incremented. A registry's first publisher starts with everything that the keys have
/// counted so far. A later one, for example a replacement, starts with what they count from then on,
/// so that nothing is counted twice. Two at the same time on one recorder need different labels.
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
        let first = registry.publish_first();
        let report = registry.follow(move |key, observer, what| {
            if what == Move::Went {
                return ours.went();
            }
            let labels = Labels::of_breaker(observer.name(), labels(key).into_labels());
            ours.came(&labels, observer, what == Move::There && !first);
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

#[derive(Default)]
struct Shared {
    /// Keys that were added since the last publication.
    new: Mutex<New>,
    published: Mutex<Published>,
}

#[derive(Default)]
struct New {
    keys: VecDeque<Arrival>,
    /// Their labels, one set after the other: a string for each would have to be freed one by one while
    /// all are published.
    sets: String,
    /// Keys that were forgotten since, new ones included.
    gone: usize,
}

/// The breaker of a new key, before it has a group.
struct Arrival {
    /// Its labels' place in the text of all.
    set: Range<usize>,
    observer: Observer,
    told: u64,
    /// What an earlier publisher has seen to.
    before: Option<Box<(Counters, Lasted)>>,
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

    /// What it has counted so far is another publisher's, if it is to count from `now_on`.
    fn came(&self, labels: &[Label], observer: &Observer, now_on: bool) {
        let seen = observer.figures();
        let before = now_on.then(|| {
            let mut before = Box::<(Counters, Lasted)>::default();
            before.0.add(&seen);
            seen.durations.iter().for_each(|d| before.1.add(d));
            before
        });
        let set = Labels::text(labels);
        let mut new = self.inbox();
        let from = new.sets.len();
        new.sets.push_str(&set);
        let set = from..new.sets.len();
        new.keys.push_back(Arrival {
            set,
            observer: observer.clone(),
            told: seen.generation,
            before,
        });
    }

    /// Bounds the forgotten keys that are kept if `publish` is not called for long; their counts
    /// are kept in any case.
    fn went(&self) {
        let gone = {
            let mut new = self.inbox();
            new.gone += 1;
            new.gone
        };
        if gone <= GONE {
            return;
        }
        let mut published = match self.published.try_lock() {
            Ok(published) => published,
            // a recorder has panicked, which leaves everything for the next publication
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // one that publishes just now sees to it
            Err(TryLockError::WouldBlock) => return,
        };
        if gone > published.keys.len() {
            published.look(self);
        }
    }
}

struct Published {
    most: usize,
    reused_after: Duration,
    /// Keys without a group: left over if the recorder panics while they are given theirs.
    coming: New,
    keys: Vec<Key>,
    groups: Vec<Group>,
    /// Each set's group.
    by_labels: HashMap<Box<str>, usize>,
    other: Option<usize>,
    /// Groups whose last key was forgotten, and when; some may have keys again.
    empty: VecDeque<(Instant, usize)>,
}

impl Default for Published {
    fn default() -> Published {
        Published {
            most: MOST,
            reused_after: REUSED_AFTER,
            coming: New::default(),
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
        self.place();
        self.coming = take(&mut *shared.inbox());
        self.place();
        for group in &mut self.groups {
            group.sums = Counters::default();
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

    /// Gives the new keys their groups. A key stays in line until it has one: for its place another
    /// set's last figures may have to be published, and the recorder may panic.
    fn place(&mut self) {
        self.keys.reserve(self.coming.keys.len());
        let mut set = String::new();
        while let Some(first) = self.coming.keys.front() {
            set.clear();
            set.push_str(self.coming.sets.get(first.set.clone()).unwrap_or_default());
            let at = self.group_of(&set);
            let Some(one) = self.coming.keys.pop_front() else {
                break;
            };
            let group = &mut self.groups[at];
            group.keys += 1;
            group.empty_since = None;
            if let Some((sums, lasted)) = one.before.as_deref() {
                group.told = group.told.plus(sums);
                group.told_lasted = group.told_lasted.plus(lasted);
            }
            self.keys.push(Key {
                observer: one.observer,
                group: at,
                told: one.told,
            });
        }
        self.coming = New::default();
    }

    fn group_of(&mut self, set: &str) -> usize {
        if let Some(&group) = self.by_labels.get(set) {
            return group;
        }
        // a key's own labels may be those of the keys beyond: one set, as it is one in the recorder
        let beyond = |label: Label| label.value() == OTHER;
        if self.other.is_none() && Labels::parse(set).into_iter().all(beyond) {
            return self.other(set);
        }
        let group = if self.sets() < self.most {
            self.groups.push(Group::new(Labels::parse(set)));
            self.groups.len() - 1
        } else if let Some(free) = self.free() {
            self.by_labels.retain(|_, group| *group != free);
            self.groups[free] = Group::new(Labels::parse(set));
            free
        } else {
            return self.other(set);
        };
        self.by_labels.insert(set.into(), group);
        group
    }

    /// How many there are beside that of the keys beyond.
    fn sets(&self) -> usize {
        self.by_labels.len() - usize::from(self.other.is_some())
    }

    /// Returns a group that has been without keys for long enough.
    fn free(&mut self) -> Option<usize> {
        while let Some(&(since, group)) = self.empty.front() {
            if since.elapsed() < self.reused_after {
                return None;
            }
            let one = &mut self.groups[group];
            // it may have had keys again since
            let free = one.empty_since == Some(since) && self.other != Some(group);
            if free {
                // still in line: if the recorder panics, its place is free the next time
                one.publish();
            }
            self.empty.pop_front();
            if free {
                return Some(group);
            }
        }
        None
    }

    /// Returns the group of the keys beyond the limit, with the label names of the first of them.
    fn other(&mut self, first: &str) -> usize {
        if let Some(other) = self.other {
            return other;
        }
        let name = |label: Label| Label::new(label.into_parts().0, OTHER);
        let labels: Vec<_> = Labels::parse(first).into_iter().map(name).collect();
        let other = self.groups.len();
        self.by_labels.insert(Labels::text(&labels).into(), other);
        self.groups.push(Group::new(labels));
        self.other = Some(other);
        other
    }
}
