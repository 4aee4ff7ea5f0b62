//! Reads the lines one after the other, and keeps the calls.

use super::csv::{Csv, Quotes, STRAY};
use super::error::{BadLines, Reason};
use super::fields::{Fields, OPTIONS, Parsed, STATUS};
use super::json::Json;
use super::lines::{Lines, Next};
use super::record::{FARTHEST, KEYS, Record};
use super::value::small_number;
use super::{Format, Log, Options};
use std::collections::HashMap;
use std::io::{self, BufRead};
use std::sync::Arc;

/// So many calls are kept until it is known what the time is.
const FIRST: usize = 101;

enum Body {
    Csv(Box<Csv>),
    Json(Json),
}

pub(super) struct Reading<'o> {
    options: &'o Options,
    lines: u64,
    bad: BadLines,
    known: Vec<String>,
    /// The beginning that the first calls of the file have at the median: a single one may be wrong.
    base: Option<i64>,
    /// The first calls, with their keys and their lines' numbers.
    waiting: Vec<(Parsed, Option<String>, u64)>,
    codes: Codes,
    keys: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
    records: Vec<Record>,
}

impl<'o> Reading<'o> {
    pub(super) fn new(options: &'o Options) -> Reading<'o> {
        Reading {
            options,
            lines: 0,
            bad: BadLines::default(),
            known: Vec::new(),
            base: None,
            waiting: Vec::new(),
            codes: Codes::default(),
            keys: Vec::new(),
            numbers: HashMap::new(),
            records: Vec::new(),
        }
    }

    pub(super) fn run(
        &mut self,
        input: Box<dyn BufRead>,
        format: Option<Format>,
    ) -> Result<(), Reason> {
        let mut lines = Lines::new(input);
        let mut line = Vec::new();
        let mut body = None;
        loop {
            line.clear();
            match lines.next(&mut line).map_err(Reason::Io)? {
                Next::End => break,
                Next::Line if line.iter().all(u8::is_ascii_whitespace) => continue,
                Next::Line => {}
                Next::TooLong if body.is_none() => {
                    return Err(Reason::Header("it is longer than 65536 bytes".into()));
                }
                other => {
                    self.skipped(lines.number, other);
                    continue;
                }
            }
            let number = lines.number;
            match &mut body {
                None if line.starts_with(b"\xFF\xFE") || line.starts_with(b"\xFE\xFF") => {
                    return Err(Reason::Utf16);
                }
                None => {
                    let trimmed = line.trim_ascii();
                    let json = trimmed.starts_with(b"{");
                    if format != Some(Format::Csv) && (trimmed == b"{" || trimmed.starts_with(b"["))
                    {
                        return Err(Reason::NotLines);
                    }
                    let sniffed = if json { Format::JsonLines } else { Format::Csv };
                    let columns = &self.options.columns;
                    body = Some(match format.unwrap_or(sniffed) {
                        Format::Csv => {
                            Body::Csv(Box::new(Csv::new(&line, self.options.delimiter, columns)?))
                        }
                        Format::JsonLines => {
                            let mut json = Json::new();
                            self.json(&mut json, &line, number)?;
                            Body::Json(json)
                        }
                    });
                }
                Some(Body::Json(json)) => self.json(json, &line, number)?,
                Some(Body::Csv(csv)) => {
                    self.csv(csv, &mut line, &mut lines).map_err(Reason::Io)??
                }
            }
        }
        match body {
            None if self.bad.count > 0 => return Err(self.mostly_bad()),
            None => return Err(Reason::Empty),
            Some(Body::Json(json)) => self.known = json.known,
            Some(Body::Csv(_)) => {}
        }
        self.settle()
    }

    /// A line that could not be read to its end.
    fn skipped(&mut self, number: u64, next: Next) {
        let reason = match next {
            Next::TooLong => "it is longer than 65536 bytes".into(),
            Next::Broken(reason) => {
                format!("the compressed data is cut off or damaged here: {reason}")
            }
            Next::Line | Next::End => return,
        };
        self.lines += 1;
        self.bad.add(number, reason);
    }

    fn json(&mut self, json: &mut Json, line: &[u8], number: u64) -> Result<(), Reason> {
        self.lines += 1;
        let columns = &self.options.columns;
        let added = json.fields(line, columns).and_then(|fields| {
            self.codes.see(&fields);
            let (call, key) = columns.parse(&fields, false)?;
            self.take(call, key, number)
        });
        self.done(added, number)
    }

    /// A record of CSV, which may go on in the next lines.
    fn csv<R: BufRead>(
        &mut self,
        csv: &mut Csv,
        line: &mut Vec<u8>,
        lines: &mut Lines<R>,
    ) -> io::Result<Result<(), Reason>> {
        const MOST_LINES: usize = 64;
        self.lines += 1;
        let number = lines.number;
        let end = line.len();
        let mut joined = 1;
        let mut quotes = csv.quotes(Quotes::Begin, line);
        let whole = loop {
            match quotes {
                Quotes::Open => {}
                Quotes::Stray => break Err(STRAY.to_string()),
                _ => break Ok(()),
            }
            let length = line.len();
            line.push(b'\n');
            let next = if joined < MOST_LINES {
                lines.next(line)?
            } else {
                Next::End
            };
            joined += 1;
            if next != Next::Line {
                line.truncate(length);
                self.skipped(lines.number, next);
                break Err("a quote is never closed".to_string());
            }
            if self.is_a_call(csv, &line[length + 1..]) {
                break Err("a quote is not closed before the next call".to_string());
            }
            quotes = csv.quotes(quotes, &line[length..]);
        };
        let added = whole.and_then(|()| {
            if !csv.split(line) {
                return Err("it has too many fields".to_string());
            }
            let fields = csv.fields()?;
            self.codes.see(&fields);
            let (call, key) = self.options.columns.parse(&fields, csv.comma)?;
            self.take(call, key, number)
        });
        // a stray quote must not cost the lines after it
        if added.is_err() && line.len() > end {
            lines.unread(&line[end + 1..], number + 1);
        }
        Ok(self.done(added, number))
    }

    /// Whether a line would be a call if no quote were open before it.
    fn is_a_call(&self, csv: &mut Csv, line: &[u8]) -> bool {
        use Quotes::{Open, Stray};
        !matches!(csv.quotes(Quotes::Begin, line), Open | Stray)
            && csv.split(line)
            && csv.fields().is_ok_and(|fields| {
                let parsed = self.options.columns.parse(&fields, csv.comma);
                parsed.is_ok()
            })
    }

    /// Adds a call once the base is known. `false` if there is no room for the key.
    fn take(&mut self, call: Parsed, key: Option<&str>, number: u64) -> Result<bool, String> {
        if let Some(base) = self.base {
            return self.add(&call, key, base);
        }
        self.waiting.push((call, key.map(str::to_string), number));
        Ok(true)
    }

    /// Sets the base, and adds the calls that waited for it.
    fn settle(&mut self) -> Result<(), Reason> {
        let mut begins: Vec<i64> = self.waiting.iter().map(|(call, ..)| call.begins).collect();
        begins.sort_unstable();
        let Some(base) = begins.get(begins.len() / 2).copied() else {
            return Ok(());
        };
        self.base = Some(base);
        for (call, key, number) in std::mem::take(&mut self.waiting) {
            let added = self.add(&call, key.as_deref(), base);
            self.count(added, number)?;
        }
        Ok(())
    }

    /// `false` if there is no room for the key.
    fn add(&mut self, call: &Parsed, key: Option<&str>, base: i64) -> Result<bool, String> {
        let begins = call
            .begins
            .checked_sub(base)
            .filter(|far| far.abs() <= FARTHEST);
        let begins = begins.ok_or("it is more than 4.5 years from the first calls of the log")?;
        let key = match key.map(|key| (key, self.numbers.get(key))) {
            None => 0,
            Some((_, Some(number))) => *number,
            Some((_, None)) if self.keys.len() == KEYS => return Ok(false),
            Some((key, None)) => {
                let (key, number) = (Arc::<str>::from(key), self.keys.len() as u32);
                self.keys.push(key.clone());
                self.numbers.insert(key, number);
                number
            }
        };
        self.records
            .push(Record::new(key, begins, call.lasted, call.outcome));
        Ok(true)
    }

    fn done(&mut self, added: Result<bool, String>, number: u64) -> Result<(), Reason> {
        self.count(added, number)?;
        if self.waiting.len() == FIRST {
            self.settle()?;
        }
        Ok(())
    }

    fn count(&mut self, added: Result<bool, String>, number: u64) -> Result<(), Reason> {
        match added {
            Ok(true) => {}
            Ok(false) => return Err(Reason::TooManyKeys(KEYS)),
            Err(reason) => self.bad.add(number, reason),
        }
        Ok(())
    }

    fn mostly_bad(&mut self) -> Reason {
        let known = std::mem::take(&mut self.known);
        let names = OPTIONS.into_iter().zip(self.options.columns.names());
        let missing = names.filter_map(|(option, name)| Some((option, name?.to_string())));
        let missing = missing.filter(|(_, name)| !known.is_empty() && !known.contains(name));
        Reason::MostAreBad {
            missing: missing.collect(),
            lines: self.lines,
            bad: std::mem::take(&mut self.bad),
            known,
        }
    }

    pub(super) fn log(mut self, name: String) -> Result<Log, Reason> {
        if self.lines == 0 {
            return Err(Reason::NoCalls);
        }
        if self.codes.are_all() && !self.options.columns.are_grpc_codes() {
            return Err(Reason::Codes);
        }
        if self.bad.count * 2 > self.lines || self.records.is_empty() {
            return Err(self.mostly_bad());
        }
        // the sort takes memory too
        self.numbers = HashMap::new();
        // stable: of two calls at one time, the one that the log has first
        self.records.sort_by_key(|record| record.order());
        let first = self
            .records
            .iter()
            .map(|record| record.begins())
            .min()
            .unwrap_or(0);
        Ok(Log {
            name,
            begins: self.base.unwrap_or(0) + first,
            lines: self.lines,
            bad: self.bad,
            keys: self.keys,
            records: self.records,
            first,
        })
    }
}

/// Whether all statuses could be gRPC codes, and one or more of them could be nothing else.
#[derive(Default)]
struct Codes {
    some: bool,
    others: bool,
}

impl Codes {
    fn see(&mut self, fields: &Fields<'_>) {
        let Some(status) = fields[STATUS].as_deref().filter(|_| !self.others) else {
            return;
        };
        match small_number(status) {
            // a failed connection, where statuses are those of HTTP
            Some(0) => {}
            Some(1..=16) => self.some = true,
            _ => self.others = !status.trim().is_empty(),
        }
    }

    fn are_all(&self) -> bool {
        self.some && !self.others
    }
}

#[cfg(test)]
mod tests;
