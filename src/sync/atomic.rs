//! The one place that imports atomics: loom's under the models, portable-atomic's elsewhere.
//!
//! Two more builds keep those atomics and act before each access. The step checker (`--cfg
//! tripcoil_step`) runs other calls there. Under `--cfg tripcoil_shuttle`, shuttle chooses there
//! which thread goes on.
//!
//! Everything else takes its words from here, so that the source that the models explore is the
//! source that ships. The words of the protocol are [`Word`]s, and those are what loom explores. A
//! value that the protocol does not depend on (a sum, a clock's published time) is a [`Counter`],
//! which loom does not see: exploring each addition would cost executions and show nothing.
//!
//! *Orderings.* Loads acquire, stores release, read-modify-writes do both, and nothing is SeqCst.
//! The protocol needs no single order over several words: each of its steps is a compare-exchange
//! on its own word, made while the control word is known to be unchanged.

#[cfg(tripcoil_loom)]
use loom::sync::atomic::AtomicU64;
#[cfg(not(tripcoil_loom))]
use portable_atomic::AtomicU64;

use crate::sync::pack::Pack;
use alloc::sync::Arc;
use core::fmt;
use core::marker::PhantomData;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use portable_atomic::AtomicU64 as PlainU64;

/// Stopping points: in a build of its own (`--cfg tripcoil_step`) a test can stop a call at each of
/// its accesses, let others run to their end, and go on.
#[cfg(tripcoil_step)]
pub mod step {
    use core::cell::{Cell, RefCell};
    use std::boxed::Box;
    use std::vec::Vec;

    std::thread_local! {
        static TOUCHED: RefCell<Option<Vec<Access>>> = const { RefCell::new(None) };
        static LEFT: Cell<u64> = const { Cell::new(0) };
        static TAKEN: Cell<u64> = const { Cell::new(0) };
        static ALLOWED: Cell<u64> = const { Cell::new(u64::MAX) };
        static OTHERS: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
        static NUMBER: Cell<Option<usize>> = const { Cell::new(None) };
        static CPUS: Cell<Option<usize>> = const { Cell::new(None) };
    }

    /// This thread finds its stripe by that number in `work`. One thread can act as several.
    pub fn numbered<T>(number: usize, work: impl FnOnce() -> T) -> T {
        let outer = NUMBER.replace(Some(number));
        let result = work();
        NUMBER.set(outer);
        result
    }

    /// What this thread builds in `work` is built for that many CPUs.
    pub fn on_cpus<T>(cpus: usize, work: impl FnOnce() -> T) -> T {
        let outer = CPUS.replace(Some(cpus));
        let result = work();
        CPUS.set(outer);
        result
    }

    pub(crate) fn number() -> Option<usize> {
        NUMBER.get()
    }

    pub(crate) fn cpus() -> Option<usize> {
        CPUS.get()
    }

    /// Runs `others` just before this thread's `n`-th access from now (from 1 on).
    pub fn stop_before(n: u64, others: impl FnOnce() + 'static) {
        LEFT.set(n);
        OTHERS.set(Some(Box::new(others)));
    }

    /// Returns whether there was no such access, and stops waiting for it.
    pub fn never_came() -> bool {
        LEFT.set(0);
        OTHERS.take().is_some()
    }

    /// Lets `work` make `n` accesses, and panics at the next one. Work that waits for a stopped
    /// call would never end, because that call is further down the same stack.
    pub fn at_most(n: u64, work: impl FnOnce()) {
        let outer = ALLOWED.replace(TAKEN.get() + n);
        work();
        ALLOWED.set(outer);
    }

    /// One access of a word.
    #[derive(Clone, Copy, Debug)]
    pub struct Access {
        /// The cache line (of 64 bytes) in which the word lies.
        pub line: usize,
        /// A store or a read-modify-write.
        pub writes: bool,
    }

    /// Returns this thread's accesses in `work`.
    pub fn touched(work: impl FnOnce()) -> Vec<Access> {
        TOUCHED.set(Some(Vec::new()));
        work();
        TOUCHED.take().unwrap_or_default()
    }

