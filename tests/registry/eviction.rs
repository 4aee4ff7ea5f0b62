//! What is forgotten, what is not, and what is left of it.

use super::{fail, registry, succeed, trip};
use std::time::Duration;
use tripcoil::registry::{Registry, RegistryController};
use tripcoil::{Backoff, Breaker, CallError, Config, Controller, FailureKind, ManualClock, State};

#[test]
fn a_sweep_forgets_what_was_idle_since_the_last() {
    let (registry, _) = registry(100);
    (0..10).for_each(|key| succeed(&registry, key));
    assert_eq!(registry.sweep(), 0);
    (0..3).for_each(|key| succeed(&registry, key));
    assert_eq!(registry.sweep(), 7);
    assert_eq!(registry.len(), 3);
    assert!((0..3).all(|key| registry.peek(&key).is_some()));
    assert!((3..10).all(|key| registry.peek(&key).is_none()));
    let all = registry.aggregate();
    assert_eq!(
        (all.breakers, all.evicted, all.totals.successes),
        (3, 7, 13)
    );
}

#[test]
fn a_rejection_a_cancellation_and_an_ignored_call_are_signs_of_life() {
    let (registry, controller) = registry(100);
    registry.get(&0).expect("valid");
    registry.get(&1).expect("valid");
    registry.get(&2).expect("valid");
    registry.get(&3).expect("valid");
    assert_eq!(registry.sweep(), 0);
    registry.with(&0, |b| drop(b.try_acquire())).expect("valid");
    registry
        .with(&1, |b| b.try_acquire().expect("closed").ignore())
        .expect("valid");
    controller.on(&2, |c| c.trip() && c.reset()).expect("valid");
    assert_eq!(registry.sweep(), 1);
    assert!(registry.peek(&3).is_none());
}

#[test]
fn beyond_the_capacity_first_uses_forget_the_idle() {
    let (registry, _) = registry(50);
    for key in 0..5_000 {
        succeed(&registry, key);
        // one that is in use all along
        succeed(&registry, 0);
    }
    let all = registry.aggregate();
    assert!(all.breakers <= 50 + 5, "{all:?}");
    assert_eq!(
        all.breakers as u64 + all.evicted,
        5_000,
        "none was made twice"
    );
    assert_eq!(all.totals.successes, 10_000);
    assert!(registry.peek(&0).is_some());
    assert_eq!(all.over_capacity(), all.breakers - 50);
}

#[test]
fn what_is_not_closed_is_never_forgotten() {
    let (registry, controller) = registry(0);
    trip(&registry, 0);
    controller.on(&1, |c| c.force_open()).expect("valid");
    controller.on(&2, |c| c.disable()).expect("valid");
    controller.on(&3, |c| c.observe_only()).expect("valid");
    controller.on(&4, |c| c.half_open()).expect("valid");
    for key in 10..300 {
        succeed(&registry, key);
    }
    (0..2).for_each(|_| _ = registry.sweep());
    let expected = [
        State::Open,
        State::ForcedOpen,
        State::Disabled,
        State::ObserveOnly,
        State::HalfOpen,
    ];
    let found: Vec<_> = (0..5)
        .map(|key| registry.peek(&key).expect("there").state())
        .collect();
    assert_eq!(found, expected);
    let all = registry.aggregate();
    assert_eq!((all.breakers, all.over_capacity()), (5, 5));
    assert!(expected.into_iter().all(|state| all.in_state(state) == 1));
    controller.reset_all();
    assert_eq!((registry.sweep(), registry.sweep()), (0, 5));
    assert_eq!(registry.aggregate().totals.failures, 2);
}

#[test]
fn the_bound_bends_where_all_are_open() {
    let (registry, _) = registry(3);
    (0..40).for_each(|key| trip(&registry, key));
    let all = registry.aggregate();
    assert_eq!((all.breakers, all.in_state(State::Open)), (40, 40));
    assert_eq!((all.capacity, all.over_capacity(), all.evicted), (3, 37, 0));
}

