//! What a breaker needs to leave its state goes on through a restart: rounds, runs, openings and their time.

use crate::restore::{MINUTE, after, at, plain, report, rig};
use crate::strategies::{Rig, ms, wall};
use std::time::{Duration, SystemTime};
use tripcoil::{Backoff, Breaker, Builder, HalfOpen, ManualClock, State, Window};

#[test]
fn a_round_goes_on_without_the_probes_that_were_out() {
    let about = |b| plain(b).half_open(HalfOpen::successes(5).max_probes(3));
    let old = rig(about, ManualClock::new());
    old.fail(3);
    old.clock.advance(MINUTE);
    old.succeed(2);
    let probes = [old.acquire(), old.acquire(), old.acquire()];
    assert!(probes.iter().all(Option::is_some) && old.acquire().is_none());
    let new = after(&old, about, ms(1));
    drop(probes);
    assert_eq!(report(&new).state, State::HalfOpen);
    let s = new.breaker.observer().snapshot();
    assert_eq!((s.state, s.generation), (State::HalfOpen, 2));
    assert_eq!((s.probes.in_flight, s.probes.succeeded), (0, 2));
    assert!(new.breaker.observer().history().is_empty());
    let probes = [new.acquire(), new.acquire(), new.acquire()];
    assert!(probes.iter().all(Option::is_some) && new.acquire().is_none());
    for probe in probes.into_iter().flatten() {
        probe.success();
    }
    assert_eq!(new.breaker.state(), State::Closed);
    let s = new.breaker.observer().snapshot();
    assert_eq!((s.generation, s.totals.successes), (3, 5));
}

/// A process that is restarted after each call, as a function on demand is.
#[test]
fn a_restart_after_each_call_keeps_what_ends_a_round() {
    let clock = ManualClock::new();
    // each for as long as it takes, at most so many calls
    let recovers = |half_open: HalfOpen, failing: fn(u32) -> bool, calls: u32| {
        let about = |b: Builder| b.half_open(half_open.clone()).clock(&clock);
        let (_, controller) = about(Breaker::builder("db"))
            .build_with_controller()
            .unwrap();
        controller.half_open();
        let mut saved = controller.save_at(wall());
        for n in 0..calls {
            let builder = about(Breaker::builder("db")).restore_at(saved, wall());
            let (breaker, controller) = builder.build_with_controller().unwrap();
            assert_eq!(breaker.state(), State::HalfOpen, "after {n}");
            let _ = breaker.call(|| if failing(n) { Err(()) } else { Ok(()) });
            saved = controller.save_at(wall());
        }
        let builder = about(Breaker::builder("db")).restore_at(saved, wall());
        builder.build().unwrap().state()
    };
    let never = |_| false;
    assert_eq!(recovers(HalfOpen::successes(2), never, 2), State::Closed);
    assert_eq!(
        recovers(HalfOpen::successes(255), never, 255),
        State::Closed
    );
    assert_eq!(recovers(HalfOpen::rate(10, 0.5), never, 10), State::Closed);
    // four of ten failed, and five
    let four = |n| n < 4;
    let five = |n| n % 2 == 1;
    assert_eq!(recovers(HalfOpen::rate(10, 0.5), four, 10), State::Closed);
    assert_eq!(recovers(HalfOpen::rate(10, 0.5), five, 10), State::Open);
}

/// Slow results are a part of the rate, and a failed round by successes is one.
#[test]
fn the_slow_results_of_a_round_are_kept() {
    let about = |b: Builder| {
        b.slow_call(ms(10))
            .half_open(HalfOpen::rate(4, 0.9).slow_rate(0.5))
    };
    let old = rig(about, ManualClock::new());
    old.controller.half_open();
    let slow = |rig: &Rig| {
        let probe = rig.acquire().unwrap();
        probe.record_timed(tripcoil::Outcome::Success, ms(11));
    };
    slow(&old);
    old.succeed(1);
    let new = after(&old, about, ms(5));
    slow(&new);
    new.succeed(1);
    assert_eq!(new.breaker.state(), State::Open);
}

