//! A breaker per endpoint of tower's balancer, not ready while it rejects calls.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use tokio::runtime;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};
use tower::balance::p2c::Balance;
use tower::discover::ServiceList;
use tower::limit::ConcurrencyLimit;
use tower::load::{CompleteOnResponse, Constant, PeakEwma};
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tripcoil::tower::BreakerLayer;
use tripcoil::{Breaker, CallError, Controller, HalfOpen, ManualClock, Rejected, State};

use crate::{OPEN_FOR, WAIT, breaker, builder, policy};

/// One endpoint, which can be down.
#[derive(Default)]
struct Server {
    down: AtomicBool,
    calls: AtomicU64,
}

impl Server {
    fn calls(&self) -> u64 {
        self.calls.load(SeqCst)
    }
}

struct Endpoint {
    server: Arc<Server>,
    breaker: Breaker,
    controller: Controller,
}

impl Endpoint {
    fn rejected(&self) -> u64 {
        self.breaker.observer().snapshot().totals.rejected
    }
}

fn endpoints() -> [Endpoint; 3] {
    ["a", "b", "c"].map(|name| {
        let (breaker, controller) = builder(name).build_with_controller().expect("valid");
        Endpoint {
            server: Arc::default(),
            breaker,
            controller,
        }
    })
}

fn server(
    endpoint: &Endpoint,
) -> impl Service<u32, Response = u32, Error = &'static str, Future: Send> + Clone + Send + use<> {
    let server = endpoint.server.clone();
    service_fn(move |n: u32| {
        server.calls.fetch_add(1, SeqCst);
        let down = server.down.load(SeqCst);
        async move {
            // as long as an answer from next door, or a refused connection, which is quicker
            sleep(Duration::from_millis(if down { 1 } else { 5 })).await;
            if down { Err("down") } else { Ok(n) }
        }
    })
}

/// Requests to endpoints that are chosen by how quickly they answer.
fn balance(
    endpoints: &[Endpoint],
    ready: bool,
) -> impl Service<u32, Response = u32, Error = BoxError, Future: Send> + Send + use<> {
    let services: Vec<_> = endpoints
        .iter()
        .map(|endpoint| {
            let mut layer = BreakerLayer::new(endpoint.breaker.clone());
            if !ready {
                layer = layer.not_ready_while_rejecting();
            }
            let service = layer.layer(server(endpoint));
            let service = ServiceBuilder::new()
                .map_err(tripcoil::CallError::boxed)
                .service(service);
            let decay = Duration::from_secs(10);
            PeakEwma::new(
                service,
                Duration::from_millis(5),
                1e9 * decay.as_secs_f64(),
                CompleteOnResponse::default(),
            )
        })
        .collect();
    Balance::new(ServiceList::new::<u32>(services))
}

async fn call<S: Service<u32, Response = u32, Error = BoxError>>(
    balance: &mut S,
) -> Result<u32, BoxError> {
    balance.ready().await?.call(7).await
}

#[tokio::test(start_paused = true)]
async fn calls_go_to_the_endpoints_that_work_and_the_third_comes_back() {
    let all = endpoints();
    let [a, b, c] = &all;
    let mut balance = balance(&all, false);
    for _ in 0..100 {
        call(&mut balance).await.expect("all work");
    }
    assert!(all.iter().all(|endpoint| endpoint.server.calls() > 0));

    // down: it fails until its breaker opens, and has no call after that
    c.server.down.store(true, SeqCst);
    let mut failed = 0;
    while c.breaker.state() == State::Closed {
        failed += u64::from(call(&mut balance).await.is_err());
    }
    assert_eq!(failed, 2, "the run that trips");
    let (calls, since) = (c.server.calls(), Instant::now());
    for _ in 0..500 {
        call(&mut balance).await.expect("the other two work");
    }
    assert!(since.elapsed() < OPEN_FOR);
    assert_eq!((c.server.calls(), c.breaker.state()), (calls, State::Open));
    assert!(a.server.calls() > 100 && b.server.calls() > 100);

    // back: after its wait it has a probe, and then its part
    c.server.down.store(false, SeqCst);
    while c.breaker.state() != State::Closed {
        call(&mut balance).await.expect("all work");
    }
    for _ in 0..100 {
        call(&mut balance).await.expect("all work");
    }
    assert!(c.server.calls() > calls + 2);
    assert_eq!(
        all.each_ref().map(Endpoint::rejected),
        [0; 3],
        "no call was rejected"
    );
}

/// The default, which a balancer by load must not have: it is always ready, and quick to reject.
#[tokio::test(start_paused = true)]
async fn an_endpoint_that_rejects_at_once_is_chosen_by_load() {
    let all = endpoints();
    let mut balance = balance(&all, true);
    for _ in 0..100 {
        call(&mut balance).await.expect("all work");
    }
    all[2].controller.trip();
    for _ in 0..100 {
        let _ = call(&mut balance).await;
    }
    assert!(all[2].rejected() > 20, "{}", all[2].rejected());
}

