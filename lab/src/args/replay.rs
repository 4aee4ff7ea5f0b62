//! The options of `replay` and `advise`.

use crate::advise;
use crate::log::{Columns, Format, Options, Source, Unit};
use crate::replay::{Configuration, Plan, is_same_file};
use lexopt::prelude::*;
use std::path::{Path, PathBuf};

pub(crate) const HELP: &str = "\
Replays a log of calls through breakers, in simulated time: what would they have done?

Usage: tripcoil-lab replay LOG [OPTIONS]

LOG is CSV with a header, or JSON lines; compressed by gzip or not; - is standard input. Each line is a call.
Bad lines are counted and reported.

Breakers:
      --config C         default, adaptive, FILE.toml or NAME=FILE.toml; several with commas, or in
                         several --config (default: default,adaptive)
      --key COLUMN       one breaker per value of the column

Columns (JSON: members, and paths such as http.status):
      --time COLUMN      when the call began: seconds, RFC 3339, or the date of an access log (default: time)
      --duration COLUMN  how long it took (default: duration_ms)
      --status COLUMN    HTTP status, or the name of a gRPC code; empty or 0 is a failed connection
                         (default: status)
      --grpc             numbers in that column are gRPC codes; so they are if its name has grpc in it
      --outcome COLUMN   success, failure, timeout, connect, overload, server, client, data, ignored, cancelled,
                         or rejected, by the breaker that made the log
      --ends             the time is that of the call's end
      --time-unit U      of a time that is a number: s, ms, us or ns (default: s)
      --duration-unit U  of the durations (default: ms)
      --format F         csv or jsonl (default: by the name, or else by the first byte)
      --delimiter C      one character, or tab (default: by the header)

Results:
      --html FILE        writes one page, with everything in it
      --json FILE        writes the same data
      --threads N        threads (default: as many as there are CPUs)
  -h, --help             print this

The outcomes of the log do not react to rejections: no relief for an overloaded dependency, and no retries.
";

pub(crate) const ADVISE_HELP: &str = "\
Advises on settings for the traffic of a log.

Usage: tripcoil-lab advise LOG [OPTIONS] > breaker.toml

Standard output gets the settings as TOML, ready to use, with the false trips per day and the time to see an outage
that are expected of them. Standard error gets the reasons, and what the settings would have done on this log.

      --config C         the settings to judge: default, adaptive, FILE.toml or NAME=FILE.toml (default: default)
      --key COLUMN       one breaker per value of the column; the one with the most calls is judged
      --json FILE        writes the advice as JSON
      --threads N        threads (default: as many as there are CPUs)
  -h, --help             print this

The log, and the options for its columns, are those of replay: tripcoil-lab replay --help.
";

/// The options that only these two take.
pub(super) const OPTIONS: [&str; 13] = [
    "config",
    "key",
    "time",
    "duration",
    "status",
    "outcome",
    "ends",
    "grpc",
    "time-unit",
    "duration-unit",
    "format",
    "delimiter",
    "html",
];

/// What was given of them.
#[derive(Debug, Default)]
pub(super) struct Replay {
    columns: Columns,
    /// Whether `--status` was given.
    status: bool,
    format: Option<Format>,
    delimiter: Option<u8>,
    configurations: Vec<Configuration>,
    /// Those that configurations were read from.
    files: Vec<PathBuf>,
    html: Option<PathBuf>,
}

