//! What any breaker that counts must pay, and nothing more.

use crate::time::coarse;
use crossbeam_utils::CachePadded;
use std::hint::black_box;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

/// A shared word to read, the coarse clock, and one addition on a line of one's own.
#[inline(always)]
pub fn floor(control: &AtomicU64, own: &AtomicU64) {
    black_box(control.load(Acquire));
    black_box(coarse());
    own.fetch_add(1, Relaxed);
}

/// The words for it.
#[derive(Debug, Default)]
pub struct Floor {
    control: CachePadded<AtomicU64>,
    own: [CachePadded<AtomicU64>; 2],
}

impl Floor {
    /// One call of the thread with that number, 0 or 1.
    #[inline(always)]
    pub fn call(&self, thread: usize) {
        floor(&self.control, &self.own[thread]);
    }
}
