//! What a user sets, and how it is checked.

pub(crate) mod backoff;
#[cfg(feature = "serde")]
pub(crate) mod files;
#[cfg(feature = "std")]
pub(crate) mod reconfigure;
pub(crate) mod settings;
pub(crate) mod validate;
