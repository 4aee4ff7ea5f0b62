//! A user's code that panics where another panic is unwinding already, or on threads that others share.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use tripcoil::{Breaker, Classify, FailureKind, Outcome};

/// Panics whenever it is asked, and if that is caught, once more.
struct Unwell;

struct Payload;

impl Drop for Payload {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("the payload's drop");
        }
    }
}

impl<T, E> Classify<T, E> for Unwell {
    fn classify(&self, _: &Result<T, E>) -> Outcome {
        panic!("classify")
    }

    fn panicked(&self) -> Outcome {
        std::panic::panic_any(Payload)
    }
}

fn unwell() -> Breaker<Unwell> {
    Breaker::builder("unwell")
        .classifier(Unwell)
        .build()
        .unwrap()
}

/// The panic that gets out is the call's own, and the call has counted as by default.
#[track_caller]
fn gets_out(message: &str, breaker: &Breaker<Unwell>, code: impl FnOnce()) {
    let payload = catch_unwind(AssertUnwindSafe(code)).expect_err("a panic");
    assert_eq!(payload.downcast_ref(), Some(&message));
    let seen = breaker.observer().snapshot();
    assert_eq!(seen.failures_by_kind.get(FailureKind::Client), 1);
    assert_eq!(seen.totals.failures, 1);
}

#[test]
fn a_panic_in_panicked_does_not_abort() {
    let breaker = unwell();
    gets_out("call", &breaker, || {
        let _ = breaker.call(|| -> Result<(), ()> { panic!("call") });
    });
    let breaker = unwell();
    gets_out("classify", &breaker, || {
        let _ = breaker.call(|| Ok::<(), ()>(()));
    });
    let breaker = unwell();
    let local = breaker.local();
    gets_out("call", &breaker, || {
        let _ = local.call(|| -> Result<(), ()> { panic!("call") });
    });
    let breaker = unwell();
    gets_out("call", &breaker, || {
        let lent = breaker.with_slow_call(std::time::Duration::from_secs(1));
        let _ = lent.call(|| -> Result<(), ()> { panic!("call") });
    });
}

#[test]
fn a_panic_in_panicked_does_not_abort_a_future() {
    let mut context = Context::from_waker(Waker::noop());
    let breaker = unwell();
    gets_out("poll", &breaker, || {
        let call = breaker.call_async(async { panic!("poll") });
        let _: std::task::Poll<Result<(), tripcoil::CallError<()>>> = pin!(call).poll(&mut context);
    });
    let breaker = unwell();
    gets_out("poll", &breaker, || {
        let shared = breaker.classified_by(Arc::new(Arc::new(Unwell)));
        let call = shared.call_async(async { panic!("poll") });
        let _: std::task::Poll<Result<(), tripcoil::CallError<()>>> = pin!(call).poll(&mut context);
    });
}

#[cfg(feature = "tower")]
#[test]
fn a_panic_in_panicked_does_not_abort_a_service() {
    use tower::{Layer, Service, service_fn};
    use tripcoil::tower::BreakerLayer;

    let mut context = Context::from_waker(Waker::noop());
    let breaker = unwell();
    gets_out("poll", &breaker, || {
        let inner = service_fn(|()| async { panic!("poll") });
        let mut service = BreakerLayer::new(breaker.clone()).layer(inner);
        let call = service.call(());
        let _: std::task::Poll<Result<(), tripcoil::CallError<()>>> = pin!(call).poll(&mut context);
    });
}

#[cfg(feature = "http")]
impl<E> tripcoil::http::ClassifyBody<E> for Unwell {
    fn head(&self, _: http::StatusCode, _: &http::HeaderMap) -> Option<Outcome> {
        panic!("head")
    }

    fn end(&self, _: Option<&http::HeaderMap>) -> Outcome {
        panic!("end")
    }

    fn broken(&self, _: &E) -> Outcome {
        panic!("broken")
    }

    fn panicked(&self) -> Outcome {
        panic!("panicked")
    }
}

#[cfg(feature = "http")]
#[test]
fn a_panic_in_panicked_does_not_abort_a_body() {
    use http::Response;
    use http_body_util::{BodyExt, Empty};
    use hyper::body::Bytes;
    use tripcoil::http::GuardedBody;

    let breaker = unwell();
    gets_out("head", &breaker, || {
        let permit = breaker.try_acquire_owned().expect("closed");
        let response = Response::new(Empty::<Bytes>::new());
        let _ = GuardedBody::guard(response, permit, breaker.classifier().clone())
            .into_body()
            .boxed();
    });
}

/// A source of time that panics where a call is unwinding.
#[test]
fn a_panic_in_a_clock_does_not_abort() {
    use std::time::Duration;
    use tripcoil::Clock;

    let clock = Clock::custom(|| {
        assert!(!std::thread::panicking(), "the clock");
        Duration::from_secs(7)
    });
    let build = || {
        Breaker::builder("clock")
            .clock(clock.clone())
            .slow_call(Duration::from_secs(1))
    };
    let breaker = build().classifier(Unwell).build().unwrap();
    gets_out("call", &breaker, || {
        let _ = breaker.call(|| -> Result<(), ()> { panic!("call") });
    });
    let breaker = build().build().unwrap();
    let dropped = catch_unwind(AssertUnwindSafe(|| {
        let _permit = breaker.try_acquire().expect("closed");
        panic!("beside a permit");
    }));
    assert!(dropped.is_err());
    assert_eq!(breaker.observer().snapshot().totals.cancelled, 1);
}

/// A clock that its own program's threads alone can read, as one that asks for a runtime's handle.
#[test]
fn a_clock_that_panics_on_listeners_threads_harms_none_of_them() {
    use std::sync::mpsc;
    use std::time::Duration;
    use tripcoil::Clock;

    const LONG: Duration = Duration::from_secs(60);
    let clock = Clock::custom(|| {
        let thread = std::thread::current();
        let ours = thread.name().is_some_and(|n| n.starts_with("tripcoil"));
        assert!(!ours, "the clock, on a listener's thread");
        Duration::from_secs(7)
    });
    let odd = ["one", "two", "three", "dedicated"].map(|name| {
        let builder = Breaker::builder(name).clock(clock.clone());
        let (breaker, controller) = builder.build_with_controller().unwrap();
        let (tell, told) = mpsc::channel();
        let listening = breaker.observer().subscribe(move |t| {
            let _ = tell.send((t.generation, t.wall_time));
        });
        let listening = match name {
            "dedicated" => listening.dedicated(),
            _ => listening,
        };
        (controller, told, listening)
    });
    for generation in 1..=3 {
        for (controller, told, _) in &odd {
            assert!(controller.trip());
            // each event, but for the wall clock's time
            assert_eq!(told.recv_timeout(LONG), Ok((generation, None)));
        }
    }
    let (breaker, controller) = Breaker::builder("good").build_with_controller().unwrap();
    let (tell, told) = mpsc::channel();
    let listening = breaker.observer().subscribe(move |t| {
        let _ = tell.send(t.wall_time.is_some());
    });
    assert!(controller.trip());
    assert_eq!(told.recv_timeout(LONG), Ok(true));
    assert!(listening.drain(LONG));
}
