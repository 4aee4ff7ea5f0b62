//! Lines of CSV.

use super::error::Reason;
use super::fields::{Columns, Fields, MANY, OPTIONS};
use super::lines::LONGEST;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};
use std::borrow::Cow;
use std::fmt::Write as _;

/// The most columns of a log.
const MOST_COLUMNS: usize = 4096;

pub(super) struct Csv {
    reader: Reader,
    delimiter: u8,
    /// Where the columns are that are read.
    places: [Option<usize>; MANY],
    width: usize,
    /// Whether numbers may have a comma in place of the point.
    pub(super) comma: bool,
    text: Vec<u8>,
    ends: Vec<usize>,
    fields: usize,
}

/// Where a record is, by its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quotes {
    /// At the beginning of a field.
    Begin,
    /// In a field without quotes.
    Bare,
    /// In a quoted field, which goes on in the next line.
    Open,
    Closed,
    /// A closing quote was followed by neither a delimiter nor the end of the record.
    Stray,
}

pub(super) const STRAY: &str =
    "a closing quote is followed by neither a delimiter nor the line's end";

impl Csv {
    /// Reads the header.
    pub(super) fn new(
        header: &[u8],
        delimiter: Option<u8>,
        columns: &Columns,
    ) -> Result<Csv, Reason> {
        let delimiter = delimiter.unwrap_or_else(|| sniffed(header));
        let mut csv = Csv {
            // a line may have a carriage return in it, and what follows must not be lost
            reader: ReaderBuilder::new()
                .delimiter(delimiter)
                .terminator(Terminator::Any(b'\n'))
                .build(),
            delimiter,
            places: [None; MANY],
            width: 0,
            comma: delimiter == b';',
            text: vec![0; LONGEST + 2],
            ends: vec![0; MOST_COLUMNS + 1],
            fields: 0,
        };
        match csv.quotes(Quotes::Begin, header) {
            Quotes::Open => return Err(Reason::Header("a quote is never closed".into())),
            Quotes::Stray => return Err(Reason::Header(STRAY.into())),
            _ if header.contains(&b'\r') => {
                let reason = "the lines end in a carriage return alone; convert them to line feeds";
                return Err(Reason::Header(reason.into()));
            }
            _ => {}
        }
        if !csv.split(header) {
            let reason = format!("there are more than {MOST_COLUMNS} columns");
            return Err(Reason::Header(reason));
        }
        csv.width = csv.fields;
        let known: Option<Vec<String>> = (0..csv.fields)
            .map(|at| csv.field(at).map(|name| name.trim().to_string()))
            .collect();
        let known = known.ok_or_else(|| Reason::Header("the header is not UTF-8".into()))?;
        if known.iter().all(|name| name.parse::<f64>().is_ok()) {
            return Err(Reason::NoHeader);
        }
        for (at, wanted) in columns.names().into_iter().enumerate() {
            let Some(wanted) = wanted else { continue };
            let place = known.iter().position(|name| name == wanted);
            csv.places[at] = Some(place.ok_or_else(|| Reason::NoColumn {
                option: OPTIONS[at],
                name: wanted.to_string(),
                known: known.clone(),
            })?);
        }
        Ok(csv)
    }

    /// Returns where the record is after these bytes.
    pub(super) fn quotes(&self, before: Quotes, bytes: &[u8]) -> Quotes {
        let mut at = before;
        for byte in bytes {
            at = match (at, *byte) {
                (Quotes::Begin | Quotes::Closed, b'"') => Quotes::Open,
                (Quotes::Open, b'"') => Quotes::Closed,
                (Quotes::Open, _) => Quotes::Open,
                (Quotes::Begin | Quotes::Bare | Quotes::Closed, byte) if byte == self.delimiter => {
                    Quotes::Begin
                }
                (Quotes::Begin | Quotes::Bare, _) => Quotes::Bare,
                (Quotes::Closed | Quotes::Stray, _) => return Quotes::Stray,
            };
        }
        at
    }

    /// Splits a whole record, which may be of several lines. `false` if it has too many fields.
    pub(super) fn split(&mut self, record: &[u8]) -> bool {
        self.reader.reset();
        if self.text.len() < record.len() + 2 {
            self.text.resize(record.len() + 2, 0);
        }
        let (mut written, mut ended) = (0, 0);
        for part in [record, b"\n"] {
            let (result, _, text, ends) =
                self.reader
                    .read_record(part, &mut self.text[written..], &mut self.ends[ended..]);
            written += text;
            ended += ends;
            match result {
                ReadRecordResult::Record => {
                    self.fields = ended;
                    return true;
                }
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull
                | ReadRecordResult::OutputEndsFull
                | ReadRecordResult::End => return false,
            }
        }
        false
    }

    /// Returns the fields of the record that was split.
    pub(super) fn fields(&self) -> Result<Fields<'_>, String> {
        let bytes = |at: usize| self.bytes(at);
        // a delimiter at the end of each line makes a field that the header may not have
        let surplus = (self.width..self.fields).any(|at| !bytes(at).is_empty());
        if self.fields < self.width || surplus {
            let fields = if self.fields == 1 { "field" } else { "fields" };
            let mut reason = format!("{} {fields}", self.fields);
            let _ = write!(reason, ", and the header has {}", self.width);
            return Err(reason);
        }
        let mut fields = Fields::default();
        for (field, place) in fields.iter_mut().zip(self.places) {
            if let Some(at) = place {
                let text = self.field(at).ok_or("it is not UTF-8")?;
                *field = Some(Cow::Borrowed(text));
            }
        }
        Ok(fields)
    }

    fn field(&self, at: usize) -> Option<&str> {
        std::str::from_utf8(self.bytes(at)).ok()
    }

    fn bytes(&self, at: usize) -> &[u8] {
        let from = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[from..self.ends[at]]
    }
}

/// Returns the delimiter that the header has most of, outside of quotes.
fn sniffed(header: &[u8]) -> u8 {
    let mut quoted = false;
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0), (b'|', 0)];
    for byte in header {
        quoted ^= *byte == b'"';
        for (delimiter, count) in &mut counts {
            *count += u32::from(!quoted && byte == delimiter);
        }
    }
    // of equals the first
    let most = counts.iter().rev().max_by_key(|(_, count)| *count);
    most.map_or(b',', |(delimiter, _)| *delimiter)
}
