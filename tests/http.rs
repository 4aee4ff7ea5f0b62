//! HTTP on loopback: real servers and clients, statuses, `Retry-After`, bodies to their end.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::error_handling::HandleErrorLayer;
use axum::extract::{Path, State as Shared};
use axum::response::IntoResponse;
use axum::routing::get;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::mpsc;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use tripcoil::classify::ErrIsFailure;
use tripcoil::http::{ByStatus, ClassifyBody, EndOfBody, GuardedBody, rejected_response};
use tripcoil::tower::{BreakerLayer, BreakerService};
use tripcoil::{
    Backoff, Breaker, CallError, Classify, Controller, FailureKind, HalfOpen, ManualClock, Outcome,
    Snapshot, State,
};

type HyperClient = Client<HttpConnector, Empty<Bytes>>;

const OPEN_FOR: Duration = Duration::from_secs(10);
const MAX: Duration = Duration::from_secs(60);

struct Stand<C> {
    breaker: Breaker<C>,
    controller: Controller,
    clock: ManualClock,
}

/// Trips at one failure, closes at one success.
fn stand<C>(classifier: C) -> Stand<C> {
    let clock = ManualClock::new();
    let (breaker, controller) = Breaker::builder("upstream")
        .classifier(classifier)
        .clock(&clock)
        .consecutive_failures(1)
        .slow_call(Duration::from_secs(1))
        .open_for(Backoff::exponential(OPEN_FOR, 1.0).max(MAX))
        .half_open(HalfOpen::successes(1))
        .build_with_controller()
        .expect("valid");
    Stand {
        breaker,
        controller,
        clock,
    }
}

impl<C> Stand<C> {
    fn snapshot(&self) -> Snapshot {
        self.breaker.observer().snapshot()
    }

    /// Successes, failures, cancelled.
    fn counts(&self) -> (u64, u64, u64) {
        let totals = self.snapshot().totals;
        (totals.successes, totals.failures, totals.cancelled)
    }
}

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn client() -> HyperClient {
    Client::builder(TokioExecutor::new()).build_http()
}

fn request(address: SocketAddr, path: &str) -> Request<Empty<Bytes>> {
    Request::get(format!("http://{address}{path}"))
        .body(Empty::new())
        .expect("valid")
}

/// A body of these frames, one a poll.
#[derive(Default)]
struct Script(VecDeque<Result<Frame<Bytes>, io::Error>>);

impl Script {
    fn data(mut self, data: &'static str) -> Script {
        self.0
            .push_back(Ok(Frame::data(Bytes::from_static(data.as_bytes()))));
        self
    }

    fn trailer(mut self, name: &'static str, value: &'static str) -> Script {
        let name = http::HeaderName::from_static(name);
        let trailers = HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
        self.0.push_back(Ok(Frame::trailers(trailers)));
        self
    }

    fn broken(mut self) -> Script {
        self.0.push_back(Err(io::Error::other("broken")));
        self
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(self.0.pop_front())
    }
}

/// A body whose frames come when the test says so; it breaks off with the error, ends with the
/// sender.
struct Told(mpsc::UnboundedReceiver<Result<&'static str, io::Error>>);

impl Body for Told {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let frame = |data: &'static str| Frame::data(Bytes::from_static(data.as_bytes()));
        self.0
            .poll_recv(cx)
            .map(|told| told.map(|told| told.map(frame)))
    }
}

fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("not at once"),
    }
}

// Classes

#[test]
fn each_status_has_its_class() {
    let by_status = ByStatus::new();
    let failure = Outcome::Failure;
    for status in 100..=999 {
        let expected = match status {
            429 | 503 => failure(FailureKind::Overload),
            504 => failure(FailureKind::Timeout),
            500..=599 => failure(FailureKind::Server),
            600..=999 => failure(FailureKind::Data),
            _ => Outcome::Success,
        };
        let code = StatusCode::from_u16(status).expect("in range");
        assert_eq!(
            by_status.outcome(code, &HeaderMap::new()),
            expected,
            "{status}"
        );
        let result: Result<_, ()> = Ok(Response::builder().status(code).body(()).expect("valid"));
        assert_eq!(by_status.classify(&result), expected, "{status}");
    }
    let error = Err::<Response<()>, _>("refused");
    assert_eq!(by_status.classify(&error), failure(FailureKind::Connect));
}

