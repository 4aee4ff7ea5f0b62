//! The engine: from the admission of a call to the publication of a change.

pub(crate) mod adaptive;
pub(crate) mod admit;
pub(crate) mod apply;
pub(crate) mod call;
pub(crate) mod downtime;
pub(crate) mod durations;
pub(crate) mod events;
pub(crate) mod evidence;
pub(crate) mod hang;
pub(crate) mod help;
pub(crate) mod initial;
pub(crate) mod log;
pub(crate) mod operator;
pub(crate) mod policy;
pub(crate) mod postpone;
pub(crate) mod probe;
pub(crate) mod record;
pub(crate) mod score;
pub(crate) mod signs;
pub(crate) mod snapshot;
pub(crate) mod state;
pub(crate) mod sums;
pub(crate) mod transition;
pub(crate) mod update;
pub(crate) mod window;
