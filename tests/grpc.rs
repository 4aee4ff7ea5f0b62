//! gRPC on loopback: tonic's server and client, statuses in heads and trailers, streams.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Response};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::mpsc;
use tonic::body::Body;
use tonic::codegen::tokio_stream::Stream;
use tonic::transport::{Channel, Endpoint, Server, server::TcpIncoming};
use tonic::{Request, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tower::{Layer, ServiceBuilder};
use tripcoil::classify::IgnoreRejections;
use tripcoil::grpc::{ByCode, Code, rejected_response};
use tripcoil::http::{ClassifyBody, EndOfBody};
use tripcoil::tower::{BreakerLayer, BreakerService};
use tripcoil::{
    Backoff, Breaker, CallError, Classify, Controller, FailureKind, HalfOpen, ManualClock, Outcome,
    Snapshot, State,
};

const OPEN_FOR: Duration = Duration::from_secs(10);

struct Stand<C> {
    breaker: Breaker<C>,
    controller: Controller,
    clock: ManualClock,
}

/// Trips at one failure, closes at one success.
fn stand<C>(classifier: C) -> Stand<C> {
    let clock = ManualClock::new();
    let (breaker, controller) = Breaker::builder("health")
        .classifier(classifier)
        .clock(&clock)
        .consecutive_failures(1)
        .open_for(Backoff::exponential(OPEN_FOR, 1.0))
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

    /// Successes, failures, ignored, cancelled.
    fn counts(&self) -> (u64, u64, u64, u64) {
        let t = self.snapshot().totals;
        (t.successes, t.failures, t.ignored, t.cancelled)
    }
}

/// `check` answers with the code that it is asked about, `watch` with what the test says.
struct Told(tokio::sync::Mutex<Option<Saying>>);

type Said = Result<ServingStatus, Status>;

struct Saying(mpsc::UnboundedReceiver<Said>);

impl Stream for Saying {
    type Item = Result<HealthCheckResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx).map(|said| Some(said?.map(answer)))
    }
}

fn answer(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse {
        status: status.into(),
    }
}

#[tonic::async_trait]
impl Health for Told {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<tonic::Response<HealthCheckResponse>, Status> {
        let service = request.into_inner().service;
        let (code, pushback) = service.split_once(' ').unwrap_or((&service, ""));
        let code = tonic::Code::from_i32(code.parse().expect("a number"));
        if code == tonic::Code::Ok {
            return Ok(tonic::Response::new(answer(ServingStatus::Serving)));
        }
        let mut status = Status::new(code, "as asked");
        if !pushback.is_empty() {
            let pushback = pushback.parse().expect("visible");
            status
                .metadata_mut()
                .insert("grpc-retry-pushback-ms", pushback);
        }
        Err(status)
    }

    type WatchStream = Saying;

    async fn watch(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<tonic::Response<Saying>, Status> {
        let saying = self.0.lock().await.take();
        Ok(tonic::Response::new(saying.expect("one stream")))
    }
}

fn health() -> (HealthServer<Told>, mpsc::UnboundedSender<Said>) {
    let (say, said) = mpsc::unbounded_channel();
    (HealthServer::new(Told(Some(Saying(said)).into())), say)
}

async fn port() -> (TcpIncoming, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a port");
    let address = listener.local_addr().expect("bound");
    (TcpIncoming::from(listener), address)
}

async fn serve() -> (Channel, mpsc::UnboundedSender<Said>) {
    let (health, say) = health();
    let (incoming, address) = port().await;
    let server = Server::builder().add_service(health);
    tokio::spawn(server.serve_with_incoming(incoming));
    (channel(address), say)
}

fn channel(address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}"))
        .expect("valid")
        .connect_lazy()
}

type Guarded = BreakerService<Channel, Breaker<ByCode>, EndOfBody>;

fn guarded(at: &Stand<ByCode>, channel: Channel) -> HealthClient<Guarded> {
    let layer = BreakerLayer::new(at.breaker.clone()).until(EndOfBody);
    HealthClient::new(layer.layer(channel))
}

fn about(service: impl ToString) -> HealthCheckRequest {
    HealthCheckRequest {
        service: service.to_string(),
    }
}

