//! Each call is counted exactly once, and no total ever goes down.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tripcoil::observe::Totals;
use tripcoil::{Backoff, Breaker, Controller, FailureKind, HalfOpen, ManualClock, Outcome, Window};

use crate::Dice;

const WORKERS: usize = 4;
const CALLS: u64 = 6_000;
/// On a busy machine the meddler may let a whole shift find the breaker shut, or sleep through it.
const SHIFTS: usize = 200;

/// What a worker did, by its own account.
#[derive(Clone, Copy, Debug, Default)]
struct Did {
    succeeded: u64,
    failed: u64,
    ignored: u64,
    dropped: u64,
    rejected: u64,
}

impl Did {
    fn admitted(&self) -> u64 {
        self.succeeded + self.failed + self.ignored + self.dropped
    }
}

fn finished(totals: &Totals) -> u64 {
    totals.successes + totals.failures + totals.ignored + totals.cancelled + totals.late
}

/// One call, on whatever hands out a permit.
macro_rules! call {
    ($from:expr, $dice:expr, $did:expr) => {
        match $from {
            Err(_) => $did.rejected += 1,
            Ok(permit) => match $dice.roll(20) {
                0 => {
                    $did.ignored += 1;
                    permit.ignore();
                }
                1 => {
                    $did.dropped += 1;
                    drop(permit);
                }
                2..=6 => {
                    $did.failed += 1;
                    permit.failure(FailureKind::Server);
                }
                7 => {
                    $did.succeeded += 1;
                    permit.record_timed(Outcome::Success, Duration::from_secs(1));
                }
                _ => {
                    $did.succeeded += 1;
                    permit.success();
                }
            },
        }
    };
}

fn work(breaker: &Breaker, thread: usize) -> Did {
    let mut dice = Dice::of(thread);
    let mut did = Did::default();
    let mut local = breaker.local();
    for _ in 0..CALLS {
        if dice.roll(40) == 0 {
            // handles come and go
            local = breaker.local();
        }
        match dice.roll(4) {
            0 => call!(breaker.try_acquire(), dice, did),
            1 => call!(breaker.try_acquire_owned(), dice, did),
            _ => call!(local.try_acquire(), dice, did),
        }
    }
    did
}

/// Calls of both kinds have ended, and the breaker has moved.
fn tried(breaker: &Breaker) -> bool {
    let seen = breaker.observer().snapshot();
    seen.totals.successes > 0 && seen.totals.failures > 0 && seen.transitions > 0
}

/// What goes on beside the calls, until they are over.
fn meddle(controller: &Controller, clock: &ManualClock, over: &AtomicBool, orders: bool) {
    let mut dice = Dice::of(99);
    while !over.load(Ordering::Relaxed) {
        clock.advance(Duration::from_nanos(dice.roll(3_000_000)));
        if orders {
            match dice.roll(12) {
                0 => controller.trip(),
                1 => controller.trip_for(Duration::from_millis(1)),
                2 => controller.half_open(),
                3 => controller.reset(),
                4 => controller.observe_only(),
                5 => controller.force_open(),
                6..=8 => controller.release(),
                9 => controller.postpone(Duration::from_millis(1)),
                _ => controller
                    .reconfigure(|rules| rules.failure_rate([0.5, 0.9][dice.roll(2) as usize]))
                    .is_ok(),
            };
        }
        thread::yield_now();
    }
}

/// Looks on; each look must show no less than the one before.
fn watch(breaker: &Breaker, over: &AtomicBool) -> u64 {
    let observer = breaker.observer();
    let mut before = observer.snapshot();
    let mut looks = 0;
    loop {
        // and once more when all is over
        let last = over.load(Ordering::Relaxed);
        let now = observer.snapshot();
        let pairs = [
            (before.totals.successes, now.totals.successes),
            (before.totals.failures, now.totals.failures),
            (before.totals.slow, now.totals.slow),
            (before.totals.rejected, now.totals.rejected),
            (before.totals.late, now.totals.late),
            (before.totals.ignored, now.totals.ignored),
            (before.totals.cancelled, now.totals.cancelled),
            (before.would_trip, now.would_trip),
            (before.transitions, now.transitions),
            (before.generation, now.generation),
        ];
        assert!(
            pairs.iter().all(|(before, now)| before <= now),
            "{before:?} then {now:?}"
        );
        assert_eq!(now.window.calls, now.window.successes + now.window.failures);
        assert!(now.window.slow <= now.window.calls);
        before = now;
        looks += 1;
        if last {
            return looks;
        }
        thread::yield_now();
    }
}

