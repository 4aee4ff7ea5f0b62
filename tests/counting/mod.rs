//! An allocator that counts, for each thread, how often it is asked and what is kept.
#![allow(unsafe_code, reason = "an allocator is unsafe to write")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicI64, Ordering};

thread_local! {
    pub(crate) static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    pub(crate) static BYTES: Cell<i64> = const { Cell::new(0) };
}

/// What is kept by all threads.
static EVERYWHERE: AtomicI64 = AtomicI64::new(0);

#[allow(dead_code, reason = "most tests ask for what one thread keeps")]
pub(crate) fn everywhere() -> i64 {
    EVERYWHERE.load(Ordering::Relaxed)
}

struct Counting;

fn note(allocations: u64, bytes: i64) {
    EVERYWHERE.fetch_add(bytes, Ordering::Relaxed);
    // a thread that is going away may still free; nobody looks at its counts
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + allocations));
    let _ = BYTES.try_with(|count| count.set(count.get() + bytes));
}

// SAFETY: each method hands its arguments to the system's allocator as they came, and counting
// itself neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(1, layout.size() as i64);
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(1, layout.size() as i64);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(1, size as i64 - layout.size() as i64);
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        note(0, -(layout.size() as i64));
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;