/// The table of the module's documentation.
fn by_the_book(code: i32) -> Outcome {
    match code {
        0 | 3 | 5 | 6 | 7 | 9 | 10 | 11 | 12 | 16 => Outcome::Success,
        1 => Outcome::Ignored,
        4 => Outcome::Failure(FailureKind::Timeout),
        8 => Outcome::Failure(FailureKind::Overload),
        14 => Outcome::Failure(FailureKind::Connect),
        15 => Outcome::Failure(FailureKind::Data),
        _ => Outcome::Failure(FailureKind::Server),
    }
}

fn metadata<const N: usize>(entries: [(&'static str, &'static str); N]) -> HeaderMap {
    HeaderMap::from_iter(entries.map(|(name, value)| {
        let name = HeaderName::from_static(name);
        (name, HeaderValue::from_static(value))
    }))
}

// Classes

#[test]
fn each_code_has_its_class() {
    let by_code = ByCode::new();
    let pushback = metadata([("grpc-retry-pushback-ms", "1500")]);
    for number in -1..20 {
        let (code, expected) = (Code::from(number), by_the_book(number));
        assert_eq!(by_code.outcome(code, &HeaderMap::new()), expected, "{code}");
        let wait = Duration::from_millis(1500);
        let expected = expected.with_retry_after(wait);
        assert_eq!(by_code.outcome(code, &pushback), expected, "{code}");
    }
}

#[test]
fn an_override_has_the_first_word() {
    let own = Outcome::Failure(FailureKind::Other(0)).with_retry_after(Duration::ZERO);
    let client = Outcome::Failure(FailureKind::Client);
    let by_code = ByCode::new()
        .overriding(|code, metadata| match code {
            Code::Internal => Some(Outcome::Success),
            Code::NotFound => Some(client),
            Code::DataLoss if metadata.contains_key("partial") => Some(own),
            _ => None,
        })
        .errors(|error: &u8| match error {
            0 => Outcome::Ignored,
            _ => client,
        });
    let headers = metadata([("partial", "1"), ("grpc-retry-pushback-ms", "2000")]);
    let wait = Duration::from_secs(2);
    assert_eq!(by_code.outcome(Code::Internal, &headers), Outcome::Success);
    assert_eq!(
        by_code.outcome(Code::NotFound, &headers),
        client.with_retry_after(wait)
    );
    assert_eq!(by_code.outcome(Code::DataLoss, &headers), own);
    let data = Outcome::Failure(FailureKind::Data);
    assert_eq!(by_code.outcome(Code::DataLoss, &HeaderMap::new()), data);
    assert_eq!(
        by_code.classify(&Err::<Response<()>, _>(0)),
        Outcome::Ignored
    );
    assert_eq!(by_code.classify(&Err::<Response<()>, _>(1)), client);
}

#[test]
fn an_answer_that_is_not_grpcs_goes_by_its_http_status() {
    let by_code = ByCode::new();
    for (http, code) in [
        (400, 13),
        (401, 16),
        (403, 7),
        (404, 12),
        (429, 14),
        (500, 2),
        (502, 14),
        (503, 14),
        (504, 14),
        (302, 2),
    ] {
        let response = Response::builder().status(http).body(()).expect("valid");
        assert_eq!(
            by_code.classify(&Ok::<_, ()>(response)),
            by_the_book(code),
            "{http}"
        );
        // a status of gRPC's own goes before
        let response = Response::builder().status(http).header("grpc-status", "8");
        let response: Result<_, ()> = Ok(response.body(()).expect("valid"));
        assert_eq!(by_code.classify(&response), by_the_book(8), "{http}");
    }
    let response: Result<_, ()> = Ok(Response::new(()));
    assert_eq!(by_code.classify(&response), Outcome::Success);
    assert_eq!(
        by_code.classify(&Err::<Response<()>, _>(())),
        by_the_book(14)
    );
}

#[test]
fn a_body_ends_with_its_status() {
    let by_code: &dyn ClassifyBody<()> = &ByCode::new();
    let ok = http::StatusCode::OK;
    assert_eq!(by_code.head(ok, &HeaderMap::new()), None);
    let unavailable = metadata([("grpc-status", "14")]);
    assert_eq!(by_code.head(ok, &unavailable), Some(by_the_book(14)));
    assert_eq!(by_code.end(Some(&unavailable)), by_the_book(14));
    assert_eq!(
        by_code.end(Some(&metadata([("grpc-status", "0")]))),
        Outcome::Success
    );
    let none = Outcome::Failure(FailureKind::Data);
    assert_eq!(by_code.end(None), none);
    assert_eq!(by_code.end(Some(&metadata([("checksum", "0")]))), none);
    assert_eq!(by_code.broken(&()), Outcome::Failure(FailureKind::Connect));
}

