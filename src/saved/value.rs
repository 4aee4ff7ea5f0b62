//! A saved state, as its users hold it.

use crate::saved::bytes;
use crate::saved::report::SavedError;
use crate::saved::state::Saving;
use crate::words::outcome::State;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

/// What is to be known of a breaker for another one, in a later process, to go on where it stopped:
/// [`Controller::save`](crate::Controller::save) gives it,
/// [`Builder::restore`](crate::Builder::restore) takes it, a [`FileStore`](crate::FileStore) keeps it.
///
/// It is a value with two shapes on the outside: compact bytes, and whatever format of `serde`'s is at
/// hand, with named fields. Both carry the version of the format and a checksum, and both are looked
/// through before there is a `Saved`: one that has been cut short, changed or made up is refused.
///
/// ```
/// use tripcoil::{Breaker, Saved, State};
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
    /// The name of the breaker whose state it is.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The state in which that breaker was.
    #[must_use]
    pub fn state(&self) -> State {
        self.0.state
    }

    /// When it was saved, by the wall clock.
    #[must_use]
    pub fn saved_at(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_nanos(self.0.saved_at)
    }

    /// Some hundred bytes, and a few for each bucket that has counted; of a count window a byte for
    /// each four outcomes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        bytes::encode(&self.0)
    }

    /// What [`to_bytes`](Self::to_bytes) gave.
    ///
    /// # Errors
    ///
    /// Why these are not: see [`SavedError`].
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
