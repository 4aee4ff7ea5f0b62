//! Other breakers at their defaults, as models written from their sources. Each file names its
//! source. An outcome that shows nothing about the dependency (`Ignored`) is given to each in the
//! way that its documentation offers for it.
//!
//! No Rust crate is used itself, since none can be driven by a clock with calls in flight:
//! `failsafe`, `recloser`, `circuitbreaker-rs` and `tower-resilience-circuitbreaker` read
//! `std::time::Instant::now`. `breaker-machines` reads a clock that can be replaced, but its `call`
//! takes `&mut self` from admission to end, so calls cannot overlap.

mod envoy;
mod failsafe;
mod go_zero;
mod gobreaker;
mod phi;
mod polly;
mod recloser;
mod resilience4j;
mod semian;
mod sre;

pub(super) use envoy::Envoy;
pub(super) use failsafe::Failsafe;
pub(super) use go_zero::GoZero;
pub(super) use gobreaker::Gobreaker;
pub(super) use phi::Phi;
pub(super) use polly::Polly;
pub(super) use recloser::Recloser;
pub(super) use resilience4j::Resilience4j;
pub(super) use semian::Semian;
pub(super) use sre::Sre;

use super::{Ended, Subject};
use crate::time::Nanos;

/// No breaker.
pub(super) struct Bare;

impl Subject for Bare {
    type Permit = ();

    fn admit(&mut self, _: Nanos) -> Option<()> {
        Some(())
    }

    fn end(&mut self, _: Nanos, (): (), _: Ended) {}
}