// Over the wire

#[tokio::test]
async fn a_channel_counts_each_call_by_its_code() {
    let at = stand(ByCode::new());
    at.controller.observe_only();
    let (channel, _say) = serve().await;
    let mut client = guarded(&at, channel);
    for number in 0..=16 {
        let (before, kinds) = (at.counts(), at.snapshot().failures_by_kind);
        let code = client
            .check(about(number))
            .await
            .map_err(|e| e.code() as i32);
        assert_eq!(code.map(|_| 0).unwrap_or_else(|code| code), number);
        let (s, f, i, c) = before;
        match by_the_book(number) {
            Outcome::Success => assert_eq!(at.counts(), (s + 1, f, i, c), "{number}"),
            Outcome::Ignored => assert_eq!(at.counts(), (s, f, i + 1, c), "{number}"),
            Outcome::Failure(kind) | Outcome::FailureRetryAfter(kind, _) => {
                assert_eq!(at.counts(), (s, f + 1, i, c), "{number}");
                let now = at.snapshot().failures_by_kind;
                assert_eq!(now.get(kind), kinds.get(kind) + 1, "{number}");
            }
            other => panic!("{other:?} is new"),
        }
    }
}

#[tokio::test]
async fn a_channel_trips_waits_as_it_is_told_and_recovers() {
    let at = stand(ByCode::new());
    let (channel, _say) = serve().await;
    let mut client = guarded(&at, channel);
    let _ = client.check(about("14 12500")).await;
    assert_eq!(
        at.snapshot().retry_after,
        Some(Duration::from_millis(12_500))
    );
    let rejected = client.check(about(0)).await.expect_err("open");
    assert!(rejected.message().contains("open"), "{rejected:?}");
    assert_eq!(rejected.code(), tonic::Code::Unavailable);
    assert_eq!(
        rejected.metadata().get("grpc-retry-pushback-ms").unwrap(),
        "12500"
    );
    at.clock.advance(Duration::from_millis(12_500));
    client.check(about(0)).await.expect("a probe");
    assert_eq!(at.breaker.state(), State::Closed);
    // no wait of its own
    for pushback in ["14 -1", "14 soon"] {
        let _ = client.check(about(pushback)).await;
        assert_eq!(at.snapshot().retry_after, Some(OPEN_FOR), "{pushback}");
        at.controller.reset();
    }
    assert_eq!(
        (at.counts(), at.snapshot().totals.rejected),
        ((1, 3, 0, 0), 1)
    );
}

#[tokio::test]
async fn a_stream_counts_by_the_status_at_its_end() {
    let at = stand(ByCode::new());
    let (channel, say) = serve().await;
    let stream = guarded(&at, channel).watch(about("")).await;
    let mut stream = stream.expect("opened").into_inner();
    say.send(Ok(ServingStatus::Serving)).expect("served");
    assert!(stream.message().await.expect("sound").is_some());
    assert_eq!(at.counts(), (0, 0, 0, 0));
    say.send(Err(Status::internal("bug"))).expect("served");
    let status = stream.message().await.expect_err("broken");
    assert_eq!(status.code(), tonic::Code::Internal);
    assert_eq!(at.counts(), (0, 1, 0, 0));
    drop(stream);
    assert_eq!((at.counts(), at.snapshot().totals.late), ((0, 1, 0, 0), 0));
}

#[tokio::test]
async fn a_stream_that_ends_well_is_a_success_and_one_that_is_dropped_is_cancelled() {
    for whole in [true, false] {
        let at = stand(ByCode::new());
        let (channel, say) = serve().await;
        let stream = guarded(&at, channel).watch(about("")).await;
        let mut stream = stream.expect("opened").into_inner();
        say.send(Ok(ServingStatus::Serving)).expect("served");
        assert!(stream.message().await.expect("sound").is_some());
        if whole {
            drop(say);
            assert!(stream.message().await.expect("sound").is_none());
            assert_eq!(at.counts(), (1, 0, 0, 0));
        }
        drop(stream);
        let (done, dropped) = (u64::from(whole), u64::from(!whole));
        assert_eq!(at.counts(), (done, 0, 0, dropped));
    }
}

