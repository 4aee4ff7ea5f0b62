//! Observe-only: rising edges.

use tripcoil::{Outcome, State, Window};

use crate::common::{Rig, SERVER, ms, rig_in, secs};

#[test]
fn would_trip_is_reported_at_a_rules_rising_edge() {
    let rig = rig_in(State::ObserveOnly);
    rig.fail(2);
    assert_eq!(rig.seen().would_trip, 0);
    rig.fail(1);
    assert_eq!(rig.seen().would_trip, 1);
    // it is still true: no edge
    rig.fail(5);
    assert_eq!(rig.seen().would_trip, 1);
    rig.ok(1);
    rig.fail(3);
    assert_eq!(rig.seen().would_trip, 2);
}

#[test]
fn each_rule_has_its_own_edges() {
    let rig = Rig::new(|builder| {
        builder
            .consecutive_failures(2)
            .failure_count(3)
            .failure_rate(1.0)
            .min_throughput(4)
            .slow_rate(0.2)
            .initial_state(State::ObserveOnly)
    });
    let seen = |rig: &Rig| rig.seen().would_trip;
    rig.fail(1);
    assert_eq!(seen(&rig), 0);
    rig.fail(1);
    assert_eq!(seen(&rig), 1, "the run");
    rig.fail(1);
    assert_eq!(seen(&rig), 2, "the count");
    rig.slow(SERVER);
    assert_eq!(seen(&rig), 4, "both rates at once");
    rig.ok(1);
    assert_eq!(seen(&rig), 4, "falling edges are none");
    rig.fail(2);
    assert_eq!(seen(&rig), 5, "the run again");
}

#[test]
fn edges_are_seen_at_counted_outcomes_only() {
    let rig = Rig::new(|builder| {
        builder
            .window(Window::time(secs(2)).buckets(2))
            .failure_rate(0.5)
            .min_throughput(1)
            .initial_state(State::ObserveOnly)
    });
    rig.ok(2);
    rig.wait(secs(1));
    rig.fail(1);
    rig.wait(secs(1));
    // the rate is 1 by now, but nobody looked
    rig.end(Outcome::Ignored);
    drop(rig.acquire());
    assert_eq!((rig.seen().failure_rate, rig.seen().would_trip), (1.0, 0));
    rig.ok(1);
    assert_eq!(rig.seen().would_trip, 1);
}

#[test]
fn a_rule_that_fell_unseen_has_no_new_edge() {
    let rig = Rig::new(|builder| {
        builder
            .window(Window::time(ms(2)).buckets(2))
            .failure_count(1)
            .initial_state(State::ObserveOnly)
    });
    rig.fail(1);
    // false in between, but at no counted outcome
    rig.wait(secs(1));
    assert_eq!(rig.seen().window.failures, 0);
    rig.fail(1);
    assert_eq!(rig.seen().would_trip, 1);
    rig.wait(secs(1));
    rig.ok(1);
    rig.fail(1);
    assert_eq!(rig.seen().would_trip, 2);
}

#[test]
fn the_count_of_edges_is_for_life() {
    let rig = rig_in(State::ObserveOnly);
    rig.fail(3);
    assert!(rig.controller.release());
    assert_eq!(rig.seen().would_trip, 1);
    // a trip is not one that would have been
    rig.fail(3);
    assert_eq!((rig.state(), rig.seen().would_trip), (State::Open, 1));
    assert!(rig.controller.observe_only());
    rig.fail(3);
    assert_eq!(rig.seen().would_trip, 2);
}

#[test]
fn the_run_is_shown_while_observing() {
    let rig = rig_in(State::ObserveOnly);
    rig.fail(7);
    assert_eq!(rig.seen().consecutive_failures, 7);
}

#[test]
fn a_count_window_observes_alike() {
    let rig = Rig::new(|builder| {
        builder
            .window(Window::count(3))
            .failure_count(2)
            .initial_state(State::ObserveOnly)
    });
    let ok = Outcome::Success;
    rig.ends(&[SERVER, SERVER, ok, ok, SERVER, SERVER, ok]);
    assert_eq!(rig.seen().would_trip, 2);
    assert_eq!(rig.state(), State::ObserveOnly);
}
