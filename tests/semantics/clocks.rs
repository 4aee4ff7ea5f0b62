//! What a clock can be, and what is measured by it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread::sleep;
use std::time::Duration;

use tripcoil::clock::TimeSource;
use tripcoil::observe::Durations;
use tripcoil::{
    Backoff, Breaker, Builder, Clock, FailureKind, HalfOpen, ManualClock, OnCancel, Outcome, State,
    Window,
};

use crate::common::{SERVER, ms, ns, secs};

// ---- durations, finer than the clock

/// The system's clocks that may be coarser than a call is long.
fn coarse_ones() -> [Clock; 2] {
    [Clock::coarse(), Clock::upkeep()]
}

fn kept(breaker: &Breaker) -> Durations {
    breaker.observer().snapshot().durations.expect("kept")
}

/// No call is told to have been shorter than it was.
#[track_caller]
fn none_is_below(breaker: &Breaker, calls: u64, span: Duration) {
    let all = kept(breaker);
    assert_eq!(all.calls(), calls);
    assert!(all.quantile(0.0) > Some(span), "{all:?}");
}

#[test]
fn durations_on_a_coarse_clock_are_the_calls_own() {
    let span = ms(1);
    for clock in coarse_ones() {
        for window in [Window::time(secs(10)), Window::count(100)] {
            let builder = Breaker::builder("timed")
                .clock(clock.clone())
                .window(window);
            let breaker = builder.durations(true).build().expect("valid");
            let local = breaker.local();
            for _ in 0..3 {
                let done = breaker.call(|| {
                    sleep(span);
                    Ok::<_, ()>(())
                });
                assert_eq!(done, Ok(()));
                let done = local.call(|| {
                    sleep(span);
                    Err::<(), _>("failed")
                });
                assert!(done.is_err());
                let permit = breaker.try_acquire_owned().expect("admitted");
                sleep(span);
                permit.success();
            }
            none_is_below(&breaker, 9, span);
        }
    }
}

#[test]
fn so_are_those_of_probes_and_of_cancelled_calls() {
    let span = ms(1);
    for clock in coarse_ones() {
        let (breaker, controller) = Breaker::builder("timed")
            .clock(clock)
            .durations(true)
            .half_open(HalfOpen::rate(3, 1.0))
            .on_cancel(OnCancel::Failure)
            .build_with_controller()
            .expect("valid");
        let dropped = breaker.try_acquire().expect("closed");
        sleep(span);
        drop(dropped);
        controller.trip_for(Duration::ZERO);
        sleep(ms(20)); // the deadline is at a whole millisecond of a clock that may be late
        let probe = breaker.try_acquire().expect("the wait is over");
        assert_eq!(breaker.state(), State::HalfOpen);
        sleep(span);
        probe.success();
        let probe = breaker.try_acquire().expect("a slot");
        sleep(span);
        probe.failure(FailureKind::Server);
        none_is_below(&breaker, 3, span);
    }
}

/// A precise clock, and one that stands still, tell what they did before.
#[test]
fn durations_on_a_fine_clock_are_by_that_clock() {
    let clock = ManualClock::new();
    let builder = Breaker::builder("timed").clock(&clock).durations(true);
    let breaker = builder.build().expect("valid");
    let permit = breaker.try_acquire().expect("closed");
    sleep(ms(2));
    permit.success();
    assert_eq!(kept(&breaker).quantile(1.0), Some(ns(1024)));
}

/// Nobody has held it against the clock, as `build()` does with the breaker's.
#[test]
fn a_calls_own_slow_limit_may_be_finer_than_the_clock() {
    for clock in coarse_ones() {
        let builder = Breaker::builder("timed").clock(clock).failure_rate(1.0);
        let breaker = builder.build().expect("valid");
        for _ in 0..20 {
            let quick = breaker.with_slow_call(secs(60)).call(|| Ok::<_, ()>(()));
            assert_eq!(quick, Ok(()));
            let slow = breaker.with_slow_call(ns(50_000)).call(|| {
                sleep(ns(100_000));
                Ok::<_, ()>(())
            });
            assert_eq!(slow, Ok(()));
        }
        assert_eq!(breaker.observer().snapshot().totals.slow, 20);
    }
}

