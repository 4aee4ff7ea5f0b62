//! A saved state as bytes.
//!
//! ```text
//! envelope   magic "TRIPCOIL" | version u32 | length of the body u32 | body | CRC-32 of all before
//! body       name, saved_at, state, lasted, left, generation, openings, run, standing, would_trip,
//!            totals (7), kinds (9), rejections (3), window | from version 2 on: extras
//! window     0, width, into, number of buckets, calls failures slow of each
//!          | 1, size, number of outcomes, their bits: failed, slow, four outcomes a byte
//! extras     which of these follow: 1 round, 2 opening, 4 outage, 8 pace, 16 down, 32 longest,
//!            64 lenient
//! round      succeeded, failed, slow, cancelled, over (1 timed out, 2 given up, else 0)
//! opening    its cause
//! outage     generation, cause, at, calls, failures, slow, run
//! pace       calls per second, in 2^-16
//! down       since when, in milliseconds before it was saved
//! longest    the longest success of late, in nanoseconds
//! lenient    the eighths of the run, number of buckets, lenient failures of each
//! ```
//!
//! Version 2 is written; both are read.
//!
//! The envelope's integers are little-endian, and the envelope is the same in every version, so
//! that a later version is not mistaken for damage. The body's integers are LEB128. A text is its
//! length and its UTF-8.

use crate::config::validate::{MAX_BUCKETS, MAX_COUNT};
use crate::engine::sums::Totals;
use crate::saved::report::SavedError;
use crate::saved::state::{Counted, Kept, Outage, Parts, Saving, Standing};
use crate::sync::pack::Pack;
use crate::words::control::{code, state_of};
use crate::words::outcome::{Cause, Counts, FailureKind};
use alloc::string::String;
use alloc::vec::Vec;

const MAGIC: &[u8; 8] = b"TRIPCOIL";
/// What is written.
pub(crate) const VERSION: u32 = 2;
/// Without a round, the cause of an opening, and the last outage.
pub(crate) const FIRST: u32 = 1;
const HEAD: usize = MAGIC.len() + 4 + 4;
const CHECKSUM: usize = 4;

