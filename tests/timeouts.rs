//! `call_timeout`: calls that are given up, on tokio's timer.
#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

use std::cell::Cell;
use std::future::pending;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tripcoil::{
    Breaker, CallError, Cause, FailureKind, HalfOpen, ManualClock, OnCancel, Outcome, Snapshot,
    State,
};

const LIMIT: Duration = Duration::from_millis(250);

fn breaker() -> (Breaker, ManualClock) {
    let clock = ManualClock::new();
    let breaker = Breaker::builder("upstream")
        .clock(&clock)
        .consecutive_failures(2)
        .open_for(Duration::from_secs(1))
        .half_open(HalfOpen::successes(1))
        .build()
        .expect("valid");
    (breaker, clock)
}

fn seen(breaker: &Breaker) -> Snapshot {
    breaker.observer().snapshot()
}

/// Says when it is dropped.
struct Gone<'a>(&'a Cell<bool>);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_ends_in_time_is_as_any_other() {
    let (breaker, _clock) = breaker();
    let within = |ms| async move {
        sleep(Duration::from_millis(ms)).await;
        if ms == 249 { Ok(ms) } else { Err("no route") }
    };
    assert_eq!(breaker.call_timeout(LIMIT, within(249)).await, Ok(249));
    let error = breaker.call_timeout(LIMIT, within(1)).await;
    assert_eq!(error, Err(CallError::Inner("no route")));
    let totals = seen(&breaker).totals;
    assert_eq!((totals.successes, totals.failures), (1, 1));
    let kinds = seen(&breaker).failures_by_kind;
    assert_eq!(kinds.get(FailureKind::Timeout), 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_is_dropped_and_counted_as_a_timeout() {
    let (breaker, _clock) = breaker();
    let gone = Cell::new(false);
    let guard = Gone(&gone);
    let begun = Instant::now();
    let hung = async move {
        let _guard = guard;
        pending::<Result<(), &str>>().await
    };
    let answer = breaker.call_timeout(LIMIT, hung).await;
    assert!(gone.get(), "the future is dropped before the answer");
    assert_eq!(begun.elapsed(), LIMIT);
    assert_eq!(answer, Err(CallError::TimedOut(LIMIT)));
    let error = answer.expect_err("timed out");
    assert!(!error.is_rejected());
    assert_eq!(error.to_string(), "timed out after 250ms");
    let after = seen(&breaker);
    assert_eq!((after.totals.failures, after.totals.cancelled), (1, 0));
    assert_eq!(after.failures_by_kind.get(FailureKind::Timeout), 1);
}

#[tokio::test(start_paused = true)]
async fn timeouts_trip_and_what_is_rejected_is_not_polled() {
    let (breaker, clock) = breaker();
    for _ in 0..2 {
        let hung = pending::<Result<(), ()>>();
        assert!(breaker.call_timeout(LIMIT, hung).await.is_err());
    }
    assert_eq!(breaker.state(), State::Open);
    let begun = Instant::now();
    let unheard = async { panic!("polled while open") };
    let answer: Result<(), CallError<()>> = breaker.call_timeout(LIMIT, unheard).await;
    assert!(answer.is_err_and(|error| error.is_rejected()));
    assert_eq!(begun.elapsed(), Duration::ZERO);

    // a probe that hangs re-opens, one that answers closes
    clock.advance(Duration::from_secs(1));
    let hung = pending::<Result<(), ()>>();
    assert!(breaker.call_timeout(LIMIT, hung).await.is_err());
    let last = breaker.observer().history().pop().expect("an event");
    assert_eq!((last.to, last.cause), (State::Open, Cause::ProbeFailed));
    clock.advance(Duration::from_secs(3));
    let answered = breaker.call_timeout(LIMIT, async { Ok::<_, ()>(()) }).await;
    assert_eq!(answered, Ok(()));
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn one_that_the_caller_drops_is_a_cancellation() {
    let (breaker, _clock) = breaker();
    let hung = breaker.call_timeout(LIMIT, pending::<Result<(), ()>>());
    let given_up = tokio::time::timeout(LIMIT / 2, hung).await;
    assert!(given_up.is_err());
    let totals = seen(&breaker).totals;
    assert_eq!((totals.cancelled, totals.failures), (1, 0));
    // never polled, never admitted
    drop(breaker.call_timeout(LIMIT, pending::<Result<(), ()>>()));
    assert_eq!(seen(&breaker).totals, totals);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_recorded_and_goes_on() {
    let (breaker, _clock) = breaker();
    let task = tokio::spawn({
        let breaker = breaker.clone();
        async move {
            let bad = async {
                sleep(LIMIT / 2).await;
                // without the panic hook, which would print
                std::panic::resume_unwind(Box::new("the dependency's own"))
            };
            let _: Result<(), CallError<()>> = breaker.call_timeout(LIMIT, bad).await;
        }
    });
    let payload = task.await.expect_err("it panicked").into_panic();
    assert_eq!(payload.downcast_ref(), Some(&"the dependency's own"));
    let kinds = seen(&breaker).failures_by_kind;
    assert_eq!(kinds.get(FailureKind::Client), 1);
}

/// What is left of a call that is given up is the call's own code too.
#[tokio::test(start_paused = true)]
async fn a_panic_in_the_drop_of_what_took_too_long_is_a_failure() {
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("on purpose");
        }
    }

    let (breaker, _) = breaker();
    let calling = breaker.clone();
    let panicked = tokio::spawn(async move {
        let never = async {
            let _bomb = Bomb;
            pending::<Result<(), ()>>().await
        };
        calling.call_timeout(LIMIT, never).await
    });
    assert!(panicked.await.expect_err("a panic").is_panic());
    let seen = seen(&breaker);
    assert_eq!((seen.totals.failures, seen.totals.cancelled), (1, 0));
    assert_eq!(seen.failures_by_kind.get(FailureKind::Client), 1);
}

#[tokio::test(start_paused = true)]
async fn each_handle_has_it() {
    let (breaker, _clock) = breaker();
    let local = breaker.local();
    let hung = || pending::<Result<(), ()>>();
    assert!(local.call_timeout(LIMIT, hung()).await.is_err());
    let ok = local.call_timeout(LIMIT, async { Ok::<_, ()>(()) }).await;
    assert_eq!(ok, Ok(()));
    // the limit is the caller's word, whatever the classifier says of results
    let lenient = |_: &Result<(), ()>| Outcome::Ignored;
    let call = breaker.with_classifier(lenient);
    assert_eq!(
        call.call_timeout(LIMIT, hung()).await,
        Err(CallError::TimedOut(LIMIT))
    );
    assert_eq!(
        call.call_timeout(LIMIT, async { Err(()) }).await,
        Err(CallError::Inner(()))
    );
    let totals = seen(&breaker).totals;
    assert_eq!(
        (totals.failures, totals.successes, totals.ignored),
        (2, 1, 1)
    );
}

/// A hung dependency is a failure, once, whatever `on_cancel` says of calls that callers drop.
#[tokio::test(start_paused = true)]
async fn a_timeout_is_one_failure_under_any_on_cancel() {
    for on_cancel in [OnCancel::Ignored, OnCancel::Failure] {
        let breaker = Breaker::builder("upstream")
            .clock(ManualClock::new())
            .on_cancel(on_cancel)
            .build()
            .expect("valid");
        let hung = pending::<Result<(), ()>>();
        assert!(breaker.call_timeout(Duration::ZERO, hung).await.is_err());
        let totals = seen(&breaker).totals;
        assert_eq!((totals.failures, totals.cancelled), (1, 0), "{on_cancel:?}");
    }
}