/// Whether by the rules of before, which nobody had come to carry out, or by new ones.
#[test]
fn a_round_that_is_decided_is_carried_out_by_the_first_acquire() {
    let of = |n: u32| move |b: Builder| plain(b).half_open(HalfOpen::successes(n));
    let old = rig(of(5), ManualClock::new());
    old.controller.half_open();
    old.succeed(2);
    // decided at the save, and by the rules that it is restored with
    let reconfigured = |n: u32| {
        let half_open = HalfOpen::successes(n);
        let rules = old
            .controller
            .reconfigure(|r| r.half_open(half_open.clone()));
        rules.unwrap();
    };
    reconfigured(2);
    let new = after(&old, of(2), ms(1));
    assert_eq!(
        new.breaker.state(),
        State::HalfOpen,
        "no rule trips by itself"
    );
    assert!(new.acquire().is_some());
    assert_eq!(new.breaker.state(), State::Closed);
    assert_eq!(new.breaker.observer().snapshot().generation, 2);
    // decided at the save, and not by the new rules
    let new = after(&old, of(3), ms(1));
    new.succeed(1);
    assert_eq!(new.breaker.state(), State::Closed);
    // decided by the new rules alone
    reconfigured(5);
    let by_rate = |b: Builder| plain(b).half_open(HalfOpen::rate(2, 0.5));
    let new = after(&old, by_rate, ms(1));
    assert!(new.acquire().is_some());
    assert_eq!(new.breaker.state(), State::Closed);
}

/// As many as the round needs results, before the restart and after; and the time in which no result
/// came begins with the restart.
#[test]
fn the_cancellations_of_a_round_are_kept() {
    let about = |b: Builder| plain(b).half_open(HalfOpen::successes(4).probe_timeout(MINUTE));
    let old = rig(about, ManualClock::new());
    old.controller.half_open();
    for _ in 0..3 {
        drop(old.acquire().expect("a slot is free"));
    }
    old.clock.advance(MINUTE * 2);
    let new = after(&old, about, MINUTE);
    drop(new.acquire().expect("a slot is free"));
    assert_eq!(new.breaker.state(), State::HalfOpen, "no time has passed");
    new.clock.advance(MINUTE - ms(1));
    drop(new.acquire().expect("a slot is free"));
    assert_eq!(new.breaker.state(), State::HalfOpen);
    let again = after(&new, about, ms(0));
    new.clock.advance(ms(1));
    drop(new.acquire().expect("a slot is free"));
    let history = new.breaker.observer().history();
    let causes: Vec<_> = history.iter().map(|t| t.cause).collect();
    assert_eq!(causes, [tripcoil::Cause::ProbesCancelled]);
    // one is enough where four have been before
    again.clock.advance(MINUTE);
    drop(again.acquire().expect("a slot is free"));
    assert_eq!(again.breaker.state(), State::Open);
}

/// The round's times begin at the restore: what was long ago before it is no reason to end it.
#[test]
fn the_probe_timeout_begins_at_the_restore() {
    let about = |b: Builder| plain(b).half_open(HalfOpen::successes(2).probe_timeout(MINUTE));
    let old = rig(about, ManualClock::new());
    old.controller.half_open();
    let _out = old.acquire();
    let new = after(&old, about, MINUTE * 60);
    let _probe = new.acquire().expect("a slot is free");
    new.clock.advance(MINUTE - ms(1));
    assert!(new.acquire().is_none());
    assert_eq!(new.breaker.state(), State::HalfOpen);
    new.clock.advance(ms(1));
    assert!(new.acquire().is_none());
    assert_eq!(new.breaker.state(), State::Open);
}

#[test]
fn the_run_goes_on() {
    let old = rig(plain, ManualClock::new());
    old.fail(2);
    let new = after(&old, plain, ms(9_999));
    assert_eq!(new.breaker.observer().snapshot().consecutive_failures, 2);
    assert_eq!(new.breaker.state(), State::Closed);
    new.fail(1);
    assert_eq!(new.breaker.state(), State::Open);
    // not where no run is counted
    let no_run = |b: Builder| b.failure_count(9);
    let new = after(&old, no_run, ms(1));
    assert_eq!(new.breaker.observer().snapshot().consecutive_failures, 0);
}

