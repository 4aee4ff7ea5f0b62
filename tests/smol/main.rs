//! Calls on smol: nothing but `call_timeout`, the waits of retries and the health check needs tokio.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

use std::time::Duration;

use smol::channel::{Receiver, bounded};
use smol::future::{FutureExt, or, yield_now};
use smol::{LocalExecutor, Timer, block_on};
use tower::{Layer, Service, ServiceExt, service_fn};
use tripcoil::tower::{BreakerLayer, FallbackLayer};
use tripcoil::{Breaker, CallError, Controller, HalfOpen, ManualClock, State};

const OPEN_FOR: Duration = Duration::from_secs(10);

/// Trips at two failures in a row, closes at two successes, one probe at a time.
fn rig() -> (Breaker, Controller, ManualClock) {
    let clock = ManualClock::new();
    let (breaker, controller) = Breaker::builder("upstream")
        .clock(&clock)
        .consecutive_failures(2)
        .open_for(OPEN_FOR)
        .half_open(HalfOpen::successes(2))
        .build_with_controller()
        .expect("valid");
    (breaker, controller, clock)
}

/// Waits for smol's timer, and answers with an even number.
async fn half(n: u32) -> Result<u32, &'static str> {
    Timer::after(Duration::from_millis(1)).await;
    if n.is_multiple_of(2) {
        Ok(n / 2)
    } else {
        Err("odd")
    }
}

#[test]
fn calls_are_made_counted_and_rejected() {
    block_on(async {
        let (breaker, _controller, clock) = rig();
        assert_eq!(breaker.call_async(half(4)).await, Ok(2));
        for _ in 0..2 {
            assert_eq!(
                breaker.call_async(half(3)).await,
                Err(CallError::Inner("odd"))
            );
        }
        let rejected = breaker.call_async(half(4)).await.expect_err("open");
        let rejected = rejected.as_rejected().expect("a rejection");
        assert_eq!(rejected.retry_after(), Some(OPEN_FOR));
        assert_eq!(breaker.call_async_or(half(4), |_| 0).await, 0);
        assert_eq!(
            breaker
                .call_async_or_else(half(4), |_| async { half(8).await.unwrap_or(0) })
                .await,
            4
        );
        clock.advance(OPEN_FOR);
        for _ in 0..2 {
            assert_eq!(breaker.call_async(half(4)).await, Ok(2));
        }
        assert_eq!(breaker.state(), State::Closed);
        let seen = breaker.observer().snapshot();
        assert_eq!((seen.totals.successes, seen.totals.failures), (3, 2));
        assert_eq!((seen.totals.rejected, seen.fallbacks.rejected), (3, 2));
    });
}

/// On smol's global executor, whose threads are others.
#[test]
fn owned_calls_are_spawned() {
    block_on(async {
        let (breaker, _controller, _clock) = rig();
        let observer = breaker.observer();
        let calls: Vec<_> = (0..50)
            .map(|n| smol::spawn(breaker.call_async_owned(half(2 * n))))
            .collect();
        let fallback = smol::spawn(breaker.call_async_owned_or(half(3), |_| 7));
        drop(breaker);
        for (n, call) in (0..).zip(calls) {
            assert_eq!(call.await, Ok(n));
        }
        assert_eq!(fallback.await, 7);
        let totals = observer.snapshot().totals;
        assert_eq!((totals.successes, totals.failures), (50, 1));
    });
}

/// Says when it was begun, and never ends.
async fn hung(begun: smol::channel::Sender<()>) -> Result<u32, &'static str> {
    begun.send(()).await.expect("it is waited for");
    std::future::pending().await
}

async fn begins(begun: &Receiver<()>) {
    begun.recv().await.expect("it begins");
}

#[test]
fn a_dropped_future_is_a_cancelled_call() {
    block_on(async {
        let (breaker, controller, _clock) = rig();
        controller.half_open();
        let (begin, begun) = bounded(1);
        // raced against another future, and lost
        let lost = or(
            async {
                breaker
                    .call_async(hung(begin.clone()))
                    .await
                    .map(|_| "answered")
            },
            async {
                begins(&begun).await;
                assert_eq!(breaker.observer().snapshot().probes.in_flight, 1);
                Ok("gave up")
            },
        );
        assert_eq!(lost.await, Ok("gave up"));
        let seen = breaker.observer().snapshot();
        assert_eq!((seen.probes.in_flight, seen.totals.cancelled), (0, 1));

        // a task that is cancelled in the middle
        let task = smol::spawn(breaker.call_async_owned(hung(begin)));
        begins(&begun).await;
        assert_eq!(task.cancel().await, None);
        let seen = breaker.observer().snapshot();
        assert_eq!((seen.probes.in_flight, seen.totals.cancelled), (0, 2));
    });
}

#[test]
fn a_panic_is_a_failure() {
    let (breaker, _controller, _clock) = rig();
    let panics = async {
        yield_now().await;
        panic!("in the call")
    };
    let call = breaker.call_async::<u32, &str, _>(panics);
    let caught = block_on(std::panic::AssertUnwindSafe(call).catch_unwind());
    assert!(caught.is_err());
    assert_eq!(breaker.observer().snapshot().totals.failures, 1);
}

/// The futures of a handle that stays on its thread.
#[test]
fn local_calls_run_on_a_local_executor() {
    let (breaker, _controller, _clock) = rig();
    let local = breaker.local();
    let executor = LocalExecutor::new();
    let answers = executor.run(async {
        let calls: Vec<_> = (0..10)
            .map(|n| executor.spawn(local.call_async(half(2 * n))))
            .collect();
        let mut answers = Vec::new();
        for call in calls {
            answers.push(call.await);
        }
        answers
    });
    assert_eq!(block_on(answers), (0..10).map(Ok).collect::<Vec<_>>());
    assert_eq!(breaker.observer().snapshot().totals.successes, 10);
}

#[test]
fn the_tower_layer_is_ready_calls_and_cancels() {
    block_on(async {
        let (breaker, controller, _clock) = rig();
        let mut service = BreakerLayer::new(breaker.clone()).layer(service_fn(half));
        assert_eq!(service.ready().await.expect("ready").call(4).await, Ok(2));
        let tasks: Vec<_> = (0..10)
            .map(|n| smol::spawn(service.clone().oneshot(2 * n)))
            .collect();
        for (n, task) in (0..).zip(tasks) {
            assert_eq!(task.await, Ok(n));
        }

        // dropped after its first poll
        let call = service.ready().await.expect("ready").call(4);
        assert_eq!(or(async { call.await.ok() }, async { None }).await, None);
        assert_eq!(breaker.observer().snapshot().totals.cancelled, 1);

        controller.trip();
        let rejected = service.ready().await.expect("ready").call(4).await;
        assert!(matches!(rejected, Err(CallError::Rejected(_))));
        let replica = service_fn(|n: u32| async move { Ok::<_, &str>(n + 100) });
        let other = FallbackLayer::service(replica).layer(service);
        assert_eq!(other.oneshot(4).await, Ok(104));
        assert_eq!(breaker.observer().snapshot().totals.successes, 11);
    });
}
