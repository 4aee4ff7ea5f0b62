//! The ways of making a call, and what they answer.

use std::cell::Cell;
use std::future::{Future, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tripcoil::{CallError, FailureKind, OnCancel, Outcome, State};

use crate::common::{LIMIT, Rig, SERVER, counts, ms, ns, rig_in};

fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// A future that is ready.
fn now<F: Future>(future: F) -> F::Output {
    match poll_once(pin!(future)) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("pending"),
    }
}

#[test]
fn a_call_hands_its_answer_through() {
    let rig = Rig::run_of_three();
    assert!(matches!(rig.breaker.call(|| Ok::<_, ()>(5)), Ok(5)));
    let error = rig
        .breaker
        .call(|| Err::<(), _>("broken"))
        .expect_err("an error");
    assert!(!error.is_rejected());
    assert_eq!(error.into_inner(), Some("broken"));
    assert_eq!(rig.seen().window, counts(1, 1, 0));
}

#[test]
fn a_rejected_call_is_not_made() {
    let rig = rig_in(State::Open);
    let made = Cell::new(false);
    let error = rig
        .breaker
        .call(|| {
            made.set(true);
            Ok::<_, ()>(())
        })
        .expect_err("rejected");
    assert!(error.is_rejected() && !made.get());
    let CallError::Rejected(rejected) = error else {
        panic!("not rejected")
    };
    assert_eq!(
        (rejected.state(), rejected.retry_after()),
        (State::Open, Some(ms(10)))
    );
    assert_eq!(error.into_inner(), None::<()>);
}

#[test]
fn a_rejection_is_a_small_value_and_an_error() {
    let rejected = rig_in(State::Open).rejected();
    let copy = rejected;
    assert_eq!(copy.retry_after(), rejected.retry_after());
    let error: &dyn std::error::Error = &rejected;
    assert!(!error.to_string().is_empty());
    assert!(size_of_val(&rejected) <= 32);
}

#[test]
fn an_async_call_acquires_at_its_first_poll() {
    let rig = Rig::run_of_three();
    let call = rig.breaker.call_async(ready(Ok::<_, ()>(5)));
    rig.fail(3);
    // it was made before the trip, and not admitted before it
    let error = now(call).expect_err("rejected");
    assert!(error.is_rejected());
    assert_eq!((rig.seen().totals.late, rig.seen().totals.rejected), (0, 1));

    let rig = rig_in(State::Open);
    let call = rig.breaker.call_async(ready(Ok::<_, ()>(5)));
    rig.wait_out();
    assert!(matches!(now(call), Ok(5)));
    assert_eq!(rig.seen().probes.succeeded, 1);
}

#[test]
fn an_async_call_that_was_never_polled_is_no_call() {
    let rig = rig_in(State::HalfOpen);
    let before = rig.seen();
    drop(rig.breaker.call_async(ready(Ok::<(), ()>(()))));
    assert_eq!(rig.seen(), before);
}

#[test]
fn a_rejected_async_call_does_not_poll_its_future() {
    let rig = rig_in(State::ForcedOpen);
    let polled = Cell::new(false);
    let inner = poll_fn(|_| {
        polled.set(true);
        Poll::Ready(Ok::<(), ()>(()))
    });
    assert!(
        now(rig.breaker.call_async(inner))
            .expect_err("rejected")
            .is_rejected()
    );
    assert!(!polled.get());
}

#[test]
fn an_async_call_lasts_from_its_first_poll_to_its_answer() {
    let rig = Rig::run_of_three();
    for (over, slow) in [(ns(0), 0), (ns(1), 1)] {
        let done = Cell::new(false);
        let inner = poll_fn(|_| match done.get() {
            true => Poll::Ready(Err::<(), ()>(())),
            false => Poll::Pending,
        });
        let mut call = pin!(rig.breaker.call_async(inner));
        rig.wait(ms(100));
        assert!(poll_once(call.as_mut()).is_pending());
        rig.wait(LIMIT + over);
        done.set(true);
        assert!(matches!(
            poll_once(call),
            Poll::Ready(Err(CallError::Inner(())))
        ));
        assert_eq!(rig.seen().totals.slow, slow);
    }
    assert_eq!(rig.seen().window, counts(0, 2, 1));
}

#[test]
fn dropping_an_async_call_is_a_cancellation() {
    let rig = Rig::run_of_three();
    {
        let mut call = pin!(
            rig.breaker
                .call_async(std::future::pending::<Result<(), ()>>())
        );
        assert!(poll_once(call.as_mut()).is_pending());
    }
    assert_eq!(rig.seen().totals.cancelled, 1);

    let rig = Rig::new(|builder| builder.consecutive_failures(1).on_cancel(OnCancel::Failure));
    {
        let mut call = pin!(
            rig.breaker
                .call_async(std::future::pending::<Result<(), ()>>())
        );
        assert!(poll_once(call.as_mut()).is_pending());
        assert_eq!(rig.state(), State::Closed);
    }
    assert_eq!(rig.state(), State::Open);
}

#[test]
fn a_cancelled_async_probe_gives_its_slot_back() {
    let rig = rig_in(State::HalfOpen);
    {
        let mut call = pin!(
            rig.breaker
                .call_async(std::future::pending::<Result<(), ()>>())
        );
        assert!(poll_once(call.as_mut()).is_pending());
        rig.rejected();
    }
    rig.ok(2);
    assert_eq!(rig.state(), State::Closed);
}

