//! The saved states of all breakers of a registry.
//!
//! ```text
//! magic "TRIPCALL" | version u32 | number of keys u32 | keys | override of all u32 | CRC-32 of all before
//! key        length u32, its text | kept until u64 | length u32, the state as its own bytes
//! ```
//!
//! The override of all is 0 for none, 1 for forced open, 2 for disabled, 3 for observe-only.
//! Integers are little-endian, and keys are in their order, each once. A state has its own version and checksum, so
//! that one of a later version, or one that is damaged, costs no other.

use crate::config::validate::MAX_WINDOW;
use crate::saved::report::SavedError;
use crate::saved::state::Saving;
use crate::saved::value::Saved;
use crate::words::outcome::State;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Bound;
use core::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

const MAGIC: &[u8; 8] = b"TRIPCALL";
const VERSION: u32 = 1;
const HEAD: usize = MAGIC.len() + 4 + 4;
const CHECKSUM: usize = 4;
/// What is refused as too long: a mistaken path must not fill the memory.
pub(crate) const MOST: u64 = 1 << 30;

/// How long a state is kept for a key that is not used: the longest window.
const KEPT: Duration = MAX_WINDOW;
/// How many states are kept for keys that are not used.
const MOST_WAITING: usize = 1_000_000;

/// A state, and until when it is kept for its key, in nanoseconds since 1970.
#[derive(Clone, PartialEq, Eq)]
struct Entry {
    until: u64,
    bytes: Arc<[u8]>,
}

/// The saved states of all breakers of a registry, by key. A registry's
/// [`save`](crate::registry::RegistryController::save) returns it,
/// [`restore`](crate::registry::RegistryBuilder::restore) takes it, and a
/// [`RegistryStore`](crate::saved::RegistryStore) keeps it in a file.
///
/// ```
/// use tripcoil::Breaker;
/// use tripcoil::saved::SavedRegistry;
///
/// let (_, controller) = Breaker::builder("eu").build_with_controller()?;
/// controller.trip();
/// let mut saved = SavedRegistry::new();
/// saved.insert("eu", &controller.save());
///
/// let again = SavedRegistry::from_bytes(&saved.to_bytes())?;
/// assert!(again.keys().eq(["eu"]));
/// let eu = again.get("eu").expect("saved")?;
/// assert_eq!(eu.state(), tripcoil::State::Open);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SavedRegistry {
    entries: BTreeMap<Arc<str>, Entry>,
    standing: Option<State>,
}

/// The overrides of all, by their numbers.
const STANDING: [Option<State>; 4] = [
    None,
    Some(State::ForcedOpen),
    Some(State::Disabled),
    Some(State::ObserveOnly),
];

/// Short: there may be many.
impl fmt::Debug for SavedRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SavedRegistry")
            .field("keys", &self.len())
            .finish_non_exhaustive()
    }
}

impl SavedRegistry {
    /// Returns one without keys.
    #[must_use]
    pub fn new() -> SavedRegistry {
        SavedRegistry::default()
    }