/// However coarse a source says that it is, nothing is known to be finer than what it gives.
#[test]
fn so_may_it_on_a_custom_clock_and_durations_are_not_too_short() {
    struct Seconds(Arc<AtomicU64>);
    impl TimeSource for Seconds {
        fn now(&self) -> Duration {
            ns(self.0.load(SeqCst))
        }
        fn resolution(&self) -> Duration {
            secs(1)
        }
    }
    let nanos = Arc::new(AtomicU64::new(0));
    let builder = Breaker::builder("timed").clock(Clock::custom(Seconds(nanos.clone())));
    let plain = builder.clone().build().expect("valid");
    for (lasts, slow) in [(ms(99), 0), (ms(101), 1), (ms(900), 2), (ms(100), 2)] {
        let called = plain.with_slow_call(ms(100)).call(|| {
            nanos.fetch_add(lasts.as_nanos() as u64, SeqCst);
            Ok::<_, ()>(())
        });
        assert_eq!(called, Ok(()));
        assert_eq!(plain.observer().snapshot().totals.slow, slow, "{lasts:?}");
    }
    let kept_by = builder.durations(true).build().expect("valid");
    let permit = kept_by.try_acquire().expect("closed");
    nanos.fetch_add(1_000_000, SeqCst);
    permit.success();
    let permit = kept_by.try_acquire().expect("closed");
    permit.record_timed(Outcome::Success, ms(1)); // the caller knows
    let all = kept(&kept_by);
    assert!(all.quantile(0.5) < Some(ms(2)), "{all:?}");
    assert!(all.quantile(1.0) > Some(secs(1)), "{all:?}");
}

#[test]
fn the_breakers_slow_limit_may_not_be_and_buckets_neither() {
    struct Ticks;
    impl TimeSource for Ticks {
        fn now(&self) -> Duration {
            Duration::ZERO
        }
        fn resolution(&self) -> Duration {
            ms(10)
        }
    }
    let refused = |rules: fn(Builder) -> Builder| {
        let builder = Breaker::builder("ticks").clock(Clock::custom(Ticks));
        let error = rules(builder).build().err();
        error.map(|e| (e.problems()[0].field, e.problems()[0].permitted.clone()))
    };
    assert_eq!(refused(|b| b.slow_call(ms(10)).slow_rate(0.5)), None);
    let (field, permitted) = refused(|b| b.slow_call(ms(9)).slow_rate(0.5)).expect("too fine");
    assert_eq!(field, "slow_call");
    assert!(permitted.starts_with("10ms or more"), "{permitted}");
    let (field, _) = refused(|b| b.window(Window::time(ms(90)))).expect("buckets of 9 ms");
    assert_eq!(field, "window.buckets");
    assert_eq!(refused(|b| b.window(Window::time(ms(100)))), None);
}

// ---- a clock of one's own

/// Nanoseconds that a test sets, and the clock that reads them.
fn set_by_hand() -> (Arc<AtomicU64>, Clock) {
    let nanos = Arc::new(AtomicU64::new(0));
    let source = nanos.clone();
    let clock = Clock::custom(move || ns(source.load(SeqCst)));
    (nanos, clock)
}

fn fail(breaker: &Breaker) {
    breaker.try_acquire().expect("admitted").record(SERVER);
}

#[test]
fn a_custom_clock_is_the_time_of_waits_windows_and_slow_calls() {
    let (nanos, clock) = set_by_hand();
    let pass = |d: Duration| nanos.fetch_add(d.as_nanos() as u64, SeqCst);
    let breaker = Breaker::builder("own")
        .clock(clock)
        .window(Window::time(secs(10)))
        .failure_count(2)
        .slow_call(ms(5))
        .open_for(Backoff::constant(secs(60)))
        .half_open(HalfOpen::successes(1))
        .build()
        .expect("valid");
    fail(&breaker);
    pass(secs(10));
    fail(&breaker);
    assert_eq!(breaker.state(), State::Closed, "the first has left");
    let permit = breaker.try_acquire().expect("closed");
    pass(ns(5_000_001));
    permit.success();
    assert_eq!(breaker.observer().snapshot().totals.slow, 1);
    fail(&breaker);
    let rejected = breaker.try_acquire().expect_err("open");
    // it ends at a whole millisecond
    assert_eq!(rejected.retry_after(), Some(secs(60) + ns(999_999)));
    pass(secs(61));
    breaker.try_acquire().expect("the probe").success();
    assert_eq!(breaker.state(), State::Closed);
}

