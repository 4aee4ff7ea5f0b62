//! Cells for what is more than a word: [`Late`] is filled once, [`Swap`] is replaced as a whole.
//!
//! Without `std` neither happens: a `Late` stays empty, and a `Swap` keeps its value.

#[cfg(feature = "std")]
pub(crate) use with_std::{Late, Swap};
#[cfg(not(feature = "std"))]
pub(crate) use without_std::{Late, Swap};

#[cfg(feature = "std")]
mod with_std {
    #[cfg(tripcoil_loom)]
    use crate::sync::atomic::Word;
    use crate::sync::atomic::{Counter, access, give_way};
    use alloc::sync::Arc;
    use core::ops::Deref;
    use std::sync::OnceLock;

    /// A value that is put in once, later, by one thread, and never waited for.
    ///
    /// *Orderings.* `state` says all: 1 is claimed, by the one thread that puts the value in, and 2,
    /// which that thread releases and each reader acquires, is full. The cell orders the same again;
    /// but what orders is then our own word, which ThreadSanitizer sees.
    #[derive(Debug)]
    pub(crate) struct Late<T> {
        state: Counter,
        cell: OnceLock<T>,
        /// Loom does not see `state`. Where a model's threads put values in, this orders the same.
        #[cfg(tripcoil_loom)]
        order: Option<Word>,
    }

    const FULL: u64 = 2;

    impl<T> Default for Late<T> {
        fn default() -> Late<T> {
            Late {
                state: Counter::new(0),
                cell: OnceLock::new(),
                #[cfg(tripcoil_loom)]
                order: None,
            }
        }
    }

    impl<T> Late<T> {
        /// One that is put in while others work, in the models too.
        pub(crate) fn midway() -> Late<T> {
            Late {
                #[cfg(tripcoil_loom)]
                order: Some(Word::default()),
                ..Late::default()
            }
        }

        #[cfg(tripcoil_loom)]
        fn order(&self) {
            self.order.iter().for_each(|word| word.set_bits(1));
        }

        #[cfg(not(tripcoil_loom))]
        #[inline(always)]
        fn order(&self) {}

        /// One that has its value before another thread has it.
        pub(crate) fn full(value: T) -> Late<T> {
            let late = Late::default();
            let _ = late.cell.set(value);
            late.state.set(FULL);
            late
        }

        #[inline(always)]
        pub(crate) fn get(&self) -> Option<&T> {
            if self.state.get() == FULL {
                self.order();
                self.cell.get()
            } else {
                None
            }
        }

        /// Puts a value in, unless another thread has done so or is about to. The claim keeps `set`
        /// from ever waiting for another thread's `set`.
        pub(crate) fn fill(&self, make: impl FnOnce() -> T) -> Option<&T> {
            if self.state.claim() {
                // no other thread comes here: the claim is taken once
                let _ = self.cell.set(make());
                self.order();
                self.state.set(FULL);
            }
            self.get()
        }

        /// The value, put in if it is not there. It is made first and claimed then, so a thread that
        /// is stopped while it makes one stops no other. What may be waited for are the few instructions
        /// between another thread's claim and its value, so this is not for any call's path.
        pub(crate) fn get_or_make(&self, make: impl FnOnce() -> T) -> &T {
            if let Some(value) = self.get() {
                return value;
            }
            let mut made = Some(make());
            loop {
                if let Some(value) = self.cell.get() {
                    // the thread that put it in may be stopped just before it says so
                    self.order();
                    self.state.set(FULL);
                    return value;
                }
                match made.take_if(|_| self.state.claim()) {
                    // no other thread comes here: the claim is taken once
                    Some(value) => drop(self.cell.set(value)),
                    None => give_way(),
                }
            }
        }
    }

    /// A value that is read often and replaced seldom. Until it is replaced, reading it is one load.
    ///
    /// *Orderings.* Who replaces the value sets the mark before its exchange. So a thread that knows of a
    /// replacement, from wherever, finds the mark. One that finds the mark before the exchange finds no later
    /// value, and takes the first one, which never leaves.
    ///
    /// Where it is kept loom does not see. So that the models have two who replace it meet, there each
    /// touches a word of loom's between its reading and its exchange.
    #[derive(Debug)]
    pub(crate) struct Swap<T> {
        first: Arc<T>,
        replaced: Counter,
        later: arc_swap::ArcSwapOption<T>,
        #[cfg(tripcoil_loom)]
        meeting: Word,
    }

    /// A value that is being read.
    pub(crate) enum Read<'a, T> {
        First(&'a T),
        Later(arc_swap::Guard<Option<Arc<T>>>, &'a T),
    }

    impl<T> Deref for Read<'_, T> {
        type Target = T;

        #[inline]
        fn deref(&self) -> &T {
            match self {
                Read::First(first) => first,
                Read::Later(later, first) => later.as_deref().unwrap_or(first),
            }
        }
    }

    impl<T> Swap<T> {
        pub(crate) fn new(value: Arc<T>) -> Swap<T> {
            Swap {
                first: value,
                replaced: Counter::new(0),
                later: arc_swap::ArcSwapOption::empty(),
                #[cfg(tripcoil_loom)]
                meeting: Word::new(0),
            }
        }

        #[inline]
        pub(crate) fn load(&self) -> Read<'_, T> {
            if self.replaced.get() == 0 {
                // Another thread may replace the value from here on: this was the value when the mark was read.
                return Read::First(&self.first);
            }
            self.load_later()
        }

        #[inline(never)]
        fn load_later(&self) -> Read<'_, T> {
            access(&self.later, false);
            Read::Later(self.later.load(), &self.first)
        }

        /// Replace by what `change` makes of it, however often it must be asked.
        pub(crate) fn update<E>(&self, change: impl Fn(&T) -> Result<T, E>) -> Result<(), E> {
            let mut current = self.later.load_full();
            loop {
                let next = Arc::new(change(current.as_deref().unwrap_or(&self.first))?);
                // Before the exchange: after it a thread may learn of the new value and look for it.
                self.replaced.set(1);
                access(&self.later, true);
                #[cfg(tripcoil_loom)]
                self.meeting.raise(0);
                let before = self.later.compare_and_swap(&current, Some(next));
                let same = match (before.as_ref(), &current) {
                    (Some(before), Some(current)) => Arc::ptr_eq(before, current),
                    (None, None) => true,
                    _ => false,
                };
                if same {
                    return Ok(());
                }
                current = arc_swap::Guard::into_inner(before);
            }
        }
    }
}

#[cfg(not(feature = "std"))]
mod without_std {
    use core::ops::Deref;

    /// Without `std` nothing is put in later: one stripe, no owned ones, no listeners.
    #[derive(Debug)]
    pub(crate) struct Late<T>(Option<T>);

    impl<T> Default for Late<T> {
        fn default() -> Late<T> {
            Late(None)
        }
    }

    impl<T> Late<T> {
        pub(crate) fn midway() -> Late<T> {
            Late::default()
        }

        pub(crate) fn full(value: T) -> Late<T> {
            Late(Some(value))
        }

        #[inline(always)]
        pub(crate) fn get(&self) -> Option<&T> {
            self.0.as_ref()
        }
    }

    /// Without `std` the value stays what it was.
    #[derive(Debug)]
    pub(crate) struct Swap<T>(T);

    impl<T> Swap<T> {
        pub(crate) fn new(value: T) -> Swap<T> {
            Swap(value)
        }

        #[inline]
        pub(crate) fn load(&self) -> impl Deref<Target = T> {
            &self.0
        }
    }
}
