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

use tripcoil::{Totals, Window};

use crate::world::{Dice, Did, EPOCH, World};

const WORKERS: u64 = 2;
/// Calls on one breaker before a worker turns to the next.
const TURN: u64 = 2_000;
/// What may be allocated besides: stripes that grow late, a thread's own.
const SLACK: i64 = 64 << 10;
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
        World::new("count in a word", Window::count(12)),
        World::new("count on a ring", Window::count(700)),
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
        let memory = (memory::allocated(), memory::resident());
        if legs == 2 {
            at_first = Some(memory);
        }
        if let Some(first) = at_first {
            grows_not(first, memory);
        }
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

fn grows_not(first: (i64, Option<u64>), now: (i64, Option<u64>)) {
    assert!(
        now.0 <= first.0 + SLACK,
        "{first:?} bytes have become {now:?}"
    );
    if let (Some(first), Some(now)) = (first.1, now.1) {
        assert!(
            now <= first + RESIDENT_SLACK,
            "{first} resident has become {now}"
        );
    }
}
