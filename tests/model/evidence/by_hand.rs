//! The outage rule against figures worked out by hand.

use super::{FIRST_PACE, limit, tick_length, weights};
use crate::model::{
    Backoff, Cause, Evidence, HalfOpen, Kind, Model, OnCancel, Order, Outage, Outcome, Recovery,
    Rules, Setup, State, Window,
};

const MS: u64 = 1_000_000;
const FAILED: Outcome = Outcome::Failure(Kind::Server, None);
const AT_HALF: Outage = Outage {
    theta: 0.5,
    loss: 0.002,
};
/// At a half, both weights are the logarithm of 7/3, 55,528.5 units: rounded down, and up.
const BAD: f64 = 55_528.0 / 65_536.0;
const GOOD: f64 = 55_529.0 / 65_536.0;
/// Of a loss of 1 in 500, and a pace below 0.5: 9 bad outcomes reach it, and 8 do not.
const LIMIT: f64 = 456_043.0 / 65_536.0;

/// Three buckets of 30 ms, each of two ticks of 15 ms.
fn model(initial: State, outage: Option<Outage>) -> Model {
    let rules = Rules {
        failure_rate: None,
        min_throughput: 1,
        slow_call: Some(10),
        slow_rate: None,
        consecutive_failures: None,
        failure_count: Some(1_000),
        outage,
        hang: None,
        lenient: None,
        backoff: Backoff {
            base: MS,
            factor: 1.0,
            max: MS,
            reset_after: 0,
            adaptive: None,
        },
        half_open: HalfOpen {
            recovery: Recovery::Successes(2),
            max_probes: 1,
            probe_timeout: Some(MS),
            ramp: false,
        },
        on_cancel: OnCancel::Ignored,
        max_in_flight: None,
    };
    let window = Window::Time {
        buckets: 3,
        width: 30 * MS,
    };
    let setup = Setup {
        window,
        rules,
        initial,
        origin: 0,
    };
    Model::new(&setup, 0)
}

fn closed() -> Model {
    model(State::Closed, Some(AT_HALF))
}

fn calls(model: &mut Model, times: u32, outcome: Outcome, now: u64) {
    for _ in 0..times {
        let permit = model.acquire(now).expect("admitted");
        model.finish(permit, outcome, 0, now);
    }
}

fn seen(model: &Model, now: u64) -> Evidence {
    model.view(now).evidence.expect("the rule is on")
}

fn value(model: &Model, now: u64) -> f64 {
    seen(model, now).value
}

#[test]
fn weights_are_rounded_against_a_trip() {
    assert_eq!(weights(0.5), (55_528, 55_529));
    assert_eq!(weights(0.01), (62_004, 627));
    assert_eq!(weights(0.9), (40_262, 362_364));
}

#[test]
fn the_limit_is_no_less_than_a_logarithm() {
    // of 1,000, of 80,000 and of 20
    for (loss, pace, exact) in [(0.002, 32_768, 1e3), (0.002, 40 << 16, 8e4), (0.1, 1, 20.0)] {
        let units = limit(loss, pace) as f64;
        let over = units / 65_536.0 - f64::ln(exact);
        assert!((0.0..0.06).contains(&over), "{exact}: {over} too high");
    }
    assert_eq!(limit(0.002, FIRST_PACE), 456_043);
    assert_eq!(limit(0.1, FIRST_PACE), 196_973);
}

#[test]
fn ticks_are_20_ms_or_less() {
    for (width, length) in [
        (1, 1),
        (7, 7),
        (20 * MS, 20 * MS),
        (20 * MS + 1, 10 * MS + 1),
        (50 * MS, 16_666_667),
        (1_000 * MS, 20 * MS),
    ] {
        assert_eq!(tick_length(width), length, "{width}");
    }
}

#[test]
fn one_burst_trips_nothing_and_the_next_bad_outcome_does() {
    let mut model = closed();
    calls(&mut model, 100, FAILED, 15 * MS - 1);
    assert_eq!(value(&model, 15 * MS - 1), 100.0 * BAD);
    assert_eq!(value(&model, 15 * MS), LIMIT);
    calls(&mut model, 1, Outcome::Success, 15 * MS);
    calls(&mut model, 1, FAILED, 15 * MS);
    assert_eq!(model.state(), State::Closed);
    calls(&mut model, 1, FAILED, 15 * MS);
    assert_eq!(model.state(), State::Open);
    assert_eq!(model.events()[0].cause, Cause::Evidence);
    assert_eq!(model.view(15 * MS).evidence, None);
}

#[test]
fn nine_bad_outcomes_in_two_ticks_trip_at_the_ninth() {
    let mut model = closed();
    calls(&mut model, 1, FAILED, 0);
    calls(&mut model, 7, FAILED, 29 * MS);
    assert_eq!(
        seen(&model, 29 * MS),
        Evidence {
            value: 8.0 * BAD,
            limit: LIMIT,
            pace: 6_554.0 / 65_536.0
        }
    );
    assert_eq!(model.state(), State::Closed);
    let permit = model.acquire(29 * MS).expect("admitted");
    // a slow call
    model.finish(permit, Outcome::Success, 11, 29 * MS);
    assert_eq!(model.events()[0].cause, Cause::Evidence);
}

#[test]
fn a_tick_ends_at_0_at_least() {
    let mut model = closed();
    calls(&mut model, 3, Outcome::Success, 0);
    calls(&mut model, 2, FAILED, 0);
    assert_eq!(value(&model, 0), 0.0);
    calls(&mut model, 2, FAILED, 15 * MS);
    assert_eq!(value(&model, 15 * MS), 2.0 * BAD);
    calls(&mut model, 1, Outcome::Success, 15 * MS);
    // 100 hours without a call change the tick, and nothing else
    assert_eq!(value(&model, 360_000_000 * MS), 2.0 * BAD - GOOD);
}

