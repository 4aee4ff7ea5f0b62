//! How times are serialised (feature `serde`): as seconds, in a field whose name says so.

use core::time::Duration;
use serde::{Serialize, Serializer};
use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) fn seconds<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(span.as_secs_f64())
}

#[expect(clippy::ref_option, reason = "serde calls it so")]
pub(crate) fn maybe_seconds<S: Serializer>(
    span: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    span.map(|span| span.as_secs_f64()).serialize(serializer)
}

/// Since 1970, UTC; negative before.
#[expect(clippy::ref_option, reason = "serde calls it so")]
pub(crate) fn unix_seconds<S: Serializer>(
    time: &Option<SystemTime>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let since = |time: SystemTime| match time.duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    };
    time.map(since).serialize(serializer)
}
