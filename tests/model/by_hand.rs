//! The model against figures worked out by hand: the judge is judged first.

use super::*;

const MS: u64 = 1_000_000;
const FAILED: Outcome = Outcome::Failure(Kind::Server, None);

fn rules() -> Rules {
    Rules {
        failure_rate: None,
        min_throughput: 1,
        slow_call: None,
        slow_rate: None,
        consecutive_failures: Some(3),
        failure_count: None,
        outage: None,
        hang: None,
        lenient: None,
        backoff: Backoff {
            base: 10 * MS,
            factor: 2.0,
            max: 35 * MS,
            reset_after: 0,
            adaptive: None,
        },
        half_open: HalfOpen {
            recovery: Recovery::Successes(2),
            max_probes: 1,
            probe_timeout: Some(5 * MS),
            ramp: false,
        },
        on_cancel: OnCancel::Ignored,
        max_in_flight: None,
    }
}

fn model(rules: Rules) -> Model {
    let window = Window::Time {
        buckets: 2,
        width: 10,
    };
    Model::new(
        &Setup {
            window,
            rules,
            initial: State::Closed,
            origin: 0,
        },
        0,
    )
}

fn call(model: &mut Model, outcome: Outcome, now: u64) {
    let permit = model.acquire(now).expect("admitted");
    model.finish(permit, outcome, 0, now);
}

#[test]
fn a_run_trips_and_a_success_ends_a_run() {
    let mut model = model(rules());
    for outcome in [FAILED, FAILED, Outcome::Success, FAILED, FAILED] {
        call(&mut model, outcome, 0);
    }
    assert_eq!(
        (model.state(), model.view(0).consecutive_failures),
        (State::Closed, 2)
    );
    call(&mut model, FAILED, 7);
    let counts = Counts {
        calls: 6,
        successes: 1,
        failures: 5,
        slow: 0,
    };
    assert_eq!(
        model.events(),
        [Event {
            generation: 1,
            from: State::Closed,
            to: State::Open,
            cause: Cause::ConsecutiveFailures,
            at: 7,
            counts,
            consecutive_failures: 3,
            open_until: Some(11 * MS),
            failure: Some(Kind::Server),
        }]
    );
    // 7 ns and 10 ms, up to the whole millisecond
    assert_eq!(model.view(7).retry_after, Some(11 * MS - 7));
    assert_eq!(model.view(7).window, counts);
}

#[test]
fn epochs_leave_the_window_whole() {
    let mut model = model(rules());
    call(&mut model, FAILED, 9);
    call(&mut model, Outcome::Success, 10);
    let seen = |now| {
        model
            .view(now)
            .buckets
            .iter()
            .map(|b| b.calls)
            .collect::<Vec<_>>()
    };
    assert_eq!(seen(10), [1, 1]);
    assert_eq!(seen(19), [1, 1]);
    assert_eq!(seen(20), [1, 0]);
    assert_eq!(seen(30), [0, 0]);
    assert_eq!(model.view(19).failure_rate, 0.5);
    assert_eq!(model.view(20).failure_rate, 0.0);
}

#[test]
fn a_count_window_holds_the_last_n() {
    let setup = Setup {
        window: Window::Count(3),
        rules: Rules {
            failure_count: Some(2),
            consecutive_failures: None,
            ..rules()
        },
        initial: State::Closed,
        origin: 0,
    };
    let mut model = Model::new(&setup, 0);
    for outcome in [FAILED, Outcome::Success, Outcome::Success, FAILED] {
        call(&mut model, outcome, 0);
    }
    assert_eq!(
        model.view(0).window,
        Counts {
            calls: 3,
            successes: 2,
            failures: 1,
            slow: 0
        }
    );
    call(&mut model, FAILED, 0);
    assert_eq!(model.events()[0].cause, Cause::FailureCount);
}

#[test]
fn a_success_may_be_the_one_that_trips() {
    let rules = Rules {
        failure_rate: Some(0.5),
        min_throughput: 4,
        consecutive_failures: None,
        ..rules()
    };
    let mut model = model(rules);
    for outcome in [FAILED, FAILED, Outcome::Success] {
        call(&mut model, outcome, 0);
    }
    assert_eq!(model.state(), State::Closed);
    call(&mut model, Outcome::Success, 0);
    assert_eq!(model.state(), State::Open);
}

