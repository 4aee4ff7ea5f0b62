//! Separates the watchers of a breaker from its users.
//!
//! Every handle holds the core by the same `Arc`, so its count alone does not show whether the
//! breaker can still be called or changed. Handles that only read (observers, subscriptions and
//! their listeners) are counted a second time here; the difference is the number of users.
//!
//! Who writes: a watcher that comes enters the `Arc`'s count first and this word second; one that
//! goes leaves in the opposite order. So at any moment the difference is the number of users, or
//! more, never less. Who reads: a thread that asks for the users reads both at one moment. The word
//! has a version, which each change raises, and a count that was read between two looks at the same
//! version belongs to it.
//!
//! *Wrap.* The version has 31 bits: a reader would have to sleep, between its two looks, for
//! exactly 2^31 changes of watchers. A count beyond 2^32 watchers (leaked ones) misses watchers,
//! and so shows more users than there are.

use crate::sync::atomic::{Word, acquire, handles};
use alloc::sync::Arc;
use core::ops::Deref;

/// Its registry has forgotten the breaker.
const FORGOTTEN: u64 = 1;
/// One watcher, in 32 bits.
const ONE: u64 = 2;
/// One change, in the rest.
const CHANGE: u64 = 1 << 33;

/// Looks that are taken before watchers are counted as users.
const LOOKS: u32 = 4;

/// Version | watchers | whether the breaker was forgotten.
#[derive(Debug, Default)]
pub(crate) struct Watchers(Word);

impl Watchers {
    pub(crate) fn forgotten(&self) -> bool {
        self.0.load() & FORGOTTEN != 0
    }

    /// Marks the breaker as forgotten, permanently.
    #[cfg(feature = "registry")]
    pub(crate) fn forget(&self) {
        self.0.set_bits(FORGOTTEN);
    }

    /// Returns how many handles can use the breaker; possibly more if watchers come and go all the
    /// while.
    pub(crate) fn users<T>(&self, watched: &Arc<T>) -> usize {
        let mut before = self.0.load();
        let mut all = handles(watched, &self.0);
        for _ in 0..LOOKS {
            // What the last of those that have gone did before is seen from here on: its results, and
            // of a watcher, that it has left the word.
            acquire();
            let now = self.0.load();
            if now == before {
                return all.saturating_sub((now % CHANGE / ONE) as usize);
            }
            // with the older look, a user would be taken for a watcher that has just gone
            before = now;
            all = handles(watched, &self.0);
        }
        all
    }
}

/// What can be watched.
pub(crate) trait Watched {
    fn watchers(&self) -> &Watchers;
}

/// A handle that keeps the memory of its target, and not its place in a registry.
#[derive(Debug)]
pub(crate) struct Watching<T: Watched>(Arc<T>);

impl<T: Watched> Watching<T> {
    pub(crate) fn new(watched: Arc<T>) -> Watching<T> {
        // `watched` is in the `Arc`'s count by now: who looks between the two takes it for a user, and
        // at worst keeps the breaker until the next look
        watched.watchers().0.add(CHANGE + ONE);
        Watching(watched)
    }
}

impl<T: Watched> Clone for Watching<T> {
    fn clone(&self) -> Watching<T> {
        Watching::new(self.0.clone())
    }
}

impl<T: Watched> Drop for Watching<T> {
    fn drop(&mut self) {
        // The `Arc`'s count goes down after this. In the other order, who looks between the two would
        // take a user for this watcher, and forget a breaker that is in use.
        self.0.watchers().0.add(CHANGE - ONE);
    }
}

impl<T: Watched> Deref for Watching<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}
