//! Long: many calls from two threads, while time passes, an operator meddles and an observer looks.
//!
//! It goes in legs. After each the threads rest, and all counts must add up to the last one. Run for
//! longer by `ci/soak.sh`; `TRIPCOIL_SOAK` is the number of calls.
#![allow(
    unsafe_code,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "an allocator is unsafe to write, and a test may fail loudly"
)]

mod memory;
mod world;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tripcoil::Window;
use tripcoil::observe::Totals;

use crate::world::{Dice, Did, EPOCH, World};

const WORKERS: u64 = 2;
/// Calls on one breaker before a worker turns to the next.
const TURN: u64 = 2_000;
/// What a stripe takes at most: `src/engine/window/stripes.rs` has a test of that.
const STRIPE: i64 = 512;
/// What threads, queues and tables of the listeners' pool may take more than after two legs.
const POOL: i64 = 8 << 10;
/// What is on its way to be freed has been by then: a listener that was dropped, say.
const IN_TIME: Duration = Duration::from_secs(20);
const RESIDENT_SLACK: u64 = 32 << 20;

/// A worker's part of a leg; what it did to each breaker.
fn work(worlds: &[World], calls: u64, seed: u64) -> Vec<Did> {
    let mut dice = Dice::new(seed);
    let mut did = vec![Did::default(); worlds.len()];
    let mut held: Vec<Vec<_>> = worlds.iter().map(|_| Vec::with_capacity(8)).collect();
    let mut left = calls;
    while left > 0 {
        let which = dice.roll(worlds.len() as u64) as usize;
        let turn = TURN.min(left);
        did[which].add(&worlds[which].work(turn, &mut dice, &mut held[which]));
        left -= turn;
    }
    for (i, held) in held.into_iter().enumerate() {
        did[i].add(&worlds[i].finish(held, &mut dice));
    }
    did
}

/// Looks and meddles until the leg is over.
fn attend(worlds: &[World], over: &AtomicBool, seed: u64) -> u64 {
    let mut dice = Dice::new(seed);
    let mut before: Vec<_> = worlds.iter().map(World::look).collect();
    let mut looks = 0;
    loop {
        let last = over.load(Ordering::SeqCst);
        for (world, before) in worlds.iter().zip(&mut before) {
            world.meddle(&mut dice);
            let now = world.look();
            world.compare(before, &now);
            *before = now;
            looks += 1;
        }
        if last {
            return looks;
        }
        thread::sleep(Duration::from_micros(dice.roll(60)));
    }
}

#[test]
fn everything_adds_up_to_the_last_count() {
    let calls: u64 = match std::env::var("TRIPCOIL_SOAK") {
        Ok(number) => number.parse().expect("TRIPCOIL_SOAK is a number"),
        Err(_) => 100_000,
    };
    let worlds = [
        World::new("time", Window::time(EPOCH * 10).buckets(10)),
        World::new("many buckets", Window::time(EPOCH * 500).buckets(500)),
        World::new("a short count window", Window::count(12)),
        World::new("a long count window", Window::count(700)),
    ];
    let leg = (calls / 20).clamp(10_000, 10_000_000);
    let mut did = vec![Did::default(); worlds.len()];
    let (began, mut told) = (Instant::now(), Instant::now());
    let (mut done, mut legs, mut looks) = (0, 0, 0);
    let mut at_first: Option<(i64, Option<u64>)> = None;
    while done < calls {
        let part = leg.min(calls - done).div_ceil(WORKERS);
        let over = AtomicBool::new(false);
        let worlds = &worlds;
        let parts: Vec<Vec<Did>> = thread::scope(|scope| {
            let attendant = scope.spawn(|| attend(worlds, &over, legs * 100 + 99));
            let workers: Vec<_> = (0..WORKERS)
                .map(|n| scope.spawn(move || work(worlds, part, legs * 100 + n)))
                .collect();
            let join = |it: thread::ScopedJoinHandle<'_, _>| it.join().expect("no panic");
            let parts = workers.into_iter().map(join).collect();
            over.store(true, Ordering::SeqCst);
            looks += attendant.join().expect("no panic");
            parts
        });
        for (i, more) in parts.iter().flat_map(|part| part.iter().enumerate()) {
            did[i].add(more);
        }
        let snapshots: Vec<_> = worlds
            .iter()
            .zip(&did)
            .map(|(w, did)| w.settle(did))
            .collect();
        done += part * WORKERS;
        legs += 1;
        if legs == 1 {
            worlds.iter().for_each(World::bring_out);
        }
        if legs == 2 {
            at_first = Some((at_rest(), memory::resident()));
        }
        if let Some(first) = at_first {
            grows_not(first, worlds.len());
        }
        let memory = (memory::allocated(), memory::resident());
        if told.elapsed() > Duration::from_secs(3) || done >= calls {
            told = Instant::now();
            let transitions: u64 = snapshots.iter().map(|s| s.transitions).sum();
            let late: u64 = snapshots.iter().map(|s| s.totals.late).sum();
            let rejected: u64 = did.iter().map(|did| did.rejected).sum();
            println!(
                "{done} of {calls} calls in {:.1} s: {transitions} transitions, {rejected} \
                 rejected, {late} late, {looks} looks, {} bytes allocated, {:?} resident",
                began.elapsed().as_secs_f64(),
                memory.0,
                memory.1,
            );
        }
        if done >= calls {
            let sum = |of: fn(&Totals) -> u64| snapshots.iter().map(|s| of(&s.totals)).sum::<u64>();
            let tried = sum(|t| t.late)
                .min(sum(|t| t.rejected))
                .min(sum(|t| t.slow));
            let transitions: u64 = snapshots.iter().map(|s| s.transitions).sum();
            assert!(tried > 0 && transitions > 20, "not everything was tried");
        }
    }
    let ended: u64 = did.iter().map(Did::calls).sum();
    assert_eq!(ended, done, "each call ended in one way");
}

/// The least that is allocated within a while: without what is on its way to be freed.
fn at_rest() -> i64 {
    let looks = (0..50).map(|_| {
        thread::sleep(Duration::from_millis(2));
        memory::allocated()
    });
    looks.min().expect("there are looks")
}

/// What all stripes of so many breakers take at most: one a CPU, up to the next power of two, made
/// whenever threads meet. (A level's place in the table takes less than a stripe.)
fn stripes(breakers: usize) -> i64 {
    let cpus = thread::available_parallelism().map_or(1, |n| n.get());
    breakers as i64 * cpus.next_power_of_two().min(128) as i64 * STRIPE
}

/// Whatever grows late, once, has been brought out, or is in the sum.
fn grows_not(first: (i64, Option<u64>), breakers: usize) {
    let most = first.0 + stripes(breakers) + POOL;
    let began = Instant::now();
    while memory::allocated() > most {
        assert!(
            began.elapsed() < IN_TIME,
            "{} bytes have become {}, and {most} are explained",
            first.0,
            memory::allocated()
        );
        thread::sleep(Duration::from_millis(1));
    }
    if let (Some(first), Some(now)) = (first.1, memory::resident()) {
        assert!(
            now <= first + RESIDENT_SLACK,
            "{first} resident has become {now}"
        );
    }
}
