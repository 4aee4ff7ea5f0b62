//! Faults: off unless switched on, as often as they should be, and always the same.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;
use tower::limit::ConcurrencyLimitLayer;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tripcoil::testing::{FaultLayer, Faults, tokio_clock};
use tripcoil::tower::BreakerLayer;
use tripcoil::{Breaker, CallError, Cause, State};

use crate::{panics, secs};

#[derive(Debug, PartialEq, Eq)]
struct Refused;

/// Answers each number with itself, and counts them.
#[derive(Clone, Default)]
struct Echo {
    called: Arc<AtomicU64>,
}

impl Service<u64> for Echo {
    type Response = u64;
    type Error = Refused;
    type Future = Ready<Result<u64, Refused>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u64) -> Self::Future {
        self.called.fetch_add(1, SeqCst);
        ready(Ok(request))
    }
}

fn poll_once<T>(future: impl Future<Output = T>) -> Poll<T> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// The answers to the requests from 0 on: `None` to one that hangs.
fn answers<S: Service<u64>>(
    service: &mut S,
    requests: u64,
) -> Vec<Option<Result<S::Response, S::Error>>> {
    let one = |request| match poll_once(service.call(request)) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    };
    (0..requests).map(one).collect()
}

#[test]
fn faults_are_off_unless_switched_on() {
    let faults = Faults::new();
    let layer = FaultLayer::new(&faults).hang(1.0).unwrap();
    let layer = layer.answer(1.0, || Err(Refused)).unwrap();
    let layer = layer.only(|_: &u64| panic!("it is not asked while off"));
    let echo = Echo::default();
    let mut service = layer.layer(echo.clone());
    let all = answers(&mut service, 100);
    assert!(all.into_iter().eq((0..100).map(|n| Some(Ok(n)))));
    assert!(!Faults::default().is_on());
    assert_eq!(faults.injected(), Faults::new().injected());
}

#[test]
fn a_switch_works_at_the_next_request_for_all_clones() {
    let faults = Faults::new();
    let layer = FaultLayer::new(&faults)
        .answer(1.0, || Err(Refused))
        .unwrap();
    let echo = Echo::default();
    let (mut one, mut other) = (layer.layer(echo.clone()), layer.clone().layer(echo.clone()));
    let mut third = one.clone();
    for on in [true, false, true] {
        match on {
            true => faults.clone().on(),
            false => faults.clone().off(),
        }
        for service in [&mut one, &mut other, &mut third] {
            let expected = if on { Err(Refused) } else { Ok(0) };
            assert_eq!(answers(service, 1), [Some(expected)]);
        }
    }
    assert_eq!(echo.called.load(SeqCst), 3);
    assert_eq!(faults.injected().answers, 6);
    let shown = format!("{faults:?}");
    assert!(
        shown.starts_with("Faults { on: true, injected: Injected { answers: 6"),
        "{shown}"
    );
}

#[test]
fn a_layer_without_faults_has_none_when_on() {
    let faults = Faults::new();
    faults.on();
    let mut service = FaultLayer::new(&faults).layer(Echo::default());
    assert!(
        answers(&mut service, 100)
            .iter()
            .all(|answer| matches!(answer, Some(Ok(_))))
    );
}

/// Per seed, and within five standard deviations.
#[test]
fn faults_are_as_frequent_as_their_rates_and_the_same_in_each_run() {
    const REQUESTS: u64 = 20_000;
    let run = |seed: u64| {
        let faults = Faults::new();
        faults.on();
        let layer = FaultLayer::new(&faults).seed(seed).hang(0.1).unwrap();
        let layer = layer.answer(0.25, || Err(Refused)).unwrap();
        let all = answers(&mut layer.layer(Echo::default()), REQUESTS);
        let hung = all.iter().filter(|answer| answer.is_none()).count() as u64;
        let failed = all
            .iter()
            .filter(|answer| **answer == Some(Err(Refused)))
            .count() as u64;
        assert_eq!(
            (faults.injected().hangs, faults.injected().answers),
            (hung, failed)
        );
        for (count, rate) in [(hung, 0.1), (failed, 0.25 * 0.9)] {
            let (wanted, spread) = (REQUESTS as f64 * rate, (REQUESTS as f64 * rate).sqrt());
            assert!(
                (count as f64 - wanted).abs() < 5.0 * spread,
                "{count} at {rate}"
            );
        }
        all
    };
    assert!(run(7) == run(7));
    assert!(run(7) != run(8));
}

