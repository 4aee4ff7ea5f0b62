//! When an attempt is made, what follows from it, and what is left alone.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use tokio::time::{Instant, sleep};
use tripcoil::health::Idle;
use tripcoil::testing::{Recorder, assert_state};
use tripcoil::{Cause, FailureKind, HalfOpen, ManualClock, Ramp, State};

use crate::{Attempts, becomes, builder, fail, ms, secs, start, until};

#[tokio::test(start_paused = true)]
async fn a_healthy_check_begins_the_round_after_wait_and_grace() {
    let (breaker, controller) = builder("orders").build_with_controller().expect("valid");
    let mut recorder = Recorder::on(&breaker.observer());
    fail(&breaker);
    let (attempts, begin) = (Attempts::default(), Instant::now());
    let (timer, _task) = start();
    timer.check(controller, attempts.ending(|_| Ok::<_, ()>(())));
    sleep(secs(600)).await;
    assert_eq!(attempts.since(begin), [31_000]);
    recorder.assert([
        (State::Open, Cause::ConsecutiveFailures),
        (State::HalfOpen, Cause::Manual),
    ]);
    assert_eq!(recorder.transitions()[1].at, secs(31));
    breaker.try_acquire().expect("the probe").success();
    recorder.assert([State::Closed]);
}

#[tokio::test(start_paused = true)]
async fn an_unhealthy_one_is_asked_again_and_puts_nothing_off() {
    let (breaker, controller) = builder("orders").build_with_controller().expect("valid");
    fail(&breaker);
    let (attempts, begin) = (Attempts::default(), Instant::now());
    let (timer, _task) = start();
    let third = |number| if number < 2 { Err("down") } else { Ok(()) };
    timer.check(Arc::new(controller), attempts.ending(third));
    sleep(secs(40)).await;
    assert_eq!(breaker.observer().snapshot().retry_after, Some(secs(0)));
    sleep(secs(600)).await;
    assert_eq!(attempts.since(begin), [31_000, 36_000, 41_000]);
    assert_state(&breaker.observer(), State::HalfOpen);
}

