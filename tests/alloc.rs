//! No call allocates, in any state, nor does a transition that a call makes; and an idle breaker
//! is small.
//!
//! The counts are kept per thread, so that tests running beside each other do not disturb them.
//! One thread alone never meets another on a stripe, so that no stripes grow here.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

use std::future::{Future, pending, ready};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tripcoil::{
    Backoff, Breaker, Builder, Controller, FailureKind, HalfOpen, Local, ManualClock, Outcome,
    State, Window,
};

#[path = "counting/mod.rs"]
mod counting;

use counting::{ALLOCATIONS, BYTES};

/// Fails where `work` allocates on this thread.
#[track_caller]
fn allocates_nothing<R>(what: &str, work: impl FnOnce() -> R) -> R {
    let before = ALLOCATIONS.get();
    let result = work();
    let allocations = ALLOCATIONS.get() - before;
    assert_eq!(allocations, 0, "{what}");
    result
}

/// Reads that this thread has asked the system for.
#[cfg(target_os = "linux")]
fn reads() -> u64 {
    let io = std::fs::read_to_string("/proc/thread-self/io").expect("of this thread");
    let count = io.lines().find_map(|line| line.strip_prefix("syscr: "));
    count.expect("a count").parse().expect("a number")
}

/// The standard library reads files of /proc and /sys for their number.
#[cfg(target_os = "linux")]
#[test]
fn the_cpus_are_counted_once() {
    let build = |durations| {
        let builder = Breaker::builder("one of many").durations(durations);
        drop(builder.build().expect("valid"));
    };
    build(true);
    let idle = reads();
    let one = reads() - idle;
    let before = reads();
    for n in 0..100 {
        build(n % 2 == 0);
    }
    assert_eq!(reads() - before, one, "by 100 builds");
}

#[test]
fn the_counter_counts() {
    let before = (ALLOCATIONS.get(), BYTES.get());
    let boxed = Box::new([0_u8; 100]);
    assert_eq!(
        (ALLOCATIONS.get(), BYTES.get()),
        (before.0 + 1, before.1 + 100)
    );
    drop(boxed);
    assert_eq!((ALLOCATIONS.get(), BYTES.get()), (before.0 + 1, before.1));
}

struct Rig {
    breaker: Breaker,
    local: Local,
    controller: Controller,
    clock: ManualClock,
}

const LIMIT: Duration = Duration::from_millis(5);

/// A thread that looks at some breaker's rules for the first time takes a place in arc-swap's list
/// of readers: once a thread, for all breakers, and the place is used again when the thread is gone.
fn take_the_threads_place() {
    let clock = ManualClock::new();
    drop(Breaker::builder("first").clock(&clock).build());
}

fn rig(about: impl FnOnce(Builder) -> Builder) -> Rig {
    take_the_threads_place();
    let clock = ManualClock::new();
    let builder = Breaker::builder("frugal")
        .clock(&clock)
        .window(Window::time(Duration::from_secs(1)).buckets(10))
        .slow_call(LIMIT)
        .open_for(Backoff::exponential(Duration::from_millis(1), 2.0).jitter(0.2));
    let (breaker, controller) = about(builder).build_with_controller().expect("valid");
    Rig {
        local: breaker.local(),
        breaker,
        controller,
        clock,
    }
}