#[tokio::test]
async fn a_call_that_ends_with_its_head_does_not_wait_for_the_stream() {
    let at = stand(ByCode::new());
    let (channel, say) = serve().await;
    let mut client = HealthClient::new(BreakerLayer::new(at.breaker.clone()).layer(channel));
    let mut stream = client.watch(about("")).await.expect("opened").into_inner();
    assert_eq!(at.counts(), (1, 0, 0, 0));
    say.send(Err(Status::internal("bug"))).expect("served");
    assert!(stream.message().await.is_err());
    assert_eq!(at.counts(), (1, 0, 0, 0));
    // an error without an answer has its status in the head
    assert!(client.check(about(13)).await.is_err());
    assert_eq!(at.counts(), (1, 1, 0, 0));
}

#[tokio::test]
async fn a_rejection_is_unavailable_to_the_client_that_wants_a_status() {
    let at = stand(ByCode::new());
    // taken, but nobody listens
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .bind((Ipv4Addr::LOCALHOST, 0).into())
        .expect("a port");
    let nobody = socket.local_addr().expect("bound");
    let service = ServiceBuilder::new()
        .map_result(|result| match result {
            Err(CallError::Rejected(rejected)) => Ok(rejected_response(&rejected)),
            other => other,
        })
        .layer(BreakerLayer::new(at.breaker.clone()))
        .service(channel(nobody));
    let mut client = HealthClient::new(service);
    let status = client.check(about(0)).await.expect_err("nobody");
    assert_eq!(
        at.snapshot().failures_by_kind.get(FailureKind::Connect),
        1,
        "{status}"
    );
    at.clock.advance(Duration::from_micros(8_500_500));
    let status = client.check(about(0)).await.expect_err("open");
    assert_eq!(status.code(), tonic::Code::Unavailable);
    assert_eq!(
        status.message(),
        "the breaker is open (consecutive failures)"
    );
    let pushback = status.metadata().get("grpc-retry-pushback-ms");
    assert_eq!(pushback.expect("known"), "1500");
    at.controller.force_open();
    let status = client.check(about(0)).await.expect_err("open");
    assert_eq!(status.message(), "the breaker is forced open (manual)");
    assert!(status.metadata().get("grpc-retry-pushback-ms").is_none());
    assert_eq!(at.counts(), (0, 1, 0, 0));
}

#[tokio::test]
async fn a_clients_own_results_are_classified_by_number_and_metadata() {
    let by_code = ByCode::new();
    let at = stand(
        move |result: &Result<tonic::Response<HealthCheckResponse>, Status>| match result {
            Ok(_) => Outcome::Success,
            Err(status) => {
                by_code.outcome(Code::from(status.code() as i32), status.metadata().as_ref())
            }
        },
    );
    let (channel, _say) = serve().await;
    let mut client = HealthClient::new(channel);
    for (ask, counts) in [
        ("0", (1, 0, 0, 0)),
        ("5", (2, 0, 0, 0)),
        ("1", (2, 0, 1, 0)),
        ("8 70000", (2, 1, 1, 0)),
    ] {
        let _ = at.breaker.call_async(client.check(about(ask))).await;
        assert_eq!(at.counts(), counts, "{ask}");
    }
    assert_eq!(at.snapshot().retry_after, Some(Duration::from_secs(70)));
    let rejected = at.breaker.call_async(client.check(about(0))).await;
    assert!(rejected.is_err_and(|e| e.is_rejected()));
}

