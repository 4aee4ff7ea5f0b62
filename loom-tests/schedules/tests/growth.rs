//! What comes and goes leaves nothing behind: subscriptions, cursors and local handles.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use shuttle::thread::spawn;
use tripcoil::{Breaker, ManualClock};
use tripcoil_schedules::{dice::Dice, explore};

/// Counts those that are out. Large ones are not looked at: shuttle's own list of its choices grows.
struct Counting;

static OUT: AtomicI64 = AtomicI64::new(0);
const SMALL: usize = 1_024;

// SAFETY: it does what the system's does, and counts besides.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        OUT.fetch_add(i64::from(layout.size() < SMALL), Ordering::Relaxed);
        // SAFETY: as it was asked for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        OUT.fetch_sub(i64::from(layout.size() < SMALL), Ordering::Relaxed);
        // SAFETY: as it was given out.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const THREADS: u64 = 4;
const TURNS: u64 = 80;
/// What shuttle keeps of four threads that have ended: 24 to 40. What one kind of turn leaves behind comes
/// 64 times on average.
const MORE: i64 = 60;

#[derive(Clone, Debug)]
struct Plan {
    threads: Vec<Vec<u64>>,
}

fn roll(seed: u64) -> Plan {
    let mut dice = Dice::new(seed);
    let mut turns = || (0..TURNS).map(|_| dice.roll(5)).collect();
    Plan {
        threads: (0..THREADS).map(|_| turns()).collect(),
    }
}

fn run(plan: &Plan) {
    let built = Breaker::builder("growing").clock(ManualClock::new());
    let (breaker, controller) = built.build_with_controller().expect("valid");
    let shared = Arc::new((breaker, controller));
    let cycle = |plan: &Plan| {
        let threads = plan.threads.iter().cloned().map(|turns| {
            let shared = shared.clone();
            spawn(move || {
                let (breaker, controller) = &*shared;
                for turn in turns {
                    match turn {
                        0 => {
                            controller.trip();
                        }
                        1 => drop(breaker.observer().events().next()),
                        2 => drop(breaker.local().try_acquire()),
                        _ => {
                            let subscription = breaker.observer().subscribe(|_| {});
                            controller.reset();
                            subscription.attend(|| true);
                        }
                    }
                }
            })
        });
        for thread in threads.collect::<Vec<_>>() {
            thread.join().expect("it ends");
        }
    };
    // what is made once is made
    cycle(plan);
    let before = OUT.load(Ordering::Relaxed);
    cycle(plan);
    let after = OUT.load(Ordering::Relaxed);
    assert!(after - before < MORE, "{before} were out, then {after}");
}

#[test]
fn what_comes_and_goes_leaves_nothing_behind() {
    explore("what_comes_and_goes_leaves_nothing_behind", roll, run);
}
