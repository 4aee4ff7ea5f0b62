//! Stopping points: in a build of its own (`--cfg tripcoil_step`) a test can stop a call at each of
//! its accesses, let others run to their end, and go on.

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

/// Runs `work`, in which this thread finds its stripe by that number: one thread can act as several.
pub fn numbered<T>(number: usize, work: impl FnOnce() -> T) -> T {
    let outer = NUMBER.replace(Some(number));
    let result = work();
    NUMBER.set(outer);
    result
}

/// Runs `work`, in which this thread builds for that many CPUs.
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
