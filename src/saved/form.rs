//! A saved state in serde's formats: the same values by name, with the checksum of the bytes.
//!
//! Formats that are not self-describing can read it too. There the values follow each other, and
//! the version, which comes first, gives their number. The values that version 2 added are last.

use crate::config::files::words::{Found, Value};
use crate::engine::sums::Totals;
use crate::saved::bytes::{FIRST, VERSION, checksum};
use crate::saved::report::SavedError;
use crate::saved::state::{Counted, Kept, Outage, Parts, Saving, Standing};
use crate::saved::value::Saved;
use crate::words::names::Named;
use crate::words::outcome::{Cause, Counts, State};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{
    DeserializeSeed, Error, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
#[serde(rename = "Saved")]
struct Form {
    #[serde(deserialize_with = "version")]
    version: u32,
    name: String,
    saved_at: u64,
    state: String,
    lasted: u64,
    left: u64,
    generation: u64,
    openings: u64,
    run: u64,
    standing: u64,
    would_trip: u64,
    #[serde(with = "TotalsForm")]
    totals: Totals,
    kinds: [u64; 9],
    rejections: [u64; 3],
    window: WindowForm,
    checksum: u32,
    #[serde(default)]
    round: Option<RoundForm>,
    #[serde(default)]
    opening: Option<String>,
    #[serde(default)]
    outage: Option<OutageForm>,
    #[serde(default)]
    pace: Option<u64>,
    #[serde(default)]
    down: Option<u64>,
    #[serde(default)]
    longest: Option<u64>,
    #[serde(default)]
    lenient: Option<PartsForm>,
    #[serde(default)]
    limited: Option<u64>,
}

/// In their order.
const FIELDS: &[&str] = &[
    "version",
    "name",
    "saved_at",
    "state",
    "lasted",
    "left",
    "generation",
    "openings",
    "run",
    "standing",
    "would_trip",
    "totals",
    "kinds",
    "rejections",
    "window",
    "checksum",
    "round",
    "opening",
    "outage",
    "pace",
    "down",
    "longest",
    "lenient",
    "limited",
];
/// How many of them version 1 has.
const FIELDS_OF_FIRST: usize = 16;

#[derive(Serialize, Deserialize)]
struct RoundForm {
    succeeded: u64,
    failed: u64,
    slow: u64,
    cancelled: u64,
    timed_out: bool,
    given_up: bool,
}

#[derive(Serialize, Deserialize)]
struct PartsForm {
    eighths: u64,
    buckets: Vec<u64>,
}

#[derive(Serialize, Deserialize)]
struct OutageForm {
    generation: u64,
    cause: String,
    at: u64,
    /// Calls, failures, slow.
    counts: [u64; 3],
    run: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Totals")]
struct TotalsForm {
    successes: u64,
    failures: u64,
    slow: u64,
    rejected: u64,
    late: u64,
    ignored: u64,
    cancelled: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WindowForm {
    Time {
        width: u64,
        into: u64,
        /// Calls, failures, slow.
        buckets: Vec<[u64; 3]>,
    },
    Count {
        size: u64,
        /// One letter per outcome.
        outcomes: String,
    },
}

/// For a success, a failure, a slow success and a slow failure.
const LETTERS: [char; 4] = ['.', 'f', 's', 'F'];

/// Checked first, because the rest depends on it.
fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        version @ FIRST..=VERSION => Ok(version),
        version => Err(D::Error::custom(SavedError::Version(version))),
    }
}

impl Serialize for Saved {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let s = &self.0;
        let form = Form {
            version: VERSION,
            name: s.name.clone(),
            saved_at: s.saved_at,
            state: s.state.as_str().into(),
            lasted: s.lasted,
            left: s.left,
            generation: s.generation,
            openings: s.openings,
            run: s.run,
            standing: s.standing.bits(),
            would_trip: s.would_trip,
            totals: s.totals,
            kinds: s.kinds,
            rejections: s.rejections,
            window: match &s.window {
                Kept::Time {
                    width,
                    into,
                    buckets,
                } => WindowForm::Time {
                    width: *width,
                    into: *into,
                    buckets: buckets
                        .iter()
                        .map(|b| [b.calls, b.failures, b.slow])
                        .collect(),
                },
                Kept::Count { size, outcomes } => {
                    let letter = |(failed, slow): &(bool, bool)| {
                        LETTERS[usize::from(*failed) + 2 * usize::from(*slow)]
                    };
                    WindowForm::Count {
                        size: *size,
                        outcomes: outcomes.iter().map(letter).collect(),
                    }
                }
            },
            checksum: checksum(s, VERSION),
            round: s.round.map(|r| RoundForm {
                succeeded: r.succeeded,
                failed: r.failed,
                slow: r.slow,
                cancelled: r.cancelled,
                timed_out: r.timed_out,
                given_up: r.given_up,
            }),
            opening: s.opening.map(|cause| cause.as_str().into()),
            outage: s.outage.map(|o| OutageForm {
                generation: o.generation,
                cause: o.cause.as_str().into(),
                at: o.at,
                counts: [o.counts.calls, o.counts.failures, o.counts.slow],
                run: o.run,
            }),
            pace: s.pace,
            down: s.down,
            longest: s.longest,
            lenient: s.lenient.clone().map(|parts| PartsForm {
                eighths: parts.eighths,
                buckets: parts.buckets,
            }),
            limited: s.limited,
        };
        form.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Saved {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Saved, D::Error> {
        let form = deserializer.deserialize_struct("Saved", FIELDS, AnyVersion)?;
        let (version, sum) = (form.version, form.checksum);
        let saving = form.saving::<D::Error>()?;
        if checksum(&saving, version) != sum {
            return Err(D::Error::custom(SavedError::Damaged));
        }
        saving.check().map_err(D::Error::custom)?;
        Ok(Saved(saving))
    }
}

struct AnyVersion;

impl<'de> Visitor<'de> for AnyVersion {
    type Value = Form;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a breaker's saved state")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Form, A::Error> {
        Form::deserialize(MapAccessDeserializer::new(map))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Form, A::Error> {
        let Some(version) = seq.next_element::<u32>()? else {
            return Err(A::Error::invalid_length(0, &self));
        };
        let fields = match version {
            FIRST => FIELDS_OF_FIRST,
            _ => FIELDS.len(),
        };
        Form::deserialize(SeqAccessDeserializer::new(Fields {
            version: Some(version),
            left: fields - 1,
            seq,
        }))
    }
}

/// A sequence of values whose first has been read, and that ends with the last value of its
/// version.
struct Fields<A> {
    version: Option<u32>,
    left: usize,
    seq: A,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Fields<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        if let Some(version) = self.version.take() {
            return seed.deserialize(version.into_deserializer()).map(Some);
        }
        match self.left.checked_sub(1) {
            None => Ok(None),
            Some(left) => {
                self.left = left;
                self.seq.next_element_seed(seed)
            }
        }
    }
}

fn cause<E: Error>(name: &str) -> Result<Cause, E> {
    Cause::from_name(name).ok_or_else(|| E::invalid_value(Unexpected::Str(name), &Cause::NAMES))
}

impl Form {
    fn saving<E: Error>(self) -> Result<Saving, E> {
        let Some(state) = State::found(Found::Text(&self.state)) else {
            return Err(E::invalid_value(Unexpected::Str(&self.state), &State::IS));
        };
        let standing = Standing::from_bits(self.standing);
        if standing.bits() != self.standing {
            return Err(E::custom(SavedError::Damaged));
        }
        let window = match self.window {
            WindowForm::Time {
                width,
                into,
                buckets,
            } => Kept::Time {
                width,
                into,
                buckets: buckets.into_iter().map(counts).collect(),
            },
            WindowForm::Count { size, outcomes } => Kept::Count {
                size,
                outcomes: outcomes.chars().map(outcome).collect::<Result<_, E>>()?,
            },
        };
        // an older version with values of a later one
        if self.version == FIRST
            && (self.round.is_some()
                || self.opening.is_some()
                || self.outage.is_some()
                || self.pace.is_some()
                || self.down.is_some()
                || self.longest.is_some()
                || self.lenient.is_some()
                || self.limited.is_some())
        {
            return Err(E::custom(SavedError::Damaged));
        }
        let outage = |o: OutageForm| {
            Ok(Outage {
                generation: o.generation,
                cause: cause(&o.cause)?,
                at: o.at,
                counts: counts(o.counts),
                run: o.run,
            })
        };
        Ok(Saving {
            name: self.name,
            saved_at: self.saved_at,
            state,
            lasted: self.lasted,
            left: self.left,
            generation: self.generation,
            openings: self.openings,
            run: self.run,
            standing,
            would_trip: self.would_trip,
            totals: self.totals,
            kinds: self.kinds,
            rejections: self.rejections,
            window,
            round: self.round.map(|r| Counted {
                succeeded: r.succeeded,
                failed: r.failed,
                slow: r.slow,
                cancelled: r.cancelled,
                timed_out: r.timed_out,
                given_up: r.given_up,
            }),
            opening: self.opening.as_deref().map(cause).transpose()?,
            outage: self.outage.map(outage).transpose()?,
            pace: self.pace,
            down: self.down,
            longest: self.longest,
            lenient: self.lenient.map(|parts| Parts {
                eighths: parts.eighths,
                buckets: parts.buckets,
            }),
            limited: self.limited,
        })
    }
}

fn counts([calls, failures, slow]: [u64; 3]) -> Counts {
    Counts::new(calls, failures, slow)
}

fn outcome<E: Error>(letter: char) -> Result<(bool, bool), E> {
    match LETTERS.iter().position(|l| *l == letter) {
        Some(i) => Ok((i & 1 != 0, i & 2 != 0)),
        None => Err(E::invalid_value(Unexpected::Char(letter), &"one of .fsF")),
    }
}