    pub(super) fn access<T>(word: &T, writes: bool) {
        TOUCHED.with_borrow_mut(|all| {
            if let Some(touched) = all {
                let line = core::ptr::from_ref(word).addr() / 64;
                touched.push(Access { line, writes });
            }
        });
        TAKEN.set(TAKEN.get() + 1);
        assert!(TAKEN.get() <= ALLOWED.get(), "a call does not end");
        let left = LEFT.get();
        LEFT.set(left.saturating_sub(1));
        if left == 1
            && let Some(others) = OTHERS.take()
        {
            others();
        }
    }
}

#[cfg(tripcoil_step)]
use step::access;

#[cfg(not(any(tripcoil_step, tripcoil_shuttle)))]
#[inline(always)]
fn access<T>(_word: &T, _writes: bool) {}

/// What another thread does may come here. (To shuttle a sleep is a point at which it chooses the
/// thread that goes on, and nothing more.)
#[cfg(tripcoil_shuttle)]
fn access<T>(_word: &T, _writes: bool) {
    if shuttle::current::try_get_current_task().is_some() {
        shuttle::thread::sleep(core::time::Duration::ZERO);
    }
}

/// For the few loops, on no call's path, that wait for another thread.
#[cfg(feature = "std")]
fn give_way() {
    #[cfg(tripcoil_shuttle)]
    shuttle::thread::yield_now();
    #[cfg(not(tripcoil_shuttle))]
    std::thread::yield_now();
}

/// A 64-bit word of the protocol, typed by its value, so that a value read from one word cannot be written to a
/// word of another type.
pub(crate) struct Word<T = u64>(AtomicU64, PhantomData<fn() -> T>);

impl<T: Pack> Word<T> {
    pub(crate) fn new(value: T) -> Word<T> {
        Word(AtomicU64::new(value.pack()), PhantomData)
    }

    /// The models have it read the newest value, as a read-modify-write that changes nothing does:
    /// with a choice of stale values at each of an update's loads no model would end. With
    /// `tripcoil_loom_stale` they read as the shipped code does.
    #[inline(always)]
    pub(crate) fn load(&self) -> T {
        access(&self.0, false);
        if cfg!(all(tripcoil_loom, not(tripcoil_loom_stale))) {
            return T::unpack(self.0.fetch_or(0, AcqRel));
        }
        T::unpack(self.0.load(Acquire))
    }

    /// Only for a word with one writer. In the models it is a read-modify-write too: loom does not
    /// order a store after a concurrent one, and there a load writes.
    #[inline(always)]
    pub(crate) fn store(&self, value: T) {
        access(&self.0, true);
        if cfg!(all(tripcoil_loom, not(tripcoil_loom_stale))) {
            self.0.swap(value.pack(), AcqRel);
            return;
        }
        self.0.store(value.pack(), Release);
    }

    /// `Err` is what was there instead of `old`.
    #[inline(always)]
    pub(crate) fn cas(&self, old: T, new: T) -> Result<(), T> {
        access(&self.0, true);
        let exchanged = self
            .0
            .compare_exchange(old.pack(), new.pack(), AcqRel, Acquire);
        exchanged.map(drop).map_err(T::unpack)
    }

    /// Adds one to the bits, and returns whether no other thread was at them. Only for a word that
    /// no update writes.
    #[inline(always)]
    pub(crate) fn add_alone(&self) -> bool {
        let n = self.load().pack();
        access(&self.0, true);
        let alone = self
            .0
            .compare_exchange(n, n.wrapping_add(1), AcqRel, Acquire)
            .is_ok();
        if !alone {
            access(&self.0, true);
            self.0.fetch_add(1, AcqRel);
        }
        alone
    }
}

impl Word {
    /// Raises the word to `value`; never lowers it.
    #[inline(always)]
    pub(crate) fn raise(&self, value: u64) {
        access(&self.0, true);
        self.0.fetch_max(value, AcqRel);
    }

    /// Only for a word that no update writes.
    pub(crate) fn add(&self, n: u64) {
        access(&self.0, true);
        self.0.fetch_add(n, AcqRel);
    }

