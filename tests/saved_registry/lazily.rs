//! Each key continues from its own state when it is first used, and not before.

use crate::{after, builder, fresh, state, succeed, successes, trip};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};
use tripcoil::registry::Registry;
use tripcoil::saved::{Restored, SavedError, SavedRegistry};
use tripcoil::{Breaker, Outcome, State};

#[test]
fn each_key_has_its_own_state() {
    let (registry, controller) = fresh();
    trip(&registry, "open");
    succeed(&registry, "closed");
    controller.on("half", |half| half.half_open()).unwrap();
    registry
        .get("half")
        .unwrap()
        .try_acquire()
        .unwrap()
        .record(Outcome::Success);
    controller
        .on("forced", |forced| forced.force_open())
        .unwrap();
    controller.on("off", |off| off.disable()).unwrap();
    let saved = controller.save();
    assert!(saved.keys().eq(["closed", "forced", "half", "off", "open"]));
    drop(registry);

    let (registry, controller) = after(saved);
    assert_eq!((registry.len(), controller.waiting()), (0, 5));
    assert_eq!(state(&registry, "forced"), State::ForcedOpen);
    assert_eq!((registry.len(), controller.waiting()), (1, 4));
    assert_eq!(state(&registry, "open"), State::Open);
    let rejected = registry.get("open").unwrap().try_acquire().unwrap_err();
    let wait = rejected.retry_after().expect("known");
    // the wall clock is read at another moment than the breaker's
    let hour = Duration::from_secs(3600);
    assert!(
        wait > hour / 2 && wait <= hour + Duration::from_secs(1),
        "{wait:?}"
    );
    assert_eq!(state(&registry, "off"), State::Disabled);
    assert_eq!(successes(&registry, "closed"), 1);
    // two of its three probes are left
    assert_eq!(state(&registry, "half"), State::HalfOpen);
    for expected in [State::HalfOpen, State::Closed] {
        succeed(&registry, "half");
        assert_eq!(state(&registry, "half"), expected);
    }
    assert_eq!(state(&registry, "new"), State::Closed);
    assert_eq!((registry.len(), controller.waiting()), (6, 0));
    // an operator ends what an operator began
    assert!(controller.on("forced", |forced| forced.release()).unwrap());
    assert_eq!(state(&registry, "forced"), State::Closed);
}

#[test]
fn what_is_not_used_is_saved_as_it_was() {
    let (registry, controller) = fresh();
    trip(&registry, "a");
    trip(&registry, "b");
    let saved = controller.save();
    let (registry, controller) = after(saved.clone());
    succeed(&registry, "c");
    let again = controller.save();
    assert!(again.keys().eq(["a", "b", "c"]));
    assert_eq!(again.get("a"), saved.get("a"));
    assert_eq!(state(&registry, "a"), State::Open);
    // and through any number of processes
    let (_registry, controller) = after(again);
    let (registry, controller) = after(controller.save());
    assert_eq!(state(&registry, "b"), State::Open);
    assert_eq!(controller.waiting(), 2);
}

/// Its state was of an earlier life.
#[test]
fn a_key_that_was_forgotten_starts_fresh() {
    let (registry, controller) = fresh();
    trip(&registry, "a");
    let (registry, controller) = {
        let saved = controller.save();
        drop((registry, controller));
        after(saved)
    };
    assert_eq!(state(&registry, "a"), State::Open);
    assert!(controller.forget("a"));
    assert_eq!(state(&registry, "a"), State::Closed);
    assert!(controller.forget("a"));
    assert!(controller.save().is_empty());
}

#[test]
fn a_key_that_was_idle_is_not_saved() {
    let (registry, controller) = fresh();
    succeed(&registry, "a");
    succeed(&registry, "b");
    registry.sweep();
    succeed(&registry, "b");
    assert_eq!(registry.sweep(), 1);
    assert!(controller.save().keys().eq(["b"]));
}

#[test]
fn a_state_that_is_too_old_starts_fresh() {
    let then = SystemTime::now() - Duration::from_secs(30 * 3600);
    let (_, closed) = Breaker::builder("closed").build_with_controller().unwrap();
    let (_, forced) = Breaker::builder("forced").build_with_controller().unwrap();
    forced.force_open();
    let mut saved = SavedRegistry::new();
    saved.insert("closed", &closed.save_at(then));
    saved.insert("forced", &forced.save_at(then));
    let (registry, controller) = after(saved);
    assert_eq!(controller.waiting(), 1);
    assert_eq!(state(&registry, "forced"), State::ForcedOpen);
}