#[test]
fn the_pace_is_that_of_whole_buckets_that_hold_calls() {
    let mut model = closed();
    let pace = |model: &Model, now: u64| seen(model, now).pace;
    calls(&mut model, 3, Outcome::Success, 0);
    assert_eq!(pace(&model, 29 * MS), 6_554.0 / 65_536.0);
    // the first bucket of all: 3 in 30 ms
    assert_eq!(pace(&model, 30 * MS), 100.0);
    calls(&mut model, 6, Outcome::Success, 30 * MS);
    assert_eq!(pace(&model, 30 * MS), 100.0);
    assert_eq!(pace(&model, 60 * MS), 150.0);
    assert_eq!(pace(&model, 90 * MS), 100.0);
    // the first one is not among the last three any more: 6 in 90 ms
    assert_eq!(pace(&model, 120 * MS), 4_369_067.0 / 65_536.0);
    // then none holds a call: no outcome has found the others
    assert_eq!(pace(&model, 150 * MS), 100.0);
    calls(&mut model, 1, Outcome::Success, 120 * MS);
    assert_eq!(pace(&model, 10_000 * MS), 4_369_067.0 / 65_536.0);
    let limit = limit(0.002, 4_369_067) as f64 / 65_536.0;
    assert_eq!(seen(&model, 10_000 * MS).limit, limit);
}

#[test]
fn the_bucket_in_which_a_period_begins_is_not_whole() {
    let mut model = closed();
    calls(&mut model, 3, Outcome::Success, 0);
    assert!(model.control(Order::Reset, 30 * MS));
    calls(&mut model, 9, Outcome::Success, 31 * MS);
    let first = 6_554.0 / 65_536.0;
    // no outcome has found the first bucket over, and the period has none that is whole
    assert_eq!(seen(&model, 60 * MS).pace, first);
    calls(&mut model, 3, Outcome::Success, 60 * MS);
    assert_eq!(seen(&model, 90 * MS).pace, 100.0);
}

#[test]
fn observe_only_reports_it_once_until_the_score_is_0() {
    let mut model = model(State::ObserveOnly, Some(AT_HALF));
    calls(&mut model, 9, FAILED, 0);
    assert_eq!(model.view(0).would_trip, 0);
    calls(&mut model, 1, FAILED, 15 * MS);
    assert_eq!(model.view(15 * MS).would_trip, 1);
    // below the limit, and again above
    calls(&mut model, 8, Outcome::Success, 30 * MS);
    calls(&mut model, 30, FAILED, 45 * MS);
    assert_eq!(model.view(45 * MS).would_trip, 1);
    calls(&mut model, 30, Outcome::Success, 60 * MS);
    calls(&mut model, 30, FAILED, 75 * MS);
    assert_eq!(model.view(75 * MS).would_trip, 1);
    calls(&mut model, 3, FAILED, 90 * MS);
    assert_eq!(model.view(90 * MS).would_trip, 2);
}

#[test]
fn a_rule_that_is_switched_on_begins_with_the_next_bucket() {
    let mut model = model(State::Closed, None);
    calls(&mut model, 20, FAILED, 0);
    let on = Rules {
        outage: Some(AT_HALF),
        ..*model.rules()
    };
    assert!(model.reconfigure(on, 1));
    calls(&mut model, 20, FAILED, 15 * MS);
    assert_eq!(value(&model, 29 * MS), 0.0);
    calls(&mut model, 2, FAILED, 30 * MS);
    assert_eq!(value(&model, 30 * MS), 2.0 * BAD);
    // at 40 calls in 30 ms, 18 bad ones reach the limit
    calls(&mut model, 15, FAILED, 46 * MS);
    assert_eq!(model.state(), State::Closed);
    calls(&mut model, 1, FAILED, 46 * MS);
    assert_eq!(model.events()[0].cause, Cause::Evidence);
}

#[test]
fn a_new_theta_weighs_the_tick_under_way() {
    let mut model = closed();
    calls(&mut model, 2, FAILED, 0);
    calls(&mut model, 1, FAILED, 15 * MS);
    let change = |model: &mut Model, outage, now| {
        let rules = Rules {
            outage,
            ..*model.rules()
        };
        assert!(model.reconfigure(rules, now));
    };
    let other = Some(Outage {
        theta: 0.9,
        loss: 0.1,
    });
    change(&mut model, other, 16 * MS);
    let units = 2.0 * 55_528.0 + 40_262.0;
    assert_eq!(value(&model, 29 * MS), units / 65_536.0);
    // it has ended the ticks before
    change(&mut model, Some(AT_HALF), 30 * MS);
    assert_eq!(value(&model, 30 * MS), units / 65_536.0);
    let pace = seen(&model, 30 * MS).pace;
    assert_eq!(pace, 100.0);
    change(&mut model, None, 31 * MS);
    assert_eq!(model.view(31 * MS).evidence, None);
    change(&mut model, Some(AT_HALF), 32 * MS);
    assert_eq!(value(&model, 32 * MS), 0.0);
    assert_eq!(seen(&model, 32 * MS).pace, pace);
}

#[test]
fn a_slow_probe_fails_the_round() {
    let mut model = closed();
    assert!(model.control(Order::HalfOpen, 0));
    let probe = model.acquire(0).expect("a slot");
    model.finish(probe, Outcome::Success, 11, 11);
    assert_eq!(model.events()[1].cause, Cause::ProbeFailed);
    assert_eq!(model.view(11).evidence, None);
}
