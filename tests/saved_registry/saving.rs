//! Saves on a thread of their own, again and again and at the end.

use crate::{builder, fresh, state, succeed, trip};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;
use tripcoil::registry::{Registry, RegistryController, SaveReport, Saving};
use tripcoil::saved::{RegistryStore, StoreError};
use tripcoil::{Breaker, Clock, State};

/// Nothing here is timed: it is only for a thread that never reports.
const NEVER: Duration = Duration::from_secs(60);
const OFTEN: Duration = Duration::from_millis(10);
const SELDOM: Duration = Duration::from_secs(24 * 3600);

fn place() -> (TempDir, RegistryStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = RegistryStore::new(folder.path().join("breakers.state"));
    (folder, store)
}

type Reports = Receiver<Result<SaveReport, StoreError>>;

#[test]
fn it_saves_again_and_again() {
    let (_folder, store) = place();
    let (registry, controller) = fresh();
    let (sender, reports): (_, Reports) = channel();
    let saving = controller
        .save_every(store.clone(), OFTEN, move |result| {
            drop(sender.send(result))
        })
        .unwrap();
    trip(&registry, "a");
    let seen = |keys| loop {
        let report = reports.recv_timeout(NEVER).expect("it reports").unwrap();
        if report.keys == keys {
            return store.load().unwrap().expect("saved");
        }
    };
    assert!(seen(1).keys().eq(["a"]));
    trip(&registry, "b");
    assert!(seen(2).keys().eq(["a", "b"]));
    drop(saving);
    // the thread is over
    while reports.recv_timeout(NEVER).is_ok() {}
    assert!(reports.recv().is_err());
}

#[test]
fn it_saves_once_more_at_the_end() {
    for close in [true, false] {
        let (_folder, store) = place();
        let (registry, controller) = fresh();
        let (sender, reports): (_, Reports) = channel();
        let saving = controller
            .save_every(store.clone(), SELDOM, move |result| {
                drop(sender.send(result))
            })
            .unwrap();
        trip(&registry, "a");
        assert!(store.load().unwrap().is_none());
        if close {
            assert_eq!(saving.close().unwrap().keys, 1);
            assert!(reports.recv().is_err(), "it was returned");
        } else {
            drop(saving);
            assert_eq!(reports.recv().unwrap().unwrap().keys, 1);
        }
        let (registry, controller) = builder()
            .restore(store.load().unwrap())
            .build_with_controller();
        assert_eq!(controller.waiting(), 1);
        assert_eq!(state(&registry, "a"), State::Open);
    }
}

#[test]
fn it_saves_when_asked() {
    let (_folder, store) = place();
    let (registry, controller) = fresh();
    let saving = controller
        .save_every(store.clone(), SELDOM, |_| {})
        .unwrap();
    for n in 1..=3 {
        succeed(&registry, &n.to_string());
        let report = saving.save_now().unwrap();
        assert_eq!((report.keys, report.waiting, report.failed), (n, 0, 0));
        assert_eq!(store.load().unwrap().unwrap().len(), n);
    }
    assert!(format!("{saving:?}").contains("breakers.state"));
}

#[test]
fn the_longest_interval_is_one() {
    let (_folder, store) = place();
    let (_registry, controller) = fresh();
    let saving = controller.save_every(store, Duration::MAX, |_| {}).unwrap();
    assert_eq!(saving.close().unwrap().keys, 0);
}

#[test]
fn an_error_is_reported_and_the_next_save_tries_again() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    let store = RegistryStore::new(inner.join("breakers.state"));
    let (registry, controller) = fresh();
    trip(&registry, "a");
    let (sender, reports): (_, Reports) = channel();
    let saving = controller
        .save_every(store.clone(), OFTEN, move |result| {
            drop(sender.send(result))
        })
        .unwrap();
    let error = reports
        .recv_timeout(NEVER)
        .expect("it reports")
        .unwrap_err();
    assert!(matches!(error, StoreError::NoFolder { .. }), "{error}");
    assert!(matches!(
        saving.save_now(),
        Err(StoreError::NoFolder { .. })
    ));
    std::fs::create_dir(&inner).unwrap();
    while reports.recv_timeout(NEVER).expect("it reports").is_err() {}
    assert_eq!(store.load().unwrap().unwrap().len(), 1);
    drop(saving);
}

#[test]
fn a_panic_in_the_report_is_caught() {
    let (_folder, store) = place();
    let (_registry, controller) = fresh();
    let (sender, reports) = channel();
    let saving = controller
        .save_every(store, OFTEN, move |_| {
            let _ = sender.send(());
            panic!("the report's own");
        })
        .unwrap();
    for _ in 0..3 {
        reports.recv_timeout(NEVER).expect("it goes on");
    }
    saving.close().unwrap();
}