#[test]
fn a_wait_is_an_overloads_alone_and_an_override_has_the_first_word() {
    let seconds = Duration::from_secs;
    let mut headers = HeaderMap::new();
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("7"));
    let overload = Outcome::Failure(FailureKind::Overload);
    let own = overload.with_retry_after(seconds(1));
    let server = Outcome::Failure(FailureKind::Server);
    let with = ByStatus::new()
        .overriding(|status, headers| match status.as_u16() {
            404 => Some(overload),
            405 if headers.contains_key(header::RETRY_AFTER) => Some(own),
            503 => Some(Outcome::Success),
            _ => None,
        })
        .errors(|error: &u8| match error {
            0 => Outcome::Ignored,
            _ => server,
        });
    let outcome = |status| with.outcome(StatusCode::from_u16(status).expect("valid"), &headers);
    assert_eq!(outcome(429), overload.with_retry_after(seconds(7)));
    assert_eq!(outcome(404), overload.with_retry_after(seconds(7)));
    assert_eq!(outcome(405), own);
    assert_eq!(outcome(503), Outcome::Success);
    assert_eq!(outcome(500), server);
    assert_eq!(outcome(200), Outcome::Success);
    assert_eq!(with.classify(&Err::<Response<()>, _>(0)), Outcome::Ignored);
    assert_eq!(with.classify(&Err::<Response<()>, _>(1)), server);
}

// Over the wire

/// Answers with the status and the `Retry-After` of the path.
fn statuses() -> Router {
    let answer = |Path((status, wait)): Path<(u16, String)>| async move {
        let mut response = StatusCode::from_u16(status)
            .expect("a status")
            .into_response();
        let headers = response.headers_mut();
        match wait.as_str() {
            "none" => {}
            "date" => {
                let now = SystemTime::now();
                for (name, at) in [
                    (header::DATE, now),
                    (header::RETRY_AFTER, now + OPEN_FOR * 2),
                ] {
                    let date = httpdate::fmt_http_date(at);
                    headers.insert(name, HeaderValue::try_from(date).expect("visible"));
                }
            }
            wait => {
                let wait = HeaderValue::from_str(wait).expect("visible");
                headers.insert(header::RETRY_AFTER, wait);
            }
        }
        response
    };
    Router::new().route("/{status}/{wait}", get(answer))
}

