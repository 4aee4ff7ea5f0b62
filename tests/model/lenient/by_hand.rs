//! Lenient kinds against figures worked out by hand.

use crate::model::evidence::lenient_step;
use crate::model::{
    Backoff, Cause, Counts, HalfOpen, Hang, Kind, Lenient, Model, OnCancel, Order, Outage, Outcome,
    Recovery, Rules, Setup, State, Window,
};

const MS: u64 = 1_000_000;
const FAILED: Outcome = Outcome::Failure(Kind::Server, None);
/// Of the one lenient kind of these tests.
const REFUSED: Outcome = Outcome::Failure(Kind::Overload, None);
/// At a half, in units of 2^-16.
const BAD: f64 = 55_528.0;
const GOOD: f64 = 55_529.0;
const UNITS: f64 = 65_536.0;

/// With a rule that is never true: 5,000 failures in the window.
fn rules(eighths: u32) -> Rules {
    Rules {
        failure_rate: None,
        min_throughput: 1,
        slow_call: Some(10),
        slow_rate: None,
        consecutive_failures: None,
        failure_count: Some(5_000),
        outage: None,
        hang: None,
        lenient: Some(Lenient::new(&[Kind::Overload], eighths)),
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
            probe_timeout: Some(1_000 * MS),
            ramp: false,
        },
        on_cancel: OnCancel::Ignored,
        max_in_flight: None,
    }
}

/// Three buckets of 30 ms, each of two ticks of 15 ms.
fn model_in(initial: State, rules: Rules) -> Model {
    let window = Window::Time {
        buckets: 3,
        width: 30 * MS,
    };
    assert!(rules.valid(window));
    let setup = Setup {
        window,
        rules,
        initial,
        origin: 0,
    };
    Model::new(&setup, 0)
}

fn model(rules: Rules) -> Model {
    model_in(State::Closed, rules)
}

fn calls(model: &mut Model, times: u32, outcome: Outcome, now: u64) {
    for _ in 0..times {
        let permit = model.acquire(now).expect("admitted");
        model.finish(permit, outcome, 0, now);
    }
}

fn slow_call(model: &mut Model, outcome: Outcome, now: u64) {
    let permit = model.acquire(now).expect("admitted");
    model.finish(permit, outcome, 11, now);
}

fn change(model: &mut Model, change: impl Fn(&mut Rules), now: u64) {
    let mut rules = *model.rules();
    change(&mut rules);
    assert!(model.reconfigure(rules, now));
}

fn rate(model: &Model, now: u64) -> f64 {
    model.view(now).failure_rate
}

fn run(model: &Model, now: u64) -> u64 {
    model.view(now).consecutive_failures
}

fn opened_for(model: &Model) -> Option<Cause> {
    model.events().first().map(|event| event.cause)
}

// ---- windows

#[test]
fn the_rate_has_weights_and_the_counts_have_none() {
    let mut model = model(rules(2));
    calls(&mut model, 3, REFUSED, 0);
    calls(&mut model, 1, FAILED, 0);
    calls(&mut model, 4, Outcome::Success, 0);
    // 1.75 of 8
    assert_eq!(rate(&model, 0), 0.218_75);
    let counts = Counts {
        calls: 8,
        successes: 4,
        failures: 4,
        slow: 0,
    };
    assert_eq!(model.view(0).window, counts);
    assert_eq!(model.view(0).totals.failures, 4);
    assert_eq!(model.view(0).kinds, [0, 0, 3, 1, 0, 0, 0, 0, 0]);
}

#[test]
fn a_rate_is_judged_by_weights_once_there_are_enough_calls() {
    let rate = Rules {
        failure_rate: Some(0.25),
        min_throughput: 4,
        ..rules(2)
    };
    let mut first = model(rate);
    calls(&mut first, 3, REFUSED, 0);
    assert_eq!(first.state(), State::Closed);
    // 1 of 4
    calls(&mut first, 1, REFUSED, 0);
    assert_eq!(opened_for(&first), Some(Cause::FailureRate));
    assert_eq!(first.events()[0].failure, Some(Kind::Overload));
    let mut other = model(rate);
    calls(&mut other, 1, Outcome::Success, 0);
    calls(&mut other, 50, REFUSED, 0);
    // 12.5 of 51
    assert_eq!(other.state(), State::Closed);
    // 13.5 of 52
    calls(&mut other, 1, FAILED, 0);
    assert_eq!(opened_for(&other), Some(Cause::FailureRate));
}

