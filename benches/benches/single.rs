//! One thread: each path of a call beside the floor.

#![allow(missing_docs, reason = "criterion's macros make public items")]

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use tripcoil::{Breaker, Clock, FailureKind, State};
use tripcoil_benches as shared;
use tripcoil_benches::{Floor, dependency};

fn single(c: &mut Criterion) {
    let mut group = c.benchmark_group("single");
    let floor = Floor::new(1);
    let own = floor.of(0);
    group.bench_function("floor", |b| b.iter(|| own.call()));
    successes(&mut group);
    failures(&mut group);
    let open = shared::open(|_| ());
    group.bench_function("open/call", |b| b.iter(|| open.call(|| dependency(true))));
    group.bench_function("open/acquire", |b| b.iter(|| open.try_acquire().is_err()));
    assert_eq!(open.state(), State::Open);
    group.finish();
}

type Group<'a> = BenchmarkGroup<'a, WallTime>;

fn successes(group: &mut Group<'_>) {
    let plain = shared::plain(Clock::coarse());
    let local = plain.local();
    group.bench_function("success/call", |b| {
        b.iter(|| plain.call(|| dependency(true)))
    });
    group.bench_function("success/acquire", |b| {
        b.iter(|| plain.try_acquire().map(|permit| permit.success()))
    });
    group.bench_function("success/local", |b| {
        b.iter(|| local.call(|| dependency(true)))
    });
    still_closed(&plain);
    for (name, breaker) in [
        ("success/default rules", shared::default_rules()),
        ("success/slow rule", shared::timed()),
        ("success/count 100", shared::counting(100)),
        ("success/count 16", shared::counting(16)),
    ] {
        group.bench_function(name, |b| b.iter(|| breaker.call(|| dependency(true))));
        still_closed(&breaker);
    }
}

fn failures(group: &mut Group<'_>) {
    let storm = shared::storm();
    group.bench_function("failure/call", |b| {
        b.iter(|| storm.call(|| dependency(false)))
    });
    group.bench_function("failure/acquire", |b| {
        b.iter(|| {
            storm
                .try_acquire()
                .map(|permit| permit.failure(black_box(FailureKind::Timeout)))
        })
    });
    still_closed(&storm);
    for (name, breaker) in [
        ("half fail/rate", shared::half_fail_by_rate()),
        ("half fail/run", shared::half_fail_by_run()),
    ] {
        let mut ok = false;
        group.bench_function(name, |b| {
            b.iter(|| {
                ok = !ok;
                breaker.call(|| dependency(ok))
            })
        });
        still_closed(&breaker);
    }
}

/// Else it was not what its name says that was measured.
fn still_closed(breaker: &Breaker) {
    assert_eq!(breaker.state(), State::Closed);
}

criterion_group! {
    name = benches;
    config = shared::criterion();
    targets = single
}
criterion_main!(benches);
