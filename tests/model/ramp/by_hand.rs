//! The ramp and the probe timeout against figures worked out by hand.

use super::{first_share, logarithm};
use crate::model::downtime::{later_wait, unit};
use crate::model::{
    Backoff, Cause, Counts, HalfOpen, Hang, Kind, Model, OnCancel, Order, Outcome, Permit,
    Recovery, Rejection, Rules, Setup, State, Window, whole_ms,
};

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;
const FAILED: Outcome = Outcome::Failure(Kind::Server, None);

/// A round needs one success, and a ramp follows.
fn rules() -> Rules {
    Rules {
        failure_rate: None,
        min_throughput: 1,
        slow_call: None,
        slow_rate: None,
        consecutive_failures: Some(1),
        failure_count: None,
        outage: None,
        hang: None,
        lenient: None,
        backoff: Backoff {
            base: 7 * MS,
            factor: 1.0,
            max: SECOND,
            reset_after: 0,
            adaptive: None,
        },
        half_open: HalfOpen {
            recovery: Recovery::Successes(1),
            max_probes: 1,
            probe_timeout: Some(SECOND),
            ramp: true,
        },
        on_cancel: OnCancel::Ignored,
        max_in_flight: None,
    }
}

fn half_open(rules: Rules, pace: f64) -> Model {
    let setup = Setup {
        window: Window::Time {
            buckets: 10,
            width: SECOND,
        },
        rules,
        initial: State::HalfOpen,
        origin: 0,
    };
    let mut model = Model::new(&setup, 0);
    model.assume_pace(pace);
    model
}

/// A ramp that begins at 0, after a probe that took no time.
fn ramp(pace: f64) -> Model {
    let mut model = half_open(rules(), pace);
    call(&mut model, Outcome::Success, 0);
    model
}

/// The next acquire that is admitted.
fn begin(model: &mut Model, now: u64) -> Permit {
    (0..4)
        .find_map(|_| model.acquire(now).ok())
        .expect("a quarter is admitted at least")
}

fn call(model: &mut Model, outcome: Outcome, now: u64) {
    let permit = begin(model, now);
    model.finish(permit, outcome, 0, now);
}

fn calls(model: &mut Model, times: u32, outcome: Outcome, now: u64) {
    (0..times).for_each(|_| call(model, outcome, now));
}

fn share(model: &Model) -> f64 {
    model.admitted_share()
}

/// Five successes at a moment, and a call 100 ms later that finds the step good; it is in the next one.
fn good_step(model: &mut Model, from: u64) {
    calls(model, 5, Outcome::Success, from);
    call(model, Outcome::Success, from + 100 * MS);
}

#[test]
fn a_round_that_is_won_goes_on_with_a_share() {
    let model = ramp(400.0);
    let view = model.view(0);
    assert_eq!((view.state, view.generation), (State::HalfOpen, 0));
    assert_eq!((view.admitted_share, view.probes), (0.25, [0, 1, 0]));
    assert_eq!(model.events(), []);
}

#[test]
fn the_first_share_is_of_50_calls_per_second() {
    // in units of 2^-20; the pace is in those of 2^-16
    for (pace, units) in [
        (6_554, 1 << 20),
        (50 << 16, 1 << 20),
        // five sixths
        (60 << 16, 873_813),
        (100 << 16, 1 << 19),
        (200 << 16, 1 << 18),
        (5_000 << 16, 1 << 18),
    ] {
        assert_eq!(first_share(pace), units, "{pace}");
    }
}

#[test]
fn the_credit_admits_each_fourth_call() {
    let mut model = ramp(400.0);
    // the credit: 1.25, 0.5, 0.75, 1, 0.25, 0.5, 0.75, 1
    let admitted: Vec<bool> = (0..8).map(|_| model.acquire(0).is_ok()).collect();
    let expected = [true, false, false, true, false, false, false, true];
    assert_eq!(admitted, expected);
    assert_eq!(model.view(0).totals.rejected, 5);
}

#[test]
fn a_rejection_knows_the_rest_of_the_step() {
    for (now, retry_after) in [
        (0, Some(100 * MS)),
        (30 * MS, Some(70 * MS)),
        (100 * MS - 1, Some(1)),
        (100 * MS, None),
    ] {
        let mut model = ramp(400.0);
        begin(&mut model, 0);
        let rejection = Rejection {
            state: State::HalfOpen,
            cause: None,
            retry_after,
        };
        assert_eq!(model.acquire(now), Err(rejection));
    }
}

