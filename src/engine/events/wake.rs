//! The listeners to wake when an update has been published.
//!
//! Who writes: a thread that subscribes or detaches, by replacing the whole list. Who reads: each
//! thread that publishes, without waiting for another one.
//!
//! A replaced list shares all buckets with the previous one, except the bucket that changed. There
//! are about as many buckets as entries per bucket, so with `n` listeners a change copies about
//! `2 * sqrt(n)` pointers.

use crate::engine::events::task::Bell;
use crate::sync::atomic::Counter;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use arc_swap::ArcSwapOption;

/// What a publication has to notice.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    /// The last generation that a cursor has read.
    Reader(Arc<Counter>),
    /// A listener to transitions.
    Transitions(Arc<Bell>),
    /// A listener to finished epochs.
    Epochs(Arc<Bell>),
}

impl Entry {
    fn is(&self, other: &Entry) -> bool {
        match (self, other) {
            (Entry::Reader(a), Entry::Reader(b)) => Arc::ptr_eq(a, b),
            (Entry::Transitions(a), Entry::Transitions(b)) => Arc::ptr_eq(a, b),
            (Entry::Epochs(a), Entry::Epochs(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    /// The address of its target: entries of one breaker differ in it.
    fn address(&self) -> usize {
        match self {
            Entry::Reader(read) => Arc::as_ptr(read).addr(),
            Entry::Transitions(bell) | Entry::Epochs(bell) => Arc::as_ptr(bell).addr(),
        }
    }
}

/// At least one entry, in at least one bucket.
#[derive(Debug)]
struct List {
    count: usize,
    buckets: Vec<Arc<Vec<Entry>>>,
}

impl List {
    fn of(entries: Vec<Entry>, buckets: usize) -> List {
        let mut sorted = vec![Vec::new(); buckets];
        let count = entries.len();
        for entry in entries {
            sorted[bucket_of(&entry, buckets)].push(entry);
        }
        List {
            count,
            buckets: sorted.into_iter().map(Arc::new).collect(),
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.buckets.iter().flat_map(|bucket| bucket.iter())
    }

    fn with(&self, entry: &Entry) -> List {
        if self.count >= 4 * self.buckets.len().pow(2) {
            let all = self.iter().chain([entry]).cloned().collect();
            return List::of(all, 2 * self.buckets.len());
        }
        self.changed(entry, |bucket| bucket.push(entry.clone()))
    }

    /// `None` if it was the last one.
    fn without(&self, entry: &Entry) -> Option<List> {
        let list = self.changed(entry, |bucket| bucket.retain(|listed| !listed.is(entry)));
        (list.count > 0).then_some(list)
    }

    /// Returns the list with that entry's bucket changed.
    fn changed(&self, entry: &Entry, change: impl Fn(&mut Vec<Entry>)) -> List {
        let mut buckets = self.buckets.clone();
        let place = &mut buckets[bucket_of(entry, self.buckets.len())];
        let mut bucket = place.to_vec();
        change(&mut bucket);
        let count = self.count - place.len() + bucket.len();
        *place = Arc::new(bucket);
        List { count, buckets }
    }
}

/// Of that many buckets, a power of two. Allocations are in rows, so the lower bits alone would
/// give few buckets.
fn bucket_of(entry: &Entry, buckets: usize) -> usize {
    let mixed = (entry.address() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 32) as usize & (buckets - 1)
}

/// Loom does not see where the list is kept. In the models a word of loom's is touched just before
/// each look and each change, so that the parts of a listener are handed over with it.
#[derive(Debug, Default)]
pub(crate) struct Listeners(
    ArcSwapOption<List>,
    /// Whether there has been a listener: until then a publication does not ask for the list. It is set
    /// before the list is replaced, so a thread that would find the first entry finds this.
    Counter,
    #[cfg(tripcoil_loom)] crate::sync::atomic::Word,
);

impl Listeners {
    /// Called after a publication; `newest` returns the generation that a transition has begun.
    /// Returns how far the slowest cursor is behind.
    #[inline]
    pub(crate) fn wake(&self, newest: Option<impl Fn() -> u64>) -> u64 {
        #[cfg(tripcoil_loom)]
        self.2.load();
        let mut behind = 0;
        if self.1.get() == 0 {
            return behind;
        }
        if let Some(entries) = &*self.0.load() {
            let newest = newest.map(|ask| ask());
            for entry in entries.iter() {
                match (entry, newest) {
                    (Entry::Reader(read), Some(newest)) => {
                        behind = newest.saturating_sub(read.get()).max(behind);
                    }
                    (Entry::Transitions(bell), Some(_)) | (Entry::Epochs(bell), _) => bell.ring(),
                    (_, None) => {}
                }
            }
        }
        behind
    }

    /// The breaker they listen to is gone.
    #[cfg(feature = "registry")]
    pub(crate) fn wake_all(&self) {
        for entry in self.0.load().iter().flat_map(|list| list.iter()) {
            match entry {
                Entry::Transitions(bell) | Entry::Epochs(bell) => bell.ring(),
                Entry::Reader(_) => {}
            }
        }
    }

    /// For the models: how far the slowest cursor has read.
    #[cfg(tripcoil_loom)]
    pub(crate) fn read(&self) -> u64 {
        let entries = self.0.load();
        let read = entries
            .iter()
            .flat_map(|all| all.iter())
            .filter_map(|entry| match entry {
                Entry::Reader(read) => Some(read.get()),
                Entry::Transitions(_) | Entry::Epochs(_) => None,
            });
        read.min().unwrap_or_default()
    }

    pub(crate) fn add(&self, entry: Entry) {
        self.change(|list| match list {
            Some(list) => Some(list.with(&entry)),
            None => Some(List::of(vec![entry.clone()], 1)),
        });
    }

    pub(crate) fn remove(&self, entry: &Entry) {
        self.change(|list| list?.without(entry));
    }

    fn change(&self, to: impl Fn(Option<&List>) -> Option<List>) {
        #[cfg(tripcoil_loom)]
        self.2.raise(0);
        self.1.set(1);
        self.0.rcu(|list| to(list.as_deref()).map(Arc::new));
    }
}

#[cfg(test)]
mod tests;
