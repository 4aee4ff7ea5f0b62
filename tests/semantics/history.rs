//! What is read back of transitions.

use std::time::{Duration, SystemTime};

use tripcoil::{Breaker, Cause, FailureKind, HalfOpen, ManualClock, Outcome, State, Transition};

use crate::common::{Rig, SERVER, counts, ms, secs};
use crate::validation::{builder, fields};

#[test]
fn the_last_opening_survives_the_probes_failures() {
    let rig = Rig::run_of_three();
    assert_eq!(rig.seen().last_opening, None);
    rig.ok(2);
    rig.wait(ms(5));
    rig.fail(3);
    let outage = rig.last();
    for _ in 0..10 {
        rig.wait_out();
        rig.end(SERVER);
        assert_eq!(rig.cause(), Cause::ProbeFailed);
        assert_eq!(rig.seen().last_opening, Some(outage));
    }
    assert!(
        !rig.observer.history().contains(&outage),
        "pushed out of the ring"
    );
    let told = (
        outage.generation,
        outage.from,
        outage.to,
        outage.cause,
        outage.at,
    );
    let closed = (
        1,
        State::Closed,
        State::Open,
        Cause::ConsecutiveFailures,
        ms(5),
    );
    assert_eq!(told, closed);
    assert_eq!(
        (outage.counts, outage.consecutive_failures),
        (counts(2, 3, 0), 3)
    );
    // it is there until the next one, whatever comes between
    rig.wait_out();
    rig.ok(2);
    assert_eq!(
        (rig.state(), rig.seen().last_opening),
        (State::Closed, Some(outage))
    );
    rig.controller.force_open();
    rig.controller.release();
    rig.controller.observe_only();
    rig.controller.reset();
    assert_eq!(rig.seen().last_opening, Some(outage));
    rig.controller.trip();
    let by_hand = rig.last();
    assert_eq!(
        (by_hand.from, by_hand.cause),
        (State::Closed, Cause::Manual)
    );
    assert_eq!(rig.seen().last_opening, Some(by_hand));
    // open already: no outage begins
    rig.controller.trip();
    assert_eq!(rig.seen().last_opening, Some(by_hand));
}

#[test]
fn the_historys_length_is_a_setting() {
    for kept in [1, 2, 3, 4, 5, 7, 8, 9, 100] {
        let rig = Rig::new(|b| b.consecutive_failures(3).history(kept));
        for done in 0..3 * kept {
            assert_eq!(
                rig.observer.history().len() as u32,
                done.min(kept),
                "{kept}"
            );
            if done % 2 == 0 {
                rig.controller.trip();
            } else {
                rig.controller.half_open();
            }
        }
        let read: Vec<u64> = rig
            .observer
            .history()
            .iter()
            .map(|t| t.generation)
            .collect();
        let last = u64::from(3 * kept);
        let expected: Vec<u64> = (last - u64::from(kept) + 1..=last).collect();
        assert_eq!(read, expected);
    }
}

#[test]
fn a_short_history_forgets_nothing_that_calls_need() {
    let rig = Rig::new(|b| b.consecutive_failures(1).history(1));
    let own = Outcome::Failure(FailureKind::Overload).with_retry_after(ms(33));
    rig.end(own);
    assert_eq!(rig.rest(), ms(33));
    rig.wait_out();
    let leaked = rig.acquire();
    rig.wait(ms(50));
    assert_eq!(rig.rejected().cause(), Some(Cause::ProbeTimeout));
    assert!(rig.controller.trip_for(ms(5)) && rig.rest() == ms(5));
    drop(leaked);
}

#[test]
fn a_history_of_none_or_of_too_many_is_refused() {
    for kept in [0, 65_537, u32::MAX] {
        let error = builder()
            .history(kept)
            .build()
            .map(drop)
            .expect_err("refused");
        assert_eq!(fields(&error), ["history"]);
    }
    builder().history(65_536).build().expect("the most");
}

#[test]
fn an_opening_says_until_when() {
    let rig = Rig::run_of_three();
    rig.wait(ms(3));
    rig.fail(3);
    assert_eq!(rig.last().open_until, Some(ms(13)));
    // as it was published; what moves it later is in the snapshot
    assert!(rig.controller.postpone(ms(20)));
    assert_eq!((rig.last().open_until, rig.rest()), (Some(ms(13)), ms(20)));
    rig.wait_out();
    let probe = rig.acquire();
    assert_eq!(
        (rig.last().to, rig.last().open_until),
        (State::HalfOpen, None)
    );
    probe.record(SERVER.with_retry_after(ms(60)));
    assert_eq!(rig.last().open_until, Some(rig.clock.now() + ms(60)));
    rig.controller.trip_for(Duration::ZERO);
    assert_eq!(rig.last().open_until, Some(rig.clock.now()));
    for order in [State::ForcedOpen, State::Disabled] {
        crate::common::order(&rig.controller, order);
        assert_eq!(rig.last().open_until, None, "{order:?}");
    }
}

