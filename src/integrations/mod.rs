//! The integrations with other crates: one module per feature, built on this crate's public names
//! only.

#[cfg(feature = "calls")]
pub mod calls;
#[cfg(feature = "fleet")]
pub mod fleet;
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
#[cfg(any(feature = "metrics", feature = "tracing"))]
mod labels;
#[cfg(feature = "settings")]
pub mod live;
#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(feature = "operate")]
pub mod operate;
#[cfg(feature = "registry")]
pub mod registry;
#[cfg(feature = "retry")]
pub mod retry;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "tower")]
pub mod tower;
#[cfg(feature = "tracing")]
pub mod tracing;
