//! What cuts a step, and what follows.

use std::time::Duration;

use tripcoil::call::OwnedPermit;
use tripcoil::{Cause, HalfOpen, Hang, Outage, Outcome, Ramp, State};

use crate::common::{LIMIT, Rig, SERVER, counts, ms, ns, secs};
use crate::ramp::{OK, STEP, TIMEOUT, at, at_three_eighths, at_three_quarters, end, two, with};

// ---- the score

#[test]
fn four_bad_calls_of_five_cut_the_step() {
    let rig = at_three_quarters();
    rig.spoil(3);
    let rig = rig.has(0.75);
    rig.spoil(1);
    let _cut = rig.has(0.375);
    let rig = at_three_quarters();
    rig.pass(1);
    rig.spoil(3);
    let rig = rig.has(0.75);
    rig.spoil(1);
    let _cut = rig.has(0.375);
}

/// A bad call weighs 0.847. Four of seven are beyond ln 28, and four of eight are not beyond ln 32.
#[test]
fn the_limit_rises_with_what_was_admitted() {
    for (admitted, bad) in [(5, 4), (7, 4), (8, 5), (16, 5), (17, 6)] {
        let rig = at_three_quarters();
        let mut held = rig.admitted(admitted);
        end(&mut held, bad - 1, SERVER);
        let rig = rig.has(0.75);
        end(&mut held, 1, SERVER);
        assert_eq!(rig.share(), 0.375, "{admitted}");
    }
}

#[test]
fn a_good_call_lowers_the_score_to_0_at_least() {
    let rig = at_three_quarters();
    rig.pass(10);
    // 3.39 is below ln 56, and 4.24 beyond ln 60
    rig.spoil(4);
    let rig = rig.has(0.75);
    rig.spoil(1);
    let _cut = rig.has(0.375);

    let rig = at_three_quarters();
    rig.spoil(3);
    rig.pass(2);
    rig.spoil(3);
    // 3.39 is below ln 32, and 4.24 beyond ln 36
    let rig = rig.has(0.75);
    rig.spoil(1);
    let _cut = rig.has(0.375);
}

#[test]
fn the_score_goes_on_through_good_steps() {
    let rig = at(1_000);
    let mut held = rig.admitted(20);
    end(&mut held, 17, OK);
    end(&mut held, 3, SERVER);
    rig.wait(STEP);
    rig.arrive();
    let rig = rig.has(0.75);
    rig.spoil(1);
    let _cut = rig.has(0.375);
}

/// Of 25 calls four may be bad, and of none no four.
#[test]
fn a_score_beyond_the_limit_of_the_next_step_cuts_it_at_once() {
    let rig = at(1_000);
    rig.pass(21);
    rig.spoil(4);
    rig.wait(STEP);
    let rig = rig.has(0.25);
    rig.arrive();
    let rig = rig.has(0.375);
    rig.good_step();
    let _next = rig.has(9.0 / 16.0);
}

#[test]
fn it_begins_with_0_after_a_cut() {
    let rig = at_three_eighths();
    rig.spoil(3);
    let rig = rig.has(0.375);
    rig.spoil(1);
    rig.has_failed();
}

#[test]
fn it_begins_with_0_in_each_ramp() {
    let rig = at(1_000);
    rig.spoil(3);
    assert!(rig.controller.half_open());
    rig.ok(2);
    let rig = rig.has(0.25);
    rig.spoil(3);
    let _on = rig.has(0.25);
}

#[test]
fn calls_that_were_admitted_before_a_cut_do_not_move_it() {
    let rig = at_three_quarters();
    let mut early = rig.admitted(8);
    rig.spoil(5);
    // of 13: beyond ln 52
    let rig = rig.has(0.375);
    end(&mut early, 4, SERVER);
    rig.spoil(3);
    let rig = rig.has(0.375);
    end(&mut early, 4, OK);
    // had they counted, the score would be 0
    rig.spoil(1);
    rig.has_failed();
}

