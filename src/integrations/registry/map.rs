//! The map in which calls look up keys.
//!
//! It is papaya's, which the models do not see. They use a stand-in with exactly what the
//! registry's protocol relies on. A look-up finds what the map holds at one moment. A node that was
//! removed is dropped, with its count of the slot, when the last borrow that found it ends, and not
//! before. In papaya it may be dropped later, which only keeps a slot longer.

pub(super) use papaya::Equivalent;
#[cfg(not(tripcoil_loom))]
pub(super) use real::{HashSet, set, take_out};
#[cfg(tripcoil_loom)]
pub(super) use stand_in::{HashSet, set, take_out};

#[cfg(not(tripcoil_loom))]
mod real {
    use papaya::{Equivalent, Guard};
    use std::hash::{BuildHasherDefault, Hash, Hasher};

    pub(crate) type HashSet<T> = papaya::HashSet<T, BuildHasherDefault<Taken>>;

    /// Passes on a hash that was computed before.
    #[derive(Default)]
    pub(crate) struct Taken(u64);

    impl Hasher for Taken {
        #[inline]
        fn write_u64(&mut self, hash: u64) {
            self.0 = hash;
        }

        #[inline]
        fn finish(&self) -> u64 {
            self.0
        }

        // not called, because slots and sought keys write one word
        fn write(&mut self, bytes: &[u8]) {
            for byte in bytes {
                self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
            }
        }
    }

    pub(crate) fn set<T: Hash + Eq>() -> HashSet<T> {
        HashSet::with_hasher(BuildHasherDefault::default())
    }

    /// The node is dropped with the last borrow that may have found it.
    pub(crate) fn take_out<T: Hash + Eq>(set: &HashSet<T>, key: &(impl Equivalent<T> + Hash)) {
        let guard = set.guard();
        set.remove(key, &guard);
        // else the node waits until there are more of them
        guard.flush();
    }
}

#[cfg(tripcoil_loom)]
mod stand_in {
    use crate::sync::atomic::{Counted, Mutex, MutexGuard};
    use papaya::Equivalent;
    use std::cell::OnceCell;
    use std::sync::PoisonError;

    pub(crate) struct HashSet<T>(Mutex<Vec<Counted<T>>>);

    pub(crate) fn set<T>() -> HashSet<T> {
        HashSet(Mutex::new(Vec::new()))
    }

    pub(crate) fn take_out<T>(set: &HashSet<T>, key: &impl Equivalent<T>) {
        let node = {
            let mut nodes = set.nodes();
            let at = nodes.iter().position(|node| key.equivalent(node));
            at.map(|at| nodes.swap_remove(at))
        };
        drop(node);
    }

    impl<T> HashSet<T> {
        fn nodes(&self) -> MutexGuard<'_, Vec<Counted<T>>> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }

        pub(crate) fn pin(&self) -> Pin<'_, T> {
            Pin {
                set: self,
                found: OnceCell::new(),
            }
        }
    }

    /// A borrow, for looking up one key.
    pub(crate) struct Pin<'a, T> {
        set: &'a HashSet<T>,
        found: OnceCell<Counted<T>>,
    }

    impl<T> Pin<'_, T> {
        pub(crate) fn get(&self, key: &impl Equivalent<T>) -> Option<&T> {
            let nodes = self.set.nodes();
            let node = nodes.iter().find(|node| key.equivalent(node))?.clone();
            drop(nodes);
            Some(self.found.get_or_init(|| node))
        }

        pub(crate) fn insert(&self, value: T) {
            self.set.nodes().push(Counted::new(value));
        }
    }
}
