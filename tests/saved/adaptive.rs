//! What the rules on outages and hangs, and adaptive waits, keep from one process to the next.

use crate::restore::{MINUTE, after, at, report, rig};
use crate::strategies::{Rig, ms, wall};
use std::time::Duration;
use tripcoil::saved::Saved;
use tripcoil::{
    Backoff, Builder, Cause, FailureKind, HalfOpen, Hang, ManualClock, Outage, Ramp, Snapshot,
    State,
};

const SECOND: Duration = Duration::from_secs(1);
/// Two ticks of the window's buckets.
const TWO_TICKS: Duration = Duration::from_millis(40);

fn waits(b: Builder) -> Builder {
    b.no_failure_rules()
        .consecutive_failures(1)
        .half_open(HalfOpen::successes(1))
        .open_for(Backoff::adaptive().seed(7))
}

fn scored(b: Builder) -> Builder {
    waits(b).outage(Outage::at(0.5))
}

fn hangs(b: Builder) -> Builder {
    b.no_failure_rules().hang(Hang::after(ms(300)).starts(2))
}

fn lose(rig: &Rig) -> Duration {
    rig.fail(1);
    let seen = rig.breaker.observer().snapshot();
    assert_eq!(seen.state, State::Open);
    seen.retry_after.expect("open")
}

/// A wait of which nothing but the age and the pace is known: without what a millisecond takes up.
fn near(a: Duration, b: Duration) -> bool {
    a.abs_diff(b) <= ms(2)
}

#[test]
fn the_pace_is_kept_and_the_score_begins_anew() {
    let old = rig(scored, ManualClock::new());
    old.succeed(300);
    old.clock.advance(SECOND);
    old.succeed(1);
    let seen = |rig: &Rig| rig.breaker.observer().snapshot().evidence.expect("on");
    let new = after(&old, scored, ms(5));
    assert_eq!((seen(&new).pace, seen(&new).value), (300.0, 0.0));
    // by the bytes, too
    let bytes = old.controller.save_at(wall()).to_bytes();
    let saved = Saved::from_bytes(&bytes).expect("whole");
    let again = rig(
        |b| scored(b).restore_at(saved.clone(), wall()),
        ManualClock::new(),
    );
    assert_eq!(seen(&again).pace, 300.0);
}

#[test]
fn a_pace_is_kept_for_adaptive_waits_alone() {
    let old = rig(waits, ManualClock::new());
    old.succeed(300);
    old.clock.advance(SECOND);
    old.succeed(1);
    let new = after(&old, scored, ms(5));
    let evidence = new.breaker.observer().snapshot().evidence;
    assert_eq!(evidence.expect("on").pace, 300.0);
}

/// The time between two processes is a part of it.
#[test]
fn an_outage_goes_on_at_its_age() {
    let old = rig(waits, ManualClock::new());
    old.succeed(10_000);
    old.clock.advance(SECOND);
    old.fail(1);
    old.clock.advance(400 * SECOND);
    let new = after(&old, waits, 100 * SECOND);
    assert_eq!(report(&new).state, State::Open);
    // 500 s after it began, by either
    old.clock.advance(100 * SECOND);
    assert!(near(lose(&new), lose(&old)));
    let fresh = rig(waits, ManualClock::new());
    fresh.succeed(10_000);
    fresh.clock.advance(SECOND);
    fresh.fail(1);
    fresh.clock.advance(ms(250));
    assert!(lose(&fresh) < lose_later(&new));
}

/// The next lost round, much later.
fn lose_later(rig: &Rig) -> Duration {
    rig.clock.advance(400 * SECOND);
    lose(rig)
}

#[test]
fn a_wall_clock_that_went_back_adds_nothing_to_its_age() {
    let old = rig(waits, ManualClock::new());
    old.succeed(10_000);
    old.clock.advance(SECOND);
    old.fail(1);
    old.clock.advance(400 * SECOND);
    let new = at(&old, waits, wall() - MINUTE);
    assert!(near(lose(&new), lose(&old)));
}

#[test]
fn calls_that_were_rejected_before_count_as_if_before_the_outage() {
    let old = rig(waits, ManualClock::new());
    old.succeed(2);
    old.clock.advance(SECOND);
    old.fail(1);
    for _ in 0..100_000 {
        assert!(old.acquire().is_none());
    }
    let new = after(&old, waits, 10 * SECOND);
    old.clock.advance(10 * SECOND);
    // 10,000 per second, or two
    let (new, old) = (lose(&new), lose(&old));
    assert!(old < ms(500) && new > SECOND, "{old:?} {new:?}");
}

#[test]
fn the_longest_success_is_kept_and_no_watch() {
    let old = rig(hangs, ManualClock::new());
    old.succeed(20);
    old.clock.advance(TWO_TICKS);
    let permit = old.acquire().expect("closed");
    old.clock.advance(SECOND);
    permit.success();
    old.clock.advance(TWO_TICKS);
    let _held = [old.acquire(), old.acquire()];
    let watch = |rig: &Rig| rig.breaker.observer().snapshot().watch;
    assert_eq!(watch(&old).expect("a watch").patience, 2 * SECOND);

    let new = after(&old, hangs, ms(5));
    assert_eq!(watch(&new), None);
    // its beginning is a sign of life
    let _held = new.acquire();
    assert_eq!(watch(&new), None);
    new.clock.advance(TWO_TICKS);
    let _held = new.acquire();
    assert_eq!(watch(&new).expect("a watch").patience, 2 * SECOND);
}