#[tokio::test]
async fn a_servers_failures_open_the_breaker_for_as_long_as_it_asks() {
    let at = stand(ByStatus::new());
    let address = serve(statuses()).await;
    let mut service = BreakerLayer::new(at.breaker.clone()).layer(client());
    let mut ask = async |path: &str| {
        let service = service.ready().await.expect("never broken");
        let status = service
            .call(request(address, path))
            .await
            .map(|r| r.status());
        let wait = at.snapshot().retry_after;
        at.controller.reset();
        status
            .map(|status| (status.as_u16(), wait))
            .expect("admitted")
    };
    let seconds = |n| Some(Duration::from_secs(n));
    assert_eq!(ask("/200/none").await, (200, None));
    assert_eq!(ask("/404/none").await, (404, None));
    assert_eq!(ask("/404/7").await, (404, None));
    assert_eq!(ask("/500/none").await, (500, Some(OPEN_FOR)));
    assert_eq!(ask("/500/7").await, (500, Some(OPEN_FOR)));
    assert_eq!(ask("/503/none").await, (503, Some(OPEN_FOR)));
    assert_eq!(ask("/503/soon").await, (503, Some(OPEN_FOR)));
    assert_eq!(ask("/503/17").await, (503, seconds(17)));
    assert_eq!(ask("/429/30").await, (429, seconds(30)));
    assert_eq!(ask("/503/date").await, (503, seconds(20)));
    // no shorter than the backoff, and no longer than its cap, whatever it asks
    assert_eq!(ask("/503/7").await, (503, Some(OPEN_FOR)));
    assert_eq!(ask("/503/0").await, (503, Some(OPEN_FOR)));
    assert_eq!(ask("/503/61").await, (503, Some(MAX)));
    assert_eq!(ask("/503/99999999999999999999").await, (503, Some(MAX)));
    let kinds = at.snapshot().failures_by_kind;
    assert_eq!(
        (
            kinds.get(FailureKind::Server),
            kinds.get(FailureKind::Overload)
        ),
        (2, 9)
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_failure_to_connect() {
    let at = stand(ByStatus::new());
    // taken, but nobody listens
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .bind((Ipv4Addr::LOCALHOST, 0).into())
        .expect("a port");
    let nobody = socket.local_addr().expect("bound");
    let layer = BreakerLayer::new(at.breaker.clone());
    let answer = layer.clone().until(EndOfBody).layer(client());
    let answer = answer.oneshot(request(nobody, "/")).await;
    assert!(matches!(answer, Err(CallError::Inner(e)) if e.is_connect()));
    assert_eq!(at.snapshot().failures_by_kind.get(FailureKind::Connect), 1);
    at.controller.reset();
    let service = layer.layer(client());
    let answer = service.clone().oneshot(request(nobody, "/")).await;
    assert!(matches!(answer, Err(CallError::Inner(e)) if e.is_connect()));
    assert_eq!(at.snapshot().failures_by_kind.get(FailureKind::Connect), 2);
    let answer = service.oneshot(request(nobody, "/")).await;
    assert!(answer.is_err_and(|e| e.is_rejected()));
}

#[tokio::test]
async fn reqwest_is_a_service_and_a_client_of_its_own() {
    let by_status = ByStatus::new();
    let at = stand(
        move |result: &reqwest::Result<reqwest::Response>| match result {
            Ok(response) => by_status.outcome(response.status(), response.headers()),
            Err(e) if e.is_timeout() => Outcome::Failure(FailureKind::Timeout),
            Err(_) => Outcome::Failure(FailureKind::Connect),
        },
    );
    let address = serve(statuses()).await;
    let client = reqwest::Client::new();
    let url = |path: &str| format!("http://{address}{path}");

    let service = BreakerLayer::new(at.breaker.clone()).layer(client.clone());
    let get = client.get(url("/200/none")).build().expect("valid");
    let response = service.clone().oneshot(get).await.expect("admitted");
    assert_eq!((response.status().as_u16(), at.counts()), (200, (1, 0, 0)));

    let call = at.breaker.call_async(client.get(url("/503/17")).send());
    assert_eq!(call.await.expect("admitted").status(), 503);
    assert_eq!(at.snapshot().retry_after, Some(Duration::from_secs(17)));
    let call = at.breaker.call_async(client.get(url("/200/none")).send());
    assert!(call.await.is_err_and(|e| e.is_rejected()));
    let get = client.get(url("/200/none")).build().expect("valid");
    assert!(service.oneshot(get).await.is_err_and(|e| e.is_rejected()));
    assert_eq!(at.counts(), (1, 1, 0));
}

#[tokio::test]
async fn a_service_says_that_its_dependency_is_not_to_be_had() {
    #[derive(Clone)]
    struct Front {
        back: SocketAddr,
        client: BreakerService<HyperClient, Breaker<ByStatus>>,
    }
    async fn front(Shared(front): Shared<Front>) -> axum::response::Response {
        match front.client.oneshot(request(front.back, "/500/none")).await {
            Ok(response) => response.status().into_response(),
            Err(CallError::Rejected(rejected)) => rejected_response(&rejected),
            Err(_) => StatusCode::BAD_GATEWAY.into_response(),
        }
    }
    let at = stand(ByStatus::new());
    let state = Front {
        back: serve(statuses()).await,
        client: BreakerLayer::new(at.breaker.clone()).layer(client()),
    };
    let address = serve(Router::new().route("/", get(front)).with_state(state)).await;
    let ask = async || {
        let response = client().request(request(address, "/")).await.expect("up");
        let wait = response.headers().get(header::RETRY_AFTER).cloned();
        let wait = wait.map(|wait| wait.to_str().expect("digits").to_owned());
        (response.status().as_u16(), wait)
    };
    let seconds = |n: &str| Some(n.to_owned());
    assert_eq!(ask().await, (500, None));
    assert_eq!(ask().await, (503, seconds("10")));
    at.clock.advance(Duration::from_millis(8_500));
    assert_eq!(ask().await, (503, seconds("2")));
    at.clock.advance(Duration::from_millis(501));
    assert_eq!(ask().await, (503, seconds("1")));
    at.controller.force_open();
    assert_eq!(ask().await, (503, None));
}

/// Within bounds, as it is and with the wait that is expected; the rejection itself stays.
#[cfg(feature = "insight")]
#[test]
fn the_wait_of_an_answer_may_be_the_one_that_is_expected() {
    let at = stand(ByStatus::new());
    let insight = tripcoil::insight::Insight::new(&at.breaker.observer());
    let fail = || {
        let permit = at.breaker.try_acquire().expect("admitted");
        permit.failure(FailureKind::Server);
    };
    fail();
    let _learns = insight.report();
    let waits = |most: u64| {
        let rejected = at.breaker.try_acquire().expect_err("open");
        let expected = insight.expected(rejected, Duration::from_secs(most));
        let wait = |rejected: &tripcoil::Rejected| {
            let answer: Response<()> = rejected_response(rejected);
            let wait = answer.headers().get(header::RETRY_AFTER).cloned();
            wait.map(|wait| {
                wait.to_str()
                    .expect("digits")
                    .parse::<u64>()
                    .expect("seconds")
            })
        };
        (wait(&rejected), wait(&expected))
    };
    // a second is the shortest that is assumed: less than the wait
    assert_eq!(waits(60), (Some(10), Some(10)));
    at.clock.advance(Duration::from_secs(8));
    assert_eq!(waits(60), (Some(2), Some(8)));
    assert_eq!(waits(5), (Some(2), Some(5)), "at most");
    assert_eq!(
        waits(1),
        (Some(2), Some(2)),
        "never less than the breaker's own"
    );
    for _ in 0..20 {
        at.clock.advance(OPEN_FOR);
        fail();
    }
    let _learns = insight.report();
    assert_eq!(waits(60), (Some(10), Some(60)));
    at.controller.half_open();
    let _probe = at.breaker.try_acquire().expect("a probe");
    assert_eq!(waits(60), (None, None), "a probe may end at any time");
    at.controller.force_open();
    assert_eq!(waits(60), (None, None), "the operator's");
}

// Bodies

type Tell = mpsc::UnboundedSender<Result<&'static str, io::Error>>;

/// A server whose one response has a body that the test tells.
async fn told() -> (SocketAddr, Tell) {
    let (tell, told) = mpsc::unbounded_channel();
    let told = Arc::new(std::sync::Mutex::new(Some(told)));
    let answer = move || async move {
        let told = told.lock().expect("no panic").take();
        axum::body::Body::new(Told(told.expect("one call")))
    };
    (serve(Router::new().route("/", get(answer))).await, tell)
}

async fn guarded<C>(at: &Stand<C>, address: SocketAddr) -> Response<GuardedBody<Incoming, C>>
where
    C: ClassifyBody<hyper::Error> + Classify<Response<Incoming>, hyper_util::client::legacy::Error>,
{
    let layer = BreakerLayer::new(at.breaker.clone()).until(EndOfBody);
    let answer = layer.layer(client()).oneshot(request(address, "/")).await;
    match answer {
        Ok(response) => response,
        Err(_) => panic!("no answer"),
    }
}

async fn next<C: ClassifyBody<hyper::Error>>(
    body: &mut GuardedBody<Incoming, C>,
) -> Option<Result<Bytes, hyper::Error>> {
    let frame = body.frame().await?;
    Some(frame.map(|frame| frame.into_data().expect("data")))
}

#[tokio::test]
async fn a_call_can_last_until_the_end_of_the_body() {
    let at = stand(ByStatus::new());
    at.controller.half_open();
    let (address, tell) = told().await;
    let mut body = guarded(&at, address).await.into_body();
    for said in ["one", "two"] {
        tell.send(Ok(said)).expect("served");
        assert_eq!(next(&mut body).await.expect("more").expect("sound"), said);
        assert_eq!(
            (at.counts(), at.snapshot().probes.in_flight),
            ((0, 0, 0), 1)
        );
    }
    at.clock.advance(Duration::from_millis(1001));
    drop(tell);
    assert!(next(&mut body).await.is_none());
    assert_eq!((at.counts(), at.snapshot().totals.slow), ((1, 0, 0), 1));
    assert_eq!(at.breaker.state(), State::Closed);
    drop(body);
    assert_eq!((at.counts(), at.snapshot().totals.late), ((1, 0, 0), 0));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_a_failure() {
    let at = stand(ByStatus::new());
    let (address, tell) = told().await;
    let response = guarded(&at, address).await;
    assert_eq!((response.status().as_u16(), at.counts()), (200, (0, 0, 0)));
    let mut body = response.into_body();
    tell.send(Ok("half of")).expect("served");
    assert!(next(&mut body).await.expect("more").is_ok());
    assert_eq!(at.counts(), (0, 0, 0));
    tell.send(Err(io::Error::other("out of paper")))
        .expect("served");
    assert!(next(&mut body).await.expect("more").is_err());
    assert_eq!(at.counts(), (0, 1, 0));
    assert_eq!(at.snapshot().failures_by_kind.get(FailureKind::Connect), 1);
    assert_eq!(at.breaker.state(), State::Open);
    drop(body);
    assert_eq!((at.counts(), at.snapshot().totals.late), ((0, 1, 0), 0));
}

#[tokio::test]
async fn a_body_that_is_dropped_is_a_cancellation() {
    let at = stand(ByStatus::new());
    let (address, tell) = told().await;
    let mut body = guarded(&at, address).await.into_body();
    tell.send(Ok("half of")).expect("served");
    assert!(next(&mut body).await.expect("more").is_ok());
    drop(body);
    assert_eq!(at.counts(), (0, 0, 1));
}

#[tokio::test]
async fn the_head_decides_if_it_is_a_failure_and_without_a_body() {
    let at = stand(ByStatus::new());
    let address = serve(statuses()).await;
    let service = BreakerLayer::new(at.breaker.clone())
        .until(EndOfBody)
        .layer(client());
    let empty = service.clone().oneshot(request(address, "/200/none")).await;
    assert_eq!(at.counts(), (1, 0, 0));
    drop(empty);
    let busy = service.clone().oneshot(request(address, "/503/17")).await;
    assert_eq!(at.counts(), (1, 1, 0));
    assert_eq!(at.snapshot().retry_after, Some(Duration::from_secs(17)));
    let body = busy.expect("admitted").into_body().collect().await;
    assert!(body.expect("sound").to_bytes().is_empty());
    let late = service.oneshot(request(address, "/200/none")).await;
    assert!(late.is_err_and(|e| e.is_rejected()));
    assert_eq!(at.counts(), (1, 1, 0));
}

#[test]
fn a_readers_last_look_is_at_the_last_frame() {
    let at = stand(ErrIsFailure);
    let guard = |body: Full<Bytes>| {
        let permit = at.breaker.try_acquire_owned().expect("closed");
        GuardedBody::guard(Response::new(body), permit, at.breaker.classifier().clone()).into_body()
    };
    // a body that knows its end is not asked once more, and may be dropped
    let mut full = guard(Full::from("all of it"));
    assert_eq!(
        (full.size_hint().exact(), full.is_end_stream()),
        (Some(9), false)
    );
    assert!(now(full.frame()).is_some() && full.is_end_stream());
    assert_eq!(at.counts(), (1, 0, 0));
    assert!(now(full.frame()).is_none());
    drop(full);
    assert_eq!(at.counts(), (1, 0, 0));
    drop(guard(Full::default()));
    assert_eq!(at.counts(), (2, 0, 0));
}

struct Checked;

impl ClassifyBody<io::Error> for Checked {
    fn head(&self, status: StatusCode, _: &HeaderMap) -> Option<Outcome> {
        (status == StatusCode::NO_CONTENT).then_some(Outcome::Ignored)
    }

    fn end(&self, trailers: Option<&HeaderMap>) -> Outcome {
        match trailers {
            Some(trailers) if trailers.contains_key("sum") => Outcome::Success,
            Some(_) => panic!("in the classifier"),
            None => Outcome::Failure(FailureKind::Data),
        }
    }

    fn broken(&self, error: &io::Error) -> Outcome {
        assert_eq!(error.to_string(), "broken");
        Outcome::Failure(FailureKind::Other(1))
    }

    fn panicked(&self) -> Outcome {
        Outcome::Failure(FailureKind::Other(0))
    }
}

#[test]
fn trailers_errors_and_panics_are_ends_too() {
    let at = stand(Checked);
    at.controller.observe_only();
    let guard = |response| {
        let permit = at.breaker.try_acquire_owned().expect("never rejects");
        GuardedBody::guard(response, permit, at.breaker.classifier().clone()).into_body()
    };
    let read = |body: Script| {
        let mut body = guard(Response::new(body.data("x")));
        while let Some(Ok(_)) = now(body.frame()) {}
        let kinds = at.snapshot().failures_by_kind;
        let kind = |kind| kinds.get(kind);
        (
            at.snapshot().totals.successes,
            kind(FailureKind::Data),
            kind(FailureKind::Other(1)),
        )
    };
    assert_eq!(read(Script::default().trailer("sum", "1")), (1, 0, 0));
    assert_eq!(read(Script::default()), (1, 1, 0));
    assert_eq!(read(Script::default().data("y").broken()), (1, 1, 1));
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        read(Script::default().trailer("odd", "1"))
    }));
    assert!(unwound.is_err());
    assert_eq!(at.snapshot().failures_by_kind.get(FailureKind::Other(0)), 1);

    let no_content = Response::builder().status(204).body(Script::default());
    drop(guard(no_content.expect("valid")));
    let totals = at.snapshot().totals;
    assert_eq!((totals.ignored, totals.cancelled), (1, 0));
}