type Seen = Vec<(String, Result<Restored, SavedError>)>;

fn watched(saved: SavedRegistry) -> (Registry<String>, Arc<Mutex<Seen>>) {
    let seen: Arc<Mutex<Seen>> = Arc::default();
    let log = seen.clone();
    let registry = builder()
        .restore(saved)
        .on_restore(|_, _| panic!("the hook's own"))
        .on_restore(move |key, result| log.lock().unwrap().push((key.clone(), result.clone())))
        .build();
    (registry, seen)
}

#[test]
fn what_cannot_be_restored_costs_no_other_key() {
    let (registry, controller) = fresh();
    trip(&registry, "good");
    let mut saved = controller.save();
    // the state of another breaker, under this key
    let (_, other) = Breaker::builder("other").build_with_controller().unwrap();
    saved.insert("renamed", &other.save());
    // one of a later version, and one that is damaged
    let bytes = saved.to_bytes();
    let state_of_good = saved.get("good").unwrap().unwrap().to_bytes();
    let at = bytes
        .windows(state_of_good.len())
        .position(|part| part == state_of_good)
        .unwrap();
    let resealed = |edit: &dyn Fn(&mut [u8])| {
        let mut bytes = bytes.clone();
        edit(&mut bytes[at..at + state_of_good.len()]);
        let end = bytes.len() - 4;
        let checksum = crc32fast::hash(&bytes[..end]);
        bytes[end..].copy_from_slice(&checksum.to_le_bytes());
        SavedRegistry::from_bytes(&bytes).expect("whole")
    };
    let damaged = resealed(&|state| state[20] ^= 1);
    assert_eq!(damaged.problems(), [("good".into(), SavedError::Damaged)]);
    let later = resealed(&|state| {
        state[8] = 9;
        let end = state.len() - 4;
        let checksum = crc32fast::hash(&state[..end]);
        state[end..].copy_from_slice(&checksum.to_le_bytes());
    });
    assert_eq!(later.problems(), [("good".into(), SavedError::Version(9))]);

    for (saved, error) in [
        (damaged, SavedError::Damaged),
        (later, SavedError::Version(9)),
    ] {
        let (registry, seen) = watched(saved);
        assert_eq!(state(&registry, "good"), State::Closed);
        assert_eq!(state(&registry, "renamed"), State::Closed);
        let other = SavedError::OtherBreaker("other".into());
        let expected = [("good".into(), Err(error)), ("renamed".into(), Err(other))];
        assert_eq!(*seen.lock().unwrap(), expected);
    }
    let (registry, seen) = watched(saved);
    assert_eq!(state(&registry, "good"), State::Open);
    let seen = seen.lock().unwrap();
    assert_eq!((seen.len(), &*seen[0].0), (1, "good"));
    assert_eq!(seen[0].1.as_ref().unwrap().state, State::Open);
}

/// A later version keeps what an earlier program cannot read, as long as it is not used.
#[test]
fn what_cannot_be_read_is_kept_while_it_waits() {
    let mut saved = SavedRegistry::new();
    let (_, controller) = Breaker::builder("a").build_with_controller().unwrap();
    saved.insert("a", &controller.save());
    let mut bytes = saved.to_bytes();
    let magic = bytes.windows(8).rposition(|part| part == b"TRIPCOIL");
    bytes[magic.unwrap() + 8] = 9;
    let end = bytes.len() - 4;
    let checksum = crc32fast::hash(&bytes[..end]);
    bytes[end..].copy_from_slice(&checksum.to_le_bytes());
    let foreign = SavedRegistry::from_bytes(&bytes).unwrap();
    let (_registry, controller) = after(foreign.clone());
    assert_eq!(controller.save(), foreign);
}

#[test]
fn the_window_of_other_settings_is_not_taken() {
    let (registry, controller) = fresh();
    succeed(&registry, "a");
    let saved = controller.save();
    let (sender, reports) = channel();
    let registry = Registry::builder(|key: &String| {
        Breaker::builder(key.as_str()).window(tripcoil::Window::count(10))
    })
    .restore(saved)
    .on_restore(move |_, result| sender.send(result.clone()).unwrap())
    .build();
    assert_eq!(successes(&registry, "a"), 1);
    let restored = reports.try_recv().unwrap().unwrap();
    assert_eq!(restored.window, tripcoil::saved::RestoredWindow::Reshaped);
}

