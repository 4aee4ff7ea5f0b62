//! The breakers of a registry: looked after, and not kept.

use std::sync::{Arc, Mutex};

use tokio::time::sleep;
use tripcoil::health::Idle;
use tripcoil::registry::Registry;
use tripcoil::testing::tokio_clock;
use tripcoil::{Backoff, Breaker, Cause, HalfOpen, State};

use crate::{fail, secs, start, until};

fn registry() -> (
    Registry<String>,
    tripcoil::registry::RegistryController<String>,
) {
    let clock = tokio_clock();
    Registry::builder(move |host: &String| {
        Breaker::builder(host.as_str())
            .clock(clock.clone())
            .consecutive_failures(1)
            .open_for(Backoff::constant(secs(30)).reset_after(secs(1)))
            .half_open(HalfOpen::successes(1))
    })
    .build_with_controller()
}

fn open(registry: &Registry<String>, key: &str) {
    registry.with(key, fail).expect("valid");
}

fn state(registry: &Registry<String>, key: &str) -> Option<State> {
    registry.peek(key).map(|one| one.state())
}

#[tokio::test(start_paused = true)]
async fn keys_before_and_after_are_probed() {
    let (registry, _) = registry();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (timer, _task) = start();
    open(&registry, "before");
    registry.with("well", |_| ()).expect("valid");
    let probed = asked.clone();
    timer.probe_keys(&registry, move |key: &String| {
        probed.lock().expect("unpoisoned").push(key.clone());
        async { Ok::<_, ()>(()) }
    });
    open(&registry, "after");
    for key in ["before", "after"] {
        until(|| state(&registry, key) == Some(State::Closed)).await;
    }
    let mut asked = asked.lock().expect("unpoisoned").clone();
    asked.sort();
    assert_eq!(asked, ["after", "before"]);
}

#[tokio::test(start_paused = true)]
async fn a_healthy_check_begins_a_keys_round() {
    let (registry, controller) = registry();
    let (timer, _task) = start();
    timer.check_keys(&controller, |key: &String| {
        let healthy = key == "a";
        async move { if healthy { Ok(()) } else { Err("down") } }
    });
    open(&registry, "a");
    open(&registry, "b");
    until(|| state(&registry, "a") == Some(State::HalfOpen)).await;
    let history = registry.get("a").expect("valid").observer().history();
    assert_eq!(history.last().map(|t| t.cause), Some(Cause::Manual));
    sleep(secs(100)).await;
    assert_eq!(state(&registry, "b"), Some(State::Open));
}

#[tokio::test(start_paused = true)]
async fn a_key_is_forgotten_as_if_there_were_no_timer() {
    let (registry, controller) = registry();
    let (timer, _task) = start();
    timer.probe_keys(&registry, |_: &String| async { Ok::<_, ()>(()) });
    timer.check_keys(&controller, |_: &String| async { Ok::<_, ()>(()) });
    open(&registry, "a");
    let observer = registry.get("a").expect("valid").observer();
    until(|| state(&registry, "a") == Some(State::Closed)).await;
    sleep(secs(100)).await;
    until(|| {
        registry.sweep();
        observer.is_forgotten()
    })
    .await;
    assert!(state(&registry, "a").is_none());
    // an open one is kept by the registry, and goes when the operator says so
    open(&registry, "b");
    let observer = registry.get("b").expect("valid").observer();
    assert!(controller.forget("b"));
    assert!(observer.is_forgotten());
}

/// The next breaker of a key is another one, in whatever generation.
#[tokio::test(start_paused = true)]
async fn a_check_for_a_forgotten_breaker_leaves_the_next_alone() {
    let (registry, controller) = registry();
    let (controller, sent) = (Arc::new(controller), Arc::new(Mutex::new(0)));
    let (operator, ours, checks) = (controller.clone(), registry.clone(), sent.clone());
    open(&registry, "a");
    let (timer, _task) = start();
    timer.check_keys(&controller, move |_: &String| {
        let (operator, ours, checks) = (operator.clone(), ours.clone(), checks.clone());
        async move {
            *checks.lock().expect("unpoisoned") += 1;
            assert!(operator.forget("a"));
            open(&ours, "a");
            Ok::<_, ()>(())
        }
    });
    until(|| *sent.lock().expect("unpoisoned") == 1).await;
    sleep(secs(20)).await;
    assert_eq!(state(&registry, "a"), Some(State::Open));
    let seen = registry.get("a").expect("valid").observer().snapshot();
    assert_eq!(seen.generation, 1, "the same as that of the first");
}

#[tokio::test(start_paused = true)]
async fn keys_come_and_go_by_the_thousand() {
    let (registry, controller) = registry();
    let (timer, _task) = start();
    timer.probe_keys(&registry, |_: &String| async { Ok::<_, ()>(()) });
    for round in 0..20 {
        for key in 0..100 {
            open(&registry, &format!("{round} {key}"));
        }
        if round % 2 == 0 {
            sleep(secs(1)).await;
        }
        for key in 0..100 {
            assert!(controller.forget(&format!("{round} {key}")));
        }
    }
    open(&registry, "last");
    until(|| state(&registry, "last") == Some(State::Closed)).await;
}

#[tokio::test(start_paused = true)]
async fn a_registry_may_be_dropped_before_its_timer_and_after() {
    let (timer, task) = start();
    let (registry, controller) = registry();
    timer.check_keys(&controller, |_: &String| async { Ok::<_, ()>(()) });
    open(&registry, "a");
    let observer = registry.get("a").expect("valid").observer();
    drop((registry, controller));
    // it is kept by the timer
    until(|| observer.state() == State::HalfOpen).await;
    drop(timer);
    task.await.expect("it ends");
    assert!(observer.is_forgotten());

    let (timer, task) = Idle::new().start();
    let (registry, _) = self::registry();
    timer.probe_keys(&registry, |_: &String| async { Ok::<_, ()>(()) });
    drop(task);
    open(&registry, "b");
    let observer = registry.get("b").expect("valid").observer();
    drop((registry, timer));
    assert!(observer.is_forgotten());
}