fn conserves(window: Window, orders: bool) {
    let clock = ManualClock::new();
    let (breaker, controller) = Breaker::builder("conserved")
        .clock(&clock)
        .window(window)
        .failure_rate(0.6)
        .min_throughput(10)
        .consecutive_failures(6)
        .slow_call(Duration::from_millis(500))
        .open_for(Backoff::constant(Duration::from_millis(2)))
        .half_open(HalfOpen::rate(5, 0.8).probe_timeout(Duration::from_millis(5)))
        .build_with_controller()
        .expect("valid");
    let over = AtomicBool::new(false);
    let (did, looks) = thread::scope(|scope| {
        let meddler = scope.spawn(|| meddle(&controller, &clock, &over, orders));
        let watcher = scope.spawn(|| watch(&breaker, &over));
        let breaker = &breaker;
        let mut did = Vec::new();
        for shift in 0..SHIFTS {
            let workers: Vec<_> = (0..WORKERS)
                .map(|n| scope.spawn(move || work(breaker, WORKERS * shift + n)))
                .collect();
            did.extend(workers.into_iter().map(|it| it.join().expect("no panic")));
            if tried(breaker) {
                break;
            }
        }
        over.store(true, Ordering::Relaxed);
        meddler.join().expect("no panic");
        (did, watcher.join().expect("no panic"))
    });
    let sum = |part: fn(&Did) -> u64| did.iter().map(part).sum::<u64>();
    let totals = breaker.observer().snapshot().totals;
    assert_eq!(finished(&totals), sum(Did::admitted), "{totals:?}, {did:?}");
    assert_eq!(
        totals.rejected,
        sum(|did| did.rejected),
        "{totals:?}, {did:?}"
    );
    // what is missing of each is late
    assert!(totals.successes <= sum(|did| did.succeeded));
    assert!(totals.failures <= sum(|did| did.failed));
    assert!(totals.ignored <= sum(|did| did.ignored));
    assert!(totals.cancelled <= sum(|did| did.dropped));
    let kinds: u64 = breaker
        .observer()
        .snapshot()
        .failures_by_kind
        .iter()
        .map(|it| it.1)
        .sum();
    assert_eq!(kinds, totals.failures);
    assert!(tried(&breaker) && looks > 0, "{totals:?}");
}

#[test]
fn through_rotating_epochs_and_trips() {
    conserves(Window::time(Duration::from_millis(5)).buckets(5), false);
}

#[test]
fn through_orders_as_well() {
    conserves(Window::time(Duration::from_millis(5)).buckets(5), true);
}

#[test]
fn with_a_small_count_window() {
    conserves(Window::count(12), true);
}

#[test]
fn with_a_large_count_window() {
    conserves(Window::count(5_000), true);
}

/// Where nothing trips and no epoch ends, the window holds every call, to the last one.
fn holds_all(window: Window) {
    let clock = ManualClock::new();
    let builder = Breaker::builder("quiet").clock(&clock).window(window);
    let breaker = builder.failure_count(1_000_000).build().expect("valid");
    let breaker = &breaker;
    let did: Vec<Did> = thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|n| scope.spawn(move || work(breaker, n)))
            .collect();
        workers
            .into_iter()
            .map(|it| it.join().expect("no panic"))
            .collect()
    });
    let sum = |part: fn(&Did) -> u64| did.iter().map(part).sum::<u64>();
    let seen = breaker.observer().snapshot();
    assert_eq!(seen.window.successes, sum(|did| did.succeeded));
    assert_eq!(seen.window.failures, sum(|did| did.failed));
    assert_eq!(seen.totals.successes, sum(|did| did.succeeded));
    assert_eq!(seen.totals.failures, sum(|did| did.failed));
    assert_eq!(seen.totals.ignored, sum(|did| did.ignored));
    assert_eq!(seen.totals.cancelled, sum(|did| did.dropped));
    assert_eq!(seen.totals.late, 0);
}

#[test]
fn a_quiet_time_window_misses_no_call() {
    holds_all(Window::time(Duration::from_secs(10)).buckets(10));
}

#[test]
fn a_quiet_count_window_misses_no_call() {
    holds_all(Window::count(1_000_000));
}

#[test]
fn a_count_window_is_full_and_no_fuller_after_many_racing_calls() {
    for size in [1, 7, 64, 1_000] {
        let breaker = Breaker::builder("full")
            .clock(ManualClock::new())
            .window(Window::count(size))
            .consecutive_failures(1_000_000)
            .build()
            .expect("valid");
        let shared = &breaker;
        thread::scope(|scope| {
            for n in 0..WORKERS {
                scope.spawn(move || work(shared, n));
            }
        });
        let window = breaker.observer().snapshot().window;
        assert_eq!(window.calls, u64::from(size));
        assert_eq!(window.successes + window.failures, window.calls);
    }
}
