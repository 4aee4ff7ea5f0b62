//! Where a log comes from: a file or standard input, compressed or not.

use flate2::bufread::MultiGzDecoder;
use indicatif::ProgressBar;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

const BUFFER: usize = 1 << 16;

/// A log, before it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    File(PathBuf),
    StandardInput,
}

impl Source {
    /// `-` is standard input.
    pub(crate) fn new(path: PathBuf) -> Source {
        if path.as_os_str() == "-" {
            Source::StandardInput
        } else {
            Source::File(path)
        }
    }

    /// Returns the name for texts.
    pub(crate) fn name(&self) -> String {
        match self {
            Source::File(path) => path.display().to_string(),
            Source::StandardInput => "standard input".into(),
        }
    }

    /// Returns the extension, without that of compression, in lower case.
    pub(super) fn extension(&self) -> Option<String> {
        let Source::File(path) = self else {
            return None;
        };
        let gz = path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
        let path = if gz {
            path.file_stem().map(Path::new)?
        } else {
            path
        };
        Some(path.extension()?.to_str()?.to_ascii_lowercase())
    }

    /// Opens it; what is compressed is decompressed.
    pub(super) fn open(&self, progress: &ProgressBar) -> io::Result<Box<dyn BufRead>> {
        match self {
            Source::File(path) => {
                let file = File::open(path)?;
                let about = file.metadata()?;
                if about.is_dir() {
                    return Err(io::Error::new(
                        io::ErrorKind::IsADirectory,
                        "it is a folder",
                    ));
                }
                if about.is_file() {
                    progress.set_length(about.len());
                }
                decompressed(progress.wrap_read(file))
            }
            Source::StandardInput => decompressed(progress.wrap_read(io::stdin())),
        }
    }
}

/// By the first two bytes.
fn decompressed<R: Read + 'static>(mut input: R) -> io::Result<Box<dyn BufRead>> {
    let mut head = Vec::with_capacity(2);
    input.by_ref().take(2).read_to_end(&mut head)?;
    let compressed = head == [0x1F, 0x8B];
    let whole = BufReader::with_capacity(BUFFER, Cursor::new(head).chain(input));
    Ok(if compressed {
        // all members: logs are compressed in parts, and put together
        Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(whole)))
    } else {
        Box::new(whole)
    })
}

#[cfg(test)]
mod tests;