    /// Returns the number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the keys, in their order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(|key| &**key)
    }

    /// Returns the state of a key, or why it is refused; `None` if there is no state of that key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Result<Saved, SavedError>> {
        let entry = self.entries.get(key)?;
        Some(Saved::from_bytes(&entry.bytes))
    }

    /// Returns the state of a key as [`get`](Self::get) does, if it is kept at that time, and else removes it.
    pub(crate) fn get_until(
        &mut self,
        key: &str,
        now: SystemTime,
    ) -> Option<Result<Saved, SavedError>> {
        if self.entries.get(key)?.until < since_1970(now) {
            self.entries.remove(key);
        }
        self.get(key)
    }

    /// Returns the override of all breakers that was in force, which applies to new keys too.
    ///
    /// ```
    /// use tripcoil::State;
    /// use tripcoil::registry::Registry;
    ///
    /// let (_registry, controller) = Registry::<String>::from_config(Default::default())?.build_with_controller();
    /// controller.force_open_all();
    /// let saved = controller.save();
    /// assert_eq!(saved.standing(), Some(State::ForcedOpen));
    ///
    /// let later = Registry::<String>::from_config(Default::default())?.restore(saved).build();
    /// assert_eq!(later.get("a new key")?.state(), State::ForcedOpen);
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    #[must_use]
    pub fn standing(&self) -> Option<State> {
        self.standing
    }

    pub(crate) fn stand(&mut self, standing: Option<State>) {
        self.standing = standing;
    }

    /// Returns the keys whose states would be refused, with the reasons. It reads them all, which is otherwise done when
    /// each key is first used.
    ///
    /// ```
    /// use tripcoil::saved::SavedRegistry;
    ///
    /// assert!(SavedRegistry::new().problems().is_empty());
    /// ```
    #[must_use]
    pub fn problems(&self) -> Vec<(String, SavedError)> {
        let entries = self.entries.iter();
        let refused = entries.filter_map(|(key, entry)| {
            let error = Saved::from_bytes(&entry.bytes).err()?;
            Some((key.to_string(), error))
        });
        refused.collect()
    }

    /// Sets the state of a key. Returns whether there was none before.
    pub fn insert(&mut self, key: &str, saved: &Saved) -> bool {
        let entry = Entry {
            until: kept_until(&saved.0),
            bytes: saved.to_bytes().into(),
        };
        self.entries.insert(key.into(), entry).is_none()
    }

    /// Removes the state of a key. Returns whether there was one.
    ///
    /// ```
    /// use tripcoil::saved::SavedRegistry;
    ///
    /// assert!(!SavedRegistry::new().remove("eu"));
    /// ```
    pub fn remove(&mut self, key: &str) -> bool {
        self.entries.remove(key).is_some()
    }

    /// Removes the states that are kept no longer at that time: those that are older than 24 h, or for which an open breaker
    /// would have waited until 24 h ago. A forced state is kept for ever. If more than a million are left, those that
    /// would be removed next are removed too. Returns how many.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use tripcoil::Breaker;
    /// use tripcoil::saved::SavedRegistry;
    ///
    /// let (_, controller) = Breaker::builder("eu").build_with_controller()?;
    /// let mut saved = SavedRegistry::new();
    /// saved.insert("eu", &controller.save());
    /// assert_eq!(saved.expire(SystemTime::now()), 0);
    /// assert_eq!(saved.expire(SystemTime::now() + Duration::from_secs(25 * 3600)), 1);
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    pub fn expire(&mut self, now: SystemTime) -> usize {
        self.expired(now).len()
    }

    /// Removes them, and returns their keys.
    pub(crate) fn expired(&mut self, now: SystemTime) -> Vec<Arc<str>> {
        let now = since_1970(now);
        let entries = self.entries.iter();
        let over = entries.filter(|(_, entry)| entry.until < now);
        let mut gone: Vec<Arc<str>> = over.map(|(key, _)| key.clone()).collect();
        let left = self.entries.len() - gone.len();
        if let Some(beyond) = left.checked_sub(MOST_WAITING)
            && beyond > 0
        {
            let entries = self.entries.iter();
            let ends = entries.filter(|(_, entry)| (now..u64::MAX).contains(&entry.until));
            let mut next: Vec<_> = ends.map(|(key, entry)| (entry.until, key)).collect();
            next.sort_unstable();
            gone.extend(next.into_iter().take(beyond).map(|(_, key)| key.clone()));
        }
        for key in &gone {
            self.entries.remove(key);
        }
        gone
    }

    /// Adds the next states of the other, at most so many, after the last one of this. Returns whether there were any.
    pub(crate) fn append_part(&mut self, other: &SavedRegistry, most: usize) -> bool {
        let before = self.entries.len();
        let last = self.entries.last_key_value().map(|(key, _)| key.clone());
        let after = last.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let part = other
            .entries
            .range::<Arc<str>, _>((after, Bound::Unbounded))
            .take(most);
        let part = part.map(|(key, entry)| (key.clone(), entry.clone()));
        self.entries.extend(part);
        self.entries.len() > before
    }

    /// Removes the states that are forced: an operator has released all.
    pub(crate) fn release(&mut self) {
        self.entries.retain(|_, entry| entry.until < u64::MAX);
    }

    /// Adds those that the other has and this has not.
    pub(crate) fn fill_from(&mut self, other: SavedRegistry) {
        for (key, entry) in other.entries {
            self.entries.entry(key).or_insert(entry);
        }
    }

    /// Returns all states as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let entries = self.entries.iter();
        let length: usize = entries
            .map(|(key, entry)| 4 + key.len() + 8 + 4 + entry.bytes.len())
            .sum();
        let mut bytes = Vec::with_capacity(HEAD + length + 4 + CHECKSUM);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        put_length(&mut bytes, self.entries.len());
        for (key, entry) in &self.entries {
            put_length(&mut bytes, key.len());
            bytes.extend_from_slice(key.as_bytes());
            bytes.extend_from_slice(&entry.until.to_le_bytes());
            put_length(&mut bytes, entry.bytes.len());
            bytes.extend_from_slice(&entry.bytes);
        }
        let standing = STANDING.iter().position(|one| *one == self.standing);
        put_length(&mut bytes, standing.unwrap_or(0));
        let checksum = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Reads the bytes that [`to_bytes`](Self::to_bytes) returned. The states in it are read when they are asked for.
    ///
    /// # Errors
    ///
    /// Returns why the bytes were refused: they are foreign, cut short or changed, or of a later version.
    pub fn from_bytes(bytes: &[u8]) -> Result<SavedRegistry, SavedError> {
        let mut read = check(bytes)?;
        let mut entries = BTreeMap::new();
        while let Some((key, until, state)) = read.next()? {
            let entry = Entry {
                until,
                bytes: state.into(),
            };
            entries.insert(Arc::from(key), entry);
        }
        let standing = read.standing;
        Ok(SavedRegistry { entries, standing })
    }
}

