//! The registry: one breaker a key, what is forgotten and what is not, and what it costs.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

mod bound;
mod eviction;
mod first_use;
mod hooks;
mod hostile;
mod memory;
mod operating;
#[cfg(all(feature = "http", feature = "tower"))]
mod routes;
mod threads;
mod watching;

use std::time::Duration;
use tripcoil::registry::{Registry, RegistryController};
use tripcoil::{Breaker, Builder, ManualClock};

type Key = u32;

/// Trips at two failures in a row, for a minute of a clock that stands still.
fn template(clock: &ManualClock) -> impl Fn(&Key) -> Builder + Send + Sync + 'static {
    let clock = clock.clone();
    move |key: &Key| {
        Breaker::builder(format!("key-{key}"))
            .clock(&clock)
            .consecutive_failures(2)
            .open_for(Duration::from_secs(60))
    }
}

fn registry(capacity: usize) -> (Registry<Key>, RegistryController<Key>) {
    Registry::builder(template(&ManualClock::new()))
        .capacity(capacity)
        .build_with_controller()
}

fn succeed(registry: &Registry<Key>, key: Key) {
    let called = registry.call(&key, || Ok::<_, ()>(()));
    assert_eq!(called, Ok(()), "{key}");
}

fn fail(registry: &Registry<Key>, key: Key) {
    let called = registry.call(&key, || Err::<(), _>("down"));
    assert!(called.is_err(), "{key}");
}

fn trip(registry: &Registry<Key>, key: Key) {
    fail(registry, key);
    fail(registry, key);
    let state = registry.peek(&key).expect("there").state();
    assert_eq!(state, tripcoil::State::Open, "{key}");
}
