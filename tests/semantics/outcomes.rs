//! What an outcome is, and what it counts as.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use tripcoil::{
    Breaker, CallError, Classify, FailureKind, HalfOpen, ManualClock, OnCancel, Outcome, State,
    Window,
};

use crate::common::{LIMIT, Rig, SERVER, counts, ms, ns, secs};

/// Trips at nothing that these tests do.
fn patient() -> Rig {
    Rig::new(|builder| builder.consecutive_failures(1_000))
}

#[test]
fn a_success_and_a_failure_are_calls() {
    let rig = patient();
    rig.ends(&[Outcome::Success, SERVER, SERVER]);
    let seen = rig.seen();
    assert_eq!(seen.window, counts(1, 2, 0));
    assert_eq!((seen.totals.successes, seen.totals.failures), (1, 2));
    assert_eq!((seen.failure_rate, seen.slow_rate), (2.0 / 3.0, 0.0));
}

#[test]
fn rates_are_zero_where_there_are_no_calls() {
    let seen = patient().seen();
    assert_eq!((seen.failure_rate, seen.slow_rate), (0.0, 0.0));
}

#[test]
fn slow_is_strictly_longer_than_the_limit() {
    let rig = patient();
    rig.acquire().record_timed(Outcome::Success, LIMIT);
    assert_eq!(rig.seen().window, counts(1, 0, 0));
    rig.acquire().record_timed(Outcome::Success, LIMIT + ns(1));
    assert_eq!(rig.seen().window, counts(2, 0, 1));
    assert_eq!(rig.seen().totals.slow, 1);
    assert_eq!(rig.seen().slow_rate, 0.5);
}

#[test]
fn slow_is_measured_at_the_clock_where_no_duration_is_given() {
    let rig = patient();
    for over in [ns(0), ns(1)] {
        let permit = rig.acquire();
        rig.wait(LIMIT + over);
        permit.success();
    }
    let _ = rig.breaker.call(|| {
        rig.wait(LIMIT + ns(1));
        Err::<(), ()>(())
    });
    assert_eq!(rig.seen().window, counts(2, 1, 2));
}

#[test]
fn a_slow_failure_counts_as_failed_and_as_slow() {
    let rig = patient();
    rig.slow(SERVER);
    assert_eq!(rig.seen().window, counts(0, 1, 1));
    assert_eq!((rig.seen().totals.failures, rig.seen().totals.slow), (1, 1));
}

#[test]
fn without_a_limit_nothing_is_slow() {
    let clock = ManualClock::new();
    let breaker = Breaker::builder("quick")
        .clock(&clock)
        .build()
        .expect("valid");
    breaker
        .try_acquire()
        .expect("closed")
        .record_timed(Outcome::Success, secs(1_000_000));
    assert_eq!(breaker.observer().snapshot().totals.slow, 0);
}

#[test]
fn the_longest_duration_is_slow_and_harms_nothing() {
    let rig = patient();
    rig.acquire()
        .record_timed(Outcome::Success, std::time::Duration::MAX);
    assert_eq!(rig.seen().window, counts(1, 0, 1));
}

#[test]
fn ignored_and_dropped_are_in_no_rate() {
    let rig = patient();
    rig.fail(1);
    rig.slow(Outcome::Ignored);
    let permit = rig.acquire();
    rig.wait(LIMIT + ns(1));
    drop(permit);
    let seen = rig.seen();
    assert_eq!(seen.window, counts(0, 1, 0));
    assert_eq!((seen.totals.ignored, seen.totals.cancelled), (1, 1));
    assert_eq!(
        (
            seen.totals.slow,
            seen.totals.successes,
            seen.totals.failures
        ),
        (0, 0, 1)
    );
}

#[test]
fn ignored_and_dropped_leave_the_run_alone() {
    let rig = Rig::run_of_three();
    rig.fail(2);
    rig.end(Outcome::Ignored);
    drop(rig.acquire());
    assert_eq!(rig.seen().consecutive_failures, 2);
    rig.fail(1);
    assert_eq!(rig.state(), State::Open);
}

#[test]
fn ignored_and_dropped_evaluate_nothing() {
    // two successes leave the window, and what stays would trip
    let rig = Rig::new(|builder| {
        builder
            .window(Window::time(secs(2)).buckets(2))
            .failure_rate(0.5)
            .min_throughput(1)
    });
    rig.ok(2);
    rig.wait(secs(1));
    rig.fail(1);
    rig.wait(secs(1));
    rig.end(Outcome::Ignored);
    drop(rig.acquire());
    assert_eq!((rig.state(), rig.seen().failure_rate), (State::Closed, 1.0));
    // a success is an outcome that counts: one of two
    rig.ok(1);
    assert_eq!(rig.state(), State::Open);
}

