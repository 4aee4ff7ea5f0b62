//! The tower service: readiness, permits, cancellation, panics, and the races between them.
//!
//! The inner service counts what is asked of it, and notices a call without readiness. Most tests
//! poll by hand: nothing here depends on a runtime or on time.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::oneshot;
use tower::limit::ConcurrencyLimitLayer;
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt};
use tripcoil::call::NoBreaker;
use tripcoil::classify::ErrIsFailure;
use tripcoil::tower::{BreakerLayer, BreakerService, Head, PickBreaker, ResponseFuture, boxed};
use tripcoil::{
    Breaker, CallError, Cause, Classify, Controller, FailureKind, HalfOpen, ManualClock, Outcome,
    Rejected, Snapshot, State,
};

/// What a request makes the inner service do.
enum Ask {
    Answer,
    Fail,
    /// As the sender says; a failure if it says nothing.
    Wait(oneshot::Receiver<()>),
    PanicInCall,
    PanicInPoll,
}

#[derive(Default)]
struct Seen {
    ready: AtomicBool,
    broken: AtomicBool,
    panics: AtomicBool,
    polls: AtomicU64,
    calls: AtomicU64,
    calls_unready: AtomicU64,
    /// Reserved by readiness, and not yet used or given back.
    reserved: AtomicI64,
    futures: AtomicI64,
}

struct Inner {
    seen: Arc<Seen>,
    reserved: bool,
}

impl Inner {
    fn release(&mut self) -> bool {
        let reserved = std::mem::take(&mut self.reserved);
        self.seen.reserved.fetch_sub(i64::from(reserved), SeqCst);
        reserved
    }
}

impl Clone for Inner {
    fn clone(&self) -> Inner {
        Inner {
            seen: self.seen.clone(),
            reserved: false,
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.release();
    }
}

struct Answer {
    ask: Ask,
    seen: Arc<Seen>,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.seen.futures.fetch_sub(1, SeqCst);
    }
}

impl Future for Answer {
    type Output = Result<&'static str, &'static str>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.ask {
            Ask::Answer => Poll::Ready(Ok("answer")),
            Ask::Fail => Poll::Ready(Err("failed")),
            Ask::Wait(said) => Pin::new(said)
                .poll(cx)
                .map(|said| said.map(|()| "answer").map_err(|_| "failed")),
            Ask::PanicInCall | Ask::PanicInPoll => panic!("in poll"),
        }
    }
}

impl Service<Ask> for Inner {
    type Response = &'static str;
    type Error = &'static str;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        self.seen.polls.fetch_add(1, SeqCst);
        if self.seen.panics.load(SeqCst) {
            panic!("in poll_ready");
        }
        if self.seen.broken.load(SeqCst) {
            return Poll::Ready(Err("broken"));
        }
        if !self.seen.ready.load(SeqCst) {
            return Poll::Pending;
        }
        if !self.reserved {
            self.reserved = true;
            self.seen.reserved.fetch_add(1, SeqCst);
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, ask: Ask) -> Answer {
        self.seen.calls.fetch_add(1, SeqCst);
        if !self.release() {
            self.seen.calls_unready.fetch_add(1, SeqCst);
        }
        if let Ask::PanicInCall = ask {
            panic!("in call");
        }
        self.seen.futures.fetch_add(1, SeqCst);
        Answer {
            ask,
            seen: self.seen.clone(),
        }
    }
}

struct Stand<C = ErrIsFailure> {
    service: BreakerService<Inner, Breaker<C>>,
    seen: Arc<Seen>,
    breaker: Breaker<C>,
    controller: Controller,
    clock: ManualClock,
}

const OPEN_FOR: Duration = Duration::from_secs(10);

fn stand() -> Stand {
    stand_with(ErrIsFailure)
}

