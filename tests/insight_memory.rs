//! What an insight keeps is bounded, and a call pays nothing for it. In a process of its own: insights that other tests
//! make at the same time take rings from a reserve, which the next one refills.
#![allow(clippy::expect_used, reason = "a test may fail loudly")]

use std::sync::Mutex;
use std::time::Duration;
use tripcoil::insight::Insight;
use tripcoil::{Backoff, Breaker, FailureKind, HalfOpen, ManualClock};

#[path = "counting/mod.rs"]
mod counting;

use counting::{ALLOCATIONS, BYTES};

const SECOND: Duration = Duration::from_secs(1);

fn breaker(clock: &ManualClock) -> Breaker {
    Breaker::builder("kept")
        .consecutive_failures(3)
        .open_for(Backoff::constant(SECOND))
        .half_open(HalfOpen::successes(1))
        .clock(clock)
        .build()
        .expect("valid")
}

fn fail(breaker: &Breaker, times: u32) {
    for _ in 0..times {
        breaker
            .try_acquire()
            .expect("admitted")
            .failure(FailureKind::Server);
    }
}

/// A hundred outages, each after so many seconds of calls.
fn live(breaker: &Breaker, clock: &ManualClock, insight: &Insight, seconds: u32) {
    for _ in 0..100 {
        for _ in 0..seconds {
            for _ in 0..10 {
                breaker.try_acquire().expect("closed").success();
            }
            clock.advance(SECOND);
            assert!(insight.drain(60 * SECOND));
        }
        fail(breaker, 3);
        clock.advance(SECOND);
        breaker.try_acquire().expect("a probe").success();
        // on this thread, whose bytes are counted
        drop(insight.report());
    }
}

/// The first one of a process makes what all share: the listeners' threads, and rings for transitions that wait.
fn make_what_is_shared() {
    let clock = ManualClock::new();
    let breaker = breaker(&clock);
    let insight = Insight::new(&breaker.observer());
    live(&breaker, &clock, &insight, 1);
}

/// The first to need a ring refills the reserve of them, on its own thread.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

#[test]
fn what_it_keeps_is_bounded() {
    let _alone = ONE_AT_A_TIME.lock();
    make_what_is_shared();
    let clock = ManualClock::new();
    let breaker = breaker(&clock);
    let before = BYTES.get();
    let insight = Insight::new(&breaker.observer());
    let fresh = BYTES.get() - before;
    live(&breaker, &clock, &insight, 3);
    let first = BYTES.get() - before;
    live(&breaker, &clock, &insight, 3);
    let second = BYTES.get() - before;
    println!("{fresh} bytes at first, {first} after a hundred outages, {second} after two hundred");
    assert!(fresh > 1_000, "the counter sees nothing");
    assert!(fresh < 24_000, "{fresh} bytes at first");
    // what the listeners' thread frees or makes is not seen here
    assert!(
        second - first < 4_096 && second < 24_000,
        "{first}, then {second}"
    );
}

#[test]
fn a_call_allocates_nothing_for_it() {
    let _alone = ONE_AT_A_TIME.lock();
    make_what_is_shared();
    let clock = ManualClock::new();
    let breaker = breaker(&clock);
    let insight = Insight::new(&breaker.observer());
    live(&breaker, &clock, &insight, 1);
    let before = ALLOCATIONS.get();
    for _ in 0..1_000 {
        breaker.try_acquire().expect("closed").success();
    }
    assert_eq!(ALLOCATIONS.get() - before, 0);
}
