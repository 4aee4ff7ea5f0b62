#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

use super::*;
use crate::{Backoff, Breaker, Controller, FailureKind, HalfOpen, ManualClock, Observer};

/// A breaker that opens at two failures in a row for 10 s, and needs two probes.
struct Seen {
    breaker: Breaker,
    controller: Controller,
    clock: ManualClock,
    observer: Observer,
    events: crate::observe::Events,
    outages: Outages,
}

const SECOND: Duration = Duration::from_secs(1);

impl Seen {
    fn new() -> Seen {
        let clock = ManualClock::new();
        let (breaker, controller) = Breaker::builder("seen")
            .consecutive_failures(2)
            .open_for(Backoff::constant(10 * SECOND))
            .half_open(HalfOpen::successes(2))
            .clock(&clock)
            .build_with_controller()
            .expect("valid");
        let observer = breaker.observer();
        Seen {
            events: observer.events(),
            outages: Outages::new(&observer.snapshot(), &[], Duration::ZERO),
            breaker,
            controller,
            clock,
            observer,
        }
    }

    fn catch_up(&mut self) -> Vec<OutageRecord> {
        let mut ended = Vec::new();
        for event in self.events.by_ref() {
            ended.extend(self.outages.moved(&event, self.observer.rejections(), 0.0));
        }
        ended
    }

    fn calls(&mut self, ok: bool, number: u32) {
        for _ in 0..number {
            if let Ok(permit) = self.breaker.try_acquire() {
                match ok {
                    true => permit.success(),
                    false => permit.failure(FailureKind::Server),
                };
            }
            self.catch_up();
        }
    }

    fn wait(&mut self, seconds: u32) {
        self.clock.advance(seconds * SECOND);
    }

    fn only(&self) -> OutageRecord {
        let all = self.outages.ended();
        assert_eq!(all.len(), 1, "{all:?}");
        all[0]
    }
}

#[test]
fn an_outage_is_recorded_with_what_it_cost() {
    let mut seen = Seen::new();
    seen.calls(false, 2);
    seen.calls(true, 4); // rejected
    seen.wait(10);
    seen.calls(false, 1); // a probe
    seen.calls(true, 6); // rejected, three of them though it is well again
    seen.wait(10);
    seen.calls(true, 2);
    let record = seen.only();
    assert_eq!(
        (record.began, record.ended),
        (Duration::ZERO, Some(20 * SECOND))
    );
    assert_eq!(record.cause, Some(Cause::ConsecutiveFailures));
    assert_eq!(record.ended_by, Some(Cause::ProbesSucceeded));
    assert_eq!(
        (record.rounds, record.probes, record.probes_failed),
        (2, 3, 1)
    );
    assert_eq!(
        (record.rejected, record.wasted, record.rejected_good),
        (10, 3, 3)
    );
    assert!(record.is_by_itself() && !record.may_be_false());
    assert_eq!(seen.outages.total(), 1);
    assert_eq!(seen.outages.current(&seen.observer.snapshot()), None);
}

#[test]
fn what_opens_again_within_two_seconds_goes_on() {
    let mut seen = Seen::new();
    seen.calls(false, 2);
    seen.calls(true, 3);
    seen.wait(10);
    seen.calls(true, 2);
    assert_eq!(seen.outages.ended().len(), 1);
    seen.wait(2);
    seen.calls(false, 2);
    assert_eq!(seen.outages.ended().len(), 0, "it is not over");
    let current = seen
        .outages
        .current(&seen.observer.snapshot())
        .expect("under way");
    assert_eq!((current.began, current.rejected), (Duration::ZERO, 3));
    seen.calls(true, 1);
    seen.wait(10);
    seen.calls(true, 2);
    let record = seen.only();
    assert_eq!(
        (record.lasted(Duration::MAX), record.rejected),
        (22 * SECOND, 4)
    );
    assert_eq!((record.rounds, seen.outages.total()), (2, 1));
    // a moment later it is another one
    seen.wait(3);
    seen.calls(false, 2);
    seen.wait(10);
    seen.calls(true, 2);
    assert_eq!(seen.outages.ended().len(), 2);
    // three openings
    assert_eq!(seen.outages.pattern(35 * SECOND), Some(Pattern::Flapping));
}

