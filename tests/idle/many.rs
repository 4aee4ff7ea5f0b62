//! One task for ten thousand breakers.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};

use tokio::time::{Instant, sleep};
use tripcoil::health::Idle;
use tripcoil::{Breaker, Clock, HalfOpen, State};

use crate::{builder, fail, ms, secs, until};

const MANY: usize = 10_000;

/// That many on one clock, which counts how often it is read.
fn many() -> (Vec<Breaker>, Arc<AtomicU64>) {
    let reads = Arc::new(AtomicU64::new(0));
    let (counter, start) = (reads.clone(), Instant::now());
    let runtime = tokio::runtime::Handle::current();
    let clock = Clock::custom(move || {
        counter.fetch_add(1, SeqCst);
        let _inside = runtime.enter();
        start.elapsed()
    });
    let one = |number: usize| {
        let built = builder(&number.to_string()).clock(clock.clone()).build();
        built.expect("valid")
    };
    ((0..MANY).map(one).collect(), reads)
}

#[tokio::test(start_paused = true)]
async fn closed_breakers_are_not_looked_at() {
    let (breakers, reads) = many();
    let (timer, task) = Idle::new().start();
    tokio::spawn(task);
    for breaker in &breakers {
        timer.probe(breaker, || async { Ok::<_, ()>(()) });
    }
    sleep(ms(1)).await;
    let before = reads.load(SeqCst);
    for _ in 0..3600 {
        sleep(secs(1)).await;
    }
    assert_eq!(reads.load(SeqCst), before);

    // one that opens is looked at, and no other
    let before = reads.load(SeqCst);
    fail(&breakers[77]);
    until(|| breakers[77].state() == State::Closed).await;
    let after = reads.load(SeqCst);
    assert!(after - before < 100, "{} readings", after - before);
}

#[tokio::test(start_paused = true)]
async fn those_that_are_open_are_served_a_few_at_a_time() {
    const AT_ONCE: i64 = 5;
    let (breakers, reads) = many();
    breakers.iter().for_each(fail);
    let (timer, task) = Idle::new().at_once(AT_ONCE as usize).start();
    tokio::spawn(task);
    let (now, most, all) = (
        Arc::new(AtomicI64::new(0)),
        Arc::new(AtomicI64::new(0)),
        Arc::new(AtomicU64::new(0)),
    );
    for breaker in &breakers {
        let (now, most, all) = (now.clone(), most.clone(), all.clone());
        timer.probe(breaker, move || {
            let (now, most, all) = (now.clone(), most.clone(), all.clone());
            async move {
                most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                sleep(ms(10)).await;
                now.fetch_sub(1, SeqCst);
                all.fetch_add(1, SeqCst);
                Ok::<_, ()>(())
            }
        });
    }
    let before = reads.load(SeqCst);
    until(|| all.load(SeqCst) == MANY as u64).await;
    sleep(secs(1)).await;
    assert!(breakers.iter().all(|one| one.state() == State::Closed));
    assert_eq!(most.load(SeqCst), AT_ONCE);
    assert_eq!(all.load(SeqCst), MANY as u64, "each got one");
    let each = (reads.load(SeqCst) - before) / MANY as u64;
    assert!(each < 30, "{each} readings of the clock for each");
}

/// In real time: threads open breakers while the timer closes them, and none is left open.
#[test]
fn none_is_left_open_by_threads_that_open_them() {
    const THREADS: usize = 4;
    const TRIPS: usize = 500;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .expect("a runtime");
    let build = |number: usize| {
        let built = Breaker::builder(number.to_string())
            .clock(Clock::precise())
            .open_for(ms(1))
            .half_open(HalfOpen::successes(1))
            .build_with_controller();
        built.expect("valid")
    };
    let (breakers, controllers): (Vec<_>, Vec<_>) = (0..20).map(build).unzip();
    let (timer, task) = Idle::new().grace(secs(0)).every(ms(1)).start();
    let task = runtime.spawn(task);
    for breaker in &breakers {
        timer.probe(breaker, || async { Ok::<_, ()>(()) });
    }
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let controllers = &controllers;
            scope.spawn(move || {
                for trip in 0..TRIPS {
                    controllers[(thread + trip) % controllers.len()].trip();
                    std::thread::yield_now();
                }
            });
        }
    });
    runtime.block_on(async {
        until(|| breakers.iter().all(|one| one.state() == State::Closed)).await;
        drop(timer);
        task.await.expect("it ends");
    });
    let closed = |one: &Breaker| one.observer().snapshot().totals;
    let totals = breakers.iter().map(closed);
    assert!(totals.map(|t| t.successes + t.late).sum::<u64>() >= 20);
}