/// Trips at two failures in a row, closes at two successes, one probe at a time.
fn stand_with<C: Classify<&'static str, &'static str>>(classifier: C) -> Stand<C> {
    let clock = ManualClock::new();
    let (breaker, controller) = Breaker::builder("inner")
        .classifier(classifier)
        .clock(&clock)
        .consecutive_failures(2)
        .slow_call(Duration::from_secs(1))
        .open_for(OPEN_FOR)
        .half_open(HalfOpen::successes(2))
        .build_with_controller()
        .expect("valid");
    let seen = Arc::new(Seen::default());
    seen.ready.store(true, SeqCst);
    let inner = Inner {
        seen: seen.clone(),
        reserved: false,
    };
    Stand {
        service: BreakerLayer::new(breaker.clone()).layer(inner),
        seen,
        breaker,
        controller,
        clock,
    }
}

impl<C: Classify<&'static str, &'static str>> Stand<C> {
    fn snapshot(&self) -> Snapshot {
        self.breaker.observer().snapshot()
    }

    /// Answers each number, by the breaker that is picked for it.
    fn behind(
        &self,
        pick: impl PickBreaker<u32, Classifier = ErrIsFailure> + Clone,
    ) -> impl Service<u32, Response = &'static str, Error = CallError<&'static str>> {
        let inner = Inner {
            seen: self.seen.clone(),
            reserved: false,
        };
        ServiceBuilder::new()
            .layer(BreakerLayer::new(pick))
            .map_request(|_: u32| Ask::Answer)
            .service(inner)
    }

    /// Ready, called and answered at once.
    fn ask(&self, ask: Ask) -> Result<&'static str, CallError<&'static str>> {
        let mut service = self.service.clone();
        assert!(ready(&mut service)?, "not ready");
        let Poll::Ready(answer) = poll(pin!(service.call(ask))) else {
            panic!("no answer")
        };
        answer
    }
}

