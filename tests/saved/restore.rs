//! How each state comes back.

use crate::strategies::{Rig, ms, wall};
use std::time::{Duration, SystemTime};
use tripcoil::{
    Age, Backoff, Breaker, Builder, FailureKind, HalfOpen, ManualClock, RestoredWindow, SavedError,
    State, Window,
};

const MINUTE: Duration = Duration::from_secs(60);

fn rig(about: impl Fn(Builder) -> Builder, clock: ManualClock) -> Rig {
    let (breaker, controller) = about(Breaker::builder("db").clock(&clock))
        .build_with_controller()
        .unwrap();
    Rig {
        breaker,
        controller,
        clock,
    }
}

/// What comes of it, so much later, by a clock that begins anew.
fn after(rig: &Rig, about: impl Fn(Builder) -> Builder, later: Duration) -> Rig {
    at(rig, about, wall() + later)
}

fn at(rig: &Rig, about: impl Fn(Builder) -> Builder, when: SystemTime) -> Rig {
    let saved = rig.controller.save_at(wall());
    self::rig(
        |b| about(b).restore_at(saved.clone(), when),
        ManualClock::new(),
    )
}

fn report(rig: &Rig) -> tripcoil::Restored {
    rig.controller
        .restored()
        .expect("one was given")
        .expect("not refused")
}

fn plain(b: Builder) -> Builder {
    b.consecutive_failures(3)
        .open_for(Backoff::exponential(MINUTE, 2.0))
}

#[test]
fn open_is_open_for_what_is_left() {
    let old = rig(plain, ManualClock::new());
    old.fail(3);
    old.clock.advance(ms(5_000));
    let left = |rig: &Rig| {
        rig.breaker
            .try_acquire()
            .unwrap_err()
            .retry_after()
            .unwrap()
    };
    let new = after(&old, plain, ms(10_000));
    assert_eq!(report(&new).state, State::Open);
    assert_eq!(left(&new), ms(45_000));
    let s = new.breaker.observer().snapshot();
    assert_eq!(
        (s.totals.failures, s.totals.rejected, s.generation),
        (3, 1, 1)
    );
    new.clock.advance(ms(44_999));
    assert!(new.acquire().is_none());
    new.clock.advance(ms(1));
    // the probe fails, and the backoff goes on: the second opening is twice as long
    new.acquire().unwrap().failure(FailureKind::Server);
    assert_eq!(left(&new), 2 * MINUTE);
    // of the transitions, those of this process
    let history = new.breaker.observer().history();
    assert_eq!(
        history.iter().map(|t| t.generation).collect::<Vec<_>>(),
        [2, 3]
    );

    // part of a nanosecond's worth is rounded up to whole milliseconds of the clock
    let new = after(&old, plain, ms(10_000) + Duration::from_nanos(1));
    assert_eq!(left(&new), ms(45_000));
}

#[test]
fn a_wait_that_is_over_lets_the_next_call_probe() {
    let old = rig(plain, ManualClock::new());
    old.fail(3);
    for later in [ms(60_000), MINUTE * 1_000_000] {
        let new = after(&old, plain, later);
        assert_eq!(report(&new).age, Age::Of(later));
        assert_eq!(new.breaker.state(), State::Open);
        assert_eq!(
            new.breaker.observer().snapshot().retry_after,
            Some(Duration::ZERO)
        );
        let _probe = new.acquire().expect("it is over");
        assert_eq!(new.breaker.state(), State::HalfOpen);
    }
    // not a moment of the clock later
    let saved = old.controller.save_at(wall());
    let clock = ManualClock::new();
    clock.advance(Duration::from_nanos(1));
    let new = rig(
        |b| plain(b).restore_at(saved.clone(), wall() + MINUTE),
        clock,
    );
    assert!(new.acquire().is_some());
}

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

/// The longest that can be told, which is saved and restored too.
#[test]
fn seventeen_years_are_restored() {
    let old = rig(plain, ManualClock::new());
    old.controller.trip_for(Duration::MAX);
    let new = after(&old, plain, MINUTE);
    let left = |rig: &Rig| rig.breaker.observer().snapshot().retry_after.unwrap();
    assert_eq!(left(&new), left(&old) - MINUTE);
}

