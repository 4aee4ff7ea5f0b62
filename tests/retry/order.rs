//! The order of the layers: each in its place, and what goes wrong elsewhere. docs/guide.md has the
//! table.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tower::load_shed::error::Overloaded;
use tower::timeout::error::Elapsed;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt};
use tripcoil::observe::Totals;
use tripcoil::tower::{BreakerLayer, FallbackLayer, boxed};
use tripcoil::{Breaker, CallError, Rejected, State};

use crate::{Calls, OPEN_FOR, WAIT, breaker, builder, dependency, policy};

fn totals(breaker: &Breaker) -> Totals {
    breaker.observer().snapshot().totals
}

fn is<E: std::error::Error + 'static>(error: &BoxError) -> bool {
    error.is::<E>()
}

/// In the order of the guide, from the outside in.
#[tokio::test(start_paused = true)]
async fn all_of_them_in_order() {
    let (breaker, controller) = breaker();
    let calls = Calls::new();
    let mut search = ServiceBuilder::new()
        .load_shed()
        .buffer(8)
        .map_err(boxed)
        .layer(
            FallbackLayer::value(0)
                .only_on_rejection()
                .counted_by(&breaker),
        )
        .retry(policy().build().expect("valid"))
        .layer(BreakerLayer::new(breaker.clone()))
        .timeout(Duration::from_secs(1))
        .concurrency_limit(2)
        .service(dependency(&calls, |n| async move {
            match n {
                1 => Ok(n),
                2 => Err(BoxError::from("down")),
                3 => Ok(n),
                _ => pending().await,
            }
        }));
    assert_eq!(
        search
            .ready()
            .await
            .expect("ready")
            .call(7)
            .await
            .expect("an answer"),
        1
    );
    let retried = search.ready().await.expect("ready").call(7).await;
    assert_eq!(retried.expect("by a retry"), 3);
    // hangs twice, which opens the breaker: the third attempt is rejected, and that has a fallback
    let since = Instant::now();
    assert_eq!(
        search
            .ready()
            .await
            .expect("ready")
            .call(7)
            .await
            .expect("the fallback"),
        0
    );
    assert_eq!(since.elapsed(), Duration::from_secs(2) + WAIT * 2);
    assert_eq!(
        search
            .ready()
            .await
            .expect("ready")
            .call(7)
            .await
            .expect("the fallback"),
        0
    );
    assert_eq!(
        (since.elapsed(), calls.count()),
        (Duration::from_secs(2) + WAIT * 2, 5)
    );
    let seen = breaker.observer().snapshot();
    assert_eq!(
        (
            seen.totals.successes,
            seen.totals.failures,
            seen.totals.rejected
        ),
        (2, 3, 2)
    );
    assert_eq!((seen.fallbacks.rejected, seen.fallbacks.failed), (2, 0));
    drop(controller);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_inside_is_a_failure_and_outside_a_cancellation() {
    let hung = |_| pending::<Result<u32, BoxError>>();
    let limit = Duration::from_secs(1);
    let calls = Calls::new();

    let (guarded, _controller) = breaker();
    let mut inside = ServiceBuilder::new()
        .layer(BreakerLayer::new(guarded.clone()))
        .timeout(limit)
        .service(dependency(&calls, hung));
    for _ in 0..2 {
        let error = inside
            .ready()
            .await
            .expect("ready")
            .call(7)
            .await
            .expect_err("late");
        assert!(is::<Elapsed>(&boxed(error)));
    }
    assert_eq!(
        (totals(&guarded).failures, guarded.state()),
        (2, State::Open)
    );

    // outside, no hang ever opens it
    let (guarded, _controller) = breaker();
    let mut outside = ServiceBuilder::new()
        .timeout(limit)
        .map_err(boxed)
        .layer(BreakerLayer::new(guarded.clone()))
        .service(dependency(&calls, hung));
    for _ in 0..20 {
        let error = outside
            .ready()
            .await
            .expect("ready")
            .call(7)
            .await
            .expect_err("late");
        assert!(is::<Elapsed>(&error));
    }
    let counted = totals(&guarded);
    assert_eq!((counted.failures, counted.cancelled), (0, 20));
    assert_eq!(guarded.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn retries_outside_are_calls_and_inside_hidden_in_one() {
    let fails = |_| async { Err::<u32, _>("down") };
    let attempts = || policy().attempts(4).build().expect("valid");

    let (guarded, controller) = breaker();
    let calls = Calls::new();
    let outside = ServiceBuilder::new()
        .retry(attempts())
        .layer(BreakerLayer::new(guarded.clone()))
        .service(dependency(&calls, fails));
    // a round has one probe, and it fails: the retry is rejected
    controller.half_open();
    let answer = outside.oneshot(7).await;
    assert!(matches!(answer, Err(CallError::Rejected(_))), "{answer:?}");
    assert_eq!((calls.count(), guarded.state()), (1, State::Open));

    let (guarded, controller) = breaker();
    let calls = Calls::new();
    let inside = ServiceBuilder::new()
        .layer(BreakerLayer::new(guarded.clone()))
        .retry(attempts())
        .map_err(CallError::Inner)
        .service(dependency(&calls, fails));
    // four calls to the dependency in a round of one, which the breaker counts as one
    controller.half_open();
    assert!(inside.oneshot(7).await.is_err());
    assert_eq!((calls.count(), totals(&guarded).failures), (4, 1));
    assert!(
        calls.at()[3] >= WAIT * 3,
        "and the probe's slot is taken all the while"
    );
}

/// Ten calls come while the dependency has a place for one at a time. The first two fail.
#[tokio::test(start_paused = true)]
async fn a_buffer_outside_is_emptied_by_rejections_and_inside_by_calls() {
    async fn ten<S>(service: S) -> Vec<Result<u32, BoxError>>
    where
        S: Service<u32, Response = u32, Error = BoxError, Future: Send> + Clone + Send + 'static,
    {
        let all: Vec<_> = (0..10)
            .map(|n| tokio::spawn(service.clone().oneshot(n)))
            .collect();
        let mut answers = Vec::new();
        for answer in all {
            answers.push(answer.await.expect("no panic"));
        }
        answers
    }
    let fails = |_| async {
        tokio::time::sleep(WAIT).await;
        Err::<u32, BoxError>("down".into())
    };

    let (guarded, _controller) = breaker();
    let calls = Calls::new();
    let outside = ServiceBuilder::new()
        .buffer(16)
        .map_err(boxed)
        .layer(BreakerLayer::new(guarded.clone()))
        .concurrency_limit(1)
        .service(dependency(&calls, fails));
    let answers = ten(outside).await;
    let rejected = answers
        .iter()
        .filter(|answer| answer.as_ref().is_err_and(is::<Rejected>));
    // the third was let in for the place that the second was about to leave
    assert!(rejected.count() >= 7 && calls.count() <= 3, "{answers:?}");

    let (guarded, _controller) = breaker();
    let calls = Calls::new();
    let inside = ServiceBuilder::new()
        .map_err(boxed)
        .layer(BreakerLayer::new(guarded.clone()))
        .buffer(16)
        .concurrency_limit(1)
        .service(dependency(&calls, fails));
    let answers = ten(inside).await;
    assert!(
        !answers
            .iter()
            .any(|answer| answer.as_ref().is_err_and(is::<Rejected>))
    );
    // all were admitted at once, and go on to a dependency that is known to be down
    assert_eq!((calls.count(), guarded.state()), (10, State::Open));
    assert_eq!((totals(&guarded).failures, totals(&guarded).late), (2, 8));
}

#[tokio::test(start_paused = true)]
async fn shedding_outside_is_no_failure_and_inside_it_opens_the_breaker() {
    let busy = Arc::new(Notify::new());
    let waits = {
        let busy = busy.clone();
        move |_| {
            let busy = busy.clone();
            async move {
                busy.notified().await;
                Ok::<_, BoxError>(1)
            }
        }
    };
    let calls = Calls::new();

    let (guarded, _controller) = breaker();
    let outside = ServiceBuilder::new()
        .load_shed()
        .map_err(boxed)
        .layer(BreakerLayer::new(guarded.clone()))
        .concurrency_limit(1)
        .service(dependency(&calls, waits.clone()));
    let first = tokio::spawn(outside.clone().oneshot(0));
    tokio::task::yield_now().await;
    for n in 1..5 {
        let error = outside.clone().oneshot(n).await.expect_err("one at a time");
        assert!(is::<Overloaded>(&error));
    }
    busy.notify_one();
    assert_eq!(first.await.expect("no panic").expect("an answer"), 1);
    let counted = totals(&guarded);
    assert_eq!(
        (counted.successes, counted.failures, guarded.state()),
        (1, 0, State::Closed)
    );

    let (guarded, _controller) = breaker();
    let inside = ServiceBuilder::new()
        .map_err(boxed)
        .layer(BreakerLayer::new(guarded.clone()))
        .load_shed()
        .concurrency_limit(1)
        .service(dependency(&calls, waits));
    let first = tokio::spawn(inside.clone().oneshot(0));
    tokio::task::yield_now().await;
    for n in 1..3 {
        let error = inside.clone().oneshot(n).await.expect_err("one at a time");
        assert!(is::<Overloaded>(&error));
    }
    // our own limit has opened it, while the dependency works
    assert_eq!(guarded.state(), State::Open);
    busy.notify_one();
    assert_eq!(first.await.expect("no panic").expect("an answer"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_outside_of_retries_runs_once_and_inside_hides_failures_from_them() {
    let fails = |n| async move { if n < 3 { Err("down") } else { Ok(n) } };
    let guarded = builder("upstream")
        .consecutive_failures(9)
        .build()
        .expect("valid");

    let calls = Calls::new();
    let outside = ServiceBuilder::new()
        .layer(FallbackLayer::value(0).counted_by(&guarded))
        .retry(policy().build().expect("valid"))
        .layer(BreakerLayer::new(guarded.clone()))
        .service(dependency(&calls, fails));
    assert_eq!(outside.oneshot(7).await, Ok(3));
    assert_eq!(
        (
            calls.count(),
            guarded.observer().snapshot().fallbacks.failed
        ),
        (3, 0)
    );

    let calls = Calls::new();
    let inside = ServiceBuilder::new()
        .retry(policy().build().expect("valid"))
        .layer(FallbackLayer::value(0).counted_by(&guarded))
        .layer(BreakerLayer::new(guarded.clone()))
        .service(dependency(&calls, fails));
    assert_eq!(inside.oneshot(7).await, Ok(0));
    assert_eq!(
        (
            calls.count(),
            guarded.observer().snapshot().fallbacks.failed
        ),
        (1, 1)
    );
}

/// A caller that waits for readiness inside is not counted, and outside it is limited.
#[tokio::test(start_paused = true)]
async fn a_timeout_around_the_buffer_limits_the_wait_for_a_place() {
    let (guarded, _controller) = breaker();
    let calls = Calls::new();
    let service = ServiceBuilder::new()
        .timeout(OPEN_FOR)
        .buffer(1)
        .map_err(boxed)
        .layer(BreakerLayer::new(guarded.clone()))
        .concurrency_limit(1)
        .service(dependency(&calls, |_| pending::<Result<u32, BoxError>>()));
    let mut first = pin!(service.clone().oneshot(0));
    assert!(
        first
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    );
    tokio::task::yield_now().await;
    let error = service
        .oneshot(1)
        .await
        .expect_err("it waits for the first");
    assert!(is::<Elapsed>(&error));
    // the first has no answer either
    assert_eq!((calls.count(), totals(&guarded).failures), (1, 0));
}