#[test]
fn a_panic_counts_as_a_failure_and_goes_on_unwinding() {
    let rig = patient();
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        rig.breaker
            .call(|| -> Result<(), ()> { resume_unwind(Box::new(7_u8)) })
    }));
    assert_eq!(unwound.expect_err("a panic").downcast_ref(), Some(&7_u8));
    let seen = rig.seen();
    assert_eq!(seen.window, counts(0, 1, 0));
    assert_eq!(seen.failures_by_kind.get(FailureKind::Client), 1);
}

#[test]
fn a_panicking_probe_fails_its_round() {
    let rig = patient();
    rig.round();
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        rig.breaker
            .call(|| -> Result<(), ()> { resume_unwind(Box::new(())) })
    }));
    assert!(unwound.is_err());
    assert_eq!(rig.state(), State::Open);
}

/// Panics are somebody else's fault here, and odd numbers are slow servers.
struct Odd;

impl Classify<u32, u32> for Odd {
    fn classify(&self, result: &Result<u32, u32>) -> Outcome {
        match result {
            Ok(number) if number % 2 == 1 => Outcome::Failure(FailureKind::Overload),
            Ok(_) => Outcome::Success,
            Err(_) => Outcome::Ignored,
        }
    }

    fn panicked(&self) -> Outcome {
        Outcome::Ignored
    }
}

#[test]
fn the_classifier_says_what_a_result_and_a_panic_are() {
    let clock = ManualClock::new();
    let breaker = Breaker::builder("odd")
        .clock(&clock)
        .classifier(Odd)
        .build()
        .expect("valid");
    assert!(matches!(breaker.call(|| Ok(3)), Ok(3)));
    assert!(matches!(breaker.call(|| Ok(4)), Ok(4)));
    assert!(matches!(breaker.call(|| Err(5)), Err(CallError::Inner(5))));
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        breaker.call(|| resume_unwind(Box::new(())))
    }));
    assert!(unwound.is_err());
    let seen = breaker.observer().snapshot();
    assert_eq!(seen.window, counts(1, 1, 0));
    assert_eq!(seen.totals.ignored, 2);
    assert_eq!(seen.failures_by_kind.get(FailureKind::Overload), 1);
}

#[test]
fn an_error_is_a_server_failure_where_no_classifier_is_named() {
    let rig = patient();
    assert!(matches!(
        rig.breaker.call(|| Err::<(), _>("no")),
        Err(CallError::Inner("no"))
    ));
    assert!(rig.breaker.call(|| Ok::<_, ()>(())).is_ok());
    assert_eq!(rig.seen().failures_by_kind.get(FailureKind::Server), 1);
    assert_eq!(rig.seen().window, counts(1, 1, 0));
}

#[test]
fn the_classifier_can_be_overridden_for_one_call() {
    let rig = patient();
    let not_found = |_: &Result<(), u16>| Outcome::Ignored;
    let got = rig
        .breaker
        .with_classifier(not_found)
        .call(|| Err::<(), _>(404_u16));
    assert!(matches!(got, Err(CallError::Inner(404))));
    assert_eq!(
        (rig.seen().totals.ignored, rig.seen().totals.failures),
        (1, 0)
    );
    let _ = rig.breaker.call(|| Err::<(), _>(404_u16));
    assert_eq!(
        (rig.seen().totals.ignored, rig.seen().totals.failures),
        (1, 1)
    );
}

#[test]
fn the_slow_limit_can_be_overridden_for_one_call() {
    let rig = patient();
    let lasting = |span| {
        move || {
            rig_wait(&span);
            Ok::<(), ()>(())
        }
    };
    // the closure moves the clock by its own handle
    fn rig_wait((clock, span): &(ManualClock, std::time::Duration)) {
        clock.advance(*span);
    }
    let limit = ms(100);
    let at = |span| lasting((rig.clock.clone(), span));
    assert!(rig.breaker.with_slow_call(limit).call(at(limit)).is_ok());
    assert_eq!(rig.seen().totals.slow, 0);
    assert!(
        rig.breaker
            .with_slow_call(limit)
            .call(at(limit + ns(1)))
            .is_ok()
    );
    assert_eq!(rig.seen().totals.slow, 1);
    assert!(rig.breaker.call(at(LIMIT + ns(1))).is_ok());
    assert_eq!(rig.seen().totals.slow, 2);
}

