//! `call_or` and its like.

use std::cell::Cell;
use std::future::{Future, pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use tripcoil::{Breaker, CallError, Outcome, State};

use crate::{OPEN_FOR, rig};

fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("pending"),
    }
}

/// The text of an error, by which a fallback shows that it had it.
fn text(error: CallError<&str>) -> String {
    match error {
        CallError::Inner(error) => error.into(),
        error => error.to_string(),
    }
}

/// What each way to call returns for an answer, for a failure, and for a rejection.
#[test]
fn every_handle_falls_back_on_failures_and_rejections() {
    type Make<'b> = Box<dyn Fn(Result<String, &'static str>) -> String + 'b>;
    let at = rig();
    let breaker = &at.breaker;
    let local = breaker.local();
    let view = || {
        breaker.with_classifier(|result: &Result<String, &str>| match result {
            Ok(_) => Outcome::Success,
            Err(_) => Outcome::Ignored,
        })
    };
    let ways: Vec<(&str, Make<'_>)> = vec![
        ("call_or", Box::new(|r| breaker.call_or(|| r, text))),
        ("local", Box::new(|r| local.call_or(|| r, text))),
        ("a view", Box::new(move |r| view().call_or(|| r, text))),
        (
            "a local view",
            Box::new(|r| local.with_slow_call(OPEN_FOR).call_or(|| r, text)),
        ),
        (
            "call_async_or",
            Box::new(|r| now(breaker.call_async_or(ready(r), text))),
        ),
        (
            "call_async_or_else",
            Box::new(|r| now(breaker.call_async_or_else(ready(r), |e| async move { text(e) }))),
        ),
        (
            "call_async_owned_or",
            Box::new(|r| now(breaker.call_async_owned_or(ready(r), text))),
        ),
    ];
    for (n, (name, call)) in ways.iter().enumerate() {
        let n = n as u64;
        at.controller.reset();
        assert_eq!(call(Ok("answer".into())), "answer", "{name}");
        assert_eq!(at.fallbacks(), (n, n), "{name}: a success needs none");
        assert_eq!(call(Err("no route")), "no route", "{name}");
        assert_eq!(at.fallbacks(), (n, n + 1), "{name}");
        at.controller.force_open();
        assert_eq!(call(Ok("answer".into())), "call not made", "{name}");
        assert_eq!(at.fallbacks(), (n + 1, n + 1), "{name}");
    }
}

#[test]
fn the_call_is_counted_and_its_slot_is_free_before_the_fallback_runs() {
    let at = rig();
    at.controller.half_open();
    let seen = at
        .breaker
        .with_classifier(|_: &Result<_, &str>| Outcome::Ignored)
        .call_or(
            || {
                assert_eq!(at.seen().probes.in_flight, 1);
                Err("ignored")
            },
            |_| {
                // a probe of its own, in the slot that is free again
                assert_eq!(at.seen().probes.in_flight, 0);
                assert_eq!(at.breaker.call(|| Ok::<_, ()>(7)), Ok(7));
                Some(at.seen())
            },
        );
    let seen = seen.expect("it ran");
    assert_eq!((seen.totals.ignored, seen.probes.succeeded), (1, 1));
    assert_eq!((seen.fallbacks.rejected, seen.fallbacks.failed), (0, 1));

    // the failure that trips
    at.controller.reset();
    for state in [State::Closed, State::Open] {
        at.breaker
            .call_or(|| Err("down"), |_| assert_eq!(at.breaker.state(), state));
    }
}

#[test]
fn the_future_is_dropped_before_its_fallback_begins() {
    struct Held<'a>(&'a Cell<bool>);
    impl Drop for Held<'_> {
        fn drop(&mut self) {
            self.0.set(false);
        }
    }
    let at = rig();
    let held = Cell::new(true);
    let call = |guard| async move {
        let _guard: Held<'_> = guard;
        Err::<bool, _>("down")
    };
    assert!(!now(at
        .breaker
        .call_async_or(call(Held(&held)), |_| held.get())));
    held.set(true);
    at.controller.force_open();
    let fallback = |_| async { held.get() };
    assert!(!now(at
        .breaker
        .call_async_or_else(call(Held(&held)), fallback)));
}

