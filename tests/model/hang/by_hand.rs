//! The hang rule against figures worked out by hand.

use crate::model::{
    Backoff, Cause, HalfOpen, Hang, Kind, Model, OnCancel, Order, Outcome, Permit, Recovery, Rules,
    Setup, State, Watch, Window,
};

const MS: u64 = 1_000_000;
const FAILED: Outcome = Outcome::Failure(Kind::Server, None);
/// A third of the patience is 15 ms.
const AFTER_45: Hang = Hang {
    after: 45 * MS,
    starts: 3,
};

/// Three buckets of 30 ms, each of two ticks of 15 ms.
fn model(initial: State, hang: Option<Hang>) -> Model {
    let rules = Rules {
        failure_rate: None,
        min_throughput: 1,
        slow_call: None,
        slow_rate: None,
        consecutive_failures: None,
        failure_count: Some(1_000),
        outage: None,
        hang,
        lenient: None,
        backoff: Backoff {
            base: 7 * MS,
            factor: 1.0,
            max: 7 * MS,
            reset_after: 0,
            adaptive: None,
        },
        half_open: HalfOpen {
            recovery: Recovery::Successes(1),
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

/// Twenty short successes in the first tick.
fn settled(initial: State) -> Model {
    let mut model = model(initial, Some(AFTER_45));
    (0..20).for_each(|_| call(&mut model, Outcome::Success, 0, 0));
    model
}

fn call(model: &mut Model, outcome: Outcome, from: u64, to: u64) {
    let permit = begin(model, from);
    model.finish(permit, outcome, to - from, to);
}

fn begin(model: &mut Model, now: u64) -> Permit {
    model.acquire(now).expect("admitted")
}

fn begin_all(model: &mut Model, times: u32, now: u64) {
    for _ in 0..times {
        begin(model, now);
    }
}

fn starts(model: &Model, now: u64) -> u32 {
    model.view(now).watch.map_or(0, |watch| watch.starts)
}

#[test]
fn a_watch_begins_after_a_whole_tick_without_a_sign() {
    let mut model = settled(State::Closed);
    for (at, expected) in [(15 * MS, 0), (30 * MS - 1, 0), (30 * MS, 1), (31 * MS, 2)] {
        begin(&mut model, at);
        assert_eq!(starts(&model, at), expected, "{at}");
    }
    let watch = Watch {
        starts: 2,
        lasted: 2 * MS,
        patience: 45 * MS,
    };
    assert_eq!(model.view(32 * MS).watch, Some(watch));
}

#[test]
fn it_begins_with_a_whole_millisecond() {
    let mut model = settled(State::Closed);
    begin(&mut model, 30 * MS + 1);
    let lasted = |now| model.view(now).watch.map(|watch| watch.lasted);
    assert_eq!(lasted(30 * MS + 1), Some(0));
    assert_eq!(lasted(32 * MS), Some(MS));
}

#[test]
fn a_watch_needs_twenty_successes_and_failures() {
    let mut model = model(State::Closed, Some(AFTER_45));
    (0..19).for_each(|_| call(&mut model, FAILED, 0, 0));
    call(&mut model, Outcome::Ignored, 0, 0);
    begin(&mut model, 30 * MS);
    assert_eq!(starts(&model, 30 * MS), 0);
    call(&mut model, FAILED, 30 * MS, 30 * MS);
    begin(&mut model, 60 * MS);
    assert_eq!(starts(&model, 60 * MS), 1);
}

#[test]
fn it_trips_once_enough_calls_have_begun_and_both_times_have_passed() {
    let mut model = settled(State::Closed);
    begin_all(&mut model, 4, 44 * MS);
    // the last sign was in the tick that ends at 15 ms, and the watch began at 44 ms
    begin(&mut model, 60 * MS - 1);
    let rejection = model.acquire(60 * MS).expect_err("the fourth finds three");
    assert_eq!(rejection.cause, Some(Cause::Hang));
    assert_eq!(rejection.retry_after, Some(7 * MS));
    let event = model.events()[0];
    assert_eq!((event.cause, event.failure), (Cause::Hang, None));
    assert_eq!((event.counts.calls, model.view(60 * MS).watch), (20, None));
    assert_eq!(model.view(60 * MS).totals.rejected, 1);
}

#[test]
fn a_third_of_the_patience_counts_from_the_beginning_of_the_watch() {
    let mut model = settled(State::Closed);
    begin_all(&mut model, 3, 50 * MS);
    begin(&mut model, 65 * MS - 1);
    assert!(model.acquire(65 * MS).is_err());
}

#[test]
fn any_sign_of_life_ends_it_and_a_late_or_a_cancelled_call_is_none() {
    for outcome in [Outcome::Success, FAILED, Outcome::Ignored] {
        let mut model = settled(State::Closed);
        let held = begin(&mut model, 30 * MS);
        model.cancel(held, 31 * MS);
        let held = begin(&mut model, 31 * MS);
        assert_eq!(starts(&model, 31 * MS), 2);
        model.finish(held, outcome, MS, 32 * MS);
        assert_eq!(starts(&model, 32 * MS), 0);
        begin(&mut model, 60 * MS - 1);
        assert_eq!(starts(&model, 60 * MS - 1), 0);
        begin(&mut model, 60 * MS);
        assert_eq!(starts(&model, 60 * MS), 1);
    }
    let mut model = settled(State::Closed);
    let held = begin(&mut model, 0);
    assert!(model.control(Order::Reset, MS));
    begin(&mut model, 30 * MS);
    model.finish(held, Outcome::Success, 30 * MS, 30 * MS);
    assert_eq!(starts(&model, 30 * MS), 1);
}

#[test]
fn patience_is_twice_the_longest_success_of_late() {
    let mut model = settled(State::Closed);
    call(&mut model, Outcome::Success, 15 * MS, 115 * MS);
    call(&mut model, Outcome::Success, 117 * MS, 118 * MS);
    begin(&mut model, 150 * MS);
    let patience = |model: &Model| model.view(0).watch.map(|watch| watch.patience);
    assert_eq!(patience(&model), Some(200 * MS), "the first of the tick");
    // a failure's tick is without a sample
    call(&mut model, FAILED, 150 * MS, 150 * MS);
    begin(&mut model, 180 * MS);
    assert_eq!(patience(&model), Some(199_800_000));
    // and an hour changes nothing
    call(&mut model, Outcome::Ignored, 180 * MS, 3_600_000 * MS);
    begin(&mut model, 3_600_030 * MS);
    assert_eq!(patience(&model), Some(199_800_000));
}

#[test]
fn observe_only_reports_each_watch_once() {
    let mut model = settled(State::ObserveOnly);
    begin_all(&mut model, 3, 30 * MS);
    begin_all(&mut model, 5, 100 * MS);
    let view = model.view(100 * MS);
    assert_eq!((view.would_trip, starts(&model, 100 * MS)), (1, 3));
    call(&mut model, Outcome::Success, 100 * MS, 100 * MS);
    begin_all(&mut model, 3, 130 * MS);
    begin_all(&mut model, 5, 200 * MS);
    assert_eq!(model.view(200 * MS).would_trip, 2);
}

#[test]
fn a_rule_that_is_switched_on_begins_with_the_next_bucket() {
    let mut model = model(State::Closed, None);
    (0..20).for_each(|_| call(&mut model, Outcome::Success, 0, 0));
    let rules = |model: &Model, hang| Rules {
        hang,
        lenient: None,
        ..*model.rules()
    };
    let on = rules(&model, Some(AFTER_45));
    assert!(model.reconfigure(on, MS));
    begin(&mut model, 45 * MS - 1);
    assert_eq!(starts(&model, 45 * MS - 1), 0);
    begin(&mut model, 45 * MS);
    assert_eq!(starts(&model, 45 * MS), 1);
    let off = rules(&model, None);
    assert!(model.reconfigure(off, 46 * MS));
    assert_eq!(model.view(46 * MS).watch, None);
}

#[test]
fn calls_are_timed() {
    let mut model = settled(State::Closed);
    assert_eq!(begin(&mut model, 7).admitted, Some(7));
}
