//! Events: each once, in order, and no caller is harmed by a listener.

use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use tripcoil::observe::{Counts, Epoch};
use tripcoil::{
    Backoff, Breaker, Controller, FailureKind, HalfOpen, ManualClock, Outcome, State, Transition,
    Window,
};

use crate::{Dice, Patience};

const FAILED: Outcome = Outcome::Failure(FailureKind::Server);

fn nervous() -> (Breaker, Controller, ManualClock) {
    let clock = ManualClock::new();
    let (breaker, controller) = Breaker::builder("nervous")
        .clock(&clock)
        .consecutive_failures(1)
        .open_for(Backoff::constant(Duration::from_millis(1)))
        .half_open(HalfOpen::successes(1))
        .build_with_controller()
        .expect("valid");
    (breaker, controller, clock)
}

/// Trips and recoveries from several threads at once.
fn storm(breaker: &Breaker, controller: &Controller, clock: &ManualClock, calls: usize) {
    thread::scope(|scope| {
        for n in 0..3 {
            scope.spawn(move || {
                let mut dice = Dice::of(n);
                for _ in 0..calls {
                    if let Ok(permit) = breaker.try_acquire() {
                        match dice.roll(2) {
                            0 => permit.success(),
                            _ => permit.failure(FailureKind::Server),
                        }
                    }
                    clock.advance(Duration::from_micros(dice.roll(900)));
                }
            });
        }
        scope.spawn(move || {
            let mut dice = Dice::of(7);
            for _ in 0..calls {
                match dice.roll(8) {
                    0 => controller.trip(),
                    1 => controller.half_open(),
                    2 => controller.force_open(),
                    3..=5 => controller.release(),
                    _ => controller.reset(),
                };
                thread::yield_now();
            }
        });
    });
}

/// In order, none twice, and where two are neighbours the one begins where the other ended.
fn in_order(events: &[Transition]) {
    for pair in events.windows(2) {
        assert!(pair[0].generation < pair[1].generation, "{pair:?}");
        if pair[0].generation + 1 == pair[1].generation {
            assert_eq!(pair[0].to, pair[1].from, "{pair:?}");
        }
    }
}

#[test]
fn each_event_comes_once_and_in_the_order_of_generations() {
    let (breaker, controller, clock) = nervous();
    let observer = breaker.observer();
    let first = observer.snapshot().generation;
    let heard = Arc::<Mutex<Vec<Transition>>>::default();
    let ear = Arc::clone(&heard);
    let listening = observer.subscribe(move |event| ear.lock().push(*event));
    let busy = AtomicBool::new(false);
    let twice = Arc::new(AtomicU64::new(0));
    let overlaps = Arc::clone(&twice);
    let _alone = observer.subscribe(move |_| {
        // a listener runs on one thread at a time
        overlaps.fetch_add(
            u64::from(busy.swap(true, Ordering::SeqCst)),
            Ordering::SeqCst,
        );
        thread::yield_now();
        busy.store(false, Ordering::SeqCst);
    });
    storm(&breaker, &controller, &clock, 3_000);
    assert!(listening.drain(Duration::from_secs(60)));
    let seen = observer.snapshot();
    let heard = heard.lock();
    in_order(&heard);
    assert_eq!(listening.delivered(), heard.len() as u64);
    assert_eq!(listening.delivered() + listening.missed(), seen.transitions);
    assert_eq!(seen.generation, first + seen.transitions);
    assert!(seen.transitions > 100, "{}", seen.transitions);
    assert_eq!(twice.load(Ordering::SeqCst), 0);
    // nobody was slow at the end, so that the last ones are there
    let history = observer.history();
    in_order(&history);
    assert_eq!(
        history.last().map(|event| event.generation),
        Some(seen.generation)
    );
}

