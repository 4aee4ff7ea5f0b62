//! The answer to a switch.

use crate::State;
use serde::Serialize;
use serde_json::Value;

/// What was done.
#[derive(Debug, Serialize)]
pub(super) struct Done {
    pub(super) name: String,
    pub(super) action: &'static str,
    pub(super) who: String,
    pub(super) changed: bool,
    pub(super) state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) config: Option<Value>,
    /// The settings that have changed, before and after.
    #[serde(skip)]
    #[cfg_attr(
        not(feature = "tracing"),
        expect(dead_code, reason = "they are for the event")
    )]
    pub(super) settings: Option<(Value, Value)>,
}
