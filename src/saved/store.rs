//! A saved state in a file.

use crate::saved::location::MOST;
use crate::saved::place::{Contents, Place};
use crate::saved::trouble::StoreError;
use crate::saved::value::Saved;
use core::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Keeps the saved state of one breaker in one file.
///
/// The file is replaced as a whole. A reader, at any time and after any crash, finds the state that
/// was saved last or the one before it, and never a part of one.
///
/// ```
/// use tripcoil::Breaker;
/// use tripcoil::saved::FileStore;
///
/// # let folder = tempfile::tempdir()?;
/// let store = FileStore::new(folder.path().join("payments.state"));
/// assert!(store.load()?.is_none());
///
/// let (_, controller) = Breaker::builder("payments").build_with_controller()?;
/// let saved = controller.save();
/// store.save(&saved)?;
/// assert_eq!(store.load()?, Some(saved));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct FileStore {
    place: Place,
}

/// One state.
const CONTENTS: Contents = Contents {
    most: MOST,
    check: |bytes| Saved::from_bytes(bytes).map(drop),
};

impl PartialEq for FileStore {
    fn eq(&self, other: &FileStore) -> bool {
        self.place == other.place
    }
}

impl Eq for FileStore {}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore")
            .field("path", &self.path())
            .finish()
    }
}

impl FileStore {
    /// Returns a store for that file, which need not exist. Its folder must exist. A relative path
    /// is resolved now: the store keeps to its file when the process changes its folder.
    pub fn new(path: impl Into<PathBuf>) -> FileStore {
        FileStore {
            place: Place::new(path.into(), CONTENTS),
        }
    }

    /// Returns the path of the file, as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.place.path()
    }

    /// Replaces the contents of the file, and returns when they are on the disk. It blocks the
    /// thread: in asynchronous code use [`save_async`](Self::save_async).
    ///
    /// The state is written to a temporary file beside it, `.NAME.XXXXXX.tmp`, which is then
    /// renamed. If a process is killed in between, the next save removes its temporary file. A name
    /// that leaves no room for these additions is cut short in them.
    ///
    /// A file that [`load`](Self::load) would refuse is not lost: it is kept as `NAME.corrupt`, or
    /// as `NAME.corrupt.1` to `NAME.corrupt.9` if such files exist already. If all ten exist, the
    /// last is replaced. Several processes may save at once. A good state is never mistaken for the
    /// damaged one before it. On a file system with hard links, the file exists at every moment.
    ///
    /// # Errors
    ///
    /// Returns the system's error; or that the folder is missing; or that the path leads to
    /// something other than a file. The file is then unchanged, or was kept as `.corrupt` if it was
    /// damaged. One error comes after the file was replaced: that its folder could not be
    /// synchronised to the disk.
    pub fn save(&self, saved: &Saved) -> Result<(), StoreError> {
        self.place.save(&saved.to_bytes())
    }

    /// Saves as [`save`](Self::save) does, on a thread of its own, so that the runtime's threads
    /// are not blocked. The future works on any runtime.
    ///
    /// The save begins when the future is first polled. If the future is dropped after that, the
    /// save still completes. It never overwrites a later save by the same store or its clones.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`save`](Self::save), or that the system could not start a thread.
    ///
    /// ```
    /// use tripcoil::Breaker;
    /// use tripcoil::saved::FileStore;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let store = FileStore::new(folder.path().join("payments.state"));
    /// let (_, controller) = Breaker::builder("payments").build_with_controller()?;
    /// store.save_async(controller.save()).await?;
    /// assert!(store.load()?.is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn save_async(
        &self,
        saved: Saved,
    ) -> impl Future<Output = Result<(), StoreError>> + Send + use<> {
        let place = self.place.clone();
        place.save_aside(move || saved.to_bytes(), File::sync_all)
    }

    /// Returns the state that was saved last, or `None` if there is no file.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read or its contents are refused. A missing folder is
    /// an error too, because it does not mean that nothing was saved. A folder, a device or a pipe
    /// in place of the file is refused without waiting.
    pub fn load(&self) -> Result<Option<Saved>, StoreError> {
        let bytes = self.place.load()?;
        // they were found right
        Ok(bytes.and_then(|bytes| Saved::from_bytes(&bytes).ok()))
    }
}

#[cfg(test)]
mod tests;