#[test]
fn a_fallback_that_panics_is_not_the_calls_failure() {
    let at = rig();
    let panics = |rejected: bool| {
        let call = AssertUnwindSafe(|| {
            at.breaker
                .call_or(|| Err::<(), _>("down"), |e| panic!("{}", e.is_rejected()))
        });
        let panic = catch_unwind(call).expect_err("it panics");
        assert_eq!(panic.downcast_ref(), Some(&rejected.to_string()));
    };
    panics(false);
    assert_eq!((at.seen().totals.failures, at.fallbacks()), (1, (0, 1)));
    panics(false);
    assert_eq!(at.breaker.state(), State::Open);
    panics(true);
    assert_eq!((at.seen().totals.failures, at.fallbacks()), (2, (1, 2)));

    at.controller.reset();
    let call = at
        .breaker
        .call_async_or(ready(Err::<(), _>("down")), |_| panic!("async"));
    catch_unwind(AssertUnwindSafe(|| now(call))).expect_err("it panics");
    assert_eq!(
        (at.seen().totals.failures, at.seen().totals.cancelled),
        (3, 0)
    );
}

#[test]
fn a_call_that_panics_has_no_fallback() {
    let at = rig();
    let call = || {
        at.breaker
            .call_or(|| -> Result<u32, ()> { panic!("in the call") }, |_| 7)
    };
    catch_unwind(AssertUnwindSafe(call)).expect_err("it unwinds");
    assert_eq!((at.seen().totals.failures, at.fallbacks()), (1, (0, 0)));
}

#[test]
fn dropping_a_fallback_that_waits_cancels_nothing() {
    let at = rig();
    let waiting = at
        .breaker
        .call_async_or_else(ready(Err::<(), _>("down")), |_| pending());
    {
        let mut waiting = pin!(waiting);
        let mut context = Context::from_waker(Waker::noop());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        assert_eq!(at.seen().totals.failures, 1);
    }
    let totals = at.seen().totals;
    assert_eq!(
        (totals.failures, totals.cancelled, at.fallbacks()),
        (1, 0, (0, 1))
    );
    // one that was dropped before its end has cancelled the call, and needs no fallback
    let call = Box::pin(
        at.breaker
            .call_async_or(pending::<Result<(), ()>>(), |_| ()),
    );
    let mut call = call;
    assert!(
        call.as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    );
    drop(call);
    assert_eq!((at.seen().totals.cancelled, at.fallbacks()), (1, (0, 1)));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_falls_back() {
    let at = rig();
    let limit = Duration::from_millis(250);
    let hung = pending::<Result<Option<CallError<()>>, ()>>;
    let call = || at.breaker.call_timeout_or(limit, hung(), Some);
    assert_eq!(call().await, Some(CallError::TimedOut(limit)));
    assert_eq!(at.fallbacks(), (0, 1));
    at.controller.trip();
    let rejected = call().await.expect("an error");
    assert_eq!(rejected.as_rejected().map(|r| r.state()), Some(State::Open));
    assert_eq!(at.fallbacks(), (1, 1));
    at.clock.advance(OPEN_FOR);
    assert_eq!(
        call().await,
        Some(CallError::TimedOut(limit)),
        "of the probe"
    );
    assert_eq!(at.fallbacks(), (1, 2));
}

#[tokio::test]
async fn an_owned_call_with_a_fallback_can_be_spawned() {
    let at = rig();
    let call = at
        .breaker
        .call_async_owned_or(async { Err::<u32, _>("down") }, |_| 7);
    drop(at.breaker);
    assert_eq!(tokio::spawn(call).await.expect("no panic"), 7);
    assert!(at.controller.observer().snapshot().fallbacks.failed == 1);
}

#[test]
fn fallbacks_of_many_threads_are_all_counted() {
    let at = rig();
    at.controller.force_open();
    let breaker: &Breaker = &at.breaker;
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..1_000 {
                    assert_eq!(breaker.call_or(|| Ok::<_, ()>(1), |_| 2), 2);
                }
            });
        }
    });
    assert_eq!(
        (at.fallbacks(), at.seen().totals.rejected),
        ((4_000, 0), 4_000)
    );
}