#[test]
fn what_can_be_used_from_outside_stays() {
    let (registry, _) = registry(100);
    let breaker = registry.get(&0).expect("valid");
    let local = registry.get(&2).expect("valid").local();
    let permit = registry
        .get(&3)
        .expect("valid")
        .try_acquire_owned()
        .expect("closed");
    for _ in 0..3 {
        assert_eq!(registry.sweep(), 0);
    }
    fail(&registry, 0);
    breaker.call(|| Err::<(), ()>(())).expect_err("its own");
    assert_eq!(
        registry.peek(&0).expect("there").state(),
        State::Open,
        "the same"
    );
    drop(local);
    permit.success();
    assert_eq!(registry.sweep(), 1, "the permit's is alive, the first open");
    assert_eq!(registry.sweep(), 1);
    assert_eq!(registry.len(), 1);
    assert_eq!(registry.aggregate().totals.successes, 1);
}

/// A call that was under way when its breaker left the map: it ends in the breaker that the key has.
#[test]
fn what_is_being_called_through_stays_the_keys_own() {
    let (registry, _) = registry(100);
    let nested = registry.call(&0, || {
        for _ in 0..3 {
            assert_eq!(registry.sweep(), 0);
        }
        fail(&registry, 0);
        Err::<(), _>("late, and the second")
    });
    assert_eq!(nested, Err(CallError::Inner("late, and the second")));
    assert_eq!(registry.peek(&0).expect("there").state(), State::Open);
    let all = registry.aggregate();
    assert_eq!((all.breakers, all.evicted, all.totals.failures), (1, 0, 2));
}

/// The same, from another thread's view, and without a look-up in between.
#[test]
fn a_call_that_outlasts_its_eviction_trips_what_is_found_next() {
    let (registry, _) = registry(100);
    fail(&registry, 0);
    let called = registry.call(&0, || {
        std::thread::scope(|threads| {
            let sweeper = threads.spawn(|| (0..3).map(|_| registry.sweep()).sum::<usize>());
            assert_eq!(sweeper.join().expect("ends"), 0);
        });
        Err::<(), _>("the second")
    });
    assert_eq!(called, Err(CallError::Inner("the second")));
    // it had left the map, and now is nobody's; but it is open
    (0..3).for_each(|_| assert_eq!(registry.sweep(), 0));
    assert_eq!(registry.peek(&0).expect("there").state(), State::Open);
    assert_eq!(registry.aggregate().evicted, 0);
}

#[test]
fn an_async_call_keeps_its_breaker() {
    let (registry, _) = registry(100);
    let pending = registry.call_async(&0, std::future::pending::<Result<(), ()>>());
    (0..3).for_each(|_| assert_eq!(registry.sweep(), 0));
    drop(pending);
    assert_eq!(registry.sweep(), 1);
}

#[test]
fn rules_of_its_own_keep_a_breaker() {
    let (registry, controller) = registry(100);
    registry.get(&1).expect("valid");
    controller
        .reconfigure(&0, |rules| rules.consecutive_failures(1))
        .expect("valid");
    assert!(
        controller
            .reconfigure(&1, |rules| rules.failure_rate(7.0))
            .is_err()
    );
    assert_eq!((registry.sweep(), registry.sweep()), (0, 1));
    fail(&registry, 0);
    assert_eq!(registry.peek(&0).expect("there").state(), State::Open);
}

#[test]
fn an_endpoint_that_is_gone_is_forgotten_in_any_state() {
    let (registry, controller) = registry(100);
    trip(&registry, 0);
    assert!(!controller.forget(&1), "there is none");
    let held = registry.get(&0).expect("valid");
    assert!(!controller.forget(&0), "somebody has it");
    drop(held);
    assert!(controller.forget(&0));
    assert!(registry.peek(&0).is_none());
    assert_eq!(registry.aggregate().totals.failures, 2);
    succeed(&registry, 0);

    // one that is looked up before its last call has ended stays
    trip(&registry, 2);
    registry
        .with(&2, |_| {
            assert!(controller.forget(&2));
            assert_eq!(registry.peek(&2).expect("there").state(), State::Open);
        })
        .expect("valid");
    (0..3).for_each(|_| _ = registry.sweep());
    assert_eq!(registry.peek(&2).expect("there").state(), State::Open);
}

