//! The stripes: where outcomes are recorded.
//!
//! Who writes: a record, by one compare-exchange on the count of its class, expecting the version
//! of the control word that it read; and updates, which freeze the counts by giving them a new
//! version, and set the limits. The counts are cumulative: never reset, never folded. The side
//! counts (kinds, ignored and others) are sums that decide nothing.
//!
//! A breaker begins with one stripe. When a record's exchange fails because of another thread, an
//! update doubles the stripes, up to the CPUs. The array of a level is put in before the update
//! that announces it, and is never removed. A thread finds its stripe by a number that it gets
//! once, in turn, and that changes only when there are no more stripes to add and it still
//! collides. Without `std` there are no thread numbers, and there is one stripe.

use crate::engine::initial::Lifetime;
use crate::engine::policy::Allowance;
use crate::engine::window::class::{CLASSES, Class};
use crate::sync::atomic::{Counter, Word};
use crate::sync::cell::Late;
use crate::sync::pack::Pack;
use crate::sync::thread_index;
use crate::words::outcome::{FailureKind, Fallbacks, Rejections, State};
use crate::words::tagged::{PAYLOAD_MAX, Tagged, Version, since};
use alloc::boxed::Box;
use alloc::sync::Arc;
use crossbeam_utils::CachePadded;

/// In this order: the words written most often are farthest from the beginning.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct Stripe {
    /// One per class: the count up to which no check is needed.
    pub(crate) limits: [Word<Tagged<Version>>; CLASSES],
    pub(crate) side: Side,
    /// One per class. Under a count window only the fast successes are such counts: of the slow
    /// classes these are plain sums of 64 bits, and the fast failures are known from the kinds.
    pub(crate) counts: [Word<Tagged<Version>>; CLASSES],
}

/// Sums that decide nothing.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct Side {
    /// By the reason, see [`Fallbacks`].
    pub(crate) fallbacks: [Counter; Fallbacks::SLOTS],
    pub(crate) ignored: Counter,
    pub(crate) cancelled: Counter,
    pub(crate) late: Counter,
    pub(crate) kinds: [Counter; FailureKind::SLOTS],
    /// By the state that rejected, see [`Rejections`]; Open's, the busiest, is last.
    pub(crate) rejected: [Counter; Rejections::SLOTS],
}

/// An outcome that was recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Landed {
    pub(crate) count: u64,
    /// Another thread was in the way.
    pub(crate) contended: bool,
}

impl Stripe {
    /// What it begins with, before another thread has it. The counts are tagged under a window of time;
    /// under a count window the fast successes are.
    pub(crate) fn begin_with(&self, totals: &Lifetime, timed: bool, allowance: Allowance) {
        let first = Version::default();
        let [_, fast_failures, _, slow_failures, _] = totals.classes;
        let told = totals.kinds.iter().sum::<u64>();
        for (i, (word, count)) in self.counts.iter().zip(totals.classes).enumerate() {
            word.store(if timed || i == Class::FastSuccess as usize {
                Tagged::new(first, count)
            } else if i == Class::FastFailure as usize {
                // what the kinds do not tell
                let untold = fast_failures.wrapping_add(slow_failures).wrapping_sub(told);
                Tagged::unpack(untold)
            } else {
                Tagged::unpack(count)
            });
        }
        let counts = totals.classes.iter().zip(allowance.by_class());
        for (limit, (count, all)) in self.limits.iter().zip(counts) {
            limit.store(Tagged::new(first, count.wrapping_add(all)));
        }
        let side = &self.side;
        side.late.set(totals.late);
        side.ignored.set(totals.ignored);
        side.cancelled.set(totals.cancelled);
        for (counter, count) in side.kinds.iter().zip(totals.kinds) {
            counter.set(count);
        }
        for (counter, count) in side.rejected.iter().zip(totals.rejections) {
            counter.set(count);
        }
    }

