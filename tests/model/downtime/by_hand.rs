//! Adaptive waits against figures worked out by hand.

use super::{later_wait, unit};
use crate::model::{
    Backoff, Cause, HalfOpen, Kind, Model, OnCancel, Order, Outcome, Recovery, Rules, Setup, State,
    Window, whole_ms,
};

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;
const FAILED: Outcome = Outcome::Failure(Kind::Server, None);
/// A call per second, in units of the pace.
const ONE: u64 = 65_536;

fn model(initial: State) -> Model {
    let rules = Rules {
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
            base: 250 * MS,
            factor: 1.0,
            max: 30 * SECOND,
            reset_after: 0,
            adaptive: Some(0),
        },
        half_open: HalfOpen {
            recovery: Recovery::Successes(1),
            max_probes: 1,
            probe_timeout: Some(SECOND),
            ramp: false,
        },
        on_cancel: OnCancel::Ignored,
        max_in_flight: None,
    };
    let setup = Setup {
        window: Window::Time {
            buckets: 10,
            width: SECOND,
        },
        rules,
        initial,
        origin: 0,
    };
    Model::new(&setup, 0)
}

fn call(model: &mut Model, outcome: Outcome, now: u64) {
    let permit = model.acquire(now).expect("admitted");
    model.finish(permit, outcome, 0, now);
}

/// The place of a wait within its range; from seed 0 the first is the published 0xE220A8397B1DCDAF.
#[test]
fn a_unit_is_that_of_the_published_generator() {
    let of = |word: u64| (word >> 11) as f64 / (1_u64 << 53) as f64;
    assert_eq!(unit(0, 0).to_bits(), of(0xE220_A839_7B1D_CDAF).to_bits());
    assert_eq!(unit(0, 1).to_bits(), of(0x6E78_9E6A_A1B9_65F4).to_bits());
    assert_eq!(unit(0, 2).to_bits(), of(0x06C4_5D18_8009_454F).to_bits());
}

#[test]
fn a_later_wait_grows_with_the_root_of_the_age() {
    let max = 30 * SECOND;
    let in_the_middle = |age, pace| later_wait(age, pace, max, 0.5);
    // the root of 16 calls per second is 4, and that of 100 s / 4 is 5 s
    assert_eq!(in_the_middle(100_000, 16 * ONE), 5 * SECOND);
    assert_eq!(in_the_middle(400_000, 16 * ONE), 10 * SECOND);
    // three calls at one per second
    assert_eq!(in_the_middle(1_000, ONE), 3 * SECOND);
    assert_eq!(in_the_middle(0, 1_000 * ONE), 250 * MS);
    assert_eq!(in_the_middle(10_000_000, ONE), max);
    // spread, and within the limits again
    let spread = |unit| later_wait(100_000, 16 * ONE, max, unit);
    assert_eq!((spread(0.0), spread(0.25)), (4 * SECOND, 4_500 * MS));
    assert_eq!(later_wait(0, 1_000 * ONE, max, 0.0), 250 * MS);
    assert_eq!(later_wait(10_000_000, ONE, max, 0.9), max);
}

#[test]
fn the_first_wait_is_between_125_and_250_ms() {
    let mut tripped = model(State::Closed);
    call(&mut tripped, FAILED, 0);
    let until = tripped.events()[0].open_until;
    assert_eq!(until, Some(whole_ms((125e6 * (1.0 + unit(0, 1))) as u64)));
    let built = model(State::Open);
    let until = built.view(0).retry_after;
    assert_eq!(until, Some(whole_ms((125e6 * (1.0 + unit(0, 0))) as u64)));
}

/// 400 calls are rejected within 100 s: 4 per second.
#[test]
fn rejections_set_the_pace() {
    let mut model = model(State::Closed);
    call(&mut model, FAILED, 0);
    for _ in 0..400 {
        model.acquire(0).expect_err("open");
    }
    call(&mut model, FAILED, 100 * SECOND);
    assert_eq!(model.outage_so_far().pace, 4 * ONE);
    let last = model.events()[2];
    assert_eq!(last.cause, Cause::ProbeFailed);
    let wait = later_wait(100_000, 4 * ONE, 30 * SECOND, unit(0, 3));
    assert_eq!(last.open_until, Some(whole_ms(100 * SECOND + wait)));
}

#[test]
fn a_lost_rounds_wait_counts_from_the_rounds_beginning() {
    let mut model = model(State::Closed);
    call(&mut model, FAILED, 0);
    let probe = model.acquire(SECOND).expect("the first of a round");
    model.finish(probe, FAILED, 0, 2 * SECOND);
    let wait = later_wait(2_000, 6_554, 30 * SECOND, unit(0, 3));
    assert!(wait > SECOND);
    assert_eq!(model.events()[2].open_until, Some(whole_ms(SECOND + wait)));
    // a round that outlasts its wait
    let probe = model.acquire(100 * SECOND).expect("the first of a round");
    model.finish(probe, FAILED, 0, 200 * SECOND);
    assert_eq!(model.events()[4].open_until, Some(200 * SECOND));
}

#[test]
fn an_outage_lasts_until_the_breaker_has_been_closed_for_two_seconds() {
    let began = |model: &Model| model.hang_so_far().down_since;
    for (closed_for, goes_on) in [(2 * SECOND, true), (2 * SECOND + 1, false)] {
        let mut model = model(State::Closed);
        assert_eq!(began(&model), None);
        call(&mut model, FAILED, 5);
        assert_eq!(began(&model), Some(5));
        call(&mut model, Outcome::Success, SECOND);
        assert_eq!(model.state(), State::Closed);
        let again = SECOND + closed_for;
        call(&mut model, FAILED, again);
        assert_eq!(began(&model), Some(if goes_on { 5 } else { again }));
    }
    let mut model = model(State::Open);
    assert_eq!(began(&model), Some(0));
    assert!(model.control(Order::ForceOpen, 1));
    assert_eq!(began(&model), Some(0));
    assert!(model.control(Order::Release, 2));
    assert_eq!(began(&model), None);
}
