//! The columns of a log that are read, and the call that a line's fields make.

use super::Recorded;
use super::record::LONGEST_CALL;
use super::value::{self, Unit, shown};
use std::borrow::Cow;

/// The longest key, in bytes.
const LONGEST_KEY: usize = 256;

/// Which columns are read, and how.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    pub(crate) time: String,
    pub(crate) duration: String,
    /// `None` if an outcome is given in its place.
    pub(crate) status: Option<String>,
    pub(crate) outcome: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) time_unit: Unit,
    pub(crate) duration_unit: Unit,
    /// Whether the time is that of the call's end.
    pub(crate) ends: bool,
    /// Whether statuses are gRPC codes, also if the column's name does not say so.
    pub(crate) grpc: bool,
}

impl Default for Columns {
    fn default() -> Columns {
        Columns {
            time: "time".into(),
            duration: "duration_ms".into(),
            status: Some("status".into()),
            outcome: None,
            key: None,
            time_unit: Unit::Seconds,
            duration_unit: Unit::Milliseconds,
            ends: false,
            grpc: false,
        }
    }
}

/// The columns, in the order of `Fields`.
pub(super) const MANY: usize = 5;
const TIME: usize = 0;
const DURATION: usize = 1;
pub(super) const STATUS: usize = 2;
const OUTCOME: usize = 3;
const KEY: usize = 4;

/// The options that set them.
pub(super) const OPTIONS: [&str; MANY] = ["time", "duration", "status", "outcome", "key"];

/// A line's values; `None` where the line, or the log, has no such column.
pub(super) type Fields<'a> = [Option<Cow<'a, str>>; MANY];

/// A call, as a line has it.
#[derive(Debug, PartialEq)]
pub(super) struct Parsed {
    /// In nanoseconds since 1970, or since the log's zero.
    pub(super) begins: i64,
    pub(super) lasted: u64,
    pub(super) outcome: Recorded,
}

impl Columns {
    pub(super) fn names(&self) -> [Option<&str>; MANY] {
        [
            Some(&self.time),
            Some(&self.duration),
            self.status.as_deref(),
            self.outcome.as_deref(),
            self.key.as_deref(),
        ]
    }

    /// Returns whether the numbers of statuses are gRPC codes.
    pub(super) fn are_grpc_codes(&self) -> bool {
        self.grpc
            || self.status.as_ref().is_some_and(|name| {
                let name = name.to_ascii_lowercase();
                let last = name.rsplit('.').next().unwrap_or(&name);
                name.contains("grpc") && !last.contains("http")
            })
    }

    /// Returns the call, and its key if there is a column of keys.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the line.
    pub(super) fn parse<'a>(
        &self,
        fields: &'a Fields<'_>,
        comma: bool,
    ) -> Result<(Parsed, Option<&'a str>), String> {
        let names = self.names();
        let name = |column: usize| names[column].unwrap_or(OPTIONS[column]);
        let of = |column: usize, reason: String| format!("{}: {reason}", name(column));
        let field = |column: usize| {
            fields[column]
                .as_deref()
                .ok_or_else(|| format!("{} is missing", name(column)))
        };
        let time = value::time(field(TIME)?, self.time_unit, comma).map_err(|r| of(TIME, r))?;
        let outcome = match (names[OUTCOME], names[STATUS]) {
            (Some(_), None) => value::outcome(field(OUTCOME)?).map_err(|r| of(OUTCOME, r))?,
            // an outcome goes before a status, where there are both
            (Some(_), Some(_))
                if fields[OUTCOME]
                    .as_deref()
                    .is_some_and(|o| !o.trim().is_empty()) =>
            {
                value::outcome(field(OUTCOME)?).map_err(|r| of(OUTCOME, r))?
            }
            _ => {
                let read = if self.are_grpc_codes() {
                    value::grpc_status
                } else {
                    value::status
                };
                read(field(STATUS)?).map_err(|r| of(STATUS, r))?
            }
        };
        let lasted = match fields[DURATION].as_deref().map(str::trim) {
            // it was not made
            None | Some("" | "-") if outcome == Recorded::Rejected => 0,
            _ => value::duration(field(DURATION)?, self.duration_unit, comma)
                .map_err(|r| of(DURATION, r))?,
        };
        if lasted > LONGEST_CALL {
            let text = shown(field(DURATION)?);
            return Err(of(
                DURATION,
                format!("{text} is longer than 78 hours; is the unit right?"),
            ));
        }
        let key = match names[KEY] {
            Some(_) => Some(field(KEY)?),
            None => None,
        };
        if let Some(key) = key.filter(|key| key.len() > LONGEST_KEY) {
            return Err(of(
                KEY,
                format!("{} is longer than {LONGEST_KEY} bytes", shown(key)),
            ));
        }
        let begins = if self.ends {
            time - lasted.cast_signed()
        } else {
            time
        };
        let parsed = Parsed {
            begins,
            lasted,
            outcome,
        };
        Ok((parsed, key))
    }
}
