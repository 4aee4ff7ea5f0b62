//! Reads the lines one after the other, and keeps the calls.

use super::csv::{Csv, Quotes, STRAY};
use super::error::{BadLines, Reason};
use super::fields::{OPTIONS, Parsed};
use super::json::Json;
use super::lines::{Lines, Next};
use super::record::{FARTHEST, KEYS, Record};
use super::{Format, Log, Options};
use std::collections::HashMap;
use std::io::{self, BufRead};
use std::sync::Arc;

enum Body {
    Csv(Box<Csv>),
    Json(Json),
}

pub(super) struct Reading<'o> {
    options: &'o Options,
    lines: u64,
    bad: BadLines,
    known: Vec<String>,
    /// The beginning of the first call of the file.
    base: Option<i64>,
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
                    let json = line.trim_ascii_start().starts_with(b"{");
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
        Ok(())
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
            let (call, key) = columns.parse(&fields, false)?;
            self.add(&call, key)
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
            let (call, key) = self.options.columns.parse(&fields, csv.comma)?;
            self.add(&call, key)
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

    /// `false` if there is no room for the key.
    fn add(&mut self, call: &Parsed, key: Option<&str>) -> Result<bool, String> {
        let base = *self.base.get_or_insert(call.begins);
        let begins = call
            .begins
            .checked_sub(base)
            .filter(|far| far.abs() <= FARTHEST);
        let begins = begins.ok_or("it is more than 4.5 years from the first call of the log")?;
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

#[cfg(test)]
mod tests;
