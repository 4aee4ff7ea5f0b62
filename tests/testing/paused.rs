//! Breakers on tokio's paused time.

use std::sync::mpsc;
use std::time::Duration;

use tokio::time::{advance, sleep};
use tripcoil::testing::{ByScript, Dependency, Recorder, Script, tokio_clock};
use tripcoil::{Backoff, Breaker, Cause, FailureKind, HalfOpen, State, Window};

use crate::{panics, secs};

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[tokio::test(start_paused = true)]
async fn waits_windows_and_probes_are_exact() {
    let breaker = Breaker::builder("orders")
        .classifier(ByScript)
        .window(Window::time(secs(10)).buckets(10))
        .failure_rate(0.5)
        .min_throughput(4)
        .open_for(Backoff::exponential(secs(60), 2.0))
        .half_open(HalfOpen::successes(2))
        .clock(tokio_clock())
        .build()
        .expect("valid");
    let mut recorder = Recorder::on(&breaker.observer());
    let script = Script::new().takes(ms(250)).succeeds(2);
    let orders = Dependency::new(script.fails(3, FailureKind::Data).succeeds(2));
    for call in 1..=4 {
        let _ = breaker.call_async(orders.call_async()).await;
        recorder_is(&mut recorder, if call < 4 { &[] } else { &[State::Open] });
    }
    assert_eq!(recorder.transitions()[0].at, secs(1));
    sleep(secs(60) - ms(1)).await;
    assert!(breaker.call_async(orders.call_async()).await.is_err());
    assert_eq!(orders.calls().made, 4, "rejected a millisecond before");
    sleep(ms(1)).await;
    assert!(breaker.call_async(orders.call_async()).await.is_err());
    recorder.assert([State::HalfOpen, State::Open]);
    let rest = breaker.observer().snapshot().retry_after;
    assert_eq!(rest, Some(secs(120)));
    sleep(secs(120)).await;
    for _ in 0..2 {
        assert!(breaker.call_async(orders.call_async()).await.is_ok());
    }
    recorder.assert([
        (State::HalfOpen, Cause::OpenElapsed),
        (State::Closed, Cause::ProbesSucceeded),
    ]);
    advance(secs(11)).await;
    assert_eq!(breaker.observer().snapshot().window.calls, 0, "it moved on");
}

fn recorder_is(recorder: &mut Recorder, expected: &[State]) {
    recorder.assert(expected.iter().copied());
}

#[tokio::test(start_paused = true)]
async fn durations_are_tokios() {
    let builder = Breaker::builder("orders").clock(tokio_clock());
    let builder = builder
        .slow_call(secs(1))
        .slow_rate(0.5)
        .min_throughput(100);
    let breaker = builder.durations(true).build().expect("valid");
    for takes in [secs(1), secs(1) + Duration::from_millis(1)] {
        let orders = Dependency::new(Script::new().takes(takes));
        assert!(breaker.call_async(orders.call_async()).await.is_ok());
    }
    let seen = breaker.observer().snapshot();
    assert_eq!(seen.totals.slow, 1, "the first has lasted exactly as long");
    let durations = seen.durations.expect("kept");
    assert!(durations.quantile(0.0) >= Some(secs(1)));
    assert!(durations.quantile(1.0) < Some(secs(2)));
}

/// However long the test really takes, and whichever thread asks.
#[tokio::test(start_paused = true)]
async fn time_stands_still_on_all_threads() {
    let breaker = Breaker::builder("orders").clock(tokio_clock()).build();
    let observer = breaker.expect("valid").observer();
    sleep(secs(5)).await;
    let elsewhere = observer.clone();
    let real = std::thread::spawn(move || {
        std::thread::sleep(ms(20));
        elsewhere.snapshot().time_in_state
    });
    assert_eq!(real.join().expect("no panic"), secs(5));
    assert_eq!(observer.snapshot().time_in_state, secs(5));
    sleep(secs(5)).await;
    assert_eq!(observer.snapshot().time_in_state, secs(10));
}

#[tokio::test(start_paused = true)]
async fn listeners_read_it_too() {
    let (breaker, controller) = Breaker::builder("orders")
        .clock(tokio_clock())
        .build_with_controller()
        .expect("valid");
    let (sender, receiver) = mpsc::channel();
    let listener = breaker.observer().subscribe(move |t| {
        let _ = sender.send(*t);
    });
    sleep(secs(7)).await;
    controller.trip();
    assert!(listener.drain(secs(600)));
    let seen = receiver.recv().expect("delivered");
    assert_eq!((seen.at, seen.to), (secs(7), State::Open));
    assert!(seen.wall_time.is_some());
    let wait = breaker.observer().snapshot().retry_after;
    assert_eq!(wait, Some(secs(60)), "no time has passed");
}

/// Its breakers may outlive the runtime: time has then stopped.
#[test]
fn it_can_be_read_after_its_runtime() {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime");
    let observer = runtime.block_on(async {
        let breaker = Breaker::builder("orders").clock(tokio_clock()).build();
        sleep(secs(3)).await;
        breaker.expect("valid").observer()
    });
    drop(runtime);
    assert_eq!(observer.snapshot().time_in_state, secs(3));
}

#[test]
fn time_that_is_not_paused_passes() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let breaker = Breaker::builder("orders").clock(tokio_clock()).build();
        let observer = breaker.expect("valid").observer();
        sleep(ms(3)).await;
        assert!(observer.snapshot().time_in_state >= ms(3));
    });
}

#[test]
fn there_is_no_such_clock_outside_of_a_runtime() {
    assert!(panics(tokio_clock).contains("no reactor running"));
}
