//! The probe limit and the size of a round, under many racing acquires.

use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use tripcoil::{Backoff, Breaker, Cause, FailureKind, HalfOpen, ManualClock, State};

use crate::{Dice, Patience};

const WORKERS: usize = 4;
const ROUNDS: u64 = 300;

/// Rounds that all fail, so that every call admitted is a probe of the present round: no slot is
/// left over when a round is decided.
fn rounds(of: u32, max_probes: u32, ignoring: bool) {
    let clock = ManualClock::new();
    let half_open = HalfOpen::rate(of, 1.0).max_probes(max_probes);
    let breaker = Breaker::builder("rounds")
        .clock(&clock)
        .consecutive_failures(1)
        .open_for(Backoff::constant(Duration::from_millis(1)))
        .half_open(half_open.probe_timeout(Duration::from_secs(86_400)))
        .initial_state(State::Open)
        .build()
        .expect("valid");
    let verdicts = Arc::<Mutex<Vec<u64>>>::default();
    let heard = Arc::clone(&verdicts);
    let listening = breaker.observer().subscribe(move |event| {
        if event.from == State::HalfOpen {
            assert_eq!((event.to, event.cause), (State::Open, Cause::ProbeFailed));
            heard.lock().push(event.counts.calls);
        }
    });
    let over = AtomicBool::new(false);
    let (out, most, failed) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU64::new(0));
    let work = |thread: usize| {
        let mut dice = Dice::of(thread);
        while !over.load(Ordering::Relaxed) {
            let Ok(permit) = breaker.try_acquire() else {
                thread::yield_now();
                continue;
            };
            most.fetch_max(out.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            if dice.roll(2) == 0 {
                thread::yield_now();
            }
            out.fetch_sub(1, Ordering::SeqCst);
            if ignoring && dice.roll(3) == 0 {
                permit.ignore();
            } else {
                permit.failure(FailureKind::Server);
                failed.fetch_add(1, Ordering::SeqCst);
            }
        }
    };
    let observer = breaker.observer();
    thread::scope(|scope| {
        let work = &work;
        let workers: Vec<_> = (0..WORKERS).map(|n| scope.spawn(move || work(n))).collect();
        let patience = Patience::new();
        while observer.snapshot().transitions < 2 * ROUNDS {
            clock.advance(Duration::from_millis(1));
            patience.wait();
        }
        over.store(true, Ordering::Relaxed);
        workers
            .into_iter()
            .for_each(|it| it.join().expect("no panic"));
    });
    let seen = observer.snapshot();
    assert!(
        most.into_inner() <= max_probes.min(of),
        "more probes out than {max_probes}"
    );
    assert!(
        listening.drain(Duration::from_secs(60)),
        "it is told in time"
    );
    let verdicts = verdicts.lock();
    assert!(
        verdicts.iter().all(|results| *results == u64::from(of)),
        "{verdicts:?}"
    );
    assert!(verdicts.len() as u64 >= ROUNDS - 1);
    assert_eq!(seen.totals.late, 0);
    assert_eq!(seen.totals.failures, failed.into_inner());
    let under_way = if seen.state == State::HalfOpen {
        u64::from(seen.probes.failed)
    } else {
        0
    };
    let decided = seen.transitions.div_ceil(2) - u64::from(seen.state == State::HalfOpen);
    assert_eq!(seen.totals.failures, decided * u64::from(of) + under_way);
}

#[test]
fn one_probe_at_a_time() {
    rounds(3, 1, false);
}

#[test]
fn three_probes_of_eight() {
    rounds(8, 3, false);
}

#[test]
fn as_many_probes_as_results() {
    rounds(4, 4, false);
}

#[test]
fn more_probes_allowed_than_results_needed() {
    rounds(2, 200, false);
}

#[test]
fn ignored_probes_give_their_slots_back() {
    rounds(5, 2, true);
}

#[test]
fn the_first_acquire_after_the_deadline_is_one() {
    let clock = ManualClock::new();
    let (breaker, controller) = Breaker::builder("first")
        .clock(&clock)
        .consecutive_failures(1)
        .half_open(HalfOpen::successes(1))
        .build_with_controller()
        .expect("valid");
    for _ in 0..200 {
        assert!(controller.trip_for(Duration::from_millis(1)));
        clock.advance(Duration::from_millis(1));
        let gate = std::sync::Barrier::new(WORKERS);
        let admitted = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..WORKERS {
                scope.spawn(|| {
                    gate.wait();
                    let permit = breaker.try_acquire();
                    admitted.fetch_add(u32::from(permit.is_ok()), Ordering::SeqCst);
                    // none is given back before each has asked
                    gate.wait();
                    if let Ok(permit) = permit {
                        permit.success();
                    }
                });
            }
        });
        assert_eq!(admitted.into_inner(), 1);
        assert_eq!(breaker.state(), State::Closed);
    }
}

#[test]
fn leaked_probes_hold_no_round_for_ever() {
    let clock = ManualClock::new();
    let breaker = Breaker::builder("leaky")
        .clock(&clock)
        .consecutive_failures(1)
        .open_for(Backoff::constant(Duration::from_millis(1)))
        .half_open(
            HalfOpen::successes(3)
                .max_probes(2)
                .probe_timeout(Duration::from_millis(3)),
        )
        .initial_state(State::Open)
        .build()
        .expect("valid");
    let closed = AtomicBool::new(false);
    thread::scope(|scope| {
        for n in 0..WORKERS {
            let (breaker, closed) = (&breaker, &closed);
            scope.spawn(move || {
                let mut dice = Dice::of(n);
                let mut leaks = 30;
                while !closed.load(Ordering::Relaxed) {
                    match breaker.try_acquire() {
                        Ok(permit) if leaks > 0 && dice.roll(2) == 0 => {
                            leaks -= 1;
                            std::mem::forget(permit);
                        }
                        Ok(permit) => permit.success(),
                        Err(_) => thread::yield_now(),
                    }
                }
            });
        }
        let patience = Patience::new();
        while breaker.state() != State::Closed {
            clock.advance(Duration::from_micros(500));
            patience.wait();
        }
        closed.store(true, Ordering::Relaxed);
    });
    assert_eq!(breaker.state(), State::Closed);
}
