//! A file that is written whole, or not at all.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Error, ErrorKind, Write};
use std::path::{Path, PathBuf};
use tempfile::{Builder, NamedTempFile};

/// A file to be. It is made beside its place at once, so that a folder that cannot be written to is noticed before
/// the work, and moved there at the end.
pub(crate) struct Output {
    path: PathBuf,
    to: To,
}

enum To {
    /// The file, and the place that it gets.
    Place(NamedTempFile, PathBuf),
    /// What is not a file, such as a pipe, is opened at once too.
    Stream(File),
}

impl Output {
    pub(crate) fn new(path: &Path) -> Result<Output, String> {
        let failed = |error: io::Error| format!("{}: {error}", path.display());
        Ok(Output {
            path: path.to_path_buf(),
            to: To::of(path).map_err(failed)?,
        })
    }

    pub(crate) fn write(self, text: &str) -> Result<(), String> {
        let done = match self.to {
            To::Stream(mut stream) => stream.write_all(text.as_bytes()),
            To::Place(mut file, place) => file
                .write_all(text.as_bytes())
                .and_then(|()| file.persist(place).map(drop).map_err(|error| error.error)),
        };
        done.map_err(|error| format!("{}: {error}", self.path.display()))
    }
}

impl To {
    fn of(path: &Path) -> io::Result<To> {
        if is_standard(path) {
            // it has a result already, and a file that it was sent to would be replaced
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "standard output and standard error are for the results; give a file",
            ));
        }
        match fs::metadata(path) {
            Ok(there) if there.is_dir() => {
                return Err(Error::new(ErrorKind::IsADirectory, "it is a folder"));
            }
            Ok(there) if !there.is_file() => {
                return OpenOptions::new().write(true).open(path).map(To::Stream);
            }
            _ => {}
        }
        let place = target(path)?;
        let folder = folder(&place);
        if !folder.is_dir() {
            let reason = format!("there is no folder {}", folder.display());
            return Err(Error::new(ErrorKind::NotFound, reason));
        }
        Ok(To::Place(builder().tempfile_in(folder)?, place))
    }
}

/// Whether writing to one writes to the other, however their paths are spelled.
pub(crate) fn is_same_file(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| {
        let target = target(path).ok()?;
        let folder = fs::canonicalize(folder(&target)).ok()?;
        Some(folder.join(target.file_name()?))
    };
    one == other || place(one).is_some_and(|one| place(other) == Some(one))
}

/// Follows links, also those to files that there are not.
fn target(path: &Path) -> io::Result<PathBuf> {
    const MOST_LINKS: usize = 40;
    let mut path = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        if let Ok(there) = fs::canonicalize(&path) {
            return Ok(there);
        }
        match fs::read_link(&path) {
            Ok(next) => path = folder(&path).join(next),
            Err(_) => return Ok(path),
        }
    }
    Err(Error::other("the link leads nowhere"))
}

fn folder(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn is_standard(path: &Path) -> bool {
    const NAMES: [&str; 4] = ["/dev/stdout", "/dev/stderr", "/dev/fd/1", "/dev/fd/2"];
    path.as_os_str() == OsStr::new("-") || NAMES.iter().any(|name| path == Path::new(name))
}

/// With the rights of any new file, and not for its owner only.
fn builder() -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    builder.prefix(".tripcoil-lab-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder
}

#[cfg(test)]
mod tests;
