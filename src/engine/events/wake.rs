//! Which listeners are to be woken when an update has been published.
//!
//! Who writes: a thread that subscribes or detaches, by replacing the whole list. Who reads: each
//! thread that publishes, without waiting for another one.

use crate::engine::events::task::Bell;
use crate::sync::atomic::Counter;
use alloc::sync::Arc;
use alloc::vec::Vec;
use arc_swap::ArcSwapOption;

/// Of whom a publication takes notice.
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
}

/// Where the list is kept loom does not see. In the models a word of loom's is touched just before each
/// look and each change, so that what a listener is made of is handed over with it.
#[derive(Debug, Default)]
pub(crate) struct Listeners(
    ArcSwapOption<Vec<Entry>>,
    #[cfg(tripcoil_loom)] crate::sync::atomic::Word,
);

impl Listeners {
    /// After a publication; `newest` says the generation that a transition has begun. Returns how far
    /// the slowest cursor is behind.
    #[inline]
    pub(crate) fn wake(&self, newest: Option<impl Fn() -> u64>) -> u64 {
        #[cfg(tripcoil_loom)]
        self.1.load();
        let mut behind = 0;
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

    /// What they listen to is at its end.
    #[cfg(feature = "registry")]
    pub(crate) fn wake_all(&self) {
        for entry in self.0.load().iter().flat_map(|entries| entries.iter()) {
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
        self.change(|all| all.push(entry.clone()));
    }

    pub(crate) fn remove(&self, entry: &Entry) {
        self.change(|all| all.retain(|e| !e.is(entry)));
    }

    fn change(&self, with: impl Fn(&mut Vec<Entry>)) {
        #[cfg(tripcoil_loom)]
        self.1.raise(0);
        self.0.rcu(|entries| {
            let mut all: Vec<_> = entries.as_ref().map(|e| e.to_vec()).unwrap_or_default();
            with(&mut all);
            (!all.is_empty()).then(|| Arc::new(all))
        });
    }
}
