//! What is retried, when, and how often.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::task::{Context, Waker};
use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{Method, Request, Response};
use tower::retry::budget::{Budget, TpsBudget};
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
use tripcoil::http::ByStatus;
use tripcoil::retry::RetryPolicy;
use tripcoil::tower::BreakerLayer;
use tripcoil::{Backoff, Breaker, CallError, FailureKind, Outcome};

use crate::{Calls, WAIT, breaker, builder, dependency, policy, times};

type Guarded = Result<u32, CallError<&'static str>>;

#[tokio::test(start_paused = true)]
async fn each_attempt_is_a_call_until_one_succeeds_or_there_are_no_more() {
    for (attempts, succeeds_at, made) in [(3, 2, 2), (3, 3, 3), (3, 9, 3), (1, 2, 1), (2, 1, 1)] {
        let breaker = builder("upstream")
            .consecutive_failures(99)
            .build()
            .expect("valid");
        let calls = Calls::new();
        let service = ServiceBuilder::new()
            .retry(policy().attempts(attempts).build().expect("valid"))
            .layer(BreakerLayer::new(breaker.clone()))
            .service(dependency(&calls, move |n| async move {
                if n < succeeds_at { Err("down") } else { Ok(n) }
            }));
        let answer = service.oneshot(7).await;
        if made == succeeds_at {
            assert_eq!(answer, Ok(made));
        } else {
            assert_eq!(answer, Err(CallError::Inner("down")));
        }
        assert_eq!(calls.at(), times(0..made as u32), "{attempts}");
        let totals = breaker.observer().snapshot().totals;
        assert_eq!((totals.successes + totals.failures) as usize, made);
    }
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_its_failures_open_the_breaker() {
    let (breaker, _controller) = breaker();
    let calls = Calls::new();
    let service = ServiceBuilder::new()
        .retry(policy().attempts(9).build().expect("valid"))
        .layer(BreakerLayer::new(breaker.clone()))
        .service(dependency(&calls, |_| async { Err::<u32, _>("down") }));
    let answer = service.oneshot(7).await;
    assert!(matches!(answer, Err(CallError::Rejected(_))), "{answer:?}");
    assert_eq!(calls.count(), 2, "the run that trips");
    assert_eq!(breaker.observer().snapshot().totals.rejected, 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_breaker_is_not_retried() {
    let calls = Calls::new();
    let none = |_: &u32| Err::<Breaker, _>(tripcoil::call::NoBreaker::because("unknown"));
    let waits = policy()
        .wait_for_breaker(Duration::MAX)
        .build()
        .expect("valid");
    let service = ServiceBuilder::new()
        .retry(waits)
        .layer(BreakerLayer::new(none))
        .service(dependency(&calls, |_| async { Ok::<u32, &str>(1) }));
    let answer: Guarded = Err(service.oneshot(7).await.expect_err("refused")) as _;
    assert!(matches!(answer, Err(CallError::NoBreaker(_))));
    assert_eq!(calls.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_classifier_and_the_kinds_decide() {
    let classifier = |result: &Result<u32, FailureKind>| match result {
        Ok(0) => Outcome::Failure(FailureKind::Other(7)),
        Ok(1) => Outcome::Ignored,
        Ok(_) => Outcome::Success,
        Err(kind) => Outcome::Failure(*kind),
    };
    let results = [
        (Ok(0), 3),
        (Ok(1), 1),
        (Ok(2), 1),
        (Err(FailureKind::Timeout), 3),
        (Err(FailureKind::Connect), 3),
        (Err(FailureKind::Overload), 3),
        (Err(FailureKind::Server), 3),
        (Err(FailureKind::Client), 1),
        (Err(FailureKind::Data), 1),
    ];
    for (result, made) in results {
        for only_data in [false, true] {
            let mut policy = policy().classifier(classifier);
            if only_data {
                policy = policy.kinds(|kind| kind == FailureKind::Data);
            }
            let calls = Calls::new();
            let inner = dependency(&calls, move |_| async move { result });
            let service = ServiceBuilder::new()
                .retry(policy.build().expect("valid"))
                .map_err(CallError::Inner)
                .service(inner);
            assert_eq!(service.oneshot(7).await, result.map_err(CallError::Inner));
            let made = match (only_data, result) {
                (false, _) => made,
                (true, Err(FailureKind::Data)) => 3,
                (true, _) => 1,
            };
            assert_eq!(calls.count(), made, "{result:?} {only_data}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_timed_out_is_retried_as_a_timeout() {
    for (retried, made) in [(true, 3), (false, 1)] {
        let calls = Calls::new();
        let service = ServiceBuilder::new()
            .retry(
                policy()
                    .kinds(move |kind| retried && kind == FailureKind::Timeout)
                    .build()
                    .expect("valid"),
            )
            .service(dependency(&calls, |_| async {
                Err::<u32, CallError<&str>>(CallError::TimedOut(WAIT))
            }));
        assert_eq!(service.oneshot(7).await, Err(CallError::TimedOut(WAIT)));
        assert_eq!(calls.count(), made);
    }
}

#[tokio::test(start_paused = true)]
async fn a_short_retry_after_is_waited_for_and_a_long_one_ends_it() {
    let answers = |seconds: &'static str| {
        move |n: usize| async move {
            let mut response = Response::new(n);
            if n == 1 {
                *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
                response
                    .headers_mut()
                    .insert(RETRY_AFTER, seconds.parse().expect("a value"));
            }
            Ok::<_, BoxError>(response)
        }
    };
    for (seconds, limit, second_at) in [
        // and then the backoff, since others were given the same wait
        ("2", 2, Some(2_100)),
        ("3", 2, None),
        ("0", 2, Some(100)),
        ("18446744073709551615", 2, None),
        ("soon", 0, Some(100)),
    ] {
        let calls = Calls::new();
        let policy = policy()
            .classifier(ByStatus::new())
            .max_retry_after(Duration::from_secs(limit));
        let service = ServiceBuilder::new()
            .retry(policy.build().expect("valid"))
            .service(dependency(&calls, answers(seconds)));
        let response = service.oneshot(7).await.expect("a response");
        let expected = second_at.map(Duration::from_millis);
        assert_eq!(calls.at().get(1).copied(), expected, "{seconds}");
        assert_eq!(response.status().is_success(), expected.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn waits_grow_to_the_cap_and_are_spread() {
    let mut seen = Vec::new();
    for _ in 0..50 {
        let calls = Calls::new();
        let backoff = Backoff::exponential(WAIT, 2.0).max(WAIT * 3).jitter(0.5);
        let service = ServiceBuilder::new()
            .retry(
                policy()
                    .attempts(5)
                    .backoff(backoff)
                    .build()
                    .expect("valid"),
            )
            .map_err(CallError::Inner)
            .service(dependency(&calls, |_| async { Err::<u32, _>("down") }));
        assert!(service.oneshot(7).await.is_err());
        let at = calls.at();
        assert_eq!(at.len(), 5);
        let waits: Vec<_> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
        for (wait, (least, most)) in
            waits
                .iter()
                .zip([(50, 150), (100, 300), (150, 300), (150, 300)])
        {
            // the timer's milliseconds
            let (least, most) = (
                Duration::from_millis(least),
                Duration::from_millis(most + 1),
            );
            assert!((least..=most).contains(wait), "{waits:?}");
        }
        seen.push(waits[0]);
    }
    seen.sort_unstable();
    seen.dedup();
    assert!(seen.len() > 10, "policies and calls differ: {seen:?}");
    // with a seed they are the same for the same policy
    let seeded = || {
        let backoff = Backoff::constant(WAIT).jitter(0.9).seed(7);
        let calls = Calls::new();
        let service = ServiceBuilder::new()
            .retry(policy().backoff(backoff).build().expect("valid"))
            .map_err(CallError::Inner)
            .service(dependency(&calls, |_| async { Err::<u32, _>("down") }));
        async move {
            assert!(service.oneshot(7).await.is_err());
            calls.at()
        }
    };
    assert_eq!(seeded().await, seeded().await);
}

/// Tokens that come back one for two successes.
#[derive(Default)]
struct Halves(AtomicI64);

impl Budget for Halves {
    fn deposit(&self) {
        self.0.fetch_add(1, SeqCst);
    }

    fn withdraw(&self) -> bool {
        let taken = self
            .0
            .fetch_update(SeqCst, SeqCst, |n| (n >= 2).then_some(n - 2));
        taken.is_ok()
    }
}

#[tokio::test(start_paused = true)]
async fn the_budget_is_shared_and_limits_the_retries_of_all() {
    let calls = Calls::new();
    let budget = Arc::new(Halves::default());
    let policy = policy()
        .attempts(9)
        .budget(budget.clone())
        .build()
        .expect("valid");
    let service = ServiceBuilder::new()
        .retry(policy)
        .map_err(CallError::Inner)
        .service(dependency(&calls, |n| async move {
            if n <= 10 { Ok(n) } else { Err("down") }
        }));
    for _ in 0..10 {
        assert!(service.clone().oneshot(7).await.is_ok());
    }
    assert_eq!(budget.0.load(SeqCst), 10);
    for _ in 0..10 {
        assert!(service.clone().oneshot(7).await.is_err());
    }
    assert_eq!(calls.count(), 10 + 10 + 5, "five retries for ten successes");
}

#[tokio::test(start_paused = true)]
async fn towers_budget_bounds_the_load_of_an_outage() {
    let calls = Calls::new();
    // no reserve, and a tenth of the successes
    let budget = Arc::new(TpsBudget::new(Duration::from_secs(10), 0, 0.1));
    let service = ServiceBuilder::new()
        .retry(policy().budget(budget).build().expect("valid"))
        .map_err(CallError::Inner)
        .service(dependency(&calls, |n| async move {
            if n <= 100 { Ok(n) } else { Err("down") }
        }));
    for _ in 0..200 {
        let _ = service.clone().oneshot(7).await;
    }
    assert_eq!(calls.count(), 210);
}

#[tokio::test(start_paused = true)]
async fn only_requests_that_are_cloned_are_sent_again() {
    let gets = |request: &Request<()>| {
        let mut again = Request::new(());
        *again.method_mut() = request.method().clone();
        (request.method() == Method::GET).then_some(again)
    };
    for (method, made) in [(Method::GET, 3), (Method::POST, 1)] {
        let calls = Calls::new();
        let count = calls.clone();
        let service = ServiceBuilder::new()
            .retry(policy().clone_request(gets).build().expect("valid"))
            .map_err(CallError::Inner)
            .service(service_fn(move |_: Request<()>| {
                count.add();
                async { Err::<u32, _>("down") }
            }));
        let mut request = Request::new(());
        *request.method_mut() = method;
        assert!(service.oneshot(request).await.is_err());
        assert_eq!(calls.count(), made);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_retry_makes_no_further_call() {
    let (breaker, _controller) = breaker();
    let calls = Calls::new();
    let service = ServiceBuilder::new()
        .retry(policy().build().expect("valid"))
        .layer(BreakerLayer::new(breaker.clone()))
        .service(dependency(&calls, |_| async { Err::<u32, _>("down") }));
    {
        let mut call = pin!(service.oneshot(7));
        let mut context = Context::from_waker(Waker::noop());
        assert!(call.as_mut().poll(&mut context).is_pending(), "it waits");
    }
    tokio::time::sleep(WAIT * 10).await;
    let totals = breaker.observer().snapshot().totals;
    assert_eq!(
        (calls.count(), totals.failures, totals.cancelled),
        (1, 1, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_classifier_that_panics_unwinds_through_the_call() {
    let panics = |_: &Result<u32, &str>| -> Outcome { panic!("in the classifier") };
    let (breaker, _controller) = breaker();
    let calls = Calls::new();
    let service = ServiceBuilder::new()
        .retry(policy().classifier(panics).build().expect("valid"))
        .layer(BreakerLayer::new(breaker.clone()))
        .service(dependency(&calls, |_| async { Ok::<u32, &str>(1) }));
    let mut call = pin!(service.oneshot(7));
    let poll = || call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    catch_unwind(AssertUnwindSafe(poll)).expect_err("it unwinds");
    // the call had ended, by the breaker's own classifier
    assert_eq!(breaker.observer().snapshot().totals.successes, 1);
}

#[test]
fn every_problem_of_the_settings_is_reported() {
    let backoff = Backoff::exponential(Duration::ZERO, 0.5).jitter(f64::NAN);
    let error = RetryPolicy::builder().attempts(0).backoff(backoff).build();
    let error = error.expect_err("invalid");
    let fields: Vec<_> = error
        .problems()
        .iter()
        .map(|problem| problem.field)
        .collect();
    assert_eq!(
        fields,
        [
            "attempts",
            "backoff.base",
            "backoff.factor",
            "backoff.jitter"
        ]
    );
    let capped = Backoff::constant(WAIT)
        .max(WAIT / 2)
        .reset_after(Duration::MAX);
    let error = RetryPolicy::builder()
        .backoff(capped)
        .build()
        .expect_err("invalid");
    let fields: Vec<_> = error
        .problems()
        .iter()
        .map(|problem| problem.field)
        .collect();
    assert_eq!(fields, ["backoff.max", "backoff.reset_after"]);
    let error = RetryPolicy::builder()
        .backoff(Backoff::adaptive())
        .build()
        .expect_err("invalid");
    assert_eq!(
        error.to_string(),
        "invalid retry policy:\nbackoff.adaptive is true, but must be false, since a retry knows nothing of an outage"
    );
    // finer than a coarse clock's tick, which has nothing to do with it
    let fine = Backoff::constant(Duration::from_nanos(1));
    let policy = RetryPolicy::builder()
        .backoff(fine)
        .attempts(u32::MAX)
        .build();
    assert!(
        format!("{:?}", policy.expect("valid")).starts_with("RetryPolicy { attempts: 4294967295")
    );
}

#[test]
fn a_policy_can_be_shared_among_threads() {
    fn shared<T: Send + Sync + Clone + 'static>(_: T) {}
    shared(RetryPolicy::builder().build().expect("valid"));
}