#[tokio::test(start_paused = true)]
async fn a_probe_is_a_call_through_the_breaker() {
    let breaker = builder("orders").build().expect("valid");
    let mut recorder = Recorder::on(&breaker.observer());
    fail(&breaker);
    let (attempts, begin) = (Attempts::default(), Instant::now());
    let (timer, _task) = start();
    let second = |number| if number < 1 { Err("down") } else { Ok(()) };
    timer.probe(&breaker, attempts.ending(second));
    becomes(&breaker, State::Closed).await;
    let [first, second] = attempts.since(begin)[..] else {
        panic!("two attempts");
    };
    assert_eq!(first, 31_000);
    // paused time does not wait for the listeners' thread, which reports the second opening
    assert!(second >= 62_000, "{second}");
    recorder.assert([
        (State::Open, Cause::ConsecutiveFailures),
        (State::HalfOpen, Cause::OpenElapsed),
        (State::Open, Cause::ProbeFailed),
        (State::HalfOpen, Cause::OpenElapsed),
        (State::Closed, Cause::ProbesSucceeded),
    ]);
    let totals = breaker.observer().snapshot().totals;
    assert_eq!(
        (totals.successes, totals.failures, totals.rejected),
        (1, 2, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_round_gets_as_many_probes_as_it_needs() {
    for half_open in [HalfOpen::successes(3), HalfOpen::rate(3, 0.5)] {
        let built = builder("orders").half_open(half_open).build();
        let breaker = built.expect("valid");
        fail(&breaker);
        let (attempts, begin) = (Attempts::default(), Instant::now());
        let (timer, _task) = start();
        timer.probe(&breaker, attempts.ending(|_| Ok::<_, ()>(())));
        becomes(&breaker, State::Closed).await;
        assert_eq!(attempts.since(begin), [31_000, 31_001, 31_002]);
    }
}

/// A failure that does not end the round is not followed at once.
#[tokio::test(start_paused = true)]
async fn after_a_failure_the_next_probe_takes_its_time() {
    let half_open = HalfOpen::rate(3, 0.6).probe_timeout(secs(600));
    let built = builder("orders").half_open(half_open).build();
    let breaker = built.expect("valid");
    fail(&breaker);
    let (attempts, begin) = (Attempts::default(), Instant::now());
    let (timer, _task) = start();
    let first_fails = |number| if number == 0 { Err("down") } else { Ok(()) };
    timer.probe(&breaker, attempts.ending(first_fails));
    becomes(&breaker, State::Closed).await;
    assert_eq!(attempts.since(begin), [31_000, 36_000, 36_001]);
}

#[tokio::test(start_paused = true)]
async fn a_ramp_is_gone_up_by_probes_too() {
    let half_open = HalfOpen::successes(2).ramp(Ramp::new());
    let built = builder("orders").half_open(half_open).build();
    let breaker = built.expect("valid");
    fail(&breaker);
    let attempts = Attempts::default();
    let (timer, _task) = start();
    timer.probe(&breaker, attempts.ending(|_| Ok::<_, ()>(())));
    becomes(&breaker, State::Closed).await;
    let last = breaker.observer().history().pop().expect("it has closed");
    assert_eq!(last.cause, Cause::RampCompleted);
    assert!(attempts.count() > 2);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_takes_too_long_is_a_timeout() {
    let breaker = builder("orders").build().expect("valid");
    fail(&breaker);
    let (timer, _task) = start();
    timer.probe(&breaker, pending::<Result<(), ()>>);
    sleep(secs(33)).await;
    let seen = breaker.observer().snapshot();
    assert_eq!(seen.failures_by_kind.get(FailureKind::Timeout), 1);
    assert_eq!((seen.state, seen.probes.in_flight), (State::Open, 0));
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_is_called_gets_no_attempt() {
    let breaker = builder("orders").build().expect("valid");
    let attempts = Attempts::default();
    let (timer, _task) = start();
    timer.probe(&breaker, attempts.ending(|_| Ok::<_, ()>(())));
    for _ in 0..10 {
        fail(&breaker);
        sleep(secs(30)).await;
        // within the grace
        breaker.try_acquire().expect("a probe").success();
        sleep(secs(60)).await;
    }
    assert_eq!(attempts.count(), 0);
}

/// A round that a call has begun is left to calls, although there is room for further probes.
#[tokio::test(start_paused = true)]
async fn a_round_of_others_gets_no_attempt() {
    let half_open = HalfOpen::successes(2).max_probes(2);
    let half_open = half_open.probe_timeout(secs(3600));
    let built = builder("orders").half_open(half_open).build();
    let breaker = built.expect("valid");
    fail(&breaker);
    let attempts = Attempts::default();
    let (timer, _task) = start();
    timer.probe(&breaker, attempts.ending(|_| Ok::<_, ()>(())));
    sleep(secs(30)).await;
    let probe = breaker.try_acquire().expect("a probe");
    sleep(secs(600)).await;
    assert_eq!(attempts.count(), 0);
    assert_state(&breaker.observer(), State::HalfOpen);
    probe.success();
}

/// The breaker opens again while its check is under way.
#[tokio::test(start_paused = true)]
async fn a_breaker_has_one_attempt_at_a_time() {
    let (breaker, controller) = builder("orders").build_with_controller().expect("valid");
    let controller = Arc::new(controller);
    fail(&breaker);
    let (now, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (operator, counts) = (controller.clone(), (now.clone(), most.clone()));
    let (timer, task) = Idle::new().timeout(secs(3600)).start();
    tokio::spawn(task);
    timer.check(controller, move || {
        let (operator, (now, most)) = (operator.clone(), counts.clone());
        async move {
            most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
            assert!(operator.reset() && operator.trip_for(secs(0)));
            // ample time for a second one
            for _ in 0..600 {
                sleep(ms(100)).await;
            }
            now.fetch_sub(1, SeqCst);
            Ok::<_, ()>(())
        }
    });
    sleep(secs(600)).await;
    assert_eq!(most.load(SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn an_opening_while_the_timer_runs_is_noticed() {
    let (breaker, controller) = builder("orders").build_with_controller().expect("valid");
    let attempts = Attempts::default();
    let (timer, _task) = start();
    let begin = Instant::now();
    timer.check(controller, attempts.ending(|_| Ok::<_, ()>(())));
    for opening in 1..=3 {
        fail(&breaker);
        becomes(&breaker, State::HalfOpen).await;
        assert_eq!(attempts.count(), opening);
        breaker.try_acquire().expect("the probe").success();
    }
    assert!(attempts.since(begin)[0] >= 31_000);
}

#[tokio::test(start_paused = true)]
async fn overrides_are_left_alone() {
    let (breaker, controller) = builder("orders").build_with_controller().expect("valid");
    let controller = Arc::new(controller);
    fail(&breaker);
    let attempts = Attempts::default();
    let (timer, _task) = start();
    timer.check(controller.clone(), attempts.ending(|_| Ok::<_, ()>(())));
    timer.probe(&breaker, attempts.ending(|_| Ok::<_, ()>(())));
    sleep(secs(20)).await;
    assert!(controller.force_open());
    sleep(secs(3600)).await;
    assert!(controller.disable());
    sleep(secs(3600)).await;
    assert!(controller.observe_only());
    sleep(secs(3600)).await;
    assert_eq!(attempts.count(), 0);
    assert_state(&breaker.observer(), State::ObserveOnly);
}

/// An override that comes while the check is under way.
#[tokio::test(start_paused = true)]
async fn an_attempt_is_for_the_opening_that_was_seen() {
    let (breaker, controller) = builder("orders").build_with_controller().expect("valid");
    let controller = Arc::new(controller);
    fail(&breaker);
    let operator = controller.clone();
    let attempts = Attempts::default();
    let (timer, _task) = start();
    let meanwhile = move |_| {
        operator.reset();
        operator.trip_for(secs(3600));
        Ok::<_, ()>(())
    };
    timer.check(controller, attempts.ending(meanwhile));
    sleep(secs(60)).await;
    assert_eq!(attempts.count(), 1);
    assert_state(&breaker.observer(), State::Open);
    assert!(breaker.observer().snapshot().retry_after > Some(secs(3500)));
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_was_put_off_is_waited_for() {
    let (breaker, controller) = builder("orders").build_with_controller().expect("valid");
    let controller = Arc::new(controller);
    fail(&breaker);
    let (attempts, begin) = (Attempts::default(), Instant::now());
    let (timer, _task) = start();
    timer.check(controller.clone(), attempts.ending(|_| Ok::<_, ()>(())));
    sleep(secs(10)).await;
    assert!(controller.postpone(secs(90)));
    sleep(secs(600)).await;
    assert_eq!(attempts.since(begin), [101_000]);
}

#[tokio::test(start_paused = true)]
async fn an_operators_opening_is_as_any_other() {
    let (breaker, controller) = builder("orders").build_with_controller().expect("valid");
    assert!(controller.trip_for(secs(0)));
    let (attempts, begin) = (Attempts::default(), Instant::now());
    let (timer, _task) = start();
    timer.probe(&breaker, attempts.ending(|_| Ok::<_, ()>(())));
    becomes(&breaker, State::Closed).await;
    assert_eq!(attempts.since(begin), [1_000]);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_was_built_open_is_looked_after() {
    let built = builder("orders").initial_state(State::Open).build();
    let breaker = built.expect("valid");
    let (timer, _task) = start();
    timer.probe(&breaker, || async { Ok::<_, ()>(()) });
    becomes(&breaker, State::Closed).await;
}

#[tokio::test(start_paused = true)]
async fn waits_may_be_nothing_and_for_ever() {
    let none = builder("none").build_with_controller().expect("valid");
    let ever = builder("ever").build_with_controller().expect("valid");
    none.1.trip_for(secs(0));
    ever.1.trip_for(std::time::Duration::MAX);
    let attempts = Attempts::default();
    let idle = Idle::new().grace(secs(0)).every(secs(0)).at_once(0);
    let (timer, task) = idle.timeout(secs(0)).start();
    tokio::spawn(task);
    timer.check(
        none.1,
        attempts.ending(|number| if number < 100 { Err(()) } else { Ok(()) }),
    );
    timer.check(ever.1, attempts.ending(|_| Ok::<_, ()>(())));
    becomes(&none.0, State::HalfOpen).await;
    assert_eq!(attempts.count(), 101);
    let idle = Idle::new().grace(std::time::Duration::MAX);
    let (timer, task) = idle.every(std::time::Duration::MAX).start();
    tokio::spawn(task);
    timer.probe(&ever.0, attempts.ending(|_| Ok::<_, ()>(())));
    sleep(secs(86_400)).await;
    assert_eq!(attempts.count(), 101);
    assert_state(&ever.0.observer(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn the_task_ends_with_the_last_handle() {
    let breaker = builder("orders").build().expect("valid");
    let (timer, task) = start();
    timer.probe(&breaker, || async { Ok::<_, ()>(()) });
    let same = timer.clone();
    sleep(secs(1)).await;
    until(|| breaker.users() == 2).await;
    drop(timer);
    sleep(secs(1)).await;
    assert!(!task.is_finished());
    drop(same);
    task.await.expect("it ends");
    until(|| breaker.users() == 1).await;
}

/// Before it runs, and after it was aborted.
#[tokio::test(start_paused = true)]
async fn without_its_task_a_timer_does_and_keeps_nothing() {
    let breaker = builder("orders").build().expect("valid");
    let (timer, task) = Idle::new().start();
    timer.probe(&breaker, || async { Ok::<_, ()>(()) });
    until(|| breaker.users() == 2).await;
    drop(task);
    until(|| breaker.users() == 1).await;
    timer.probe(&breaker, || async { Ok::<_, ()>(()) });
    until(|| breaker.users() == 1).await;

    let (timer, task) = start();
    timer.probe(&breaker, || async { Ok::<_, ()>(()) });
    sleep(ms(1)).await;
    task.abort();
    assert!(task.await.expect_err("aborted").is_cancelled());
    until(|| breaker.users() == 1).await;

    let (timer, task) = Idle::new().start();
    timer.probe(&breaker, || async { Ok::<_, ()>(()) });
    drop(timer);
    until(|| breaker.users() == 1).await;
    tokio::spawn(task).await.expect("it ends at once");
}

/// What was given to the timer before its task ran is read by it.
#[tokio::test(start_paused = true)]
async fn breakers_may_be_given_before_and_during() {
    let (timer, task) = Idle::new().start();
    let breakers = [1, 2, 3].map(|_| builder("orders").build().expect("valid"));
    breakers.iter().for_each(fail);
    timer.probe(&breakers[0], || async { Ok::<_, ()>(()) });
    tokio::spawn(task);
    timer.probe(&breakers[1], || async { Ok::<_, ()>(()) });
    sleep(secs(100)).await;
    timer.probe(&breakers[2], || async { Ok::<_, ()>(()) });
    let all_closed = || breakers.iter().all(|one| one.state() == State::Closed);
    until(all_closed).await;
}

/// The wait is by the breaker's clock, which here stands still for longer than tokio's.
#[tokio::test(start_paused = true)]
async fn a_wait_is_by_the_breakers_clock() {
    let clock = ManualClock::new();
    let built = builder("orders").clock(&clock).build();
    let breaker = built.expect("valid");
    fail(&breaker);
    let attempts = Attempts::default();
    let (timer, _task) = start();
    timer.probe(&breaker, attempts.ending(|_| Ok::<_, ()>(())));
    sleep(secs(3600)).await;
    clock.advance(secs(30) - ms(1));
    sleep(secs(3600)).await;
    assert_eq!(attempts.count(), 0);
    clock.advance(ms(1));
    becomes(&breaker, State::Closed).await;
    assert_eq!(attempts.count(), 1);
}