/// A body that looks at the breaker as it is dropped, and panics when it is read.
struct Last(Breaker<Checked>);

impl Drop for Last {
    fn drop(&mut self) {
        let seen = self.0.observer().snapshot();
        assert_eq!(seen.totals.cancelled, 0);
    }
}

impl Body for Last {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        panic!("in the body")
    }
}

#[test]
fn a_panic_in_the_body_is_a_result() {
    let at = stand(Checked);
    let permit = at.breaker.try_acquire_owned().expect("closed");
    let response = Response::new(Last(at.breaker.clone()));
    let response = GuardedBody::guard(response, permit, at.breaker.classifier().clone());
    let mut body = response.into_body();
    assert!(catch_unwind(AssertUnwindSafe(|| now(body.frame()))).is_err());
    assert_eq!(at.snapshot().failures_by_kind.get(FailureKind::Other(0)), 1);
    drop(body);
    assert_eq!(at.counts(), (0, 1, 0));
}

#[test]
fn a_probes_slot_is_its_bodys() {
    let at = stand(Checked);
    at.controller.half_open();
    let permit = at.breaker.try_acquire_owned().expect("the first probe");
    let response = Response::new(Last(at.breaker.clone()));
    let body = GuardedBody::guard(response, permit, at.breaker.classifier().clone()).into_body();
    assert!(at.breaker.try_acquire().is_err());
    assert_eq!(at.snapshot().probes.in_flight, 1);
    drop(body);
    assert_eq!(at.snapshot().probes.in_flight, 0);
}