impl Seen {
    fn of(&self) -> (u64, u64) {
        assert_eq!(
            self.calls_unready.load(SeqCst),
            0,
            "called without being ready"
        );
        (self.polls.load(SeqCst), self.calls.load(SeqCst))
    }
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Whether it is ready after one question.
fn ready<R, S: Service<R>>(service: &mut S) -> Result<bool, S::Error> {
    match service.poll_ready(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(ready) => ready.map(|()| true),
        Poll::Pending => Ok(false),
    }
}

fn rejected<T, E>(answer: Poll<Result<T, CallError<E>>>) -> Rejected {
    match answer {
        Poll::Ready(Err(CallError::Rejected(rejected))) => rejected,
        _ => panic!("not rejected"),
    }
}

// Readiness

#[test]
fn while_calls_are_admitted_it_is_ready_when_the_inner_service_is() {
    let mut at = stand();
    at.seen.ready.store(false, SeqCst);
    at.controller.disable();
    assert_eq!(ready(&mut at.service), Ok(false));
    at.controller.observe_only();
    assert_eq!(ready(&mut at.service), Ok(false));
    at.controller.release();
    assert_eq!(ready(&mut at.service), Ok(false));
    at.seen.ready.store(true, SeqCst);
    assert_eq!(ready(&mut at.service), Ok(true));
    assert_eq!(
        poll(pin!(at.service.call(Ask::Answer))),
        Poll::Ready(Ok("answer"))
    );
    assert_eq!(at.seen.of(), (4, 1));
    let totals = at.snapshot().totals;
    assert_eq!(
        (totals.successes, totals.failures, totals.cancelled),
        (1, 0, 0)
    );
}

#[test]
fn while_no_call_is_admitted_it_is_ready_and_the_inner_service_is_left_alone() {
    let mut at = stand();
    at.seen.ready.store(false, SeqCst);
    let reject = |at: &mut Stand| {
        assert_eq!(ready(&mut at.service), Ok(true));
        rejected(poll(pin!(at.service.call(Ask::Answer))))
    };
    at.controller.trip();
    let open = reject(&mut at);
    assert_eq!(
        (open.state(), open.retry_after()),
        (State::Open, Some(OPEN_FOR))
    );
    at.controller.half_open();
    let probe = at.breaker.try_acquire_owned().expect("the first");
    assert_eq!(reject(&mut at).state(), State::HalfOpen);
    probe.ignore();
    at.controller.force_open();
    assert_eq!(reject(&mut at).state(), State::ForcedOpen);
    assert_eq!(at.seen.of(), (0, 0));
    assert_eq!(at.snapshot().totals.rejected, 3);
}

#[test]
fn a_call_admitted_after_the_breaker_closed_waits_for_the_inner_service() {
    let mut at = stand();
    at.seen.ready.store(false, SeqCst);
    at.controller.trip();
    assert_eq!(ready(&mut at.service), Ok(true));
    at.controller.reset();
    {
        let mut answer = pin!(at.service.call(Ask::Answer));
        assert!(poll(answer.as_mut()).is_pending() && poll(answer.as_mut()).is_pending());
        assert_eq!(at.seen.of(), (2, 0));
        at.seen.ready.store(true, SeqCst);
        assert_eq!(poll(answer), Poll::Ready(Ok("answer")));
        assert_eq!(at.seen.of(), (3, 1));
    }
    assert_eq!(at.snapshot().totals.successes, 1);
    // the handle itself begins anew
    at.seen.ready.store(false, SeqCst);
    assert_eq!(ready(&mut at.service), Ok(false));
}

#[test]
fn a_call_that_waits_has_its_permit_and_gives_it_back() {
    let mut at = stand();
    at.seen.ready.store(false, SeqCst);
    at.controller.half_open();
    assert_eq!(ready(&mut at.service), Ok(true));
    let mut waiting = Box::pin(at.service.call(Ask::Answer));
    assert!(poll(waiting.as_mut()).is_pending());
    assert_eq!(at.snapshot().probes.in_flight, 1);
    assert_eq!(ready(&mut at.service), Ok(true));
    rejected(poll(pin!(at.service.call(Ask::Answer))));
    drop(waiting);
    let after = at.snapshot();
    assert_eq!((after.probes.in_flight, after.totals.cancelled), (0, 1));
    assert_eq!(at.seen.of(), (1, 0));
}

#[test]
fn a_call_rejected_after_the_breaker_opened_gives_back_what_was_reserved() {
    let mut at = stand();
    assert_eq!(ready(&mut at.service), Ok(true));
    assert_eq!(at.seen.reserved.load(SeqCst), 1);
    at.controller.trip();
    rejected(poll(pin!(at.service.call(Ask::Answer))));
    assert_eq!((at.seen.reserved.load(SeqCst), at.seen.of()), (0, (1, 0)));
    // and it is not taken for ready afterwards
    at.controller.reset();
    let mut answer = pin!(at.service.call(Ask::Answer));
    assert_eq!(poll(answer.as_mut()), Poll::Ready(Ok("answer")));
    assert_eq!(at.seen.of(), (2, 1));
}

#[test]
fn readiness_from_before_is_used_by_a_probe() {
    let mut at = stand();
    assert_eq!(ready(&mut at.service), Ok(true));
    at.controller.half_open();
    assert_eq!(ready(&mut at.service), Ok(true));
    assert_eq!(
        poll(pin!(at.service.call(Ask::Answer))),
        Poll::Ready(Ok("answer"))
    );
    assert_eq!(at.seen.of(), (1, 1));
    assert_eq!(at.snapshot().probes.succeeded, 1);
}

#[test]
fn readiness_is_asked_for_again_and_can_be_lost() {
    let mut at = stand();
    assert_eq!(ready(&mut at.service), Ok(true));
    at.seen.ready.store(false, SeqCst);
    assert_eq!(ready(&mut at.service), Ok(false));
    let mut answer = pin!(at.service.call(Ask::Answer)); // against tower's rules
    assert!(poll(answer.as_mut()).is_pending());
    assert_eq!(at.seen.of().1, 0);
}

#[test]
fn a_clone_of_a_ready_service_is_not_ready() {
    let mut at = stand();
    assert_eq!(ready(&mut at.service), Ok(true));
    let mut clone = at.service.clone();
    assert_eq!(at.seen.reserved.load(SeqCst), 1);
    assert_eq!(
        poll(pin!(clone.call(Ask::Answer))),
        Poll::Ready(Ok("answer"))
    ); // against its rules
    assert_eq!(at.seen.of(), (2, 1));
}

/// With tower's own limit: a place in its queue is not kept by a call that was rejected, and a call
/// that waits is woken.
#[tokio::test]
async fn a_concurrency_limit_behind_it_loses_no_slot() {
    let at = stand();
    let inner = Inner {
        seen: at.seen.clone(),
        reserved: false,
    };
    let mut first = ServiceBuilder::new()
        .layer(BreakerLayer::new(at.breaker.clone()))
        .layer(ConcurrencyLimitLayer::new(1))
        .service(inner);
    let (mut second, mut third) = (first.clone(), first.clone());
    assert_eq!(ready(&mut first), Ok(true));
    let (say, said) = oneshot::channel();
    let slow = first.call(Ask::Wait(said)); // has the slot
    assert_eq!(ready(&mut second), Ok(false)); // queues for it
    at.controller.trip();
    assert_eq!(ready(&mut second), Ok(true));
    rejected(poll(pin!(second.call(Ask::Answer))));

    // while open at `poll_ready` and closed at `call`
    assert_eq!(ready(&mut third), Ok(true));
    at.controller.reset();
    let third = tokio::spawn(third.call(Ask::Answer));
    say.send(()).expect("somebody waits");
    assert_eq!(slow.await, Ok("answer"));
    assert_eq!(third.await.expect("no panic"), Ok("answer"));
    assert_eq!(at.seen.of().1, 2);
    let totals = at.snapshot().totals; // the first call ended in a later generation
    assert_eq!((totals.successes, totals.late, totals.rejected), (1, 1, 1));
    drop(second);
}

#[test]
fn an_error_of_readiness_is_a_failed_call() {
    let mut at = stand();
    at.seen.broken.store(true, SeqCst);
    assert_eq!(ready(&mut at.service), Err(CallError::Inner("broken")));
    assert_eq!(at.snapshot().totals.failures, 1);
    assert_eq!(ready(&mut at.service), Err(CallError::Inner("broken")));
    assert_eq!(at.breaker.state(), State::Open);
    // once more as a probe, whose result it is
    at.clock.advance(OPEN_FOR);
    assert_eq!(at.ask(Ask::Answer), Err(CallError::Inner("broken")));
    let last = at.breaker.observer().history().pop().expect("some");
    assert_eq!((last.to, last.cause), (State::Open, Cause::ProbeFailed));
    assert_eq!((at.snapshot().totals.failures, at.seen.of()), (3, (3, 0)));
}

// Permits

#[test]
fn a_ready_service_that_is_not_called_holds_no_probe() {
    let at = stand();
    at.controller.half_open();
    let mut idle = [at.service.clone(), at.service.clone()];
    for service in &mut idle {
        assert_eq!(ready(service), Ok(true));
    }
    assert_eq!(at.snapshot().probes.in_flight, 0);
    assert_eq!(at.ask(Ask::Answer), Ok("answer"));
    drop(idle);
    let after = at.snapshot();
    assert_eq!((after.probes.succeeded, after.totals.cancelled), (1, 0));
}

#[test]
fn dropping_the_response_is_a_cancellation() {
    let mut at = stand();
    at.controller.half_open();
    for polled in [false, true] {
        assert_eq!(ready(&mut at.service), Ok(true));
        let (_say, said) = oneshot::channel();
        let mut answer = Box::pin(at.service.call(Ask::Wait(said)));
        assert!(!polled || poll(answer.as_mut()).is_pending());
        assert_eq!(at.snapshot().probes.in_flight, 1);
        drop(answer);
        assert_eq!(at.seen.futures.load(SeqCst), 0);
        assert_eq!(at.snapshot().totals.cancelled, 1 + u64::from(polled));
        at.clock.advance(Duration::from_secs(60));
    }
    // as many as the round needs results, and none for as long as the probe timeout
    let last = at.breaker.observer().history().pop().expect("some");
    assert_eq!((last.to, last.cause), (State::Open, Cause::ProbesCancelled));
}

#[test]
fn an_answered_call_that_is_dropped_is_counted_once() {
    let at = stand();
    let mut service = at.service.clone();
    assert_eq!(ready(&mut service), Ok(true));
    let mut answer = Box::pin(service.call(Ask::Answer));
    assert_eq!(poll(answer.as_mut()), Poll::Ready(Ok("answer")));
    // nothing of the call is left, though the future is
    assert_eq!(at.seen.futures.load(SeqCst), 0);
    drop(answer);
    let totals = at.snapshot().totals;
    assert_eq!((totals.successes, totals.cancelled), (1, 0));
}

/// Who is told of a cancellation finds nothing of the call any more.
#[test]
fn a_cancelled_call_has_ended_when_it_is_counted() {
    struct Dropped(Breaker);
    impl Drop for Dropped {
        fn drop(&mut self) {
            let seen = self.0.observer().snapshot();
            assert_eq!((seen.probes.in_flight, seen.totals.cancelled), (1, 0));
        }
    }
    let at = stand();
    at.controller.half_open();
    let breaker = at.breaker.clone();
    let inner = tower::service_fn(move |_: ()| {
        let dropped = Dropped(breaker.clone());
        async move {
            let _dropped = dropped;
            std::future::pending::<Result<(), ()>>().await
        }
    });
    let mut service = BreakerLayer::new(at.breaker.clone()).layer(inner);
    assert_eq!(ready(&mut service), Ok(true));
    let mut answer = Box::pin(service.call(()));
    assert!(poll(answer.as_mut()).is_pending());
    drop(answer);
    assert_eq!(at.snapshot().totals.cancelled, 1);
}

#[test]
fn it_trips_and_recovers() {
    let at = stand();
    for _ in 0..2 {
        assert_eq!(at.ask(Ask::Fail), Err(CallError::Inner("failed")));
    }
    assert_eq!(at.breaker.state(), State::Open);
    at.clock.advance(OPEN_FOR - Duration::from_millis(1));
    assert!(at.ask(Ask::Answer).is_err_and(|e| e.is_rejected()));
    at.clock.advance(Duration::from_millis(1));
    assert_eq!(at.ask(Ask::Fail), Err(CallError::Inner("failed")));
    assert_eq!(at.breaker.state(), State::Open);
    at.clock.advance(2 * OPEN_FOR);
    for state in [State::HalfOpen, State::Closed] {
        assert_eq!(at.ask(Ask::Answer), Ok("answer"));
        assert_eq!(at.breaker.state(), state);
    }
    assert_eq!(at.seen.of(), (5, 5));
    let states: Vec<_> = at
        .breaker
        .observer()
        .history()
        .iter()
        .map(|t| t.to)
        .collect();
    use State::{Closed, HalfOpen, Open};
    // the history is of the last four, and the first trip was seen above
    assert_eq!(states, [HalfOpen, Open, HalfOpen, Closed]);
}

#[test]
fn results_are_what_the_classifier_says_and_slow_by_the_breakers_clock() {
    let mut at = stand_with(|result: &Result<&str, &str>| match result {
        Ok(_) => Outcome::Failure(FailureKind::Data),
        Err(_) => Outcome::Ignored,
    });
    let _ = at.ask(Ask::Fail);
    assert_eq!(ready(&mut at.service), Ok(true));
    let (say, said) = oneshot::channel();
    let mut answer = pin!(at.service.call(Ask::Wait(said)));
    assert!(poll(answer.as_mut()).is_pending());
    at.clock.advance(Duration::from_millis(1001));
    say.send(()).expect("somebody waits");
    assert_eq!(poll(answer), Poll::Ready(Ok("answer")));
    let seen = at.snapshot();
    assert_eq!(seen.failures_by_kind.get(FailureKind::Data), 1);
    assert_eq!((seen.totals.ignored, seen.totals.slow), (1, 1));
}

// Panics

struct PanicsAreIgnored;

impl<T, E> Classify<T, E> for PanicsAreIgnored {
    fn classify(&self, _: &Result<T, E>) -> Outcome {
        panic!("in the classifier")
    }

