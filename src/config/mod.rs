//! What a user sets, and what is checked of it.

pub(crate) mod backoff;
#[cfg(feature = "serde")]
pub(crate) mod files;
#[cfg(feature = "std")]
pub(crate) mod reconfigure;
pub(crate) mod settings;
pub(crate) mod validate;
