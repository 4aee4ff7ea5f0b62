//! A breaker's state, saved, and restored after a restart (feature `persist`).
//!
//! [`Controller::save`](crate::Controller::save) returns a [`Saved`], and a [`FileStore`] keeps it.
//! [`Builder::restore`](crate::Builder::restore) takes it, and
//! [`Controller::restored`](crate::Controller::restored) returns what was restored.
//!
//! ```
//! use tripcoil::saved::FileStore;
//! use tripcoil::Breaker;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("payments");
//! let store = FileStore::new(path);
//! let (breaker, controller) = Breaker::builder("payments").restore(store.load()?).build_with_controller()?;
//! // and before the program ends
//! store.save(&controller.save())?;
//! # Ok(())
//! # }
//! ```
//!
//! For all breakers of a registry there are a `SavedRegistry` and a `RegistryStore` (with the feature `registry`).
// `state` is what is saved, as plain data, and checks that a breaker can have been in it. `bytes`
// and `form` are its two serialised forms, and `value` is the handle for users. `save` reads it
// from a breaker, and `restore` puts it into a new one. `many` are the states of a registry. `store` and
// `registry_store` keep them in a file, which a `place` replaces at a `location`; `beside` manages the other files next to it, which have `names` of their own,
// `aside` runs blocking work on a thread, and `trouble` has the errors.

mod aside;
mod beside;
mod bytes;
#[cfg(feature = "serde")]
mod form;
mod location;
#[cfg(feature = "registry")]
mod many;
mod names;
mod place;
#[cfg(feature = "registry")]
mod registry_store;
pub(crate) mod report;
pub(crate) mod restore;
pub(crate) mod save;
mod state;
mod store;
mod trouble;
pub(crate) mod value;

#[cfg(feature = "registry")]
pub use self::many::SavedRegistry;
#[cfg(feature = "registry")]
pub use self::registry_store::RegistryStore;
pub use self::report::{Age, Restored, RestoredWindow, SavedError};
pub use self::store::FileStore;
pub use self::trouble::StoreError;
pub use self::value::Saved;
