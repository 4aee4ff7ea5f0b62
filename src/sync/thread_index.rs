//! A thread's number, by which it finds its stripe, and how many CPUs there are.
//!
//! Beside `sync` the one place that is another under the models: there each execution numbers its
//! threads anew, so that each goes the same way, and there are two CPUs on every machine, so that
//! the models of two stripes have them. Under shuttle it is the same, with four. A test of the step
//! checker may choose both.

#[cfg(feature = "std")]
pub(crate) use self::numbers::move_on;
pub(crate) use self::numbers::{cpus, index};

#[cfg(all(feature = "std", not(any(tripcoil_loom, tripcoil_shuttle))))]
mod numbers {
    use crate::sync::asked::Asked;
    use crate::sync::atomic::Counter;
    use core::cell::Cell;

    static NEXT: Counter = Counter::new(0);

    std::thread_local! {
        /// `usize::MAX` until the thread is given its number.
        static INDEX: Cell<usize> = const { Cell::new(usize::MAX) };
    }

    /// This thread's number. A thread that is being torn down takes 0.
    #[inline(always)]
    pub(crate) fn index() -> usize {
        #[cfg(tripcoil_step)]
        if let Some(number) = crate::sync::step::number() {
            return number;
        }
        INDEX
            .try_with(|i| {
                if i.get() == usize::MAX {
                    first(i)
                } else {
                    i.get()
                }
            })
            .unwrap_or(0)
    }

    #[cold]
    fn first(i: &Cell<usize>) -> usize {
        i.set(NEXT.next() as usize & (usize::MAX >> 1));
        i.get()
    }

    /// Collided with all stripes out: take another number.
    #[cold]
    pub(crate) fn move_on() {
        let _ = INDEX.try_with(first);
    }

    /// The standard library reads files for it, which takes longer than all else that a breaker's
    /// making does.
    static CPUS: Asked = Asked::new();

    pub(crate) fn cpus() -> usize {
        #[cfg(tripcoil_step)]
        if let Some(cpus) = crate::sync::step::cpus() {
            return cpus;
        }
        CPUS.get_or(|| std::thread::available_parallelism().map_or(1, usize::from) as u64) as usize
    }
}

#[cfg(all(feature = "std", tripcoil_loom))]
mod numbers {
    use crate::sync::atomic::Counter;

    loom::lazy_static! {
        static ref NEXT: Counter = Counter::new(0);
    }

    loom::thread_local! {
        static INDEX: usize = NEXT.next() as usize;
    }

    pub(crate) fn index() -> usize {
        INDEX.with(|i| *i)
    }

    pub(crate) fn move_on() {}

    pub(crate) fn cpus() -> usize {
        2
    }
}

#[cfg(all(feature = "std", tripcoil_shuttle))]
mod numbers {
    use crate::sync::atomic::Counter;
    use core::cell::Cell;

    shuttle::lazy_static! {
        static ref NEXT: Counter = Counter::new(0);
    }

    shuttle::thread_local! {
        static INDEX: Cell<usize> = Cell::new(NEXT.next() as usize);
    }

    pub(crate) fn index() -> usize {
        INDEX.try_with(Cell::get).unwrap_or(0)
    }

    pub(crate) fn move_on() {
        let _ = INDEX.try_with(|i| i.set(NEXT.next() as usize));
    }

    pub(crate) fn cpus() -> usize {
        4
    }
}

#[cfg(not(feature = "std"))]
mod numbers {
    pub(crate) fn index() -> usize {
        0
    }

    pub(crate) fn cpus() -> usize {
        1
    }
}
