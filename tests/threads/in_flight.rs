//! The limit on calls in flight, under many racing acquires and an operator.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use tripcoil::{Breaker, Cause, FailureKind, State};

use crate::Dice;

const LIMIT: u64 = 3;

/// Seen from outside, never more than the limit are in flight, and at the end none is.
#[test]
fn never_more_than_the_limit_are_in_flight() {
    let (breaker, controller) = Breaker::builder("limited")
        .failure_rate(0.9)
        .max_in_flight(LIMIT as u32)
        .build_with_controller()
        .expect("valid");
    let (out, most, rejected) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let over = AtomicBool::new(false);
    let work = &|thread: usize| {
        let mut dice = Dice::of(thread);
        for _ in 0..20_000 {
            match breaker.try_acquire() {
                Ok(permit) => {
                    most.fetch_max(out.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    if dice.roll(4) == 0 {
                        thread::yield_now();
                    }
                    out.fetch_sub(1, Ordering::SeqCst);
                    match dice.roll(5) {
                        0 => permit.failure(FailureKind::Server),
                        1 => permit.ignore(),
                        2 => drop(permit),
                        _ => permit.success(),
                    }
                }
                Err(why) if why.state() == State::Closed => {
                    assert_eq!(why.cause(), Some(Cause::MaxInFlight));
                    rejected.fetch_add(1, Ordering::SeqCst);
                }
                Err(_) => thread::yield_now(),
            }
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..6)
            .map(|thread| scope.spawn(move || work(thread)))
            .collect();
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                // calls of one period end in another
                controller.reset();
                thread::yield_now();
            }
        });
        for worker in workers {
            worker.join().expect("ends");
        }
        over.store(true, Ordering::Relaxed);
    });
    let seen = breaker.observer().snapshot();
    assert!(most.load(Ordering::SeqCst) <= LIMIT);
    assert_eq!(seen.in_flight, Some(0));
    assert_eq!(
        seen.rejections_by_state.closed,
        rejected.load(Ordering::SeqCst)
    );
    assert!(
        seen.rejections_by_state.closed > 0,
        "nothing has met the limit"
    );
}
