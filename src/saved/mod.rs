//! A breaker's state, saved, and restored after a restart (feature `serde`).
//!
//! `state` is what is saved, as plain data, and what no breaker can have been; `bytes` and `form` are
//! its two shapes on the outside, and `value` what users hold. `save` reads it from a breaker,
//! `restore` puts it into one that nobody else has yet. `store` keeps it in a file, with what is `beside` it,
//! on a thread `aside` where a runtime waits, and says what went wrong by `trouble`.

mod aside;
mod beside;
mod bytes;
mod form;
pub(crate) mod report;
pub(crate) mod restore;
pub(crate) mod save;
mod state;
mod store;
mod trouble;
pub(crate) mod value;

pub use self::report::{Age, Restored, RestoredWindow, SavedError};
pub use self::store::FileStore;
pub use self::trouble::StoreError;
pub use self::value::Saved;
