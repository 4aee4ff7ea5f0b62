//! A look-up by key with its call, beside a bare look-up in the same kind of map. With few keys they and the
//! breakers stay in the cache; with many a look-up misses it.

#![allow(missing_docs, reason = "criterion's macros make public items")]

use criterion::{Criterion, criterion_group, criterion_main};
use papaya::HashMap;
use std::hint::black_box;
use tripcoil::registry::Registry;
use tripcoil::{Breaker, State};
use tripcoil_benches::dependency;

/// From one key to the next, so that no two in turn lie beside each other. A prime.
const STRIDE: usize = 7_919;

fn registry(c: &mut Criterion) {
    for keys in [1_000, 100_000] {
        of(c, keys);
    }
}

fn of(c: &mut Criterion, number: usize) {
    let mut group = c.benchmark_group(format!("registry of {number}"));
    let keys: Vec<String> = (0..number)
        .map(|n| format!("endpoint-{n:06}.example"))
        .collect();
    let bare: HashMap<String, u64> = HashMap::new();
    let registry =
        Registry::builder(|key: &String| Breaker::builder(key.as_str()).failure_rate(0.5))
            .capacity(number)
            .build();
    for key in &keys {
        bare.pin().insert(key.clone(), 1);
        registry.get(key.as_str()).expect("valid");
    }
    let mut turn = 0;
    let mut next = || {
        turn = (turn + STRIDE) % number;
        keys[turn].as_str()
    };

    group.bench_function("bare look-up", |b| {
        b.iter(|| bare.pin().get(next()).copied());
    });
    group.bench_function("look-up", |b| {
        b.iter(|| registry.with(next(), |breaker| black_box(breaker.state())));
    });
    group.bench_function("look-up and call", |b| {
        b.iter(|| registry.call(next(), || dependency(true)));
    });
    group.bench_function("handle and call", |b| {
        b.iter(|| {
            registry
                .get(next())
                .map(|breaker| breaker.call(|| dependency(true)))
        });
    });
    group.finish();
    assert_eq!(registry.aggregate().in_state(State::Closed), number);
}

criterion_group!(benches, registry);
criterion_main!(benches);
