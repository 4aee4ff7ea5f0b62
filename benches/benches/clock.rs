//! The success path under each of the real clocks.

#![allow(missing_docs, reason = "criterion's macros make public items")]

use criterion::{Criterion, criterion_group, criterion_main};
use tripcoil::Clock;
use tripcoil_benches as shared;
use tripcoil_benches::{Floor, dependency};

fn clocks(c: &mut Criterion) {
    let mut group = c.benchmark_group("clock");
    let floor = Floor::new(1);
    let own = floor.of(0);
    group.bench_function("floor", |b| b.iter(|| own.call()));
    for (name, clock) in [
        ("coarse", Clock::coarse()),
        ("upkeep", Clock::upkeep()),
        ("precise", Clock::precise()),
    ] {
        let breaker = shared::plain(clock);
        let local = breaker.local();
        group.bench_function(format!("{name}/call"), |b| {
            b.iter(|| breaker.call(|| dependency(true)))
        });
        group.bench_function(format!("{name}/local"), |b| {
            b.iter(|| local.call(|| dependency(true)))
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = shared::criterion();
    targets = clocks
}
criterion_main!(benches);