/// A length of 4 GiB is cut short, and refused when it is read.
fn put_length(bytes: &mut Vec<u8>, length: usize) {
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&length.to_le_bytes());
}

fn since_1970(time: SystemTime) -> u64 {
    nanos(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn kept_until(s: &Saving) -> u64 {
    if s.state.is_override() {
        return u64::MAX;
    }
    // `left` is of open breakers only
    let until = s.saved_at.saturating_add(s.left);
    until.saturating_add(nanos(KEPT)).min(u64::MAX - 1)
}

/// Checks that the bytes are whole, and returns a reader of their keys.
pub(crate) fn check(bytes: &[u8]) -> Result<Keys<'_>, SavedError> {
    let begun = bytes.len().min(MAGIC.len());
    if bytes[..begun] != MAGIC[..begun] {
        return Err(SavedError::NotARegistry);
    }
    let end = bytes.len().checked_sub(CHECKSUM).filter(|end| *end >= HEAD);
    let end = end.ok_or(SavedError::Truncated)?;
    let (whole, checksum) = bytes.split_at(end);
    if crc32fast::hash(whole).to_le_bytes() != *checksum {
        // a file that was cut short ends within a key
        let mut keys = Keys::of(whole)?;
        let cut = loop {
            match keys.next() {
                Ok(Some(_)) => {}
                Ok(None) => break false,
                Err(error) => break error == SavedError::Truncated,
            }
        };
        return Err(match cut {
            true => SavedError::Truncated,
            false => SavedError::Damaged,
        });
    }
    let keys = Keys::of(whole)?;
    if keys.version != VERSION {
        return Err(SavedError::Version(keys.version));
    }
    Ok(keys)
}

/// A key's text, until when it is kept, and its state.
type Key<'a> = (&'a str, u64, &'a [u8]);

/// Reads key by key.
pub(crate) struct Keys<'a> {
    version: u32,
    left: u32,
    rest: &'a [u8],
    before: Option<&'a str>,
    /// Once all keys were read.
    standing: Option<State>,
}

impl<'a> Keys<'a> {
    fn of(whole: &'a [u8]) -> Result<Keys<'a>, SavedError> {
        let mut keys = Keys {
            version: 0,
            left: 0,
            rest: whole.get(MAGIC.len()..).ok_or(SavedError::Truncated)?,
            before: None,
            standing: None,
        };
        keys.version = keys.word()?;
        keys.left = keys.word()?;
        Ok(keys)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], SavedError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(SavedError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    fn word(&mut self) -> Result<u32, SavedError> {
        self.take().map(u32::from_le_bytes)
    }

    fn part(&mut self) -> Result<&'a [u8], SavedError> {
        let length = self.word()? as usize;
        let (part, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(SavedError::Truncated)?;
        self.rest = rest;
        Ok(part)
    }

    fn next(&mut self) -> Result<Option<Key<'a>>, SavedError> {
        if self.left == 0 {
            let standing = STANDING.get(self.word()? as usize);
            self.standing = *standing.ok_or(SavedError::Damaged)?;
            return match self.rest {
                [] => Ok(None),
                _ => Err(SavedError::Damaged),
            };
        }
        self.left -= 1;
        let key = self.part()?;
        let key = core::str::from_utf8(key).map_err(|_| SavedError::Damaged)?;
        if self.before.is_some_and(|before| before >= key) {
            return Err(SavedError::Damaged);
        }
        self.before = Some(key);
        let until = self.take().map(u64::from_le_bytes)?;
        Ok(Some((key, until, self.part()?)))
    }

    /// Reads all of it, so that what comes later cannot fail.
    pub(crate) fn read(mut self) -> Result<(), SavedError> {
        while self.next()?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests;
