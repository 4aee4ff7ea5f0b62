//! The files beside a saved state: the temporary one that becomes the next state, those that killed
//! processes have left behind, and damaged ones that are kept.
//!
//! *Who owns a temporary file* is told by a lock on it, which the system takes back when the process ends,
//! however it ends. A save locks its own as soon as it has made it; a save that finds another's removes it
//! only while it holds that lock. Between making a file and locking it another save may have come first: then
//! the lock is taken, or the file has no name any more, and a new one is made.

use alloc::format;
use core::time::Duration;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use tempfile::{Builder, NamedTempFile};

/// Temporary files are named `.NAME.XXXXXX.tmp`, after the file whose state they hold.
const SUFFIX: &str = ".tmp";
const RANDOM: usize = 6;
/// How old one has to be where no lock says whether its process lives.
const ABANDONED: Duration = Duration::from_secs(3600);
/// How often making one may meet a save that takes it for abandoned.
const ATTEMPTS: usize = 16;
/// How many damaged states are kept.
const KEPT: u32 = 10;

fn prefix(path: &Path) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push(".");
    prefix
}

/// A new temporary file for that one, which no other save removes.
pub(crate) fn temporary(path: &Path, folder: &Path) -> io::Result<NamedTempFile> {
    for _ in 0..ATTEMPTS {
        let file = Builder::new()
            .prefix(&prefix(path))
            .suffix(SUFFIX)
            .rand_bytes(RANDOM)
            .tempfile_in(folder)?;
        // where there are no locks nobody removes a fresh one
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

/// Removes the temporary files for that one whose processes are gone. What cannot be read or removed stays,
/// and stops nobody.
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

fn is_temporary(name: &[u8], prefix: &OsString) -> bool {
    let random = name
        .strip_prefix(prefix.as_encoded_bytes())
        .and_then(|rest| rest.strip_suffix(SUFFIX.as_bytes()));
    random.is_some_and(|r| r.len() == RANDOM && r.iter().all(u8::is_ascii_alphanumeric))
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

/// Puts what is in that file's place beside it, under a name that nothing has.
pub(crate) fn keep_beside(path: &Path) -> io::Result<()> {
    let kept = reserve(path)?;
    let moved = fs::rename(path, &kept);
    if moved.is_err() {
        let _ = fs::remove_file(&kept);
    }
    moved
}

/// `NAME.corrupt`, or with a number after it; the last of them is used again.
fn reserve(path: &Path) -> io::Result<PathBuf> {
    let named = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(".corrupt");
        if number > 0 {
            name.push(format!(".{number}"));
        }
        PathBuf::from(name)
    };
    for number in 0..KEPT {
        let name = named(number);
        match OpenOptions::new().write(true).create_new(true).open(&name) {
            Ok(_) => return Ok(name),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Ok(named(KEPT - 1))
}

/// Opens a file to be read. A pipe or a device is not waited for, so that what it is can be looked at.
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
    /// There is none here.
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
mod tests {
    use super::*;
    use alloc::string::String;

    #[test]
    fn only_our_own_names_are_taken_for_temporary_files() {
        let of = |name: &str| is_temporary(name.as_bytes(), &prefix(Path::new("/x/db.state")));
        assert!(of(".db.state.a1B2c3.tmp"));
        for other in [
            "db.state",
            "db.state.a1B2c3.tmp",
            ".db.state.tmp",
            ".db.state..tmp",
            ".db.state.a1B2c3",
            ".db.state.a1B2c3.tmp.gz",
            ".db.state.a1B2c.tmp",
            ".db.state.a1B2c3d.tmp",
            ".db.state.a1-2c3.tmp",
            ".db.a1B2c3.tmp",
            ".cache.state.a1B2c3.tmp",
            ".db.state.old.a1B2c3.tmp",
        ] {
            assert!(!of(other), "{other}");
        }
    }

    /// From the moment that it is made to the moment that it is dropped.
    #[test]
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
    fn a_temporary_file_lives_as_long_as_its_save() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("db.state");
        let ours = temporary(&path, folder.path())?;
        remove_abandoned(&path, folder.path());
        assert!(ours.path().exists());
        // as a process leaves it that is killed
        let (file, left) = ours.keep()?;
        remove_abandoned(&path, folder.path());
        assert!(left.exists());
        drop(file);
        remove_abandoned(&path, folder.path());
        assert!(!left.exists());
        Ok(())
    }

    #[test]
    fn what_is_kept_is_not_overwritten_but_for_the_last() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("db.state");
        for n in 0..KEPT + 2 {
            fs::write(&path, format!("{n}"))?;
            keep_beside(&path)?;
            assert!(!path.exists());
        }
        let content =
            |name: &str| -> io::Result<String> { fs::read_to_string(folder.path().join(name)) };
        assert_eq!(content("db.state.corrupt")?, "0");
        assert_eq!(content("db.state.corrupt.1")?, "1");
        assert_eq!(content("db.state.corrupt.8")?, "8");
        assert_eq!(content("db.state.corrupt.9")?, "11");
        // nothing there, nothing kept
        let gone = keep_beside(&folder.path().join("none"));
        assert!(gone.is_err());
        assert!(!folder.path().join("none.corrupt").exists());
        Ok(())
    }
}