    /// Counts one more, if the word still has this version.
    #[inline(always)]
    pub(crate) fn try_count(&self, class: Class, version: Version) -> Option<Landed> {
        let word = &self.counts[class as usize];
        let mut contended = false;
        // Other threads of this stripe may count between this load and the exchange. Each failed
        // exchange is another's success, so this loop makes progress as a whole.
        let mut before = word.load();
        loop {
            // An update has frozen the word. It may be counted in a later version, but by rules and
            // in a state that the caller has not seen.
            if !before.has(version) {
                return None;
            }
            let after = before.plus_one();
            match word.cas(before, after) {
                Ok(()) => {
                    let count = after.payload();
                    return Some(Landed { count, contended });
                }
                Err(is) => {
                    before = is;
                    contended = true;
                }
            }
        }
    }

    #[inline(always)]
    fn fast_successes(&self) -> u64 {
        self.counts[Class::FastSuccess as usize].load().payload()
    }

    /// Whether that count needs no check.
    #[inline(always)]
    pub(crate) fn within(&self, class: Class, version: Version, count: u64) -> bool {
        // Of another version it says nothing about this count, and the result looks for itself.
        let limit = self.limits[class as usize].load();
        // counts wrap, so "not beyond" is half the range
        limit.has(version) && since(limit.payload(), count) <= PAYLOAD_MAX / 2
    }
}

/// One of `of` shares of an allowance.
pub(crate) fn share(all: u64, i: usize, of: usize) -> u64 {
    all / of as u64 + u64::from((i as u64) < all % of as u64)
}

/// A stripe with one writer, a local handle. `count` (of fast successes) is untagged; each update
/// copies the count that it saw into `seen`, so that all its helpers use the same one.
#[derive(Debug, Default)]
pub(crate) struct Owned {
    pub(crate) count: Word,
    pub(crate) seen: Word<Tagged<Version>>,
    taken: Counter,
}

impl Owned {
    /// The one writer's addition.
    #[inline(always)]
    pub(crate) fn add_one(&self) {
        // One thread at a time has this handle, so no addition is lost between the load and the
        // store. Updates only read the count.
        self.count.store(self.count.load().wrapping_add(1));
    }
}

/// An owned stripe, held by its owner. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Place {
    all: Arc<[CachePadded<Owned>]>,
    at: usize,
}

impl core::ops::Deref for Place {
    type Target = Owned;

    #[inline(always)]
    fn deref(&self) -> &Owned {
        &self.all[self.at]
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Released, so the next owner sees the last count that this one stored.
        self.taken.set(0);
    }
}

/// The most doublings: 128 stripes.
const LEVELS: usize = 7;

type Level = Late<Box<[CachePadded<Stripe>]>>;

/// In this order: the first words are read by every call, once there is more than one stripe.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Stripes {
    /// Level `l` holds the stripes from `2^l` to `2^(l+1) - 1`.
    levels: Late<Box<[Level]>>,
    /// log2 of the stripes that there are, announced or not.
    made: Counter,
    /// The CPUs' next power of two, in stripes: its log2.
    top: usize,
    owned: Late<Arc<[CachePadded<Owned>]>>,
    first: Stripe,
}

impl Stripes {
    pub(crate) fn new(cpus: usize) -> Stripes {
        Stripes {
            first: Stripe::default(),
            levels: Late::default(),
            owned: Late::default(),
            made: Counter::new(0),
            top: (cpus.next_power_of_two().trailing_zeros() as usize).min(LEVELS),
        }
    }

    #[inline(always)]
    pub(crate) fn get(&self, i: usize) -> &Stripe {
        if i == 0 { &self.first } else { self.further(i) }
    }

    #[inline]
    fn further(&self, i: usize) -> &Stripe {
        // The array was put in before control announced the number that `i` is below, and the
        // caller has read control: so this load finds it.
        let level = i.ilog2() as usize;
        match self.levels.get().and_then(|all| all.get(level)?.get()) {
            Some(stripes) => &stripes[i - (1 << level)],
            // an index below the announced number always has its array
            None => &self.first,
        }
    }

    /// Returns this thread's stripe.
    #[inline(always)]
    pub(crate) fn mine(&self, of: usize) -> &Stripe {
        if of == 1 {
            &self.first
        } else {
            self.get(thread_index::index() & (of - 1))
        }
    }

    /// Returns the stripe where this thread adds to sums that decide nothing: any stripe.
    #[inline]
    fn any(&self) -> &Stripe {
        self.mine(1 << self.made.get())
    }

