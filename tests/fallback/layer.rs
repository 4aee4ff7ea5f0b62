//! The tower layer, in front of tower's own services.

use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::Semaphore;
use tower::limit::ConcurrencyLimit;
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tripcoil::call::NoBreaker;
use tripcoil::tower::{BreakerLayer, FallbackLayer};
use tripcoil::{Breaker, CallError, State};

use crate::{Rig, rig};

type Answer = Result<&'static str, CallError<&'static str>>;
type Prices = BoxCloneSyncService<&'static str, &'static str, CallError<&'static str>>;

/// Answers with the request, or fails at "fail".
fn prices()
-> impl Service<&'static str, Response = &'static str, Error = &'static str, Future: Send>
+ Clone
+ Send
+ Sync
+ 'static {
    service_fn(|ask: &'static str| async move {
        if ask == "fail" {
            Err("failed")
        } else {
            Ok(ask)
        }
    })
}

impl Rig {
    fn behind<L>(&self, fallback: L) -> Prices
    where
        L: Layer<Prices>,
        L::Service: Service<
                &'static str,
                Response = &'static str,
                Error = CallError<&'static str>,
                Future: Send,
            > + Clone
            + Send
            + Sync
            + 'static,
    {
        let guarded = BreakerLayer::new(self.breaker.clone()).layer(prices());
        BoxCloneSyncService::new(fallback.layer(BoxCloneSyncService::new(guarded)))
    }
}

/// The answers to a good call, a failed one, and a rejected one.
async fn answers(at: &Rig, prices: Prices) -> [Answer; 3] {
    at.controller.reset();
    let good = prices.clone().oneshot("good").await;
    let failed = prices.clone().oneshot("fail").await;
    at.controller.force_open();
    let rejected = prices.oneshot("good").await;
    at.controller.reset();
    [good, failed, rejected]
}

#[tokio::test]
async fn it_answers_rejections_and_failures_by_default_or_either() {
    let at = rig();
    let layer = FallbackLayer::value("list").counted_by(&at.breaker);
    let both = answers(&at, at.behind(layer.clone())).await;
    assert_eq!(both, [Ok("good"), Ok("list"), Ok("list")]);
    assert_eq!(at.fallbacks(), (1, 1));

    let [good, failed, rejected] = answers(&at, at.behind(layer.clone().only_on_rejection())).await;
    assert_eq!((good, rejected), (Ok("good"), Ok("list")));
    assert_eq!(failed, Err(CallError::Inner("failed")));
    assert_eq!(at.fallbacks(), (2, 1));

    let [good, failed, rejected] = answers(&at, at.behind(layer.only_on_failure())).await;
    assert_eq!((good, failed), (Ok("good"), Ok("list")));
    assert!(matches!(rejected, Err(CallError::Rejected(r)) if r.state() == State::ForcedOpen));
    assert_eq!(at.fallbacks(), (2, 2));

    // without a breaker to count by
    let uncounted = answers(&at, at.behind(FallbackLayer::value("list"))).await;
    assert_eq!(uncounted, both);
    assert_eq!(at.fallbacks(), (2, 2));
}

#[tokio::test]
async fn a_closure_has_the_error_and_may_return_it() {
    let at = rig();
    let layer = FallbackLayer::with(|error: CallError<&'static str>| match error {
        CallError::Rejected(rejected) if rejected.state() == State::ForcedOpen => {
            Ok("closed today")
        }
        CallError::Inner(why) => Err(CallError::Inner(if why == "failed" {
            "sorry"
        } else {
            why
        })),
        error => Err(error),
    });
    let got = answers(&at, at.behind(layer)).await;
    assert_eq!(
        got,
        [
            Ok("good"),
            Err(CallError::Inner("sorry")),
            Ok("closed today")
        ]
    );
}

