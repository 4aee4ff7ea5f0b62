//! What a program meets every day: spawned calls, `?` into other crates' errors, breakers in fields, the
//! prelude beside other crates, configurations compared, and `{:?}` in a log.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

use std::fmt::Debug;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tripcoil::classify::{ByRef, ErrIsFailure};
use tripcoil::{
    Backoff, Breaker, CallError, Classify, Clock, Config, ConfigError, FailureKind, ManualClock,
    Outcome, State, Window,
};

#[cfg(all(feature = "http", feature = "tower"))]
mod prelude {
    //! Beside the crates `http` and `tower`, whose names are modules of this one.
    use http::StatusCode;
    use tower::{ServiceBuilder, service_fn};
    use tripcoil::prelude::*;

    #[test]
    fn the_prelude_stands_beside_the_crates_http_and_tower() {
        let _ =
            ServiceBuilder::new().service(service_fn(|()| async { Ok::<_, ()>(StatusCode::OK) }));
        let (breaker, controller): (Breaker, Controller) = Breaker::builder("prelude")
            .window(Window::count(10))
            .half_open(HalfOpen::successes(1))
            .open_for(Backoff::default())
            .clock(Clock::precise())
            .on_cancel(OnCancel::Ignored)
            .build_with_controller()
            .unwrap();
        let _: Result<(), CallError<()>> = breaker.call(|| Ok(()));
        controller.force_open();
        let rejected: Rejected = breaker.try_acquire().unwrap_err();
        assert_eq!(rejected.state(), State::ForcedOpen);
    }
}

#[tokio::test]
async fn a_call_is_spawned_as_it_is() {
    async fn answer() -> Result<u32, std::io::Error> {
        tokio::task::yield_now().await;
        Ok(7)
    }
    let (breaker, controller) = Breaker::builder("spawned").build_with_controller().unwrap();
    let task = tokio::spawn(breaker.call_async_owned(answer()));
    assert_eq!(task.await.unwrap().unwrap(), 7);

    // it keeps what it needs
    let task = tokio::spawn({
        let short_lived = breaker.clone();
        short_lived.call_async_owned(answer())
    });
    assert_eq!(task.await.unwrap().unwrap(), 7);
    let closure = |_: &Result<u32, std::io::Error>| Outcome::Failure(FailureKind::Data);
    let judged = breaker.classified_by(Arc::new(closure));
    let task = tokio::spawn(judged.call_async_owned(answer()));
    assert_eq!(task.await.unwrap().unwrap(), 7);
    let totals = controller.observer().snapshot().totals;
    assert_eq!((totals.successes, totals.failures), (2, 1));

    // admitted at the first poll, and cancelled when it is dropped
    let call = breaker.call_async_owned(std::future::pending::<Result<(), ()>>());
    controller.force_open();
    assert!(
        tokio::spawn(call)
            .await
            .unwrap()
            .is_err_and(|e| e.is_rejected())
    );
    controller.release();
    let task = tokio::spawn(breaker.call_async_owned(std::future::pending::<Result<(), ()>>()));
    tokio::task::yield_now().await;
    task.abort();
    assert!(task.await.is_err_and(|e| e.is_cancelled()));
    assert_eq!(controller.observer().snapshot().totals.cancelled, 1);
}

#[cfg(feature = "tokio")]
#[tokio::test(start_paused = true)]
async fn a_call_with_a_limit_is_spawned_as_it_is() {
    let breaker = Breaker::builder("spawned").build().unwrap();
    let limit = Duration::from_secs(1);
    let never = std::future::pending::<Result<(), ()>>();
    let task = tokio::spawn(breaker.call_timeout_owned(limit, never));
    assert_eq!(task.await.unwrap(), Err(CallError::TimedOut(limit)));
    assert_eq!(breaker.observer().snapshot().totals.failures, 1);
}

