//! I4, I5 and I8 under the outage rule: its score at a cut is the same for all helpers, a tick ends once, and
//! the rule trips when it turns true, by whichever two threads.

use std::sync::Arc;
use std::time::Duration;

use tripcoil::observe::Evidence;
use tripcoil::{Breaker, Cause, Controller, ManualClock, Outage, Snapshot, State};
use tripcoil_loom_tests::{
    EPOCH, SLOW, check_history, explore, fail, model_breaker, race, succeed, succeed_slowly,
};

/// A bucket of the models has fifty.
const TICK: Duration = Duration::from_millis(20);
/// At theta 0.5 a bad outcome weighs 0.847, rounded down to 2^-16, and a fast success as much, rounded up.
const BAD: f64 = 55_528.0 / 65_536.0;
const GOOD: f64 = 55_529.0 / 65_536.0;

/// At first the limit is that of `x = 20`: 3.006, which four bad outcomes reach.
fn rule() -> Outage {
    Outage::at(0.5).loss_at_most(0.1)
}

fn by_evidence() -> (Breaker, Controller, ManualClock) {
    model_breaker(|rules| rules.outage(rule()).slow_call(SLOW))
}

/// So many failures, the first of which a tick before the others.
fn after(failures: u32) -> (Breaker, Controller, ManualClock) {
    let (breaker, controller, clock) = by_evidence();
    fail(&breaker);
    clock.advance(TICK);
    for _ in 1..failures {
        fail(&breaker);
    }
    (breaker, controller, clock)
}

fn evidence(seen: &Snapshot) -> Evidence {
    seen.evidence.expect("the rule is on")
}

fn value(breaker: &Breaker) -> f64 {
    evidence(&breaker.observer().snapshot()).value
}

fn tripped(breaker: &Breaker, failures: u64) {
    let seen = check_history(breaker);
    let state = (seen.state, seen.generation);
    assert_eq!(state, (State::Open, 1), "missed: {seen:?}");
    let event = breaker.observer().history()[0];
    assert_eq!(event.cause, Cause::Evidence);
    assert_eq!(event.counts.failures, failures, "{event:?}");
}

#[test]
fn two_bad_outcomes_reach_the_limit() {
    explore("two_bad_outcomes_reach_the_limit", Some(3), || {
        let (breaker, _controller, _clock) = after(2);
        let other = breaker.clone();
        race(|| fail(&breaker), move || fail(&other));
        tripped(&breaker, 4);
    });
}

/// Both find the tick over, and one of them ends it for both.
#[test]
fn a_tick_ends_once() {
    explore("a_tick_ends_once", Some(3), || {
        let (breaker, _controller, _clock) = after(1);
        let other = breaker.clone();
        race(|| fail(&breaker), move || fail(&other));
        assert_eq!(value(&breaker), 3.0 * BAD);
        fail(&breaker);
        tripped(&breaker, 4);
    });
}

/// What comes in one tick suffices for nothing, however many threads bring it.
#[test]
fn a_burst_trips_nothing() {
    explore("a_burst_trips_nothing", Some(3), || {
        let (breaker, _controller, _clock) = by_evidence();
        for _ in 0..4 {
            fail(&breaker);
        }
        let other = breaker.clone();
        race(|| fail(&breaker), move || fail(&other));
        assert_eq!(check_history(&breaker).state, State::Closed);
    });
}

/// If the success comes first, four bad outcomes and it do not suffice.
#[test]
fn a_success_may_hold_it_back_and_then_it_does() {
    let name = "a_success_may_hold_it_back_and_then_it_does";
    explore(name, Some(3), || {
        let (breaker, _controller, _clock) = after(3);
        let other = breaker.clone();
        race(|| fail(&breaker), move || succeed(&other));
        let seen = check_history(&breaker);
        if seen.state == State::Closed {
            assert_eq!(evidence(&seen).value, 4.0 * BAD - GOOD);
            fail(&breaker);
            return tripped(&breaker, 5);
        }
        tripped(&breaker, 4);
        let event = breaker.observer().history()[0];
        assert_eq!(event.counts.calls, 4, "as it was judged: {event:?}");
    });
}