#[tokio::test(start_paused = true)]
async fn with_every_endpoint_open_the_balance_waits_for_the_first() {
    let all = endpoints();
    let mut balance = balance(&all, false);
    for (n, endpoint) in (1..).zip(&all) {
        endpoint.controller.trip_for(OPEN_FOR * n);
    }
    let since = Instant::now();
    // a limit outside
    assert!(timeout(WAIT, balance.ready()).await.is_err());
    assert_eq!(call(&mut balance).await.expect("of the first"), 7);
    let waited = since.elapsed();
    assert!((OPEN_FOR..OPEN_FOR + WAIT).contains(&waited), "{waited:?}");
    assert_eq!(
        all.each_ref().map(|endpoint| endpoint.server.calls()),
        [1, 0, 0]
    );
    assert_eq!(all.each_ref().map(Endpoint::rejected), [0; 3]);
}

#[tokio::test(start_paused = true)]
async fn shedding_outside_answers_while_every_endpoint_is_open() {
    let all = endpoints();
    let mut shed = ServiceBuilder::new()
        .load_shed()
        .service(balance(&all, false));
    for endpoint in &all {
        endpoint.controller.force_open();
    }
    let error = shed
        .ready()
        .await
        .expect("always")
        .call(7)
        .await
        .expect_err("shed");
    assert!(error.is::<tower::load_shed::error::Overloaded>());
    all[1].controller.release();
    // looked at within a second, even without the thread that reports transitions
    let since = Instant::now();
    while shed.ready().await.expect("always").call(7).await.is_err() {
        sleep(Duration::from_millis(10)).await;
    }
    assert!(since.elapsed() <= Duration::from_secs(2));
}

/// Retries outside of the balance: a failed attempt goes to another endpoint, most likely.
#[tokio::test(start_paused = true)]
async fn retries_outside_of_the_balance_hide_the_endpoint_that_is_down() {
    let all = endpoints();
    all[2].server.down.store(true, SeqCst);
    let service = ServiceBuilder::new()
        .retry(policy().attempts(5).build().expect("valid"))
        .buffer(4)
        .service(balance(&all, false));
    for n in 0..100 {
        assert_eq!(service.clone().oneshot(n).await.expect("a retry works"), n);
    }
    assert_eq!((all[2].server.calls(), all[2].rejected()), (2, 0));
}

/// One breaker around the balance knows of no endpoint: a third of the calls fails for as long as one is down.
#[tokio::test(start_paused = true)]
async fn one_breaker_around_the_balance_does_not_see_the_endpoint() {
    let servers = endpoints();
    servers[2].server.down.store(true, SeqCst);
    let around = Breaker::builder("around")
        .clock(crate::clock())
        .failure_rate(0.9)
        .min_throughput(100);
    let around = around.build().expect("valid");
    let services = servers
        .iter()
        .map(|endpoint| Constant::new(server(endpoint), 1));
    let balance = Balance::new(ServiceList::new::<u32>(services.collect::<Vec<_>>()));
    let mut service = ServiceBuilder::new()
        .layer(BreakerLayer::new(around.clone()))
        .buffer(4)
        .service(balance);
    let mut failed = 0;
    for _ in 0..300 {
        failed += u32::from(service.ready().await.expect("ready").call(7).await.is_err());
    }
    assert!((50..150).contains(&failed), "{failed}");
    assert_eq!(around.state(), State::Closed);
}

// Readiness by hand

/// Wakes a thread, and can be asked whether it has.
struct Woken(Thread, AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.1.store(true, SeqCst);
        self.0.unpark();
    }
}

type Ready = Poll<Result<(), CallError<Infallible>>>;

fn poll<S: Service<u32, Error = CallError<Infallible>>>(service: &mut S) -> Ready {
    service.poll_ready(&mut Context::from_waker(Waker::noop()))
}

fn answers()
-> impl Service<u32, Response = u32, Error = Infallible, Future: Send> + Clone + Send + 'static {
    service_fn(|n: u32| async move { Ok(n) })
}