#[test]
fn errors_that_are_no_error_themselves_have_a_way() {
    fn asked(breaker: &Breaker, f: impl FnOnce() -> anyhow::Result<u32>) -> anyhow::Result<u32> {
        Ok(breaker.call(f).map_err(CallError::boxed)? + 1)
    }
    let (breaker, controller) = Breaker::builder("anyhow").build_with_controller().unwrap();
    assert_eq!(asked(&breaker, || Ok(6)).unwrap(), 7);

    let refused = || anyhow::Context::context("x".parse::<u32>(), "the answer's length");
    let error = asked(&breaker, refused).unwrap_err();
    let text = "the answer's length: invalid digit found in string";
    assert_eq!(format!("{error:#}"), text);
    let debug = format!("{error:?}");
    assert_eq!(debug.matches("the answer's length").count(), 1, "{debug}");
    assert_eq!(debug.matches("invalid digit").count(), 1, "{debug}");

    controller.force_open();
    let error = asked(&breaker, || Ok(6)).unwrap_err();
    let text = "call not made: the breaker is forced open (manual)";
    assert_eq!(format!("{error:#}"), text);
    let rejected = error
        .chain()
        .find_map(|e| e.downcast_ref::<tripcoil::Rejected>());
    assert_eq!(rejected.map(|r| r.state()), Some(State::ForcedOpen));
    controller.release();

    // `?` into a box, of texts and of boxes
    fn plain_text(breaker: &Breaker) -> Result<(), Box<dyn std::error::Error>> {
        Ok(breaker
            .call(|| Err::<(), _>("no route"))
            .map_err(CallError::boxed)?)
    }
    fn boxed(breaker: &Breaker) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let refused = || -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
            Ok("x".parse::<u32>().map(drop)?)
        };
        Ok(breaker.call(refused).map_err(CallError::boxed)?)
    }
    assert_eq!(plain_text(&breaker).unwrap_err().to_string(), "no route");
    let error = boxed(&breaker).unwrap_err();
    assert_eq!(error.to_string(), "invalid digit found in string");
    assert!(error.source().is_none());
    // an error that is one needs no way
    fn plain(breaker: &Breaker) -> anyhow::Result<u32> {
        Ok(breaker.call(|| "x".parse::<u32>())?)
    }
    let error = plain(&breaker).unwrap_err();
    assert_eq!(format!("{error:#}"), "invalid digit found in string");
}

type Judged = Result<u8, String>;

struct Stubborn;

impl Classify<u8, String> for Stubborn {
    fn classify(&self, _: &Judged) -> Outcome {
        Outcome::Ignored
    }
}

/// Each form as the type of a field, with calls through it.
#[test]
fn a_breaker_with_any_classifier_stands_in_a_field() {
    type Closure = dyn Fn(&Judged) -> Outcome + Send + Sync;

    struct Fields<'a> {
        closure: Breaker<Arc<Closure>>,
        boxed_closure: Breaker<Box<Closure>>,
        pointer: Breaker<fn(&Judged) -> Outcome>,
        shared: Breaker<Arc<dyn Classify<u8, String> + Send + Sync>>,
        boxed: Breaker<Box<dyn Classify<u8, String> + Send + Sync>>,
        owned: Breaker<Arc<Stubborn>>,
        local: Breaker<Rc<Stubborn>>,
        lent: Breaker<&'a (dyn Classify<u8, String> + Sync)>,
        by_ref: Breaker<ByRef<'a, Stubborn>>,
        default: Breaker<&'a ErrIsFailure>,
    }
    fn build<C>(classifier: C) -> Breaker<C> {
        Breaker::builder("field")
            .classifier(classifier)
            .build()
            .unwrap()
    }
    #[track_caller]
    fn calls<C: Classify<u8, String>>(breaker: &Breaker<C>, ignored: u64) {
        let local = breaker.local();
        assert_eq!(breaker.call(|| Ok(7)), Ok(7));
        assert_eq!(local.call(|| Ok(7)), Ok(7));
        assert_eq!(breaker.with_slow_call(Duration::ZERO).call(|| Ok(7)), Ok(7));
        assert_eq!(breaker.observer().snapshot().totals.ignored, ignored);
    }
    let closure = |_: &Judged| Outcome::Ignored;
    let fields = Fields {
        closure: build(Arc::new(closure)),
        boxed_closure: build(Box::new(closure)),
        pointer: build(closure),
        shared: build(Arc::new(Stubborn)),
        boxed: build(Box::new(Stubborn)),
        owned: build(Arc::new(Stubborn)),
        local: build(Rc::new(Stubborn)),
        lent: build(&Stubborn),
        by_ref: build(ByRef::new(&Stubborn)),
        default: build(&ErrIsFailure),
    };
    calls(&fields.closure, 3);
    calls(&fields.boxed_closure, 3);
    calls(&fields.pointer, 3);
    calls(&fields.shared, 3);
    calls(&fields.boxed, 3);
    calls(&fields.owned, 3);
    calls(&fields.local, 3);
    calls(&fields.lent, 3);
    calls(&fields.by_ref, 3);
    calls(&fields.default, 0);
}

#[test]
fn configurations_are_compared() {
    let clock = ManualClock::new();
    let config = || Config {
        window: Window::count(9),
        open_for: Backoff::constant(Duration::from_secs(5)),
        clock: (&clock).into(),
        ..Config::default()
    };
    assert_eq!(config(), config());
    assert_eq!(config(), config().clone());
    assert_eq!(Config::default(), Config::default());
    let other = |change: fn(&mut Config)| {
        let mut other = config();
        change(&mut other);
        assert_ne!(config(), other);
    };
    other(|c| c.window = Window::count(8));
    other(|c| c.failure_rate = None);
    other(|c| c.initial_state = State::Disabled);
    other(|c| c.clock = ManualClock::new().into());
    other(|c| c.clock = Clock::coarse());
    assert_ne!(Clock::coarse(), Clock::precise());
    assert_eq!(Clock::upkeep(), Clock::upkeep());
}

