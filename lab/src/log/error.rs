//! Why a log cannot be read, and which of its lines were not.

use std::fmt;
use std::io;

/// How many bad lines are shown with their reasons.
const SHOWN: usize = 5;

/// The bad lines of a log: how many, and the reasons of the first few.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BadLines {
    pub(crate) count: u64,
    /// The line's number, from 1 on, and what is wrong with it.
    pub(crate) first: Vec<(u64, String)>,
}

impl BadLines {
    pub(super) fn add(&mut self, line: u64, reason: String) {
        self.count += 1;
        // a line may turn out to be bad after later ones
        let at = self.first.partition_point(|(first, _)| *first <= line);
        if at < SHOWN {
            self.first.insert(at, (line, reason));
            self.first.truncate(SHOWN);
        }
    }
}

/// Empty if there is no bad line.
impl fmt::Display for BadLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.count == 0 {
            return Ok(());
        }
        let lines = if self.count == 1 { "line" } else { "lines" };
        write!(f, "{} bad {lines}:", self.count)?;
        for (line, reason) in &self.first {
            write!(f, "\n  line {line}: {reason}")?;
        }
        match self.count - self.first.len() as u64 {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

/// A log cannot be read.
#[derive(Debug)]
pub(crate) struct LogError {
    /// The file's name.
    pub(super) log: String,
    pub(super) reason: Reason,
}

#[derive(Debug)]
pub(super) enum Reason {
    Io(io::Error),
    Empty,
    /// It has a header, and nothing else.
    NoCalls,
    Utf16,
    /// JSON that is not one object per line.
    NotLines,
    /// The statuses are numbers as gRPC has them, and were not read as such.
    Codes,
    /// A column is missing: the option that sets it, its name, and those that there are.
    NoColumn {
        option: &'static str,
        name: String,
        known: Vec<String>,
    },
    /// The first line has only numbers.
    NoHeader,
    Header(String),
    TooManyKeys(usize),
    MostAreBad {
        lines: u64,
        bad: BadLines,
        /// What the first JSON line has.
        known: Vec<String>,
        /// What it does not have: the options that set them, and their names.
        missing: Vec<(&'static str, String)>,
    },
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.log)?;
        match &self.reason {
            Reason::Io(error) => error.fmt(f),
            Reason::Empty => f.write_str("the log is empty"),
            Reason::NoCalls => f.write_str("the log has a header and no calls"),
            Reason::Utf16 => f.write_str("the log is in UTF-16; convert it to UTF-8"),
            Reason::NotLines => f.write_str(
                "the log has to be JSON lines: one object per line, without an array around them",
            ),
            Reason::Codes => f.write_str(
                "all statuses are numbers from 0 to 16, as gRPC codes are; add --grpc to read them as such",
            ),
            Reason::NoColumn {
                option,
                name,
                known,
            } => {
                let columns = known.join(", ");
                write!(f, "there is no column {name:?}; the columns are: {columns}")?;
                match suggestion(option, name, known) {
                    Some(meant) => write!(f, "\n  perhaps --{option} {meant}"),
                    None => write!(f, "\n  set it with --{option}"),
                }
            }
            Reason::NoHeader => f.write_str("the first line has to hold the columns' names"),
            Reason::Header(reason) => write!(f, "line 1: {reason}"),
            Reason::TooManyKeys(most) => {
                write!(
                    f,
                    "there are more than {most} keys; is --key the right column?"
                )
            }
            Reason::MostAreBad {
                lines,
                bad,
                known,
                missing,
            } => {
                let (lines, are) = match lines {
                    1 => ("1 line".to_string(), "is"),
                    _ => (format!("{lines} lines"), "are"),
                };
                write!(f, "{} of {lines} {are} bad\n{bad}", bad.count)?;
                if !known.is_empty() {
                    write!(f, "\n  the first line has: {}", known.join(", "))?;
                }
                for (option, name) in missing {
                    if let Some(meant) = suggestion(option, name, known) {
                        write!(f, "\n  perhaps --{option} {meant}")?;
                    }
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for LogError {}

/// Names that other programs use.
const USUAL: [(&str, &[&str]); 5] = [
    (
        "time",
        &[
            "timestamp",
            "@timestamp",
            "ts",
            "start_time",
            "date",
            "datetime",
            "time_local",
            "time_iso8601",
            "msec",
        ],
    ),
    (
        "duration",
        &[
            "duration",
            "latency_ms",
            "latency",
            "request_time",
            "response_time",
            "elapsed_ms",
            "elapsed",
            "took",
            "upstream_response_time",
        ],
    ),
    (
        "status",
        &[
            "status_code",
            "response_code",
            "code",
            "http_status",
            "sc-status",
            "grpc_status",
            "upstream_status",
        ],
    ),
    ("outcome", &["result", "fate", "kind"]),
    (
        "key",
        &[
            "host",
            "upstream",
            "upstream_host",
            "upstream_cluster",
            "service",
            "route",
        ],
    ),
];

/// Returns the column that was probably meant.
fn suggestion<'a>(option: &str, name: &str, known: &'a [String]) -> Option<&'a str> {
    let usual = USUAL.iter().find(|(of, _)| *of == option);
    let usual = usual.map_or(&[] as &[&str], |(_, names)| names);
    let plain = |text: &str| text.to_ascii_lowercase().replace(['-', '.', ' '], "_");
    let last = |text: &str| plain(text.rsplit('.').next().unwrap_or(text));
    let same = |wanted: &str| {
        let whole = known.iter().find(|one| plain(one) == plain(wanted));
        whole.or_else(|| known.iter().find(|one| last(one) == plain(wanted)))
    };
    let near = || {
        let by_distance = known
            .iter()
            .map(|one| (strsim::osa_distance(&plain(one), &plain(name)), one))
            .filter(|(distance, _)| *distance <= 2);
        by_distance
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, one)| one)
    };
    let found = same(name).or_else(near);
    let found = found.or_else(|| usual.iter().find_map(|name| same(name)));
    found.map(String::as_str)
}