#[test]
fn a_count_adds_up_weights() {
    let mut model = model(Rules {
        failure_count: Some(2),
        ..rules(3)
    });
    // 15 eighths
    calls(&mut model, 5, REFUSED, 0);
    assert_eq!(model.state(), State::Closed);
    calls(&mut model, 1, REFUSED, 0);
    assert_eq!(opened_for(&model), Some(Cause::FailureCount));
    assert_eq!(model.events()[0].counts.failures, 6);
}

#[test]
fn a_slow_failure_counts_wholly() {
    let mut model = model(rules(0));
    calls(&mut model, 1, REFUSED, 0);
    slow_call(&mut model, REFUSED, 0);
    assert_eq!(rate(&model, 0), 0.5);
}

#[test]
fn kinds_from_other_2_on_are_one() {
    let mut model = model(Rules {
        lenient: Some(Lenient::new(&[Kind::Other(2)], 4)),
        ..rules(0)
    });
    for (number, expected) in [(7, 0.5), (255, 0.5), (2, 0.5), (1, 0.625), (0, 0.7)] {
        let outcome = Outcome::Failure(Kind::Other(number), None);
        calls(&mut model, 1, outcome, 0);
        assert_eq!(rate(&model, 0), expected, "with {number}");
    }
}

#[test]
fn other_kinds_change_nothing_of_what_was_counted() {
    let mut model = model(rules(4));
    calls(&mut model, 2, REFUSED, 0);
    calls(&mut model, 2, FAILED, 0);
    let of_server = Lenient::new(&[Kind::Server], 4);
    change(&mut model, |rules| rules.lenient = Some(of_server), 0);
    assert_eq!(rate(&model, 0), 0.75);
    calls(&mut model, 2, REFUSED, 0);
    calls(&mut model, 2, FAILED, 0);
    // four whole ones, and four halves
    assert_eq!(rate(&model, 0), 0.75);
}

#[test]
fn the_weight_is_that_of_the_rules_in_force() {
    let mut model = model(rules(4));
    calls(&mut model, 4, REFUSED, 0);
    for (eighths, expected) in [(1, 0.125), (0, 0.0), (7, 0.875)] {
        let lenient = Lenient::new(&[Kind::Client], eighths);
        change(&mut model, |rules| rules.lenient = Some(lenient), 0);
        assert_eq!(rate(&model, 0), expected);
    }
    for lenient in [None, Some(Lenient::new(&[], 3))] {
        change(&mut model, |rules| rules.lenient = lenient, 0);
        assert_eq!(rate(&model, 0), 1.0);
    }
    change(&mut model, |rules| rules.failure_count = Some(4), 0);
    assert_eq!(model.state(), State::Closed);
    // the next outcome is judged
    calls(&mut model, 1, Outcome::Success, 0);
    assert_eq!(opened_for(&model), Some(Cause::FailureCount));
    assert_eq!(model.events()[0].failure, None);
}

#[test]
fn a_window_that_is_over_is_weighed_as_well() {
    let mut model = model(rules(4));
    calls(&mut model, 4, REFUSED, 0);
    assert!(model.control(Order::Trip, 0));
    assert_eq!(rate(&model, 500 * MS), 0.5);
    change(&mut model, |rules| rules.lenient = None, 500 * MS);
    assert_eq!(rate(&model, 500 * MS), 1.0);
}

// ---- runs

#[test]
fn a_run_grows_by_eighths_and_is_rounded_down() {
    let mut model = model(Rules {
        consecutive_failures: Some(2),
        ..rules(3)
    });
    // 3, 6, 9, 12, 15 eighths
    for expected in [0, 0, 1, 1, 1] {
        calls(&mut model, 1, REFUSED, 0);
        assert_eq!(run(&model, 0), expected);
    }
    assert_eq!(model.state(), State::Closed);
    calls(&mut model, 1, FAILED, 0);
    assert_eq!(opened_for(&model), Some(Cause::ConsecutiveFailures));
    // 23 eighths
    assert_eq!(model.events()[0].consecutive_failures, 2);
}

#[test]
fn a_success_ends_a_run_with_its_parts() {
    let mut model = model(Rules {
        consecutive_failures: Some(2),
        ..rules(7)
    });
    calls(&mut model, 2, REFUSED, 0);
    calls(&mut model, 1, Outcome::Success, 0);
    calls(&mut model, 2, REFUSED, 0);
    assert_eq!(run(&model, 0), 1);
    calls(&mut model, 1, REFUSED, 0);
    assert_eq!(opened_for(&model), Some(Cause::ConsecutiveFailures));
}

