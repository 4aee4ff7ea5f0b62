//! What ties the breaker to other crates: one module behind one feature each, on the crate's public
//! names alone.

#[cfg(feature = "grpc")]
pub mod grpc;
#[cfg(any(feature = "http", feature = "tower"))]
mod guard;
#[cfg(feature = "health")]
pub mod health;
#[cfg(feature = "http")]
pub mod http;
#[cfg(any(feature = "health", feature = "metrics", feature = "tracing"))]
mod labels;
#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(feature = "registry")]
pub mod registry;
#[cfg(feature = "tower")]
pub mod tower;
#[cfg(feature = "tracing")]
pub mod tracing;
