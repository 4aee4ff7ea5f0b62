//! Lenient kinds under the outage rule and the hang rule.

use std::time::Duration;

use tripcoil::prelude::{Hang, Outage};
use tripcoil::{Cause, FailureKind, State};

use super::{OK, REFUSED, with};
use crate::common::{Rig, counts, ms, secs};

const ONE: f64 = 65_536.0;
/// At a half, what a bad outcome weighs, and a fast success.
const BAD: f64 = 55_528.0 / ONE;
const GOOD: f64 = 55_529.0 / ONE;
const TICK: Duration = ms(20);

fn scored(weight: f64) -> Rig {
    with(weight, |builder| builder.outage(Outage::at(0.5)))
}

impl Rig {
    fn score(&self) -> f64 {
        self.seen().evidence.expect("the rule is on").value
    }
}

#[test]
fn a_lenient_failure_raises_the_score_by_its_part_and_lowers_it_by_the_rest() {
    // rounded down to whole units
    let steps = [
        (0.0, -55_529.0),
        (0.125, -41_647.0),
        (0.25, -27_765.0),
        (0.375, -13_883.0),
        (0.5, -1.0),
        (0.625, 13_881.0),
        (0.75, 27_763.0),
        (0.875, 41_645.0),
    ];
    for (weight, step) in steps {
        let rig = scored(weight);
        rig.fail(8);
        rig.refuse(5);
        assert_eq!(rig.score(), 8.0 * BAD + 5.0 * step / ONE, "{weight}");
        rig.ok(1);
        let sum = 8.0 * BAD + 5.0 * step / ONE - GOOD;
        assert_eq!(rig.score(), sum, "{weight}");
    }
}

#[test]
fn a_slow_lenient_kind_is_bad() {
    let rig = scored(0.0);
    rig.slow(REFUSED);
    assert_eq!(rig.score(), BAD);
}

#[test]
fn a_step_is_rounded_down_at_every_theta() {
    // a bad outcome weighs 62,004 units there, and a good one 627
    let low = with(0.125, |builder| builder.outage(Outage::at(0.01)));
    low.refuse(10);
    assert_eq!(low.score(), 10.0 * 7_201.0 / ONE);
    // 40,262 and 362,364
    let high = with(0.875, |builder| builder.outage(Outage::at(0.9)));
    high.fail(2);
    high.refuse(1);
    assert_eq!(high.score(), (2.0 * 40_262.0 - 10_067.0) / ONE);
}

#[test]
fn a_tick_of_lenient_failures_ends_at_0_at_least() {
    let rig = scored(0.25);
    rig.fail(1);
    rig.wait(TICK);
    rig.refuse(40);
    assert_eq!(rig.score(), 0.0);
    rig.fail(1);
    assert_eq!(rig.score(), 0.0, "it is below 0 within the tick");
    rig.wait(TICK);
    rig.fail(1);
    assert_eq!(rig.score(), BAD);
}

#[test]
fn lenient_failures_that_raise_the_score_trip() {
    // the limit is 456,043 units, and 16 steps are 444,208
    let rig = scored(0.75);
    rig.refuse(1);
    rig.wait(TICK);
    rig.trips_at_refusal(16, Cause::Evidence);
    assert_eq!(rig.last().counts, counts(0, 17, 0));
    let burst = scored(0.75);
    burst.refuse(1_000);
    assert_eq!(burst.state(), State::Closed, "one burst trips nothing");
}

#[test]
fn a_lenient_failure_that_lowers_the_score_or_leaves_it_cannot_make_the_rule_true() {
    for (weight, trips) in [(0.0, false), (0.375, false), (0.5, false), (0.625, true)] {
        let rig = scored(weight);
        rig.fail(100);
        rig.wait(TICK);
        // the score begins the tick at 456,043, and the limit is 196,973
        let lower = Outage::at(0.5).loss_at_most(0.1);
        let changed = rig.controller.reconfigure(|rules| rules.outage(lower));
        changed.expect("valid");
        rig.refuse(1);
        let expected = if trips { State::Open } else { State::Closed };
        assert_eq!(rig.state(), expected, "{weight}");
        if !trips {
            rig.fail(1);
            assert_eq!(rig.cause(), Cause::Evidence, "{weight}");
        }
    }
}

#[test]
fn observe_only_reports_the_score_of_lenient_failures_once() {
    let rig = with(0.75, |builder| {
        let builder = builder.initial_state(State::ObserveOnly);
        builder.outage(Outage::at(0.5))
    });
    rig.refuse(17);
    assert_eq!(rig.seen().would_trip, 0);
    rig.wait(TICK);
    rig.refuse(1);
    assert_eq!(rig.seen().would_trip, 1);
    rig.refuse(40);
    assert_eq!(rig.seen().would_trip, 1);
}

// ---- the hang rule

#[test]
fn a_lenient_failure_is_a_sign_of_life() {
    let hang = Hang::after(ms(300)).starts(3);
    let rig = with(0.0, |builder| builder.hang(hang));
    let last = rig.acquire();
    rig.ok(20);
    rig.wait(2 * TICK);
    let _calls = [rig.acquire(), rig.acquire(), rig.acquire()];
    assert_eq!(rig.seen().watch.expect("a watch").starts, 3);
    rig.wait(ms(299));
    last.record_timed(REFUSED, ms(1));
    assert_eq!(rig.seen().watch, None);
    rig.wait(ms(100));
    drop(rig.acquire());
    assert_eq!(rig.state(), State::Closed);
}

#[test]
fn for_the_hang_rule_a_lenient_failure_is_no_success() {
    let hang = Hang::after(ms(300)).starts(3);
    let patience = |outcome| {
        let rig = Rig::new(|builder| {
            let builder = builder.slow_call(secs(60)).hang(hang);
            builder.lenient([FailureKind::Overload], 0.0)
        });
        rig.ok(20);
        rig.wait(TICK);
        rig.acquire().record_timed(outcome, secs(1));
        rig.wait(3 * TICK);
        let _call = rig.acquire();
        rig.seen().watch.expect("a watch").patience
    };
    assert_eq!(patience(OK), secs(2));
    assert_eq!(patience(REFUSED), ms(300));
}

#[test]
fn lenient_failures_are_among_the_20_results_before_a_watch() {
    let hang = Hang::after(ms(300)).starts(3);
    let rig = with(0.0, |builder| builder.hang(hang));
    rig.refuse(20);
    rig.wait(2 * TICK);
    let _call = rig.acquire();
    assert_eq!(rig.seen().watch.expect("a watch").starts, 1);
}