/// A slow success is as bad as a failure, and the two share what is left.
#[test]
fn the_classes_share_what_is_left() {
    explore("the_classes_share_what_is_left", Some(3), || {
        let (breaker, _controller, clock) = by_evidence();
        // so that slow calls have a limit
        succeed_slowly(&breaker);
        clock.advance(TICK);
        fail(&breaker);
        let other = breaker.clone();
        race(|| fail(&breaker), move || succeed_slowly(&other));
        tripped(&breaker, 2);
    });
}

/// What the old period has seen is no evidence in the new one.
#[test]
fn a_period_begins_without_evidence() {
    explore("a_period_begins_without_evidence", Some(3), || {
        let (breaker, controller, _clock) = after(3);
        let reset = move || assert!(controller.reset());
        race(|| fail(&breaker), reset);
        for _ in 0..4 {
            fail(&breaker);
        }
        let seen = check_history(&breaker);
        assert_eq!(seen.state, State::Closed, "all in one tick: {seen:?}");
        let bad = seen.window.failures as f64;
        assert_eq!(evidence(&seen).value, bad * BAD);
    });
}

/// A bucket of three calls is over: whoever finds it so, the pace is three per second from then on.
#[test]
fn the_pace_is_of_whole_buckets() {
    explore("the_pace_is_of_whole_buckets", Some(3), || {
        let (breaker, _controller, clock) = after(2);
        succeed(&breaker);
        clock.advance(EPOCH);
        let other = breaker.clone();
        race(|| fail(&breaker), move || succeed(&other));
        let seen = check_history(&breaker);
        let evidence = evidence(&seen);
        // two bad and one good, of which the last two ended with the bucket
        let value = (2.0 * BAD - GOOD) + BAD - GOOD;
        assert_eq!((evidence.pace, evidence.value), (3.0, value.max(0.0)));
    });
}

/// A reader sees the score of before a call, or of after it, while that call ends the tick.
#[test]
fn a_reader_sees_a_whole_score() {
    explore("a_reader_sees_a_whole_score", Some(2), || {
        let (breaker, _controller, clock) = after(3);
        clock.advance(TICK);
        let other = breaker.clone();
        let observer = breaker.observer();
        let (seen, ()) = race(move || observer.snapshot(), move || fail(&other));
        match seen.state {
            State::Closed => {
                let value = evidence(&seen).value;
                // it may find the failure before its check
                let may_be = [3.0 * BAD, 4.0 * BAD];
                assert!(may_be.contains(&value), "{value}");
            }
            state => assert_eq!((state, seen.evidence), (State::Open, None)),
        }
        tripped(&breaker, 4);
    });
}

/// Switched on amid a bucket: nothing of it counts, whoever ends it.
#[test]
fn it_begins_with_the_next_bucket() {
    explore("it_begins_with_the_next_bucket", Some(2), || {
        let (breaker, controller, clock) = model_breaker(|rules| rules.failure_count(100));
        fail(&breaker);
        let on = move || controller.reconfigure(|rules| rules.outage(rule()));
        let ((), changed) = race(|| fail(&breaker), on);
        changed.expect("valid");
        clock.advance(TICK);
        fail(&breaker);
        clock.advance(EPOCH);
        let other = breaker.clone();
        race(|| fail(&breaker), move || fail(&other));
        assert_eq!(value(&breaker), 2.0 * BAD);
        for _ in 0..3 {
            fail(&breaker);
        }
        // at three calls per second it takes six
        let seen = check_history(&breaker);
        assert_eq!(seen.state, State::Closed, "in its first tick: {seen:?}");
        clock.advance(TICK);
        fail(&breaker);
        tripped(&breaker, 9);
    });
}

/// The rule is switched on while an update is under way, which may find it: then that one adopts it, or the next.
#[test]
fn it_is_switched_on_amid_an_update() {
    explore("it_is_switched_on_amid_an_update", Some(2), || {
        let (breaker, controller, clock) = model_breaker(|rules| rules.failure_count(100));
        clock.advance(EPOCH);
        let on = move || controller.reconfigure(|rules| rules.outage(rule()));
        let ((), changed) = race(|| fail(&breaker), on);
        changed.expect("valid");
        assert_eq!(value(&breaker), 0.0, "it is on, and waits");
        clock.advance(EPOCH);
        fail(&breaker);
        assert_eq!(value(&breaker), BAD);
    });
}

