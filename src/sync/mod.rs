//! Atomics, and what knows of threads.

pub(crate) mod atomic;
pub(crate) mod pack;
pub(crate) mod thread_index;
