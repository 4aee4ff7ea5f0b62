//! A process that saves again and again is killed, at any moment, and another goes on from its file.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tripcoil::saved::FileStore;
use tripcoil::{Breaker, State};

const FILE: &str = "TRIPCOIL_TEST_CRASH_FILE";

/// The process that is killed. Each of its states has as many calls as transitions.
#[test]
fn child() {
    let Some(path) = std::env::var_os(FILE) else {
        return;
    };
    let store = FileStore::new(path);
    let saved = store.load().unwrap();
    let (breaker, controller) = Breaker::builder("crash")
        .restore(saved)
        .build_with_controller()
        .unwrap();
    assert!(controller.restored().is_none_or(|r| r.is_ok()));
    loop {
        breaker.call(|| Ok::<_, ()>(())).unwrap();
        controller.reset();
        store.save(&controller.save()).unwrap();
    }
}

fn begin(store: &FileStore) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child"])
        .env(FILE, store.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// What the file says; that it says anything else than a whole state fails the test.
fn calls(store: &FileStore) -> u64 {
    let Some(saved) = store.load().expect("whole") else {
        return 0;
    };
    assert_eq!((saved.name(), saved.state()), ("crash", State::Closed));
    let breaker = Breaker::builder("crash").restore(saved).build().unwrap();
    let s = breaker.observer().snapshot();
    assert_eq!(s.totals.successes, s.transitions);
    s.totals.successes
}

/// `TRIPCOIL_CRASHES` sets how many times.
#[test]
fn a_kill_at_any_moment_leaves_a_whole_state() {
    let times = std::env::var("TRIPCOIL_CRASHES").map_or(40, |n| n.parse().expect("a number"));
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path().join("crash.state"));
    let mut before = 0;
    for n in 0..times {
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
        // some tens of microseconds, or some milliseconds
        let wait = Duration::from_micros(n * 7919 % 1_000 * if n % 2 == 0 { 1 } else { 10 });
        let until = Instant::now() + wait;
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let now = calls(&store);
        assert!(now > before, "{now} after {before}");
        before = now;
    }
    // and what they have left behind is gone with the next save
    let saved = store.load().unwrap().unwrap();
    store.save(&saved).unwrap();
    if cfg!(any(
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd"
    )) {
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
    println!("killed {times} times in {before} calls");
}
