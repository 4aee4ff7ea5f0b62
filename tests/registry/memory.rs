//! What a key takes, and that a call takes nothing.

use tripcoil::registry::Registry;
use tripcoil::{Breaker, Config, ManualClock};

#[path = "../counting/mod.rs"]
mod counting;

use counting::{ALLOCATIONS, BYTES};

fn config() -> Config {
    Config {
        clock: ManualClock::new().into(),
        ..Config::default()
    }
}

/// The map's pins and a breaker's rules each take a place in a list for a thread, once.
fn take_the_threads_places() {
    let registry = Registry::<u8>::from_config(config())
        .expect("valid")
        .build();
    registry.call(&0, || Ok::<_, ()>(())).expect("closed");
}

#[test]
fn a_hundred_thousand_keys_take_little_more_than_their_breakers() {
    const KEYS: usize = 100_000;
    take_the_threads_places();
    let name = |n: usize| format!("endpoint-{n:06}.example");
    let alike = config();
    let alone = || {
        let builder = Breaker::builder(name(0)).config(alike.clone());
        builder.build().expect("valid")
    };
    // the rules are the first one's, and kept once for all
    let first = alone();
    let before = BYTES.get();
    let second = alone();
    let breaker = BYTES.get() - before;
    drop((first, second));

    let before = BYTES.get();
    let registry = Registry::<String>::from_config(config())
        .expect("valid")
        .capacity(KEYS)
        .build();
    for n in 0..KEYS {
        registry.get(name(n).as_str()).expect("valid");
    }
    let all = BYTES.get() - before;
    assert_eq!(registry.len(), KEYS);
    let a_key = all / KEYS as i64;
    let added = a_key - breaker;
    println!("{KEYS} keys: {all} bytes, {a_key} a key, of which {breaker} are the breaker's");
    assert!(breaker > 0 && added > 0, "the counter sees nothing");
    // its key of 22 bytes included
    assert!(added <= 192, "{added} bytes a key beside the breaker");
    // 154.5 MB, and 0.6 MB more where the thread of another test is late to let the map's last table go
    assert!(all <= 156_000_000, "{all} bytes");

    drop(registry);
    let left = BYTES.get() - before;
    assert!(left < 4_096, "{left} bytes are left");
}

#[test]
fn forgotten_breakers_give_their_memory_back() {
    take_the_threads_places();
    let registry = Registry::<u64>::from_config(config())
        .expect("valid")
        .capacity(100)
        .build();
    let churn = |from: u64| {
        for key in from..from + 2_000 {
            registry.call(&key, || Ok::<_, ()>(())).expect("closed");
        }
    };
    churn(0);
    let before = BYTES.get();
    churn(10_000);
    let more = BYTES.get() - before;
    assert_eq!(registry.aggregate().totals.successes, 4_000);
    assert!(
        more < 64 << 10,
        "{more} bytes more after 2000 keys that are gone"
    );
}

#[test]
fn a_look_up_and_its_call_allocate_nothing() {
    take_the_threads_places();
    let registry = Registry::<String>::from_config(config())
        .expect("valid")
        .build();
    for n in 0..1_000 {
        registry.get(n.to_string().as_str()).expect("valid");
    }
    let keys: Vec<String> = (0..1_000).map(|n| n.to_string()).collect();
    let calls = |failing: bool| {
        let before = ALLOCATIONS.get();
        for key in &keys {
            for _ in 0..3 {
                let _ = registry.call(key.as_str(), || if failing { Err(()) } else { Ok(()) });
            }
            registry
                .with(key.as_str(), |breaker| breaker.state())
                .expect("valid");
            drop(registry.get(key.as_str()));
        }
        ALLOCATIONS.get() - before
    };
    assert_eq!(calls(false), 0);
    assert_eq!(calls(true), 0);
    // and where they are rejected
    calls(true);
    assert_eq!(calls(true), 0);
    assert!(registry.aggregate().totals.rejected > 0);
}
