//! Atomics, and what knows of threads.

#[cfg(feature = "std")]
pub(crate) mod asked;
pub(crate) mod atomic;
pub(crate) mod cell;
pub(crate) mod pack;
#[cfg(tripcoil_step)]
pub mod step;
pub(crate) mod thread_index;