/// It is as old as the failures of which it consists.
#[test]
fn a_run_whose_window_has_expired_is_dropped() {
    let about = |b: Builder| {
        b.consecutive_failures(3)
            .window(Window::time(ms(30)).buckets(3))
    };
    let old = rig(about, ManualClock::new());
    old.fail(2);
    // of these no success is one, which would end it
    old.clock.advance(ms(15));
    old.acquire().unwrap().ignore();
    let run = |later| {
        let new = after(&old, about, later);
        let run = new.breaker.observer().snapshot().consecutive_failures;
        new.fail(1);
        (run, new.breaker.state())
    };
    assert_eq!(run(ms(14)), (2, State::Open), "its epoch is live");
    assert_eq!(run(ms(15)), (0, State::Closed));
    assert_eq!(run(MINUTE * 525_600), (0, State::Closed));
    // a wall clock that went back: nobody knows how old it is
    let new = at(&old, about, wall() - ms(1));
    assert_eq!(new.breaker.observer().snapshot().consecutive_failures, 0);

    // by the geometry that it was counted in, where there is another window now
    let counted = |b: Builder| b.consecutive_failures(3).window(Window::count(9));
    let run = |rig: &Rig| rig.breaker.observer().snapshot().consecutive_failures;
    assert_eq!(run(&after(&old, counted, ms(14))), 2);
    assert_eq!(run(&after(&old, counted, ms(15))), 0);
    // a count window and its run have no age
    let old = rig(counted, ManualClock::new());
    old.fail(2);
    assert_eq!(run(&after(&old, counted, MINUTE * 525_600)), 2);
    // and a window of time that is empty has no run
    assert_eq!(run(&after(&old, about, ms(0))), 0);
}

/// `would_trip` beside the one of a breaker that was not restarted, after the same calls.
#[test]
fn an_edge_of_a_rule_that_was_off_is_told_again() {
    let observing = |limit: Option<u32>| {
        move |b: Builder| {
            let b = b.failure_rate(1.0).min_throughput(1_000);
            let b = b.initial_state(State::ObserveOnly);
            match limit {
                Some(limit) => b.consecutive_failures(limit),
                None => b,
            }
        }
    };
    let edges = |rig: &Rig| rig.breaker.observer().snapshot().would_trip;
    let off = |rig: &Rig| {
        let rules = rig
            .controller
            .reconfigure(|r| r.no_failure_rules().failure_rate(1.0));
        rules.unwrap();
    };
    let on = |rig: &Rig, limit| {
        let rules = rig
            .controller
            .reconfigure(|r| r.consecutive_failures(limit));
        rules.unwrap();
    };
    for limit in 1..4 {
        let old = rig(observing(Some(limit)), ManualClock::new());
        old.fail(limit as usize);
        assert_eq!(edges(&old), 1);
        // off at the save
        off(&old);
        let new = after(&old, observing(Some(limit)), ms(1));
        new.fail(limit as usize);
        assert_eq!(edges(&new), 2, "{limit}");
        // off at the save and at the restore
        let new = after(&old, observing(None), ms(1));
        on(&new, limit);
        new.fail(limit as usize);
        assert_eq!(edges(&new), 2, "{limit}");
        // off at the restore
        on(&old, limit);
        old.fail(limit as usize);
        assert_eq!(edges(&old), 2);
        let new = after(&old, observing(None), ms(1));
        on(&new, limit);
        new.fail(limit as usize);
        assert_eq!(edges(&new), 3, "{limit}");
        // and off again
        off(&new);
        let new = after(&new, observing(Some(limit)), ms(1));
        new.fail(limit as usize);
        assert_eq!(edges(&new), 4, "{limit}");
        // on all the time: it is the same run
        let new = after(&old, observing(Some(limit)), ms(1));
        new.fail(1);
        assert_eq!(edges(&new), 2, "{limit}");
        // its window expired, and with it the run
        let new = after(&old, observing(Some(limit)), MINUTE);
        new.fail(limit as usize);
        assert_eq!(edges(&new), 3, "{limit}");
    }
}

/// `reset_after` counts the time in which the process was not there too.
#[test]
fn closed_for_long_enough_forgets_the_openings() {
    let backoff = Backoff::exponential(ms(100), 2.0).reset_after(MINUTE);
    let about = |b: Builder| {
        b.consecutive_failures(1)
            .half_open(HalfOpen::successes(1))
            .open_for(backoff.clone())
    };
    let old = rig(about, ManualClock::new());
    for wait in [100, 200] {
        old.fail(1);
        old.clock.advance(ms(wait));
        old.succeed(1);
    }
    assert_eq!(old.breaker.state(), State::Closed);
    old.clock.advance(MINUTE / 2);
    let wait = |later| {
        let new = after(&old, about, later);
        new.fail(1);
        new.breaker.observer().snapshot().retry_after
    };
    assert_eq!(wait(MINUTE / 2 - ms(1)), Some(ms(400)));
    assert_eq!(wait(MINUTE / 2), Some(ms(100)));
    // in parts, none of which is enough, each by a clock that begins anew
    let wait = |each: Duration, times: u32| {
        let mut new = after(&old, about, ms(0));
        for _ in 0..times {
            new.clock.advance(each / 2);
            new = after(&new, about, each / 2);
        }
        let openings = new.breaker.observer().snapshot().openings;
        new.fail(1);
        let left = new.breaker.observer().snapshot().retry_after;
        assert_eq!(openings == 0, left == Some(ms(100)));
        left
    };
    assert_eq!(wait(MINUTE / 60, 29), Some(ms(400)));
    assert_eq!(wait(MINUTE / 60, 30), Some(ms(100)));
    // and what had been before it is not told of the next state
    let new = after(&old, about, MINUTE / 2 - ms(1));
    assert!(new.controller.half_open());
    new.succeed(1);
    new.fail(1);
    let left = new.breaker.observer().snapshot().retry_after;
    assert_eq!(left, Some(ms(400)));
}

