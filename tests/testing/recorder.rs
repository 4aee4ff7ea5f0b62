//! What the assertions accept, and what they say.

use tripcoil::testing::{Recorder, assert_state, assert_tripped_by};
use tripcoil::{Backoff, Breaker, Cause, Controller, FailureKind, HalfOpen, ManualClock, State};

use crate::{panics, secs};

/// Trips at half of four, opens for ten seconds, closes after one success.
fn breaker(clock: &ManualClock) -> (Breaker, Controller) {
    let builder = Breaker::builder("orders").clock(clock);
    let builder = builder.failure_rate(0.5).min_throughput(4);
    let builder = builder.open_for(Backoff::constant(secs(10)));
    let builder = builder.half_open(HalfOpen::successes(1));
    builder.build_with_controller().expect("valid")
}

fn trip(breaker: &Breaker, clock: &ManualClock) {
    for failed in [false, true, false, true] {
        clock.advance(secs(1));
        let permit = breaker.try_acquire().expect("closed");
        match failed {
            true => permit.failure(FailureKind::Server),
            false => permit.success(),
        }
    }
}

#[test]
fn what_happened_is_accepted_with_and_without_causes() {
    let clock = ManualClock::new();
    let (breaker, controller) = breaker(&clock);
    trip(&breaker, &clock);
    let mut recorder = Recorder::on(&breaker.observer());
    recorder.assert_none();
    recorder.assert::<State>([]);
    assert!(controller.reset());
    recorder.assert(vec![State::Closed]);
    recorder.assert_none();
    trip(&breaker, &clock);
    clock.advance(secs(10));
    breaker.try_acquire().expect("a probe").success();
    recorder.assert([
        (State::Open, Cause::FailureRate),
        (State::HalfOpen, Cause::OpenElapsed),
        (State::Closed, Cause::ProbesSucceeded),
    ]);
    let all: Vec<State> = recorder.transitions().iter().map(|t| t.to).collect();
    let (open, half, closed) = (State::Open, State::HalfOpen, State::Closed);
    assert_eq!(
        all,
        [closed, open, half, closed],
        "assertions take none away"
    );
    assert_tripped_by(&breaker.observer(), Cause::FailureRate);
    assert_state(&breaker.observer(), State::Closed);
}

#[test]
fn a_failed_assertion_shows_both_series() {
    let clock = ManualClock::new();
    let (breaker, controller) = breaker(&clock);
    let mut recorder = Recorder::on(&breaker.observer());
    trip(&breaker, &clock);
    controller.half_open();
    let expected = [
        (State::Open, Cause::FailureRate),
        (State::HalfOpen, Cause::OpenElapsed),
        (State::Closed, Cause::ProbesSucceeded),
    ];
    assert_eq!(
        panics(|| recorder.assert(expected)),
        "the breaker 'orders' made other transitions than expected
      expected                    real
    1 open (failure rate)         open (failure rate) at 4s, 2 of 4 calls failed
!   2 half-open (open elapsed)    half-open (manual) at 4s
!   3 closed (probes succeeded)   -
it is half-open now"
    );
    // they are still to be asserted on
    assert_eq!(
        panics(|| recorder.assert_none()),
        "the breaker 'orders' made other transitions than expected
      expected   real
!   1 -          open (failure rate) at 4s, 2 of 4 calls failed
!   2 -          half-open (manual) at 4s
it is half-open now"
    );
    recorder.assert([State::Open, State::HalfOpen]);
}

/// In another order, too few, too many.
#[test]
fn other_transitions_are_refused() {
    let (_, controller) = breaker(&ManualClock::new());
    let mut recorder = Recorder::on(&controller.observer());
    controller.trip();
    controller.reset();
    let (open, closed) = (State::Open, State::Closed);
    let wrong: [&[State]; 5] = [
        &[],
        &[open],
        &[closed, open],
        &[open, open],
        &[open, closed, open],
    ];
    for wrong in wrong {
        panics(|| recorder.assert(wrong.iter().copied()));
    }
    panics(|| recorder.assert([(open, Cause::Hang), (closed, Cause::Manual)]));
    recorder.assert([(open, Cause::Manual), (closed, Cause::Manual)]);
}

#[test]
fn lost_transitions_are_not_passed_over() {
    let (_, controller) = breaker(&ManualClock::new());
    let mut recorder = Recorder::on(&controller.observer());
    for _ in 0..1024 {
        controller.reset();
    }
    assert_eq!(recorder.transitions().len(), 1024);
    for _ in 0..1030 {
        controller.reset();
    }
    let lost = "6 transitions of the breaker 'orders' were lost: read them before there are 1,024";
    assert_eq!(panics(|| recorder.assert_none()), lost);
    assert_eq!(panics(|| recorder.transitions().len()), lost);
}

#[test]
fn a_wrong_state_is_shown_with_what_led_to_it() {
    let clock = ManualClock::new();
    let (breaker, controller) = breaker(&clock);
    let observer = breaker.observer();
    assert_eq!(
        panics(|| assert_state(&observer, State::Open)),
        "the breaker 'orders' is closed, and not open\nit has made no transition"
    );
    trip(&breaker, &clock);
    controller.force_open();
    assert_eq!(
        panics(|| assert_state(&observer, State::Open)),
        "the breaker 'orders' is forced open, and not open\nits last transitions:
  open (failure rate) at 4s, 2 of 4 calls failed
  forced open (manual) at 4s"
    );
}

#[test]
fn a_trip_is_that_from_closed() {
    let clock = ManualClock::new();
    let (breaker, controller) = breaker(&clock);
    let observer = breaker.observer();
    assert_eq!(
        panics(|| assert_tripped_by(&observer, Cause::Hang)),
        "the breaker 'orders' was not tripped by hang: it was never tripped\nit has made no transition"
    );
    trip(&breaker, &clock);
    clock.advance(secs(10));
    let probe = breaker.try_acquire().expect("a probe");
    probe.failure(FailureKind::Server);
    assert_tripped_by(&observer, Cause::FailureRate);
    let message = panics(|| assert_tripped_by(&observer, Cause::ProbeFailed));
    assert_eq!(
        message,
        "the breaker 'orders' was not tripped by probe failed: it was last tripped otherwise: \
         open (failure rate) at 4s, 2 of 4 calls failed\nits last transitions:
  open (failure rate) at 4s, 2 of 4 calls failed
  half-open (open elapsed) at 14s
  open (probe failed) at 14s, 1 of 1 calls failed"
    );
    controller.reset();
    controller.trip();
    assert_tripped_by(&observer, Cause::Manual);
}

/// The line that a failure names is the test's own.
#[test]
fn a_failure_is_located_in_the_test() {
    use std::sync::Mutex;
    static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let observer = Breaker::builder("located")
        .build()
        .expect("valid")
        .observer();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let file = info.location().map(|place| place.file().to_owned());
        if info.to_string().contains("'located'") {
            SEEN.lock().unwrap().extend(file);
        } else {
            before(info);
        }
    }));
    panics(|| assert_state(&observer, State::Open));
    panics(|| assert_tripped_by(&observer, Cause::Hang));
    panics(|| Recorder::on(&observer).assert([State::Open]));
    let seen = SEEN.lock().unwrap().clone();
    assert_eq!(seen, [file!(); 3]);
}
