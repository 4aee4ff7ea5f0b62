//! Runs the user's code where a panic must not escape.
//!
//! The panic's payload is the user's too, and its drop may panic as well.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Returns the result of `work`, or `None` if it panics. Nothing unwinds out of here.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(given) => Some(given),
        Err(payload) => {
            quietly(payload);
            None
        }
    }
}

/// Drops a user's value, whose drop may panic.
pub(crate) fn quietly<T>(value: T) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        // the payload's own drop may panic too
        core::mem::forget(payload);
    }
}