#[test]
fn what_an_operator_does_says_nothing_of_the_dependency() {
    let mut seen = Seen::new();
    seen.controller.trip_for(100 * SECOND);
    seen.catch_up();
    let now = || Duration::ZERO;
    assert_eq!(seen.outages.forecast().eta(now()), None);
    seen.controller.trip(); // once more, which is the same one
    seen.catch_up();
    seen.controller.reset();
    seen.catch_up();
    let record = seen.only();
    assert_eq!(
        (record.cause, record.ended_by),
        (Some(Cause::Manual), Some(Cause::Manual))
    );
    assert!(!record.is_by_itself() && !record.may_be_false());
    assert_eq!(seen.outages.pattern(now()), None);
    // one that the operator ends is not counted as one that has ended by itself
    seen.wait(3);
    seen.calls(false, 2);
    assert!(seen.outages.forecast().eta(3 * SECOND).is_some());
    seen.controller.force_open();
    seen.catch_up();
    assert_eq!(seen.outages.forecast().eta(4 * SECOND), None, "an override");
    assert_eq!(seen.outages.ended().len(), 2);
    seen.controller.release();
    seen.calls(false, 2);
    let eta = seen.outages.forecast().eta(4 * SECOND).expect("open");
    assert_eq!(eta.outages, 0, "neither of them has taught anything");
}

#[test]
fn an_opening_without_need_may_be_false() {
    let mut seen = Seen::new();
    seen.calls(true, 98);
    seen.calls(false, 2);
    seen.wait(10);
    seen.calls(true, 2);
    assert!(seen.only().may_be_false());
}

#[test]
fn what_is_normal_is_not_wasted() {
    let clock = ManualClock::new();
    let breaker = Breaker::builder("seen")
        .failure_rate(0.5)
        .min_throughput(10)
        .consecutive_failures(50)
        .clock(&clock)
        .build()
        .expect("valid");
    let observer = breaker.observer();
    let mut events = observer.events();
    let mut outages = Outages::new(&observer.snapshot(), &[], Duration::ZERO);
    for n in 0..20 {
        let permit = breaker.try_acquire().expect("closed");
        match n < 10 {
            true => permit.success(),
            false => permit.failure(FailureKind::Server),
        };
    }
    let event = events.next().expect("it has opened");
    outages.moved(&event, observer.rejections(), 0.1);
    let current = outages.current(&observer.snapshot()).expect("open");
    assert_eq!((current.counts.failures, current.wasted), (10, 8));
}

#[test]
fn one_that_is_open_from_the_first_has_a_beginning() {
    let clock = ManualClock::new();
    let breaker = Breaker::builder("seen")
        .initial_state(State::Open)
        .clock(&clock)
        .build()
        .expect("valid");
    clock.advance(SECOND);
    let seen = breaker.observer().snapshot();
    let outages = Outages::new(&seen, &[], SECOND);
    let current = outages.current(&seen).expect("open");
    assert_eq!((current.began, current.cause), (Duration::ZERO, None));
    assert!(outages.forecast().eta(SECOND).is_some());
}

#[test]
fn the_last_thirty_two_are_kept() {
    let mut seen = Seen::new();
    for _ in 0..40 {
        seen.wait(3);
        seen.calls(false, 2);
        seen.wait(10);
        seen.calls(true, 2);
    }
    assert_eq!((seen.outages.ended().len(), seen.outages.total()), (32, 40));
    assert_eq!(seen.outages.ended()[0].began, (8 * 13 + 3) * SECOND);
}

#[test]
fn a_second_opening_of_an_outage_adds_its_cost() {
    let mut seen = Seen::new();
    seen.calls(false, 2);
    seen.calls(true, 100); // rejected
    seen.wait(10);
    seen.calls(true, 2);
    assert_eq!(seen.only().rejected_good, 50);
    seen.wait(1);
    seen.calls(false, 2);
    let cost = seen.outages.cost(100 * SECOND);
    assert_eq!((cost.outages, cost.wasted, cost.rejected_good), (1, 4, 0));
    seen.calls(true, 10); // rejected
    seen.wait(10);
    seen.calls(true, 2);
    let record = seen.only();
    assert_eq!(
        (record.rejected, record.rejected_good, record.wasted),
        (110, 55, 4)
    );
    assert_eq!((record.rounds, seen.outages.total()), (2, 1));
    // until it is over for good
    assert_eq!(seen.outages.cost(23 * SECOND).rejected_good, 0);
    assert_eq!(seen.outages.cost(24 * SECOND).rejected_good, 55);
    seen.wait(9);
    seen.calls(false, 2);
    let cost = seen.outages.cost(30 * SECOND);
    assert_eq!((cost.outages, cost.wasted, cost.rejected_good), (2, 6, 55));
}

