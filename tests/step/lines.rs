//! What a call writes, by cache lines: in a steady state nothing that another stripe's threads write
//! or that any call reads first.
//!
//! Every store and every read-modify-write is tallied, of the protocol's words and of its sums alike.
//! (`arc-swap` is not asked by these calls: what it writes would be its own.)

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use tripcoil::{Breaker, Builder, FailureKind, ManualClock, Window, step};

const THREADS: usize = 16;
const CALLS: usize = 50;

fn built(rules: impl FnOnce(Builder) -> Builder) -> Breaker {
    let builder = Breaker::builder("tallied").clock(ManualClock::new());
    rules(builder).build().expect("valid")
}

fn succeed(breaker: &Breaker) {
    if let Ok(permit) = breaker.try_acquire() {
        permit.success();
    }
}

fn fail(breaker: &Breaker) {
    if let Ok(permit) = breaker.try_acquire() {
        permit.failure(FailureKind::Server);
    }
}

/// Another call ends wherever this one can be stopped: so they meet, and stripes grow to their top.
fn meet(breaker: &Breaker, call: fn(&Breaker)) {
    for _ in 0..8 {
        for n in 1..30 {
            let other = breaker.clone();
            step::stop_before(n, move || call(&other));
            call(breaker);
            step::never_came();
        }
    }
}

/// Each of several threads makes that call: each writes `writes` times a call, and always the same
/// lines; and those are one stripe's, which no other stripe's threads write.
fn on_lines_of_ones_own(breaker: &Breaker, writes: usize, call: fn(&Breaker)) {
    let mut stripes = BTreeSet::new();
    for _ in 0..THREADS {
        let breaker = breaker.clone();
        let lines = thread::spawn(move || {
            call(&breaker); // it is given its number
            step::lines_written(|| (0..CALLS).for_each(|_| call(&breaker)))
        });
        let lines = lines.join().expect("ended");
        assert_eq!(lines.len(), writes * CALLS, "writes");
        stripes.insert(lines.into_iter().collect::<BTreeSet<_>>());
    }
    let all: BTreeSet<_> = stripes.iter().flatten().collect();
    let each: usize = stripes.iter().map(BTreeSet::len).sum();
    assert_eq!(all.len(), each, "a line of two stripes: {stripes:?}");
    let cpus = thread::available_parallelism().map_or(1, usize::from);
    let most = cpus.next_power_of_two().min(128);
    assert!(stripes.len() <= most, "{stripes:?}");
    assert!(stripes.len() > 1 || most == 1, "they never parted");
}

#[test]
fn a_success_writes_one_line_of_its_stripe() {
    let breaker = built(|rules| rules);
    meet(&breaker, succeed);
    on_lines_of_ones_own(&breaker, 1, succeed);
}

/// The count, and the kind.
#[test]
fn a_failure_within_its_allowance_writes_its_stripe_alone() {
    let breaker = built(|rules| rules.failure_count(u32::MAX));
    meet(&breaker, fail);
    on_lines_of_ones_own(&breaker, 2, fail);
}

#[test]
fn a_success_of_a_clean_count_window_writes_one_line_of_its_stripe() {
    let breaker = built(|rules| rules.window(Window::count(100)));
    meet(&breaker, succeed);
    on_lines_of_ones_own(&breaker, 1, succeed);
}

#[test]
fn a_rejection_writes_one_line_of_its_stripe() {
    let builder = Breaker::builder("tallied").clock(ManualClock::new());
    let (breaker, controller) = builder.build_with_controller().expect("valid");
    assert!(controller.trip_for(Duration::from_secs(3600)));
    meet(&breaker, succeed);
    on_lines_of_ones_own(&breaker, 1, succeed);
}

#[test]
fn a_local_success_is_one_store_to_a_place_of_its_own() {
    let breaker = built(|rules| rules);
    let handles = [breaker.local(), breaker.local()];
    let cpus = thread::available_parallelism().map_or(1, usize::from);
    let lines = handles.map(|local| {
        let all = step::lines_written(|| {
            for _ in 0..CALLS {
                local.try_acquire().expect("closed").success();
            }
        });
        assert_eq!(all.len(), CALLS);
        let lines: BTreeSet<_> = all.into_iter().collect();
        assert_eq!(lines.len(), 1);
        (lines, local)
    });
    assert!(cpus == 1 || lines[0].0 != lines[1].0);
}
