//! Nor is there a way from a handle to what it shares with the controller, or to another controller.

use tripcoil::registry::{Registry, RegistryController};
use tripcoil::{Breaker, Controller, Local, Observer, Permit};

fn by_deref<'a>(
    breaker: &'a Breaker,
    permit: &'a Permit<'_>,
    observer: &'a Observer,
    local: &'a Local,
    registry: &'a Registry<u32>,
) {
    let _: &Controller = &**breaker;
    let _: &Controller = &**permit;
    let _: &Controller = &**observer;
    let _: &Controller = &**local;
    let _: &RegistryController<u32> = &**registry;
}

fn by_field(
    breaker: &Breaker,
    permit: &Permit<'_>,
    observer: &Observer,
    local: &Local,
    registry: &Registry<u32>,
) {
    let _ = &breaker.core;
    let _ = &permit.0;
    let _ = &observer.core;
    let _ = &local.owning;
    let _ = &registry.shared;
}

fn by_name(breaker: &Breaker, observer: &Observer, registry: &Registry<u32>) {
    let _ = breaker.controller();
    let _ = observer.controller();
    let _ = registry.controller();
}

/// There is one for each breaker.
fn by_clone(controller: &Controller) {
    let _ = <Controller as Clone>::clone(controller);
}

fn main() {}
