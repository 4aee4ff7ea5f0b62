//! What a scripted dependency answers, and what it counts.

use std::error::Error;
use std::future::Future;
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tripcoil::testing::{ByScript, Calls, Dependency, Script, ScriptedError};
use tripcoil::{Breaker, CallError, FailureKind, ManualClock, Outcome};

use crate::{panics, secs};

fn poll<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Succeeded, failed, panicked, cancelled, in flight; and they are all.
#[track_caller]
fn counts(calls: Calls) -> [u64; 5] {
    let counts = [
        calls.succeeded,
        calls.failed,
        calls.panicked,
        calls.cancelled,
        calls.in_flight,
    ];
    assert_eq!(counts.iter().sum::<u64>(), calls.made);
    counts
}

fn mixed() -> Script {
    Script::new()
        .succeeds(2)
        .fails(1, FailureKind::Data)
        .hangs(1)
        .panics(1)
        .then_fails(FailureKind::Other(7))
}

#[test]
fn calls_end_in_the_scripts_order() {
    let orders = Dependency::new(mixed());
    assert_eq!((orders.call(), orders.call()), (Ok(1), Ok(2)));
    let failed = |orders: &Dependency| orders.call().map_err(|error| (error.call(), error.kind()));
    assert_eq!(failed(&orders), Err((3, FailureKind::Data)));
    assert_eq!(failed(&orders), Err((4, FailureKind::Timeout)), "it hangs");
    let message = panics(|| orders.call());
    assert_eq!(message, "call 5 panics, as its script says");
    for call in 6..10 {
        assert_eq!(failed(&orders), Err((call, FailureKind::Other(7))));
    }
    assert_eq!(counts(orders.calls()), [2, 6, 1, 0, 0]);
}

#[test]
fn so_do_asynchronous_ones_and_those_of_clones() {
    let orders = Dependency::from(mixed());
    let ends = |orders: &Dependency| poll(pin!(orders.clone().call_async()));
    assert_eq!(ends(&orders), Poll::Ready(Ok(1)));
    assert_eq!(orders.call(), Ok(2));
    assert!(matches!(ends(&orders), Poll::Ready(Err(error)) if error.kind() == FailureKind::Data));
    let mut hanging = Box::pin(orders.call_async());
    assert_eq!(counts(orders.calls()), [2, 1, 0, 0, 0], "not begun");
    assert!(poll(hanging.as_mut()).is_pending());
    assert!(poll(hanging.as_mut()).is_pending());
    assert_eq!(counts(orders.calls()), [2, 1, 0, 0, 1]);
    assert_eq!(
        panics(|| ends(&orders)),
        "call 5 panics, as its script says"
    );
    drop(hanging);
    assert_eq!(counts(orders.calls()), [2, 1, 1, 1, 0]);
}

#[test]
fn a_script_ends_as_it_says() {
    let first = |script: Script| {
        let orders = Dependency::new(script.succeeds(1));
        orders.call().expect("its only step");
        orders.call().map_err(|error| error.kind())
    };
    assert_eq!(first(Script::new()), Ok(2), "by default");
    assert_eq!(first(Script::new().then_hangs().then_succeeds()), Ok(2));
    let kind = FailureKind::Overload;
    assert_eq!(first(Script::new().then_fails(kind)), Err(kind));
    assert_eq!(first(Script::new().then_hangs()), Err(FailureKind::Timeout));
    assert_eq!(
        panics(|| first(Script::new().then_panics())),
        "call 2 panics, as its script says"
    );
    let again = Script::new().fails(2, kind).succeeds(1).then_repeats();
    let orders = Dependency::new(again);
    let ends: Vec<bool> = (0..7).map(|_| orders.call().is_ok()).collect();
    assert_eq!(ends, [false, false, true, false, false, true, false]);
    assert_eq!(Dependency::new(Script::new().then_repeats()).call(), Ok(1));
    assert_eq!(Dependency::new(Script::new().hangs(0)).call(), Ok(1));
}