#[test]
fn an_operators_word_stands() {
    for state in [State::ForcedOpen, State::Disabled, State::ObserveOnly] {
        let old = rig(|b| plain(b).initial_state(state), ManualClock::new());
        let new = after(&old, plain, MINUTE * 60);
        assert_eq!(new.breaker.state(), state);
        assert_eq!(
            new.breaker.observer().snapshot().time_in_state,
            Duration::ZERO,
            "its clock begins"
        );
        assert!(new.controller.release());
        assert_eq!(new.breaker.state(), State::Closed);
    }
}

/// Which also stands where nobody could end it any more: that is refused.
#[test]
fn a_restored_override_needs_a_controller() {
    let builder = |saved: &tripcoil::Saved, name: &str| {
        Breaker::builder(name)
            .clock(ManualClock::new())
            .restore_at(saved.clone(), wall())
    };
    for state in [State::ForcedOpen, State::Disabled, State::ObserveOnly] {
        let old = rig(|b| plain(b).initial_state(state), ManualClock::new());
        let saved = old.controller.save_at(wall());
        let error = builder(&saved, "db")
            .failure_count(0)
            .build()
            .err()
            .unwrap();
        let fields: Vec<_> = error.problems().iter().map(|p| p.field).collect();
        assert_eq!(fields, ["failure_count", "initial_state"]);
        let problem = &error.problems()[1];
        assert_eq!(problem.value, format!("{state:?}, restored"));
        assert!(problem.permitted.contains("build_with_controller"));
        assert!(builder(&saved, "db").build_with_controller().is_ok());
        // that of another breaker is refused, and this one begins closed
        assert!(builder(&saved, "cache").build().is_ok());
    }
    // what takes its place is no override
    let old = rig(plain, ManualClock::new());
    let saved = old.controller.save_at(wall());
    let initial = builder(&saved, "db").initial_state(State::Disabled);
    assert_eq!(initial.clone().build().unwrap().state(), State::Closed);
    assert!(initial.restore(None).build().is_err());
}

