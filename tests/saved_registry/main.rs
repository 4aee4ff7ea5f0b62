//! All breakers of a registry, from one process to the next.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

mod crash;
mod file;
mod lazily;
mod many;
mod operators;
mod saving;

use std::time::Duration;
use tripcoil::registry::{Registry, RegistryBuilder, RegistryController};
use tripcoil::saved::SavedRegistry;
use tripcoil::{Breaker, HalfOpen, State};

/// Trips at two failures in a row, for an hour.
fn builder() -> RegistryBuilder<String> {
    Registry::builder(|key: &String| {
        Breaker::builder(key.as_str())
            .consecutive_failures(2)
            .open_for(Duration::from_secs(3600))
            .half_open(HalfOpen::successes(3))
    })
}

type Pair = (Registry<String>, RegistryController<String>);

fn fresh() -> Pair {
    builder().build_with_controller()
}

fn after(saved: SavedRegistry) -> Pair {
    builder().restore(saved).build_with_controller()
}

fn succeed(registry: &Registry<String>, key: &str) {
    registry.call(key, || Ok::<_, ()>(())).expect("admitted");
}

fn trip(registry: &Registry<String>, key: &str) {
    for _ in 0..2 {
        let _ = registry.call(key, || Err::<(), _>("down"));
    }
    assert_eq!(state(registry, key), State::Open);
}

fn state(registry: &Registry<String>, key: &str) -> State {
    registry.get(key).unwrap().state()
}

fn successes(registry: &Registry<String>, key: &str) -> u64 {
    let breaker = registry.get(key).unwrap();
    breaker.observer().snapshot().totals.successes
}