/// Closed by what it recorded, open by the time it is looked at once more.
#[test]
fn time_alone_forgets_nothing() {
    let clock = ManualClock::new();
    let config = Config {
        clock: clock.clone().into(),
        ..Config::default()
    };
    let registry = Registry::<u8>::from_config(config).expect("valid").build();
    let (a, b) = (
        registry.get(&1).expect("valid"),
        registry.get(&2).expect("valid"),
    );
    drop((a, b));
    clock.advance(Duration::from_secs(3_600));
    assert_eq!(registry.sweep(), 0);
    assert_eq!(registry.sweep(), 2);
    // and it does not matter how the key's breaker was built
    let direct: Breaker = registry.get(&1).expect("valid");
    assert_eq!(direct.handles(), 3);
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

/// Trips at one failure, for a second at first and ten times as long each time after.
fn with_backoff(clock: &ManualClock, capacity: usize) -> Registry<u32> {
    let clock = clock.clone();
    let template = move |key: &u32| {
        let backoff = Backoff::exponential(SECOND, 10.0).reset_after(10 * HOUR);
        Breaker::builder(key.to_string())
            .clock(&clock)
            .consecutive_failures(1)
            .open_for(backoff)
    };
    Registry::builder(template).capacity(capacity).build()
}

/// How long the next opening of that key lasts, from which it recovers.
fn next_wait(registry: &Registry<u32>, clock: &ManualClock, key: u32) -> Duration {
    fail(registry, key);
    let opened = registry.get(&key).expect("valid").observer().snapshot();
    let wait = opened.retry_after.expect("open");
    clock.advance(wait);
    (0..2).for_each(|_| succeed(registry, key));
    wait
}

#[test]
fn eviction_forgets_no_backoff() {
    // by sweeps, by first uses beyond the capacity, and by both
    for (capacity, churn, sweeps) in [(100, 0, 5), (2, 100, 0), (0, 100, 3)] {
        let clock = ManualClock::new();
        let registry = with_backoff(&clock, capacity);
        let idle = |after: Duration| {
            clock.advance(after);
            (100..100 + churn).for_each(|key| succeed(&registry, key));
            (0..sweeps).for_each(|_| _ = registry.sweep());
        };
        assert_eq!(next_wait(&registry, &clock, 1), SECOND);
        idle(HOUR);
        let seen = registry.peek(&1).expect("kept").observer().snapshot();
        assert_eq!((seen.state, seen.openings), (State::Closed, 1));
        assert_eq!(next_wait(&registry, &clock, 1), 10 * SECOND);
        idle(10 * HOUR - SECOND / 1_000);
        assert_eq!(next_wait(&registry, &clock, 1), 100 * SECOND);

        // closed for long enough, it is idle as any other
        let kept = registry.peek(&1).expect("there").observer();
        idle(10 * HOUR);
        assert_eq!(kept.snapshot().openings, 0);
        assert!(kept.is_forgotten(), "{capacity} {churn} {sweeps}");
        assert_eq!(next_wait(&registry, &clock, 1), SECOND);
    }
}

/// What an operator did is remembered alike, and what he ended is not.
#[test]
fn an_operators_opening_is_kept_and_his_reset_is_not() {
    let clock = ManualClock::new();
    let template = {
        let clock = clock.clone();
        move |key: &u32| {
            Breaker::builder(key.to_string())
                .clock(&clock)
                .open_for(Backoff::exponential(SECOND, 10.0).reset_after(HOUR))
        }
    };
    let (registry, controller) = Registry::builder(template).build_with_controller();
    for key in 0..2 {
        let tripped = controller.on(&key, |one| one.trip() && one.half_open());
        assert!(tripped.expect("valid"));
        (0..2).for_each(|_| succeed(&registry, key));
    }
    assert!(controller.on(&1, |one| one.reset()).expect("valid"));
    assert_eq!((registry.sweep(), registry.sweep()), (0, 1));
    assert!(registry.peek(&0).is_some() && registry.peek(&1).is_none());
    assert!(controller.forget(&0), "whatever it remembers");
}

/// A breaker that an operator has taken out of an override is closed and idle, and a new one of its key
/// would be under the override again.
#[test]
fn a_release_is_not_forgotten() {
    type Put = fn(&RegistryController<u32>) -> usize;
    let of_all: [(State, Put); 3] = [
        (State::ForcedOpen, RegistryController::force_open_all),
        (State::Disabled, RegistryController::disable_all),
        (State::ObserveOnly, RegistryController::observe_only_all),
    ];
    type End = fn(&Controller) -> bool;
    let ends: [End; 2] = [Controller::release, Controller::reset];
    let long_idle = |registry: &Registry<u32>, capacity: usize| {
        (0..3).for_each(|_| _ = registry.sweep());
        (100..200).for_each(|key| _ = registry.get(&key));
        (0..3).for_each(|_| _ = registry.sweep());
        assert!(registry.peek(&0).is_some(), "{capacity}");
    };
    for ((state, put), end) in of_all
        .into_iter()
        .flat_map(|put| ends.map(|end| (put, end)))
    {
        for capacity in [0, 100] {
            let build = |initial| {
                let template = move |key: &u32| {
                    Breaker::builder(key.to_string())
                        .clock(ManualClock::new())
                        .initial_state(initial)
                };
                Registry::builder(template)
                    .capacity(capacity)
                    .build_with_controller()
            };
            // an override of all
            let (registry, controller) = build(State::Closed);
            assert_eq!(put(&controller), 0);
            assert!(controller.on(&0, end).expect("valid"));
            long_idle(&registry, capacity);
            assert_eq!(registry.get(&0).expect("valid").state(), State::Closed);
            assert_eq!(registry.get(&1).expect("valid").state(), state);
            // which ends, and then nothing is lost any more
            controller.release_all();
            (0..3).for_each(|_| _ = registry.sweep());
            assert!(registry.is_empty());
            // or in the midst of which the key is not wanted any more
            put(&controller);
            assert!(controller.on(&0, end).expect("valid"));
            assert!(controller.forget(&0));
            assert_eq!(registry.get(&0).expect("valid").state(), state);

            // an override of the template
            let (registry, controller) = build(state);
            assert!(controller.on(&0, end).expect("valid"));
            long_idle(&registry, capacity);
            assert_eq!(registry.get(&0).expect("valid").state(), State::Closed);
            assert!(controller.forget(&0));
            assert_eq!(registry.get(&0).expect("valid").state(), state);
        }
    }
}

/// It leaves the map before the override of all, and a call is under way in it when it is released.
#[test]
fn a_release_of_a_leaving_breaker_is_not_forgotten() {
    let (registry, controller) = registry(100);
    registry.get(&0).expect("valid");
    assert_eq!(registry.sweep(), 0);
    registry
        .with(&0, |breaker| {
            assert_eq!(registry.sweep(), 0, "it leaves the map");
            assert_eq!(controller.force_open_all(), 1);
            assert!(controller.on(&0, |one| one.release()).expect("valid"));
            assert_eq!(breaker.state(), State::Closed);
        })
        .expect("valid");
    (0..3).for_each(|_| _ = registry.sweep());
    assert_eq!(registry.get(&0).expect("valid").state(), State::Closed);
}

/// A slot that has left the map, and in which a call ends before it is forgotten, comes back with what
/// the call left in it, whatever that is.
#[test]
fn what_ends_in_a_leaving_slot_is_not_forgotten() {
    let clock = ManualClock::new();
    type End = fn(&Breaker);
    let ends: [(&str, End); 6] = [
        ("success", |b| b.try_acquire().expect("closed").success()),
        ("failure", |b| {
            let permit = b.try_acquire().expect("closed");
            permit.failure(FailureKind::Server);
        }),
        ("ignored", |b| b.try_acquire().expect("closed").ignore()),
        ("cancelled", |b| drop(b.try_acquire().expect("closed"))),
        ("two at once", |b| {
            let (one, two) = (b.try_acquire(), b.try_acquire());
            one.expect("closed").success();
            two.expect("closed").failure(FailureKind::Server);
        }),
        ("a call", |b| {
            let called = b.call(|| Err::<(), _>("down"));
            assert_eq!(called, Err(CallError::Inner("down")));
        }),
    ];
    for (way, end) in ends {
        let registry = Registry::builder(super::template(&clock)).build();
        let watched = registry.get(&0).expect("valid").observer();
        assert_eq!(registry.sweep(), 0);
        registry
            .with(&0, |breaker| {
                assert_eq!(registry.sweep(), 0, "{way}: it leaves the map");
                end(breaker);
            })
            .expect("valid");
        // nobody uses it any more, and it is closed; but something has happened in it
        assert_eq!(registry.sweep(), 0, "{way}");
        assert!(!watched.is_forgotten(), "{way}");
        let seen = watched.snapshot();
        if seen.totals.failures > 0 {
            fail(&registry, 0);
            assert_eq!(watched.state(), State::Open, "{way}: the second in a row");
        }
    }
}

/// By way of first uses: with no sweep, and from a thread of its own.
#[test]
fn a_failure_in_a_leaving_slot_is_not_forgotten_by_first_uses() {
    let registry = Registry::builder(super::template(&ManualClock::new()))
        .capacity(0)
        .build();
    fail(&registry, 0);
    let watched = registry.peek(&0).expect("there").observer();
    let called = registry.with(&0, |breaker| {
        std::thread::scope(|threads| {
            // each of these looks at the others, and makes them leave
            threads.spawn(|| (1..200).for_each(|key| succeed(&registry, key)));
        });
        // in a row with the first
        breaker.call(|| Ok::<_, ()>(())).expect("closed");
        breaker.call(|| Err::<(), _>("down")).expect_err("its own");
    });
    called.expect("valid");
    // a few of the others, so that it is looked at, and not so many that it is idle once more
    (200..202).for_each(|key| succeed(&registry, key));
    assert!(!watched.is_forgotten());
    fail(&registry, 0);
    assert_eq!(watched.state(), State::Open);
}

/// It is read under the lock to find what is idle: there its panic is nobody's, and the breaker is not idle.
#[test]
fn a_clock_that_panics_costs_no_other_key_anything() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use tripcoil::Clock;

    let broken = Arc::new(AtomicBool::new(false));
    let source = broken.clone();
    let clock = Clock::custom(move || {
        assert!(!source.load(Ordering::Relaxed), "the clock");
        Duration::ZERO
    });
    let registry = Registry::builder(move |key: &u32| {
        let builder = Breaker::builder(key.to_string());
        match key {
            0..3 => builder.clock(clock.clone()),
            _ => builder.clock(ManualClock::new()),
        }
    })
    .capacity(2)
    .build();
    (0..3).for_each(|key| succeed(&registry, key));
    assert_eq!(registry.sweep(), 0);
    registry
        .with(&0, |_| {
            assert_eq!(registry.sweep(), 0, "all leave the map");
            broken.store(true, Ordering::Relaxed);
        })
        .expect("valid");
    // first uses and sweeps look at it
    (3..40).for_each(|key| succeed(&registry, key));
    registry.sweep();
    broken.store(false, Ordering::Relaxed);
    assert!((0..3).all(|key| registry.peek(&key).is_some()));
    let all = registry.aggregate();
    assert_eq!(all.totals.successes, 40, "nothing is lost: {all:?}");
    assert_eq!(registry.sweep() + registry.sweep(), all.breakers);
}