// On a server

/// A guarded service behind axum: hyper reads the bodies.
#[tokio::test]
async fn a_served_body_counts_when_it_is_sent() {
    let at = stand(ErrIsFailure);
    let service = |body: fn() -> axum::body::Body| {
        ServiceBuilder::new()
            .layer(HandleErrorLayer::new(|error| async move {
                match error {
                    CallError::Rejected(rejected) => {
                        rejected_response::<axum::body::Body>(&rejected)
                    }
                    CallError::<Infallible>::Inner(never) => match never {},
                    _ => StatusCode::GATEWAY_TIMEOUT.into_response(),
                }
            }))
            .layer(BreakerLayer::new(at.breaker.clone()).until(EndOfBody))
            .service_fn(move |_: axum::extract::Request| async move {
                Ok::<_, Infallible>(Response::new(body()))
            })
    };
    let full = service(|| axum::body::Body::from("all of it"));
    let chunks = service(|| axum::body::Body::new(Script::default().data("all").data(" of it")));
    let broken = service(|| axum::body::Body::new(Script::default().data("all").broken()));
    let address = serve(
        Router::new()
            .route_service("/full", full)
            .route_service("/chunks", chunks)
            .route_service("/broken", broken),
    )
    .await;
    // nothing if it breaks off, be it before the head has left
    let read = async |path: &str| {
        let response = client().request(request(address, path)).await.ok()?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.ok()?;
        Some((status, body.to_bytes()))
    };
    let answer = |status, body: &'static str| Some((status, Bytes::from(body)));
    assert_eq!(read("/full").await, answer(200, "all of it"));
    assert_eq!(read("/chunks").await, answer(200, "all of it"));
    assert_eq!(at.counts(), (2, 0, 0));
    assert_eq!(read("/broken").await, None);
    assert_eq!(at.counts(), (2, 1, 0));
    assert_eq!(read("/full").await, answer(503, ""));
}