/// `{:?}` of anything that leads to a breaker is a line, whatever is in the breaker.
#[test]
fn debug_output_is_short() {
    const MOST: usize = 120;
    #[track_caller]
    fn short(value: &impl Debug, begins: &str) {
        let text = format!("{value:?}");
        assert!(text.len() <= MOST, "{} bytes: {text:.400}", text.len());
        assert!(text.starts_with(begins), "{text}");
        assert!(text.contains("orders") && text.contains("Closed"), "{text}");
        assert!(text.ends_with(".. }") || text.ends_with(".. })"), "{text}");
    }
    let closure = |_: &Result<(), ()>| Outcome::Success;
    let (breaker, controller) = Breaker::builder("orders")
        .window(Window::count(1_000_000))
        .durations(true)
        .classifier(closure)
        .build_with_controller()
        .unwrap();
    let observer = breaker.observer();
    let subscription = observer.subscribe(|_| {});
    let epochs = observer.subscribe_epochs(|_| {});
    for _ in 0..1000 {
        let _ = breaker.call(|| Ok(()));
    }
    short(&breaker, r#"Breaker { name: "orders", state: Closed, .. }"#);
    short(&controller, "Controller {");
    short(&observer, "Observer {");
    short(&subscription, "Subscription {");
    short(&epochs, "Subscription {");
    short(&observer.events(), "Events {");
    short(&breaker.try_acquire().unwrap(), "Permit {");
    short(&breaker.try_acquire_owned().unwrap(), "OwnedPermit {");
    short(&breaker.with_classifier(closure), "Call {");
    let local = breaker.local();
    short(&local, "Local {");
    short(&local.with_classifier(closure), "LocalCall {");
    short(&local.try_acquire().unwrap(), "LocalPermit {");
    let error = ConfigError::clone(
        &Breaker::builder("orders")
            .failure_rate(7.0)
            .build()
            .unwrap_err(),
    );
    assert!(format!("{error:?}").len() < 2 * MOST);
    let builder = format!("{:?}", Breaker::builder("orders").classifier(closure));
    assert!(
        builder.len() < 1000 && builder.contains("orders"),
        "{builder}"
    );

    #[cfg(feature = "tower")]
    {
        use tower::{Layer, service_fn};
        let layer = tripcoil::tower::BreakerLayer::new(breaker.clone());
        let text = format!("{layer:?}");
        assert!(text.len() < 2 * MOST && text.contains("orders"), "{text}");
        let service = layer.layer(service_fn(|()| async { Ok::<(), ()>(()) }));
        short(&service, "BreakerService {");
    }
    #[cfg(feature = "http")]
    {
        use tripcoil::http::{ByStatus, GuardedBody};
        let breaker = breaker.classified_by(Arc::new(ByStatus::new()));
        let permit = breaker.try_acquire_owned().unwrap();
        let body = http_body_util::Full::<hyper::body::Bytes>::from(vec![0; 100_000]);
        let response = http::Response::new(body);
        let guarded = GuardedBody::guard(response, permit, breaker.classifier().clone());
        let text = format!("{:?}", guarded.into_body());
        assert!(text.len() <= 2 * MOST && text.contains("orders"), "{text}");
    }
    #[cfg(feature = "metrics")]
    short(&tripcoil::metrics::Publisher::new(&observer), "Publisher {");
    #[cfg(feature = "tracing")]
    short(&tripcoil::tracing::Tracing::new(&observer), "Tracing {");
    #[cfg(feature = "persist")]
    {
        let text = format!("{:?}", controller.save());
        assert!(text.len() <= MOST && text.contains("orders"), "{text}");
    }
    #[cfg(feature = "registry")]
    {
        use tripcoil::registry::Registry;
        let builder = || Registry::builder(|key: &u32| Breaker::builder(key.to_string()));
        let (registry, controller) = builder().capacity(1000).build_with_controller();
        for key in 0..1000 {
            drop(registry.get(&key).unwrap());
        }
        for text in [
            format!("{registry:?}"),
            format!("{controller:?}"),
            format!("{:?}", builder()),
        ] {
            assert!(text.len() <= MOST && text.contains("1000"), "{text}");
        }
    }
}

#[test]
fn kinds_are_printed_by_their_names() {
    let breaker = Breaker::builder("kinds").build().unwrap();
    breaker
        .try_acquire()
        .unwrap()
        .failure(FailureKind::Overload);
    let kinds = breaker.observer().snapshot().failures_by_kind;
    let text = format!("{kinds:?}");
    assert!(
        text.contains("Overload: 1") && text.contains("Timeout: 0"),
        "{text}"
    );
}