#[test]
fn good_steps_lead_to_closed() {
    let mut model = ramp(400.0);
    calls(&mut model, 5, Outcome::Success, 0);
    call(&mut model, Outcome::Success, 100 * MS - 1);
    assert_eq!(share(&model), 0.25);
    call(&mut model, Outcome::Success, 100 * MS);
    assert_eq!(share(&model), 0.75);
    calls(&mut model, 4, Outcome::Success, 101 * MS);
    assert_eq!(model.state(), State::HalfOpen);
    call(&mut model, Outcome::Success, 200 * MS);
    let event = model.events()[0];
    assert_eq!((event.cause, event.at), (Cause::RampCompleted, 200 * MS));
    assert_eq!((event.generation, event.failure), (1, None));
    // the acquire of the last call has found the step good
    assert_eq!(event.counts.calls, 11);
    let view = model.view(200 * MS);
    assert_eq!((view.state, view.admitted_share), (State::Closed, 1.0));
    assert_eq!((view.window.calls, view.totals.successes), (1, 13));
}

#[test]
fn with_a_first_share_of_one_a_good_step_must_pass() {
    let mut model = ramp(0.1);
    assert_eq!(share(&model), 1.0);
    let held = begin(&mut model, 100 * MS);
    assert_eq!(model.state(), State::HalfOpen);
    model.finish(held, Outcome::Success, 0, 100 * MS);
    assert_eq!(model.events()[0].cause, Cause::RampCompleted);
}

#[test]
fn a_good_step_has_the_calls_that_the_pace_promises() {
    // 2.5 calls in 100 ms at 25 per second, rounded down
    for (times, state) in [(1, State::HalfOpen), (2, State::Closed)] {
        let mut model = ramp(25.0);
        calls(&mut model, times, Outcome::Success, 0);
        begin(&mut model, 100 * MS);
        assert_eq!(model.state(), state, "{times}");
    }
}

#[test]
fn nine_of_ten_calls_of_a_good_step_have_ended() {
    for (times, state) in [(8, State::HalfOpen), (9, State::Closed)] {
        let mut model = ramp(0.1);
        begin(&mut model, 0);
        calls(&mut model, times, Outcome::Success, 0);
        begin(&mut model, 100 * MS);
        assert_eq!(model.state(), state, "{times}");
    }
}

#[test]
fn ignored_and_cancelled_calls_are_taken_off() {
    let mut model = ramp(0.1);
    let held: Vec<Permit> = (0..10).map(|_| begin(&mut model, 0)).collect();
    calls(&mut model, 1, Outcome::Success, 0);
    for permit in &held[..5] {
        model.finish(*permit, Outcome::Ignored, 0, 100 * MS);
    }
    for permit in &held[5..9] {
        model.cancel(*permit, 100 * MS);
    }
    assert_eq!(model.state(), State::HalfOpen);
    // this leaves one admitted, and that has ended
    model.cancel(held[9], 100 * MS);
    assert_eq!(model.events()[0].counts.calls, 1);
    assert_eq!(model.events()[0].cause, Cause::RampCompleted);
}

#[test]
fn four_bad_calls_more_than_good_ones_cut_a_short_step() {
    // ln 20 as 0.693147 (4 + 20 / 16 - 1 + 0.0861) = 3.0055, and a bad call weighs 0.8473
    let exact = |units: u64| units as f64 / 65_536.0;
    assert!((exact(logarithm(20)) - 3.0055).abs() < 1e-4);
    let good = Outcome::Success;
    for before in [
        vec![FAILED; 3],
        vec![FAILED, FAILED, good, FAILED, FAILED],
        // a score below 0 becomes 0
        vec![good, good, good, FAILED, FAILED, FAILED],
    ] {
        let mut model = ramp(0.1);
        for outcome in &before {
            call(&mut model, *outcome, 0);
        }
        assert_eq!(model.state(), State::HalfOpen);
        call(&mut model, FAILED, 0);
        let event = model.events()[0];
        assert_eq!((event.cause, event.failure), (Cause::RampFailed, None));
        assert_eq!(event.counts.calls, 1 + before.len() as u64);
        assert_eq!(event.open_until, Some(7 * MS));
    }
}