/// As the module's documentation shows the layer, and its variations: nothing stands around it.
#[tokio::test]
async fn what_the_layer_rejects_is_unavailable_with_a_pushback() {
    async fn asked<C>(classifier: C)
    where
        C: Classify<Response<Body>, tonic::transport::Error>,
        C: ClassifyBody<Status> + Send + Sync + 'static,
    {
        let at = stand(classifier);
        let (channel, _say) = serve().await;
        let guarded = BreakerLayer::new(at.breaker.clone())
            .until(EndOfBody)
            .layer(channel);
        let mut client = HealthClient::new(guarded);
        client.check(about(0)).await.expect("healthy");

        at.controller.trip_for(Duration::from_micros(1500));
        let status = client.check(about(0)).await.expect_err("open");
        assert_eq!(status.code(), tonic::Code::Unavailable);
        let pushback = status.metadata().get("grpc-retry-pushback-ms");
        assert_eq!(pushback.expect("known"), "2");
        assert_eq!(status.message(), "the breaker 'health' is open (manual)");
        let stream = client.watch(about("")).await.expect_err("open");
        assert_eq!(stream.code(), tonic::Code::Unavailable);

        at.controller.force_open();
        let status = client.check(about(0)).await.expect_err("forced open");
        assert_eq!(status.code(), tonic::Code::Unavailable);
        assert!(status.metadata().get("grpc-retry-pushback-ms").is_none());
        assert_eq!(at.snapshot().totals.rejected, 3);
        assert_eq!(at.counts(), (1, 0, 0, 0));
    }
    asked(ByCode::new()).await;
    asked(ByCode::new().overriding(|_, _| Some(Outcome::Success))).await;
    asked(std::sync::Arc::new(ByCode::new())).await;
    asked(IgnoreRejections::new(ByCode::new())).await;
}

/// A generated client is asked to come back when the outage is likely to be over.
#[cfg(feature = "insight")]
#[tokio::test]
async fn the_pushback_may_be_the_wait_that_is_expected() {
    let at = stand(ByCode::new());
    let insight = tripcoil::insight::Insight::new(&at.breaker.observer());
    let (channel, _say) = serve().await;
    let layer = BreakerLayer::new(at.breaker.clone()).until(EndOfBody);
    let expecting = layer.clone().expecting(&insight, Duration::from_secs(9));
    // of another breaker, it says nothing of this one
    let other = Breaker::builder("other").build().expect("valid");
    let others = tripcoil::insight::Insight::new(&other.observer());
    let of_other = layer.clone().expecting(&others, Duration::from_secs(9));
    let permit = at.breaker.try_acquire().expect("closed");
    permit.failure(FailureKind::Server);
    let _learns = insight.report();
    let plain = layer.layer(channel.clone());
    let mut clients = (
        HealthClient::new(plain),
        HealthClient::new(expecting.layer(channel.clone())),
        HealthClient::new(of_other.layer(channel)),
    );
    let pushback = |status: Status| {
        assert_eq!(status.code(), tonic::Code::Unavailable);
        let pushback = status.metadata().get("grpc-retry-pushback-ms")?;
        Some(pushback.to_str().expect("digits").to_owned())
    };
    for (seconds, wait, expected) in [
        (0, "10000", "10000"),
        (8, "2000", "8000"),
        (1, "1000", "9000"),
    ] {
        at.clock.advance(Duration::from_secs(seconds));
        let status = clients.0.check(about(0)).await.expect_err("open");
        assert_eq!(pushback(status).as_deref(), Some(wait));
        let status = clients.1.check(about(0)).await.expect_err("open");
        assert_eq!(pushback(status).as_deref(), Some(expected));
        let status = clients.2.check(about(0)).await.expect_err("open");
        assert_eq!(pushback(status).as_deref(), Some(wait));
    }
    at.controller.force_open();
    let status = clients.1.check(about(0)).await.expect_err("forced open");
    assert_eq!(pushback(status), None);
}

/// The answer is not taken for the dependency's by a breaker around the layer.
#[tokio::test]
async fn a_breaker_around_the_layer_ignores_its_answers() {
    let (inner, outer) = (stand(ByCode::new()), stand(ByCode::new()));
    let (channel, _say) = serve().await;
    let layers = ServiceBuilder::new()
        .layer(BreakerLayer::new(outer.breaker.clone()).until(EndOfBody))
        .layer(BreakerLayer::new(inner.breaker.clone()).until(EndOfBody));
    let mut client = HealthClient::new(layers.service(channel.clone()));
    inner.controller.force_open();
    for _ in 0..5 {
        let status = client.check(about(0)).await.expect_err("rejected inside");
        assert_eq!(status.code(), tonic::Code::Unavailable);
    }
    assert_eq!(outer.counts(), (0, 0, 5, 0));

    // by the head alone too
    let layers = ServiceBuilder::new()
        .layer(BreakerLayer::new(outer.breaker.clone()))
        .layer(BreakerLayer::new(inner.breaker.clone()).until(EndOfBody));
    let mut client = HealthClient::new(layers.service(channel));
    client.check(about(0)).await.expect_err("rejected inside");
    assert_eq!(outer.counts(), (0, 0, 6, 0));
}

