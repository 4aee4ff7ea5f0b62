//! The registry's slots and seats: who leaves, who is kept, and what is left of it. I1, I4 and I6 of keys.
//!
//! The map is a stand-in (`src/integrations/registry/map.rs`); locks and the slots' counts are loom's.

use std::time::Duration;
use tripcoil::registry::{Registry, RegistryController};
use tripcoil::{Breaker, FailureKind, ManualClock, State};
use tripcoil_loom_tests::{by_run, explore, fail, race, succeed};

type Key = u8;
type Built = (Registry<Key>, RegistryController<Key>);

/// Breakers that trip at so many failures in a row, under a clock that stands still.
fn registry(failures: u32) -> Built {
    let clock = ManualClock::new();
    let template = move |_: &Key| {
        Breaker::builder("key")
            .clock(&clock)
            .window(tripcoil::Window::time(Duration::from_secs(1)).buckets(1))
            .consecutive_failures(failures)
    };
    Registry::builder(template).build_with_controller()
}

/// One that knows a key in which nothing has happened since a sweep, but for so many failures before.
fn idle(trips_at: u32, failures: u32) -> Built {
    let (registry, controller) = registry(trips_at);
    (0..failures).for_each(|_| registry.with(&0, fail).expect("valid"));
    registry.with(&0, |_| ()).expect("valid");
    assert_eq!(registry.sweep(), 0);
    (registry, controller)
}

/// A failure in a slot that leaves, or has left, or in the key's next breaker: in its breaker it stays.
#[test]
fn a_failure_in_a_leaving_slot_is_kept() {
    explore("a_failure_in_a_leaving_slot_is_kept", Some(2), || {
        let (registry, _controller) = idle(3, 1);
        let other = registry.clone();
        let (run, _) = race(
            || {
                let run = |breaker: &Breaker| {
                    fail(breaker);
                    breaker.observer().snapshot().consecutive_failures
                };
                registry.with(&0, run).expect("valid")
            },
            move || other.sweep(),
        );
        let all = registry.aggregate();
        assert_eq!(all.totals.failures, 2, "{all:?}");
        assert_eq!(all.breakers, 1, "{all:?}");
        let there = registry.peek(&0).expect("it has failed since");
        let seen = there.observer().snapshot();
        assert_eq!(seen.consecutive_failures, run, "{seen:?}");
        assert_eq!((run, all.evicted), if run == 2 { (2, 0) } else { (1, 1) });
    });
}

/// A call in a slot that leaves, and another thread that makes it leave and then seeks its key: both fail
/// in one breaker, which is the old one or the next.
#[test]
fn a_key_has_one_breaker_while_it_leaves() {
    explore("a_key_has_one_breaker_while_it_leaves", Some(2), || {
        let (registry, _controller) = idle(2, 0);
        let other = registry.clone();
        race(
            || registry.with(&0, fail).expect("valid"),
            move || {
                other.sweep();
                other.with(&0, fail).expect("valid");
            },
        );
        let there = registry.peek(&0).expect("it is open");
        assert_eq!(there.state(), State::Open, "two breakers");
        assert_eq!(registry.aggregate().totals.failures, 2);
    });
}

/// Watchers come and go while another thread asks for the users: none of them is hidden.
#[test]
fn a_watcher_hides_no_user() {
    explore("a_watcher_hides_no_user", None, || {
        let (breaker, controller, _clock) = by_run(1);
        let watched = breaker.observer();
        let (users, ()) = race(
            || breaker.users(),
            move || {
                let more = watched.clone();
                drop(watched);
                drop(more);
            },
        );
        assert!(users >= 2, "the breaker and its controller, not {users}");
        assert_eq!(breaker.users(), 2);
        drop(controller);
        assert_eq!(breaker.users(), 1);
    });
}

