//! How times are serialised (feature `serde`): as seconds, in a field whose name says so.

use core::time::Duration;
use serde::{Serialize, Serializer};
use std::time::{SystemTime, UNIX_EPOCH};

/// A time, or a time that may be absent.
pub(crate) trait Seconds {
    /// A number, or one that may be absent: formats that are not self-describing write these in different ways.
    type Form: Serialize;

    fn seconds(&self) -> Self::Form;
}

impl Seconds for Duration {
    type Form = f64;

    fn seconds(&self) -> f64 {
        self.as_secs_f64()
    }
}

/// Since 1970, UTC; negative before.
impl Seconds for SystemTime {
    type Form = f64;

    fn seconds(&self) -> f64 {
        match self.duration_since(UNIX_EPOCH) {
            Ok(since) => since.as_secs_f64(),
            Err(before) => -before.duration().as_secs_f64(),
        }
    }
}

impl<T: Seconds> Seconds for Option<T> {
    type Form = Option<T::Form>;

    fn seconds(&self) -> Option<T::Form> {
        self.as_ref().map(T::seconds)
    }
}

pub(crate) fn seconds<S: Serializer>(time: &impl Seconds, to: S) -> Result<S::Ok, S::Error> {
    time.seconds().serialize(to)
}
