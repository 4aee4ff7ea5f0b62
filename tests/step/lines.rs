//! What a call touches, by cache lines: in a steady state it writes nothing that another stripe's
//! threads write or read.
//!
//! Every access is tallied, of the protocol's words and of its sums alike. (`arc-swap` is not asked by
//! these calls: what it writes would be its own.)

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Duration;

use crate::counting::{ALLOCATIONS, BYTES};
use tripcoil::{Breaker, Builder, FailureKind, HalfOpen, ManualClock, State, Window, step};

const THREADS: usize = 16;
const CALLS: usize = 50;

pub(super) fn built(rules: impl FnOnce(Builder) -> Builder) -> Breaker {
    let builder = Breaker::builder("tallied").clock(ManualClock::new());
    rules(builder).build().expect("valid")
}

pub(super) fn succeed(breaker: &Breaker) {
    if let Ok(permit) = breaker.try_acquire() {
        permit.success();
    }
}

pub(super) fn fail(breaker: &Breaker) {
    if let Ok(permit) = breaker.try_acquire() {
        permit.failure(FailureKind::Server);
    }
}

/// Another call ends wherever this one can be stopped: so they meet, and stripes grow to their top.
pub(super) fn meet(breaker: &Breaker, call: fn(&Breaker)) {
    for _ in 0..8 {
        for n in 1..30 {
            let other = breaker.clone();
            step::stop_before(n, move || call(&other));
            call(breaker);
            step::never_came();
        }
    }
}

fn lines(of: &[step::Access]) -> BTreeSet<usize> {
    of.iter().map(|access| access.line).collect()
}

fn written(by: &[step::Access]) -> Vec<step::Access> {
    by.iter().copied().filter(|access| access.writes).collect()
}

/// Each of several threads makes that call: each writes `writes` times a call, and always the same
/// lines; and those are one stripe's, which no other stripe's threads touch.
fn on_lines_of_ones_own(breaker: &Breaker, writes: usize, call: fn(&Breaker)) {
    let mut stripes = BTreeMap::new();
    for _ in 0..THREADS {
        let breaker = breaker.clone();
        let touching = thread::spawn(move || {
            call(&breaker); // it is given its number
            step::touched(|| (0..CALLS).for_each(|_| call(&breaker)))
        });
        let touched = touching.join().expect("ended");
        let written = written(&touched);
        assert_eq!(written.len(), writes * CALLS, "writes");
        stripes.insert(lines(&written), lines(&touched));
    }
    for mine in stripes.keys() {
        for (others, touched) in stripes.iter().filter(|(others, _)| *others != mine) {
            assert!(
                mine.is_disjoint(touched),
                "{mine:?}; {others:?} of {touched:?}"
            );
        }
    }
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

/// 256 bytes each, where lines are padded to 128, and a table of the doublings; once made, no more.
#[test]
fn stripes_that_contention_adds_are_few_and_small() {
    let breaker = built(|rules| rules);
    succeed(&breaker);
    let before = BYTES.get();
    meet(&breaker, succeed);
    let taken = BYTES.get() - before;
    let cpus = thread::available_parallelism().map_or(1, usize::from);
    let most = cpus.next_power_of_two().min(128);
    let table = 32 * most.ilog2() as usize;
    let padded = (256 * (most - 1) + table) as i64;
    assert!(taken > 0 || most == 1, "they never met");
    assert!(taken <= padded, "{taken} bytes for {most} stripes");

    let before = ALLOCATIONS.get();
    (0..1000).for_each(|_| succeed(&breaker));
    assert_eq!(ALLOCATIONS.get(), before);
}

/// The count, and the kind.
#[test]
fn a_failure_within_its_allowance_writes_its_stripe_alone() {
    let breaker = built(|rules| rules.failure_count(u32::MAX));
    meet(&breaker, fail);
    on_lines_of_ones_own(&breaker, 2, fail);
}

/// Though each failure would trip.
#[test]
fn a_success_of_a_count_window_on_the_verge_writes_one_line_of_its_stripe() {
    let rules: [fn(Builder) -> Builder; 3] = [
        |rules| rules.window(Window::count(10)).failure_rate(0.1),
        |rules| rules.window(Window::count(1)).min_throughput(1),
        |rules| rules.window(Window::count(100)).failure_count(1),
    ];
    for rules in rules {
        let breaker = built(rules);
        meet(&breaker, succeed);
        on_lines_of_ones_own(&breaker, 1, succeed);
    }
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
        let all = written(&step::touched(|| {
            for _ in 0..CALLS {
                local.try_acquire().expect("closed").success();
            }
        }));
        assert_eq!(all.len(), CALLS);
        let lines = lines(&all);
        assert_eq!(lines.len(), 1);
        (lines, local)
    });
    assert!(cpus == 1 || lines[0].0 != lines[1].0);
}