#[test]
fn a_listener_that_keeps_up_misses_none() {
    let (breaker, controller, _clock) = nervous();
    let observer = breaker.observer();
    let first = observer.snapshot().generation;
    let heard = Arc::<Mutex<Vec<u64>>>::default();
    let ear = Arc::clone(&heard);
    let listening = observer.subscribe(move |event| ear.lock().push(event.generation));
    let patience = Patience::new();
    for step in 1..=500 {
        thread::scope(|scope| {
            // one orders, the others only make calls
            scope.spawn(|| assert!(controller.reset()));
            for _ in 0..2 {
                scope.spawn(|| breaker.try_acquire().map(|permit| permit.success()).is_ok());
            }
        });
        while listening.delivered() < step {
            patience.wait();
        }
    }
    let expected: Vec<u64> = (first + 1..=first + 500).collect();
    assert_eq!(*heard.lock(), expected);
    assert_eq!(listening.missed(), 0);
}

#[test]
fn a_stuck_listener_harms_no_caller() {
    let (breaker, controller, _clock) = nervous();
    let observer = breaker.observer();
    let (entered, has_entered) = mpsc::channel();
    let (free, freed) = mpsc::channel::<()>();
    let heard = Arc::<Mutex<Vec<Transition>>>::default();
    let ear = Arc::clone(&heard);
    let mut stuck = true;
    let listening = observer.subscribe(move |event| {
        ear.lock().push(*event);
        if std::mem::take(&mut stuck) {
            entered.send(()).expect("heard");
            freed.recv_timeout(Duration::from_secs(60)).expect("freed");
        }
    });
    thread::scope(|scope| {
        scope.spawn(|| {
            if let Ok(permit) = breaker.try_acquire() {
                permit.failure(FailureKind::Server);
            }
        });
        has_entered
            .recv_timeout(Duration::from_secs(60))
            .expect("the trip is told");
        // meanwhile everybody else goes on, transitions and their tellers too
        assert_eq!(breaker.state(), State::Open);
        for _ in 0..1_000 {
            assert!(breaker.try_acquire().is_err());
            assert!(controller.reset());
            assert!(breaker.call(|| Ok::<_, ()>(())).is_ok());
            assert!(controller.trip());
        }
        assert_eq!(observer.snapshot().transitions, 2_001);
        free.send(()).expect("it waits");
    });
    assert!(listening.drain(Duration::from_secs(60)));
    let heard = heard.lock();
    in_order(&heard);
    assert_eq!(listening.delivered(), heard.len() as u64);
    assert_eq!(listening.delivered() + listening.missed(), 2_001);
    // two thousand are more than any bounded queue of events holds
    assert!(listening.missed() > 0);
}

#[test]
fn a_subscription_may_end_while_its_listener_is_stuck() {
    let (breaker, controller, _clock) = nervous();
    let observer = breaker.observer();
    let (entered, has_entered) = mpsc::channel();
    let (free, freed) = mpsc::channel::<()>();
    let listening = observer.subscribe(move |_| {
        let _ = entered.send(());
        let _ = freed.recv_timeout(Duration::from_secs(60));
    });
    thread::scope(|scope| {
        scope.spawn(|| controller.trip());
        has_entered
            .recv_timeout(Duration::from_secs(60))
            .expect("the trip is told");
        drop(listening);
        assert!(breaker.try_acquire().is_err());
        drop(free);
    });
    // it is gone: nothing is told any more
    assert!(controller.reset());
    assert!(has_entered.try_recv().is_err());
}

#[test]
fn a_panicking_listener_harms_no_caller() {
    let (breaker, controller, clock) = nervous();
    let observer = breaker.observer();
    // without the panic hook, which would print
    let bad = observer.subscribe(|_| std::panic::resume_unwind(Box::new(())));
    let heard = Arc::<Mutex<Vec<Transition>>>::default();
    let ear = Arc::clone(&heard);
    let good = observer.subscribe(move |event| ear.lock().push(*event));
    storm(&breaker, &controller, &clock, 1_000);
    for listening in [&bad, &good] {
        assert!(listening.drain(Duration::from_secs(60)));
    }
    let transitions = observer.snapshot().transitions;
    in_order(&heard.lock());
    assert_eq!(good.delivered() + good.missed(), transitions);
    assert!(bad.panicked() > 0);
    assert_eq!(good.panicked(), 0);
    controller.reset();
    assert!(breaker.call(|| Ok::<_, ()>(())).is_ok());
}

