//! A saved state in serde's formats: the same values by their names, with the checksum of the bytes.
//!
//! Nothing of it is optional or left out, so that formats which do not describe themselves read it too.

use crate::outcome::State;
use crate::rules::Tally;
use crate::saved::bytes::{VERSION, checksum};
use crate::saved::report::SavedError;
use crate::saved::state::{Kept, Saving, Standing};
use crate::saved::value::Saved;
use crate::settings::words::{Found, Value, state_name};
use crate::snapshot::Totals;
use alloc::string::String;
use alloc::vec::Vec;
use serde::de::{Error, Unexpected};
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
        /// A letter an outcome.
        outcomes: String,
    },
}

/// Of a success, a failure, a slow success and a slow failure.
const LETTERS: [char; 4] = ['.', 'f', 's', 'F'];

/// Said first, since what follows is another version's.
fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        VERSION => Ok(VERSION),
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
            state: state_name(s.state).into(),
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
            checksum: checksum(s),
        };
        form.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Saved {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Saved, D::Error> {
        let form = Form::deserialize(deserializer)?;
        let sum = form.checksum;
        let saving = form.saving::<D::Error>()?;
        if checksum(&saving) != sum {
            return Err(D::Error::custom(SavedError::Damaged));
        }
        saving.check().map_err(D::Error::custom)?;
        Ok(Saved(saving))
    }
}

impl Form {
    fn saving<E: Error>(self) -> Result<Saving, E> {
        let Some(state) = State::found(Found::Text(&self.state)) else {
            return Err(E::invalid_value(Unexpected::Str(&self.state), &State::IS));
        };
        let standing = Standing::of(self.standing);
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
                buckets: buckets.into_iter().map(tally).collect(),
            },
            WindowForm::Count { size, outcomes } => Kept::Count {
                size,
                outcomes: outcomes.chars().map(outcome).collect::<Result<_, E>>()?,
            },
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
        })
    }
}

fn tally([calls, failures, slow]: [u64; 3]) -> Tally {
    Tally {
        calls,
        failures,
        slow,
    }
}

fn outcome<E: Error>(letter: char) -> Result<(bool, bool), E> {
    match LETTERS.iter().position(|l| *l == letter) {
        Some(i) => Ok((i & 1 != 0, i & 2 != 0)),
        None => Err(E::invalid_value(Unexpected::Char(letter), &"one of .fsF")),
    }
}