#[test]
fn a_failure_of_no_weight_leaves_a_run_as_it_is() {
    let mut model = model(Rules {
        consecutive_failures: Some(2),
        ..rules(0)
    });
    calls(&mut model, 1, FAILED, 0);
    calls(&mut model, 20, REFUSED, 0);
    assert_eq!(run(&model, 0), 1);
    calls(&mut model, 1, FAILED, 0);
    assert_eq!(opened_for(&model), Some(Cause::ConsecutiveFailures));
}

#[test]
fn a_run_lasts_while_the_window_holds_a_failure_of_any_weight() {
    let mut model = model(Rules {
        consecutive_failures: Some(9),
        ..rules(0)
    });
    calls(&mut model, 1, FAILED, 0);
    calls(&mut model, 1, REFUSED, 80 * MS);
    assert_eq!(run(&model, 149 * MS), 1);
    assert_eq!(run(&model, 150 * MS), 0);
    calls(&mut model, 1, FAILED, 150 * MS);
    assert_eq!(run(&model, 150 * MS), 1);
}

#[test]
fn a_run_keeps_the_weights_with_which_its_failures_ended() {
    let mut model = model(Rules {
        consecutive_failures: Some(3),
        ..rules(4)
    });
    calls(&mut model, 2, REFUSED, 0);
    change(&mut model, |rules| rules.lenient = None, 0);
    assert_eq!(run(&model, 0), 1);
    calls(&mut model, 1, REFUSED, 0);
    assert_eq!(run(&model, 0), 2);
    let lenient = rules(7).lenient;
    change(&mut model, |rules| rules.lenient = lenient, 0);
    calls(&mut model, 1, REFUSED, 0);
    // 23 eighths
    assert_eq!((run(&model, 0), model.state()), (2, State::Closed));
    slow_call(&mut model, REFUSED, 0);
    assert_eq!(opened_for(&model), Some(Cause::ConsecutiveFailures));
}

#[test]
fn observe_only_reports_a_run_by_its_sum() {
    let one = Rules {
        consecutive_failures: Some(1),
        ..rules(4)
    };
    let mut model = model_in(State::ObserveOnly, one);
    for (outcome, expected) in [
        (REFUSED, 0),
        (REFUSED, 1),
        (REFUSED, 1),
        (Outcome::Success, 1),
        (REFUSED, 1),
        (FAILED, 2),
    ] {
        calls(&mut model, 1, outcome, 0);
        assert_eq!(model.view(0).would_trip, expected);
    }
}

// ---- the score

#[test]
fn steps_of_the_score_are_rounded_down() {
    for (eighths, step) in [
        (0, -55_529),
        // 41,646.875 down
        (1, -41_647),
        (2, -27_765),
        (3, -13_883),
        // half a unit
        (4, -1),
        // 13,881.625 up
        (5, 13_881),
        (6, 27_763),
        (7, 41_645),
        (8, 55_528),
    ] {
        assert_eq!(lenient_step(0.5, eighths), step, "{eighths}");
    }
    // a bad outcome moves it by 62,004, and a good one by 627
    assert_eq!(lenient_step(0.01, 0), -627);
    assert_eq!(lenient_step(0.01, 1), 7_201);
    // by 40,262, and by 362,364
    assert_eq!(lenient_step(0.9, 7), -10_067);
}

/// With the outage rule, whose limit is of a loss of 1 in 500: 456,043 at first.
fn scored(eighths: u32) -> Rules {
    Rules {
        outage: Some(Outage {
            theta: 0.5,
            loss: 0.002,
        }),
        ..rules(eighths)
    }
}

fn score(model: &Model, now: u64) -> f64 {
    UNITS * model.view(now).evidence.expect("the rule is on").value
}

#[test]
fn a_lenient_failure_moves_the_score_by_a_part_of_each_step() {
    let mut up = model(scored(6));
    calls(&mut up, 3, REFUSED, 0);
    assert_eq!(score(&up, 0), 3.0 * 27_763.0);
    calls(&mut up, 1, Outcome::Success, 0);
    assert_eq!(score(&up, 0), 3.0 * 27_763.0 - GOOD);
    slow_call(&mut up, REFUSED, 0);
    assert_eq!(score(&up, 0), 3.0 * 27_763.0 - GOOD + BAD);
    let mut down = model(scored(2));
    calls(&mut down, 2, FAILED, 0);
    calls(&mut down, 1, REFUSED, 15 * MS);
    assert_eq!(score(&down, 15 * MS), 2.0 * BAD - 27_765.0);
    calls(&mut down, 9, REFUSED, 15 * MS);
    assert_eq!(score(&down, 15 * MS), 0.0);
    // the tick has ended at 0
    calls(&mut down, 1, FAILED, 30 * MS);
    assert_eq!(score(&down, 30 * MS), BAD);
}