/// A generated client's status has the answer's headers alone. It is a rejection there too, if it is of this
/// process.
#[tokio::test]
async fn a_breaker_around_a_generated_client_ignores_the_layers_answers() {
    fn classified<T>(by_code: ByCode) -> impl Fn(&Result<T, Status>) -> Outcome {
        move |result: &Result<T, Status>| match result {
            Ok(_) => Outcome::Success,
            Err(status) => {
                by_code.outcome(Code::from(status.code() as i32), status.metadata().as_ref())
            }
        }
    }
    let inner = stand(ByCode::new());
    let (channel, _say) = serve().await;
    let mut client = guarded(&inner, channel.clone());
    let outer = stand(classified(ByCode::new()));
    let of_streams = outer
        .breaker
        .classified_by(std::sync::Arc::new(classified(ByCode::new())));
    let ways: [fn(&Controller) -> bool; 3] = [
        Controller::trip,
        |inner| {
            inner.reset();
            inner.half_open()
        },
        Controller::force_open,
    ];
    for (way, n) in ways.into_iter().zip(1..) {
        assert!(way(&inner.controller));
        // its only slot, if it is half-open
        let _probe = inner.breaker.try_acquire_owned();
        let check = outer.breaker.call_async(client.check(about(0))).await;
        assert!(matches!(check, Err(CallError::Inner(_))));
        let watch = of_streams.call_async(client.watch(about(""))).await;
        assert!(matches!(watch, Err(CallError::Inner(_))));
        assert_eq!(outer.counts(), (0, 0, 2 * n, 0));
    }
    // answered by hand, around a layer whose calls end with the head
    let by_hand = ServiceBuilder::new()
        .map_result(|result| match result {
            Err(CallError::Rejected(rejected)) => Ok(rejected_response(&rejected)),
            other => other,
        })
        .layer(BreakerLayer::new(inner.breaker.clone()))
        .service(channel);
    let mut client = HealthClient::new(by_hand);
    let check = outer.breaker.call_async(client.check(about(0))).await;
    assert!(matches!(check, Err(CallError::Inner(_))));
    assert_eq!(outer.counts(), (0, 0, 7, 0));
    // of another process it is the dependency's answer, as any other
    let failed = Outcome::Failure(FailureKind::Connect);
    for number in ["", "1", "18446744073709551616", "x"] {
        let of_another = metadata([("tripcoil-rejected", number)]);
        let outcome = ByCode::new().outcome(Code::Unavailable, &of_another);
        assert_eq!(outcome, failed, "{number:?}");
    }
}

#[tokio::test]
async fn a_server_can_guard_itself() {
    let at = stand(ByCode::new());
    let (health, say) = health();
    let (incoming, address) = port().await;
    let layer = ServiceBuilder::new()
        .map_result(|result: Result<Response<_>, _>| match result {
            Ok(response) => Ok::<_, CallError<Infallible>>(response.map(Body::new)),
            Err(CallError::Rejected(rejected)) => Ok(rejected_response(&rejected)),
            Err(other) => Err(other),
        })
        .layer(BreakerLayer::new(at.breaker.clone()).until(EndOfBody))
        .into_inner();
    let server = Server::builder().layer(layer).add_service(health);
    tokio::spawn(server.serve_with_incoming(incoming));
    let mut client = HealthClient::new(channel(address));

    client.check(about(0)).await.expect("healthy");
    assert_eq!(at.counts(), (1, 0, 0, 0));
    let mut stream = client.watch(about("")).await.expect("opened").into_inner();
    say.send(Err(Status::resource_exhausted("enough")))
        .expect("served");
    let status = stream.message().await.expect_err("shed");
    assert_eq!(status.code(), tonic::Code::ResourceExhausted);
    assert_eq!(at.snapshot().failures_by_kind.get(FailureKind::Overload), 1);
    let status = client.check(about(0)).await.expect_err("open");
    assert_eq!(status.code(), tonic::Code::Unavailable);
    assert_eq!(at.snapshot().totals.rejected, 1);
    at.clock.advance(OPEN_FOR);
    client.check(about(0)).await.expect("a probe");
    assert_eq!(at.breaker.state(), State::Closed);
}
