//! Two threads on one breaker: the time of a call, as each of them sees it.

#![allow(missing_docs, reason = "criterion's macros make public items")]

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::thread;
use std::time::{Duration, Instant};
use tripcoil::{Breaker, Clock, State};
use tripcoil_benches as shared;
use tripcoil_benches::{Floor, dependency, on_cpu};

const THREADS: u32 = 2;
/// Calls before the clock starts: stripes grow, and caches fill.
const RUN_IN: u64 = 20_000;

/// All threads pass together, or nearly. They spin, since one that sleeps wakes too late.
#[derive(Default)]
struct Gate(AtomicU32);

impl Gate {
    fn arrive(&self) {
        self.0.fetch_add(1, Release);
    }

    fn all_here(&self) -> bool {
        self.0.load(Acquire) == THREADS
    }

    fn pass(&self) {
        self.arrive();
        while !self.all_here() {
            // the other thread may be waiting for this CPU
            thread::yield_now();
        }
    }
}

/// What a thread's calls took, and for how long of it the thread was on a CPU.
#[derive(Clone, Copy, Default)]
struct Took {
    time: Duration,
    on_cpu: Duration,
}

/// Each thread makes `calls` calls; the mean of what they took. One that is done goes on calling
/// until the other is too, so that the slower one's last calls are contended like its first.
fn overlapping<F: FnMut()>(calls: u64, make: impl Fn(usize) -> F + Sync) -> Took {
    let (start, end) = (Gate::default(), Gate::default());
    let one = |i: usize| {
        let mut call = make(i);
        (0..RUN_IN).for_each(|_| call());
        start.pass();
        let (began, ran) = (Instant::now(), on_cpu());
        (0..calls).for_each(|_| call());
        let (time, ran) = (began.elapsed(), on_cpu().zip(ran));
        end.arrive();
        while !end.all_here() {
            call();
        }
        let on_cpu = ran.map_or(time, |(now, then)| Duration::from_nanos(now - then));
        Took { time, on_cpu }
    };
    let one = &one;
    thread::scope(|scope| {
        let threads = [0, 1].map(|i| scope.spawn(move || one(i)));
        let took = threads.map(|t| t.join().expect("it ends"));
        Took {
            time: took.iter().map(|t| t.time).sum::<Duration>() / THREADS,
            on_cpu: took.iter().map(|t| t.on_cpu).sum::<Duration>() / THREADS,
        }
    })
}

/// The part of the time that both must have been on a CPU: else they took turns, and did not meet.
const PRESENT: f64 = 0.9;

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
                all.time += took.time;
                all.on_cpu += took.on_cpu;
            }
            took.time
        });
    });
    let present = all.on_cpu.as_secs_f64() / all.time.as_secs_f64();
    if present < PRESENT {
        eprintln!(
            "not contended: contended/{name} (a thread had {:.0} % of a CPU)",
            present * 100.0
        );
    }
}

fn contended(c: &mut Criterion) {
    let mut group = c.benchmark_group("contended");
    let floor = &Floor::default();
    bench(&mut group, "floor", |i| move || floor.call(i));

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
