//! What a registry reports of keys that come and go.

use super::{fail, succeed, template};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::thread;
use std::time::Duration;
use tripcoil::registry::{Registry, RegistryBuilder};
use tripcoil::{Breaker, CallError, ManualClock};

type Log = Arc<Mutex<Vec<(&'static str, u32)>>>;

fn logged(log: &Log) -> RegistryBuilder<u32> {
    let (new, evicted) = (log.clone(), log.clone());
    Registry::builder(template(&ManualClock::new()))
        .on_new(move |key, observer| {
            assert_eq!(observer.name(), format!("key-{key}"));
            assert!(!observer.is_forgotten());
            new.lock().unwrap().push(("new", *key));
        })
        .on_evict(move |key, observer| {
            assert!(observer.is_forgotten());
            evicted.lock().unwrap().push(("evicted", *key));
        })
}

#[test]
fn each_key_is_reported_once_when_it_comes_and_once_when_it_goes() {
    let log = Log::default();
    let (registry, controller) = logged(&log).capacity(100).build_with_controller();
    (0..3).for_each(|key| (0..3).for_each(|_| succeed(&registry, key)));
    let _ = registry.peek(&9);
    registry
        .with(&1, |_| assert_eq!(registry.sweep(), 0))
        .expect("valid");
    let take = || std::mem::take(&mut *log.lock().unwrap());
    assert_eq!(take(), [("new", 0), ("new", 1), ("new", 2)]);
    // one that was leaving, and is found again, has neither gone nor come
    registry
        .with(&1, |_| {
            assert_eq!(
                registry.sweep(),
                0,
                "what left the map waits for this borrow"
            );
            succeed(&registry, 1);
        })
        .expect("valid");
    assert_eq!(registry.sweep(), 2);
    let mut gone = take();
    gone.sort_unstable();
    assert_eq!(gone, [("evicted", 0), ("evicted", 2)]);
    assert!(controller.forget(&1));
    succeed(&registry, 1);
    assert_eq!(take(), [("evicted", 1), ("new", 1)]);
    // where a registry is dropped there is nobody to be told
    drop((registry, controller));
    assert_eq!(take(), []);
}

#[test]
fn first_uses_beyond_the_capacity_report_what_they_forget() {
    let log = Log::default();
    let registry = logged(&log).capacity(10).build();
    (0..1_000).for_each(|key| succeed(&registry, key));
    let mut there = BTreeMap::new();
    for (what, key) in log.lock().unwrap().iter() {
        match *what {
            "new" => assert!(there.insert(*key, ()).is_none(), "{key} came twice"),
            _ => assert!(there.remove(key).is_some(), "{key} went before it came"),
        }
    }
    assert_eq!(there.len(), registry.len());
    assert!(there.keys().all(|key| registry.peek(key).is_some()));
}

#[test]
fn what_is_refused_is_not_new() {
    let log = Log::default();
    let seen = log.clone();
    let registry =
        Registry::builder(|key: &u32| Breaker::builder(key.to_string()).failure_rate(7.0))
            .on_new(move |key, _| seen.lock().unwrap().push(("new", *key)))
            .build();
    let called = registry.call(&0, || Ok::<_, ()>(()));
    assert!(matches!(called, Err(CallError::NoBreaker(_))));
    assert!(log.lock().unwrap().is_empty());
}

#[test]
fn a_hook_that_panics_harms_nothing() {
    let log = Log::default();
    let registry = Registry::builder(template(&ManualClock::new()))
        .on_new(|key, _| panic!("no liking for {key}"))
        .on_evict(|key, _| panic!("nor for {key}'s end"))
        .on_new({
            let log = log.clone();
            move |key, _| log.lock().unwrap().push(("new", *key))
        })
        .build();
    std::panic::set_hook(Box::new(|_| {}));
    (0..4).for_each(|key| fail(&registry, key));
    assert_eq!((registry.sweep(), registry.sweep()), (0, 4));
    succeed(&registry, 7);
    let _ = std::panic::take_hook();
    assert_eq!(log.lock().unwrap().len(), 5);
    assert_eq!(registry.aggregate().totals.failures, 4);
}

/// What a hook panics with, and the keys that it is given, may panic when they are dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !thread::panicking() {
            panic!("a drop");
        }
    }
}

/// Nothing of it reaches the caller, and each later report is made.
#[test]
fn what_a_hook_panics_with_may_panic_when_it_is_dropped() {
    let log = Log::default();
    let (new, gone) = (log.clone(), log.clone());
    let registry = Registry::builder(template(&ManualClock::new()))
        .capacity(2)
        .on_new(|_, _| std::panic::panic_any(Bomb))
        .on_new(move |key, _| new.lock().unwrap().push(("new", *key)))
        .on_evict(|_, _| std::panic::panic_any(Bomb))
        .on_evict(move |key, _| gone.lock().unwrap().push(("evicted", *key)))
        .build();
    std::panic::set_hook(Box::new(|_| {}));
    (0..40).for_each(|key| succeed(&registry, key));
    (0..2).for_each(|_| _ = registry.sweep());
    let _ = std::panic::take_hook();
    let log = log.lock().unwrap();
    let of = |what| log.iter().filter(|(w, _)| *w == what).count();
    assert_eq!((of("new"), of("evicted")), (40, 40 - registry.len()));
    assert!(registry.len() < 3, "{}", registry.len());
}

