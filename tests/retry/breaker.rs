//! Rejections: not retried, unless the policy is to wait for the breaker.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tower::{BoxError, Service, ServiceBuilder, ServiceExt};
use tripcoil::retry::RetryBuilder;
use tripcoil::tower::{BreakerLayer, boxed};
use tripcoil::{Breaker, CallError, Rejected, State};

use crate::{Calls, OPEN_FOR, WAIT, breaker, dependency, policy};

type Guarded = Result<usize, CallError<&'static str>>;

fn upstream(
    breaker: &Breaker,
    calls: &Calls,
    policy: RetryBuilder,
) -> impl Service<u32, Response = usize, Error = CallError<&'static str>, Future: Send> + Clone + use<>
{
    ServiceBuilder::new()
        .retry(policy.build().expect("valid"))
        .layer(BreakerLayer::new(breaker.clone()))
        .service(dependency(calls, |n| async move { Ok(n) }))
}

fn rejected(answer: &Guarded) -> Rejected {
    match answer {
        Err(CallError::Rejected(rejected)) => *rejected,
        other => panic!("not rejected: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejection_is_returned_at_once_by_default() {
    let (breaker, controller) = breaker();
    let calls = Calls::new();
    let service = upstream(&breaker, &calls, policy());
    controller.trip();
    let since = Instant::now();
    assert_eq!(
        rejected(&service.oneshot(7).await).retry_after(),
        Some(OPEN_FOR)
    );
    assert_eq!((since.elapsed(), calls.count()), (Duration::ZERO, 0));
    assert_eq!(breaker.observer().snapshot().totals.rejected, 1);
}

#[tokio::test(start_paused = true)]
async fn a_short_wait_of_the_breaker_is_waited_out() {
    let (breaker, controller) = breaker();
    let calls = Calls::new();
    // one attempt: a rejected call was not made
    let service = upstream(
        &breaker,
        &calls,
        policy().attempts(1).wait_for_breaker(OPEN_FOR * 2),
    );
    controller.trip();
    assert_eq!(service.oneshot(7).await, Ok(1));
    assert_eq!(calls.at(), [OPEN_FOR + WAIT]);
    let seen = breaker.observer().snapshot();
    assert_eq!((seen.state, seen.totals.rejected), (State::HalfOpen, 1));
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_the_limit_is_not_begun() {
    let (breaker, controller) = breaker();
    let calls = Calls::new();
    let limit = OPEN_FOR - Duration::from_nanos(1);
    controller.trip();
    let since = Instant::now();
    for limit in [Duration::ZERO, limit] {
        let service = upstream(&breaker, &calls, policy().wait_for_breaker(limit));
        assert_eq!(rejected(&service.oneshot(7).await).state(), State::Open);
    }
    // exactly the limit
    let service = upstream(&breaker, &calls, policy().wait_for_breaker(OPEN_FOR));
    assert_eq!(since.elapsed(), Duration::ZERO);
    assert_eq!(service.oneshot(7).await, Ok(1));
    assert_eq!(calls.at(), [OPEN_FOR]);
}

#[tokio::test(start_paused = true)]
async fn an_operators_override_is_not_waited_for() {
    let (breaker, controller) = breaker();
    let calls = Calls::new();
    let service = upstream(&breaker, &calls, policy().wait_for_breaker(Duration::MAX));
    controller.force_open();
    let since = Instant::now();
    assert_eq!(
        rejected(&service.oneshot(7).await).state(),
        State::ForcedOpen
    );
    assert_eq!(since.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_free_slot_of_a_round_is_waited_for_within_the_limit() {
    let (breaker, controller) = breaker();
    let calls = Calls::new();
    controller.half_open();
    let probe = breaker.try_acquire_owned().expect("the only slot");
    // never free: the limit is for all waits together
    let limit = WAIT * 5 / 2;
    let service = upstream(&breaker, &calls, policy().wait_for_breaker(limit));
    let since = Instant::now();
    assert_eq!(
        rejected(&service.clone().oneshot(7).await).state(),
        State::HalfOpen
    );
    assert_eq!((since.elapsed(), calls.count()), (limit, 0));
    assert_eq!(
        breaker.observer().snapshot().totals.rejected,
        4,
        "at 0, 1, 2 and 2.5 waits"
    );
    // free in the middle of the second wait
    let answer = tokio::spawn(service.oneshot(7));
    sleep(WAIT * 3 / 2).await;
    probe.success();
    assert_eq!(answer.await.expect("no panic"), Ok(1));
    assert_eq!(since.elapsed(), limit + WAIT * 2);
    assert_eq!(breaker.observer().snapshot().state, State::Closed);
}

/// Callers that wait do not all return at the end of the wait.
#[tokio::test(start_paused = true)]
async fn many_that_wait_are_all_served() {
    let (breaker, controller) = breaker();
    let calls = Calls::new();
    let backoff = tripcoil::Backoff::exponential(WAIT, 2.0).jitter(0.9);
    let policy = policy().backoff(backoff).wait_for_breaker(OPEN_FOR * 3);
    let service = upstream(&breaker, &calls, policy);
    controller.trip();
    let all: Vec<_> = (0..100)
        .map(|n| tokio::spawn(service.clone().oneshot(n)))
        .collect();
    for answer in all {
        assert!(answer.await.expect("no panic").is_ok());
    }
    assert_eq!((calls.count(), breaker.state()), (100, State::Closed));
    assert!(calls.at().iter().all(|at| *at > OPEN_FOR));
}

/// A boxed error, through a buffer and a limit between the two.
#[tokio::test(start_paused = true)]
async fn a_rejection_is_found_in_a_boxed_error() {
    let (breaker, controller) = breaker();
    for (limit, made) in [(None, 0), (Some(OPEN_FOR * 2), 1)] {
        let calls = Calls::new();
        let mut policy = policy();
        if let Some(limit) = limit {
            policy = policy.wait_for_breaker(limit);
        }
        let service = ServiceBuilder::new()
            .retry(policy.build().expect("valid"))
            .buffer(4)
            .concurrency_limit(1)
            .map_err(boxed)
            .layer(BreakerLayer::new(breaker.clone()))
            .service(dependency(&calls, |n| async move { Ok::<_, BoxError>(n) }));
        controller.trip();
        let answer = service.oneshot(7).await;
        let rejected = answer
            .as_ref()
            .err()
            .and_then(|error| error.downcast_ref::<Rejected>());
        assert_eq!(rejected.is_some(), made == 0, "{answer:?}");
        assert_eq!(calls.count(), made);
    }
}