#[test]
fn calls_of_an_earlier_step_since_the_cut_do() {
    let rig = at(1_000);
    let mut early = rig.admitted(20);
    end(&mut early, 18, OK);
    rig.wait(STEP);
    rig.arrive();
    let rig = rig.has(0.75);
    end(&mut early, 2, SERVER);
    rig.spoil(1);
    let rig = rig.has(0.75);
    rig.spoil(1);
    let _cut = rig.has(0.375);
}

#[test]
fn a_slow_call_is_bad_whatever_its_outcome() {
    let rig = with(|builder| builder.slow_call(LIMIT)).climbs(0);
    rig.slow(OK);
    rig.slow(SERVER);
    rig.slow(OK);
    let rig = rig.has(1.0);
    rig.slow(OK);
    rig.has_failed();
    assert_eq!(rig.last().counts, counts(3, 1, 4));
    // by its own limit
    let rig = at(0);
    let call = rig.breaker.with_slow_call(ns(5));
    for _ in 0..4 {
        let clock = rig.clock.clone();
        let lasts = || {
            clock.advance(ns(6));
            Ok::<_, ()>(())
        };
        assert!(call.call(lasts).is_ok());
    }
    rig.has_failed();
}

#[test]
fn calls_weigh_as_by_the_outage_rule() {
    let of = |theta| {
        let rig = with(|builder| match theta {
            Some(theta) => builder.outage(Outage::at(theta)),
            None => builder,
        });
        let rig = rig.climbs(1_000);
        rig.ends(&[]);
        rig
    };
    // at a fifth a good call weighs a quarter of a bad one: 3.44 is beyond ln 20
    let cut_by = |rig: Rig, outcomes: &[Outcome]| {
        for outcome in outcomes {
            end(&mut rig.admitted(1), 1, *outcome);
        }
        rig.state() == State::Open
    };
    let mixed = [SERVER, SERVER, SERVER, OK, SERVER];
    assert!(cut_by(of(Some(0.2)), &mixed));
    assert!(!cut_by(of(Some(0.5)), &mixed));
    assert!(!cut_by(of(None), &mixed), "as at its default");
    // at nine tenths a bad call weighs 0.616
    assert!(!cut_by(of(Some(0.9)), &[SERVER; 4]));
    assert!(cut_by(of(Some(0.9)), &[SERVER; 5]));
}

// ---- calls that hang

/// So many calls of the first step, of which so many end; then what an acquire finds at that age.
fn hanging(rig: Rig, admitted: usize, ended: usize, age: Duration) -> Rig {
    let mut held = rig.admitted(admitted);
    end(&mut held, ended, OK);
    rig.wait(age);
    rig.rejected();
    std::mem::forget(held);
    rig
}

#[test]
fn ten_that_are_out_and_more_than_half_after_patience_cut_it() {
    let late = ms(300) + ns(1);
    let _on = hanging(at(1_000), 10, 0, ms(300)).has(0.25);
    hanging(at(1_000), 10, 0, late).has_failed();
    let _on = hanging(at(1_000), 9, 0, late).has(0.25);
    let _on = hanging(at(1_000), 20, 10, late).has(0.25);
    hanging(at(1_000), 19, 9, late).has_failed();
    let _on = hanging(at(1_000), 18, 9, late).has(0.25);
}

#[test]
fn the_acquire_that_finds_it_is_rejected_with_the_whole_wait() {
    let rig = at(1_000);
    let _held = rig.admitted(10);
    rig.wait(ms(301));
    let rejected = rig.rejected();
    assert_eq!(rejected.state(), State::Open);
    assert_eq!(rejected.cause(), Some(Cause::RampFailed));
    assert_eq!(rejected.retry_after(), Some(ms(20)), "the second opening");
    assert_eq!(rig.last().counts, counts(0, 0, 0));
    let again = rig.rejected();
    assert_eq!(again.cause(), Some(Cause::RampFailed));
}

