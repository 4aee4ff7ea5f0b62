//! What is forgotten, what is not, and what is left of it.

use super::{fail, registry, succeed, trip};
use std::time::Duration;
use tripcoil::registry::Registry;
use tripcoil::{Breaker, Config, ManualClock, State};

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
    assert!(nested.expect("valid").is_err());
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
    assert!(called.expect("valid").is_err());
    // it had left the map, and now is nobody's; but it is open
    (0..3).for_each(|_| assert_eq!(registry.sweep(), 0));
    assert_eq!(registry.peek(&0).expect("there").state(), State::Open);
    assert_eq!(registry.aggregate().evicted, 0);
}

#[test]
fn an_async_call_keeps_its_breaker() {
    let (registry, _) = registry(100);
    let pending = registry
        .call_async(&0, std::future::pending::<Result<(), ()>>())
        .expect("valid");
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
