//! One winner a transition; what was published holds.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use tripcoil::{Breaker, Cause, FailureKind, ManualClock, State, Window};

use crate::{Dice, Patience};

const WORKERS: usize = 4;

#[test]
fn of_many_failures_one_trips() {
    for rule in 0..3 {
        let builder = Breaker::builder("winner").clock(ManualClock::new());
        let builder = match rule {
            0 => builder.consecutive_failures(WORKERS as u32),
            1 => builder.failure_count(WORKERS as u32),
            _ => builder.failure_rate(1.0).min_throughput(WORKERS as u32),
        };
        let (breaker, controller) = builder.build_with_controller().expect("valid");
        let observer = breaker.observer();
        for round in 1..=150_u64 {
            let gate = Barrier::new(WORKERS);
            thread::scope(|scope| {
                for _ in 0..WORKERS {
                    scope.spawn(|| {
                        let permit = breaker.try_acquire().expect("closed");
                        gate.wait();
                        permit.failure(FailureKind::Server);
                    });
                }
            });
            let seen = observer.snapshot();
            // all have returned, and the rule holds of the last of them
            assert_eq!(seen.state, State::Open, "{rule}: {seen:?}");
            assert_eq!(seen.transitions, 2 * round - 1);
            assert_eq!(seen.totals.failures, round * WORKERS as u64);
            assert_eq!(
                observer.history().last().map(|event| event.from),
                Some(State::Closed)
            );
            assert!(controller.reset());
        }
    }
}

#[test]
fn more_failures_than_it_takes_trip_once_and_the_rest_are_late() {
    let (breaker, controller) = Breaker::builder("winner")
        .clock(ManualClock::new())
        .consecutive_failures(2)
        .build_with_controller()
        .expect("valid");
    let observer = breaker.observer();
    for round in 1..=200_u64 {
        let gate = Barrier::new(WORKERS);
        thread::scope(|scope| {
            for _ in 0..WORKERS {
                scope.spawn(|| {
                    let permit = breaker.try_acquire().expect("closed");
                    gate.wait();
                    permit.failure(FailureKind::Server);
                });
            }
        });
        let seen = observer.snapshot();
        assert_eq!(seen.transitions, 2 * round - 1);
        assert_eq!(
            observer.history().last().map(|e| e.cause),
            Some(Cause::ConsecutiveFailures)
        );
        assert_eq!(
            seen.totals.failures + seen.totals.late,
            round * WORKERS as u64
        );
        assert!(seen.totals.failures >= 2 * round);
        assert!(controller.reset());
    }
}

#[test]
fn after_a_trip_no_later_call_is_admitted_before_the_deadline() {
    let clock = ManualClock::new();
    let (breaker, controller) = Breaker::builder("shut")
        .clock(&clock)
        .consecutive_failures(1_000_000)
        .build_with_controller()
        .expect("valid");
    let tripped = AtomicU64::new(0);
    let checked = AtomicU64::new(0);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for n in 0..WORKERS {
            let (breaker, tripped, checked, over) = (&breaker, &tripped, &checked, &over);
            scope.spawn(move || {
                let local = breaker.local();
                let mut dice = Dice::of(n);
                while !over.load(Ordering::SeqCst) {
                    let before = tripped.load(Ordering::SeqCst);
                    let admitted = match dice.roll(2) {
                        0 => breaker.try_acquire().map(|permit| permit.success()).is_ok(),
                        _ => local.try_acquire().map(|permit| permit.success()).is_ok(),
                    };
                    // odd from when a trip has returned to just before the next reset
                    if before % 2 == 1 && tripped.load(Ordering::SeqCst) == before {
                        assert!(!admitted, "a call came through an open breaker");
                        checked.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
        for _ in 0..60 {
            assert!(controller.trip_for(Duration::from_secs(60)));
            tripped.fetch_add(1, Ordering::SeqCst);
            // at least one call is tried before the reset
            let before = checked.load(Ordering::SeqCst);
            let patience = Patience::new();
            while checked.load(Ordering::SeqCst) == before {
                patience.wait();
            }
            tripped.fetch_add(1, Ordering::SeqCst);
            assert!(controller.reset());
            (0..5).for_each(|_| thread::yield_now());
        }
        over.store(true, Ordering::SeqCst);
    });
}

#[test]
fn an_override_stands_against_all_outcomes() {
    let clock = ManualClock::new();
    let (breaker, controller) = Breaker::builder("overridden")
        .clock(&clock)
        .consecutive_failures(2)
        .window(Window::time(Duration::from_millis(10)).buckets(10))
        .open_for(Duration::from_millis(1))
        .build_with_controller()
        .expect("valid");
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for n in 0..WORKERS {
            let (breaker, clock, over) = (&breaker, &clock, &over);
            scope.spawn(move || {
                let mut dice = Dice::of(n);
                while !over.load(Ordering::Relaxed) {
                    if let Ok(permit) = breaker.try_acquire() {
                        thread::yield_now();
                        match dice.roll(3) {
                            0 => permit.success(),
                            _ => permit.failure(FailureKind::Server),
                        }
                    }
                    clock.advance(Duration::from_micros(300));
                }
            });
        }
        for round in 0..60 {
            let (done, state) = match round % 3 {
                0 => (controller.force_open(), State::ForcedOpen),
                1 => (controller.disable(), State::Disabled),
                _ => (controller.observe_only(), State::ObserveOnly),
            };
            assert!(done);
            for _ in 0..20 {
                assert_eq!(breaker.state(), state);
                thread::yield_now();
            }
            if round % 2 == 0 {
                assert!(controller.release());
                (0..5).for_each(|_| thread::yield_now());
            }
        }
        over.store(true, Ordering::Relaxed);
    });
}