impl Replay {
    /// Takes the value of one of `OPTIONS`.
    pub(super) fn take(
        &mut self,
        option: &str,
        parser: &mut lexopt::Parser,
    ) -> Result<(), lexopt::Error> {
        match option {
            "ends" => {
                self.columns.ends = true;
                return Ok(());
            }
            "grpc" => {
                self.columns.grpc = true;
                return Ok(());
            }
            _ => {}
        }
        let value = parser.value()?;
        if option == "html" {
            self.html = Some(value.into());
            return Ok(());
        }
        let columns = &mut self.columns;
        match option {
            "config" => {
                let text = value.string()?;
                // a file's name may have a comma
                let file = text.split_once('=').map_or(text.as_str(), |(_, file)| file);
                let one = Path::new(file).exists() || Path::new(&text).exists();
                let each: Vec<&str> = if one {
                    vec![&text]
                } else {
                    text.split(',').collect()
                };
                for text in each {
                    self.add(Configuration::parse(text)?)?;
                }
            }
            "time-unit" => columns.time_unit = value.parse_with(Unit::parse)?,
            "duration-unit" => columns.duration_unit = value.parse_with(Unit::parse)?,
            "format" => {
                self.format = Some(value.parse_with(|text| match text {
                    "csv" => Ok(Format::Csv),
                    "jsonl" | "ndjson" => Ok(Format::JsonLines),
                    other => Err(format!("--format: {other:?} is neither csv nor jsonl")),
                })?);
            }
            "delimiter" => self.delimiter = Some(value.parse_with(delimiter)?),
            "time" => columns.time = value.string()?,
            "duration" => columns.duration = value.string()?,
            "status" => {
                columns.status = Some(value.string()?);
                self.status = true;
            }
            "outcome" => columns.outcome = Some(value.string()?),
            _ => columns.key = Some(value.string()?),
        }
        Ok(())
    }

    fn add(&mut self, configuration: Configuration) -> Result<(), String> {
        let name = &configuration.name;
        if self.configurations.iter().any(|one| one.name == *name) {
            return Err(format!(
                "--config: there is a configuration {name:?} already; NAME=FILE renames one"
            ));
        }
        self.files.extend(configuration.file.clone());
        self.configurations.push(configuration);
        Ok(())
    }

    /// Refuses to write over the log, a configuration, or the other output.
    fn want_files_of_their_own(&self, log: &str, json: Option<&Path>) -> Result<(), String> {
        let outputs = [("html", self.html.as_deref()), ("json", json)];
        for (option, file) in outputs {
            let Some(file) = file else { continue };
            if log != "-" && is_same_file(file, Path::new(log)) {
                return Err(format!("--{option}: {} is the log itself", file.display()));
            }
            if let Some(read) = self.files.iter().find(|read| is_same_file(file, read)) {
                let (file, read) = (file.display(), read.display());
                return Err(format!("--{option}: {file} is the --config file {read}"));
            }
        }
        match outputs {
            [(_, Some(html)), (_, Some(json))] if is_same_file(html, json) => {
                Err("--html and --json want different files".into())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn plan(
        mut self,
        log: &str,
        json: Option<PathBuf>,
        threads: usize,
    ) -> Result<Plan, lexopt::Error> {
        if self.columns.outcome.is_some() && !self.status {
            self.columns.status = None;
        }
        if self.configurations.is_empty() {
            for name in ["default", "adaptive"] {
                self.configurations.push(Configuration::parse(name)?);
            }
        }
        if self.columns.grpc && self.columns.status.is_none() {
            return Err("--grpc is for a column of statuses, and there is only --outcome".into());
        }
        self.want_files_of_their_own(log, json.as_deref())?;
        Ok(Plan {
            source: Source::new(log.into()),
            options: Options {
                format: self.format,
                delimiter: self.delimiter,
                columns: self.columns,
            },
            configurations: self.configurations,
            html: self.html,
            json,
            threads,
        })
    }
}

impl Replay {
    pub(super) fn advise(
        mut self,
        log: &str,
        json: Option<PathBuf>,
        threads: usize,
    ) -> Result<advise::Plan, lexopt::Error> {
        if self.configurations.is_empty() {
            self.configurations.push(Configuration::parse("default")?);
        }
        let [_] = self.configurations.as_slice() else {
            return Err("advise judges one --config".into());
        };
        let plan = self.plan(log, json, threads)?;
        let Some(configuration) = plan.configurations.into_iter().next() else {
            unreachable!("there is one");
        };
        Ok(advise::Plan {
            source: plan.source,
            options: plan.options,
            configuration,
            json: plan.json,
            threads,
        })
    }
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        _ if text == "tab" || text == "\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => Ok(*byte),
        _ => Err(format!(
            "--delimiter: {text:?} is neither one ASCII character nor tab"
        )),
    }
}

#[cfg(test)]
mod tests;