#[test]
fn an_event_names_the_failure_that_decided() {
    let of = |kind| Outcome::Failure(kind);
    for kind in [
        FailureKind::Timeout,
        FailureKind::Connect,
        FailureKind::Overload,
        FailureKind::Server,
        FailureKind::Client,
        FailureKind::Data,
        FailureKind::Other(0),
        FailureKind::Other(2),
        FailureKind::Other(255),
    ] {
        let rig = Rig::run_of_three();
        rig.ends(&[SERVER, of(FailureKind::Data), of(kind)]);
        assert_eq!(rig.last().failure, Some(kind));
        rig.wait_out();
        rig.end(of(kind));
        assert_eq!(
            (rig.cause(), rig.last().failure),
            (Cause::ProbeFailed, Some(kind))
        );
        let rig = Rig::new(|b| b.failure_count(2));
        rig.ends(&[of(FailureKind::Data), of(kind)]);
        assert_eq!(rig.last().failure, Some(kind), "by the window");
    }
}

#[test]
fn where_no_failure_decided_an_event_names_none() {
    // a success reaches the throughput at which a rate is judged
    let rig = Rig::new(|b| b.failure_rate(0.5).min_throughput(4));
    rig.fail(3);
    rig.ok(1);
    assert_eq!(
        (rig.cause(), rig.last().failure),
        (Cause::FailureRate, None)
    );
    // a success is the last of a round that is lost
    rig.controller.reset();
    let rig = Rig::new(|b| b.consecutive_failures(1).half_open(HalfOpen::rate(2, 0.5)));
    rig.fail(1);
    rig.wait_out();
    assert_eq!(rig.last().failure, Some(FailureKind::Server));
    rig.ends(&[SERVER, Outcome::Success]);
    assert_eq!(
        (rig.cause(), rig.last().failure),
        (Cause::ProbeFailed, None)
    );
    // the operator, the clock, the probe timeout
    let rig = Rig::run_of_three();
    rig.fail(2);
    rig.controller.trip();
    assert_eq!(rig.last().failure, None);
    rig.wait_out();
    let _probe = rig.acquire();
    assert_eq!(rig.last().failure, None);
    rig.wait(ms(50));
    assert_eq!(rig.rejected().cause(), Some(Cause::ProbeTimeout));
    assert_eq!(rig.last().failure, None);
}

#[test]
fn an_event_has_the_wall_clocks_time() {
    let within = |event: Transition, ago: Duration, before: SystemTime| {
        let wall = event.wall_time.expect("there is a wall clock");
        assert!(
            wall + ago >= before && wall + ago <= SystemTime::now(),
            "{wall:?}"
        );
    };
    let rig = Rig::run_of_three();
    rig.wait(secs(100));
    let before = SystemTime::now();
    rig.fail(3);
    within(rig.last(), Duration::ZERO, before);
    // an hour later by the breaker's clock, it is an hour ago
    rig.wait(secs(3600));
    within(rig.last(), secs(3600), before);
    within(
        rig.seen().last_opening.expect("it opened"),
        secs(3600),
        before,
    );
    assert_eq!(rig.last(), rig.last(), "whenever it is read");

    let (breaker, controller) = Breaker::builder("real")
        .build_with_controller()
        .expect("valid");
    let before = SystemTime::now() - Duration::from_millis(50);
    let (tell, told) = std::sync::mpsc::channel();
    let _listening = breaker.observer().subscribe(move |t| _ = tell.send(*t));
    controller.trip();
    let heard = told.recv().expect("a transition");
    let wall = heard.wall_time.expect("there is a wall clock");
    assert!(wall >= before && wall <= SystemTime::now() + Duration::from_millis(50));
}

#[test]
fn events_before_the_history_was_long_enough_are_the_listeners_too() {
    let clock = ManualClock::new();
    let builder = Breaker::builder("db").clock(&clock).history(16);
    let (breaker, controller) = builder.build_with_controller().expect("valid");
    let heard = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let ear = heard.clone();
    let listening = breaker
        .observer()
        .subscribe(move |t| ear.lock().expect("whole").push(*t));
    for _ in 0..5 {
        controller.trip();
        controller.reset();
    }
    assert!(listening.drain(secs(20)));
    assert_eq!(*heard.lock().expect("whole"), breaker.observer().history());
}
