//! Two threads on one breaker: the time of a call, as each of them sees it.

#![allow(missing_docs, reason = "criterion's macros make public items")]

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use std::thread;
use std::time::Duration;
use tripcoil::{Breaker, Clock, State};
use tripcoil_benches as shared;
use tripcoil_benches::{Floor, Gate, Took, dependency, overlapped};

const THREADS: usize = 2;
/// Calls before the clock starts: stripes grow, and caches fill.
const RUN_IN: u64 = 20_000;

/// Each thread makes `calls` calls; the mean of what they took. One that is done goes on calling
/// until the other is too, so that the slower one's last calls are contended like its first.
fn overlapping<F: FnMut()>(calls: u64, make: impl Fn(usize) -> F + Sync) -> Took {
    let (start, end) = (Gate::new(THREADS), Gate::new(THREADS));
    let one = |i: usize| {
        let mut call = make(i);
        (0..RUN_IN).for_each(|_| call());
        overlapped(&start, &end, calls, |n| (0..n).for_each(|_| call()))
    };
    let one = &one;
    thread::scope(|scope| {
        let threads = [0, 1].map(|i| scope.spawn(move || one(i)));
        let took = threads.map(|t| t.join().expect("it ends"));
        let mean =
            |of: fn(&Took) -> Duration| took.iter().map(of).sum::<Duration>() / THREADS as u32;
        Took {
            time: mean(|t| t.time),
            whole: mean(|t| t.whole),
            waited: mean(|t| t.waited),
            ..Took::default()
        }
    })
}

fn bench<F: FnMut()>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    make: impl Fn(usize) -> F + Sync,
) {
    let mut all = Took::default();
    group.bench_function(name, |b| {
        b.iter_custom(|calls| {
            let took = overlapping(calls, &make);
            // the one call of criterion's test mode tells nothing
            if calls > 1 {
                all.whole += took.whole;
                all.waited += took.waited;
            }
            took.time
        });
    });
    if !all.is_present() {
        eprintln!(
            "not contended: contended/{name} (a thread had {:.0} % of a CPU)",
            all.presence() * 100.0
        );
    }
}

fn contended(c: &mut Criterion) {
    let mut group = c.benchmark_group("contended");
    let floor = &Floor::new(2);
    bench(&mut group, "floor", |i| {
        let own = floor.of(i);
        move || own.call()
    });

    let plain = &shared::plain(Clock::coarse());
    bench(&mut group, "success/call", |_| || succeed(plain));
    bench(&mut group, "success/acquire", |_| {
        || {
            if let Ok(permit) = plain.try_acquire() {
                permit.success();
            }
        }
    });
    bench(&mut group, "success/local", |_| {
        let local = plain.local();
        move || {
            let _ = local.call(|| dependency(true));
        }
    });
    for (name, breaker) in [
        ("success/default rules", &shared::default_rules()),
        ("success/slow rule", &shared::timed()),
        ("success/count 100", &shared::counting(100)),
        ("success/count 16", &shared::counting(16)),
    ] {
        bench(&mut group, name, |_| || succeed(breaker));
        assert_eq!(breaker.state(), State::Closed, "{name}");
    }

    let storm = &shared::storm();
    bench(&mut group, "failure/call", |_| {
        || {
            let _ = storm.call(|| dependency(false));
        }
    });
    for (name, breaker) in [
        ("half fail/rate", &shared::half_fail_by_rate()),
        ("half fail/run", &shared::half_fail_by_run()),
    ] {
        bench(&mut group, name, |_| {
            let mut ok = false;
            move || {
                ok = !ok;
                let _ = breaker.call(|| dependency(ok));
            }
        });
        assert_eq!(breaker.state(), State::Closed, "{name}");
    }

    // its stripes have grown; those of one that never had two callers at once have not
    let used = shared::open(|breaker| {
        overlapping(200 * RUN_IN, |_| || succeed(breaker));
    });
    for (name, breaker) in [
        ("open/call", &used),
        ("open/never used", &shared::open(|_| ())),
    ] {
        bench(&mut group, name, |_| || succeed(breaker));
        assert_eq!(breaker.state(), State::Open, "{name}");
    }
    group.finish();
}

#[inline(always)]
fn succeed(breaker: &Breaker) {
    let _ = breaker.call(|| dependency(true));
}

criterion_group! {
    name = benches;
    config = shared::criterion();
    targets = contended
}
criterion_main!(benches);
