//! The place of a saved state, and the file there.

use crate::saved::beside::open;
use crate::saved::names::temporary_name;
use crate::saved::report::SavedError;
use crate::saved::trouble::{OPEN, StoreError};
use alloc::vec::Vec;
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// Larger than any state: a mistaken path must not fill the memory.
pub(crate) const MOST: u64 = 16 << 20;

#[derive(Clone)]
pub(crate) struct Location {
    /// The path as it was given, for error texts.
    given: PathBuf,
    /// The same path, made absolute: the process may change its folder later. `None` if the path is
    /// empty, or if the folder of the process was removed.
    full: Option<PathBuf>,
}

impl Location {
    pub(crate) fn new(given: PathBuf) -> Location {
        let full = std::path::absolute(&given).ok();
        Location { given, full }
    }

    pub(crate) fn given(&self) -> &Path {
        &self.given
    }

    pub(crate) fn full(&self) -> Option<&Path> {
        self.full.as_deref()
    }

    /// Returns the paths of the file and of its folder.
    ///
    /// # Errors
    ///
    /// Returns an error if the path cannot be a file's, or if the folder of the process was removed.
    pub(crate) fn parts(&self) -> Result<(&Path, &Path), StoreError> {
        // "state/" and "state/." have a last name too, and lead to a folder
        let name = self.given.file_name().unwrap_or_default();
        let whole = self.given.as_os_str().as_encoded_bytes();
        if name.is_empty() || !whole.ends_with(name.as_encoded_bytes()) {
            return Err(self.not_a_file());
        }
        let full = self.full.as_deref().ok_or_else(|| self.no_folder(None))?;
        let folder = full.parent().ok_or_else(|| self.not_a_file())?;
        Ok((full, folder))
    }

    /// Returns the contents of the file, at most so many bytes, or `None` if there is no file.
    pub(crate) fn read(&self, most: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let failed = |error| StoreError::io(&self.given, "read", error);
        if !self.is_there()? {
            return Ok(None);
        }
        let (path, _) = self.parts()?;
        let file = match open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io(&self.given, OPEN, error)),
        };
        // another process may have put something else here since
        let found = file.metadata().map_err(failed)?;
        if !found.is_file() {
            return Err(self.not_a_file());
        }
        if found.len() > most {
            return Err(self.too_long());
        }
        let mut bytes = Vec::new();
        // it may grow while it is read
        file.take(most + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        if bytes.len() as u64 > most {
            return Err(self.too_long());
        }
        Ok(Some(bytes))
    }

    /// Returns whether the file exists. If it does not, its name allows a save.
    ///
    /// # Errors
    ///
    /// Returns an error if the path leads to something else, if its folder is missing, or if no file
    /// can have such a name.
    fn is_there(&self) -> Result<bool, StoreError> {
        let failed = |error| StoreError::io(&self.given, "read", error);
        let (path, folder) = self.parts()?;
        match fs::metadata(path) {
            Ok(found) if found.is_file() => return Ok(true),
            Ok(_) => return Err(self.not_a_file()),
            Err(error) if !is_missing(&error) => return Err(failed(error)),
            Err(_) => {}
        }
        if is_link(path) {
            let error = io::Error::new(
                ErrorKind::NotFound,
                "it is a link to a file that does not exist",
            );
            return Err(failed(error));
        }
        self.check_folder(folder)?;
        // the name may be short enough, and the path too long for a temporary file beside it
        match fs::symlink_metadata(folder.join(temporary_name(path, "XXXXXX"))) {
            Err(error) if !is_missing(&error) => Err(failed(error)),
            _ => Ok(false),
        }
    }

    /// Returns an error if no file can be put here. A link is replaced, and its target stays; but a
    /// link to a device is refused.
    pub(crate) fn check_replaceable(&self) -> Result<(), StoreError> {
        let (path, folder) = self.parts()?;
        match fs::metadata(path) {
            Ok(found) if !found.is_file() => Err(self.not_a_file()),
            Ok(_) => Ok(()),
            Err(_) if is_link(path) => Ok(()),
            Err(error) if is_missing(&error) => self.check_folder(folder),
            Err(error) => Err(StoreError::io(&self.given, "write", error)),
        }
    }

    fn check_folder(&self, folder: &Path) -> Result<(), StoreError> {
        match fs::metadata(folder) {
            Ok(found) if found.is_dir() => Ok(()),
            Ok(_) => Err(self.no_folder(Some(ErrorKind::NotADirectory.into()))),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(self.no_folder(None)),
            Err(error) if is_missing(&error) => Err(self.no_folder(Some(error))),
            Err(error) => Err(StoreError::io(&self.given, "read", error)),
        }
    }

    fn not_a_file(&self) -> StoreError {
        let path = self.given.clone();
        StoreError::NotAFile { path }
    }

    fn no_folder(&self, error: Option<io::Error>) -> StoreError {
        let path = self.given.clone();
        StoreError::NoFolder { path, error }
    }

    pub(crate) fn refused(&self, error: SavedError) -> StoreError {
        let path = self.given.clone();
        StoreError::Refused { path, error }
    }

    pub(crate) fn too_long(&self) -> StoreError {
        self.refused(SavedError::TooLong)
    }
}

/// Returns whether nothing has the name, or a file is in the place of one of its folders.
fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

pub(crate) fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink())
}