#[test]
fn listeners_come_and_go_under_a_storm() {
    let (breaker, controller, clock) = nervous();
    let observer = breaker.observer();
    let (over, heard_at_all) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let comers = scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let heard = Arc::<Mutex<Vec<Transition>>>::default();
                let ear = Arc::clone(&heard);
                let listening = observer.subscribe(move |event| ear.lock().push(*event));
                for _ in 0..20 {
                    thread::yield_now();
                }
                drop(listening);
                let heard = heard.lock();
                in_order(&heard);
                heard_at_all.fetch_add(heard.len(), Ordering::Relaxed);
            }
        });
        // on a busy machine a listener may sleep through a storm
        let patience = Patience::new();
        loop {
            storm(&breaker, &controller, &clock, 1_500);
            if heard_at_all.load(Ordering::Relaxed) > 0 {
                break;
            }
            patience.wait();
        }
        over.store(true, Ordering::Relaxed);
        comers.join().expect("no panic");
    });
}

/// A fresh period writes the boundaries of live epochs anew, while a listener reads them.
#[test]
fn each_call_is_told_in_one_epoch_whatever_resets_come() {
    let clock = ManualClock::new();
    let (breaker, controller) = Breaker::builder("told")
        .clock(&clock)
        .window(Window::time(Duration::from_secs(1)).buckets(100))
        .failure_count(1_000_000)
        .build_with_controller()
        .expect("valid");
    let heard = Arc::<Mutex<Vec<Epoch>>>::default();
    let ear = Arc::clone(&heard);
    let listening = breaker
        .observer()
        .subscribe_epochs(move |epoch| ear.lock().push(*epoch));
    let mut calls = 0;
    for _ in 0..300 {
        for _ in 0..30 {
            clock.advance(Duration::from_millis(10));
            for outcome in [Outcome::Success, FAILED, Outcome::Success] {
                breaker.try_acquire().expect("closed").record(outcome);
                calls += 1;
            }
        }
        assert!(controller.reset());
    }
    clock.advance(Duration::from_secs(1));
    breaker.try_acquire().expect("closed").success();
    assert!(listening.drain(Duration::from_secs(60)));
    let heard = heard.lock();
    let told =
        |part: fn(&Counts) -> u64| heard.iter().map(|epoch| part(&epoch.counts)).sum::<u64>();
    assert_eq!(
        (told(|c| c.calls), told(|c| c.failures)),
        (calls, calls / 3)
    );
    for epoch in &*heard {
        let Counts {
            calls: all,
            successes,
            failures,
            ..
        } = epoch.counts;
        assert_eq!(successes + failures, all, "{epoch:?}");
        assert!(epoch.start < epoch.end, "{epoch:?}");
    }
}

/// A look at the breaker shows one moment, even while fresh periods begin one after the other.
#[test]
fn no_look_shows_a_period_half_begun() {
    let (breaker, controller, _clock) = nervous();
    let observer = breaker.observer();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    controller.reset();
                    let _ = breaker.call(|| Err::<(), ()>(()));
                }
            });
        }
        for _ in 0..2_000 {
            let seen = observer.snapshot();
            let Counts {
                calls,
                successes,
                failures,
                ..
            } = seen.window;
            assert_eq!(successes + failures, calls, "{seen:?}");
            assert!(
                calls <= seen.totals.successes + seen.totals.failures,
                "{seen:?}"
            );
            assert_eq!(
                seen.state == State::Open,
                seen.retry_after.is_some(),
                "{seen:?}"
            );
            let history = observer.history();
            in_order(&history);
            let last = history.last().map_or(0, |event| event.generation);
            assert!(last >= seen.generation, "{history:?} after {seen:?}");
        }
        over.store(true, Ordering::Relaxed);
    });
}