#[test]
fn another_rate_moves_no_other_fault() {
    let hung = |answered: f64| {
        let faults = Faults::new();
        faults.on();
        let layer = FaultLayer::new(&faults).hang(0.2).unwrap();
        let layer = layer.answer(answered, || Err(Refused)).unwrap();
        let all = answers(&mut layer.layer(Echo::default()), 1000);
        all.iter().map(Option::is_none).collect::<Vec<_>>()
    };
    assert_eq!(hung(0.0), hung(0.9));
}

#[test]
fn only_the_requests_of_the_filter_meet_faults() {
    let faults = Faults::new();
    faults.on();
    let layer = FaultLayer::new(&faults).answer(1.0, || Ok(99)).unwrap();
    let mut service = layer
        .only(|n: &u64| n.is_multiple_of(3))
        .layer(Echo::default());
    let expected = (0..10).map(|n| Some(Ok(if n % 3 == 0 { 99 } else { n })));
    assert!(answers(&mut service, 10).into_iter().eq(expected));
    assert_eq!(faults.injected().answers, 4);
}

#[test]
fn settings_out_of_range_are_refused() {
    let new = || FaultLayer::new(&Faults::new());
    for rate in [-0.1, 1.1, f64::NAN, f64::INFINITY, -f64::MIN_POSITIVE] {
        let refused = [
            (new().hang(rate).err(), "hang"),
            (new().answer(rate, || Err::<(), _>(())).err(), "answer"),
            (new().latency(rate, secs(1)).err(), "latency"),
        ];
        for (error, field) in refused {
            let error = error.expect("refused");
            let problem = &error.problems()[0];
            assert_eq!((problem.field, &*problem.permitted), (field, "from 0 to 1"));
            assert_eq!(problem.value, format!("{rate:?}"));
        }
    }
    let error = new().latency(0.5, secs(2)..=secs(1)).unwrap_err();
    let text = "latency is 2s..=1s, but must be a range that does not end before it begins";
    assert!(error.to_string().ends_with(text), "{error}");
    for rate in [0.0, -0.0, 1.0] {
        assert!(new().latency(rate, Duration::MAX).is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn latency_is_added_to_answers_of_both_kinds() {
    let faults = Faults::new();
    let slow = service_fn(|n: u64| async move {
        tokio::time::sleep(secs(2)).await;
        Ok::<u64, Refused>(n)
    });
    let layer = FaultLayer::new(&faults).latency(1.0, secs(3)).unwrap();
    let mut plain = layer.clone().layer(slow);
    let mut answered = layer.answer(1.0, || Err(Refused)).unwrap().layer(slow);
    let took = async |service: &mut dyn FnMut() -> _| {
        let since = Instant::now();
        let future: std::pin::Pin<Box<dyn Future<Output = Result<u64, Refused>>>> = service();
        (future.await, since.elapsed())
    };
    assert_eq!(
        took(&mut || Box::pin(plain.call(7))).await,
        (Ok(7), secs(2))
    );
    faults.on();
    assert_eq!(
        took(&mut || Box::pin(plain.call(7))).await,
        (Ok(7), secs(5))
    );
    assert_eq!(
        took(&mut || Box::pin(answered.call(7))).await,
        (Err(Refused), secs(3))
    );
    assert_eq!(
        (faults.injected().delays, faults.injected().answers),
        (2, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_range_of_latency_is_used_whole() {
    let faults = Faults::new();
    faults.on();
    let range = secs(1)..=secs(4);
    let layer = FaultLayer::new(&faults)
        .latency(1.0, range.clone())
        .unwrap();
    let mut service = layer.layer(Echo::default());
    let mut all = Vec::new();
    for n in 0..200 {
        let since = Instant::now();
        service.call(n).await.unwrap();
        all.push(since.elapsed());
    }
    let (least, most) = (*all.iter().min().unwrap(), *all.iter().max().unwrap());
    // the timer rounds up to its next millisecond
    assert!(least >= secs(1) && most <= secs(4) + Duration::from_millis(1));
    assert!(least < secs(1) + secs(1) / 2 && most > secs(4) - secs(1) / 2);
}

/// What readiness reserved for a request that never reached the service is free again.
#[tokio::test]
async fn a_request_that_is_not_passed_on_reserves_nothing() {
    let faults = Faults::new();
    faults.on();
    for hangs in [true, false] {
        let layer = FaultLayer::new(&faults)
            .hang(if hangs { 1.0 } else { 0.0 })
            .unwrap();
        let layer = layer.answer(1.0, || Err(Refused)).unwrap();
        let limited = ConcurrencyLimitLayer::new(1).layer(Echo::default());
        let mut service = layer.layer(limited.clone());
        let future = service.ready().await.unwrap().call(1);
        let mut other = limited.clone();
        assert!(poll_once(other.ready()).is_ready(), "the slot is free");
        drop(future);
    }
}

/// A request that hangs goes on hanging, and costs nothing once it is dropped.
#[test]
fn what_hangs_hangs_until_it_is_dropped() {
    let faults = Faults::new();
    faults.on();
    let layer = FaultLayer::new(&faults).hang(1.0).unwrap();
    let mut service = layer.layer(Echo::default());
    let mut hanging = pin!(service.call(1));
    let mut context = Context::from_waker(Waker::noop());
    assert!(hanging.as_mut().poll(&mut context).is_pending());
    faults.off();
    assert!(hanging.as_mut().poll(&mut context).is_pending());
}

#[test]
fn a_future_is_not_polled_after_its_end() {
    let faults = Faults::new();
    let mut service = FaultLayer::new(&faults).layer(Echo::default());
    let mut future = pin!(service.call(1));
    let mut context = Context::from_waker(Waker::noop());
    assert_eq!(future.as_mut().poll(&mut context), Poll::Ready(Ok(1)));
    let message = panics(|| future.as_mut().poll(&mut context));
    assert_eq!(message, "a response's future was polled after its end");
}

/// A panic in the user's closures is the user's, and the service goes on.
#[test]
fn closures_may_panic() {
    let faults = Faults::new();
    faults.on();
    let broken = Arc::new(AtomicBool::new(true));
    let panics_once = broken.clone();
    let layer = FaultLayer::new(&faults)
        .answer(1.0, move || match panics_once.swap(false, SeqCst) {
            true => panic!("in the closure"),
            false => Err(Refused),
        })
        .unwrap();
    let mut service = layer.layer(Echo::default());
    assert_eq!(panics(|| service.call(1)), "in the closure");
    assert_eq!(answers(&mut service, 1), [Some(Err(Refused))]);
}

/// As in a stack: the breaker sees errors, and its timeout ends what hangs.
#[tokio::test(start_paused = true)]
async fn a_breaker_around_faults_opens_and_recovers() {
    let faults = Faults::new();
    let builder = Breaker::builder("orders").clock(tokio_clock());
    let breaker = builder.consecutive_failures(5).open_for(secs(30)).build();
    let breaker = breaker.expect("valid");
    let layer = FaultLayer::new(&faults).hang(0.5).unwrap();
    let layer = layer.answer(1.0, || Err("injected".into())).unwrap();
    let mut service = ServiceBuilder::new()
        .layer(BreakerLayer::new(breaker.clone()))
        .layer(tower::timeout::TimeoutLayer::new(secs(1)))
        .layer(layer)
        .service(service_fn(|n: u64| async move {
            Ok::<u64, Box<dyn std::error::Error + Send + Sync>>(n)
        }));
    for n in 0..20 {
        assert_eq!(service.ready().await.unwrap().call(n).await.unwrap(), n);
    }
    faults.on();
    for _ in 0..5 {
        let failed = service.ready().await.unwrap().call(1).await;
        assert!(matches!(failed, Err(CallError::Inner(_))));
    }
    let rejected = service.ready().await.unwrap().call(1).await;
    assert!(matches!(rejected, Err(CallError::Rejected(_))));
    tripcoil::testing::assert_tripped_by(&breaker.observer(), Cause::ConsecutiveFailures);
    let injected = faults.injected();
    assert_eq!(injected.hangs + injected.answers, 5);
    assert!(injected.hangs > 0 && injected.answers > 0, "{injected:?}");
    faults.off();
    tokio::time::sleep(secs(30)).await;
    while breaker.state() != State::Closed {
        assert!(service.ready().await.unwrap().call(1).await.is_ok());
    }
}

/// Its types say what it needs: a service whose error is never made, and whose requests are borrowed.
#[test]
fn it_suits_services_without_errors_and_futures_that_are_sent() {
    let layer = FaultLayer::new(&Faults::new()).hang(0.5).unwrap();
    let service = layer.layer(service_fn(|text: &'static str| async move {
        Ok::<_, Infallible>(text.len())
    }));
    fn is_service<S>(service: S) -> S::Future
    where
        S: Service<&'static str, Response = usize, Error = Infallible> + Send + Sync + Clone,
        S::Future: Send,
    {
        let mut service = service;
        service.call("three")
    }
    assert_eq!(poll_once(is_service(service)), Poll::Ready(Ok(5)));
}