#[test]
fn it_takes_precedence_over_the_initial_state() {
    let old = rig(plain, ManualClock::new());
    let new = after(&old, |b| plain(b).initial_state(State::ForcedOpen), ms(1));
    assert_eq!(new.breaker.state(), State::Closed);
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

#[test]
fn of_a_window_the_live_epochs_are_kept() {
    let about = |b: Builder| b.window(Window::time(ms(30)).buckets(3)).failure_count(5);
    let old = rig(about, ManualClock::new());
    old.clock.advance(ms(2));
    old.fail(1);
    old.clock.advance(ms(10));
    old.fail(1);
    old.clock.advance(ms(10));
    old.fail(2);
    old.clock.advance(ms(5));
    // 7 ms into the third epoch
    let failures = |later| {
        let new = after(&old, about, ms(later));
        let buckets = new.breaker.observer().snapshot().buckets;
        let failures: Vec<_> = buckets.iter().map(|b| b.failures).collect();
        (report(&new).window, failures)
    };
    let kept = RestoredWindow::Kept;
    assert_eq!(failures(0), (kept, vec![1, 1, 2]));
    assert_eq!(failures(2), (kept, vec![1, 1, 2]));
    assert_eq!(failures(3), (kept, vec![1, 2, 0]));
    assert_eq!(failures(13), (kept, vec![2, 0, 0]));
    assert_eq!(failures(22), (kept, vec![2, 0, 0]));
    assert_eq!(failures(23), (RestoredWindow::Expired, vec![0, 0, 0]));
    assert_eq!(failures(1 << 40), (RestoredWindow::Expired, vec![0, 0, 0]));

    // they count, and leave in their time, though the clock begins at zero
    let new = after(&old, about, ms(0));
    new.fail(1);
    assert_eq!(new.breaker.state(), State::Open);
    let new = after(&old, about, ms(0));
    new.clock.advance(ms(3));
    new.fail(1);
    assert_eq!(new.breaker.state(), State::Closed, "the first has left");
    let s = new.breaker.observer().snapshot();
    assert_eq!((s.totals.failures, s.window.failures), (5, 4));
    new.fail(1);
    assert_eq!(new.breaker.state(), State::Open);
}

/// It reaches the throughput at which the failures of before are enough.
#[test]
fn a_success_may_be_the_one_that_trips() {
    let windows = [Window::time(ms(30)).buckets(3), Window::count(30)];
    for window in windows {
        let about = |b: Builder| b.window(window.clone()).failure_rate(0.5).min_throughput(4);
        let old = rig(about, ManualClock::new());
        old.fail(2);
        let new = after(&old, about, ms(1));
        new.succeed(1);
        assert_eq!(new.breaker.state(), State::Closed);
        new.succeed(1);
        assert_eq!(new.breaker.state(), State::Open);
    }
}

/// As after new rules: they trip nothing by themselves.
#[test]
fn a_rule_that_is_true_at_once_trips_at_the_next_outcome() {
    for window in [Window::time(ms(30)).buckets(3), Window::count(30)] {
        let about = |n: u32| move |b: Builder| b.window(window.clone()).failure_count(n);
        let (many, few) = (about.clone()(9), about(3));
        let old = rig(many, ManualClock::new());
        old.fail(5);
        let new = after(&old, few, ms(1));
        assert_eq!(new.breaker.state(), State::Closed);
        new.succeed(1);
        assert_eq!(new.breaker.state(), State::Open);
    }
}

#[test]
fn a_count_window_is_kept_however_old_it_is() {
    for size in [6, 40] {
        let about = move |b: Builder| b.window(Window::count(size)).failure_count(3);
        let old = rig(about, ManualClock::new());
        old.succeed(100);
        old.fail(2);
        let new = after(&old, about, MINUTE * 100_000);
        assert_eq!(report(&new).window, RestoredWindow::Kept);
        let s = new.breaker.observer().snapshot();
        assert_eq!((s.window.calls, s.window.failures), (u64::from(size), 2));
        new.succeed(size as usize - 3);
        new.fail(1);
        assert_eq!(new.breaker.state(), State::Open);
    }
}

#[test]
fn a_window_of_another_shape_is_not_kept_and_the_rest_is() {
    let shapes: [fn(Builder) -> Builder; 5] = [
        |b| b.window(Window::time(ms(30)).buckets(3)),
        |b| b.window(Window::time(ms(30)).buckets(5)),
        |b| b.window(Window::time(ms(60)).buckets(3)),
        |b| b.window(Window::count(30)),
        |b| b.window(Window::count(31)),
    ];
    for (i, from) in shapes.iter().enumerate() {
        let about = |b| plain(from(b)).failure_count(3);
        let old = rig(about, ManualClock::new());
        old.fail(2);
        for (j, to) in shapes.iter().enumerate() {
            let new = after(&old, |b| plain(to(b)).failure_count(3), ms(1));
            let same = i == j;
            assert_eq!(report(&new).window == RestoredWindow::Kept, same);
            assert_eq!(report(&new).window == RestoredWindow::Reshaped, !same);
            let s = new.breaker.observer().snapshot();
            assert_eq!(s.window.failures, if same { 2 } else { 0 });
            // a run whose window is not there has no age, but where it counts outcomes
            let run = if same || j > 2 { 2 } else { 0 };
            assert_eq!((s.totals.failures, s.consecutive_failures), (2, run));
        }
    }
}

#[test]
fn a_clock_that_went_back_takes_nothing_away_and_adds_nothing() {
    let old = rig(plain, ManualClock::new());
    old.fail(3);
    old.clock.advance(ms(20_000));
    for back in [ms(1), MINUTE * 1_000_000] {
        let new = at(&old, plain, wall() - back);
        assert_eq!(report(&new).age, Age::WentBack(back));
        let left = new.breaker.observer().snapshot().retry_after;
        assert_eq!(left, Some(ms(40_000)), "what was left, and no more");
    }
    // before 1970, which is as far back as it is told
    let new = at(&old, plain, SystemTime::UNIX_EPOCH - MINUTE);
    assert!(matches!(report(&new).age, Age::WentBack(_)));

    let closed = rig(|b| b.failure_count(3), ManualClock::new());
    closed.fail(2);
    let new = at(&closed, |b| b.failure_count(3), wall() - ms(1));
    assert_eq!(report(&new).window, RestoredWindow::Expired);
    let s = new.breaker.observer().snapshot();
    assert_eq!((s.window.failures, s.totals.failures), (0, 2));
}

#[test]
fn another_breakers_state_is_refused_and_this_one_starts_fresh() {
    let old = rig(plain, ManualClock::new());
    old.fail(3);
    let saved = old.controller.save_at(wall());
    let other = Breaker::builder("cache")
        .clock(&old.clock)
        .restore_at(saved, wall());
    let (breaker, controller) = other.build_with_controller().unwrap();
    let refused = controller.restored().unwrap().unwrap_err();
    assert_eq!(refused, SavedError::OtherBreaker("db".into()));
    assert_eq!(breaker.state(), State::Closed);
    let fresh = Breaker::builder("cache").clock(&old.clock).build().unwrap();
    assert_eq!(breaker.observer().snapshot(), fresh.observer().snapshot());
    assert!(breaker.observer().history().is_empty());
}

#[test]
fn without_a_state_there_is_nothing_to_tell() {
    let (_, controller) = Breaker::builder("db")
        .restore(None)
        .build_with_controller()
        .unwrap();
    assert_eq!(controller.restored(), None);
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

#[test]
fn a_seeds_waits_go_on() {
    let about = |b: Builder| b.open_for(Backoff::constant(MINUTE).jitter(0.5).seed(3));
    let old = rig(about, ManualClock::new());
    old.controller.trip();
    let new = after(&old, about, ms(0));
    old.controller.trip();
    new.controller.trip();
    let wait = |rig: &Rig| rig.breaker.observer().snapshot().retry_after;
    assert_eq!(wait(&new), wait(&old));
}

#[test]
fn listeners_hear_what_comes_after() {
    let old = rig(plain, ManualClock::new());
    (0..20).for_each(|_| assert!(old.controller.reset()));
    let new = after(&old, plain, ms(1));
    let observer = new.breaker.observer();
    assert!(observer.history().is_empty());
    let (tell, told) = std::sync::mpsc::channel();
    let listening = observer.subscribe(move |t| tell.send(t.generation).unwrap());
    new.controller.trip();
    new.controller.reset();
    assert!(listening.drain(Duration::from_secs(20)));
    assert_eq!(told.try_iter().collect::<Vec<_>>(), [21, 22]);
    assert_eq!(listening.missed(), 0);
}

/// A finished epoch is told with what it counted, before the restart and after.
#[test]
fn a_finished_epoch_is_told_once() {
    let about = |b: Builder| b.window(Window::time(ms(30)).buckets(3)).failure_count(50);
    let old = rig(about, ManualClock::new());
    old.clock.advance(ms(4));
    old.fail(2);
    let new = after(&old, about, ms(0));
    let (tell, told) = std::sync::mpsc::channel();
    let listening = new
        .breaker
        .observer()
        .subscribe_epochs(move |e| tell.send(*e).unwrap());
    new.fail(1);
    new.clock.advance(ms(6));
    new.fail(1);
    assert!(listening.drain(Duration::from_secs(20)));
    let epoch = told.try_recv().unwrap();
    assert_eq!(
        (epoch.start, epoch.end, epoch.counts.failures),
        (ms(0), ms(6), 3)
    );
    assert!(told.try_recv().is_err());
}

/// Reading stops nobody, and what it gives is sound, whatever the calls are at.
#[test]
fn a_state_may_be_saved_while_calls_run() {
    for window in [
        Window::count(12),
        Window::count(500),
        Window::time(ms(20)).buckets(4),
    ] {
        let builder = Breaker::builder("db")
            .window(window)
            .failure_rate(0.9)
            .open_for(ms(1));
        let builder = builder.clock(tripcoil::Clock::precise());
        let (breaker, controller) = builder.build_with_controller().unwrap();
        std::thread::scope(|scope| {
            for seed in 0..3u32 {
                let breaker = &breaker;
                scope.spawn(move || {
                    for n in 0..30_000u32 {
                        let _ = breaker.call(|| if (n ^ seed) % 3 == 0 { Err(n) } else { Ok(n) });
                    }
                });
            }
            for n in 0..300 {
                let saved = controller.save();
                assert_eq!(
                    tripcoil::Saved::from_bytes(&saved.to_bytes()).as_ref(),
                    Ok(&saved)
                );
                if n % 2 == 0 {
                    controller.reset();
                }
            }
        });
        let saved = controller.save();
        let again = Breaker::builder("db").restore(saved).build().unwrap();
        let totals = |b: &Breaker| b.observer().snapshot().totals;
        assert_eq!(totals(&again), totals(&breaker));
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
