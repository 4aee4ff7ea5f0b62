//! Every key of a registry, by one publisher of events.

use super::{Capture, Heard, LONG};
use std::thread;
use std::time::{Duration, Instant};
use tracing::Level;
use tripcoil::registry::{Registry, RegistryController};
use tripcoil::tracing::{KeysTracing, Tracing};
use tripcoil::{Breaker, ManualClock};

fn registry() -> (Registry<u32>, RegistryController<u32>) {
    let clock = ManualClock::new();
    Registry::builder(move |key: &u32| {
        Breaker::builder(format!("key-{key}"))
            .clock(&clock)
            .consecutive_failures(1)
    })
    .build_with_controller()
}

fn of(capture: &Capture, registry: &Registry<u32>) -> KeysTracing {
    capture.within(|| Tracing::of_registry(registry))
}

/// What was heard of each, in its order: the breaker, and what it came to.
fn told(heard: Vec<Heard>) -> Vec<(String, String)> {
    let field = |(_, fields): &Heard, name| fields.0.get(name).cloned().unwrap_or_default();
    heard
        .iter()
        .map(|one| (field(one, "tripcoil.breaker"), field(one, "tripcoil.to")))
        .collect()
}

fn pair(key: u32, to: &str) -> (String, String) {
    (format!("key-{key}"), to.to_owned())
}

#[test]
fn every_key_is_told_from_its_first_transition_on() {
    let capture = Capture::default();
    let (registry, controller) = registry();
    controller.on(&1, |one| one.trip()).expect("valid");
    let tracing = of(&capture, &registry);
    controller.on(&1, |one| one.reset()).expect("valid");
    // opens with the key's first call
    registry.call(&2, || Err::<(), _>(())).expect_err("its own");
    assert!(tracing.drain(LONG));
    let mut heard = told(capture.events());
    heard.sort_unstable();
    assert_eq!(heard, [pair(1, "closed"), pair(2, "open")], "from now on");

    // what an operator said of all before a key came is a transition of that key
    controller.force_open_all();
    assert!(tracing.drain(LONG));
    assert_eq!(capture.events().len(), 2);
    registry.get(&3).expect("valid");
    assert!(tracing.drain(LONG));
    let heard = capture.events();
    assert_eq!((heard.len(), heard[0].0), (1, Level::WARN));
    assert_eq!(told(heard), [pair(3, "forced_open")]);

    drop(tracing);
    controller.release_all();
    registry.get(&4).expect("valid");
    thread::sleep(Duration::from_millis(20));
    assert_eq!(capture.events(), []);
}

#[test]
fn a_forgotten_key_is_told_to_its_end_and_kept_no_longer() {
    let capture = Capture::default();
    let (registry, controller) = registry();
    let tracing = of(&capture, &registry);
    let mut watched = Vec::new();
    for key in 0..500 {
        controller
            .on(&key, |one| {
                watched.push(one.observer());
                one.trip() && one.reset()
            })
            .expect("valid");
        (0..2).for_each(|_| _ = registry.sweep());
    }
    assert_eq!(registry.len(), 0, "nothing is kept for being told");
    let since = Instant::now();
    let mut heard = Vec::new();
    while heard.len() < 1_000 {
        assert!(since.elapsed() < LONG, "{}", heard.len());
        heard.extend(told(capture.events()));
        thread::sleep(Duration::from_millis(1));
    }
    for key in 0..500 {
        let name = format!("key-{key}");
        let of: Vec<_> = heard
            .iter()
            .filter(|(breaker, _)| *breaker == name)
            .cloned()
            .collect();
        assert_eq!(of, [pair(key, "open"), pair(key, "closed")]);
    }
    assert!(watched.iter().all(|o| o.is_forgotten()));
    assert!(tracing.drain(LONG));
}

#[test]
fn what_would_have_tripped_is_told_when_asked() {
    let capture = Capture::default();
    let (registry, controller) = registry();
    let tracing = of(&capture, &registry);
    controller.observe_only_all();
    for key in 0..3 {
        registry
            .call(&key, || Err::<(), _>(()))
            .expect_err("its own");
    }
    assert!(tracing.drain(LONG));
    tracing.check();
    let heard = capture.events();
    let rules = heard
        .iter()
        .filter(|(_, fields)| fields.0.contains_key("tripcoil.rules"));
    assert_eq!(rules.count(), 3);
    assert_eq!(heard.len(), 6, "and each is observed only");
}

/// Threads of the process, where the system tells.
fn threads() -> Option<usize> {
    Some(std::fs::read_dir("/proc/self/task").ok()?.count())
}

#[test]
fn no_thread_is_a_keys_own() {
    let capture = Capture::default();
    let (registry, _) = registry();
    let tracing = of(&capture, &registry);
    let before = threads();
    (0..2_000).for_each(|key| _ = registry.call(&key, || Ok::<_, ()>(())));
    if let (Some(before), Some(now)) = (before, threads()) {
        // other tests have some of theirs
        assert!(now < before + 100, "{before} to {now}");
    }
    drop(tracing);
}
