//! What fits the breaker into others' traits: one module behind one feature each, on the crate's
//! public names alone.

#[cfg(feature = "tower")]
mod guard;
#[cfg(feature = "tower")]
pub mod tower;