#[tokio::test]
async fn a_request_without_a_breaker_is_a_rejection_and_a_timeout_a_failure() {
    let none =
        BreakerLayer::new(|_: &&str| Err::<Breaker, _>(NoBreaker::because("unknown tenant")));
    let service = none.layer(prices());
    let with = FallbackLayer::value("list").only_on_rejection();
    assert_eq!(
        with.layer(service.clone()).oneshot("good").await,
        Ok("list")
    );
    let without = FallbackLayer::value("list")
        .only_on_failure()
        .layer(service);
    assert!(matches!(
        without.oneshot("good").await,
        Err(CallError::NoBreaker(_))
    ));

    let timed_out = service_fn(|_: &'static str| async {
        Err::<&str, CallError<&str>>(CallError::TimedOut(Duration::from_secs(1)))
    });
    let with = FallbackLayer::value("late").only_on_failure();
    assert_eq!(with.layer(timed_out).oneshot("good").await, Ok("late"));
}

/// A service that is ready only once it was asked, and has the slot of a limit by then.
#[tokio::test]
async fn another_service_is_made_ready_and_has_the_request() {
    let at = rig();
    let asked = Arc::new(AtomicU64::new(0));
    let count = asked.clone();
    let replica = ServiceBuilder::new()
        .concurrency_limit(1)
        .service(service_fn(move |ask: &'static str| {
            count.fetch_add(1, SeqCst);
            async move {
                if ask == "fail" {
                    Ok("from the replica")
                } else {
                    Err("replica down")
                }
            }
        }));
    let prices = at.behind(FallbackLayer::service(replica));
    let [good, failed, rejected] = answers(&at, prices.clone()).await;
    assert_eq!((good, failed), (Ok("good"), Ok("from the replica")));
    assert_eq!(
        rejected,
        Err(CallError::Inner("replica down")),
        "its own error"
    );
    assert_eq!(asked.load(SeqCst), 2, "only when needed");
}

/// The limit's only slot is taken: the fallback waits for it, while the call itself has ended.
#[tokio::test]
async fn a_fallback_waits_for_a_busy_service_outside_of_the_call() {
    let at = rig();
    let semaphore = Arc::new(Semaphore::new(1));
    let taken = semaphore.clone().acquire_owned().await.expect("open");
    let replica = ConcurrencyLimit::with_semaphore(prices(), semaphore);
    let layer = FallbackLayer::service_with(replica, |_: &&'static str| Some("replica"));
    at.controller.half_open();
    let mut service = at.behind(layer.counted_by(&at.breaker));
    let mut waiting = service.ready().await.expect("ready").call("fail");
    for _ in 0..2 {
        let mut context = Context::from_waker(Waker::noop());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
    }
    // the probe has failed, and holds nothing
    assert_eq!((at.breaker.state(), at.fallbacks()), (State::Open, (0, 1)));
    drop(taken);
    assert_eq!(waiting.await, Ok("replica"));
    let totals = at.seen().totals;
    assert_eq!((totals.failures, totals.cancelled), (1, 0));
}

#[tokio::test]
async fn a_service_with_a_breaker_of_its_own_returns_its_rejection() {
    let (at, other) = (rig(), rig());
    let replica = BreakerLayer::new(other.breaker.clone()).layer(prices());
    let prices = at.behind(FallbackLayer::service(replica));
    at.controller.force_open();
    assert_eq!(prices.clone().oneshot("good").await, Ok("good"));
    assert_eq!(
        prices.clone().oneshot("fail").await,
        Err(CallError::Inner("failed"))
    );
    other.controller.trip();
    let rejected = prices.oneshot("good").await;
    assert!(
        matches!(rejected, Err(CallError::Rejected(r)) if r.state() == State::Open),
        "{rejected:?}"
    );
    assert_eq!(other.seen().totals.failures, 1);
}

/// What counts its clones.
struct Ask<'a>(u32, &'a Cell<u32>);

impl Clone for Ask<'_> {
    fn clone(&self) -> Self {
        self.1.set(self.1.get() + 1);
        Ask(self.0, self.1)
    }
}