#[test]
fn it_may_be_dropped_by_its_own_report() {
    let (_folder, store) = place();
    let (_registry, controller) = fresh();
    let (sender, inbox) = channel::<Saving>();
    let (ended, end) = channel();
    let saving = controller
        .save_every(store, OFTEN, move |_| {
            drop(inbox.try_recv());
            let _ = ended.send(());
        })
        .unwrap();
    sender.send(saving).unwrap();
    while end.recv_timeout(NEVER).is_ok() {}
}

/// The registry may be gone; what it held is saved.
#[test]
fn the_registry_lives_as_long_as_it_is_saved() {
    let (_folder, store) = place();
    let (registry, controller) = fresh();
    trip(&registry, "a");
    let saving = controller
        .save_every(store.clone(), SELDOM, |_| {})
        .unwrap();
    drop((registry, controller));
    saving.close().unwrap();
    assert_eq!(store.load().unwrap().unwrap().len(), 1);
}

#[test]
fn keys_of_one_text_are_reported() {
    let (_folder, store) = place();
    let (registry, controller) =
        Registry::builder(|_: &u32| Breaker::builder("tenant")).build_with_controller();
    for key in 0..3 {
        registry.get(&key).unwrap();
    }
    let saving = controller.save_every(store, SELDOM, |_| {}).unwrap();
    let report = saving.close().unwrap();
    assert_eq!(
        (report.keys, report.ambiguous),
        (1, vec!["tenant".to_string()])
    );
}

/// The clock of a breaker is the user's.
#[test]
fn a_key_whose_clock_panics_costs_no_other() {
    let (_folder, store) = place();
    let stopped = std::sync::Arc::new(AtomicBool::new(false));
    let panics = stopped.clone();
    let (registry, controller) = Registry::builder(move |key: &String| {
        let panics = panics.clone();
        let bad = key == "bad";
        let clock = Clock::custom(move || {
            assert!(!(bad && panics.load(Ordering::Relaxed)), "the clock's own");
            Duration::ZERO
        });
        Breaker::builder(key.as_str()).clock(clock)
    })
    .build_with_controller();
    succeed(&registry, "bad");
    succeed(&registry, "good");
    stopped.store(true, Ordering::Relaxed);
    let saving = controller
        .save_every(store.clone(), SELDOM, |_| {})
        .unwrap();
    let report = saving.close().unwrap();
    assert_eq!((report.keys, report.failed), (1, 1));
    assert!(store.load().unwrap().unwrap().keys().eq(["good"]));
}

/// Calls, first uses, evictions and saves at once: each file is whole, and no outcome is lost.
#[test]
fn calls_first_uses_and_evictions_go_on_meanwhile() {
    let (_folder, store) = place();
    let (registry, controller) = builder().capacity(50).build_with_controller();
    let saving = controller.save_every(store.clone(), OFTEN, |result| {
        result.unwrap();
    });
    let saving = saving.unwrap();
    thread::scope(|scope| {
        for thread in 0..3 {
            let registry = &registry;
            scope.spawn(move || {
                for n in 0..3_000 {
                    succeed(registry, &format!("{thread}-{}", n % 400));
                    if n % 500 == 0 {
                        registry.sweep();
                    }
                }
            });
        }
        for _ in 0..20 {
            let report = saving.save_now().unwrap();
            assert_eq!((report.failed, report.ambiguous.len()), (0, 0));
            let loaded = store.load().unwrap().expect("saved");
            assert!(loaded.problems().is_empty());
        }
    });
    assert_eq!(registry.aggregate().totals.successes, 9_000);
    let report = saving.close().unwrap();
    assert_eq!(report.keys, registry.len());
}

/// It is on the thread that saves, and cannot wait for it.
#[test]
fn its_own_report_may_save_and_close_it() {
    let (_folder, store) = place();
    let (registry, controller) = fresh();
    trip(&registry, "a");
    let (sender, inbox) = channel::<Saving>();
    let (ended, end) = channel();
    let saving = controller
        .save_every(store.clone(), OFTEN, move |_| {
            let Ok(saving) = inbox.recv() else {
                return;
            };
            let (now, last) = (saving.save_now(), saving.close());
            let _ = ended.send((now.unwrap().keys, last.unwrap().keys));
        })
        .unwrap();
    sender.send(saving).unwrap();
    assert_eq!(end.recv_timeout(NEVER).expect("it returns"), (1, 1));
    assert!(end.recv_timeout(NEVER).is_err(), "the thread is over");
    assert_eq!(store.load().unwrap().unwrap().len(), 1);
}

