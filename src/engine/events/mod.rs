//! The events that the engine publishes, and their readers.

pub(crate) mod cursor;
pub(crate) mod event;
pub(crate) mod history;
#[cfg(feature = "std")]
pub(crate) mod listeners;
#[cfg(feature = "std")]
pub(crate) mod pool;
pub(crate) mod queue;
#[cfg(feature = "std")]
pub(crate) mod ready;
#[cfg(feature = "std")]
pub(crate) mod task;
#[cfg(feature = "std")]
pub(crate) mod wake;
pub(crate) mod watch;
