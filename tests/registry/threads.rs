//! Real threads: nothing is made twice, forgotten open, or lost.

use super::{Key, registry, template};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread;
use tripcoil::registry::Registry;
use tripcoil::{Breaker, CallError, ManualClock, State};

const THREADS: u32 = 4;

/// xorshift; each thread its own
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

#[test]
fn a_race_for_the_first_use_makes_one_breaker() {
    const KEYS: Key = 2_000;
    let (registry, _) = registry(KEYS as usize);
    let start = Barrier::new(THREADS as usize);
    thread::scope(|threads| {
        for _ in 0..THREADS {
            threads.spawn(|| {
                for key in 0..KEYS {
                    if key % 50 == 0 {
                        start.wait();
                    }
                    registry.call(&key, || Ok::<_, ()>(())).expect("closed");
                }
            });
        }
    });
    let mut seen = 0;
    registry.for_each(|key, breaker| {
        let successes = breaker.observer().snapshot().totals.successes;
        assert_eq!(successes, u64::from(THREADS), "{key}");
        seen += 1;
    });
    assert_eq!((seen, registry.len()), (KEYS, KEYS as usize));
    assert_eq!(registry.aggregate().evicted, 0);
}

/// Says that its thread has ended, however it does.
struct Ending<'a>(&'a AtomicU32);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Few places, many keys, sweeps all along. Now and then a call of two failures opens a key; from
/// then on each of its calls is rejected, whichever thread makes it.
#[test]
fn no_open_breaker_is_forgotten_and_no_outcome_lost() {
    const KEYS: u64 = 64;
    const CALLS: u32 = 10_000;
    let registry = Registry::builder(template(&ManualClock::new()))
        .capacity(4)
        .build();
    // keys of which a thread knows that they are open
    let open: Vec<AtomicBool> = (0..KEYS).map(|_| AtomicBool::new(false)).collect();
    let [successes, failures, rejected]: [AtomicU64; 3] = Default::default();
    let ended = AtomicU32::new(0);
    let one_of = |breaker: &Breaker, fails: bool| {
        let (result, count) = match breaker.call(|| if fails { Err(()) } else { Ok(()) }) {
            Ok(()) => (true, &successes),
            Err(CallError::Inner(())) => (true, &failures),
            Err(_) => (false, &rejected),
        };
        count.fetch_add(1, Ordering::Relaxed);
        result
    };
    thread::scope(|threads| {
        for t in 0..THREADS {
            let (registry, open, one_of, ended) = (&registry, &open, &one_of, &ended);
            threads.spawn(move || {
                let _ending = Ending(ended);
                let mut random = Random(0x9e37_79b9 + u64::from(t));
                for _ in 0..CALLS {
                    let key = random.below(KEYS) as Key;
                    let known = open[key as usize].load(Ordering::SeqCst);
                    let fails = key.is_multiple_of(2) && random.below(100) == 0;
                    let way = random.below(3);
                    let admitted = registry.with(&key, |breaker| {
                        if fails {
                            one_of(breaker, true);
                            // others may make it leave meanwhile
                            thread::yield_now();
                            one_of(breaker, true)
                        } else if way == 0 {
                            thread::yield_now();
                            one_of(breaker, false)
                        } else {
                            one_of(breaker, false)
                        }
                    });
                    let mut admitted = admitted.expect("valid");
                    if way == 1 {
                        let kept = registry.get(&key).expect("valid");
                        thread::yield_now();
                        admitted = one_of(&kept, false);
                    }
                    assert!(!known || !admitted, "key {key} was open, and is forgotten");
                    if !admitted {
                        open[key as usize].store(true, Ordering::SeqCst);
                    }
                }
            });
        }
        threads.spawn(|| {
            let mut before = 0;
            while ended.load(Ordering::SeqCst) < THREADS {
                registry.sweep();
                let t = registry.aggregate().totals;
                let now = t.successes + t.failures + t.rejected + t.late;
                assert!(now >= before, "{now} after {before}");
                before = now;
            }
        });
    });
    let counts = [successes, failures, rejected].map(AtomicU64::into_inner);
    let all = registry.aggregate();
    println!("{all:?}");
    let t = all.totals;
    // one that ends after its key has opened is late, however it ends
    assert_eq!(t.successes + t.failures + t.late, counts[0] + counts[1]);
    assert_eq!(t.rejected, counts[2]);
    assert!(t.successes <= counts[0] && t.failures <= counts[1]);
    for (key, open) in (0..).zip(open) {
        if open.into_inner() {
            let state = registry.peek(&key).expect("not forgotten").state();
            assert_eq!(state, State::Open, "{key}");
        }
    }
    assert!(
        all.evicted > 1_000 && all.in_state(State::Open) > 5,
        "nothing was tried"
    );
}
