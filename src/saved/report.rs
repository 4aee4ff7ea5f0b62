//! The result of a restore: why a saved state was refused, or how it was restored.

use crate::error::Problem;
use crate::words::outcome::State;
use alloc::string::String;
use core::error::Error;
use core::fmt;
use core::time::Duration;

/// Why a saved state was refused. Nothing of it was restored, and the breaker started fresh.
///
/// ```
/// use tripcoil::saved::{Saved, SavedError};
///
/// assert_eq!(Saved::from_bytes(b"{}").unwrap_err(), SavedError::Foreign);
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SavedError {
    /// It does not begin as a saved state does.
    Foreign,
    /// It does not begin as the saved states of a registry do.
    NotARegistry,
    /// It ends too early.
    Truncated,
    /// It was changed: its checksum does not match, or more bytes follow it.
    Damaged,
    /// It is longer than any state: more than 16 MiB, or 1 GiB for those of a registry. A [`FileStore`](crate::saved::FileStore) returns
    /// this for a file, which it does not read then, and for a state that it could not load again.
    TooLong,
    /// Its version of the format is later than this crate's, or never existed.
    Version(u32),
    /// It is intact, and holds a value that no breaker can have had.
    Impossible(Problem),
    /// It is the state of another breaker, with this name.
    OtherBreaker(String),
}

impl fmt::Display for SavedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("saved state refused: ")?;
        match self {
            Self::Foreign => f.write_str("not a breaker's state"),
            Self::NotARegistry => f.write_str("not the states of a registry"),
            Self::Truncated => f.write_str("it ends too early"),
            Self::Damaged => f.write_str("damaged: its length or its checksum is wrong"),
            Self::TooLong => {
                f.write_str("too long: a state has at most 16 MiB, and those of a registry 1 GiB")
            }
            Self::Version(version) => write!(f, "its format version {version} is unknown"),
            Self::Impossible(problem) => write!(f, "{problem}"),
            Self::OtherBreaker(name) => write!(f, "it belongs to the breaker {name:?}"),
        }
    }
}

impl Error for SavedError {}

/// The time between the save and the restore, by the wall clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Age {
    /// This much time has passed.
    Of(Duration),
    /// The wall clock now reads this much earlier than at the save, so the age is unknown. An open
    /// breaker waits for all that was left of its wait, and a time window counts as expired.
    WentBack(Duration),
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(age) => write!(f, "saved {age:?} ago"),
            Self::WentBack(by) => {
                write!(
                    f,
                    "saved in the future: the wall clock went back by at least {by:?}"
                )
            }
        }
    }
}

/// How the window was restored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RestoredWindow {
    /// It continues, as far as its epochs are live. A count window always continues. So does a
    /// window that is only shown, in a state that counts no outcomes.
    Kept,
    /// It is empty. All its epochs are over, or may be, because the wall clock went back.
    Expired,
    /// It is empty. It had another geometry than the breaker has now.
    Reshaped,
}

impl fmt::Display for RestoredWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Kept => "window kept",
            Self::Expired => "window expired",
            Self::Reshaped => "window dropped: its geometry has changed",
        })
    }
}

/// How a saved state was restored; returned by
/// [`Controller::restored`](crate::Controller::restored).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Restored {
    /// The state in which the breaker started: the saved one. A half-open round keeps its results;
    /// the probes that were in flight are gone.
    pub state: State,
    /// How old the saved state was.
    pub age: Age,
    /// How the window was restored.
    pub window: RestoredWindow,
}

impl fmt::Display for Restored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "restored {}, {}, {}", self.state, self.age, self.window)
    }
}
