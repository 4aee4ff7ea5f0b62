//! What any breaker that counts must pay, and nothing more.

use crate::time::coarse;
use crossbeam_utils::CachePadded;
use std::hint::black_box;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

type Line = CachePadded<AtomicU64>;

/// A word for all threads to read, and a line of each one's own to write.
#[derive(Debug)]
pub struct Floor {
    control: Line,
    own: Box<[Line]>,
}

/// A thread's way to its words.
#[derive(Clone, Copy, Debug)]
pub struct FloorOf<'a> {
    control: &'a AtomicU64,
    own: &'a AtomicU64,
}

impl Floor {
    /// For so many threads.
    #[must_use]
    pub fn new(threads: usize) -> Floor {
        Floor {
            control: Line::default(),
            own: (0..threads).map(|_| Line::default()).collect(),
        }
    }

    /// That of the thread with this number, which is below the number of threads.
    #[must_use]
    pub fn of(&self, thread: usize) -> FloorOf<'_> {
        FloorOf {
            control: &self.control,
            own: &self.own[thread],
        }
    }
}

impl FloorOf<'_> {
    /// A load of the shared word, the coarse clock, and one addition on the thread's own line.
    #[inline(always)]
    pub fn call(self) {
        black_box(self.control.load(Acquire));
        black_box(coarse());
        self.own.fetch_add(1, Relaxed);
    }
}