/// One operator switches it off, another one on, while a call finds the tick over: whatever a helper finds, the
/// rule that is left is a whole one.
#[test]
fn rules_of_two_operators_leave_one_score() {
    explore("rules_of_two_operators_leave_one_score", Some(2), || {
        let (breaker, controller, clock) = after(2);
        let controller = Arc::new(controller);
        let also = Arc::clone(&controller);
        clock.advance(TICK);
        let off = move || {
            also.reconfigure(|rules| rules.no_failure_rules().failure_count(100))
                .expect("valid");
        };
        let on = || {
            fail(&breaker);
            let on = controller.reconfigure(|rules| rules.outage(rule()));
            on.expect("valid");
        };
        race(on, off);
        let seen = check_history(&breaker);
        let on = controller.reconfigure(|rules| rules.outage(rule()));
        on.expect("valid");
        let again = evidence(&breaker.observer().snapshot());
        match seen.evidence {
            // it went on, or began again and waits for its bucket
            Some(before) => assert_eq!(before, again),
            None => assert_eq!(again.value, 0.0, "it waits for its bucket"),
        }
        assert!([0.0, 3.0 * BAD].contains(&again.value), "{again:?}");
    });
}

/// A stricter limit while a call is recorded: the next outcome is judged by it.
#[test]
fn a_stricter_limit_trips_at_the_next_outcome() {
    explore(
        "a_stricter_limit_trips_at_the_next_outcome",
        Some(3),
        || {
            let lax = Outage::at(0.5).loss_at_most(0.0001);
            let (breaker, controller, clock) = model_breaker(|rules| rules.outage(lax));
            fail(&breaker);
            clock.advance(TICK);
            for _ in 0..3 {
                fail(&breaker);
            }
            let stricter = move || controller.reconfigure(|rules| rules.outage(rule()));
            let ((), changed) = race(|| fail(&breaker), stricter);
            changed.expect("valid");
            // which is the one that is judged, if the one before came under the old limit
            succeed(&breaker);
            let seen = check_history(&breaker);
            assert_eq!((seen.state, seen.generation), (State::Open, 1), "{seen:?}");
        },
    );
}

/// Observe-only reports it once, and goes on to report it until a tick has ended without a score.
#[test]
fn an_edge_is_reported_once() {
    explore("an_edge_is_reported_once", Some(3), || {
        let (breaker, controller, clock) = by_evidence();
        assert!(controller.observe_only());
        fail(&breaker);
        clock.advance(TICK);
        fail(&breaker);
        fail(&breaker);
        let other = breaker.clone();
        race(|| fail(&breaker), move || fail(&other));
        clock.advance(TICK);
        // below the limit, and there again
        succeed(&breaker);
        fail(&breaker);
        fail(&breaker);
        let seen = check_history(&breaker);
        assert_eq!((seen.state, seen.would_trip), (State::ObserveOnly, 1));
    });
}

/// Another rule has the window judged, while the score is below its limit again.
#[test]
fn evidence_stays_while_another_rule_is_judged() {
    let name = "evidence_stays_while_another_rule_is_judged";
    explore(name, Some(3), || {
        let (breaker, controller, clock) =
            model_breaker(|rules| rules.outage(rule()).failure_count(6));
        assert!(controller.observe_only());
        fail(&breaker);
        clock.advance(TICK);
        for _ in 0..4 {
            fail(&breaker);
        }
        clock.advance(TICK);
        succeed(&breaker);
        succeed(&breaker);
        let other = breaker.clone();
        race(|| fail(&breaker), move || succeed(&other));
        for _ in 0..4 {
            fail(&breaker);
        }
        let seen = check_history(&breaker);
        assert_eq!(seen.would_trip, 2, "one of each rule: {seen:?}");
    });
}

/// A local handle's success may be counted in the tick after its own, and is never lost.
#[test]
fn a_local_success_is_in_one_tick() {
    explore("a_local_success_is_in_one_tick", Some(3), || {
        let (breaker, _controller, clock) = after(2);
        let local = breaker.local();
        clock.advance(TICK);
        let success = move || {
            if let Ok(permit) = local.try_acquire() {
                permit.success();
            }
        };
        race(|| fail(&breaker), success);
        let seen = check_history(&breaker);
        assert_eq!(seen.window.calls, 4, "{seen:?}");
        assert_eq!(evidence(&seen).value, 3.0 * BAD - GOOD);
    });
}
