//! Lenient kinds in half-open: probes, and calls of a ramp.

use tripcoil::{Cause, FailureKind, HalfOpen, Outcome, Ramp, State};

use super::{NONE, OK, REFUSED, steady, with};
use crate::common::{Rig, SERVER, counts, ms, secs};

// ---- probes

#[test]
fn a_lenient_probe_counts_wholly_from_a_half_on() {
    for weight in [0.5, 0.625, 0.75, 0.875] {
        let rig = steady(weight);
        rig.round();
        rig.probe(REFUSED);
        assert_eq!(
            (rig.state(), rig.cause()),
            (State::Open, Cause::ProbeFailed)
        );
        assert_eq!(rig.last().failure, Some(FailureKind::Overload));
        assert_eq!(rig.last().counts, counts(0, 1, 0));
    }
}

#[test]
fn below_a_half_a_lenient_probe_gives_its_slot_back_and_decides_nothing() {
    for weight in [0.0, 0.125, 0.25, 0.375] {
        let rig = steady(weight);
        rig.round();
        rig.probe(OK);
        (0..20).for_each(|_| rig.probe(REFUSED));
        let probes = rig.seen().probes;
        assert_eq!(
            (probes.in_flight, probes.succeeded, probes.failed),
            (0, 1, 0)
        );
        rig.probe(OK);
        assert_eq!(rig.cause(), Cause::ProbesSucceeded);
        assert_eq!(rig.last().counts, counts(2, 0, 0));
        let seen = rig.seen();
        assert_eq!((seen.totals.failures, seen.totals.ignored), (20, 0));
        assert_eq!(seen.failures_by_kind.get(FailureKind::Overload), 20);
    }
}

#[test]
fn a_round_by_rate_has_no_result_of_a_lenient_probe_below_a_half() {
    let round = HalfOpen::rate(3, 0.5).max_probes(1);
    let light = with(0.375, |builder| builder.failure_count(100).half_open(round));
    light.round();
    [OK, REFUSED, SERVER, REFUSED, OK]
        .into_iter()
        .for_each(|outcome| light.probe(outcome));
    assert_eq!(light.cause(), Cause::ProbesSucceeded);
    assert_eq!(light.last().counts, counts(2, 1, 0));
    let round = HalfOpen::rate(3, 0.5).max_probes(1);
    let heavy = with(0.5, |builder| builder.failure_count(100).half_open(round));
    heavy.round();
    [OK, REFUSED, REFUSED]
        .into_iter()
        .for_each(|outcome| heavy.probe(outcome));
    assert_eq!(heavy.cause(), Cause::ProbeFailed);
}

#[test]
fn a_slow_probe_of_a_lenient_kind_fails() {
    let rig = steady(0.0);
    rig.round();
    rig.slow(REFUSED);
    assert_eq!(rig.cause(), Cause::ProbeFailed);
}

#[test]
fn a_probe_goes_by_the_present_rules() {
    let rig = steady(0.5);
    rig.round();
    let probe = rig.acquire();
    rig.name([FailureKind::Overload], 0.375);
    probe.record(REFUSED);
    assert_eq!(rig.state(), State::HalfOpen);
    let probe = rig.acquire();
    rig.name(NONE, 0.375);
    probe.record(REFUSED);
    assert_eq!(rig.cause(), Cause::ProbeFailed);
}

/// The time from which cancelled probes decide goes on from the latest result.
#[test]
fn a_probe_that_is_given_back_does_not_put_off_the_end_of_a_round() {
    let ends_at_50_ms = |outcome| {
        let rig = steady(0.375);
        rig.round();
        rig.wait(ms(40));
        rig.probe(outcome);
        rig.wait(ms(10));
        drop(rig.acquire());
        drop(rig.acquire());
        rig.state() == State::Open
    };
    assert!(ends_at_50_ms(REFUSED));
    assert!(ends_at_50_ms(Outcome::Ignored));
    assert!(!ends_at_50_ms(OK));
}

// ---- calls of a ramp

/// In a ramp that begins with all calls.
fn ramp(weight: f64) -> Rig {
    let round = HalfOpen::successes(2).probe_timeout(secs(1));
    let round = round.ramp(Ramp::new());
    let rig = with(weight, |builder| {
        builder.failure_count(1_000).half_open(round)
    });
    rig.round();
    rig.ok(2);
    assert_eq!(
        (rig.state(), rig.seen().admitted_share),
        (State::HalfOpen, 1.0)
    );
    rig
}

#[test]
fn a_lenient_call_of_a_ramp_is_bad_from_a_half_on() {
    for weight in [0.5, 0.875] {
        let rig = ramp(weight);
        // the weight of three is 2.54, that of four 3.39, and the step is cut at 3.006
        rig.refuse(3);
        assert_eq!(rig.state(), State::HalfOpen);
        rig.refuse(1);
        assert_eq!((rig.state(), rig.cause()), (State::Open, Cause::RampFailed));
        assert_eq!(rig.last().counts, counts(0, 4, 0));
    }
}

#[test]
fn below_a_half_a_lenient_call_of_a_ramp_is_taken_off() {
    for weight in [0.0, 0.375] {
        let rig = ramp(weight);
        rig.refuse(50);
        rig.ok(1);
        rig.wait(ms(100));
        assert_eq!(rig.state(), State::HalfOpen);
        // of those that were admitted, all have ended
        rig.ok(1);
        assert_eq!(rig.cause(), Cause::RampCompleted);
        assert_eq!(rig.last().counts, counts(1, 0, 0));
        assert_eq!(rig.seen().totals.failures, 50);
        let kinds = rig.seen().failures_by_kind;
        assert_eq!(kinds.get(FailureKind::Overload), 50);
    }
}

#[test]
fn a_slow_call_of_a_lenient_kind_is_bad_in_a_ramp() {
    let rig = ramp(0.0);
    (0..4).for_each(|_| rig.slow(REFUSED));
    assert_eq!(rig.cause(), Cause::RampFailed);
}
