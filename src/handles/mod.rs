//! The handles that a user holds.

pub(crate) mod breaker;
pub(crate) mod builder;
pub(crate) mod call;
pub(crate) mod controller;
pub(crate) mod local;
pub(crate) mod observer;
pub(crate) mod permit;
