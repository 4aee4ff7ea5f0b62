//! How times are serialised (feature `serde`): as seconds, in a field whose name says so.

use core::time::Duration;
use serde::{Serialize, Serializer};
use std::time::{SystemTime, UNIX_EPOCH};

/// A time, or a time that may be absent.
pub(crate) trait Seconds {
    fn seconds(&self) -> Option<f64>;
}

impl Seconds for Duration {
    fn seconds(&self) -> Option<f64> {
        Some(self.as_secs_f64())
    }
}

/// Since 1970, UTC; negative before.
impl Seconds for SystemTime {
    fn seconds(&self) -> Option<f64> {
        Some(match self.duration_since(UNIX_EPOCH) {
            Ok(since) => since.as_secs_f64(),
            Err(before) => -before.duration().as_secs_f64(),
        })
    }
}

impl<T: Seconds> Seconds for Option<T> {
    fn seconds(&self) -> Option<f64> {
        self.as_ref()?.seconds()
    }
}

pub(crate) fn seconds<S: Serializer>(time: &impl Seconds, to: S) -> Result<S::Ok, S::Error> {
    match time.seconds() {
        Some(seconds) => to.serialize_f64(seconds),
        None => None::<f64>.serialize(to),
    }
}