/// Sends these bytes to whoever connects, and then closes the connection.
async fn scripted(answer: &'static [u8]) -> SocketAddr {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let mut request = [0; 1024];
        assert!(stream.read(&mut request).await.expect("a request") > 0);
        stream.write_all(answer).await.expect("a client that reads");
    });
    address
}

/// Whatever a server sends, a call is counted once, and a probe gives its slot back.
#[tokio::test]
async fn odd_answers_are_counted_once() {
    use FailureKind::{Connect, Data, Overload};

    const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n";
    type Answer = (
        &'static str,
        &'static str,
        &'static str,
        Option<FailureKind>,
    );
    let answers: [Answer; 13] = [
        (
            "GET",
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "",
            None,
        ),
        (
            "GET",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n",
            "ab",
            None,
        ),
        (
            "GET",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n",
            "a",
            Some(Connect),
        ),
        (
            "HEAD",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n",
            "",
            None,
        ),
        ("GET", "HTTP/1.0 200 OK\r\n\r\n", "until its end", None),
        ("GET", CHUNKED, "0\r\nchecksum: 7\r\n\r\n", None),
        ("GET", CHUNKED, "", Some(Connect)),
        ("GET", CHUNKED, "no number\r\n", Some(Connect)),
        (
            "GET",
            "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
            "",
            None,
        ),
        (
            "GET",
            "HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n",
            "",
            None,
        ),
        (
            "HEAD",
            "HTTP/1.1 503 Busy\r\nretry-after: -1\r\ncontent-length: 9\r\n\r\n",
            "",
            Some(Overload),
        ),
        ("GET", "HTTP/1.1 999 Odd\r\n\r\n", "", Some(Data)),
        ("GET", "SSH-2.0-OpenSSH\r\n", "", Some(Connect)),
    ];
    for (method, head, rest, failure) in answers {
        let at = stand(ByStatus::new());
        at.controller.half_open();
        let answer = format!("{head}{rest}").into_bytes().leak();
        let mut request = request(scripted(answer).await, "/");
        *request.method_mut() = method.parse().expect("a method");
        let layer = BreakerLayer::new(at.breaker.clone()).until(EndOfBody);
        if let Ok(response) = layer.layer(client()).oneshot(request).await {
            let _ = response.into_body().collect().await;
        }
        let failed = u64::from(failure.is_some());
        assert_eq!(at.counts(), (1 - failed, failed, 0), "{head}{rest}");
        if let Some(kind) = failure {
            assert_eq!(at.snapshot().failures_by_kind.get(kind), 1, "{head}{rest}");
        }
        assert_eq!(at.snapshot().probes.in_flight, 0, "{head}{rest}");
    }
}

/// A server drops the body of such an answer unread.
#[tokio::test]
async fn an_answer_to_head_counts_by_its_headers_if_its_body_is_empty() {
    for (body, counts) in [("all of it", (0, 0, 1)), ("", (1, 0, 0))] {
        let at = stand(ByStatus::new());
        let service = ServiceBuilder::new()
            .layer(HandleErrorLayer::new(async |_: CallError<Infallible>| {
                StatusCode::BAD_GATEWAY
            }))
            .layer(BreakerLayer::new(at.breaker.clone()).until(EndOfBody))
            .service_fn(move |_: axum::extract::Request| async move {
                Ok::<_, Infallible>(Response::new(axum::body::Body::from(body)))
            });
        let address = serve(Router::new().route_service("/", service)).await;
        let mut request = request(address, "/");
        *request.method_mut() = http::Method::HEAD;
        let answer = client().request(request).await.expect("an answer");
        assert_eq!(answer.status(), 200);
        assert_eq!(at.counts(), counts, "{body:?}");
    }
}
