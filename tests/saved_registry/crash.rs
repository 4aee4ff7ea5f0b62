//! A process that saves all its breakers again and again is killed, at any moment, and another goes on from its file.

use crate::{builder, state, succeed, successes};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tripcoil::State;
use tripcoil::saved::RegistryStore;

const FILE: &str = "TRIPCOIL_TEST_REGISTRY_FILE";
const KEYS: usize = 50;

fn key(n: usize) -> String {
    format!("key-{n:03}")
}

/// The process that is killed. It uses some keys only; each that it uses has as many calls as the first.
#[test]
fn child() {
    let Some(path) = std::env::var_os(FILE) else {
        return;
    };
    let store = RegistryStore::new(path);
    let (registry, controller) = builder()
        .restore(store.load().unwrap())
        .on_restore(|key, result| assert!(result.is_ok(), "{key}"))
        .build_with_controller();
    let saving = controller
        .save_every(store, Duration::from_millis(10), |result| {
            result.unwrap();
        })
        .unwrap();
    controller.on("tripped", |one| one.trip()).unwrap();
    controller.on("forced", |one| one.force_open()).unwrap();
    loop {
        for n in 0..KEYS {
            succeed(&registry, &key(n));
        }
        saving.save_now().unwrap();
    }
}

fn begin(store: &RegistryStore) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child"])
        .env(FILE, store.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// What the file says; that it says anything else than whole states fails the test.
fn calls(store: &RegistryStore) -> u64 {
    let Some(saved) = store.load().expect("whole") else {
        return 0;
    };
    assert_eq!(saved.problems(), []);
    if saved.get(&key(KEYS - 1)).is_none() {
        return 0;
    }
    let (registry, _controller) = builder().restore(saved).build_with_controller();
    let all: Vec<u64> = (0..KEYS).map(|n| successes(&registry, &key(n))).collect();
    // a save at an interval may come between two calls of one round
    assert!(all.iter().all(|n| all[0].abs_diff(*n) <= 1), "{all:?}");
    assert_eq!(state(&registry, "tripped"), State::Open);
    assert_eq!(state(&registry, "forced"), State::ForcedOpen);
    all[KEYS - 1]
}

#[test]
fn a_kill_at_any_moment_leaves_whole_states() {
    let folder = tempfile::tempdir().unwrap();
    let store = RegistryStore::new(folder.path().join("breakers.state"));
    let mut before = 0;
    for n in 0..10_u64 {
        let mut child = begin(&store);
        // it has gone on from where the last one was killed
        let begun = Instant::now();
        while calls(&store) == before {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "it does not save"
            );
            assert!(
                child.try_wait().unwrap().is_none(),
                "it has ended by itself"
            );
        }
        let until = Instant::now() + Duration::from_micros(n * 7919 % 10_000);
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let now = calls(&store);
        assert!(now > before, "{now} after {before}");
        before = now;
    }
    // what they have left behind is gone with the next save
    let saved = store.load().unwrap().unwrap();
    store.save(&saved).unwrap();
    if cfg!(any(
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd"
    )) {
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
