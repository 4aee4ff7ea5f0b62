//! A saved state in a file.

use crate::saved::report::SavedError;
use crate::saved::value::Saved;
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use tempfile::Builder;

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
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileStore {
    path: PathBuf,
}

/// Why a state could not be loaded.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// The file could not be read.
    Io(io::Error),
    /// It was read, and is refused.
    Refused(SavedError),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "saved state not read: {error}"),
            Self::Refused(error) => error.fmt(f),
        }
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Refused(error) => error.source(),
        }
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> StoreError {
        StoreError::Io(error)
    }
}

impl From<SavedError> for StoreError {
    fn from(error: SavedError) -> StoreError {
        StoreError::Refused(error)
    }
}

impl FileStore {
    /// In that file, which need not exist; its folder has to.
    pub fn new(path: impl Into<PathBuf>) -> FileStore {
        FileStore { path: path.into() }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces what the file holds, and returns when that is on the disk.
    ///
    /// The state is written to another file beside it, whose name begins with a dot and that of the
    /// file, and that one is given its name. A process killed between the two leaves the other file
    /// behind: it is of no use to anybody, and may be removed.
    ///
    /// # Errors
    ///
    /// What the system says. Then the file is as it was; unless it was the folder that could not be
    /// brought to the disk, after the file had been replaced.
    pub fn save(&self, saved: &Saved) -> io::Result<()> {
        let folder = match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut prefix = OsString::from(".");
        prefix.push(self.path.file_name().unwrap_or_default());
        prefix.push(".");
        let mut file = Builder::new()
            .prefix(&prefix)
            .suffix(".tmp")
            .tempfile_in(folder)?;
        file.write_all(&saved.to_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        // the new name is on the disk when the folder is; elsewhere a folder cannot be opened
        if cfg!(unix) {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }

    /// The state that was saved last; `None` if there is no file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or what it holds is refused.
    pub fn load(&self) -> Result<Option<Saved>, StoreError> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut bytes = Vec::new();
        file.take(MOST + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MOST {
            return Err(SavedError::Damaged.into());
        }
        Ok(Some(Saved::from_bytes(&bytes)?))
    }
}

/// More than any state has: a mistaken path must not be read until the memory is full.
const MOST: u64 = 16 << 20;
