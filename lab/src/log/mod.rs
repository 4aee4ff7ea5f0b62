//! Logs of calls: CSV or JSON lines, one call per line.
//!
//! `read` gives a [`Log`], which yields calls: by key, and within a key in the order in which they began. A line
//! that cannot be read is counted, with its reason.

mod call;
mod csv;
mod error;
mod fields;
mod json;
mod lines;
mod reading;
mod record;
mod source;
mod value;

pub(crate) use call::{Call, Recorded};
pub(crate) use error::{BadLines, LogError};
pub(crate) use fields::Columns;
pub(crate) use source::Source;
pub(crate) use value::Unit;

use error::Reason;
use indicatif::ProgressBar;
use reading::Reading;
use record::Record;
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    JsonLines,
}

/// How a log is read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// By default by the file's name, or else by its first byte.
    pub(crate) format: Option<Format>,
    /// By default that of `,`, `;`, tab and `|` that the header has most of.
    pub(crate) delimiter: Option<u8>,
    pub(crate) columns: Columns,
}

/// The calls of a log that was read.
pub(crate) struct Log {
    /// The file's name, for texts.
    pub(crate) name: String,
    /// When the first call began: nanoseconds since 1970, or since the log's zero.
    pub(crate) begins: i64,
    /// The lines with a call or with what should be one: all but the header and empty lines.
    pub(crate) lines: u64,
    pub(crate) bad: BadLines,
    keys: Vec<Arc<str>>,
    records: Vec<Record>,
    first: i64,
}

impl Log {
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// Returns whether the log has a column of keys.
    pub(crate) fn has_keys(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Yields the keys with their calls, in the order in which these began. Without a column of keys there is one
    /// key, and it is empty.
    pub(crate) fn by_key(
        &self,
    ) -> impl Iterator<Item = (&str, impl ExactSizeIterator<Item = Call>)> {
        let chunks = self.records.chunk_by(|a, b| a.key() == b.key());
        chunks.map(|records| {
            let key = records
                .first()
                .and_then(|record| self.keys.get(record.key() as usize));
            let calls = records.iter().map(|record| record.call(self.first));
            (key.map_or("", |key| &**key), calls)
        })
    }

    /// Yields all calls: those of one key after those of another.
    pub(crate) fn calls(&self) -> impl Iterator<Item = Call> {
        self.records.iter().map(|record| record.call(self.first))
    }
}

/// Reads a log. `progress` is that of its bytes.
pub(crate) fn read(
    source: &Source,
    options: &Options,
    progress: &ProgressBar,
) -> Result<Log, LogError> {
    let failed = |reason| LogError {
        log: source.name(),
        reason,
    };
    let input = source
        .open(progress)
        .map_err(|error| failed(Reason::Io(error)))?;
    let by_name = match source.extension().as_deref() {
        Some("csv" | "tsv") => Some(Format::Csv),
        Some("jsonl" | "ndjson") => Some(Format::JsonLines),
        _ => None,
    };
    let mut reading = Reading::new(options);
    let done = reading.run(input, options.format.or(by_name));
    done.and_then(|()| reading.log(source.name()))
        .map_err(failed)
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