    /// Sets those bits, and leaves the others. Only for a word that no update writes.
    #[cfg(feature = "std")]
    pub(crate) fn set_bits(&self, bits: u64) {
        access(&self.0, true);
        self.0.fetch_or(bits, AcqRel);
    }

    /// Leaves 0, and returns the previous value. Only for a word that no update writes.
    #[cfg(feature = "std")]
    pub(crate) fn take(&self) -> u64 {
        access(&self.0, true);
        self.0.swap(0, AcqRel)
    }
}

impl<T: Pack> Default for Word<T> {
    fn default() -> Word<T> {
        Word::new(T::unpack(0))
    }
}

impl<T: Pack + fmt::Debug> fmt::Debug for Word<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.load().fmt(f)
    }
}

/// How many handles an `Arc` has. The models do not see its count, so there a look at `beside`, which
/// changes with it, is where other threads may go on.
pub(crate) fn handles<T>(arc: &Arc<T>, beside: &Word) -> usize {
    if cfg!(tripcoil_loom) {
        beside.load();
    }
    Arc::strong_count(arc)
}

/// From here on, this thread sees what other threads did before the releases that it has read with
/// relaxed loads.
pub(crate) fn acquire() {
    #[cfg(tripcoil_loom)]
    loom::sync::atomic::fence(Acquire);
    #[cfg(not(tripcoil_loom))]
    core::sync::atomic::fence(Acquire);
}

/// A sum, or a published value, that decides nothing.
///
/// *Orderings.* The sums are relaxed: a reader needs each addition once, and no order between them.
/// A reader that needs an exact sum has joined the writers. A published value releases what was
/// written before it.
#[derive(Debug, Default)]
pub(crate) struct Counter(PlainU64);

impl Counter {
    pub(crate) const fn new(value: u64) -> Counter {
        Counter(PlainU64::new(value))
    }

    #[inline(always)]
    pub(crate) fn get(&self) -> u64 {
        access(&self.0, false);
        self.0.load(Acquire)
    }

    #[inline(always)]
    pub(crate) fn add(&self, n: u64) {
        access(&self.0, true);
        self.0.fetch_add(n, Relaxed);
    }

    #[inline(always)]
    pub(crate) fn set(&self, value: u64) {
        access(&self.0, true);
        self.0.store(value, Release);
    }

    /// Raises the counter to `value`; never lowers it. Returns the new value.
    pub(crate) fn raise(&self, value: u64) -> u64 {
        access(&self.0, true);
        self.0.fetch_max(value, AcqRel).max(value)
    }

    /// Add, and stay at `top`.
    pub(crate) fn add_up_to(&self, n: u64, top: u64) {
        access(&self.0, true);
        // the closure always gives a value, so the update always succeeds
        let _ = self
            .0
            .fetch_update(AcqRel, Acquire, |v| Some(v.saturating_add(n).min(top)));
    }

    /// Adds one, and returns whether no other thread did so at the same time.
    #[inline(always)]
    pub(crate) fn add_alone(&self) -> bool {
        access(&self.0, false);
        let n = self.0.load(Relaxed);
        access(&self.0, true);
        let alone = self
            .0
            .compare_exchange(n, n.wrapping_add(1), Relaxed, Relaxed);
        if alone.is_err() {
            access(&self.0, true);
            self.0.fetch_add(1, Relaxed);
        }
        alone.is_ok()
    }

    /// The value before one was added.
    pub(crate) fn next(&self) -> u64 {
        access(&self.0, true);
        self.0.fetch_add(1, Relaxed)
    }

    /// From 0 to 1: did we do it?
    #[cfg(feature = "std")]
    pub(crate) fn claim(&self) -> bool {
        access(&self.0, true);
        self.0.compare_exchange(0, 1, AcqRel, Acquire).is_ok()
    }
}

/// Threads: loom's under the models, shuttle's under its schedules.
#[cfg(all(feature = "std", tripcoil_loom))]
use loom::thread;
#[cfg(all(feature = "std", tripcoil_shuttle))]
use shuttle::thread;
#[cfg(all(feature = "std", not(any(tripcoil_loom, tripcoil_shuttle))))]
use std::thread;
#[cfg(feature = "std")]
pub(crate) use thread::Thread;
#[cfg(any(tripcoil_loom, tripcoil_shuttle))]
pub(crate) use thread::park;

