//! A breaker's state, saved, and restored after a restart (feature `serde`).
//!
//! `state` is what is saved, as plain data, and what no breaker can have been; `bytes` and `form` are
//! its two shapes on the outside, and `value` what users hold. `save` reads it from a breaker,
//! `restore` puts it into one that nobody else has yet; `store` keeps it in a file.

mod bytes;
mod form;
pub(crate) mod report;
pub(crate) mod restore;
pub(crate) mod save;
mod state;
mod store;
pub(crate) mod value;

pub use self::report::{Age, Restored, RestoredWindow, SavedError};
pub use self::store::{FileStore, StoreError};
pub use self::value::Saved;