/// What reads all breakers has each of them for a while, and is no call.
#[test]
fn a_reading_of_all_keeps_no_breaker() {
    let (registry, controller) = registry(2);
    for key in 0..3 {
        succeed(&registry, key);
    }
    registry.sweep();
    let mut seen = 0;
    registry.for_each(|key, _| {
        seen += 1;
        if seen > 1 {
            return;
        }
        // the key that is read, and others
        assert!(controller.forget(key));
        assert!(controller.forget(&((key + 1) % 3)));
        assert!(!controller.forget(&9));
        // the third is idle, and may leave as well
        registry.sweep();
        for fresh in 10..14 {
            succeed(&registry, fresh);
        }
    });
    assert_eq!(seen, 3, "as it was at the beginning");
    registry.sweep();
    let all = registry.aggregate();
    assert!(all.evicted >= 3, "{all:?}");
    assert_eq!(all.totals.successes, 7);
    assert_eq!(all.breakers as u64 + all.evicted, 7);
    for key in 0..3 {
        assert!(registry.peek(&key).is_none(), "{key}");
    }
}

/// No matter how many at once, and though a reading waits: the limit is for idle ones.
#[test]
fn any_number_is_forgotten_during_a_reading() {
    let (registry, controller) = registry(10_000);
    let keys = 0..2_000;
    for key in keys.clone() {
        succeed(&registry, key);
    }
    let mut first = true;
    registry.for_each(|_, _| {
        if std::mem::take(&mut first) {
            assert!(keys.clone().all(|key| controller.forget(&key)));
        }
    });
    registry.sweep();
    let all = registry.aggregate();
    assert_eq!((all.breakers, all.evicted), (0, 2_000));
    assert_eq!(all.totals.successes, 2_000);
}

/// A panic in the code that reads ends the reading all the same.
#[test]
fn a_reading_that_panics_is_over() {
    let (registry, controller) = registry(10);
    for key in 0..3 {
        succeed(&registry, key);
    }
    let reading = || registry.for_each(|_, _| panic!("the reader's own"));
    for _ in 0..3 {
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(reading)).is_err());
    }
    assert!(controller.forget(&0));
    registry.sweep();
    assert_eq!(registry.sweep(), 2);
    assert!(registry.is_empty());
}
