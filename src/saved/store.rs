//! A saved state in a file.

use crate::saved::aside::{locked, on_a_thread};
use crate::saved::beside::{keep_beside, open, remove_abandoned, temporary};
use crate::saved::report::SavedError;
use crate::saved::trouble::StoreError;
use crate::saved::value::Saved;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Keeps one breaker's saved state in one file.
///
/// The file is replaced as a whole: whoever reads it, at any time and after any crash, finds the state
/// that was saved last or the one before it, never a part of one.
///
/// ```
/// use tripcoil::{Breaker, FileStore};
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
    path: PathBuf,
    order: Arc<Order>,
}

/// Saves of one store and its clones, so that none overwrites a later one.
#[derive(Default)]
struct Order {
    /// How many there have been.
    asked: Mutex<u64>,
    /// The latest whose state is in the file. Held by the one that is at work.
    done: Mutex<u64>,
}

impl PartialEq for FileStore {
    fn eq(&self, other: &FileStore) -> bool {
        self.path == other.path
    }
}

impl Eq for FileStore {}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore")
            .field("path", &self.path)
            .finish()
    }
}

impl FileStore {
    /// In that file, which need not exist; its folder has to.
    pub fn new(path: impl Into<PathBuf>) -> FileStore {
        FileStore {
            path: path.into(),
            order: Arc::default(),
        }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces what the file holds, and returns when that is on the disk. The thread is blocked
    /// meanwhile: in asynchronous code see [`save_async`](Self::save_async).
    ///
    /// The state is written to another file beside it, named `.NAME.XXXXXX.tmp`, and that one is given
    /// its name. What a process leaves behind that is killed between the two is removed by the next save.
    ///
    /// A file that [`load`](Self::load) would refuse is not overwritten: it is kept as `NAME.corrupt`, or
    /// `NAME.corrupt.1` to `NAME.corrupt.9` where there are such files already. When all ten are taken, the
    /// last is replaced. Several processes may save at once: a good state is never taken for the damaged one
    /// before it, and at no moment is there no file (where the file system has hard links).
    ///
    /// # Errors
    ///
    /// What the system says; that the folder is missing, or that in the file's place there is something
    /// else than a file. Then the file is as it was, or kept as `.corrupt` if it was damaged; unless it was
    /// the folder that could not be brought to the disk, after the file had been replaced.
    pub fn save(&self, saved: &Saved) -> Result<(), StoreError> {
        self.save_by(self.ask(), &saved.to_bytes(), File::sync_all)
    }

    /// As [`save`](Self::save), on a thread of its own: the runtime's threads go on. Any runtime can await
    /// it.
    ///
    /// The save begins when the future is first polled. One that is dropped after that goes on to its end;
    /// it never overwrites the state of a later save of the same store or of its clones.
    ///
    /// # Errors
    ///
    /// Those of [`save`](Self::save), and that the system has no thread to give.
    ///
    /// ```
    /// use tripcoil::{Breaker, FileStore};
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
        let path = self.path.clone();
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

    /// The state that was saved last; `None` if there is no file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or what it holds is refused; its folder does not exist, which is not the
    /// same as that nothing was saved; or it is no file: a folder, a device or a pipe is refused at once.
    pub fn load(&self) -> Result<Option<Saved>, StoreError> {
        let Some(bytes) = self.read()? else {
            return Ok(None);
        };
        let saved = if bytes.len() as u64 > MOST {
            Err(SavedError::Damaged)
        } else {
            Saved::from_bytes(&bytes)
        };
        saved.map(Some).map_err(|error| StoreError::Refused {
            path: self.path.clone(),
            error,
        })
    }

    fn read(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let failed = |error| StoreError::io(&self.path, "read", error);
        if !self.is_there()? {
            return Ok(None);
        }
        let file = match open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        // it may have become another since
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(self.not_a_file());
        }
        let mut bytes = Vec::new();
        file.take(MOST + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        Ok(Some(bytes))
    }

    /// Whether there is a file.
    ///
    /// # Errors
    ///
    /// There is something else, or no place for it.
    fn is_there(&self) -> Result<bool, StoreError> {
        let failed = |error| StoreError::io(&self.path, "read", error);
        if !self.names_a_file() {
            return Err(self.not_a_file());
        }
        match fs::metadata(&self.path) {
            Ok(place) if place.is_file() => return Ok(true),
            Ok(_) => return Err(self.not_a_file()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        if self.is_link() {
            let error = "it is a link to a file that does not exist";
            let error = io::Error::new(io::ErrorKind::NotFound, error);
            return Err(failed(error));
        }
        match fs::metadata(self.folder()) {
            Ok(_) => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(self.no_folder()),
            Err(error) => Err(failed(error)),
        }
    }

    /// Whether it can be a file's: not an empty path, and not one that ends as a folder's does.
    fn names_a_file(&self) -> bool {
        let end = self.path.as_os_str().as_encoded_bytes().last();
        let separator = end.is_some_and(|end| std::path::is_separator(char::from(*end)));
        !separator && self.path.file_name().is_some()
    }

    fn is_link(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok_and(|place| place.is_symlink())
    }

    fn not_a_file(&self) -> StoreError {
        let path = self.path.clone();
        StoreError::NotAFile { path }
    }

    fn no_folder(&self) -> StoreError {
        let path = self.path.clone();
        StoreError::NoFolder { path }
    }

    fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    /// The number of a save that begins now.
    fn ask(&self) -> u64 {
        let mut asked = locked(&self.order.asked);
        *asked += 1;
        *asked
    }

    /// Unless a later save has come first.
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
        let (path, folder) = (&*self.path, self.folder());
        let failed = |error| StoreError::io(path, "write", error);
        // A link is replaced, and what it leads to stays; but one to a device is no place for a state.
        if !self.names_a_file() || fs::metadata(path).is_ok_and(|place| !place.is_file()) {
            return Err(self.not_a_file());
        }
        remove_abandoned(path, folder);
        let mut file = match temporary(path, folder) {
            Ok(file) => file,
            // a folder may be there and take no files: /proc
            Err(error) if error.kind() == io::ErrorKind::NotFound && !folder.is_dir() => {
                return Err(self.no_folder());
            }
            Err(error) => return Err(failed(error)),
        };
        file.write_all(bytes).map_err(failed)?;
        to_disk(file.as_file()).map_err(failed)?;
        self.keep_damaged()?;
        let _held = file
            .persist(path)
            .map_err(|error| StoreError::replacing(path, error.error))?;
        // the new name is on the disk when the folder is; elsewhere a folder cannot be opened
        if cfg!(unix) {
            let folder = File::open(folder).map_err(failed)?;
            to_disk(&folder).map_err(failed)?;
        }
        Ok(())
    }

    /// What cannot be read is evidence, and somebody may want to look at it.
    fn keep_damaged(&self) -> Result<(), StoreError> {
        if self.is_link() || self.load().is_ok() {
            return Ok(());
        }
        let damaged = |file: &Path| FileStore::new(file).load().is_err();
        match keep_beside(&self.path, self.folder(), damaged) {
            // it has just been removed
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            kept => kept.map_err(|error| StoreError::replacing(&self.path, error)),
        }
    }
}

/// More than any state has: a mistaken path must not be read until the memory is full.
const MOST: u64 = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handles::breaker::Breaker;
    use alloc::boxed::Box;
    use alloc::vec;
    use core::error::Error;
    use core::time::Duration;
    use std::sync::mpsc;

    type Tested = Result<(), Box<dyn Error>>;

    fn saved(name: &str) -> Result<Saved, Box<dyn Error>> {
        let (_, controller) = Breaker::builder(name).build_with_controller()?;
        Ok(controller.save())
    }

    /// Were either left out, a crash of the machine could leave an empty file, or the old one after the save
    /// has returned. `ci/sync.sh` looks at what the system is asked for.
    #[test]
    fn a_state_is_on_the_disk_before_it_has_its_name_and_the_name_before_the_save_returns() -> Tested
    {
        let folder = tempfile::tempdir()?;
        let store = FileStore::new(folder.path().join("db.state"));
        let (old, new) = (saved("old")?, saved("new, and longer")?);
        store.save(&old)?;
        let steps = Mutex::new(vec![]);
        let to_disk = |file: &File| {
            let metadata = file.metadata()?;
            let whole = metadata.is_file() && metadata.len() == new.to_bytes().len() as u64;
            let named = store.load().ok().flatten().as_ref() == Some(&new);
            locked(&steps).push((whole, metadata.is_dir(), named));
            file.sync_all()
        };
        store.save_by(store.ask(), &new.to_bytes(), to_disk)?;
        let expected = [(true, false, false), (false, true, true)];
        assert_eq!(*locked(&steps), expected[..if cfg!(unix) { 2 } else { 1 }]);
        // what could not be brought to the disk has not been saved
        let full = |_: &File| Err(io::Error::from(io::ErrorKind::StorageFull));
        let failed = store.save_by(store.ask(), &old.to_bytes(), full);
        assert!(failed.is_err());
        assert_eq!(store.load()?, Some(new));
        assert_eq!(fs::read_dir(folder.path())?.count(), 1);
        Ok(())
    }

    /// The disk answers when the runtime's only thread has gone on.
    #[test]
    #[cfg(feature = "tokio")]
    fn a_save_that_is_awaited_does_not_block_the_runtime() -> Tested {
        let folder = tempfile::tempdir()?;
        let store = FileStore::new(folder.path().join("db.state"));
        let (answer, waiting) = mpsc::channel::<()>();
        let waiting = Mutex::new(waiting);
        let to_disk = move |_: &File| {
            // a minute is for a runtime that is blocked
            let answered = locked(&waiting).recv_timeout(Duration::from_secs(60));
            answered.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        runtime.block_on(async {
            let state = saved("db")?;
            let save = tokio::spawn(store.clone().save_aside(state.clone(), to_disk));
            // once for the file, and once for the folder
            for _ in 0..2 {
                tokio::task::yield_now().await;
                assert!(!save.is_finished());
                answer.send(())?;
            }
            save.await??;
            assert_eq!(store.load()?, Some(state));
            Ok(())
        })
    }

    /// One that was given up, and whose disk is slow, comes after a later one.
    #[test]
    fn a_save_never_overwrites_a_later_one() -> Tested {
        let folder = tempfile::tempdir()?;
        let store = FileStore::new(folder.path().join("db.state"));
        let (older, newer) = (saved("older")?, saved("newer")?);
        let first = store.ask();
        store.save(&newer)?;
        store
            .clone()
            .save_by(first, &older.to_bytes(), File::sync_all)?;
        assert_eq!(store.load()?, Some(newer));
        store.save(&older)?;
        assert_eq!(store.load()?, Some(older));
        Ok(())
    }

    /// A thread that ends without a result ends the wait.
    #[test]
    #[cfg(feature = "tokio")]
    fn a_panic_while_saving_is_an_error() -> Tested {
        let folder = tempfile::tempdir()?;
        let store = FileStore::new(folder.path().join("db.state"));
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        #[allow(clippy::panic, reason = "it is what is tested")]
        let to_disk = |_: &File| -> io::Result<()> { panic!("on purpose") };
        let state = saved("db")?;
        let ended = runtime.block_on(store.clone().save_aside(state.clone(), to_disk));
        assert!(matches!(ended, Err(StoreError::Io { .. })));
        // and the next one is not stopped by it
        store.save(&state)?;
        Ok(())
    }
}
