//! Is this the patched loom?
//!
//! Stock loom 0.7.3 skips interleavings: a thread's own load of an atomic, just before its
//! compare-exchange, hides another thread's earlier load of it. There this model has one execution
//! and A never reads 1; and nearly every model of a CAS loop proves less than it says.

use std::collections::BTreeSet;
use std::sync::{Arc as Plain, Mutex};

use loom::sync::Arc;
use loom::sync::atomic::AtomicU64;
use loom::sync::atomic::Ordering::{AcqRel, Acquire};
use tripcoil_loom_tests::explore;

#[test]
fn a_load_beside_a_load_and_an_exchange_sees_both_values() {
    let seen = Plain::new(Mutex::new(BTreeSet::new()));
    let noted = Plain::clone(&seen);
    let executions = explore("canary", None, move || {
        let word = Arc::new(AtomicU64::new(0));
        let other = Arc::clone(&word);
        let b = loom::thread::spawn(move || {
            let read = other.load(Acquire);
            let _ = other.compare_exchange(read, read + 1, AcqRel, Acquire);
        });
        let read = word.load(Acquire);
        noted.lock().expect("unpoisoned").insert(read);
        b.join().expect("b ends");
    });
    assert_eq!(*seen.lock().expect("unpoisoned"), BTreeSet::from([0, 1]));
    assert_eq!(executions, 7);
}