/// A save would go round in circles.
#[test]
fn a_save_that_its_own_code_asks_for_is_an_error() {
    let (_folder, store) = place();
    let own: Arc<OnceLock<Saving>> = Arc::default();
    let inner = own.clone();
    let (sender, results) = channel();
    let (registry, controller) = Registry::builder(|key: &String| Breaker::builder(key.as_str()))
        .saved_as(move |key| {
            if let Some(saving) = inner.get() {
                let _ = sender.send(saving.save_now().map(|report| report.keys));
            }
            key.clone()
        })
        .build_with_controller();
    registry.get("a").unwrap();
    let saving = controller.save_every(store, SELDOM, |_| {}).unwrap();
    own.set(saving).unwrap();
    let report = own.get().unwrap().save_now().unwrap();
    assert_eq!((report.keys, report.failed), (1, 0));
    let error = results.recv_timeout(NEVER).unwrap().unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
}

type Blocked = (Registry<String>, RegistryController<String>);

/// Keys whose texts wait, the first time after it is armed: a save that is under way. Its key and what lets it go on.
fn blocked() -> (Blocked, Arc<AtomicBool>, Receiver<String>, Sender<()>) {
    let armed = Arc::new(AtomicBool::new(false));
    let ((at, reached), (go, gate)) = (channel(), channel());
    let (arm, gate) = (armed.clone(), Mutex::new((at, gate)));
    let pair = Registry::builder(|key: &String| Breaker::builder(key.as_str()))
        .saved_as(move |key| {
            if arm.swap(false, Ordering::Relaxed) {
                let gate = gate.lock().unwrap();
                gate.0.send(key.clone()).unwrap();
                gate.1.recv().unwrap();
            }
            key.clone()
        })
        .build_with_controller();
    (pair, armed, reached, go)
}

/// Whichever is written last.
#[test]
fn a_save_does_not_replace_one_that_began_later() {
    let (_folder, store) = place();
    let ((registry, controller), armed, reached, go) = blocked();
    registry.get("a").unwrap();
    registry.get("b").unwrap();
    let saving = controller
        .save_every(store.clone(), SELDOM, |_| {})
        .unwrap();
    let forced = |key: &str| {
        let saved = store.load().unwrap().expect("saved");
        saved.get(key).unwrap().unwrap().state() == State::ForcedOpen
    };
    for by_thread in [true, false] {
        armed.store(true, Ordering::Relaxed);
        thread::scope(|scope| {
            let early = scope.spawn(|| match by_thread {
                true => saving.save_now(),
                false => store.save_from(&controller),
            });
            // its snapshot has this key and will have the other; the later save has both
            let at = reached.recv().unwrap();
            for key in ["a", "b"] {
                controller.on(key, |one| one.force_open()).unwrap();
            }
            assert_eq!(store.save_from(&controller).unwrap().keys, 2);
            controller.on("a", |one| one.release()).unwrap();
            controller.on("b", |one| one.release()).unwrap();
            assert!(forced(&at));
            go.send(()).unwrap();
            early.join().unwrap().unwrap();
            assert!(forced("a") && forced("b"), "{by_thread}");
        });
    }
    assert_eq!(saving.close().unwrap().keys, 2);
    assert!(!forced("a") && !forced("b"));
}

/// Neither the key that is being saved nor another.
#[test]
fn keys_are_forgotten_while_they_are_saved() {
    let ((registry, controller), armed, reached, go) = blocked();
    for key in ["a", "b", "c"] {
        controller.on(key, |one| one.trip()).unwrap();
    }
    let forgotten = registry.clone();
    armed.store(true, Ordering::Relaxed);
    let saved = thread::scope(|scope| {
        let save = scope.spawn(|| controller.save());
        let at = reached.recv().unwrap();
        let other = if at == "a" { "b" } else { "a" };
        assert!(controller.forget(&at) && controller.forget(other));
        go.send(()).unwrap();
        (save.join().unwrap(), at, other)
    });
    let (saved, at, other) = saved;
    assert!(saved.get("c").is_some() && saved.get(other).is_none());
    // it was being read
    assert!(saved.get(&at).is_some());
    assert!(controller.save().keys().eq(["c"]));
    forgotten.sweep();
    let all = registry.aggregate();
    assert_eq!((all.breakers, all.evicted, all.transitions), (1, 2, 3));
}

#[test]
fn a_key_that_is_forgotten_in_a_call_is_not_saved() {
    let (registry, controller) = fresh();
    for n in 0..100 {
        let key = n.to_string();
        trip(&registry, &key);
        let saved = registry.with(&key, |_| {
            assert!(controller.forget(&key));
            controller.save()
        });
        assert!(saved.unwrap().is_empty());
    }
    assert!(controller.save().is_empty());
}