pub(crate) fn encode(s: &Saving) -> Vec<u8> {
    let body = body_of(s, VERSION);
    let mut bytes = Vec::with_capacity(HEAD + body.len() + CHECKSUM);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    // a name of 4 GiB is cut short, and refused when it is read
    bytes.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend_from_slice(&body);
    let checksum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

/// Of the body alone, for the form that has no envelope.
#[cfg(feature = "serde")]
pub(crate) fn checksum(s: &Saving, version: u32) -> u32 {
    crc32fast::hash(&body_of(s, version))
}

/// Uses nothing of `bytes` before the checksum was verified, and no value of the body unchecked.
pub(crate) fn decode(bytes: &[u8]) -> Result<Saving, SavedError> {
    let begun = bytes.len().min(MAGIC.len());
    if bytes[..begun] != MAGIC[..begun] {
        return Err(SavedError::Foreign);
    }
    let word = |at: usize| {
        let bytes = bytes.get(at..at + 4).and_then(|b| b.try_into().ok());
        bytes.map(u32::from_le_bytes).ok_or(SavedError::Truncated)
    };
    let version = word(MAGIC.len())?;
    let length = word(MAGIC.len() + 4)? as usize;
    let end = HEAD.checked_add(length).ok_or(SavedError::Damaged)?;
    let rest = bytes.len().checked_sub(HEAD + CHECKSUM);
    match rest.ok_or(SavedError::Truncated)? {
        there if there < length => return Err(SavedError::Truncated),
        there if there > length => return Err(SavedError::Damaged),
        _ => {}
    }
    if word(end)? != crc32fast::hash(&bytes[..end]) {
        return Err(SavedError::Damaged);
    }
    if !(FIRST..=VERSION).contains(&version) {
        return Err(SavedError::Version(version));
    }
    let mut body = Reader(&bytes[HEAD..end]);
    let saving = body.saving(version).ok_or(SavedError::Damaged)?;
    if !body.0.is_empty() {
        return Err(SavedError::Damaged);
    }
    saving.check()?;
    Ok(saving)
}

fn body_of(s: &Saving, version: u32) -> Vec<u8> {
    let mut w = Writer(Vec::new());
    w.number(s.name.len() as u64);
    w.0.extend_from_slice(s.name.as_bytes());
    w.numbers([s.saved_at, code(s.state), s.lasted, s.left, s.generation]);
    w.numbers([s.openings, s.run, s.standing.bits(), s.would_trip]);
    let t = &s.totals;
    w.numbers([t.successes, t.failures, t.slow]);
    w.numbers([t.rejected, t.late, t.ignored, t.cancelled]);
    w.numbers(s.kinds);
    w.numbers(s.rejections);
    match &s.window {
        Kept::Time {
            width,
            into,
            buckets,
        } => {
            w.numbers([0, *width, *into, buckets.len() as u64]);
            for b in buckets {
                w.numbers([b.calls, b.failures, b.slow]);
            }
        }
        Kept::Count { size, outcomes } => {
            w.numbers([1, *size, outcomes.len() as u64]);
            for four in outcomes.chunks(4) {
                let bits = |(failed, slow): (bool, bool)| u8::from(failed) | u8::from(slow) << 1;
                let byte = (0..).zip(four).map(|(i, o)| bits(*o) << (2 * i));
                w.0.push(byte.fold(0, |all, bits| all | bits));
            }
        }
    }
    if version > FIRST {
        w.extras(s);
    }
    w.0
}

/// The bits of what follows the window.
const ROUND: u64 = 1;
const OPENING: u64 = 2;
const OUTAGE: u64 = 4;
const PACE: u64 = 8;
const DOWN: u64 = 16;
const LONGEST: u64 = 32;
const LENIENT: u64 = 64;
const LIMITED: u64 = 128;

struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, mut n: u64) {
        while n > 0x7F {
            self.0.push(n as u8 | 0x80);
            n >>= 7;
        }
        self.0.push(n as u8);
    }

    fn numbers<const N: usize>(&mut self, all: [u64; N]) {
        all.into_iter().for_each(|n| self.number(n));
    }

    fn extras(&mut self, s: &Saving) {
        let bit = |there: bool, bit| if there { bit } else { 0 };
        self.number(
            bit(s.round.is_some(), ROUND)
                | bit(s.opening.is_some(), OPENING)
                | bit(s.outage.is_some(), OUTAGE)
                | bit(s.pace.is_some(), PACE)
                | bit(s.down.is_some(), DOWN)
                | bit(s.longest.is_some(), LONGEST)
                | bit(s.lenient.is_some(), LENIENT)
                | bit(s.limited.is_some(), LIMITED),
        );
        if let Some(r) = s.round {
            self.numbers([r.succeeded, r.failed, r.slow, r.cancelled]);
            self.number(u64::from(r.timed_out) | u64::from(r.given_up) << 1);
        }
        if let Some(cause) = s.opening {
            self.number(cause.pack());
        }
        if let Some(o) = s.outage {
            self.numbers([o.generation, o.cause.pack(), o.at]);
            self.numbers([o.counts.calls, o.counts.failures, o.counts.slow, o.run]);
        }
        if let Some(pace) = s.pace {
            self.number(pace);
        }
        if let Some(down) = s.down {
            self.number(down);
        }
        if let Some(longest) = s.longest {
            self.number(longest);
        }
        if let Some(lenient) = &s.lenient {
            self.numbers([lenient.eighths, lenient.buckets.len() as u64]);
            lenient.buckets.iter().for_each(|n| self.number(*n));
        }
        if let Some(limited) = s.limited {
            self.number(limited);
        }
    }
}

fn within(n: u64, most: u32) -> Option<u64> {
    (n <= u64::from(most)).then_some(n)
}

