//! The files beside a saved state: the temporary file that becomes the next state, temporary files
//! of processes that were killed, and damaged states that are kept.
//!
//! *The owner of a temporary file* holds a lock on it, which the system releases when the process
//! ends, however it ends. A save locks its own file as soon as it has created it. A save that finds
//! another's file removes it only while it holds that lock. Another save may come between the
//! creation and the lock: then the lock is taken, or the file has lost its name, and a new file is
//! created.

use crate::saved::names::{RANDOM, SUFFIX, corrupt_names, is_temporary, prefix};
use core::time::Duration;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use tempfile::{Builder, NamedTempFile};

/// How old a temporary file must be if no lock shows whether its process is alive.
const ABANDONED: Duration = Duration::from_secs(3600);
/// How often creating a file may meet a save that takes it for abandoned.
const ATTEMPTS: usize = 16;

/// Creates something under a new temporary name for that path. It is removed when it is dropped.
fn make<R>(
    path: &Path,
    folder: &Path,
    mut how: impl FnMut(&Path) -> io::Result<R>,
) -> io::Result<NamedTempFile<R>> {
    let mut said = None;
    let made = Builder::new()
        .prefix(&prefix(path))
        .suffix(SUFFIX)
        .rand_bytes(RANDOM)
        .make_in(folder, |name| {
            how(name).inspect_err(|error| said = error.raw_os_error())
        });
    // `tempfile` adds its path to the error, and the store's error has a path already
    made.map_err(|error| said.map_or(error, io::Error::from_raw_os_error))
}

/// Creates a file that its owner alone may read.
fn create(name: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(name)
}

/// Creates a temporary file for that path, which no other save removes.
pub(crate) fn temporary(path: &Path, folder: &Path) -> io::Result<NamedTempFile> {
    for _ in 0..ATTEMPTS {
        let file = make(path, folder, create)?;
        // where there are no locks, no process removes a fresh one
        let ours = match lock(file.as_file()) {
            Lock::Ours => has_name(file.as_file())?,
            Lock::Others => false,
            Lock::Unknown => true,
        };
        if ours {
            return Ok(file);
        }
    }
    Err(io::Error::other("temporary files are removed by others"))
}

/// Removes the temporary files for that path whose processes are gone. Files that cannot be read or
/// removed are left there, and are not an error.
pub(crate) fn remove_abandoned(path: &Path, folder: &Path) {
    let prefix = prefix(path);
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let is_file = || entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_temporary(entry.file_name().as_encoded_bytes(), &prefix) && is_file() {
            let _ = remove_if_abandoned(&entry.path());
        }
    }
}

fn remove_if_abandoned(path: &Path) -> io::Result<()> {
    let file = open(path)?;
    let abandoned = match lock(&file) {
        Lock::Ours => true,
        Lock::Others => false,
        Lock::Unknown => {
            let age = file.metadata()?.modified()?.elapsed();
            age.is_ok_and(|age| age > ABANDONED)
        }
    };
    if abandoned {
        // Its process may have given it its last name meanwhile: then there is nothing of this name.
        fs::remove_file(path)?;
    }
    Ok(())
}

/// Keeps the contents of that file under a free name beside it, if they are damaged.
///
/// The file is never moved: the new name is one more link to it, so the path is never empty.
/// Between the read that found it damaged and this, another save may have put a good state there.
/// So the check is made on a link of our own, which leads to the same file whatever replaces it
/// meanwhile, and that file is what is kept. If two saves keep one file, the second finds it under
/// the first's name.
pub(crate) fn keep_beside(
    path: &Path,
    folder: &Path,
    damaged: impl Fn(&Path) -> io::Result<bool>,
) -> io::Result<()> {
    for _ in 0..ATTEMPTS {
        // as a temporary file's name, so the next save removes it if this process is killed here
        let linked = make(path, folder, |name| fs::hard_link(path, name));
        let linked = match linked {
            Ok(linked) => linked,
            Err(error) if has_no_links(&error) => return move_beside(path),
            Err(error) => return Err(error),
        };
        if !damaged(linked.path())? {
            // another save may have removed our link as abandoned before it was judged
            if linked.path().exists() {
                return Ok(());
            }
            continue;
        }
        match name_corrupt(path, linked.path()) {
            // the same, after it was judged
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            named => return named,
        }
    }
    Err(io::Error::other("temporary files are removed by others"))
}

/// Whether files cannot have two names here. A missing file and a mount point are other errors.
fn has_no_links(error: &io::Error) -> bool {
    use io::ErrorKind::{CrossesDevices, NotFound, ResourceBusy};
    !matches!(error.kind(), NotFound | CrossesDevices | ResourceBusy)
}

/// Gives the file one of the names of damaged states; the last of them is reused.
fn name_corrupt(path: &Path, linked: &Path) -> io::Result<()> {
    let mut last = PathBuf::new();
    for name in corrupt_names(path) {
        match fs::hard_link(linked, &name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            named => return named,
        }
        if is_same(linked, &name) {
            return Ok(());
        }
        last = name;
    }
    fs::rename(linked, last)
}

/// For file systems where a file has one name only: saves that meet over a damaged file may then
/// move a good one.
fn move_beside(path: &Path) -> io::Result<()> {
    let mut last = PathBuf::new();
    for name in corrupt_names(path) {
        match OpenOptions::new().write(true).create_new(true).open(&name) {
            Ok(_) => {
                let moved = fs::rename(path, &name);
                if moved.is_err() {
                    let _ = fs::remove_file(&name);
                }
                return moved;
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        last = name;
    }
    fs::rename(path, last)
}

#[cfg(unix)]
fn is_same(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |path| fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()));
    matches!((id(one), id(other)), (Ok(one), Ok(other)) if one == other)
}

#[cfg(not(unix))]
fn is_same(_one: &Path, _other: &Path) -> bool {
    false
}

/// Opens a file for reading. It does not wait for a pipe or a device, so that the caller can refuse
/// it.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    options.open(path)
}

enum Lock {
    Ours,
    Others,
    /// This system lacks such locks.
    Unknown,
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
fn lock(file: &File) -> Lock {
    use rustix::fs::{FlockOperation, flock};
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Lock::Ours,
        Err(rustix::io::Errno::WOULDBLOCK) => Lock::Others,
        Err(_) => Lock::Unknown,
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
fn lock(_file: &File) -> Lock {
    Lock::Unknown
}

/// Whether it is still in a folder.
#[cfg(unix)]
fn has_name(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    Ok(file.metadata()?.nlink() > 0)
}

#[cfg(not(unix))]
fn has_name(_file: &File) -> io::Result<bool> {
    Ok(true)
}

#[cfg(test)]
mod tests;