/// A reading of the clock at admission, and the limit: nothing else.
#[test]
fn a_slow_rule_adds_one_reading_of_the_clock() {
    let accesses = |breaker: &Breaker| step::touched(|| succeed(breaker)).len();
    let without = built(|rules| rules);
    let with = built(|rules| rules.slow_call(Duration::from_secs(1)).slow_rate(0.5));
    assert_eq!(accesses(&with), accesses(&without) + 2);
}

/// The log, the cell of the entry before, and the kind: whether it looks at the window or not.
#[test]
fn a_failure_of_a_count_window_writes_three_words() {
    for size in [16, 100, 5000] {
        let breaker = built(|rules| rules.window(Window::count(size)).failure_rate(0.9));
        (0..size).for_each(|_| succeed(&breaker));
        fail(&breaker);
        for _ in 0..size / 3 {
            let writes = written(&step::touched(|| fail(&breaker))).len();
            assert_eq!(writes, 3, "{size}");
        }
    }
}

/// The other rows of the table in `docs/performance.md` that are of one number.
#[test]
fn what_other_calls_write() {
    type Rules = fn(Builder) -> Builder;
    let slow: Rules = |rules| {
        let slow = rules.slow_call(Duration::from_secs(1)).slow_rate(0.5);
        slow.failure_rate(0.9)
    };
    let run: Rules = |rules| rules.consecutive_failures(50);
    let short: Rules = |rules| rules.window(Window::count(16)).failure_rate(0.9);
    let long: Rules = |rules| rules.window(Window::count(100)).failure_rate(0.9);
    for (what, rules, clean, after) in [
        // the count; and where a failure came before
        ("a slow rule", slow, 1, 1),
        // the run
        ("the rule on runs", run, 1, 2),
        // the count, whatever came before
        ("a short count window", short, 1, 1),
        ("a long count window", long, 1, 1),
    ] {
        let breaker = built(rules);
        (0..CALLS * 3).for_each(|_| succeed(&breaker));
        let writes = || written(&step::touched(|| succeed(&breaker))).len();
        assert_eq!(writes(), clean, "{what}, no failure about");
        fail(&breaker);
        assert_eq!(writes(), after, "{what}, after a failure");
    }
}

/// Five failures open it, its wait passes, and two probes close it.
#[test]
fn what_a_trip_and_its_recovery_write() {
    let wait = Duration::from_millis(1);
    let clock = ManualClock::new();
    let breaker = Breaker::builder("tallied")
        .clock(&clock)
        .window(Window::time(Duration::from_secs(10)).buckets(10))
        .failure_rate(1.0)
        .min_throughput(u32::MAX)
        .consecutive_failures(5)
        .half_open(HalfOpen::successes(2))
        .open_for(wait)
        .build()
        .expect("valid");
    let writes = |call: fn(&Breaker)| written(&step::touched(|| call(&breaker))).len();
    let cycle = || {
        let failures: Vec<_> = (0..5).map(|_| writes(fail)).collect();
        clock.advance(wait);
        let successes: Vec<_> = (0..2).map(|_| writes(succeed)).collect();
        [failures, successes].concat()
    };
    // the first trip of a breaker, and its first failures, find other words than those after it
    (0..3).for_each(|_| drop(cycle()));
    let by_call = cycle();
    let all: usize = by_call.iter().sum();
    println!("a trip and its recovery write {all} words: {by_call:?}");
    assert_eq!(breaker.state(), State::Closed);
    assert!(all <= MOST_OF_A_CYCLE, "{all}: {by_call:?}");
    for _ in 0..20 {
        assert_eq!(cycle(), by_call, "each the same");
    }
}

/// Raised only together with the text in `docs/performance.md`.
const MOST_OF_A_CYCLE: usize = 65;