#[test]
fn a_calls_end_finds_it_too() {
    let rig = at(1_000);
    let mut held = rig.admitted(12);
    rig.wait(ms(301));
    end(&mut held, 1, OK);
    rig.has_failed();
}

#[test]
fn patience_is_that_of_the_hang_rule() {
    let with_hang = || with(|builder| builder.hang(Hang::after(ms(500)))).climbs(1_000);
    let _on = hanging(with_hang(), 10, 0, ms(500)).has(0.25);
    hanging(with_hang(), 10, 0, ms(500) + ns(1)).has_failed();

    let with_longest = || {
        let rig = with(|builder| builder.hang(Hang::after(ms(500))));
        rig.acquire().record_timed(OK, ms(400));
        rig.climbs(1_000)
    };
    let _on = hanging(with_longest(), 10, 0, ms(800)).has(0.25);
    hanging(with_longest(), 10, 0, ms(800) + ns(1)).has_failed();
}

// ---- calls that take long

/// So many calls that last so long, and the end of the step.
fn lasting(probes: &[Duration; 2], pace: usize, calls: &[Duration]) -> Rig {
    let rig = with(|builder| builder).climbs_after(pace, probes);
    for lasted in calls {
        let permit = rig.admitted(1).pop_front().expect("one");
        permit.record_timed(OK, *lasted);
    }
    rig.wait(STEP);
    rig.arrive();
    rig
}

#[test]
fn a_mean_beyond_three_times_the_slowest_success_and_20_ms_cuts_it() {
    let probes = [ms(10), ms(7)];
    let _good = lasting(&probes, 1_000, &[ms(50); 5]).has(0.75);
    let long = [ms(50), ms(50), ms(50), ms(50), ms(50) + ns(1)];
    lasting(&probes, 1_000, &long).has_failed();
    let _good = lasting(&probes, 1_000, &[ms(1), ms(99), ms(50), ms(0), ms(100)]).has(0.75);
    let _good = lasting(&[ms(0); 2], 1_000, &[ms(20); 5]).has(0.75);
}

#[test]
fn durations_are_whole_microseconds_rounded_up() {
    // the limit is 20,003 us
    let probes = [ns(1), ns(1)];
    let _good = lasting(&probes, 1_000, &[ns(20_002_001); 5]).has(0.75);
    let mut long = [ns(20_003_000); 5];
    let _good = lasting(&probes, 1_000, &long).has(0.75);
    long[2] += ns(1);
    lasting(&probes, 1_000, &long).has_failed();
}

#[test]
fn the_slowest_success_is_of_this_round() {
    let rig = with(|builder| builder).climbs_after(1_000, &[secs(5); 2]);
    rig.round();
    rig.ok(2);
    for _ in 0..5 {
        let permit = rig.admitted(1).pop_front().expect("one");
        permit.record_timed(OK, ms(21));
    }
    rig.wait(STEP);
    rig.arrive();
    rig.has_failed();
}

#[test]
fn it_may_be_one_from_before_the_ramp_was_switched_on() {
    let plain = HalfOpen::successes(2).probe_timeout(TIMEOUT);
    let rig = with(|builder| builder.outage(Outage::at(0.5)).half_open(plain));
    rig.round();
    rig.acquire().record_timed(OK, ms(10));
    rig.round_is(two());
    rig.pass(1);
    let rig = rig.has(1.0);
    for _ in 0..5 {
        rig.acquire().record_timed(OK, ms(50));
    }
    rig.wait(STEP);
    rig.arrive();
    rig.is_complete();
}

