//! A ramp and the rest of the breaker.

use std::future::{Future, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tripcoil::{Backoff, Cause, FailureKind, HalfOpen, OnCancel, Outage, Outcome, Ramp, State};

use crate::common::{OVERRIDES, SERVER, counts, ms, ns, order, secs};
use crate::ramp::{OK, STEP, TIMEOUT, at, at_three_eighths, at_three_quarters, end, two, with};

// ---- totals, and what is late

#[test]
fn calls_are_in_the_totals_and_in_no_window() {
    let rig = at(1_000);
    let before = rig.seen();
    assert_eq!(before.window, counts(1_000, 3, 0));
    rig.pass(10);
    rig.spoil(2);
    let seen = rig.seen();
    assert_eq!(seen.window, before.window, "of the last counting period");
    assert_eq!(seen.totals.successes, 1_012);
    assert_eq!(seen.totals.failures, 5);
    assert_eq!(seen.failures_by_kind.get(FailureKind::Server), 5);
    assert_eq!(seen.probes, before.probes);
    let rig = rig.has(0.25);
    rig.wait(STEP);
    rig.arrive();
    rig.good_step();
    rig.is_complete();
    assert_eq!(rig.seen().window, counts(0, 0, 0));
}

#[test]
fn the_probes_of_a_snapshot_are_those_of_the_round_that_was_won() {
    let rig = at(1_000);
    let _held = rig.admitted(3);
    let probes = rig.seen().probes;
    let three = (probes.in_flight, probes.succeeded, probes.failed);
    assert_eq!(three, (0, 2, 0));
}

#[test]
fn one_that_ends_after_the_ramp_is_late() {
    for complete in [true, false] {
        let rig = at(0);
        let mut held = rig.admitted(40);
        if complete {
            end(&mut held, 36, OK);
            rig.wait(STEP);
            rig.pass(2);
            rig.is_complete();
        } else {
            end(&mut held, 36, SERVER);
            rig.has_failed();
        }
        let before = rig.seen().totals;
        end(&mut held, 1, OK);
        end(&mut held, 1, SERVER);
        end(&mut held, 1, Outcome::Ignored);
        drop(held);
        let after = rig.seen().totals;
        assert_eq!(after.late, before.late + 4);
        assert_eq!(after.failures, before.failures);
        assert_eq!(after.successes, before.successes);
    }
}

#[test]
fn a_probe_that_ends_in_the_ramp_is_late() {
    for outcome in [OK, SERVER, Outcome::Ignored] {
        let rig = with(|builder| builder.half_open(two().max_probes(2)));
        rig.round();
        let (probe, other) = (rig.acquire(), rig.acquire());
        other.success();
        rig.round_is(HalfOpen::successes(1).ramp(Ramp::new()));
        assert_eq!(rig.share(), 0.0, "nothing by themselves");
        rig.arrive();
        let rig = rig.has(1.0);
        let before = rig.seen();
        probe.record(outcome);
        let after = rig.seen();
        assert_eq!(after.totals.late, before.totals.late + 1);
        assert_eq!(after.totals.failures, before.totals.failures);
        let late = u64::from(outcome == OK);
        assert_eq!(after.late_probe_successes, late);
        assert_eq!(after.probes.succeeded, 1);
        let _on = rig.has(1.0);
    }
}

#[test]
fn a_cancelled_probe_that_ends_in_the_ramp_is_late() {
    let rig = with(|builder| builder.half_open(two().max_probes(2)));
    rig.round();
    let (probe, other) = (rig.acquire(), rig.acquire());
    other.success();
    rig.round_is(HalfOpen::successes(1).ramp(Ramp::new()));
    rig.arrive();
    let cancelled = rig.seen().totals.cancelled;
    drop(probe);
    let totals = rig.seen().totals;
    assert_eq!((totals.late, totals.cancelled), (1, cancelled));
}

#[test]
fn the_histogram_has_the_calls_of_a_ramp() {
    let rig = with(|builder| builder.durations(true)).climbs(0);
    let calls = || rig.seen().durations.expect("kept").calls();
    let before = calls();
    let permit = rig.acquire();
    rig.wait(ms(30));
    permit.success();
    rig.end(Outcome::Ignored);
    assert_eq!(calls(), before + 1);
}

// ---- events

#[test]
fn the_event_has_the_counts_of_all_results_of_the_ramp_and_no_kind() {
    let rig = at(1_000);
    let mut early = rig.admitted(20);
    end(&mut early, 18, OK);
    rig.wait(STEP);
    rig.arrive();
    end(&mut early, 1, SERVER);
    end(&mut early, 1, Outcome::Ignored);
    rig.good_step();
    rig.is_complete();
    let last = rig.last();
    assert_eq!((last.from, last.to), (State::HalfOpen, State::Closed));
    assert_eq!((last.counts, last.failure), (counts(23, 1, 0), None));
    assert_eq!((last.at, last.open_until), (ms(1_210), None));

    let rig = at_three_eighths();
    rig.spoil(4);
    rig.has_failed();
    let last = rig.last();
    assert_eq!((last.from, last.to), (State::HalfOpen, State::Open));
    assert_eq!((last.counts, last.failure), (counts(5, 8, 0), None));
    assert_eq!((last.at, last.open_until), (ms(1_110), Some(ms(1_130))));
}

#[test]
fn each_ramp_has_counts_of_its_own() {
    let rig = at(1_000);
    rig.spoil(4);
    assert_eq!(rig.last().counts, counts(0, 4, 0));
    rig.wait_out();
    rig.ok(2);
    rig.pass(7);
    rig.spoil(5);
    assert_eq!(rig.last().counts, counts(7, 5, 0));
}

#[test]
fn a_ramp_that_fails_is_no_new_opening_from_closed() {
    let rig = at(1_000);
    rig.spoil(4);
    let opening = rig.seen().last_opening.expect("one");
    assert_eq!(opening.cause, Cause::ConsecutiveFailures);
    assert_eq!(rig.seen().openings, 2);
}

// ---- the figure

#[test]
fn the_admitted_share_in_each_state() {
    let rig = with(|builder| builder);
    assert_eq!(rig.share(), 1.0);
    rig.fail(3);
    assert_eq!((rig.state(), rig.share()), (State::Open, 0.0));
    rig.round();
    assert_eq!(rig.share(), 0.0);
    rig.ok(1);
    assert_eq!(rig.share(), 0.0);
    rig.ok(1);
    assert_eq!((rig.state(), rig.share()), (State::HalfOpen, 1.0));
    for state in OVERRIDES {
        assert!(order(&rig.controller, state));
        let share = if state == State::ForcedOpen { 0.0 } else { 1.0 };
        assert_eq!(rig.share(), share, "{state:?}");
    }
    assert!(rig.controller.release());
    assert_eq!(rig.share(), 1.0);
}

// ---- the controller

#[test]
fn the_controller_ends_a_ramp_as_it_ends_a_round() {
    let rig = at(1_000);
    let held = rig.admitted(1);
    assert!(rig.controller.trip());
    assert_eq!((rig.state(), rig.cause()), (State::Open, Cause::Manual));
    assert_eq!(rig.last().failure, None);
    drop(held);
    assert_eq!(rig.seen().totals.late, 1);

    let rig = at(1_000);
    let generation = rig.seen().generation;
    let held = rig.admitted(1);
    assert!(rig.controller.half_open());
    let seen = rig.seen();
    assert_eq!((seen.state, seen.admitted_share), (State::HalfOpen, 0.0));
    assert_eq!(seen.generation, generation + 1);
    assert_eq!((seen.probes.succeeded, rig.cause()), (0, Cause::Manual));
    let probe = rig.acquire();
    assert_eq!(rig.rejected().retry_after(), None, "its one slot is taken");
    drop((held, probe));

    let rig = at(1_000);
    assert!(rig.controller.reset());
    assert_eq!((rig.state(), rig.cause()), (State::Closed, Cause::Manual));
    assert_eq!(rig.pattern(5), "xxxxx");

    for state in OVERRIDES {
        let rig = at(1_000);
        let held = rig.admitted(1);
        assert!(order(&rig.controller, state));
        drop(held);
        assert_eq!(rig.seen().totals.late, 1, "{state:?}");
        assert!(rig.controller.release());
        assert_eq!(rig.state(), State::Closed);
    }
}

// ---- new rules

#[test]
fn switched_off_the_next_judgement_closes_the_breaker() {
    let plain = || HalfOpen::successes(2).probe_timeout(TIMEOUT);
    let rig = at(1_000);
    rig.spoil(3);
    rig.round_is(plain());
    let rig = rig.has(0.25);
    rig.acquire().success();
    rig.is_complete();
    assert_eq!(rig.last().counts, counts(0, 3, 0));
    assert_eq!(
        rig.seen().window,
        counts(1, 0, 0),
        "it was admitted after that"
    );

    let rig = at(1_000);
    let mut held = rig.admitted(1);
    rig.round_is(plain());
    end(&mut held, 1, SERVER);
    rig.is_complete();
    assert_eq!(rig.last().counts, counts(0, 1, 0), "it has counted");
}

#[test]
fn switched_on_in_a_round_a_ramp_follows() {
    let plain = HalfOpen::successes(2).probe_timeout(TIMEOUT);
    let rig = with(|builder| builder.half_open(plain));
    rig.round();
    rig.ok(1);
    rig.round_is(two());
    rig.ok(1);
    let _ramp = rig.has(1.0);
}

#[test]
fn a_ramp_goes_on_when_the_round_is_another() {
    let rig = at(1_000);
    rig.pass(5);
    rig.round_is(HalfOpen::rate(9, 0.1).ramp(Ramp::new()));
    let rig = rig.has(0.25);
    rig.wait(STEP);
    rig.arrive();
    let _next = rig.has(0.75);
}

#[test]
fn under_other_weights_the_score_stays() {
    let rig = at_three_quarters();
    rig.spoil(3);
    let outage = rig
        .controller
        .reconfigure(|rules| rules.outage(Outage::at(0.9)));
    outage.expect("valid");
    let rig = rig.has(0.75);
    // 2.54 and 0.616 are beyond ln 20, and four of 0.616 would not be
    rig.spoil(1);
    let _cut = rig.has(0.375);
}

#[test]
fn a_new_probe_timeout_applies_to_the_step_under_way() {
    let rig = at(1_000);
    std::mem::forget(rig.admitted(1));
    rig.wait(ms(150));
    assert_eq!(rig.rejected().retry_after(), None);
    rig.round_is(two().probe_timeout(ms(150)));
    assert_eq!(rig.rejected().retry_after(), Some(STEP));
}

// ---- waits

#[test]
fn after_a_failed_ramp_an_adaptive_wait_counts_from_the_failure() {
    let rig = with(|builder| builder.open_for(Backoff::adaptive())).climbs(1_000);
    rig.wait(ms(900));
    rig.spoil(4);
    rig.has_failed();
    // from the beginning of the round nothing would be left of 300 ms
    assert!(
        (ms(250)..=ms(301)).contains(&rig.rest()),
        "{:?}",
        rig.rest()
    );
}

#[test]
fn the_failure_that_fails_the_ramp_may_ask_for_a_longer_wait() {
    let asks = |span| Outcome::Failure(FailureKind::Server).with_retry_after(span);
    for (own, expected) in [(ms(60), ms(60)), (ms(1), ms(20)), (secs(5), ms(80))] {
        let rig = at(1_000);
        rig.spoil(3);
        end(&mut rig.admitted(1), 1, asks(own));
        rig.has_failed();
        assert_eq!(rig.rest(), expected, "{own:?}");
    }
    // only the one that decides
    let rig = at(1_000);
    end(&mut rig.admitted(1), 1, asks(ms(60)));
    rig.spoil(3);
    assert_eq!(rig.rest(), ms(20));
    // a cut that goes on asks for nothing
    let rig = at_three_quarters();
    rig.spoil(3);
    end(&mut rig.admitted(1), 1, asks(ms(60)));
    let rig = rig.has(0.375);
    rig.spoil(4);
    assert_eq!(rig.rest(), ms(20));
}

// ---- ways of calling

#[test]
fn a_cancelled_call_that_is_a_failure_is_bad() {
    let rig = with(|builder| builder.on_cancel(OnCancel::Failure)).climbs(1_000);
    for _ in 0..3 {
        drop(rig.admitted(1));
    }
    let rig = rig.has(0.25);
    drop(rig.admitted(1));
    rig.has_failed();
    assert_eq!(rig.last().counts, counts(0, 4, 0));
    let seen = rig.seen();
    assert_eq!(seen.failures_by_kind.get(FailureKind::Timeout), 4);
    assert_eq!(seen.totals.cancelled, 0);
    // it has ended, and its duration counts
    let rig = with(|builder| builder.on_cancel(OnCancel::Failure)).climbs(1_000);
    rig.pass(4);
    let last = rig.admitted(1);
    rig.wait(STEP + ns(1));
    drop(last);
    rig.has_failed();
}

#[test]
fn a_local_handles_calls_are_of_the_ramp() {
    let rig = at(1_000);
    let local = rig.breaker.local();
    let one = |_| match local.try_acquire() {
        Ok(permit) => {
            permit.record_timed(OK, Duration::ZERO);
            'x'
        }
        Err(_) => '.',
    };
    let pattern: String = (0..16).map(one).collect();
    assert_eq!(pattern, "x..x...x...x...x");
    rig.wait(STEP);
    drop(local.try_acquire());
    let rig = rig.has(0.75);
    for _ in 0..6 {
        if let Ok(permit) = local.try_acquire() {
            permit.record(SERVER);
        }
    }
    let rig = rig.has(0.375);
    let held = (0..9).find_map(|_| local.try_acquire().ok());
    assert!(rig.controller.reset());
    held.expect("admitted").success();
    assert_eq!(rig.seen().totals.late, 1);
    assert_eq!(rig.seen().totals.successes, 1_007);
}

#[test]
fn guarded_calls_are_of_the_ramp() {
    let rig = at(1_000);
    let call = || rig.breaker.call(|| Err::<(), _>("broken"));
    let waits = || {
        let future = pin!(rig.breaker.call_async(ready(Err::<(), _>("broken"))));
        match future.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => answer,
            Poll::Pending => panic!("pending"),
        }
    };
    let mut made = 0;
    for _ in 0..6 {
        made += u32::from(!call().expect_err("broken").is_rejected());
        made += u32::from(!waits().expect_err("broken").is_rejected());
    }
    assert_eq!(made, 4);
    rig.has_failed();
}