#[test]
fn a_finished_async_call_is_counted_once() {
    let rig = Rig::run_of_three();
    let call = rig.breaker.call_async(ready(Ok::<_, ()>(1)));
    assert!(matches!(now(call), Ok(1)));
    let totals = rig.seen().totals;
    assert_eq!((totals.successes, totals.cancelled), (1, 0));
}

#[test]
fn a_panic_in_an_async_call_is_a_failure_and_goes_on() {
    let rig = Rig::run_of_three();
    let inner = poll_fn(|_| -> Poll<Result<(), ()>> { resume_unwind(Box::new(9_u8)) });
    let unwound = catch_unwind(AssertUnwindSafe(|| now(rig.breaker.call_async(inner))));
    assert_eq!(unwound.expect_err("a panic").downcast_ref(), Some(&9_u8));
    let seen = rig.seen();
    assert_eq!((seen.window, seen.totals.cancelled), (counts(0, 1, 0), 0));
    assert_eq!(seen.failures_by_kind.get(FailureKind::Client), 1);
}

#[test]
fn a_permit_has_a_word_for_each_ending() {
    let rig = Rig::run_of_three();
    let permit = || rig.breaker.try_acquire().expect("closed");
    permit().success();
    permit().failure(FailureKind::Data);
    permit().ignore();
    permit().record(SERVER);
    permit().record(Outcome::Success);
    permit().record_timed(SERVER, LIMIT + ns(1));
    drop(permit());
    let seen = rig.seen();
    assert_eq!(seen.window, counts(2, 3, 1));
    assert_eq!((seen.totals.ignored, seen.totals.cancelled), (1, 1));
    assert_eq!(seen.failures_by_kind.get(FailureKind::Data), 1);
}

#[test]
fn an_owned_permit_outlives_its_breaker() {
    let rig = Rig::run_of_three();
    let Rig {
        breaker, observer, ..
    } = rig;
    let permit = breaker.try_acquire_owned().expect("closed");
    drop(breaker);
    std::thread::spawn(move || permit.failure(FailureKind::Server))
        .join()
        .expect("no panic");
    assert_eq!(observer.snapshot().totals.failures, 1);
}

#[test]
fn clones_are_the_same_breaker() {
    let rig = Rig::run_of_three();
    let other = rig.breaker.clone();
    let _ = other.call(|| Err::<(), ()>(()));
    rig.fail(2);
    assert_eq!((other.state(), other.name()), (State::Open, "rig"));
}

#[test]
fn a_local_handle_makes_the_same_calls() {
    let rig = Rig::run_of_three();
    let local = rig.breaker.local();
    assert!(matches!(local.call(|| Ok::<_, ()>(5)), Ok(5)));
    assert!(matches!(
        now(local.call_async(ready(Ok::<_, ()>(6)))),
        Ok(6)
    ));
    local
        .try_acquire()
        .expect("closed")
        .record_timed(Outcome::Success, LIMIT + ns(1));
    assert_eq!(rig.seen().window, counts(3, 0, 1));
    // it sees and shares the run with everyone
    local
        .try_acquire()
        .expect("closed")
        .failure(FailureKind::Server);
    rig.fail(1);
    drop(local.try_acquire().expect("closed"));
    local.try_acquire().expect("closed").ignore();
    let _ = local.call(|| Err::<(), ()>(()));
    assert_eq!(rig.state(), State::Open);
    assert_eq!(
        local.try_acquire().map(drop).expect_err("open").state(),
        State::Open
    );
    rig.wait_out();
    assert!(local.call(|| Ok::<_, ()>(())).is_ok());
    assert_eq!(rig.seen().probes.succeeded, 1);
    assert!(local.call(|| Ok::<_, ()>(())).is_ok());
    assert_eq!(rig.state(), State::Closed);
    assert_eq!(rig.seen().totals.successes, 5);
}

#[test]
fn a_local_handle_leaves_its_counts_behind() {
    let rig = Rig::run_of_three();
    for times in 1..=20 {
        let local = rig.breaker.local();
        assert!(local.call(|| Ok::<_, ()>(())).is_ok());
        drop(local);
        assert_eq!(rig.seen().window, counts(times, 0, 0));
    }
    let many: Vec<_> = (0..100).map(|_| rig.breaker.local()).collect();
    for local in &many {
        assert!(local.call(|| Ok::<_, ()>(())).is_ok());
    }
    assert_eq!(rig.seen().window, counts(120, 0, 0));
    drop(many);
    assert_eq!(rig.seen().totals.successes, 120);
}

#[test]
fn a_local_handle_may_go_to_another_thread() {
    let rig = Rig::run_of_three();
    let local = rig.breaker.local();
    let call = move || local.call(|| Ok::<_, ()>(())).is_ok();
    assert!(std::thread::spawn(call).join().expect("no panic"));
    assert_eq!(rig.seen().totals.successes, 1);
}

#[test]
fn the_handles_may_be_shared_as_promised() {
    fn shared<T: Send + Sync + 'static>() {}
    fn sent<T: Send>() {}
    shared::<tripcoil::Breaker>();
    shared::<tripcoil::Controller>();
    shared::<tripcoil::Observer>();
    sent::<tripcoil::Local>();
    sent::<tripcoil::call::OwnedPermit>();
}