/// All of its methods return `None` if the body does not have this shape.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(n).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        let mut n = 0u64;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.take(1)?[0];
            let bits = u64::from(byte & 0x7F);
            if bits << shift >> shift != bits {
                return None;
            }
            n |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(n);
            }
        }
        None
    }

    fn numbers<const N: usize>(&mut self) -> Option<[u64; N]> {
        let mut all = [0; N];
        for n in &mut all {
            *n = self.number()?;
        }
        Some(all)
    }

    fn saving(&mut self, version: u32) -> Option<Saving> {
        let length = self.number()?;
        let name = core::str::from_utf8(self.take(length)?).ok()?;
        let [saved_at, state, lasted, left, generation] = self.numbers()?;
        let [openings, run, standing, would_trip] = self.numbers()?;
        let [successes, failures, slow] = self.numbers()?;
        let [rejected, late, ignored, cancelled] = self.numbers()?;
        let kinds = self.numbers::<{ FailureKind::SLOTS }>()?;
        let rejections = self.numbers()?;
        let saving = Saving {
            name: String::from(name),
            saved_at,
            // a code that no state has is another state's too, but not written so
            state: Some(state_of(state)).filter(|s| code(*s) == state)?,
            lasted,
            left,
            generation,
            openings,
            run,
            standing: Some(Standing::from_bits(standing)).filter(|s| s.bits() == standing)?,
            would_trip,
            totals: Totals {
                successes,
                failures,
                slow,
                rejected,
                late,
                ignored,
                cancelled,
            },
            kinds,
            rejections,
            window: self.window()?,
            round: None,
            opening: None,
            outage: None,
            pace: None,
            down: None,
            longest: None,
            lenient: None,
            limited: None,
        };
        if version > FIRST {
            self.extras(saving)
        } else {
            Some(saving)
        }
    }

    fn extras(&mut self, plain: Saving) -> Option<Saving> {
        let extras = self.number()?;
        const ALL: u64 = 2 * LIMITED - 1;
        if extras & !ALL != 0 {
            return None;
        }
        // a value that is not there, or one that cannot be read
        fn part<T>(there: u64, read: impl FnOnce() -> Option<T>) -> Option<Option<T>> {
            if there == 0 {
                Some(None)
            } else {
                read().map(Some)
            }
        }
        Some(Saving {
            round: part(extras & ROUND, || self.round())?,
            opening: part(extras & OPENING, || self.cause())?,
            outage: part(extras & OUTAGE, || self.outage())?,
            pace: part(extras & PACE, || self.number())?,
            down: part(extras & DOWN, || self.number())?,
            longest: part(extras & LONGEST, || self.number())?,
            lenient: part(extras & LENIENT, || self.lenient())?,
            limited: part(extras & LIMITED, || self.number())?,
            ..plain
        })
    }

    fn round(&mut self) -> Option<Counted> {
        let [succeeded, failed, slow, cancelled, over] = self.numbers()?;
        if over > 2 {
            return None;
        }
        Some(Counted {
            succeeded,
            failed,
            slow,
            cancelled,
            timed_out: over == 1,
            given_up: over == 2,
        })
    }

    fn cause(&mut self) -> Option<Cause> {
        let bits = self.number()?;
        Some(Cause::unpack(bits)).filter(|cause| cause.pack() == bits)
    }

    fn outage(&mut self) -> Option<Outage> {
        let generation = self.number()?;
        let cause = self.cause()?;
        let [at, calls, failures, slow, run] = self.numbers()?;
        Some(Outage {
            generation,
            cause,
            at,
            counts: Counts::new(calls, failures, slow),
            run,
        })
    }

    fn lenient(&mut self) -> Option<Parts> {
        let [eighths, number] = self.numbers()?;
        let number = within(number, MAX_BUCKETS)?;
        Some(Parts {
            eighths,
            buckets: (0..number).map(|_| self.number()).collect::<Option<_>>()?,
        })
    }

    fn window(&mut self) -> Option<Kept> {
        match self.number()? {
            0 => {
                let [width, into, number] = self.numbers()?;
                let one = |r: &mut Self| {
                    let [calls, failures, slow] = r.numbers()?;
                    Some(Counts::new(calls, failures, slow))
                };
                let number = within(number, MAX_BUCKETS)?;
                let buckets = (0..number).map(|_| one(self)).collect::<Option<_>>()?;
                Some(Kept::Time {
                    width,
                    into,
                    buckets,
                })
            }
            1 => {
                let [size, number] = self.numbers()?;
                let number = within(number, MAX_COUNT)?;
                let bytes = self.take(number.div_ceil(4))?;
                let bit = |i: u64, n: u64| bytes[(i / 4) as usize] >> (i % 4 * 2 + n) & 1 == 1;
                let outcomes = (0..number).map(|i| (bit(i, 0), bit(i, 1))).collect();
                Some(Kept::Count { size, outcomes })
            }
            _ => None,
        }
    }
}
