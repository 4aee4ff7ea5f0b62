//! What came of a saved state: why it was refused, or how it was restored.

use crate::error::Problem;
use crate::words::outcome::State;
use alloc::string::String;
use core::error::Error;
use core::fmt;
use core::time::Duration;

/// Why a saved state was refused. Nothing of it is restored then, and the breaker starts fresh.
///
/// ```
/// use tripcoil::{Saved, SavedError};
///
/// assert_eq!(Saved::from_bytes(b"{}").unwrap_err(), SavedError::Foreign);
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SavedError {
    /// It does not begin as a saved state does.
    Foreign,
    /// It ends too early.
    Truncated,
    /// It is not what was written: bytes follow it, or its checksum is another.
    Damaged,
    /// It is of a later version of the format, or of none that there ever was.
    Version(u32),
    /// It is whole, and holds what no breaker can have been.
    Impossible(Problem),
    /// It is the state of another breaker, of this name.
    OtherBreaker(String),
}

impl fmt::Display for SavedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("saved state refused: ")?;
        match self {
            Self::Foreign => f.write_str("not a breaker's state"),
            Self::Truncated => f.write_str("it ends too early"),
            Self::Damaged => f.write_str("damaged, its checksum is another"),
            Self::Version(version) => write!(f, "of version {version}, which is not known here"),
            Self::Impossible(problem) => write!(f, "{problem}"),
            Self::OtherBreaker(name) => write!(f, "it is of the breaker {name:?}"),
        }
    }
}

impl Error for SavedError {}

/// How much time has passed since a state was saved, by the wall clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Age {
    /// So much.
    Of(Duration),
    /// The wall clock reads earlier, by so much, than when the state was saved: nobody knows how old
    /// it is. An open breaker waits for what was left when it was saved, and a window of time is
    /// taken for over.
    WentBack(Duration),
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(age) => write!(f, "saved {age:?} ago"),
            Self::WentBack(by) => {
                write!(
                    f,
                    "saved in the future: the clock went back by {by:?} or more"
                )
            }
        }
    }
}

/// What became of the window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RestoredWindow {
    /// It goes on, as far as its epochs are live. A count window has none, and goes on as it was; so
    /// does a window that is only shown, in a state in which no outcome is counted.
    Kept,
    /// It is empty: all its epochs are over, or may be, since the wall clock went back.
    Expired,
    /// It is empty: it was of another geometry than the breaker now has.
    Reshaped,
}

impl fmt::Display for RestoredWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Kept => "window kept",
            Self::Expired => "window expired",
            Self::Reshaped => "window dropped, it was of another shape",
        })
    }
}

/// How a saved state was restored: what
/// [`Controller::restored`](crate::Controller::restored) tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Restored {
    /// The state in which the breaker began: the one that was saved. A half-open round goes on with
    /// what it had counted, and without the probes that were out.
    pub state: State,
    /// How old the saved state was.
    pub age: Age,
    /// What became of the window.
    pub window: RestoredWindow,
}

impl fmt::Display for Restored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "restored {}, {}, {}", self.state, self.age, self.window)
    }
}
