//! Do the schedules interleave at all, and does a thread stop where it is stopped?

use std::sync::{Arc, Mutex};
use tripcoil_schedules::explore;

/// Two threads fail once each, and what one reads of the totals between is sometimes the one, sometimes
/// the other.
#[test]
fn both_orders_are_seen() {
    static SEEN: Mutex<[u64; 3]> = Mutex::new([0; 3]);
    explore(
        "both_orders_are_seen",
        |_| (),
        |()| {
            let breaker = tripcoil::Breaker::builder("canary")
                .clock(tripcoil::ManualClock::new())
                .build()
                .expect("valid");
            let breaker = Arc::new(breaker);
            let threads: Vec<_> = (0..2)
                .map(|_| {
                    let breaker = breaker.clone();
                    shuttle::thread::spawn(move || {
                        if let Ok(permit) = breaker.try_acquire() {
                            permit.success();
                        }
                    })
                })
                .collect();
            let seen = breaker.observer().snapshot().totals.successes;
            SEEN.lock().expect("one thread")[seen as usize] += 1;
            for thread in threads {
                thread.join().expect("ends");
            }
            assert_eq!(breaker.observer().snapshot().totals.successes, 2);
        },
    );
    let seen = *SEEN.lock().expect("one thread");
    assert!(seen.iter().all(|n| *n > 0), "{seen:?}");
}
