//! Atomics, and what knows of threads.

#[cfg(feature = "std")]
pub(crate) mod asked;
pub(crate) mod atomic;
pub(crate) mod pack;
pub(crate) mod thread_index;