/// A source that goes back, or answers nothing, or runs to the end of time.
#[test]
fn the_time_of_a_custom_clock_never_goes_back() {
    let (nanos, clock) = set_by_hand();
    let set = |d: Duration| nanos.store(d.as_nanos() as u64, SeqCst);
    let builder = Breaker::builder("own").clock(clock).consecutive_failures(1);
    let builder = builder.slow_call(secs(1)).durations(true);
    let breaker = builder
        .open_for(Backoff::constant(secs(60)))
        .build()
        .expect("valid");
    let rest = || breaker.try_acquire().expect_err("open").retry_after();
    set(secs(3600));
    breaker.try_acquire().expect("closed").success();
    let permit = breaker.try_acquire().expect("closed");
    set(secs(10));
    permit.record(SERVER);
    assert_eq!(breaker.observer().snapshot().totals.slow, 0);
    assert_eq!(rest(), Some(secs(60)));
    set(secs(3630));
    assert_eq!(rest(), Some(secs(30)));
    for back in [secs(3601), Duration::ZERO, secs(3629)] {
        set(back);
        assert_eq!(rest(), Some(secs(30)), "{back:?}");
        let seen = breaker.observer().snapshot();
        assert_eq!(seen.retry_after, Some(secs(30)));
        assert_eq!(seen.time_in_state, secs(30));
    }
    nanos.store(u64::MAX, SeqCst);
    breaker.try_acquire().expect("the probe").success();
    breaker.try_acquire().expect("the second").success();
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn a_custom_clock_is_read_by_all_threads() {
    let (nanos, clock) = set_by_hand();
    let builder = Breaker::builder("own").clock(clock).failure_rate(1.0);
    let breaker = builder.build().expect("valid");
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..2000 {
                    nanos.fetch_add(1_000_000, SeqCst);
                    breaker.try_acquire().expect("closed").success();
                }
            });
        }
    });
    let seen = breaker.observer().snapshot();
    assert_eq!(seen.totals.successes, 4000);
    // windows are of 10 s, and the 4 s in them have all these calls
    assert_eq!(seen.window.calls, 4000);
}

/// Breakers that share a clock share their rules too, and those that do not do not.
#[test]
fn another_custom_clock_is_another_configuration() {
    let (nanos, clock) = set_by_hand();
    let (_, still) = set_by_hand();
    let built = |clock: &Clock| {
        let builder = Breaker::builder("own").clock(clock.clone());
        builder.build().expect("valid")
    };
    let moving = [built(&clock), built(&clock)];
    let resting = built(&still);
    nanos.store(5_000_000_000, SeqCst);
    for breaker in &moving {
        assert_eq!(breaker.observer().snapshot().time_in_state, secs(5));
    }
    let seen = resting.observer().snapshot();
    assert_eq!(seen.time_in_state, Duration::ZERO);
}

// ---- tokio's paused time

fn paused() -> Clock {
    let start = tokio::time::Instant::now();
    Clock::custom(move || start.elapsed())
}

#[tokio::test(start_paused = true)]
async fn waits_pass_on_tokios_paused_time() {
    let wall = std::time::Instant::now();
    let breaker = Breaker::builder("paused")
        .clock(paused())
        .consecutive_failures(1)
        .open_for(Backoff::constant(secs(3600)))
        .build()
        .expect("valid");
    let down = breaker.call_async(async {
        tokio::time::sleep(secs(5)).await;
        Err::<(), _>("down")
    });
    assert!(down.await.is_err());
    let rejected = breaker.try_acquire().expect_err("open");
    let rest = rejected.retry_after().expect("open");
    tokio::time::sleep(rest - ms(1)).await;
    assert!(breaker.try_acquire().is_err(), "a millisecond too early");
    tokio::time::sleep(ms(1)).await;
    for _ in 0..2 {
        let up = breaker.call_async(async { Ok::<_, &str>(()) }).await;
        assert_eq!(up, Ok(()));
    }
    assert_eq!(breaker.state(), State::Closed);
    assert!(wall.elapsed() < secs(600), "an hour has passed at once");
}

#[tokio::test(start_paused = true)]
async fn durations_and_slow_calls_are_by_tokios_paused_time() {
    let breaker = Breaker::builder("paused")
        .clock(paused())
        .slow_call(secs(2))
        .durations(true)
        .build()
        .expect("valid");
    for (lasts, outcome) in [(secs(1), Outcome::Success), (secs(3), SERVER)] {
        let permit = breaker.try_acquire().expect("closed");
        tokio::time::sleep(lasts).await;
        permit.record(outcome);
    }
    let seen = breaker.observer().snapshot();
    assert_eq!(seen.totals.slow, 1);
    let lasted = seen.durations.expect("kept");
    assert!(lasted.quantile(0.5) > Some(secs(1)) && lasted.quantile(0.5) < Some(ms(1300)));
    assert!(lasted.quantile(1.0) > Some(secs(3)) && lasted.quantile(1.0) < Some(ms(3900)));
}
