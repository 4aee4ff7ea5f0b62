//! The saved states of a registry in a file.

use crate::saved::many::{self, SavedRegistry};
use crate::saved::place::{Contents, Place};
use crate::saved::trouble::StoreError;
use core::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Keeps the saved states of all breakers of a registry in one file.
///
/// The file is replaced as a whole, as that of a [`FileStore`](crate::saved::FileStore), and in the same manner: a reader
/// finds the states that were saved last or those before them, at any time and after any crash. A file that is torn,
/// damaged or foreign is refused, and the next save keeps it beside its place as `NAME.corrupt`.
///
/// ```
/// use tripcoil::registry::Registry;
/// use tripcoil::saved::RegistryStore;
///
/// # let folder = tempfile::tempdir()?;
/// let store = RegistryStore::new(folder.path().join("breakers.state"));
/// let (registry, controller) = Registry::<String>::from_config(Default::default())?
///     .restore(store.load()?)
///     .build_with_controller();
/// registry.call("eu", || Ok::<_, ()>(())).ok();
/// // once; `RegistryController::save_every` does it again and again, on a thread of its own
/// store.save(&controller.save())?;
/// assert!(store.load()?.is_some_and(|saved| saved.keys().eq(["eu"])));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct RegistryStore {
    place: Place,
}

/// All states of a registry.
const CONTENTS: Contents = Contents {
    most: many::MOST,
    check: |bytes| many::check(bytes)?.read(),
};

impl PartialEq for RegistryStore {
    fn eq(&self, other: &RegistryStore) -> bool {
        self.place == other.place
    }
}

impl Eq for RegistryStore {}

impl fmt::Debug for RegistryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryStore")
            .field("path", &self.path())
            .finish()
    }
}

impl RegistryStore {
    /// Returns a store for that file, which need not exist. Its folder must exist. A relative path is resolved now.
    pub fn new(path: impl Into<PathBuf>) -> RegistryStore {
        RegistryStore {
            place: Place::new(path.into(), CONTENTS),
        }
    }

    /// Returns the path of the file, as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.place.path()
    }

    /// Replaces the contents of the file, and returns when they are on the disk. It blocks the thread.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`FileStore::save`](crate::saved::FileStore::save). More than 1 GiB is refused.
    pub fn save(&self, saved: &SavedRegistry) -> Result<(), StoreError> {
        self.place.save(&saved.to_bytes())
    }

    /// Returns the number of a save that begins now.
    pub(crate) fn ask(&self) -> u64 {
        self.place.ask()
    }

    /// Saves, unless a save with a later number came first.
    pub(crate) fn save_by(&self, number: u64, saved: &SavedRegistry) -> Result<(), StoreError> {
        self.place
            .save_by(number, &saved.to_bytes(), File::sync_all)
    }

    /// Saves as [`save`](Self::save) does, on a thread of its own, so that the runtime's threads are not blocked. The
    /// future works on any runtime.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`save`](Self::save), or that the system could not start a thread.
    pub fn save_async(
        &self,
        saved: SavedRegistry,
    ) -> impl Future<Output = Result<(), StoreError>> + Send + use<> {
        let place = self.place.clone();
        place.save_aside(move || saved.to_bytes(), File::sync_all)
    }

    /// Returns the states that were saved last, or `None` if there is no file. The whole file is read here, once.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read, or if it was refused as a whole. A single state that would be
    /// refused is an error only when its key is first used.
    pub fn load(&self) -> Result<Option<SavedRegistry>, StoreError> {
        let bytes = self.place.load()?;
        // they were found right
        Ok(bytes.and_then(|bytes| SavedRegistry::from_bytes(&bytes).ok()))
    }
}
