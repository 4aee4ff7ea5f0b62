//! The lines of a log, of a bounded length each.

use memchr::memchr;
use std::io::{self, BufRead, ErrorKind};

/// The longest line, in bytes. What is longer is skipped, and never held in memory.
pub(super) const LONGEST: usize = 1 << 16;

/// What the next line is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A line, which is in the buffer.
    Line,
    TooLong,
    /// The compressed data is broken here: the reason.
    Broken(String),
    End,
}

pub(super) struct Lines<R> {
    input: R,
    /// Lines that are read once more.
    again: Vec<u8>,
    /// How far they have been read.
    read: usize,
    /// The number of the last line before they were.
    before: u64,
    /// The number of the last line, from 1 on.
    pub(super) number: u64,
    begun: bool,
    broken: bool,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Lines<R> {
        Lines {
            input,
            again: Vec::new(),
            read: 0,
            before: 0,
            number: 0,
            begun: false,
            broken: false,
        }
    }

    /// Appends the next line to the buffer, without its end.
    pub(super) fn next(&mut self, line: &mut Vec<u8>) -> io::Result<Next> {
        let from = line.len();
        let next = if self.read < self.again.len() {
            self.next_again(line)
        } else {
            self.number = self.number.max(self.before);
            self.next_of_input(line)?
        };
        if next != Next::End {
            self.number += 1;
        }
        if !self.begun && line[from..].starts_with(b"\xEF\xBB\xBF") {
            line.drain(from..from + 3);
        }
        self.begun = true;
        if line[from..].ends_with(b"\r") {
            line.pop();
        }
        Ok(next)
    }

    /// Has these lines read once more, of which the first has this number.
    pub(super) fn unread(&mut self, lines: &[u8], number: u64) {
        if self.read >= self.again.len() {
            self.before = self.number;
        }
        let rest = self.again.split_off(self.read.min(self.again.len()));
        self.again.clear();
        self.again.extend_from_slice(lines);
        self.again.push(b'\n');
        self.again.extend(rest);
        self.read = 0;
        self.number = number - 1;
    }

    fn next_again(&mut self, line: &mut Vec<u8>) -> Next {
        let rest = &self.again[self.read..];
        let end = memchr(b'\n', rest).unwrap_or(rest.len());
        line.extend_from_slice(&rest[..end]);
        self.read += end + 1;
        Next::Line
    }

    fn next_of_input(&mut self, line: &mut Vec<u8>) -> io::Result<Next> {
        if self.broken {
            return Ok(Next::End);
        }
        let from = line.len();
        let (mut any, mut too_long) = (false, false);
        loop {
            let part = match self.input.fill_buf() {
                Ok(part) => part,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if is_of_the_data(&error) => {
                    self.broken = true;
                    line.truncate(from);
                    return Ok(Next::Broken(error.to_string()));
                }
                Err(error) => return Err(error),
            };
            let end = memchr(b'\n', part);
            let taken = end.unwrap_or(part.len());
            any |= !part.is_empty();
            if !any {
                return Ok(Next::End);
            }
            if line.len() - from + taken > LONGEST {
                line.truncate(from);
                too_long = true;
            }
            if !too_long {
                line.extend_from_slice(&part[..taken]);
            }
            let over = end.is_some() || part.is_empty();
            let used = taken + usize::from(end.is_some());
            self.input.consume(used);
            if over {
                return Ok(if too_long { Next::TooLong } else { Next::Line });
            }
        }
    }
}

/// Whether the compressed data is at fault, and not its device.
fn is_of_the_data(error: &io::Error) -> bool {
    use ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof)
}