/// The current process; 0 where there is no fork, and perhaps no such number either.
#[cfg(feature = "std")]
pub(crate) fn process() -> u32 {
    if cfg!(unix) { std::process::id() } else { 0 }
}

/// Starts a thread; returns `None` if the system cannot. Models and schedules start no thread: the
/// one that asks does the other's work itself.
#[cfg(feature = "std")]
pub(crate) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Option<Thread> {
    #[cfg(any(tripcoil_loom, tripcoil_shuttle))]
    {
        let _ = (name, work);
        Some(thread::current())
    }
    #[cfg(not(any(tripcoil_loom, tripcoil_shuttle)))]
    {
        let builder = thread::Builder::new().name(name.into());
        Some(builder.spawn(work).ok()?.thread().clone())
    }
}

/// Locks, which no call's path takes: shuttle's under its schedules and loom's under the models, since one
/// that waits there must let the others go on.
#[cfg(all(feature = "registry", tripcoil_loom))]
pub(crate) use loom::sync::{Mutex, MutexGuard};
#[cfg(all(feature = "registry", tripcoil_shuttle))]
pub(crate) use shuttle::sync::{Mutex, MutexGuard};
#[cfg(all(feature = "registry", not(any(tripcoil_loom, tripcoil_shuttle))))]
pub(crate) use std::sync::{Mutex, MutexGuard};

/// An `Arc` whose count is part of a protocol: the models see it.
#[cfg(all(feature = "registry", not(tripcoil_loom)))]
pub(crate) use alloc::sync::Arc as Counted;
#[cfg(all(feature = "registry", tripcoil_loom))]
pub(crate) use loom::sync::Arc as Counted;

/// What is written under a lock alone, or by one thread, and decides nothing elsewhere.
#[cfg(feature = "registry")]
#[derive(Debug)]
pub(crate) struct Flag(core::sync::atomic::AtomicBool);

#[cfg(feature = "registry")]
impl Flag {
    pub(crate) const fn new(value: bool) -> Flag {
        Flag(core::sync::atomic::AtomicBool::new(value))
    }

    pub(crate) fn get(&self) -> bool {
        self.0.load(Acquire)
    }

    pub(crate) fn set(&self, value: bool) {
        self.0.store(value, Release);
    }
}

#[cfg(feature = "std")]
pub(crate) use with_std::{Late, Swap};
#[cfg(not(feature = "std"))]
pub(crate) use without_std::{Late, Swap};

#[cfg(feature = "std")]
mod with_std {
    use super::Counter;
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
        order: Option<super::Word>,
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
                order: Some(super::Word::default()),
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
                // nobody else comes here: the claim is taken once
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
                    // nobody else comes here: the claim is taken once
                    Some(value) => drop(self.cell.set(value)),
                    None => super::give_way(),
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
        meeting: super::Word,
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
                meeting: super::Word::new(0),
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
            super::access(&self.later, false);
            Read::Later(self.later.load(), &self.first)
        }

        /// Replace by what `change` makes of it, however often it must be asked.
        pub(crate) fn update<E>(&self, change: impl Fn(&T) -> Result<T, E>) -> Result<(), E> {
            let mut current = self.later.load_full();
            loop {
                let next = Arc::new(change(current.as_deref().unwrap_or(&self.first))?);
                // Before the exchange: after it a thread may learn of the new value and look for it.
                self.replaced.set(1);
                super::access(&self.later, true);
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
    use core::marker::PhantomData;
    use core::ops::Deref;

    /// Without `std` nothing is put in later: one stripe, no owned ones, no listeners.
    #[derive(Debug)]
    pub(crate) struct Late<T>(PhantomData<fn() -> T>);

    impl<T> Default for Late<T> {
        fn default() -> Late<T> {
            Late(PhantomData)
        }
    }

    impl<T> Late<T> {
        pub(crate) fn midway() -> Late<T> {
            Late::default()
        }

        #[inline(always)]
        pub(crate) fn get(&self) -> Option<&T> {
            None
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
