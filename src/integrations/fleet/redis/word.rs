//! Operators' words as they are stored: JSON, of which the script writes the beginning.

use super::keys::FleetKeys;
use crate::integrations::fleet::store::{Down, Reason};
use crate::integrations::fleet::word::{Mode, Word};
use ::redis::{Cmd, Value};
use std::time::Duration;

/// A word that ends later has no end, in milliseconds: about 17 years.
const FAR: u128 = 1 << 39;
/// The last version, in the script too. Beyond 2^53 its numbers are not exact.
const LAST: u64 = 1 << 52;

/// What a server has of a fleet.
#[derive(Debug, Default)]
pub(super) struct Stored {
    pub(super) words: Vec<Word>,
    /// Of which breakers there is a word that cannot be read.
    pub(super) unreadable: Vec<String>,
}

/// Returns the command that evaluates the script of that hash for a word, and the word as it will be.
pub(super) fn evaluate(hash: &str, keys: &FleetKeys, word: &Word) -> (Cmd, Word) {
    let left = word.left.filter(|left| left.as_millis() < FAR);
    // not sooner than it should
    let ends = left.map(|left| left.as_nanos().div_ceil(1_000_000).to_string());
    let text = |of: &str| serde_json::Value::from(of).to_string();
    let rest = format!(
        r#""mode":"{}","who":{},"why":{}}}"#,
        word.mode,
        text(&word.who),
        text(&word.why)
    );
    let mut command = ::redis::cmd("EVALSHA");
    command.arg(hash).arg(1).arg(&keys.words);
    command.arg(&word.breaker).arg(ends.unwrap_or_default());
    command.arg(rest).arg(&keys.channel);
    let word = Word {
        left,
        ..word.clone()
    };
    (command, word)
}

/// Returns the version that the script answered.
pub(super) fn version(value: &Value) -> Result<u64, Down> {
    let version = match value {
        Value::Int(version) => u64::try_from(*version).ok(),
        _ => None,
    };
    version.ok_or_else(|| Down::new(Reason::Protocol, "not the version of a word"))
}

/// To `TIME`: seconds, and microseconds of the next one; to `HGETALL`: fields and their values.
type Answers = ((u64, u64), Vec<(Vec<u8>, Vec<u8>)>);

/// Reads the server's answers to `TIME` and `HGETALL`.
pub(super) fn read(values: Vec<Value>) -> Result<Stored, Down> {
    let protocol = |_| Down::new(Reason::Protocol, "not a fleet's words");
    let answers: Answers = ::redis::from_redis_value(Value::Array(values)).map_err(protocol)?;
    let ((seconds, micros), stored) = answers;
    let now = seconds.saturating_mul(1_000).saturating_add(micros / 1_000);
    let mut all = Stored::default();
    for (breaker, json) in stored {
        let breaker = String::from_utf8(breaker);
        match breaker
            .as_ref()
            .ok()
            .and_then(|name| parse(name, &json, now))
        {
            Some(Some(word)) => all.words.push(word),
            Some(None) => {}
            None => all.unreadable.push(match breaker {
                Ok(name) => name,
                Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
            }),
        }
    }
    all.words.sort_by(|a, b| a.breaker.cmp(&b.breaker));
    Ok(all)
}

/// Returns the word if it can be read, and in that nothing if it has ended.
fn parse(breaker: &str, json: &[u8], now: u64) -> Option<Option<Word>> {
    let json: serde_json::Value = serde_json::from_slice(json).ok()?;
    let text = |key: &str| json.get(key)?.as_str();
    let left = match json.get("until")? {
        serde_json::Value::Null => None,
        until => match until.as_u64()?.checked_sub(now) {
            None | Some(0) => return Some(None),
            Some(left) => Some(Duration::from_millis(left)),
        },
    };
    Some(Some(Word {
        breaker: breaker.to_owned(),
        version: json
            .get("version")?
            .as_u64()
            .filter(|&version| version <= LAST)?,
        mode: Mode::from_name(text("mode")?)?,
        left,
        who: text("who")?.to_owned(),
        why: text("why")?.to_owned(),
    }))
}