#[test]
fn keys_have_texts_of_their_own() {
    type Key = (u32, &'static str);
    let all = || {
        Registry::builder(|key: &Key| Breaker::builder(key.1).consecutive_failures(1))
            .saved_as(|key: &Key| format!("{}/{}", key.0, key.1))
    };
    let (registry, controller) = all().build_with_controller();
    let _ = registry.call(&(7, "search"), || Err::<(), _>("down"));
    registry.get(&(8, "search")).unwrap();
    let saved = controller.save();
    assert!(saved.keys().eq(["7/search", "8/search"]));
    let registry = all().restore(saved).build();
    let state = |key: Key| registry.get(&key).unwrap().state();
    assert_eq!(
        (state((8, "search")), state((7, "search"))),
        (State::Closed, State::Open)
    );
}

#[test]
fn odd_texts_are_texts() {
    let long = "k".repeat(100_000);
    let keys = ["", " ", "\n", "\0", "\u{5317}\u{4eac}", &long];
    let (registry, controller) = fresh();
    for key in keys {
        trip(&registry, key);
    }
    let bytes = controller.save().to_bytes();
    let (registry, _controller) = after(SavedRegistry::from_bytes(&bytes).unwrap());
    for key in keys {
        assert_eq!(state(&registry, key), State::Open, "{key:?}");
    }
}

/// Threads that use a key first at the same time, and its state is there once.
#[test]
fn first_uses_at_once_share_one_state() {
    for _ in 0..20 {
        let (registry, controller) = fresh();
        for key in 0..8 {
            trip(&registry, &key.to_string());
        }
        let (registry, controller) = {
            let saved = controller.save();
            after(saved)
        };
        let begin = Barrier::new(4);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    begin.wait();
                    for key in 0..8 {
                        assert_eq!(state(&registry, &key.to_string()), State::Open);
                    }
                });
            }
        });
        assert_eq!((registry.len(), controller.waiting()), (8, 0));
        assert_eq!(registry.aggregate().in_state(State::Open), 8);
    }
}

/// No save in between misses a key.
#[test]
fn a_key_is_in_each_save_while_it_is_first_used() {
    let (registry, controller) = fresh();
    let keys: Vec<String> = (0..300).map(|n| n.to_string()).collect();
    for key in &keys {
        trip(&registry, key);
    }
    let (registry, controller) = {
        let saved = controller.save();
        after(saved)
    };
    thread::scope(|scope| {
        let used = scope.spawn(|| {
            for key in &keys {
                assert_eq!(state(&registry, key), State::Open);
            }
        });
        loop {
            let over = used.is_finished();
            let saved = controller.save();
            assert_eq!(saved.len(), keys.len());
            let open = |key: &String| saved.get(key).unwrap().unwrap().state() == State::Open;
            assert!(keys.iter().all(open));
            if over {
                break;
            }
        }
    });
    assert_eq!(controller.waiting(), 0);
}

#[test]
fn a_template_that_fails_leaves_the_state_where_it_is() {
    let (registry, controller) = fresh();
    trip(&registry, "a");
    let saved = controller.save();
    let right = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let asked = right.clone();
    let (registry, controller) = Registry::builder(move |key: &String| {
        let rate = if asked.load(std::sync::atomic::Ordering::Relaxed) {
            0.5
        } else {
            5.0
        };
        Breaker::builder(key.as_str()).failure_rate(rate)
    })
    .restore(saved)
    .build_with_controller();
    assert!(registry.get("a").is_err());
    assert_eq!(controller.waiting(), 1);
    right.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(state(&registry, "a"), State::Open);
}

/// Whether or not anything is saved meanwhile.
#[test]
fn a_state_whose_time_is_over_is_not_restored() {
    let now = SystemTime::now();
    let day = Duration::from_secs(24 * 3600);
    let (_, a) = Breaker::builder("a").build_with_controller().unwrap();
    let (_, b) = Breaker::builder("b").build_with_controller().unwrap();
    b.force_open();
    let mut saved = SavedRegistry::new();
    // a moment is left when the registry is built
    let moment = Duration::from_secs(1);
    saved.insert("a", &a.save_at(now + moment - day));
    saved.insert("b", &b.save_at(now + moment - day));
    let (sender, reports) = channel();
    let (registry, controller) = builder()
        .restore(saved)
        .on_restore(move |key, _| sender.send(key.clone()).unwrap())
        .build_with_controller();
    while SystemTime::now() <= now + 2 * moment {
        thread::sleep(moment / 10);
    }
    assert_eq!(state(&registry, "a"), State::Closed);
    assert_eq!(controller.waiting(), 1);
    assert_eq!(state(&registry, "b"), State::ForcedOpen);
    assert_eq!(reports.try_iter().collect::<Vec<_>>(), ["b"]);
}