#[test]
fn more_calls_of_a_step_need_more_evidence() {
    // ln 40 is 3.699, four bad calls are 3.389, and five are 4.236
    let mut model = ramp(0.1);
    let held: Vec<Permit> = (0..10).map(|_| begin(&mut model, 0)).collect();
    for permit in &held[..4] {
        model.finish(*permit, FAILED, 0, 0);
    }
    assert_eq!(model.state(), State::HalfOpen);
    model.finish(held[4], FAILED, 0, 0);
    assert_eq!(model.events()[0].cause, Cause::RampFailed);
}

#[test]
fn the_next_step_may_be_cut_for_what_a_long_one_bore() {
    // at 16 admitted the limit is ln 64, 4.218, and for the next step it is 3.006
    let mut model = ramp(400.0);
    let held: Vec<Permit> = (0..16).map(|_| begin(&mut model, 0)).collect();
    for permit in &held[..12] {
        model.finish(*permit, Outcome::Success, 0, 0);
    }
    for permit in &held[12..] {
        model.finish(*permit, FAILED, 0, 0);
    }
    assert_eq!((model.state(), share(&model)), (State::HalfOpen, 0.25));
    let _ = model.acquire(100 * MS);
    // three quarters, and half of that
    assert_eq!((model.state(), share(&model)), (State::HalfOpen, 0.375));
}

#[test]
fn after_a_cut_the_share_is_half_and_grows_slower() {
    let mut model = ramp(400.0);
    good_step(&mut model, 0);
    calls(&mut model, 3, FAILED, 100 * MS);
    assert_eq!(share(&model), 0.75);
    call(&mut model, FAILED, 100 * MS);
    assert_eq!(share(&model), 0.375);
    good_step(&mut model, 100 * MS);
    assert_eq!(share(&model), 0.562_5);
    good_step(&mut model, 200 * MS);
    assert_eq!(share(&model), 0.843_75);
    good_step(&mut model, 300 * MS);
    assert_eq!(model.events()[0].cause, Cause::RampCompleted);
}

#[test]
fn a_second_cut_without_a_good_step_between_re_opens() {
    let mut model = ramp(400.0);
    good_step(&mut model, 0);
    calls(&mut model, 4, FAILED, 100 * MS);
    calls(&mut model, 3, FAILED, 100 * MS);
    assert_eq!(share(&model), 0.375);
    call(&mut model, FAILED, 100 * MS);
    let event = model.events()[0];
    let counts = Counts {
        calls: 14,
        successes: 6,
        failures: 8,
        slow: 0,
    };
    assert_eq!((event.cause, event.counts), (Cause::RampFailed, counts));
    assert_eq!(share(&model), 0.0);
}

#[test]
fn a_cut_leads_to_the_first_share_at_least_and_there_is_the_last() {
    // 50 of 160
    let mut model = ramp(160.0);
    good_step(&mut model, 0);
    for (at, halved, grown) in [
        (100 * MS, 0.468_75, 0.703_125),
        (200 * MS, 0.351_562_5, 0.527_343_75),
    ] {
        calls(&mut model, 4, FAILED, at);
        assert_eq!(share(&model), halved);
        good_step(&mut model, at);
        assert_eq!(share(&model), grown);
    }
    calls(&mut model, 4, FAILED, 300 * MS);
    assert_eq!(share(&model), 0.312_5);
    calls(&mut model, 4, FAILED, 300 * MS);
    assert_eq!(model.events()[0].cause, Cause::RampFailed);
}

#[test]
fn calls_from_before_the_cut_move_the_score_no_more() {
    let mut model = ramp(400.0);
    let held: Vec<Permit> = (0..10).map(|_| begin(&mut model, 0)).collect();
    for permit in &held[..9] {
        model.finish(*permit, Outcome::Success, 0, 0);
    }
    let mut held = vec![held[9]];
    let _ = model.acquire(100 * MS);
    assert_eq!(share(&model), 0.75);
    held.extend((0..3).map(|_| begin(&mut model, 100 * MS)));
    calls(&mut model, 4, FAILED, 100 * MS);
    assert_eq!(share(&model), 0.375);
    for permit in held {
        model.finish(permit, FAILED, 0, 100 * MS);
    }
    assert_eq!((model.state(), share(&model)), (State::HalfOpen, 0.375));
    assert_eq!(model.view(0).totals.failures, 8);
}

#[test]
fn ten_calls_that_hang_cut_the_step() {
    for (hung, ended, cut) in [(9, 0, false), (10, 0, true), (10, 9, true), (10, 10, false)] {
        let mut model = ramp(0.1);
        calls(&mut model, ended, Outcome::Success, 0);
        (0..hung).for_each(|_| _ = begin(&mut model, 0));
        // patience is that of a hang rule at its default
        let mut again = model.clone();
        begin(&mut again, 300 * MS);
        assert_eq!(again.state(), State::HalfOpen);
        assert_eq!(model.acquire(300 * MS + 1).is_err(), cut, "{hung}, {ended}");
    }
}

