//! Fault injection as a tower layer.

mod answer;
mod chance;
mod future;
mod layer;
mod switch;

pub use self::answer::{Always, NoAnswer, Only, WithAnswer};
pub use self::future::FaultFuture;
#[cfg(feature = "tokio")]
pub use self::layer::Latency;
pub use self::layer::{FaultLayer, FaultService};
pub use self::switch::{Faults, Injected};