#[test]
fn what_an_operator_ended_does_not_go_on() {
    let mut seen = Seen::new();
    seen.controller.trip();
    seen.catch_up();
    seen.wait(5);
    seen.controller.reset();
    seen.catch_up();
    seen.wait(1);
    seen.calls(false, 2);
    let current = seen
        .outages
        .current(&seen.observer.snapshot())
        .expect("open");
    assert_eq!(
        (current.began, current.cause),
        (6 * SECOND, Some(Cause::ConsecutiveFailures))
    );
    assert!(seen.outages.forecast().eta(7 * SECOND).is_some());
    assert_eq!(seen.outages.ended().len(), 1);
}

#[test]
fn openings_that_follow_at_once_are_flapping() {
    let mut seen = Seen::new();
    for _ in 0..4 {
        seen.calls(false, 2);
        seen.wait(10);
        seen.calls(true, 2);
        seen.wait(1);
    }
    assert_eq!(seen.outages.ended().len(), 1, "one outage");
    assert_eq!(seen.outages.pattern(44 * SECOND), Some(Pattern::Flapping));
}

#[test]
fn a_round_that_an_operator_began_charges_no_earlier_rejections() {
    let mut seen = Seen::new();
    seen.calls(false, 2);
    seen.wait(10);
    seen.calls(true, 2);
    seen.wait(10);
    seen.controller.half_open();
    seen.catch_up();
    let held = seen.breaker.try_acquire_owned().expect("a probe");
    seen.calls(true, 50); // rejected by the round
    held.failure(FailureKind::Server);
    seen.catch_up();
    seen.calls(true, 10); // rejected
    let current = seen
        .outages
        .current(&seen.observer.snapshot())
        .expect("open");
    assert_eq!((current.began, current.rejected), (20 * SECOND, 10));
}

#[test]
fn an_insight_that_comes_late_finds_where_an_outage_began() {
    let mut seen = Seen::new();
    seen.wait(1);
    seen.calls(false, 2);
    seen.wait(10);
    seen.calls(false, 1);
    seen.wait(1);
    let found = |seen: &Seen, now| {
        let history = seen.observer.history();
        let outages = Outages::new(&seen.observer.snapshot(), &history, now);
        outages
            .current
            .map(|current| (current.began, current.cause))
    };
    let by_failures = Some(Cause::ConsecutiveFailures);
    assert_eq!(found(&seen, 12 * SECOND), Some((SECOND, by_failures)));
    seen.wait(10);
    seen.calls(true, 2);
    assert_eq!(found(&seen, 22 * SECOND), None);
    // a round by hand is not of that outage
    seen.wait(1_000);
    seen.controller.half_open();
    let began = seen.clock.now();
    assert_eq!(found(&seen, began), Some((began, Some(Cause::Manual))));
}

#[test]
fn many_lost_rounds_are_no_false_opening() {
    let record = OutageRecord {
        began: SECOND,
        ended: Some(3 * SECOND),
        cause: Some(Cause::FailureRate),
        ended_by: Some(Cause::ProbesSucceeded),
        counts: Counts::default(),
        rounds: 21,
        probes: 1,
        probes_failed: 0,
        rejected: 0,
        wasted: 0,
        rejected_good: 0,
    };
    assert!(!record.may_be_false());
    assert!(
        OutageRecord {
            rounds: 1,
            ..record
        }
        .may_be_false()
    );
}

#[test]
fn an_opening_that_is_found_and_then_read_is_one() {
    let mut seen = Seen::new();
    seen.wait(1);
    for permit in [
        seen.breaker.try_acquire_owned(),
        seen.breaker.try_acquire_owned(),
    ] {
        permit.expect("closed").failure(FailureKind::Server);
    }
    // the events began before the reading
    seen.outages = Outages::new(&seen.observer.snapshot(), &[], SECOND);
    seen.catch_up();
    let cost = seen.outages.cost(SECOND);
    assert_eq!((cost.outages, cost.wasted), (1, 2));
    seen.wait(10);
    seen.calls(true, 2);
    assert_eq!(seen.only().lasted(Duration::MAX), 10 * SECOND);
}

#[test]
fn after_missed_transitions_it_goes_on_with_what_there_is() {
    let mut seen = Seen::new();
    seen.calls(false, 2);
    seen.wait(10);
    // not read
    for permit in [
        seen.breaker.try_acquire_owned(),
        seen.breaker.try_acquire_owned(),
    ]
    .into_iter()
    .flatten()
    {
        permit.success();
    }
    seen.breaker.try_acquire().expect("a probe").success();
    assert_eq!(seen.breaker.state(), State::Closed);
    let history = seen.observer.history();
    seen.outages
        .resume_from(&seen.observer.snapshot(), &history, 10 * SECOND);
    assert_eq!(seen.outages.current(&seen.observer.snapshot()), None);
    let cost = seen.outages.cost(100 * SECOND);
    assert_eq!((cost.outages, cost.wasted), (1, 2));
}
