//! Why a saved state could not be loaded or saved.

use crate::saved::report::SavedError;
use core::error::Error;
use core::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What a store was doing when it could not open its file: the contents are then unknown.
pub(crate) const OPEN: &str = "open";

/// Why a [`FileStore`](crate::saved::FileStore) could not load or save a state.
///
/// Each error has the path of the file. The system's error, or the reason why the state was
/// refused, is the [`source`](Error::source), and is not repeated in the text.
///
/// ```
/// use std::error::Error;
/// use tripcoil::saved::{FileStore, StoreError};
///
/// let error = FileStore::new("/no/such/folder/db.state").load().unwrap_err();
/// assert!(matches!(error, StoreError::NoFolder { .. }));
/// assert_eq!(
///     error.to_string(),
///     r#"the folder of the saved state "/no/such/folder/db.state" does not exist"#
/// );
/// assert!(error.source().is_none());
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// The system reported an error.
    #[non_exhaustive]
    Io {
        /// The file of the store.
        path: PathBuf,
        /// What the store was doing: "read", "replace" ...
        action: &'static str,
        /// The system's error.
        error: io::Error,
    },
    /// The folder of the file does not exist, or a file is in its place. This does not mean that
    /// nothing was saved: a volume may not be mounted.
    #[non_exhaustive]
    NoFolder {
        /// The file of the store.
        path: PathBuf,
        /// The system's error if a file is in the folder's place: "not a directory".
        error: Option<io::Error>,
    },
    /// The path leads to a folder, a device, a pipe or a socket, or it cannot be a file's: it is
    /// empty, or ends as a folder's does.
    #[non_exhaustive]
    NotAFile {
        /// The file of the store.
        path: PathBuf,
    },
    /// The file is itself a mount point (usually a single file mounted into a container), and
    /// cannot be replaced. Mount its folder instead.
    #[non_exhaustive]
    MountPoint {
        /// The file of the store.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// The file was read, and its contents were refused. The next save keeps them in a file with
    /// `.corrupt` after its name.
    #[non_exhaustive]
    Refused {
        /// The file of the store.
        path: PathBuf,
        /// Why the contents were refused.
        error: SavedError,
    },
}

impl StoreError {
    pub(crate) fn io(path: &Path, action: &'static str, error: io::Error) -> StoreError {
        StoreError::Io {
            path: path.into(),
            action,
            error,
        }
    }

    /// Returns whether the file could not be opened for a reason that may pass.
    pub(crate) fn is_unopened(&self) -> bool {
        let Self::Io { action, error, .. } = self else {
            return false;
        };
        *action == OPEN && error.kind() != io::ErrorKind::PermissionDenied
    }

    /// For an error of replacing the file by another.
    pub(crate) fn replacing(path: &Path, error: io::Error) -> StoreError {
        use io::ErrorKind::{CrossesDevices, ResourceBusy};
        if matches!(error.kind(), ResourceBusy | CrossesDevices) {
            let path = path.into();
            return StoreError::MountPoint { path, error };
        }
        StoreError::io(path, "replace", error)
    }

    /// Returns the path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Io { path, .. }
            | Self::NoFolder { path, .. }
            | Self::NotAFile { path }
            | Self::MountPoint { path, .. }
            | Self::Refused { path, .. } => path,
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // quoted, since a path may hold anything
        let path = self.path();
        match self {
            Self::Io { action, .. } => write!(f, "could not {action} the saved state {path:?}"),
            Self::NoFolder { .. } => {
                write!(f, "the folder of the saved state {path:?} does not exist")
            }
            Self::NotAFile { .. } => write!(f, "the saved state {path:?} is not a regular file"),
            Self::MountPoint { .. } => write!(
                f,
                "the saved state {path:?} cannot be replaced, it is a mount point of its own: \
                 mount its folder instead"
            ),
            Self::Refused { .. } => write!(f, "the file {path:?} holds no usable state"),
        }
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io { error, .. } | Self::MountPoint { error, .. } => Some(error),
            Self::Refused { error, .. } => Some(error),
            Self::NoFolder { error, .. } => error.as_ref().map(|error| error as _),
            Self::NotAFile { .. } => None,
        }
    }
}

/// For functions that return an [`io::Error`]: it has the system's kind, and this error inside.
impl From<StoreError> for io::Error {
    fn from(error: StoreError) -> io::Error {
        let kind = match &error {
            StoreError::Io { error, .. } | StoreError::MountPoint { error, .. } => error.kind(),
            StoreError::NoFolder { error, .. } => error
                .as_ref()
                .map_or(io::ErrorKind::NotFound, io::Error::kind),
            StoreError::NotAFile { .. } => io::ErrorKind::InvalidInput,
            StoreError::Refused { .. } => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::chain;
    use alloc::string::ToString;

    #[test]
    fn each_names_its_file_and_says_its_cause_once() {
        let path = Path::new("/var/lib/a\nb.state");
        let said = || io::Error::other("said by the system");
        let refused = StoreError::Refused {
            path: path.into(),
            error: SavedError::Foreign,
        };
        let no_folder = |error| StoreError::NoFolder {
            path: path.into(),
            error,
        };
        let causes = [
            (StoreError::io(path, "read", said()), "said by the system"),
            (StoreError::replacing(path, said()), "said by the system"),
            (refused, "not a breaker's state"),
            (no_folder(None), "does not exist"),
            (no_folder(Some(said())), "said by the system"),
            (
                StoreError::NotAFile { path: path.into() },
                "not a regular file",
            ),
        ];
        for (error, cause) in causes {
            let texts = chain(&error);
            assert!(texts[0].contains(r#""/var/lib/a\nb.state""#), "{texts:?}");
            let times = texts.join(": ").matches(cause).count();
            assert_eq!(times, 1, "{texts:?}");
            assert_eq!(error.path(), path);
            // as an error of the system it is no longer
            let as_io = io::Error::from(error);
            assert_eq!(as_io.to_string(), texts[0]);
        }
    }

    /// By either of the ways in which a system says so.
    #[test]
    fn a_mount_point_is_named_as_one() {
        for kind in [io::ErrorKind::ResourceBusy, io::ErrorKind::CrossesDevices] {
            let error = StoreError::replacing(Path::new("db.state"), kind.into());
            assert!(matches!(error, StoreError::MountPoint { .. }), "{error:?}");
            assert!(error.to_string().contains("mount point"));
            assert_eq!(io::Error::from(error).kind(), kind);
        }
        let other = io::ErrorKind::PermissionDenied;
        let error = StoreError::replacing(Path::new("db.state"), other.into());
        assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
    }
}
