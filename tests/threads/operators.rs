//! Several operators at once: what each was told stands, whatever the others do.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use tripcoil::{
    Backoff, Breaker, Cause, Controller, FailureKind, HalfOpen, ManualClock, Observer, State,
};

use crate::{Dice, Patience};

/// Those who come to it go on together, at the same instant or nearly so.
struct Gate(AtomicU64);

impl Gate {
    fn pass(&self, of: u64) {
        let patience = Patience::new();
        let mine = self.0.fetch_add(1, Ordering::SeqCst);
        let full = (mine / of + 1) * of;
        let mut spins = 0;
        while self.0.load(Ordering::SeqCst) < full {
            spins += 1;
            if spins % 200 == 0 {
                patience.wait();
            }
            std::hint::spin_loop();
        }
    }
}

/// The rules in force, by what the breaker does.
fn in_force(breaker: &Breaker, controller: &Controller) -> (Option<Duration>, usize) {
    controller.reset();
    assert!(controller.trip());
    let wait = breaker.observer().snapshot().retry_after;
    assert!(controller.half_open());
    let probes = (0..20).map_while(|_| breaker.try_acquire_owned().ok());
    (wait, probes.collect::<Vec<_>>().len())
}

/// Each change begins with the rules as another one may be replacing them.
#[test]
fn no_change_of_rules_is_lost_to_another() {
    const ROUNDS: u64 = 3_000;
    let (breaker, controller) = Breaker::builder("changed")
        .clock(ManualClock::new())
        .build_with_controller()
        .expect("valid");
    let (gate, ready) = (Gate(AtomicU64::new(0)), Gate(AtomicU64::new(0)));
    let wait = |n: u64| Duration::from_millis(1 + n % 5_000);
    let probes = |n: u64| 1 + (n % 15) as u32;
    thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..ROUNDS {
                ready.pass(2);
                let round = HalfOpen::rate(20, 1.0).max_probes(probes(n));
                let changed = controller.reconfigure(|rules| rules.half_open(round));
                changed.expect("valid");
                gate.pass(2);
            }
        });
        for n in 0..ROUNDS {
            ready.pass(2);
            let backoff = Backoff::constant(wait(n));
            let changed = controller.reconfigure(|rules| rules.open_for(backoff));
            changed.expect("valid");
            gate.pass(2);
            let now = in_force(&breaker, &controller);
            assert_eq!(now, (Some(wait(n)), probes(n) as usize), "round {n}");
        }
    });
}

/// What an operator was told that it has moved is not before its time, whoever trips and asks for
/// another wait.
fn holds(observer: &Observer, opened: u64, until: Duration, clock: &ManualClock) {
    let seen = observer.snapshot();
    if (seen.state, seen.generation) == (State::Open, opened) {
        let rest = until.saturating_sub(clock.now());
        assert!(seen.retry_after >= Some(rest), "{rest:?} of {seen:?}");
    }
    let probe = observer.history();
    let probe = probe.iter().find(|e| e.generation == opened + 1);
    if let Some(probe) = probe.filter(|e| e.cause == Cause::OpenElapsed) {
        assert!(probe.at >= until, "{until:?}, and {probe:?}");
    }
}

#[test]
fn no_postponement_is_taken_back() {
    const LONG: Duration = Duration::from_secs(3600);
    let clock = ManualClock::new();
    let (breaker, controller) = Breaker::builder("postponed")
        .clock(&clock)
        .consecutive_failures(1)
        .open_for(Duration::from_millis(5))
        .build_with_controller()
        .expect("valid");
    let observer = breaker.observer();
    let (gate, ready) = (Gate(AtomicU64::new(0)), Gate(AtomicU64::new(0)));
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut dice = Dice::of(0);
            for _ in 0..4_000 {
                ready.pass(2);
                // as many instructions later, now and then
                (0..dice.roll(60)).for_each(|_| std::hint::spin_loop());
                if dice.roll(2) == 0 {
                    controller.trip_for(Duration::from_millis(500));
                } else if let Ok(permit) = breaker.try_acquire() {
                    let failure = tripcoil::Outcome::Failure(FailureKind::Server);
                    permit.record(failure.with_retry_after(Duration::from_millis(500)));
                }
                gate.pass(2);
            }
        });
        for n in 0..4_000_u64 {
            assert!(controller.reset());
            let opened = observer.snapshot().generation + 1;
            let until = clock.now() + LONG;
            ready.pass(2);
            // the other opens it sooner or later
            let patience = Patience::new();
            while !(if n % 2 == 0 {
                controller.postpone(LONG)
            } else {
                controller.postpone_in(opened, LONG)
            }) {
                patience.wait();
            }
            gate.pass(2);
            holds(&observer, opened, until, &clock);
            clock.advance(Duration::from_secs(1));
            assert!(breaker.try_acquire().is_err(), "round {n}");
            holds(&observer, opened, until, &clock);
            assert!(!controller.half_open_from(opened - 1));
            assert!(controller.half_open_from(opened), "of that Open");
        }
    });
}