#[test]
fn totals_that_were_restored_settle_it() {
    let old = rig(hangs, ManualClock::new());
    old.succeed(19);
    old.acquire().expect("closed").failure(FailureKind::Connect);
    let new = after(&old, hangs, ms(5));
    new.clock.advance(TWO_TICKS);
    let _held = new.acquire();
    assert!(new.breaker.observer().snapshot().watch.is_some());
}

#[test]
fn it_may_trip_after_a_restart() {
    let old = rig(hangs, ManualClock::new());
    old.succeed(20);
    let new = after(&old, hangs, ms(5));
    new.clock.advance(TWO_TICKS);
    let _held = [new.acquire(), new.acquire()];
    new.clock.advance(ms(400));
    assert!(new.acquire().is_none());
    let again = after(&new, hangs, ms(5));
    let rejected = again.breaker.try_acquire().map(drop).expect_err("open");
    assert_eq!(rejected.cause(), Some(Cause::Hang));
}

fn ramps(b: Builder) -> Builder {
    b.no_failure_rules()
        .consecutive_failures(1)
        .half_open(HalfOpen::successes(2).ramp(Ramp::new()))
        .open_for(SECOND)
}

fn snapshot(rig: &Rig) -> Snapshot {
    rig.breaker.observer().snapshot()
}

/// In the second step of a ramp, after 1,000 calls in a second.
fn ramp() -> Rig {
    let rig = rig(ramps, ManualClock::new());
    rig.succeed(1_000);
    rig.clock.advance(SECOND);
    rig.fail(1);
    rig.clock.advance(SECOND);
    rig.succeed(2);
    for _ in 0..20 {
        rig.acquire()
            .into_iter()
            .for_each(|permit| permit.success());
    }
    rig.clock.advance(ms(100));
    drop(rig.acquire());
    assert_eq!(snapshot(&rig).admitted_share, 0.75);
    rig
}

#[test]
fn a_ramp_is_saved_as_an_untouched_round() {
    let old = ramp();
    let saved = old.controller.save_at(wall());
    let json = serde_json::to_value(&saved).expect("it can be written");
    let round = json["round"].as_object().expect("a round");
    for (name, value) in round {
        let untouched = [serde_json::json!(0), serde_json::json!(false)];
        assert!(untouched.contains(value), "{name}: {value}");
    }

    for later in [ms(0), MINUTE] {
        let new = after(&old, ramps, later);
        assert_eq!(report(&new).state, State::HalfOpen);
        let (before, seen) = (snapshot(&old), snapshot(&new));
        assert_eq!(seen.generation, before.generation);
        assert_eq!((seen.admitted_share, seen.probes.succeeded), (0.0, 0));
        assert_eq!(seen.totals.successes, before.totals.successes);
        // one probe at a time, and then a ramp of its own, at the pace that was saved
        let probe = new.acquire().expect("a slot");
        assert!(new.acquire().is_none());
        probe.success();
        new.succeed(1);
        let seen = snapshot(&new);
        assert_eq!((seen.state, seen.admitted_share), (State::HalfOpen, 0.25));
    }
}

#[test]
fn a_ramp_that_failed_is_the_cause_of_its_opening() {
    let cause = |rig: &Rig| {
        rig.breaker
            .try_acquire()
            .map(drop)
            .expect_err("open")
            .cause()
    };
    let old = rig(ramps, ManualClock::new());
    old.controller.half_open();
    old.succeed(2);
    old.fail(4);
    assert_eq!(cause(&old), Some(Cause::RampFailed));
    let new = after(&old, ramps, ms(5));
    assert_eq!(cause(&new), Some(Cause::RampFailed));
    let bytes = old.controller.save_at(wall()).to_bytes();
    let saved = Saved::from_bytes(&bytes).expect("whole");
    let again = rig(
        |b| ramps(b).restore_at(saved.clone(), wall()),
        ManualClock::new(),
    );
    assert_eq!(cause(&again), Some(Cause::RampFailed));
}

/// By both rules that follow patience.
fn patient(b: Builder) -> Builder {
    waits(b).hang(Hang::default())
}

/// A probe that is lost after so long, and not before.
fn waits_for(rig: &Rig, span: Duration) {
    rig.clock.advance(snapshot(rig).retry_after.expect("open"));
    let probe = rig.acquire().expect("a slot");
    rig.clock.advance(span - ms(1));
    assert!(rig.acquire().is_none());
    assert_eq!(snapshot(rig).state, State::HalfOpen);
    rig.clock.advance(ms(1));
    assert!(rig.acquire().is_none());
    assert_eq!(snapshot(rig).state, State::Open);
    drop(probe);
}

#[test]
fn rounds_that_were_lost_before_are_not_counted() {
    let old = rig(patient, ManualClock::new());
    old.fail(1);
    waits_for(&old, ms(300));
    waits_for(&old, ms(425));
    let new = after(&old, patient, ms(5));
    waits_for(&new, ms(300));
    waits_for(&new, ms(425));
    waits_for(&old, ms(520));
}

#[test]
fn without_these_rules_none_of_their_values_are_saved() {
    let plain = rig(|b| b, ManualClock::new());
    plain.succeed(3);
    let json = serde_json::to_value(plain.controller.save_at(wall())).expect("it can be written");
    for name in ["pace", "down", "longest"] {
        assert_eq!(json[name], serde_json::Value::Null, "{name}");
    }
}