/// Each change that lets calls in wakes the task, by the thread that reports transitions: the runtime's
/// timer is not driven here.
#[test]
fn an_operator_wakes_the_task_that_waits() {
    let runtime = runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let _inside = runtime.enter();
    let clock = ManualClock::new();
    let (breaker, controller) = Breaker::builder("a")
        .clock(&clock)
        .build_with_controller()
        .expect("valid");
    let mut service = BreakerLayer::new(breaker)
        .not_ready_while_rejecting()
        .layer(answers());
    type End = fn(&Controller);
    let enders: [(&str, End); 5] = [
        ("reset", |c| assert!(c.reset())),
        ("half-open", |c| assert!(c.half_open())),
        ("disable", |c| assert!(c.disable())),
        ("observe", |c| assert!(c.observe_only())),
        ("release", |c| {
            c.force_open();
            assert!(c.release());
        }),
    ];
    for (name, end) in enders {
        controller.reset();
        assert_eq!(poll(&mut service), Poll::Ready(Ok(())), "{name}");
        controller.release();
        controller.trip();
        let woken = Arc::new(Woken(thread::current(), AtomicBool::new(false)));
        let waker = Waker::from(woken.clone());
        let mut context = Context::from_waker(&waker);
        // a transition may wake it before the one that counts
        while service.poll_ready(&mut context).is_pending() {
            woken.1.store(false, SeqCst);
            assert!(service.poll_ready(&mut context).is_pending(), "{name}");
            end(&controller);
            while !woken.1.load(SeqCst) {
                thread::park();
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn readiness_takes_no_slot_and_a_round_that_is_full_is_waited_for() {
    let (breaker, controller) = breaker();
    let layer = BreakerLayer::new(breaker.clone()).not_ready_while_rejecting();
    let mut service = layer.layer(answers());
    let mut clone = service.clone();
    controller.half_open();
    for _ in 0..3 {
        assert_eq!(
            (poll(&mut service), poll(&mut clone)),
            (Poll::Ready(Ok(())), Poll::Ready(Ok(())))
        );
        assert_eq!(breaker.observer().snapshot().probes.in_flight, 0);
    }
    let probe = breaker.try_acquire_owned().expect("the slot");
    assert!(poll(&mut service).is_pending());
    drop(clone);
    let ready = tokio::spawn(async move {
        let answer = service.ready().await?.call(7).await;
        Ok::<_, CallError<Infallible>>((answer?, service))
    });
    sleep(WAIT).await;
    assert!(!ready.is_finished());
    // a free slot is no transition
    probe.success();
    let (answer, mut service) = ready.await.expect("no panic").expect("an answer");
    assert_eq!((answer, breaker.state()), (7, State::Closed));
    assert_eq!(breaker.observer().snapshot().totals.rejected, 0);

    // lost probes: the call that finds them is rejected, and then it waits for the next round
    controller.half_open();
    let _lost = breaker.try_acquire_owned().expect("the slot");
    assert!(poll(&mut service).is_pending());
    sleep(Duration::from_secs(61)).await;
    let found = service.ready().await.expect("ready").call(7).await;
    assert!(matches!(found, Err(CallError::Rejected(_))), "{found:?}");
    assert!(poll(&mut service).is_pending());
    let answer = service.ready().await.expect("ready").call(7).await;
    assert_eq!(answer, Ok(7));
}

#[tokio::test(start_paused = true)]
async fn a_reservation_is_given_back_while_it_is_not_ready() {
    let (breaker, controller) = breaker();
    let places = Arc::new(Semaphore::new(1));
    let limited = ConcurrencyLimit::with_semaphore(answers(), places.clone());
    let mut service = BreakerLayer::new(breaker)
        .not_ready_while_rejecting()
        .layer(limited);
    assert_eq!(poll(&mut service), Poll::Ready(Ok(())));
    assert_eq!(places.available_permits(), 0);
    controller.trip();
    assert!(poll(&mut service).is_pending());
    assert_eq!(places.available_permits(), 1);
    // ready is the inner service too
    let taken = places.clone().acquire_owned().await.expect("open");
    controller.half_open();
    assert!(poll(&mut service).is_pending());
    drop(taken);
    assert_eq!(service.ready().await.expect("ready").call(7).await, Ok(7));
}

/// A wait that is moved ends when it is over, and not before.
#[tokio::test(start_paused = true)]
async fn a_wait_that_is_postponed_or_cut_short_is_followed() {
    let (breaker, controller) = breaker();
    let mut service = BreakerLayer::new(breaker)
        .not_ready_while_rejecting()
        .layer(answers());
    let since = Instant::now();
    controller.trip();
    assert!(poll(&mut service).is_pending());
    sleep(OPEN_FOR / 2).await;
    controller.postpone(OPEN_FOR);
    service.ready().await.expect("ready");
    let waited = since.elapsed();
    assert!(
        (OPEN_FOR * 3 / 2..OPEN_FOR * 3 / 2 + WAIT).contains(&waited),
        "{waited:?}"
    );
}

#[test]
fn a_service_that_waits_can_be_sent_and_shared() {
    fn shared<T: Send + Sync>(_: &T) {}
    let breaker = Breaker::builder("a")
        .half_open(HalfOpen::successes(1))
        .build()
        .expect("valid");
    let service = BreakerLayer::new(breaker)
        .not_ready_while_rejecting()
        .layer(answers_by_pointer);
    shared(&service);
}

fn answers_by_pointer(_: u32) -> std::future::Ready<Result<u32, Rejected>> {
    std::future::ready(Ok(7))
}
