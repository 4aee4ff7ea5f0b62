//! The integrations with other crates: one module per feature, built on this crate's public names
//! only.

#[cfg(feature = "grpc")]
pub mod grpc;
#[cfg(any(feature = "http", feature = "tower"))]
mod guard;
#[cfg(feature = "health")]
pub mod health;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "insight")]
pub mod insight;
#[cfg(any(
    feature = "health",
    feature = "insight",
    feature = "metrics",
    feature = "tracing"
))]
mod labels;
#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(feature = "registry")]
pub mod registry;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "tower")]
pub mod tower;
#[cfg(feature = "tracing")]
pub mod tracing;