#[tokio::test]
async fn only_another_service_needs_a_clone_of_the_request() {
    let at = rig();
    let clones = Cell::new(0);
    let guarded = || {
        let answer = service_fn(|ask: Ask<'_>| {
            let n = ask.0;
            async move { if n > 0 { Ok(n) } else { Err("zero") } }
        });
        BreakerLayer::new(at.breaker.clone()).layer(answer)
    };
    let value = FallbackLayer::value(7).layer(guarded());
    assert_eq!(value.oneshot(Ask(0, &clones)).await, Ok(7));
    let with = FallbackLayer::with(|_: CallError<&str>| Ok(8)).layer(guarded());
    assert_eq!(with.oneshot(Ask(0, &clones)).await, Ok(8));
    assert_eq!(clones.get(), 0);
    at.controller.reset();

    let replica = || {
        service_fn(|ask: Ask<'_>| {
            let n = ask.0;
            async move { Ok::<_, &str>(n + 100) }
        })
    };
    let other = FallbackLayer::service(replica()).layer(guarded());
    assert_eq!(other.oneshot(Ask(0, &clones)).await, Ok(100));
    assert_eq!(clones.get(), 1);
    // a request that must not be sent twice keeps its error, and is not counted
    let never = FallbackLayer::service_with(replica(), |_: &Ask<'_>| None).counted_by(&at.breaker);
    let answer = never.layer(guarded()).oneshot(Ask(0, &clones)).await;
    assert_eq!(answer, Err(CallError::Inner("zero")));
    assert_eq!((clones.get(), at.fallbacks()), (1, (0, 0)));
}

#[tokio::test]
async fn a_panic_in_the_fallback_is_not_counted_as_a_call() {
    let at = rig();
    let layer =
        FallbackLayer::with(|_: CallError<&'static str>| -> Answer { panic!("in the fallback") });
    let service = at.behind(layer.counted_by(&at.breaker));
    let mut call = pin!(service.oneshot("fail"));
    let poll = AssertUnwindSafe(|| call.as_mut().poll(&mut Context::from_waker(Waker::noop())));
    catch_unwind(poll).expect_err("it unwinds");
    let totals = at.seen().totals;
    assert_eq!(
        (totals.failures, totals.cancelled, at.fallbacks()),
        (1, 0, (0, 1))
    );
}

#[tokio::test]
async fn dropping_the_response_drops_the_call_or_the_fallback() {
    let at = rig();
    let hung = service_fn(|hang: bool| async move {
        if hang {
            std::future::pending::<()>().await;
        }
        Err::<u32, _>("down")
    });
    let replica = service_fn(|_: bool| std::future::pending::<Result<u32, &str>>());
    let service = ServiceBuilder::new()
        .layer(FallbackLayer::service(replica).counted_by(&at.breaker))
        .layer(BreakerLayer::new(at.breaker.clone()))
        .service(hung);
    for (hang, cancelled, failed) in [(true, 1, 0), (false, 1, 1)] {
        let mut call = Box::pin(service.clone().oneshot(hang));
        assert!(
            call.as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_pending()
        );
        drop(call);
        let totals = at.seen().totals;
        assert_eq!((totals.cancelled, totals.failures), (cancelled, failed));
        assert_eq!(at.fallbacks(), (0, failed));
    }
}

/// The inner service's backpressure, and its error, pass through.
#[tokio::test]
async fn readiness_is_that_of_the_inner_service() {
    struct Broken;
    impl Service<u32> for Broken {
        type Response = u32;
        type Error = CallError<&'static str>;
        type Future = std::future::Ready<Result<u32, Self::Error>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            Poll::Ready(Err(CallError::Inner("broken")))
        }

        fn call(&mut self, _: u32) -> Self::Future {
            panic!("not ready")
        }
    }
    let mut service = FallbackLayer::value(7).layer(Broken);
    let error = service.ready().await.err();
    assert_eq!(error, Some(CallError::Inner("broken")));
    assert!(format!("{service:?}").starts_with("FallbackService { rejections: true"));
}