#[test]
fn calls_slower_than_the_probes_cut_the_step() {
    // three times 10 ms, and 20 ms
    for (times, longer, cause) in [
        (5, 0, Cause::RampCompleted),
        (5, 1, Cause::RampFailed),
        (4, SECOND, Cause::RampCompleted),
    ] {
        let mut model = half_open(rules(), 0.1);
        let probe = begin(&mut model, 0);
        model.finish(probe, Outcome::Success, 10 * MS, 0);
        for _ in 1..times {
            let permit = begin(&mut model, 0);
            model.finish(permit, Outcome::Success, 50 * MS, 0);
        }
        let permit = begin(&mut model, 0);
        model.finish(permit, Outcome::Success, 50 * MS + longer, 0);
        let _ = model.acquire(100 * MS);
        assert_eq!(model.events()[0].cause, cause, "{times}, {longer}");
    }
}

#[test]
fn a_leaked_permit_counts_as_bad_at_the_probe_timeout() {
    for (leaked, cause) in [(3, Cause::RampCompleted), (4, Cause::RampFailed)] {
        let mut model = ramp(0.1);
        (0..leaked).for_each(|_| _ = begin(&mut model, 0));
        begin(&mut model, SECOND - 1);
        assert_eq!(model.state(), State::HalfOpen);
        let mut model = ramp(0.1);
        (0..leaked).for_each(|_| _ = begin(&mut model, 0));
        let _ = model.acquire(SECOND);
        assert_eq!(model.events()[0].cause, cause, "{leaked}");
    }
}

#[test]
fn a_step_with_too_few_calls_is_followed_by_another() {
    let mut model = ramp(400.0);
    // of four, one is lost: else they would be enough at the step's end
    calls(&mut model, 3, Outcome::Success, 0);
    begin(&mut model, 0);
    begin(&mut model, SECOND);
    let rejection = model.acquire(SECOND).expect_err("a quarter is admitted");
    assert_eq!(rejection.retry_after, Some(100 * MS));
    assert_eq!(share(&model), 0.25);
}

#[test]
fn a_call_that_outlasts_its_step_is_in_none() {
    let mut model = ramp(400.0);
    let held = begin(&mut model, 0);
    calls(&mut model, 9, Outcome::Success, 0);
    calls(&mut model, 4, Outcome::Success, 100 * MS);
    model.finish(held, Outcome::Success, 0, 200 * MS);
    assert_eq!(share(&model), 0.75);
    call(&mut model, Outcome::Success, 200 * MS);
    assert_eq!(model.events()[0].counts.calls, 15);
}

#[test]
fn a_probe_that_ends_in_the_ramp_is_late_and_so_is_a_call_that_ends_after_it() {
    let mut model = half_open(
        Rules {
            half_open: HalfOpen {
                recovery: Recovery::Successes(3),
                max_probes: 3,
                ..rules().half_open
            },
            ..rules()
        },
        0.1,
    );
    let probe = begin(&mut model, 0);
    call(&mut model, Outcome::Success, 0);
    assert!(model.reconfigure(rules(), 0));
    let held = begin(&mut model, 0);
    assert_eq!(share(&model), 1.0);
    model.finish(probe, FAILED, 0, 0);
    let view = model.view(0);
    assert_eq!((view.totals.late, view.totals.failures), (1, 0));
    assert!(model.control(Order::Reset, 0));
    model.finish(held, Outcome::Success, 0, 0);
    let view = model.view(0);
    assert_eq!((view.totals.late, view.late_probe_successes), (2, 0));
}

#[test]
fn a_ramp_that_is_switched_off_is_over() {
    let off = Rules {
        half_open: HalfOpen {
            ramp: false,
            ..rules().half_open
        },
        ..rules()
    };
    let mut model = ramp(400.0);
    let held = begin(&mut model, 0);
    assert!(model.reconfigure(off, 0));
    assert_eq!(model.state(), State::HalfOpen);
    model.finish(held, FAILED, 0, 0);
    let event = model.events()[0];
    assert_eq!(
        (event.cause, event.counts.failures),
        (Cause::RampCompleted, 1)
    );
}

