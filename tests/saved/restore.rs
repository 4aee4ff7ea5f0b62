//! How each state comes back.

use crate::strategies::{Rig, ms, wall};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};
use tripcoil::saved::{Age, RestoredWindow, SavedError};
use tripcoil::{Backoff, Breaker, Builder, FailureKind, ManualClock, Outcome, State, Window};

pub(crate) const MINUTE: Duration = Duration::from_secs(60);

pub(crate) fn rig(about: impl Fn(Builder) -> Builder, clock: ManualClock) -> Rig {
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
pub(crate) fn after(rig: &Rig, about: impl Fn(Builder) -> Builder, later: Duration) -> Rig {
    at(rig, about, wall() + later)
}

pub(crate) fn at(rig: &Rig, about: impl Fn(Builder) -> Builder, when: SystemTime) -> Rig {
    let saved = rig.controller.save_at(wall());
    self::rig(
        |b| about(b).restore_at(saved.clone(), when),
        ManualClock::new(),
    )
}

pub(crate) fn report(rig: &Rig) -> tripcoil::saved::Restored {
    rig.controller
        .restored()
        .expect("one was given")
        .expect("not refused")
}

pub(crate) fn plain(b: Builder) -> Builder {
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
    let builder = |saved: &tripcoil::saved::Saved, name: &str| {
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
                    tripcoil::saved::Saved::from_bytes(&saved.to_bytes()).as_ref(),
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

/// Its outcomes take longer to copy than the updates leave between them while all calls fail or are slow.
#[test]
fn a_large_count_window_is_saved_while_calls_fail() {
    const SIZE: u32 = 300_000;
    const MANY: u64 = 20_000_000;
    let about = |b: Builder| {
        let b = b.window(Window::count(SIZE)).failure_rate(1.0);
        b.slow_call(ms(1)).slow_rate(1.0)
    };
    let old = rig(about, ManualClock::new());
    old.controller.observe_only();
    let record = |outcome: Outcome, took: u64| {
        let permit = old.breaker.try_acquire().unwrap();
        permit.record_timed(outcome, ms(took));
    };
    for _ in 0..SIZE {
        record(Outcome::Success, 2);
    }
    let (over, ended) = (AtomicBool::new(false), AtomicU64::new(0));
    let goes_on = || !over.load(Ordering::Relaxed) && ended.fetch_add(1, Ordering::Relaxed) < MANY;
    std::thread::scope(|scope| {
        let (record, goes_on) = (&record, &goes_on);
        for (outcome, took) in [
            (Outcome::Failure(FailureKind::Server), 0),
            (Outcome::Success, 2),
        ] {
            scope.spawn(move || {
                while goes_on() {
                    record(outcome, took);
                }
            });
        }
        for _ in 0..5 {
            // each outcome failed or was slow, and none was both
            let new = after(&old, about, ms(0));
            assert_eq!(report(&new).window, RestoredWindow::Kept);
            let window = new.breaker.observer().snapshot().window;
            assert_eq!(window.calls, window.failures + window.slow);
            assert!((1..=u64::from(SIZE)).contains(&window.calls), "{window:?}");
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(
        ended.into_inner() < MANY,
        "no save ends before the calls do"
    );
}

/// What is saved as true is what the saved outcomes make true: each edge is counted once.
#[test]
fn the_rules_that_are_saved_as_true_are_those_of_the_saved_outcomes() {
    let about = |b: Builder| b.window(Window::count(5)).failure_count(3);
    let old = rig(about, ManualClock::new());
    old.controller.observe_only();
    old.succeed(5);
    let over = AtomicBool::new(false);
    let wrong = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                old.fail(3);
                old.succeed(4);
            }
        });
        let wrong: Vec<_> = (0..20_000)
            .filter_map(|_| {
                let new = after(&old, about, ms(0));
                let look = || new.breaker.observer().snapshot();
                let before = look();
                new.fail(1);
                let then = look();
                let edges = u64::from(before.window.failures < 3 && then.window.failures >= 3);
                // if some were overwritten while they were read, it has fewer
                let sound = then.would_trip - before.would_trip == edges || before.window.calls < 5;
                (!sound).then_some((before, then))
            })
            .collect();
        over.store(true, Ordering::Relaxed);
        wrong
    });
    assert!(wrong.is_empty(), "{} times: {:?}", wrong.len(), wrong[0]);
}
