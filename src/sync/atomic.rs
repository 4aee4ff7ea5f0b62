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

#[cfg(tripcoil_step)]
pub(super) use crate::sync::step::access;

#[cfg(not(any(tripcoil_step, tripcoil_shuttle)))]
#[inline(always)]
pub(super) fn access<T>(_word: &T, _writes: bool) {}

/// What another thread does may come here. (To shuttle a sleep is a point at which it chooses the
/// thread that goes on, and nothing more.)
#[cfg(tripcoil_shuttle)]
pub(super) fn access<T>(_word: &T, _writes: bool) {
    if shuttle::current::try_get_current_task().is_some() {
        shuttle::thread::sleep(core::time::Duration::ZERO);
    }
}

/// For the few loops, on no call's path, that wait for another thread.
#[cfg(feature = "std")]
pub(super) fn give_way() {
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
        // The exchange is spared where it would change nothing. If another thread raises the word after this
        // load, nothing is lost: it only rises.
        if self.load() < value {
            access(&self.0, true);
            self.0.fetch_max(value, AcqRel);
        }
    }

    /// Only for a word that no update writes.
    pub(crate) fn add(&self, n: u64) {
        access(&self.0, true);
        self.0.fetch_add(n, AcqRel);
    }

    /// Only for a word that no update writes.
    pub(crate) fn subtract_one(&self) {
        access(&self.0, true);
        self.0.fetch_sub(1, AcqRel);
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
