//! The names of keys. Two different names never share one.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What is written as it is keeps the parts of a key apart, and means nothing in a pattern of an ACL.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Those of a fleet.
#[derive(Debug)]
pub(super) struct FleetKeys {
    fleet: String,
    pub(super) words: String,
    pub(super) channel: String,
}

/// Those of one breaker. The part in braces is the same in all, so that a cluster keeps them together.
#[derive(Debug)]
pub(super) struct BreakerKeys {
    pub(super) ages: String,
    pub(super) votes: String,
    pub(super) record: String,
}

impl FleetKeys {
    pub(super) fn of(fleet: &str) -> FleetKeys {
        let fleet = utf8_percent_encode(fleet, ESCAPED).to_string();
        FleetKeys {
            words: format!("tc1:{{{fleet}}}:ov"),
            channel: format!("tc1:{{{fleet}}}:ch"),
            fleet,
        }
    }

    pub(super) fn breaker(&self, breaker: &str) -> BreakerKeys {
        let fleet = &self.fleet;
        let breaker = utf8_percent_encode(breaker, ESCAPED);
        BreakerKeys {
            ages: format!("tc1:{{{fleet}/{breaker}}}:ev"),
            votes: format!("tc1:{{{fleet}/{breaker}}}:vs"),
            record: format!("tc1:{{{fleet}/{breaker}}}:rec"),
        }
    }
}
