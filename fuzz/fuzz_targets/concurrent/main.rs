//! Two scripts, run by two real threads on one breaker: however they interleave, nothing is lost,
//! counted twice or taken back.
//!
//! A finding may need many runs of its input to come again: `-runs=20000`.
#![no_main]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a finding is told"
)]

mod account;
mod script;
mod setup;
mod worker;

use std::panic;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use libfuzzer_sys::{Corpus, fuzz_target};

use crate::account::{Did, update};
use crate::script::scripts;
use crate::setup::{Setup, World};
use crate::worker::{Worker, watch};

fuzz_target!(init: one_finding_at_a_time(), |data: &[u8]| -> Corpus {
    let Some((head, rest)) = data.split_first_chunk() else {
        return Corpus::Reject;
    };
    let setup = Setup::of(*head);
    let scripts = scripts(rest);
    let world = setup.world();
    let did = run(&setup, &scripts, &world);
    update(&setup, &scripts, &world, &did);
    Corpus::Keep
});

/// Two threads may well see the same fault, and the second one to end the process would do so before
/// the first one's input is written. It waits for ever instead.
fn one_finding_at_a_time() {
    static TELLING: Mutex<()> = Mutex::new(());
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let _only = TELLING.lock();
        hook(info);
    }));
}

/// Both scripts at once, and what each thread did by its own account.
fn run(setup: &Setup, scripts: &[Vec<script::Op>; 2], world: &World) -> [Did; 2] {
    let (ready, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = |script: &[script::Op]| {
        let mut worker = Worker::new(world);
        // neither begins before the other is there: scripts last for microseconds
        ready.fetch_add(1, Ordering::Relaxed);
        while ready.load(Ordering::Relaxed) < 2 {
            thread::yield_now();
        }
        for _ in 0..setup.rounds {
            for &op in script {
                worker.step(op);
            }
        }
        let did = worker.close();
        done.fetch_add(1, Ordering::Relaxed);
        did
    };
    thread::scope(|scope| {
        let looking = || watch(world, || done.load(Ordering::Relaxed) < 2);
        let watcher = setup.watched.then(|| scope.spawn(looking));
        let other = scope.spawn(|| work(&scripts[1]));
        let own = work(&scripts[0]);
        // joined, though the scope waits too: it does not wait for what a thread frees at its very
        // end, which would pass for a leak
        if let Some(watcher) = watcher {
            watcher.join().expect("a panic ends the process");
        }
        [own, other.join().expect("a panic ends the process")]
    })
}