/// All rules on, and far from true.
fn unhurried(builder: Builder) -> Builder {
    builder
        .failure_rate(1.0)
        .slow_rate(1.0)
        .failure_count(800)
        .consecutive_failures(800)
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Each way of ending a permit, on whatever hands one out.
macro_rules! endings {
    ($acquire:expr) => {{
        let endings = [0, 1, 2, 3, 4, 5, 6, 7];
        for ending in endings {
            let Ok(permit) = $acquire else { continue };
            match ending {
                0 => permit.success(),
                1 => permit.failure(FailureKind::Server),
                2 => permit.ignore(),
                3 => permit.record(Outcome::Success),
                4 => permit.record_timed(Outcome::Success, LIMIT * 2),
                5 => permit.record_timed(Outcome::Failure(FailureKind::Other(9)), LIMIT * 2),
                6 => permit.record(Outcome::Failure(FailureKind::Overload).with_retry_after(LIMIT)),
                _ => drop(permit),
            }
        }
    }};
}

/// The ways of calling that a breaker and its local handle share.
macro_rules! calls {
    ($on:expr) => {{
        let on = $on;
        endings!(on.try_acquire());
        let _ = on.call(|| Ok::<u32, u32>(1));
        let _ = on.call(|| Err::<u32, u32>(1));
        let _ = poll(pin!(on.call_async(ready(Ok::<u32, u32>(1)))));
        let _ = poll(pin!(on.call_async(ready(Err::<u32, u32>(1)))));
        let _ = on.call_or(|| Err::<u32, u32>(1), |_| 2);
        let _ = poll(pin!(on.call_async_or(ready(Ok::<u32, u32>(1)), |_| 2)));
        // polled, and dropped: a cancellation
        let _ = poll(pin!(on.call_async(pending::<Result<u32, u32>>())));
    }};
}

/// Every way of calling, once around.
fn all_calls(rig: &Rig) {
    calls!(&rig.breaker);
    calls!(&rig.local);
    endings!(rig.breaker.try_acquire_owned());
    let ignored = |_: &Result<u32, u32>| Outcome::Ignored;
    let _ = rig.breaker.with_classifier(ignored).call(|| Err(1));
    let _ = rig.breaker.with_slow_call(LIMIT).call(|| Ok::<u32, u32>(1));
}

#[track_caller]
fn frugal(what: &str, rig: &Rig, state: State) {
    assert_eq!(rig.breaker.state(), state, "{what}");
    allocates_nothing(what, || {
        for _ in 0..20 {
            all_calls(rig);
        }
    });
    assert_eq!(rig.breaker.state(), state, "{what}");
}

#[test]
fn no_call_allocates_while_closed() {
    let windows = [
        Window::time(Duration::from_secs(1)).buckets(10),
        Window::time(Duration::from_secs(3_600)).buckets(3_600),
        Window::count(801),
        Window::count(100_000),
    ];
    for window in windows {
        let what = format!("{window:?}");
        let rig = rig(|builder| unhurried(builder).window(window));
        frugal(&what, &rig, State::Closed);
    }
    // nor with a single rule
    frugal(
        "a run",
        &rig(|builder| builder.consecutive_failures(800)),
        State::Closed,
    );
}

#[test]
fn no_call_allocates_while_further_successes_could_trip() {
    let rig = rig(|builder| builder.failure_rate(1e-6).min_throughput(100_000));
    rig.breaker
        .try_acquire()
        .expect("closed")
        .failure(FailureKind::Server);
    frugal("armed", &rig, State::Closed);
}

#[test]
fn no_rejection_allocates() {
    let rig = rig(unhurried);
    assert!(rig.controller.trip_for(Duration::from_secs(60)));
    frugal("open", &rig, State::Open);
    assert!(rig.controller.force_open());
    frugal("forced open", &rig, State::ForcedOpen);
    assert!(rig.breaker.observer().snapshot().totals.rejected > 500);
}

#[test]
fn no_call_allocates_under_an_override() {
    let rig = rig(unhurried);
    assert!(rig.controller.disable());
    frugal("disabled", &rig, State::Disabled);
    assert!(rig.controller.observe_only());
    frugal("observe-only", &rig, State::ObserveOnly);
    // and with rules that turn true
    let strict = self::rig(|builder| builder.consecutive_failures(1).failure_rate(0.1));
    assert!(strict.controller.observe_only());
    frugal("observe-only, rules true", &strict, State::ObserveOnly);
    assert!(strict.breaker.observer().snapshot().would_trip > 0);
}

#[test]
fn no_probe_allocates() {
    let rig = rig(|builder| {
        let rounds = HalfOpen::rate(255, 1.0).max_probes(2);
        unhurried(builder).half_open(rounds)
    });
    assert!(rig.controller.half_open());
    // few enough to leave the round undecided
    allocates_nothing("half-open", || (0..3).for_each(|_| all_calls(&rig)));
    assert_eq!(rig.breaker.state(), State::HalfOpen);
    let (_a, _b) = (rig.breaker.try_acquire(), rig.breaker.try_acquire());
    frugal("half-open, full", &rig, State::HalfOpen);
    let probes = rig.breaker.observer().snapshot().probes;
    assert!(probes.succeeded > 0 && probes.failed > 0);
}

#[test]
fn no_rotation_allocates() {
    for buckets in [1, 10, 1_000] {
        let rig = rig(|builder| {
            unhurried(builder).window(Window::time(Duration::from_secs(1)).buckets(buckets))
        });
        allocates_nothing("rotations", || {
            for step in 0..300 {
                all_calls(&rig);
                rig.clock.advance(Duration::from_millis(step * 37 % 2_500));
            }
        });
    }
}

/// Trips, rounds of every ending, recoveries.
fn transitions(rig: &Rig) -> u64 {
    let fail = |times: usize| {
        for _ in 0..times {
            let _ = rig.breaker.call(|| Err::<u32, u32>(1));
        }
    };
    for _ in 0..40 {
        fail(3);
        rig.clock.advance(Duration::from_secs(700));
        fail(1);
        rig.clock.advance(Duration::from_secs(700));
        // two cancelled ones are as many as the round needs, and no result came for its timeout
        for _ in 0..2 {
            let _ = poll(pin!(rig.local.call_async(pending::<Result<u32, u32>>())));
            rig.clock.advance(Duration::from_secs(700));
        }
        std::mem::forget(rig.breaker.try_acquire());
        rig.clock.advance(Duration::from_secs(700));
        let _ = rig.local.call(|| Ok::<u32, u32>(1));
        rig.clock.advance(Duration::from_secs(700));
        for _ in 0..2 {
            let _ = rig.local.call(|| Ok::<u32, u32>(1));
        }
    }
    40
}

#[test]
fn no_transition_made_by_a_call_allocates() {
    for window in [
        Window::time(Duration::from_secs(1)),
        Window::count(3),
        Window::count(500),
    ] {
        let rig = rig(|builder| builder.window(window.clone()).consecutive_failures(3));
        let rounds = allocates_nothing("transitions", || transitions(&rig));
        // a trip, four rounds begun, three of them failed, one recovery
        assert_eq!(
            rig.breaker.observer().snapshot().transitions,
            9 * rounds,
            "{window:?}"
        );
    }
}

#[test]
fn nor_does_one_that_is_told_to_a_listener() {
    let rig = rig(|builder| builder.consecutive_failures(3));
    let heard = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let ear = std::sync::Arc::clone(&heard);
    let listening = rig.breaker.observer().subscribe(move |_| {
        ear.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    });
    let rounds = allocates_nothing("told transitions", || transitions(&rig));
    assert!(listening.drain(Duration::from_secs(20)));
    assert_eq!(heard.load(std::sync::atomic::Ordering::Relaxed), 9 * rounds);
}

/// Listeners of each sort, one of them stuck: what waits for it outgrows the first ring, and the next.
#[test]
fn nor_does_one_that_is_told_to_many_and_kept_for_a_stuck_one() {
    let rig = rig(|builder| builder.consecutive_failures(3));
    let observer = rig.breaker.observer();
    let (free, freed) = std::sync::mpsc::channel::<()>();
    let stuck = observer.subscribe(move |_| freed.recv().unwrap_or_default());
    let others: Vec<_> = (0..20).map(|_| observer.subscribe(|_| {})).collect();
    let epochs = observer.subscribe_epochs(|_| {});
    let dedicated = observer.subscribe(|_| {}).dedicated();
    let mut events = observer.events();
    for _ in 0..4 {
        allocates_nothing("told transitions", || transitions(&rig));
    }
    let all = observer.snapshot().transitions;
    assert_eq!(events.by_ref().count() as u64 + events.missed(), all);
    assert!(all > 1_024 && events.missed() == all - 1_024);
    for listening in others.iter().chain([&epochs, &dedicated]) {
        assert!(listening.drain(Duration::from_secs(20)));
    }
    drop(free);
    assert!(stuck.drain(Duration::from_secs(20)));
    assert_eq!(stuck.delivered() + stuck.missed(), all);
}

#[test]
fn no_rejected_async_call_allocates() {
    let rig = rig(unhurried);
    assert!(rig.controller.force_open());
    allocates_nothing("async rejections", || {
        for _ in 0..100 {
            let Poll::Ready(answer) = poll(pin!(rig.breaker.call_async(ready(Ok::<u32, u32>(1)))))
            else {
                panic!("a rejection is ready");
            };
            assert!(answer.is_err_and(|error| error.is_rejected()));
        }
    });
}

/// What `take_the_threads_place` is for, and all that a thread's first call can take.
#[test]
fn a_threads_first_look_at_the_rules_allocates_at_most_once() {
    let rig = rig(unhurried);
    std::thread::scope(|threads| {
        let first = threads.spawn(|| {
            let before = (ALLOCATIONS.get(), BYTES.get());
            rig.breaker.try_acquire().map(drop).expect("closed");
            let taken = (ALLOCATIONS.get() - before.0, BYTES.get() - before.1);
            assert!(taken.0 <= 1 && taken.1 <= 256, "{taken:?}");
            allocates_nothing("a thread's second call", || {
                rig.breaker.try_acquire().map(drop).expect("closed");
            });
        });
        first.join().expect("ends");
    });
}

/// The rules are kept once for breakers that are built alike, one after the other.
#[test]
fn an_idle_breaker_is_small() {
    let built = |clock: &ManualClock| {
        let before = BYTES.get();
        let breaker = Breaker::builder("idle").clock(clock).build();
        let breaker = breaker.expect("valid");
        let heap = BYTES.get() - before;
        let size = i64::try_from(size_of::<Breaker>()).expect("a size") + heap;
        (breaker, size)
    };
    take_the_threads_place();
    let clocks = [ManualClock::new(), ManualClock::new()];
    let (other, _) = built(&clocks[0]);
    let before = BYTES.get();
    let (first, alone) = built(&clocks[1]);
    let (second, like_it) = built(&clocks[1]);
    drop((first, second));
    let left = BYTES.get() - before;
    drop(other);
    // not before, since printing takes memory of its own
    println!("an idle breaker with the defaults takes {alone} bytes, one more like it {like_it}");
    assert!(like_it > 0, "the counter sees nothing");
    // and 24 where no breaker of such rules was built before
    assert!(alone <= 1_804 + 24, "{alone} bytes");
    assert!(like_it <= 1_356, "{like_it} bytes");
    // what the next one alike would share, until one unlike comes
    assert!(left <= 448 + 24, "{left} bytes are left");
}