#[test]
fn a_dropped_call_is_ignored_by_default() {
    let rig = Rig::run_of_three();
    (0..10).for_each(|_| drop(rig.acquire()));
    let seen = rig.seen();
    assert_eq!((seen.state, seen.totals.cancelled), (State::Closed, 10));
}

#[test]
fn a_dropped_call_is_a_failure_if_so_configured() {
    let rig = Rig::new(|builder| builder.consecutive_failures(3).on_cancel(OnCancel::Failure));
    (0..3).for_each(|_| drop(rig.acquire()));
    let seen = rig.seen();
    assert_eq!(
        (seen.state, seen.totals.cancelled, seen.totals.failures),
        (State::Open, 0, 3)
    );
    assert_eq!(seen.failures_by_kind.get(FailureKind::Timeout), 3);
}

#[test]
fn a_dropped_call_is_a_failure_only_if_it_had_lasted_longer_than_the_limit() {
    let rig = Rig::new(|builder| {
        builder
            .consecutive_failures(3)
            .on_cancel(OnCancel::FailureIfSlow)
    });
    let permit = rig.acquire();
    rig.wait(LIMIT);
    drop(permit);
    assert_eq!(
        (rig.seen().totals.cancelled, rig.seen().totals.failures),
        (1, 0)
    );
    let permit = rig.acquire();
    rig.wait(LIMIT + ns(1));
    drop(permit);
    let seen = rig.seen();
    assert_eq!((seen.totals.cancelled, seen.totals.failures), (1, 1));
    assert_eq!(seen.failures_by_kind.get(FailureKind::Timeout), 1);
    // it is slow as well: the duration is over the limit
    assert_eq!(seen.window, counts(0, 1, 1));
}

/// Its own limit stands in for the breaker's, and zero is none.
#[test]
fn a_dropped_calls_own_slow_limit_says_whether_it_is_a_failure() {
    let rig = Rig::new(|builder| {
        builder
            .consecutive_failures(9)
            .on_cancel(OnCancel::FailureIfSlow)
    });
    let own = ms(100);
    for (limit, lasted, failures) in [
        (own, own, 0),
        (own, own + ns(1), 1),
        (ns(1), ns(2), 2),
        (ns(0), secs(3_600), 2),
        (std::time::Duration::MAX, secs(3_600), 2),
    ] {
        let call = rig.breaker.with_slow_call(limit);
        let mut future = Box::pin(call.call_async(std::future::pending::<Result<(), ()>>()));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(future.as_mut().poll(&mut context).is_pending());
        rig.wait(lasted);
        drop(future);
        assert_eq!(rig.seen().totals.failures, failures, "{limit:?}");
    }
    assert_eq!(rig.seen().totals.cancelled, 3);
}

#[test]
fn a_dropped_probe_that_is_a_failure_fails_its_round() {
    let rig = Rig::new(|builder| {
        builder
            .consecutive_failures(3)
            .on_cancel(OnCancel::Failure)
            .half_open(HalfOpen::successes(3))
    });
    rig.round();
    drop(rig.acquire());
    assert_eq!(rig.state(), State::Open);
    assert_eq!(rig.cause(), tripcoil::Cause::ProbeFailed);
}

#[test]
fn failures_are_counted_by_kind() {
    let rig = patient();
    use FailureKind::{Client, Connect, Data, Other, Overload, Server, Timeout};
    let kinds = [
        Timeout,
        Connect,
        Overload,
        Server,
        Client,
        Data,
        Other(0),
        Other(1),
    ];
    for (times, kind) in kinds.into_iter().enumerate() {
        (0..=times).for_each(|_| rig.acquire().failure(kind));
    }
    // unlisted kinds share a slot
    rig.acquire().failure(Other(2));
    rig.acquire().failure(Other(255));
    let by_kind = rig.seen().failures_by_kind;
    for (times, kind) in kinds.into_iter().enumerate() {
        assert_eq!(by_kind.get(kind), times as u64 + 1, "{kind:?}");
    }
    assert_eq!((by_kind.get(Other(2)), by_kind.get(Other(77))), (2, 2));
    let all: u64 = by_kind.iter().map(|(_, times)| times).sum();
    assert_eq!(all, rig.seen().totals.failures);
}
