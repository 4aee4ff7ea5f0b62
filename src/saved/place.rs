//! A file that is replaced as a whole, with contents that are checked when they are read.

use crate::saved::aside::{locked, on_a_thread};
use crate::saved::beside::{keep_beside, remove_abandoned, temporary};
use crate::saved::location::{Location, is_link};
use crate::saved::report::SavedError;
use crate::saved::trouble::StoreError;
use alloc::sync::Arc;
use alloc::vec::Vec;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// What the contents are.
#[derive(Clone, Copy)]
pub(crate) struct Contents {
    /// In bytes.
    pub(crate) most: u64,
    /// Why they would be refused.
    pub(crate) check: fn(&[u8]) -> Result<(), SavedError>,
}

#[derive(Clone)]
pub(crate) struct Place {
    location: Location,
    contents: Contents,
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

impl PartialEq for Place {
    fn eq(&self, other: &Place) -> bool {
        self.path() == other.path() && self.location.full() == other.location.full()
    }
}

impl Place {
    pub(crate) fn new(path: PathBuf, contents: Contents) -> Place {
        Place {
            location: Location::new(path),
            contents,
            order: Arc::default(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.location.given()
    }

    /// Saves, unless a save that begins later comes first.
    pub(crate) fn save(&self, bytes: &[u8]) -> Result<(), StoreError> {
        self.save_by(self.ask(), bytes, File::sync_all)
    }

    /// Saves on a thread of its own, which makes the bytes too.
    pub(crate) async fn save_aside(
        self,
        bytes: impl FnOnce() -> Vec<u8> + Send + 'static,
        to_disk: impl Fn(&File) -> io::Result<()> + Send + 'static,
    ) -> Result<(), StoreError> {
        let path = self.path().to_owned();
        let number = self.ask();
        let work = move || self.save_by(number, &bytes(), to_disk);
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

    /// Returns the contents, once they were found right, or `None` if there is no file.
    pub(crate) fn load(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(bytes) = self.location.read(self.contents.most)? else {
            return Ok(None);
        };
        match (self.contents.check)(&bytes) {
            Ok(()) => Ok(Some(bytes)),
            Err(error) => Err(self.location.refused(error)),
        }
    }

    /// Returns the number of a save that begins now.
    pub(crate) fn ask(&self) -> u64 {
        let mut asked = locked(&self.order.asked);
        *asked += 1;
        *asked
    }

    /// Saves, unless a later save came first.
    pub(crate) fn save_by(
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
        if bytes.len() as u64 > self.contents.most {
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
        let contents = self.contents;
        // of what our own link shows: another save may have put a good state there
        let damaged = |file: &Path| match Place::new(file.to_owned(), contents).load() {
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
