//! A hundred thousand keys: what a save and a start cost. Prints its figures, and asserts none of the times.

use crate::{builder, state, succeed, trip};
use std::time::{Duration, Instant};
use tripcoil::State;
use tripcoil::saved::RegistryStore;

const KEYS: usize = 100_000;

fn key(n: usize) -> String {
    format!("tenant-{n:06}.example")
}

#[test]
fn a_hundred_thousand_keys_are_saved_and_restored() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("breakers.state");
    let store = RegistryStore::new(&path);
    let (registry, controller) = builder().capacity(KEYS).build_with_controller();
    for n in 0..KEYS {
        succeed(&registry, &key(n));
    }
    for n in (0..KEYS).step_by(1000) {
        trip(&registry, &key(n));
    }
    let began = Instant::now();
    let listed = {
        let mut keys = 0;
        registry.for_each(|_, _| keys += 1);
        keys
    };
    let listing = began.elapsed();
    assert_eq!(listed, KEYS);
    let began = Instant::now();
    let saved = controller.save();
    let reading = began.elapsed();
    let began = Instant::now();
    let bytes = saved.to_bytes().len();
    let encoding = began.elapsed();
    let saving = controller
        .save_every(store.clone(), Duration::from_secs(3600), |_| {})
        .unwrap();
    let report = saving.close().unwrap();
    assert_eq!((report.keys, report.waiting), (KEYS, 0));

    let began = Instant::now();
    let loaded = store.load().unwrap().expect("saved");
    let loading = began.elapsed();
    assert_eq!(std::fs::read(&path).unwrap(), loaded.to_bytes());
    let began = Instant::now();
    let (registry, controller) = builder()
        .capacity(KEYS)
        .restore(loaded)
        .build_with_controller();
    let building = began.elapsed();
    assert_eq!(controller.waiting(), KEYS);
    for n in (0..KEYS).step_by(500) {
        let expected = if n % 1000 == 0 {
            State::Open
        } else {
            State::Closed
        };
        assert_eq!(state(&registry, &key(n)), expected);
    }
    assert_eq!((registry.len(), controller.waiting()), (200, KEYS - 200));
    let began = Instant::now();
    assert_eq!(controller.save().len(), KEYS);
    let waiting = began.elapsed();
    println!(
        "{KEYS} keys, {bytes} bytes, {} per key: list {listing:?}, read {reading:?}, encode {encoding:?}, all to the \
         disk {:?}; load {loading:?}, build {building:?}, save while nearly all wait {waiting:?}",
        bytes / KEYS,
        report.took
    );
}
