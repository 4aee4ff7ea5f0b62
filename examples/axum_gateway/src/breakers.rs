//! The breakers: one per upstream, in one registry.

use crate::proxy::NoResponse;
use axum::http::{HeaderMap, StatusCode};
use std::time::Duration;
use tripcoil::http::ByStatus;
use tripcoil::registry::{Registry, RegistryController};
use tripcoil::{Backoff, Breaker, Builder, FailureKind, HalfOpen, Outcome, Window};

type Overriding = fn(StatusCode, &HeaderMap) -> Option<Outcome>;

/// Responses by their status, and what came in place of one.
pub(crate) type Classifier = ByStatus<Overriding, fn(&NoResponse) -> Outcome>;

pub(crate) type Breakers = Registry<String, Classifier>;
pub(crate) type Switches = RegistryController<String, Classifier>;

pub(crate) fn registry() -> (Breakers, Switches) {
    Registry::builder(|upstream: &String| settings(upstream)).build_with_controller()
}

/// Windows and waits are short, as the outages of this play are.
fn settings(upstream: &str) -> Builder<Classifier> {
    let no_response: fn(&NoResponse) -> Outcome = |why| {
        Outcome::Failure(match why {
            NoResponse::Connection => FailureKind::Connect,
            NoResponse::Timeout => FailureKind::Timeout,
        })
    };
    Breaker::builder(upstream)
        .classifier(ByStatus::new().errors(no_response))
        .window(Window::time(Duration::from_secs(5)).buckets(20))
        .failure_rate(0.5)
        .min_throughput(20)
        // well below the gateway's patience
        .slow_call(Duration::from_millis(200))
        .slow_rate(0.5)
        .open_for(
            Backoff::exponential(Duration::from_secs(2), 1.5)
                .max(Duration::from_secs(6))
                .jitter(0.1),
        )
        .half_open(
            HalfOpen::rate(20, 0.5)
                .slow_rate(0.5)
                .max_probes(2)
                .probe_timeout(Duration::from_secs(3)),
        )
}