    fn panicked(&self) -> Outcome {
        Outcome::Ignored
    }
}

fn panics<C: Classify<&'static str, &'static str>>(at: &Stand<C>, ask: Ask) {
    let unwound = catch_unwind(AssertUnwindSafe(|| at.ask(ask)));
    assert!(unwound.is_err(), "no panic");
}

#[test]
fn a_panic_is_a_result() {
    for ask in [Ask::PanicInCall, Ask::PanicInPoll] {
        let at = stand();
        panics(&at, ask);
        let seen = at.snapshot();
        assert_eq!(seen.failures_by_kind.get(FailureKind::Client), 1);
        assert_eq!((seen.totals.failures, seen.totals.cancelled), (1, 0));
    }
    // the classifier has the word, about its own too
    for ask in [Ask::PanicInCall, Ask::PanicInPoll, Ask::Answer, Ask::Fail] {
        let at = stand_with(PanicsAreIgnored);
        panics(&at, ask);
        let totals = at.snapshot().totals;
        assert_eq!(
            (totals.ignored, totals.failures, totals.cancelled),
            (1, 0, 0)
        );
    }
}

#[test]
fn a_panic_in_a_probes_readiness_or_call_ends_the_probe() {
    for in_call in [false, true] {
        let at = stand();
        at.controller.half_open();
        at.seen.panics.store(!in_call, SeqCst);
        panics(&at, Ask::PanicInCall);
        let seen = at.snapshot();
        assert_eq!((seen.state, seen.totals.failures), (State::Open, 1));
    }
}

#[test]
#[should_panic = "polled after its end"]
fn a_future_has_one_end() {
    let mut at = stand();
    at.controller.force_open();
    assert_eq!(ready(&mut at.service), Ok(true));
    let mut answer = pin!(at.service.call(Ask::Answer));
    rejected(poll(answer.as_mut()));
    let _ = poll(answer);
}

// Several breakers

#[test]
fn each_request_goes_through_the_breaker_that_is_picked_for_it() {
    let at = stand();
    let odd = Breaker::builder("odd").build().expect("valid");
    let (even, controller) = Breaker::builder("even")
        .build_with_controller()
        .expect("valid");
    controller.force_open();
    let pick = {
        let (even, odd) = (even.clone(), odd.clone());
        move |n: &u32| {
            if n.is_multiple_of(2) {
                even.clone()
            } else {
                odd.clone()
            }
        }
    };
    let mut service = at.behind(pick);
    // which one is not known before there is a request: readiness is the inner service's
    at.seen.ready.store(false, SeqCst);
    assert_eq!(ready(&mut service), Ok(false));
    at.seen.ready.store(true, SeqCst);
    for n in 0..4 {
        assert_eq!(ready(&mut service), Ok(true));
        let answer = poll(pin!(service.call(n)));
        match n % 2 {
            0 => assert_eq!(rejected(answer).state(), State::ForcedOpen),
            _ => assert_eq!(answer, Poll::Ready(Ok("answer"))),
        }
    }
    assert_eq!((at.seen.of().1, at.seen.reserved.load(SeqCst)), (2, 0));
    assert_eq!(odd.observer().snapshot().totals.successes, 2);
    assert_eq!(even.observer().snapshot().totals.rejected, 2);
}

#[test]
fn a_request_that_has_no_breaker_is_told_why_and_keeps_nothing() {
    let at = stand();
    let breaker = at.breaker.clone();
    let pick = move |n: &u32| match n {
        0 => Err(NoBreaker::because("zero is nobody's")),
        1 => Ok(Breaker::builder("one").failure_rate(7.0).build()?),
        _ => Ok(breaker.clone()),
    };
    let mut service = at.behind(pick);
    for (n, why) in [(0, "zero is nobody's"), (1, "failure_rate is invalid")] {
        assert_eq!(ready(&mut service), Ok(true));
        assert_eq!(at.seen.reserved.load(SeqCst), 1);
        let Poll::Ready(Err(error)) = poll(pin!(service.call(n))) else {
            panic!("not told")
        };
        assert!(matches!(error, CallError::NoBreaker(_)) && error.is_rejected());
        assert_eq!(error.to_string(), "call not made");
        let error = boxed(error);
        let text = format!("no breaker for this request: {why}");
        assert!(error.is::<NoBreaker>() && error.to_string() == text);
        assert_eq!(at.seen.reserved.load(SeqCst), 0);
    }
    assert_eq!(at.seen.of().1, 0);
    assert_eq!(ready(&mut service), Ok(true));
    assert_eq!(poll(pin!(service.call(2))), Poll::Ready(Ok("answer")));
    let totals = at.snapshot().totals;
    assert_eq!((totals.successes, totals.rejected), (1, 0));
}

#[test]
fn one_breaker_is_asked_by_all_classifiers() {
    let at = stand();
    let lenient = Arc::new(|_: &Result<&'static str, &'static str>| Outcome::Success);
    let breaker = at.breaker.classified_by(lenient);
    let mut service = BreakerLayer::new(breaker).layer(Inner {
        seen: at.seen.clone(),
        reserved: false,
    });
    assert_eq!(ready(&mut service), Ok(true));
    let answer = poll(pin!(service.call(Ask::Fail)));
    assert_eq!(answer, Poll::Ready(Err(CallError::Inner("failed"))));
    let totals = at.snapshot().totals;
    assert_eq!((totals.successes, totals.failures), (1, 0));
}

// All at once

/// Threads that call, drop, panic and are rejected; each call is in one count.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_call_is_counted_once() {
    const TASKS: u64 = 8;
    const EACH: u64 = 300;
    let at = stand();
    at.controller.trip(); // the first call is rejected, whatever the threads do
    let service = ServiceBuilder::new()
        .layer(BreakerLayer::new(at.breaker.clone()))
        .layer(ConcurrencyLimitLayer::new(3))
        .service(Inner {
            seen: at.seen.clone(),
            reserved: false,
        });
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (mut service, clock) = (service.clone(), at.clock.clone());
            tokio::spawn(async move {
                for n in 0..EACH {
                    let service = service.ready().await.expect("never broken");
                    let (say, said) = oneshot::channel();
                    let mut say = Some(say);
                    let ask = match (n * 7 + task) % 5 {
                        0 => Ask::Fail,
                        1 | 2 => Ask::Wait(said),
                        _ => Ask::Answer,
                    };
                    let mut answer = Box::pin(service.call(ask));
                    if n % 3 == 0 {
                        let _ = poll(answer.as_mut());
                        drop(answer);
                    } else {
                        say.take().map(|say| say.send(()));
                        let _ = answer.await;
                    }
                    if n % 16 == 0 {
                        clock.advance(OPEN_FOR);
                        tokio::task::yield_now().await;
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    let seen = at.snapshot();
    let t = seen.totals;
    let ended = t.successes + t.failures + t.cancelled + t.ignored + t.late;
    assert_eq!(ended + t.rejected, TASKS * EACH);
    assert!(
        t.rejected > 0 && t.cancelled > 0 && t.successes > 0,
        "{t:?}"
    );
    assert_eq!((seen.probes.in_flight, at.seen.of().1 <= ended), (0, true));
    drop(service);
    assert_eq!(
        (at.seen.reserved.load(SeqCst), at.seen.futures.load(SeqCst)),
        (0, 0)
    );
}

// Types

#[test]
fn it_is_what_the_inner_service_is() {
    fn is_shared<T: Clone + Send + Sync + 'static>() {}
    fn is_sent<T: Send + 'static>() {}
    is_shared::<BreakerLayer<Breaker>>();
    is_shared::<BreakerService<Inner, Breaker>>();
    is_sent::<ResponseFuture<Inner, Ask, ErrIsFailure, Head>>();

    // and asks for no more than `Clone`
    let local = std::rc::Rc::new(std::cell::Cell::new(1));
    let breaker = Breaker::builder("local").build().expect("valid");
    let mut service = BreakerLayer::new(breaker).layer(tower::service_fn(move |n: i32| {
        let local = local.clone();
        async move { Ok::<_, ()>(local.replace(n)) }
    }));
    assert_eq!(ready(&mut service), Ok(true));
    assert_eq!(poll(pin!(service.call(2))), Poll::Ready(Ok(1)));
}

#[test]
fn errors_can_be_boxed() {
    let at = stand();
    let rejected = {
        at.controller.trip();
        at.breaker.try_acquire().expect_err("open")
    };
    let error = boxed(CallError::<BoxError>::Rejected(rejected));
    assert_eq!(error.downcast_ref(), Some(&rejected));
    let inner = BoxError::from(std::io::Error::other("no route"));
    let error = boxed(CallError::Inner(inner));
    assert!(error.is::<std::io::Error>());
    let error = boxed(CallError::<BoxError>::TimedOut(OPEN_FOR));
    assert_eq!(error.to_string(), "timed out after 10s");
}

#[test]
fn a_breaker_picks_itself() {
    fn picked<R, P: PickBreaker<R>>(pick: &P, request: &R) -> (String, bool) {
        let name = pick.pick(request).expect("one").name().to_owned();
        (name, pick.only().is_some())
    }
    let breaker = Breaker::builder("itself").build().expect("valid");
    assert_eq!(picked(&breaker, &1), ("itself".to_owned(), true));
    let other = move |_: &i32| breaker.clone();
    assert_eq!(picked(&other, &1), ("itself".to_owned(), false));
}

/// Of several breakers each has its own insight, and an override has no wait.
#[cfg(feature = "insight")]
#[test]
fn each_rejection_has_the_wait_that_its_breakers_insight_expects() {
    use tripcoil::insight::Insight;
    const MOST: Duration = Duration::from_secs(30);
    let clock = ManualClock::new();
    let made = ["reads", "writes", "others"].map(|name| {
        let builder = Breaker::builder(name)
            .consecutive_failures(1)
            .open_for(Duration::from_secs(10));
        let built = builder.clock(&clock).build_with_controller();
        let (breaker, controller) = built.expect("valid");
        let insight = Insight::new(&breaker.observer());
        (breaker, controller, insight)
    });
    let breakers = [0, 1, 2].map(|n: usize| made[n].0.clone());
    let layer = BreakerLayer::new(move |n: &usize| breakers[*n].clone())
        .expecting(&made[0].2, MOST)
        .expecting(&made[1].2, MOST);
    let service = layer.layer(tower::service_fn(|n: usize| async move { Ok::<_, ()>(n) }));
    let wait = |n: usize| {
        let mut future = pin!(service.clone().oneshot(n));
        let mut context = Context::from_waker(Waker::noop());
        match future.as_mut().poll(&mut context) {
            Poll::Ready(Err(CallError::Rejected(rejected))) => rejected.retry_after(),
            other => panic!("{other:?}"),
        }
    };
    let seconds = |n: u64| Some(Duration::from_secs(n));
    for (breaker, _, insight) in &made {
        let permit = breaker.try_acquire().expect("closed");
        permit.failure(FailureKind::Server);
        let _learns = insight.report();
        clock.advance(Duration::from_secs(3));
    }
    // they opened 9 s, 6 s and 3 s ago
    assert_eq!([0, 1, 2].map(wait), [seconds(9), seconds(6), seconds(7)]);
    made[0].1.force_open();
    assert_eq!(wait(0), None);
    assert_eq!(made[0].0.observer().snapshot().totals.rejected, 2);
}