#[test]
fn a_failures_own_wait_counts_if_the_ramp_fails_at_its_end() {
    let mut model = ramp(0.1);
    let asking = |ms: u64| Outcome::Failure(Kind::Server, Some(ms * MS));
    calls(&mut model, 3, asking(500), 0);
    call(&mut model, asking(20), 0);
    assert_eq!(model.events()[0].open_until, Some(20 * MS));
}

#[test]
fn an_adaptive_probe_timeout_grows_with_what_was_lost() {
    let hang = Hang {
        after: 100 * MS,
        starts: 1,
    };
    let adaptive = Rules {
        hang: Some(hang),
        backoff: Backoff {
            adaptive: Some(0),
            max: 30 * SECOND,
            ..rules().backoff
        },
        half_open: HalfOpen {
            probe_timeout: None,
            ..rules().half_open
        },
        ..rules()
    };
    let mut model = half_open(adaptive, 0.1);
    assert_eq!(model.probe_timeout(), 100 * MS);
    // the outage begins with this opening
    call(&mut model, FAILED, 0);
    assert_eq!(model.probe_timeout(), 100 * MS);
    for n in 1..=3 {
        call(&mut model, FAILED, n * 40 * SECOND);
    }
    assert_eq!(model.probe_timeout(), 200 * MS);
    // a ramp that is lost counts as well
    call(&mut model, Outcome::Success, 200 * SECOND);
    calls(&mut model, 4, FAILED, 200 * SECOND);
    assert_eq!(model.probe_timeout(), 223_606_797);
    let with_hang = |hang| Rules { hang, ..adaptive };
    let longer = Hang {
        after: 2_300 * MS,
        ..hang
    };
    assert!(model.reconfigure(with_hang(Some(longer)), 200 * SECOND));
    assert_eq!(model.probe_timeout(), 5 * SECOND);
    assert!(model.reconfigure(with_hang(None), 200 * SECOND));
    assert_eq!(model.probe_timeout(), 60 * SECOND);
    assert!(model.reconfigure(rules(), 200 * SECOND));
    assert_eq!(model.probe_timeout(), SECOND);
}

#[test]
fn only_successes_under_an_adaptive_rule_count_as_the_slowest() {
    let switched = |ramp| Rules {
        half_open: HalfOpen {
            recovery: Recovery::Successes(2),
            ramp,
            ..rules().half_open
        },
        ..rules()
    };
    for (first, cause) in [(true, Cause::RampCompleted), (false, Cause::RampFailed)] {
        let mut model = half_open(switched(first), 0.1);
        let probe = begin(&mut model, 0);
        model.finish(probe, Outcome::Success, 10 * MS, 0);
        assert!(model.reconfigure(switched(true), 0));
        call(&mut model, Outcome::Success, 0);
        for _ in 0..5 {
            let permit = begin(&mut model, 0);
            model.finish(permit, Outcome::Success, 50 * MS, 0);
        }
        let _ = model.acquire(100 * MS);
        assert_eq!(model.events()[0].cause, cause, "{first}");
    }
}

#[test]
fn a_call_that_lasts_through_256_steps_counts_as_a_later_one() {
    let mut model = ramp(400.0);
    let held = begin(&mut model, 0);
    for step in 1..=256 {
        if let Ok(permit) = model.acquire(step * SECOND) {
            model.cancel(permit, step * SECOND);
        }
    }
    let Some(ramp) = model.ramp else {
        panic!("half-open")
    };
    assert_eq!(ramp.step.number, 256);
    begin(&mut model, 256 * SECOND);
    model.cancel(held, 256 * SECOND);
    assert_eq!(model.ramp.map(|ramp| ramp.step.admitted), Some(0));
}

#[test]
fn an_adaptive_wait_counts_from_the_failure_of_the_ramp() {
    let mut model = half_open(
        Rules {
            backoff: Backoff {
                adaptive: Some(0),
                max: 30 * SECOND,
                ..rules().backoff
            },
            ..rules()
        },
        0.1,
    );
    call(&mut model, FAILED, 0);
    call(&mut model, Outcome::Success, 100 * SECOND);
    calls(&mut model, 3, FAILED, 100 * SECOND);
    call(&mut model, FAILED, 100 * SECOND + 50 * MS);
    let wait = later_wait(100_050, 6_553, 30 * SECOND, unit(0, 3));
    let event = model.events()[2];
    assert_eq!(event.cause, Cause::RampFailed);
    let until = whole_ms(100 * SECOND + 50 * MS + wait);
    assert_eq!(event.open_until, Some(until));
}