#[test]
fn lenient_failures_that_raise_the_score_trip_by_themselves() {
    let mut model = model(scored(6));
    calls(&mut model, 1, REFUSED, 0);
    // 16 steps of 27,763 are 444,208
    calls(&mut model, 15, REFUSED, 15 * MS);
    assert_eq!(model.state(), State::Closed);
    calls(&mut model, 1, REFUSED, 15 * MS);
    assert_eq!(opened_for(&model), Some(Cause::Evidence));
    assert_eq!(model.events()[0].failure, Some(Kind::Overload));
}

#[test]
fn lenient_failures_that_do_not_raise_it_never_make_the_rule_true() {
    for (eighths, trips) in [(0, false), (4, false), (5, true)] {
        let mut model = model(scored(eighths));
        calls(&mut model, 100, FAILED, 0);
        // the score is at the limit, and the new one is 196,973
        let outage = Some(Outage {
            theta: 0.5,
            loss: 0.1,
        });
        change(&mut model, |rules| rules.outage = outage, 15 * MS);
        calls(&mut model, 1, REFUSED, 15 * MS);
        let expected = trips.then_some(Cause::Evidence);
        assert_eq!(opened_for(&model), expected, "{eighths} eighths");
        if !trips {
            calls(&mut model, 1, FAILED, 15 * MS);
            assert_eq!(opened_for(&model), Some(Cause::Evidence));
        }
    }
}

#[test]
fn a_new_weight_applies_to_the_tick_under_way() {
    let mut model = model(scored(6));
    calls(&mut model, 2, REFUSED, 0);
    calls(&mut model, 3, REFUSED, 15 * MS);
    let to = |model: &mut Model, lenient: Option<Lenient>| {
        change(model, |rules| rules.lenient = lenient, 16 * MS);
        score(model, 16 * MS)
    };
    // two steps from the tick before, and three of the new weight
    let before = 2.0 * 27_763.0;
    let of_client = |eighths| Some(Lenient::new(&[Kind::Client], eighths));
    assert_eq!(to(&mut model, of_client(7)), before + 3.0 * 41_645.0);
    assert_eq!(to(&mut model, of_client(3)), before - 3.0 * 13_883.0);
    assert_eq!(to(&mut model, None), before + 3.0 * BAD);
}

// ---- the hang rule

#[test]
fn a_lenient_failure_is_a_sign_of_life_and_no_success() {
    let mut model = model(Rules {
        hang: Some(Hang {
            after: 45 * MS,
            starts: 3,
        }),
        ..rules(0)
    });
    calls(&mut model, 20, Outcome::Success, 0);
    let permit = model.acquire(0).expect("admitted");
    let _ = model.acquire(30 * MS).expect("admitted");
    assert!(model.view(30 * MS).watch.is_some());
    let took = permit.lasted(45 * MS);
    assert_eq!(took, 45 * MS);
    change(&mut model, |rules| rules.slow_call = None, 45 * MS);
    model.finish(permit, REFUSED, took, 45 * MS);
    assert_eq!(model.view(45 * MS).watch, None);
    let _ = model.acquire(75 * MS).expect("admitted");
    // a success that took so long would have made it 90 ms
    let watch = model.view(75 * MS).watch.expect("a watch");
    assert_eq!(watch.patience, 45 * MS);
}

// ---- half-open

#[test]
fn a_lenient_probe_below_a_half_gives_its_slot_back() {
    let mut model = model_in(State::HalfOpen, rules(3));
    calls(&mut model, 1, Outcome::Success, 0);
    calls(&mut model, 9, REFUSED, 0);
    assert_eq!(model.view(0).probes, [0, 1, 0]);
    assert_eq!(model.view(0).kinds[Kind::Overload.index()], 9);
    assert_eq!(model.view(0).totals.failures, 9);
    assert_eq!(model.view(0).totals.ignored, 0);
    calls(&mut model, 1, Outcome::Success, 0);
    assert_eq!(opened_for(&model), Some(Cause::ProbesSucceeded));
    assert_eq!(model.events()[0].counts.calls, 2);
}

#[test]
fn a_lenient_probe_from_a_half_on_fails() {
    let mut model = model_in(State::HalfOpen, rules(4));
    calls(&mut model, 1, REFUSED, 0);
    assert_eq!(opened_for(&model), Some(Cause::ProbeFailed));
    assert_eq!(model.events()[0].failure, Some(Kind::Overload));
    let mut slow = model_in(State::HalfOpen, rules(0));
    slow_call(&mut slow, REFUSED, 0);
    assert_eq!(opened_for(&slow), Some(Cause::ProbeFailed));
}

