//! The engine: from the admission of a call to the publication of a change.

pub(crate) mod admit;
pub(crate) mod apply;
pub(crate) mod call;
pub(crate) mod durations;
pub(crate) mod events;
pub(crate) mod help;
pub(crate) mod initial;
pub(crate) mod log;
pub(crate) mod operator;
pub(crate) mod policy;
pub(crate) mod postpone;
pub(crate) mod probe;
pub(crate) mod record;
pub(crate) mod snapshot;
pub(crate) mod state;
pub(crate) mod transition;
pub(crate) mod update;
pub(crate) mod window;
