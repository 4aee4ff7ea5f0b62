//! Who is to be woken when an audit has been published.
//!
//! Who writes: whoever subscribes or detaches, by replacing the whole list. Who reads: whoever
//! publishes, without waiting for anybody.

use crate::sync::Counter;
use alloc::sync::Arc;
use alloc::vec::Vec;
use arc_swap::ArcSwapOption;
use std::thread::Thread;

/// What a listener's thread and its subscription share.
#[derive(Debug, Default)]
pub(crate) struct Post {
    pub(crate) stop: Counter,
    /// The breaker is forgotten, and all has been told.
    pub(crate) closed: Counter,
    pub(crate) delivered: Counter,
    pub(crate) missed: Counter,
    pub(crate) panicked: Counter,
    /// Looks that the thread has taken to their end.
    pub(crate) looks: Counter,
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) thread: Thread,
    pub(crate) post: Arc<Post>,
    /// Woken for finished epochs too, not for transitions alone.
    pub(crate) epochs: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Listeners(ArcSwapOption<Vec<Entry>>);

impl Listeners {
    /// After a publication.
    #[inline]
    pub(crate) fn wake(&self, transition: bool) {
        if let Some(entries) = &*self.0.load() {
            for entry in entries.iter().filter(|e| transition || e.epochs) {
                entry.thread.unpark();
            }
        }
    }

    pub(crate) fn add(&self, entry: Entry) {
        self.change(|all| all.push(entry.clone()));
    }

    pub(crate) fn remove(&self, post: &Arc<Post>) {
        self.change(|all| all.retain(|e| !Arc::ptr_eq(&e.post, post)));
    }

    fn change(&self, with: impl Fn(&mut Vec<Entry>)) {
        self.0.rcu(|entries| {
            let mut all: Vec<_> = entries.as_ref().map(|e| e.to_vec()).unwrap_or_default();
            with(&mut all);
            (!all.is_empty()).then(|| Arc::new(all))
        });
    }
}