#[test]
fn a_probe_goes_by_the_rules_of_its_end() {
    let mut model = model_in(State::HalfOpen, rules(4));
    let permit = model.acquire(0).expect("a slot");
    let lenient = rules(3).lenient;
    change(&mut model, |rules| rules.lenient = lenient, 0);
    model.finish(permit, REFUSED, 0, 0);
    assert_eq!(model.state(), State::HalfOpen);
    let permit = model.acquire(0).expect("a slot");
    change(&mut model, |rules| rules.lenient = None, 0);
    model.finish(permit, REFUSED, 0, 0);
    assert_eq!(opened_for(&model), Some(Cause::ProbeFailed));
}

#[test]
fn a_probe_that_is_given_back_is_no_result() {
    let mut model = model_in(State::HalfOpen, rules(3));
    change(
        &mut model,
        |rules| rules.half_open.probe_timeout = Some(5 * MS),
        0,
    );
    calls(&mut model, 1, REFUSED, 4 * MS);
    for state in [State::HalfOpen, State::Open] {
        let permit = model.acquire(5 * MS).expect("a slot");
        model.cancel(permit, 5 * MS);
        assert_eq!(model.state(), state);
    }
    assert_eq!(opened_for(&model), Some(Cause::ProbesCancelled));
}

/// A ramp that begins with all calls.
fn ramp(eighths: u32) -> Model {
    let mut rules = rules(eighths);
    rules.half_open.ramp = true;
    let mut model = model_in(State::HalfOpen, rules);
    calls(&mut model, 2, Outcome::Success, 0);
    model
}

#[test]
fn lenient_calls_of_a_ramp_below_a_half_are_taken_off() {
    let mut model = ramp(3);
    calls(&mut model, 20, REFUSED, 0);
    calls(&mut model, 1, Outcome::Success, 0);
    assert_eq!(model.state(), State::HalfOpen);
    // one was admitted, and it has ended
    calls(&mut model, 1, Outcome::Success, 100 * MS);
    assert_eq!(opened_for(&model), Some(Cause::RampCompleted));
    assert_eq!(model.events()[0].counts.calls, 1);
}

#[test]
fn lenient_calls_of_a_ramp_from_a_half_on_are_bad() {
    let mut model = ramp(4);
    // three weigh 2.54, four 3.39; the step is cut at 3.006
    calls(&mut model, 3, REFUSED, 0);
    assert_eq!(model.state(), State::HalfOpen);
    calls(&mut model, 1, REFUSED, 0);
    assert_eq!(opened_for(&model), Some(Cause::RampFailed));
    assert_eq!(model.events()[0].counts.failures, 4);
}

// ---- cancelled calls

#[test]
fn a_cancelled_call_that_fails_may_be_lenient() {
    let of_timeout = Rules {
        lenient: Some(Lenient::new(&[Kind::Timeout], 2)),
        on_cancel: OnCancel::Failure,
        ..rules(0)
    };
    let mut closed = model(of_timeout);
    let permit = closed.acquire(0).expect("admitted");
    closed.cancel(permit, 0);
    assert_eq!(rate(&closed, 0), 0.25);
    assert_eq!(closed.view(0).totals.failures, 1);
    // for longer than the slow limit
    let permit = closed.acquire(0).expect("admitted");
    closed.cancel(permit, 11);
    assert_eq!(rate(&closed, 11), 0.625);
    let mut round = model_in(State::HalfOpen, of_timeout);
    for _ in 0..3 {
        let permit = round.acquire(0).expect("a slot");
        round.cancel(permit, 0);
    }
    assert_eq!(round.state(), State::HalfOpen);
    assert_eq!(round.view(0).totals.failures, 3);
    assert_eq!(round.view(0).totals.cancelled, 0);
}

// ---- which rules there may be

#[test]
fn weights_are_below_8_eighths_and_need_a_time_window() {
    let time = Window::Time {
        buckets: 1,
        width: 1,
    };
    let count = Window::Count(6_000);
    assert!(rules(7).valid(time));
    assert!(!rules(8).valid(time));
    assert!(!rules(7).valid(count));
    let without_kinds = Rules {
        lenient: Some(Lenient::new(&[], 8)),
        ..rules(0)
    };
    assert!(without_kinds.valid(time));
    assert!(without_kinds.valid(count));
    for (n, valid) in [(536_870_911, true), (536_870_912, false)] {
        let runs = Rules {
            consecutive_failures: Some(n),
            ..rules(0)
        };
        assert_eq!(runs.valid(time), valid, "{n}");
    }
}
