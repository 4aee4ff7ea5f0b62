//! What is logged (feature `tracing`): events of the target `tripcoil`.

use crate::integrations::fleet::store::Down;
#[cfg(feature = "tracing")]
use ::tracing::{Level, event};

/// A newer version of this crate has written it, or another program.
#[cfg(feature = "tracing")]
pub(super) fn unreadable(fleet: &str, breaker: &str) {
    event!(
        target: "tripcoil",
        Level::WARN,
        tripcoil.fleet = fleet,
        tripcoil.breaker = breaker,
        "operator's word cannot be read"
    );
}

/// News comes with the answers to reports then, only later.
#[cfg(feature = "tracing")]
pub(super) fn no_news(channel: &str, down: &Down) {
    event!(
        target: "tripcoil",
        Level::WARN,
        tripcoil.channel = channel,
        tripcoil.reason = down.reason.as_str(),
        tripcoil.error = down.detail,
        "no subscription to a fleet's news"
    );
}

#[cfg(not(feature = "tracing"))]
pub(super) fn unreadable(_: &str, _: &str) {}

#[cfg(not(feature = "tracing"))]
pub(super) fn no_news(_: &str, _: &Down) {}