    /// Called after an addition to such a sum that met another thread's. It adds stripes, as for
    /// outcomes; but they need no announcement.
    #[cold]
    #[inline(never)]
    fn on_contention(&self) {
        self.grow(self.made.get() as usize);
    }

    #[inline]
    pub(crate) fn side(&self) -> &Side {
        &self.any().side
    }

    /// A call is rejected in that state.
    #[inline]
    pub(crate) fn reject(&self, state: State) {
        // A sum. It is complete after the addition, whatever other threads do; the result only says
        // whether more stripes would help.
        if !self.side().rejected[Rejections::slot(state)].add_alone() {
            self.on_contention();
        }
    }

    /// A fallback is about to run in place of the error of a call that was rejected, or failed.
    #[cold]
    pub(crate) fn fall_back(&self, rejected: bool) {
        // A sum, as that of the rejections.
        if !self.side().fallbacks[Fallbacks::slot(rejected)].add_alone() {
            self.on_contention();
        }
    }

    /// A failed or slow outcome under a count window, whose sums decide nothing either.
    #[inline]
    pub(crate) fn add(&self, class: Class, kind: FailureKind) {
        let stripe = self.any();
        if class.failed() {
            stripe.side.kinds[kind.slot()].add(1);
        }
        // After the kind: a reader that finds a slow failure finds it among the failures.
        if class.slow() && !stripe.counts[class as usize].add_alone() {
            self.on_contention();
        }
    }

    /// The fast successes of so many stripes. Others land meanwhile.
    #[inline]
    pub(crate) fn fast_successes(&self, of: usize) -> u64 {
        (0..of).fold(0, |sum, i| sum.wrapping_add(self.get(i).fast_successes()))
    }

    /// Those of all stripes.
    pub(crate) fn fast_successes_of_all(&self) -> u64 {
        let each = self.all().map(Stripe::fast_successes);
        each.fold(0, u64::wrapping_add)
    }

    /// All stripes that there are, announced or not: for sums.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Stripe> {
        let further = self
            .levels
            .get()
            .into_iter()
            .flat_map(|all| all.iter().filter_map(Late::get));
        core::iter::once(&self.first)
            .chain(further.flat_map(|level| level.iter().map(|stripe| &**stripe)))
    }

    pub(crate) fn owned(&self) -> impl Iterator<Item = &Owned> {
        self.owned
            .get()
            .into_iter()
            .flat_map(|owned| owned.iter().map(|owned| &**owned))
    }
}

#[cfg(feature = "std")]
impl Stripes {
    /// Contended at `level`: makes room for twice as many stripes, and returns whether there is
    /// room. At the top, or while another thread is growing them, the thread only moves on to
    /// another stripe.
    pub(crate) fn grow(&self, level: usize) -> bool {
        if level < self.top {
            let more = || (0..1 << level).map(|_| CachePadded::default()).collect();
            let none = || (0..self.top).map(|_| Late::default()).collect();
            // Another thread has claimed the table and not yet put it in. This thread does without,
            // for growing is never urgent.
            let Some(all) = self.levels.fill(none) else {
                return false;
            };
            let made = all[level].fill(more).is_some();
            if made {
                // After the array: a thread that reads the higher number finds the array in place.
                self.made.raise(level as u64 + 1);
            }
            return made;
        }
        thread_index::move_on();
        false
    }

    /// Creates the owned stripes, at the first request for one: as many as CPUs.
    pub(crate) fn make_owned(&self) -> bool {
        let all = || (0..1 << self.top).map(|_| CachePadded::default()).collect();
        self.owned.fill(all).is_some()
    }

    /// Takes a free one.
    pub(crate) fn take_owned(&self) -> Option<Place> {
        let all = self.owned.get()?;
        let at = all.iter().position(|owned| owned.taken.claim())?;
        Some(Place {
            all: all.clone(),
            at,
        })
    }
}

#[cfg(not(feature = "std"))]
impl Stripes {
    pub(crate) fn grow(&self, _level: usize) -> bool {
        let _ = self.top;
        false
    }
}

#[cfg(all(test, feature = "std"))]
mod tests;