#[test]
fn an_error_says_which_call_failed_and_how() {
    let wait = Duration::from_millis(1500);
    let script = Script::new().fails_retry_after(1, FailureKind::Overload, wait);
    let orders = Dependency::new(script.then_fails(FailureKind::Connect));
    let (busy, refused) = (orders.call().unwrap_err(), orders.call().unwrap_err());
    let text = "scripted failure of call 1: overload, retry after 1.5s";
    assert_eq!(busy.to_string(), text);
    assert_eq!(refused.to_string(), "scripted failure of call 2: connect");
    assert!(busy.source().is_none());
    let outcome = Outcome::Failure(FailureKind::Overload);
    assert_eq!(busy.outcome(), outcome.with_retry_after(wait));
    assert_eq!(refused.outcome(), Outcome::Failure(FailureKind::Connect));
    assert_eq!(
        (busy.retry_after(), refused.retry_after()),
        (Some(wait), None)
    );
}

#[test]
fn the_classifier_takes_kinds_and_waits() {
    let clock = ManualClock::new();
    let builder = Breaker::builder("orders").classifier(ByScript);
    let builder = builder.consecutive_failures(2).clock(&clock);
    let breaker = builder.open_for(secs(1)).build().expect("valid");
    let script = Script::new().fails(1, FailureKind::Data);
    let script = script.fails_retry_after(1, FailureKind::Overload, secs(9));
    let orders = Dependency::new(script);
    for _ in 0..3 {
        let _ = breaker.call(|| orders.call());
    }
    let seen = breaker.observer().snapshot();
    assert_eq!(seen.failures_by_kind.get(FailureKind::Data), 1);
    assert_eq!(seen.failures_by_kind.get(FailureKind::Overload), 1);
    assert_eq!(seen.retry_after, Some(secs(9)));
    assert_eq!(orders.calls().made, 2);
}

#[test]
fn calls_take_their_time_on_a_manual_clock() {
    let clock = ManualClock::new();
    let script = Script::new().succeeds(1).takes(secs(2)).succeeds(1);
    let script = script.takes(secs(5)).fails(1, FailureKind::Data).hangs(1);
    let orders = Dependency::new(script).on(&clock);
    let mut now = Vec::new();
    for call in 0..5 {
        match call {
            1 => assert!(poll(pin!(orders.call_async())).is_ready()),
            _ => drop(orders.call()),
        }
        now.push(clock.now());
    }
    assert_eq!(now, [0, 2, 7, 12, 17].map(secs));
}

#[test]
fn without_a_clock_the_thread_sleeps() {
    let takes = Duration::from_millis(2);
    let orders = Dependency::new(Script::new().takes(takes));
    let since = std::time::Instant::now();
    assert_eq!(orders.call(), Ok(1));
    assert!(since.elapsed() >= takes);
}

#[tokio::test(start_paused = true)]
async fn an_asynchronous_call_takes_its_time_on_the_timer() {
    let orders = Dependency::new(Script::new().takes(secs(3600)).succeeds(1).hangs(1));
    let since = tokio::time::Instant::now();
    let call = tokio::spawn(orders.call_async());
    assert_eq!(call.await.expect("no panic"), Ok(1));
    assert_eq!(since.elapsed(), secs(3600));

    let breaker = Breaker::builder("orders").build().expect("valid");
    let limited = breaker.call_timeout(secs(5), orders.call_async()).await;
    assert!(matches!(limited, Err(CallError::TimedOut(_))));
    assert_eq!(counts(orders.calls()), [1, 0, 0, 1, 0]);
    let slow = tokio::time::timeout(secs(1), orders.call_async());
    assert!(slow.await.is_err());
    assert_eq!(counts(orders.calls()), [1, 0, 0, 2, 0]);
}

#[test]
fn threads_share_a_script_and_lose_no_step() {
    const EACH: u64 = 2_000;
    let script = Script::new().succeeds(EACH).fails(EACH, FailureKind::Data);
    let orders = Dependency::new(script.hangs(EACH).then_panics());
    let all = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mine: Vec<Result<u64, ScriptedError>> =
                    (0..EACH).map(|_| orders.call()).collect();
                all.lock().unwrap().extend(mine);
            });
        }
    });
    let mut all = all.into_inner().unwrap();
    all.sort_by_key(|answer| answer.map_or_else(|error| error.call(), |call| call));
    for (number, answer) in (1..).zip(&all) {
        let call = answer.map_err(|error| (error.call(), error.kind()));
        let expected = match (number - 1) / EACH {
            0 => Ok(number),
            1 => Err((number, FailureKind::Data)),
            _ => Err((number, FailureKind::Timeout)),
        };
        assert_eq!(call, expected);
    }
    assert_eq!(counts(orders.calls()), [EACH, 2 * EACH, 0, 0, 0]);
}
