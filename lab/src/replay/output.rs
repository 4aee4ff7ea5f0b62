//! A file that is written whole, or not at all.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::{Builder, NamedTempFile};

/// A file to be. It is made beside its place at once, so that a folder that cannot be written to is noticed before
/// the work, and moved there at the end.
pub(crate) struct Output {
    path: PathBuf,
    /// `None` for what is not a file, such as a pipe.
    beside: Option<NamedTempFile>,
}

impl Output {
    pub(crate) fn new(path: &Path) -> Result<Output, String> {
        let failed = |error: io::Error| format!("{}: {error}", path.display());
        let beside = match fs::metadata(path) {
            Ok(there) if there.is_dir() => {
                return Err(failed(io::Error::new(
                    io::ErrorKind::IsADirectory,
                    "it is a folder",
                )));
            }
            Ok(there) if !there.is_file() => None,
            _ => {
                let folder = path
                    .parent()
                    .filter(|folder| !folder.as_os_str().is_empty());
                let folder = folder.unwrap_or(Path::new("."));
                if !folder.is_dir() {
                    let reason = format!("there is no folder {}", folder.display());
                    return Err(failed(io::Error::new(io::ErrorKind::NotFound, reason)));
                }
                Some(builder().tempfile_in(folder).map_err(failed)?)
            }
        };
        Ok(Output {
            path: path.to_path_buf(),
            beside,
        })
    }

    pub(crate) fn write(self, text: &str) -> Result<(), String> {
        let done = match self.beside {
            None => fs::write(&self.path, text),
            Some(mut file) => file.write_all(text.as_bytes()).and_then(|()| {
                // it may be a link
                let place = fs::canonicalize(&self.path).unwrap_or(self.path.clone());
                file.persist(place).map(drop).map_err(|error| error.error)
            }),
        };
        done.map_err(|error| format!("{}: {error}", self.path.display()))
    }
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