/// What is counted is in one reading of all exactly once, as its breaker is forgotten.
#[test]
fn a_reading_of_all_has_each_once() {
    explore("a_reading_of_all_has_each_once", Some(2), || {
        let (registry, _controller) = idle(9, 1);
        let other = registry.clone();
        // it stays where the reading has it just then
        let (all, _left) = race(|| registry.aggregate(), move || other.sweep());
        let after = registry.aggregate();
        for all in [all, after] {
            assert_eq!(all.totals.failures, 1, "{all:?}");
            assert_eq!(all.breakers as u64 + all.evicted, 1, "{all:?}");
        }
    });
}

/// It is also forgotten while it is read, and what is counted is in each reading exactly once.
#[test]
fn a_key_is_forgotten_while_all_are_read() {
    explore("a_key_is_forgotten_while_all_are_read", Some(2), || {
        let (registry, controller) = idle(9, 1);
        let (all, left) = race(|| registry.aggregate(), move || controller.forget(&0));
        assert!(left, "a reading is no call");
        let after = registry.aggregate();
        for all in [all, after] {
            assert_eq!(all.totals.failures, 1, "{all:?}");
            assert_eq!(all.breakers as u64 + all.evicted, 1, "{all:?}");
        }
    });
}

/// A permit that outlives its look-up keeps its breaker, and its result is in the key's own.
#[test]
fn a_permit_keeps_its_breaker() {
    explore("a_permit_keeps_its_breaker", Some(2), || {
        let (registry, _controller) = idle(1, 0);
        let other = registry.clone();
        let permit = registry.with(&0, |b| b.try_acquire_owned()).expect("valid");
        let permit = permit.expect("closed");
        let ((), _) = race(
            move || permit.failure(FailureKind::Server),
            move || other.sweep(),
        );
        let there = registry.peek(&0).expect("it is open");
        assert_eq!(there.state(), State::Open);
        succeed(&there);
        assert_eq!(registry.aggregate().totals.rejected, 1);
    });
}

/// Two keys about to trip, and room for one: each has looked before the other has tripped, or one is withheld. What is
/// counted comes out even, so that after both are closed again there is room for one.
#[test]
fn trips_of_two_keys_are_counted_in_their_bound() {
    explore(
        "trips_of_two_keys_are_counted_in_their_bound",
        Some(2),
        || {
            let clock = ManualClock::new();
            let template = move |_: &Key| {
                Breaker::builder("key")
                    .clock(&clock)
                    .window(tripcoil::Window::time(Duration::from_secs(1)).buckets(1))
                    .consecutive_failures(1)
            };
            let bounded = Registry::builder(template)
                .max_tripped(0.5)
                .expect("a share");
            let (registry, controller) = bounded.build_with_controller();
            let [first, second] = [0, 1].map(|key: Key| registry.get(&key).expect("valid"));
            let other = second.clone();
            race(|| fail(&first), move || fail(&other));
            let all = registry.aggregate();
            let open = all.in_state(State::Open);
            assert!(open >= 1, "room for one is there: {all:?}");
            assert_eq!(open as u64 + all.withheld, 2, "{all:?}");
            controller.reset_all();
            fail(&first);
            fail(&second);
            assert_eq!(
                (first.state(), second.state()),
                (State::Open, State::Closed)
            );
        },
    );
}

/// A trip beside a reset of the same key: whichever is counted first, the key is tripped or it is not.
#[test]
fn a_trip_beside_a_reset_is_counted_even() {
    explore("a_trip_beside_a_reset_is_counted_even", Some(2), || {
        let template = |_: &Key| {
            Breaker::builder("key")
                .clock(ManualClock::new())
                .consecutive_failures(1)
        };
        let bounded = Registry::builder(template)
            .max_tripped(0.5)
            .expect("a share");
        let (registry, controller) = bounded.build_with_controller();
        let [first, second] = [0, 1].map(|key: Key| registry.get(&key).expect("valid"));
        let other = first.clone();
        race(
            || controller.on(&0, |key| key.reset()).expect("valid"),
            move || fail(&other),
        );
        fail(&second);
        let tripped = [first.state(), second.state()].map(|state| state == State::Open);
        assert!(tripped[0] != tripped[1], "{tripped:?}");
    });
}