#[test]
fn a_round_recovers_or_re_opens_for_longer() {
    let mut model = model(rules());
    for _ in 0..3 {
        call(&mut model, FAILED, 0);
    }
    assert_eq!(
        model.acquire(10 * MS - 1),
        Err(Rejection {
            state: State::Open,
            cause: Some(Cause::ConsecutiveFailures),
            retry_after: Some(1)
        })
    );
    call(&mut model, FAILED, 10 * MS);
    assert_eq!(model.view(10 * MS).retry_after, Some(20 * MS));
    let probe = model.acquire(30 * MS).expect("the first probe");
    let full = Err(Rejection {
        state: State::HalfOpen,
        cause: None,
        retry_after: None,
    });
    assert_eq!(model.acquire(35 * MS - 1), full);
    // the timeout: the third opening, capped
    let whole = Rejection {
        state: State::Open,
        cause: Some(Cause::ProbeTimeout),
        retry_after: Some(35 * MS),
    };
    assert_eq!(model.acquire(35 * MS), Err(whole));
    model.finish(probe, Outcome::Success, 0, 36 * MS);
    assert_eq!(model.view(36 * MS).totals.late, 1);
    for _ in 0..2 {
        call(&mut model, Outcome::Success, 70 * MS);
    }
    assert_eq!(model.state(), State::Closed);
    let causes: Vec<Cause> = model.events().iter().map(|event| event.cause).collect();
    let expected = [
        Cause::ConsecutiveFailures,
        Cause::OpenElapsed,
        Cause::ProbeFailed,
        Cause::OpenElapsed,
        Cause::ProbeTimeout,
        Cause::OpenElapsed,
        Cause::ProbesSucceeded,
    ];
    assert_eq!(causes, expected);
}

#[test]
fn cancelled_probes_are_held_against_the_round() {
    let mut model = model(rules());
    assert!(model.control(Order::HalfOpen, 0));
    let mut cancel = |now: u64, state: State| {
        let probe = model.acquire(now).expect("a free slot");
        assert_eq!(model.view(now).probes[0], 1);
        model.cancel(probe, now);
        assert_eq!(model.state(), state, "at {now}");
    };
    // as many as the round needs, and more: but its time is not over
    for now in [0, 0, 1, 5 * MS - 1] {
        cancel(now, State::HalfOpen);
    }
    cancel(5 * MS, State::Open);
    assert_eq!(model.events()[1].cause, Cause::ProbesCancelled);
    assert_eq!(model.view(5 * MS).totals.cancelled, 5);
}

#[test]
fn a_result_puts_off_that_a_round_is_given_up() {
    let mut model = model(rules());
    assert!(model.control(Order::HalfOpen, 0));
    call(&mut model, Outcome::Success, 3 * MS + 1);
    for (now, state) in [
        (5 * MS, State::HalfOpen),
        (9 * MS - 1, State::HalfOpen),
        (9 * MS, State::Open),
    ] {
        let probe = model.acquire(now).expect("a free slot");
        model.cancel(probe, now);
        assert_eq!(model.state(), state, "at {now}");
    }
}

#[test]
fn a_run_is_over_where_the_window_holds_no_failure() {
    let mut model = model(rules());
    for (now, run) in [(0, 1), (9, 2), (29, 1), (31, 2)] {
        call(&mut model, FAILED, now);
        assert_eq!(model.view(now).consecutive_failures, run, "at {now}");
    }
    assert_eq!(model.view(49).consecutive_failures, 2);
    assert_eq!(model.view(50).consecutive_failures, 0);
    call(&mut model, FAILED, 50);
    assert_eq!(model.state(), State::Closed);
}

#[test]
fn a_failures_own_wait_only_lengthens() {
    for (asked, wait) in [(0, 10), (9, 10), (11, 11), (90, 35)] {
        let mut model = model(Rules {
            consecutive_failures: Some(1),
            ..rules()
        });
        call(
            &mut model,
            Outcome::Failure(Kind::Server, Some(asked * MS)),
            0,
        );
        assert_eq!(model.view(0).retry_after, Some(wait * MS), "{asked} asked");
    }
}

#[test]
fn overrides_stand_until_released() {
    let mut model = model(rules());
    assert!(model.control(Order::ObserveOnly, 0));
    for _ in 0..4 {
        call(&mut model, FAILED, 0);
    }
    assert_eq!(model.view(0).would_trip, 1);
    assert!(!model.control(Order::Trip, 0));
    assert!(model.control(Order::Disable, 0));
    call(&mut model, FAILED, 0);
    assert_eq!(model.view(0).totals.failures, 4);
    assert_eq!(model.view(0).window.failures, 4);
    assert!(model.control(Order::Release, 0));
    assert!(!model.control(Order::Release, 0));
    assert_eq!(model.view(0).window, Counts::default());
}