/// With hooks the report drops a key, and without them the registry does.
#[test]
fn a_key_may_panic_when_it_is_dropped() {
    #[derive(Clone, PartialEq, Eq, Hash)]
    struct Key(u32);
    impl Drop for Key {
        fn drop(&mut self) {
            // the caller's own are dropped by the caller
            if self.0 >= 100 && !thread::panicking() && DROPS.with(|caller| !caller.get()) {
                std::panic::panic_any(Bomb);
            }
        }
    }
    thread_local!(static DROPS: std::cell::Cell<bool> = const { std::cell::Cell::new(false) });
    std::panic::set_hook(Box::new(|_| {}));
    for hooked in [false, true] {
        let heard = Log::default();
        let log = heard.clone();
        let mut builder = Registry::builder(|key: &Key| Breaker::builder(key.0.to_string()));
        if hooked {
            builder = builder.on_evict(move |key, _| log.lock().unwrap().push(("evicted", key.0)));
        }
        let registry = builder.capacity(2).build();
        for n in 100..140 {
            let key = Key(n);
            registry.call(&key, || Ok::<_, ()>(())).expect("closed");
            DROPS.set(true);
            drop(key);
            DROPS.set(false);
        }
        assert!(registry.sweep() + registry.sweep() > 0);
        let evicted = if hooked { 40 - registry.len() } else { 0 };
        assert_eq!(heard.lock().unwrap().len(), evicted);
        DROPS.set(true);
        drop(registry);
        DROPS.set(false);
    }
    let _ = std::panic::take_hook();
}

/// No lock is held: a hook looks keys up, makes new ones, sweeps, and asks for all.
#[test]
fn a_hook_may_use_the_registry() {
    let place: Arc<OnceLock<Registry<u32>>> = Arc::default();
    let log = Log::default();
    let (new, gone) = (place.clone(), place.clone());
    let (new_log, gone_log) = (log.clone(), log.clone());
    let registry = Registry::builder(template(&ManualClock::new()))
        .on_new(move |key, _| {
            new_log.lock().unwrap().push(("new", *key));
            let registry = new.get().expect("set");
            if *key < 5 {
                succeed(registry, key + 1);
            }
            registry.sweep();
            assert!(registry.aggregate().breakers > 0);
        })
        .on_evict(move |key, _| {
            gone_log.lock().unwrap().push(("evicted", *key));
            succeed(gone.get().expect("set"), 100);
        })
        .build();
    place.set(registry.clone()).expect("once");
    succeed(&registry, 0);
    (0..3).for_each(|_| _ = registry.sweep());
    let log = log.lock().unwrap();
    for key in 0..=5 {
        assert!(log.contains(&("new", key)), "{log:?}");
    }
    assert!(log.contains(&("evicted", 0)));
}

/// A call waits for no hook, not even where one of its own key hangs on another thread.
#[test]
fn a_hook_that_hangs_holds_up_no_other_thread() {
    let (enter, entered) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let may_go = Mutex::new(may_go);
    let log = Log::default();
    let seen = log.clone();
    let registry = Registry::builder(template(&ManualClock::new()))
        .on_new(move |key, _| {
            if *key == 0 {
                enter.send(()).expect("heard");
                let _ = may_go.lock().unwrap().recv();
            }
            seen.lock().unwrap().push(("new", *key));
        })
        .build();
    thread::scope(|threads| {
        let first = threads.spawn(|| succeed(&registry, 0));
        entered
            .recv_timeout(Duration::from_secs(60))
            .expect("it is in the hook");
        (0..10).for_each(|key| succeed(&registry, key));
        registry.sweep();
        assert!(log.lock().unwrap().is_empty(), "one at a time, in order");
        go.send(()).expect("it waits");
        first.join().expect("ends");
    });
    let order: Vec<_> = log.lock().unwrap().iter().map(|(_, key)| *key).collect();
    assert_eq!(order, (0..10).collect::<Vec<_>>());
}

/// Keys that come and go on several threads at once: who keeps a table by the hooks has the registry's
/// own keys in the end, and for each key it heard coming and going in turns.
#[test]
fn hooks_follow_a_registry_through_a_race() {
    let there: Arc<Mutex<BTreeMap<u32, bool>>> = Arc::default();
    let (new, gone) = (there.clone(), there.clone());
    let registry = Registry::builder(template(&ManualClock::new()))
        .capacity(3)
        .on_new(move |key, _| {
            let before = new.lock().unwrap().insert(*key, true);
            assert_ne!(before, Some(true), "{key} came twice");
        })
        .on_evict(move |key, _| {
            let before = gone.lock().unwrap().insert(*key, false);
            assert_eq!(before, Some(true), "{key} went before it came");
        })
        .build();
    let race = || {
        thread::scope(|threads| {
            for t in 0..3_u32 {
                let registry = &registry;
                threads.spawn(move || {
                    for n in 0..4_000_u32 {
                        succeed(registry, (n * (t + 1)) % 61);
                        if n % 64 == 0 {
                            registry.sweep();
                        }
                    }
                });
            }
        });
        registry.aggregate()
    };
    // a thread that the system stops in a report keeps all keys that come meanwhile: then once more
    let mut races = (0..100).map(|_| race());
    let all = races.find(|all| all.evicted > 100).unwrap_or_default();
    assert!(all.evicted > 100, "{all:?}");
    let there = there.lock().unwrap();
    for key in 0..61 {
        let known = there.get(&key).copied().unwrap_or_default();
        assert_eq!(known, registry.peek(&key).is_some(), "{key}");
    }
}
