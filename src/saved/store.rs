//! A saved state in a file.

use crate::saved::aside::{locked, on_a_thread};
use crate::saved::beside::{keep_beside, remove_abandoned, temporary};
use crate::saved::location::{Location, MOST, is_link};
use crate::saved::trouble::StoreError;
use crate::saved::value::Saved;
use alloc::sync::Arc;
use core::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

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
    location: Location,
    order: Arc<Order>,
}

/// Orders the saves of one store and its clones, so that none overwrites a later one.
#[derive(Default)]
struct Order {
    /// How many saves have begun.
    asked: Mutex<u64>,
    /// The latest save whose state is in the file. Held by the save that is writing.
    done: Mutex<u64>,
}

impl PartialEq for FileStore {
    fn eq(&self, other: &FileStore) -> bool {
        self.path() == other.path() && self.location.full() == other.location.full()
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
            location: Location::new(path.into()),
            order: Arc::default(),
        }
    }

    /// Returns the path of the file, as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.location.given()
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
        self.save_by(self.ask(), &saved.to_bytes(), File::sync_all)
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
        self.clone().save_aside(saved, File::sync_all)
    }

    async fn save_aside(
        self,
        saved: Saved,
        to_disk: impl Fn(&File) -> io::Result<()> + Send + 'static,
    ) -> Result<(), StoreError> {
        let path = self.path().to_owned();
        let number = self.ask();
        let work = move || self.save_by(number, &saved.to_bytes(), to_disk);
        let begun = on_a_thread("tripcoil-save", work);
        let ended = match begun {
            Ok(awaited) => awaited.await,
            Err(error) => return Err(StoreError::io(&path, "begin to save", error)),
        };
        ended.unwrap_or_else(|| {
            let error = io::Error::other("the thread that saved it has panicked");
            Err(StoreError::io(&path, "save", error))
        })
    }

    /// Returns the state that was saved last, or `None` if there is no file.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read or its contents are refused. A missing folder is
    /// an error too, because it does not mean that nothing was saved. A folder, a device or a pipe
    /// in place of the file is refused without waiting.
    pub fn load(&self) -> Result<Option<Saved>, StoreError> {
        let Some(bytes) = self.location.read()? else {
            return Ok(None);
        };
        let saved = Saved::from_bytes(&bytes).map(Some);
        saved.map_err(|error| self.location.refused(error))
    }

    /// Returns the number of a save that begins now.
    fn ask(&self) -> u64 {
        let mut asked = locked(&self.order.asked);
        *asked += 1;
        *asked
    }

    /// Saves, unless a later save came first.
    fn save_by(
        &self,
        number: u64,
        bytes: &[u8],
        to_disk: impl Fn(&File) -> io::Result<()>,
    ) -> Result<(), StoreError> {
        let mut done = locked(&self.order.done);
        if *done < number {
            self.replace(bytes, to_disk)?;
            *done = number;
        }
        Ok(())
    }

    fn replace(
        &self,
        bytes: &[u8],
        to_disk: impl Fn(&File) -> io::Result<()>,
    ) -> Result<(), StoreError> {
        if bytes.len() as u64 > MOST {
            return Err(self.location.too_long());
        }
        let given = self.path();
        let failed = |error| StoreError::io(given, "write", error);
        let (path, folder) = self.location.parts()?;
        self.location.check_replaceable()?;
        // The new name is on the disk once its folder is synced. The folder is opened first: if that
        // fails, nothing has changed. Outside Unix a folder cannot be opened.
        let folder_file = cfg!(unix)
            .then(|| File::open(folder))
            .transpose()
            .map_err(failed)?;
        remove_abandoned(path, folder);
        let mut file = temporary(path, folder).map_err(failed)?;
        file.as_file_mut().write_all(bytes).map_err(failed)?;
        to_disk(file.as_file()).map_err(failed)?;
        self.keep_damaged(path, folder)?;
        let _held = file
            .persist(path)
            .map_err(|error| StoreError::replacing(given, error.error))?;
        if let Some(folder) = folder_file {
            to_disk(&folder).map_err(failed)?;
        }
        Ok(())
    }

    /// A damaged file is evidence, so it is kept.
    fn keep_damaged(&self, path: &Path, folder: &Path) -> Result<(), StoreError> {
        if is_link(path) {
            return Ok(());
        }
        match self.load() {
            Ok(_) => return Ok(()),
            // Too many open files, for example: the state may be good, and another save may find out. A
            // file that is not to be opened is kept, since it will not change by itself.
            Err(error) if error.is_unopened() => return Err(error),
            Err(_) => {}
        }
        // of what our own link shows: another save may have put a good state there
        let damaged = |file: &Path| match FileStore::new(file).load() {
            Err(unopened) if unopened.is_unopened() => match unopened {
                StoreError::Io { error, .. } => Err(error),
                _ => Ok(true),
            },
            loaded => Ok(loaded.is_err()),
        };
        match keep_beside(path, folder, damaged) {
            // it has just been removed
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            kept => kept.map_err(|error| StoreError::replacing(self.path(), error)),
        }
    }
}

#[cfg(test)]
mod tests;