/// The openings go on through every state in which a process may end.
#[test]
fn the_openings_survive_a_restart_in_each_state() {
    let about = |b: Builder| {
        let backoff = Backoff::exponential(ms(100), 2.0).max(MINUTE * 60);
        b.consecutive_failures(1)
            .half_open(HalfOpen::successes(2))
            .open_for(backoff.reset_after(MINUTE))
    };
    let restarted = |rig: &Rig| after(rig, about, ms(0));
    let left = |rig: &Rig| rig.breaker.observer().snapshot().retry_after.unwrap();
    let mut rig = rig(about, ManualClock::new());
    for k in 0..6 {
        rig = restarted(&rig);
        rig.fail(1);
        let wait = ms(100 << k);
        assert_eq!(left(&rig), wait);
        rig.clock.advance(wait / 2);
        rig = restarted(&rig);
        rig.clock.advance(wait / 2);
        rig = restarted(&rig);
        for _ in 0..2 {
            rig.succeed(1);
            rig = restarted(&rig);
        }
        assert_eq!(rig.breaker.state(), State::Closed);
        rig.clock.advance(MINUTE / 2);
    }
}

/// With each probe that fails, and each restart.
#[test]
fn why_it_is_open_and_what_began_the_outage_survive_restarts() {
    use tripcoil::Cause;
    let about = |b: Builder| plain(b).half_open(HalfOpen::successes(1));
    let seen = |rig: &Rig| {
        let cause = rig.breaker.try_acquire().unwrap_err().cause();
        let began = rig.breaker.observer().snapshot().last_opening.unwrap();
        assert_eq!((began.from, began.to), (State::Closed, State::Open));
        assert_eq!(
            (began.generation, began.cause),
            (1, Cause::ConsecutiveFailures)
        );
        assert_eq!((began.counts.failures, began.consecutive_failures), (3, 3));
        (cause.unwrap(), began.wall_time.unwrap())
    };
    let mut rig = rig(about, ManualClock::new());
    assert_eq!(rig.breaker.observer().snapshot().last_opening, None);
    rig = after(&rig, about, ms(1));
    assert_eq!(rig.breaker.observer().snapshot().last_opening, None);
    rig.fail(3);
    let begun = SystemTime::now();
    let mut age = Duration::ZERO;
    let mut expected = Cause::ConsecutiveFailures;
    for n in 0..4 {
        for later in [ms(0), ms(7_000), ms(3_000)] {
            rig = after(&rig, about, later);
            age += later;
            let (cause, wall) = seen(&rig);
            assert_eq!(cause, expected, "{n}");
            // the clocks of these are not the wall clock, so by how long ago it was
            let off = (begun - age)
                .duration_since(wall)
                .unwrap_or_else(|e| e.duration());
            assert!(off < Duration::from_secs(5), "{off:?}");
        }
        rig.clock.advance(MINUTE * 60);
        age += MINUTE * 60;
        rig.fail(1);
        expected = Cause::ProbeFailed;
    }
    // it is kept when all is well again, and in every state
    rig.clock.advance(MINUTE * 60);
    rig.succeed(1);
    rig = after(&rig, about, ms(1));
    assert_eq!(rig.breaker.state(), State::Closed);
    let began = rig.breaker.observer().snapshot().last_opening.unwrap();
    assert_eq!(began.generation, 1);
    // and a new one takes its place
    rig.fail(2);
    rig.controller.trip();
    let began = rig.breaker.observer().snapshot().last_opening.unwrap();
    assert_eq!((began.cause, began.counts.failures), (Cause::Manual, 2));
    let new = after(&rig, about, ms(1));
    assert_eq!(
        new.breaker.try_acquire().unwrap_err().cause(),
        Some(Cause::Manual)
    );
}