#[test]
fn the_slowest_success_is_no_failed_probe() {
    let rate = HalfOpen::rate(3, 0.5).probe_timeout(TIMEOUT);
    let rig = with(|builder| builder.half_open(rate.ramp(Ramp::new())));
    rig.round();
    rig.acquire().record_timed(SERVER, secs(9));
    rig.ok(2);
    for _ in 0..5 {
        rig.acquire().record_timed(OK, ms(21));
    }
    rig.wait(STEP);
    rig.arrive();
    rig.has_failed();
}

#[test]
fn fewer_than_five_have_no_mean() {
    lasting(&[ms(0); 2], 20, &[secs(1); 4]).is_complete();
    lasting(&[ms(0); 2], 20, &[secs(1); 5]).has_failed();
}

#[test]
fn a_failures_duration_counts_and_an_ignored_calls_does_not() {
    let rig = at(1_000);
    rig.pass(4);
    let permit = rig.admitted(1).pop_front().expect("one");
    permit.record_timed(Outcome::Ignored, secs(50));
    let permit = rig.admitted(1).pop_front().expect("one");
    permit.record_timed(SERVER, ms(100));
    rig.wait(STEP);
    rig.arrive();
    let _good = rig.has(0.75);
    let rig = at(1_000);
    rig.pass(4);
    let permit = rig.admitted(1).pop_front().expect("one");
    permit.record_timed(SERVER, ms(100) + ns(1));
    rig.wait(STEP);
    rig.arrive();
    rig.has_failed();
}

/// A queue: they all end, but later and later.
#[test]
fn calls_are_timed_by_the_breaker() {
    let rig = at(1_000);
    let held = rig.admitted(10);
    rig.wait(STEP);
    held.into_iter().for_each(OwnedPermit::success);
    rig.has_failed();
    let slow = with(|builder| builder);
    slow.ok(1_000);
    slow.wait(secs(1));
    slow.fail(3);
    slow.wait_out();
    for _ in 0..2 {
        let probe = slow.acquire();
        slow.wait(ms(80));
        probe.success();
    }
    let held = slow.admitted(10);
    slow.wait(STEP);
    held.into_iter().for_each(OwnedPermit::success);
    let _next = slow.has(0.75);
}

// ---- cuts

#[test]
fn after_a_cut_the_share_is_halved_and_grows_by_half() {
    let rig = at_three_eighths();
    rig.good_step();
    let rig = rig.has(9.0 / 16.0);
    rig.good_step();
    let rig = rig.has(27.0 / 32.0);
    rig.good_step();
    rig.is_complete();
}

#[test]
fn a_cut_at_the_first_share_reopens() {
    for pace in [1_000, 100, 0] {
        let rig = at(pace);
        rig.spoil(4);
        rig.has_failed();
        assert_eq!(rig.share(), 0.0);
    }
}

#[test]
fn a_second_cut_without_a_good_step_between_reopens() {
    let rig = at_three_eighths();
    rig.spoil(4);
    rig.has_failed();
}

#[test]
fn the_share_is_not_halved_below_the_first() {
    let rig = at_three_eighths();
    rig.good_step();
    let rig = rig.has(9.0 / 16.0);
    rig.spoil(4);
    let rig = rig.has(9.0 / 32.0);
    rig.good_step();
    let rig = rig.has(27.0 / 64.0);
    rig.spoil(4);
    let rig = rig.has(0.25);
    rig.good_step();
    let rig = rig.has(0.375);
    rig.spoil(4);
    let rig = rig.has(0.25);
    rig.good_step();
    rig.good_step();
    let _again = rig.has(9.0 / 16.0);
}

#[test]
fn a_cut_begins_a_step() {
    let rig = at_three_quarters();
    rig.pass(50);
    rig.wait(ms(99));
    let rig = {
        // of 60: beyond ln 240
        rig.spoil(8);
        rig.has(0.375)
    };
    rig.pass(5);
    rig.wait(STEP - ns(1));
    rig.arrive();
    let rig = rig.has(0.375);
    rig.wait(ns(1));
    rig.arrive();
    let _next = rig.has(9.0 / 16.0);
}

