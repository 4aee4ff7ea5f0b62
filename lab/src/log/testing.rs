//! What the tests of the log share.

use super::{Columns, Log, Options, Recorded, Source, read};
use indicatif::ProgressBar;
use tempfile::TempDir;

pub(super) const SECOND: i64 = 1_000_000_000;

pub(super) struct Folder(pub(super) TempDir);

impl Folder {
    pub(super) fn new() -> Folder {
        Folder(tempfile::tempdir().expect("made"))
    }

    pub(super) fn read(&self, name: &str, bytes: &[u8], options: &Options) -> Result<Log, String> {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        let read = read(&Source::new(path), options, &ProgressBar::hidden());
        // the folder's name is of no interest
        let folder = format!("{}/", self.0.path().display());
        read.map_err(|error| error.to_string().replace(&folder, ""))
    }
}

pub(super) fn named(name: &str, text: &str, columns: Columns) -> Result<Log, String> {
    let options = Options {
        columns,
        ..Options::default()
    };
    Folder::new().read(name, text.as_bytes(), &options)
}

pub(super) fn csv(text: &str) -> Result<Log, String> {
    named("a.csv", text, Columns::default())
}

pub(super) fn refused(read: Result<Log, String>) -> String {
    match read {
        Ok(log) => panic!("{} calls were read", log.len()),
        Err(error) => error,
    }
}

/// Beginning, duration in ms, and outcome of each call.
pub(super) fn calls(log: &Log) -> Vec<(i64, u64, Recorded)> {
    log.calls()
        .map(|call| {
            let at = log.begins + call.at.cast_signed();
            (at, call.lasted / 1_000_000, call.outcome)
        })
        .collect()
}
