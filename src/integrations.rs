//! What fits the breaker into others' traits: one module behind one feature each, on the crate's
//! public names alone.

#[cfg(feature = "grpc")]
pub mod grpc;
#[cfg(any(feature = "http", feature = "tower"))]
mod guard;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "tower")]
pub mod tower;