#[test]
fn in_each_ramp_the_share_grows_by_three_until_a_cut() {
    let rig = at_three_eighths();
    rig.round();
    rig.ok(2);
    let rig = rig.has(0.25);
    rig.good_step();
    let _next = rig.has(0.75);
}

// ---- what is out for too long

#[test]
fn after_the_probe_timeout_what_is_out_is_bad() {
    let rig = at(1_000);
    let mut held = rig.admitted(10);
    end(&mut held, 8, OK);
    rig.wait(TIMEOUT - ns(1));
    rig.rejected();
    let rig = rig.has(0.25);
    rig.wait(ns(1));
    rig.arrive();
    // so all of them have ended, and the score of two goes on
    let rig = rig.has(0.75);
    rig.spoil(1);
    let rig = rig.has(0.75);
    rig.spoil(1);
    let _cut = rig.has(0.375);
}

#[test]
fn so_many_leaked_permits_cut_the_step() {
    for (leaked, fails) in [(3, false), (4, true), (7, true)] {
        let rig = at(1_000);
        std::mem::forget(rig.admitted(leaked));
        rig.wait(TIMEOUT);
        rig.arrive();
        assert_eq!(rig.state() == State::Open, fails, "{leaked}");
    }
}

#[test]
fn their_durations_are_unknown() {
    for (known, fails) in [(4, false), (5, true)] {
        let rig = at(1_000);
        std::mem::forget(rig.admitted(1));
        for _ in 0..known {
            let permit = rig.admitted(1).pop_front().expect("one");
            permit.record_timed(OK, ms(21));
        }
        rig.wait(TIMEOUT);
        rig.arrive();
        assert_eq!(rig.state() == State::Open, fails, "{known}");
    }
}

#[test]
fn a_leaked_permit_holds_nothing_for_ever() {
    let rig = at(1_000);
    std::mem::forget(rig.admitted(1));
    rig.wait(TIMEOUT);
    // neither good nor cut: another step begins, with the same share
    assert_eq!(rig.rejected().retry_after(), Some(STEP));
    let rig = rig.has(0.25);
    rig.good_step();
    let rig = rig.has(0.75);
    rig.good_step();
    rig.is_complete();
}

#[test]
fn the_score_goes_on_when_a_step_begins_again() {
    let rig = at(1_000);
    std::mem::forget(rig.admitted(2));
    rig.wait(TIMEOUT);
    rig.rejected();
    let rig = rig.has(0.25);
    rig.spoil(1);
    let rig = rig.has(0.25);
    rig.spoil(1);
    rig.has_failed();
}

#[test]
fn an_idle_step_begins_again_with_the_next_call() {
    // without a call
    let rig = at(1_000);
    rig.wait(100 * TIMEOUT);
    rig.pass(4);
    rig.wait(STEP);
    rig.arrive();
    let rig = rig.has(0.25);
    rig.pass(1);
    let _next = rig.has(0.75);
    // calls come much less often than before the outage: those that there were are enough
    let rig = at(1_000);
    rig.pass(1);
    rig.wait(TIMEOUT);
    rig.arrive();
    let _next = rig.has(0.75);
    // a good step is good, however late
    let rig = at(1_000);
    rig.pass(5);
    rig.wait(100 * TIMEOUT);
    rig.arrive();
    let _next = rig.has(0.75);
}

#[test]
fn a_call_that_ends_in_the_step_that_began_again_counts_in_none() {
    let rig = at(1_000);
    let mut early = rig.admitted(3);
    rig.wait(TIMEOUT);
    rig.rejected();
    let rig = rig.has(0.25);
    // they move the score: it was 2.54, and is 0 then
    end(&mut early, 3, OK);
    rig.pass(4);
    rig.wait(STEP);
    rig.arrive();
    let rig = rig.has(0.25);
    rig.spoil(1);
    let _next = rig.has(0.75);
}
