//! A saved state, as its users hold it.

use crate::saved::bytes;
use crate::saved::report::SavedError;
use crate::saved::state::Saving;
use crate::words::outcome::State;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

/// The state of a breaker, for another breaker in a later process that continues from it.
/// [`Controller::save`](crate::Controller::save) returns it,
/// [`Builder::restore`](crate::Builder::restore) takes it, and a [`FileStore`](crate::saved::FileStore)
/// keeps it.
///
/// It has two serialised forms: compact bytes, and with the feature `serde` any of serde's formats,
/// with field names. Both
/// contain the version of the format and a checksum, and both are checked when they are read: input
/// that was cut short, changed or invented is refused.
///
/// ```
/// use tripcoil::saved::Saved;
/// use tripcoil::{Breaker, State};
///
/// let (_, controller) = Breaker::builder("payments").build_with_controller()?;
/// controller.trip();
/// let bytes = controller.save().to_bytes();
/// assert!(bytes.len() < 150);
///
/// // after a restart
/// let saved = Saved::from_bytes(&bytes)?;
/// assert_eq!((saved.name(), saved.state()), ("payments", State::Open));
/// let breaker = Breaker::builder("payments").restore(saved).build()?;
/// assert_eq!(breaker.state(), State::Open);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Saved(pub(crate) Saving);

/// Short: a count window could be megabytes.
impl fmt::Debug for Saved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Saved")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

impl Saved {
    /// Returns the name of the breaker that was saved.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Returns the state of the breaker when it was saved.
    #[must_use]
    pub fn state(&self) -> State {
        self.0.state
    }

    /// Returns the wall-clock time of the save.
    #[must_use]
    pub fn saved_at(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_nanos(self.0.saved_at)
    }

    /// Returns the state as bytes: about a hundred, plus a few for each bucket with outcomes, or
    /// one byte for each four outcomes of a count window.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        bytes::encode(&self.0)
    }

    /// Reads the bytes that [`to_bytes`](Self::to_bytes) returned.
    ///
    /// # Errors
    ///
    /// Returns why the bytes were refused: see [`SavedError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Saved, SavedError> {
        bytes::decode(bytes).map(Saved)
    }
}

impl TryFrom<&[u8]> for Saved {
    type Error = SavedError;

    fn try_from(bytes: &[u8]) -> Result<Saved, SavedError> {
        Saved::from_bytes(bytes)
    }
}
