//! Who watches a key does not keep its breaker, and learns that it is gone.

use super::{fail, registry, succeed, trip};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use tripcoil::{Observer, State};

const LONG: Duration = Duration::from_secs(60);

fn wait_for(what: &str, holds: impl Fn() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < LONG, "{what}");
        thread::sleep(Duration::from_millis(1));
    }
}

fn observer(registry: &tripcoil::registry::Registry<u32>, key: u32) -> Observer {
    registry.get(&key).expect("valid").observer()
}

#[test]
fn an_observer_does_not_keep_its_key() {
    let (registry, _) = registry(50);
    let observers: Vec<_> = (0..500)
        .map(|key| {
            succeed(&registry, key);
            let observer = observer(&registry, key);
            // clones count alike, and one that goes leaves the others
            drop(observer.clone());
            (observer.clone(), observer)
        })
        .collect();
    assert!(registry.len() <= 55, "{} stay", registry.len());
    (0..2).for_each(|_| _ = registry.sweep());
    assert_eq!(registry.len(), 0);
    for (a, b) in &observers {
        assert!(a.is_forgotten() && b.is_forgotten());
        let seen = a.snapshot();
        assert_eq!(
            (seen.totals.successes, seen.state),
            (1, State::Closed),
            "its figures are final"
        );
    }
    assert_eq!(registry.aggregate().totals.successes, 500);
}

#[test]
fn a_subscription_does_not_keep_its_key_and_is_closed() {
    let (registry, controller) = registry(100);
    let held = Arc::new(());
    let (tell, told) = mpsc::channel();
    let (tell_epoch, told_epoch) = mpsc::channel();
    let (transitions, epochs) = registry
        .with(&0, |breaker| {
            let observer = breaker.observer();
            let held = held.clone();
            let transitions = observer.subscribe(move |t| {
                let _held = &held;
                let _ = tell.send(t.to);
            });
            let epochs = observer.subscribe_epochs(move |e| _ = tell_epoch.send(*e));
            (transitions, epochs)
        })
        .expect("valid");
    controller
        .on(&0, |one| one.trip() && one.reset())
        .expect("valid");
    assert!(transitions.drain(LONG) && !transitions.is_closed());
    assert_eq!((registry.sweep(), registry.sweep()), (0, 1));
    wait_for("closed", || transitions.is_closed() && epochs.is_closed());
    // everything first, and then the end: the listener and what it held are dropped
    let all: Vec<_> = told.into_iter().collect();
    assert_eq!(all, [State::Open, State::Closed]);
    assert_eq!(told_epoch.into_iter().count(), 0);
    assert_eq!(Arc::strong_count(&held), 1);
    let since = Instant::now();
    assert!(transitions.drain(LONG) && epochs.drain(LONG));
    assert!(since.elapsed() < LONG, "nothing is left to be waited for");
}

#[test]
fn a_key_that_comes_back_has_a_new_breaker() {
    let (registry, _) = registry(100);
    fail(&registry, 7);
    let old = observer(&registry, 7);
    (0..2).for_each(|_| _ = registry.sweep());
    assert!(old.is_forgotten());
    trip(&registry, 7);
    let new = observer(&registry, 7);
    assert!(!new.is_forgotten());
    assert_eq!((old.state(), new.state()), (State::Closed, State::Open));
    assert_eq!(old.snapshot().totals.failures, 1);
    assert_eq!(registry.aggregate().totals.failures, 3);
}

/// What is open, or used, is no more forgotten for being watched.
#[test]
fn a_watched_breaker_stays_for_what_keeps_any() {
    let (registry, controller) = registry(0);
    trip(&registry, 0);
    let used = registry.get(&1).expect("valid");
    let watchers: Vec<_> = (0..2).map(|key| observer(&registry, key)).collect();
    (10..200).for_each(|key| succeed(&registry, key));
    (0..3).for_each(|_| _ = registry.sweep());
    assert_eq!(registry.len(), 2);
    assert!(watchers.iter().all(|o| !o.is_forgotten()));
    assert!(controller.forget(&0), "an endpoint that is gone");
    assert!(watchers[0].is_forgotten());
    drop(used);
    (0..3).for_each(|_| _ = registry.sweep());
    assert!(watchers[1].is_forgotten());
}

#[test]
fn a_registry_that_is_dropped_has_forgotten_all_that_is_not_used() {
    let (registry, controller) = registry(10);
    let used = registry.get(&0).expect("valid");
    let (of_used, other) = (used.observer(), observer(&registry, 1));
    let also = registry.clone();
    drop((registry, controller));
    assert!(!of_used.is_forgotten() && !other.is_forgotten());
    drop(also);
    assert!(!of_used.is_forgotten(), "it goes on without a registry");
    wait_for("the map's nodes are dropped", || other.is_forgotten());
    drop(used);
}

/// In no registry, what watches goes on as it did.
#[test]
fn an_observer_outlives_a_breaker_of_no_registry() {
    let breaker = tripcoil::Breaker::builder("db").build().expect("valid");
    let observer = breaker.observer();
    let _ = breaker.call(|| Ok::<_, ()>(()));
    drop(breaker);
    assert!(!observer.is_forgotten());
    assert_eq!(observer.snapshot().totals.successes, 1);
}

/// Observers come and go all along on other threads; what is used is never forgotten, and what is not
/// always is in the end.
#[test]
fn watchers_that_come_and_go_hide_no_user() {
    let (registry, _) = registry(100);
    let used = registry.get(&0).expect("valid");
    let watched = used.observer();
    let stop = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    drop([watched.clone(), watched.clone()]);
                }
            });
        }
        let since = Instant::now();
        while since.elapsed() < Duration::from_millis(300) {
            registry.sweep();
            let there = registry.peek(&0).expect("it is in use");
            assert!(!there.observer().is_forgotten());
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    drop(used);
    (0..2).for_each(|_| _ = registry.sweep());
    assert!(watched.is_forgotten());
}
