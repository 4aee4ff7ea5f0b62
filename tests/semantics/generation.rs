//! Generations, and results that come after theirs.

use tripcoil::call::OwnedPermit;
use tripcoil::{Cause, FailureKind, Outcome, State};

use crate::common::{OVERRIDES, Rig, counts, ms, order, rig_in};

/// The step is one transition: one generation, one event, one in the count.
fn one_step(rig: &Rig, what: &str, step: impl FnOnce(&Rig)) {
    let before = rig.seen();
    step(rig);
    let after = rig.seen();
    assert_eq!(after.generation, before.generation + 1, "{what}");
    assert_eq!(after.transitions, before.transitions + 1, "{what}");
    assert_eq!(rig.last().generation, after.generation, "{what}");
    assert_eq!(rig.last().to, after.state, "{what}");
}

#[test]
fn it_rises_by_one_at_each_transition() {
    let rig = Rig::run_of_three();
    one_step(&rig, "a trip", |rig| rig.fail(3));
    rig.wait_out();
    one_step(&rig, "the first probe", |rig| rig.ok(1));
    one_step(&rig, "a failed probe", |rig| rig.fail(1));
    rig.wait_out();
    let mut stuck = None;
    one_step(&rig, "the next round", |rig| stuck = Some(rig.acquire()));
    rig.wait(ms(50));
    one_step(&rig, "a probe timeout", |rig| {
        rig.rejected();
    });
    rig.wait_out();
    one_step(&rig, "the third round", |rig| rig.ok(1));
    one_step(&rig, "a recovery", |rig| rig.ok(1));
    let generations: Vec<u64> = rig
        .observer
        .history()
        .iter()
        .map(|e| e.generation)
        .collect();
    let first = generations[0];
    assert_eq!(generations, (first..first + 4).collect::<Vec<_>>());
}

#[test]
fn it_rises_by_one_at_each_override_and_reset() {
    let rig = Rig::run_of_three();
    for state in OVERRIDES {
        one_step(&rig, "an override", |rig| {
            assert!(order(&rig.controller, state))
        });
    }
    one_step(&rig, "a release", |rig| assert!(rig.controller.release()));
    one_step(&rig, "a trip by hand", |rig| assert!(rig.controller.trip()));
    one_step(&rig, "a reset", |rig| assert!(rig.controller.reset()));
}

#[test]
fn self_transitions_count() {
    let rig = Rig::run_of_three();
    one_step(&rig, "reset while closed", |rig| {
        assert!(rig.controller.reset())
    });
    assert_eq!(
        (rig.last().from, rig.last().to),
        (State::Closed, State::Closed)
    );
    assert!(rig.controller.trip());
    one_step(&rig, "trip while open", |rig| {
        assert!(rig.controller.trip())
    });
    assert_eq!((rig.last().from, rig.last().to), (State::Open, State::Open));
    one_step(&rig, "trip_for while open", |rig| {
        assert!(rig.controller.trip_for(ms(1)))
    });
    assert!(rig.controller.half_open());
    one_step(&rig, "half_open in a round", |rig| {
        assert!(rig.controller.half_open())
    });
    assert_eq!(
        (rig.last().from, rig.last().to),
        (State::HalfOpen, State::HalfOpen)
    );
}

#[test]
fn orders_that_change_nothing_have_no_generation() {
    let rig = rig_in(State::ForcedOpen);
    let before = rig.seen().generation;
    assert!(!rig.controller.force_open());
    assert!(!rig.controller.trip());
    assert!(!rig.controller.half_open());
    assert_eq!(rig.seen().generation, before);
    assert_eq!(rig.observer.history().len(), 1);
}

#[test]
fn time_in_state_counts_from_the_transition() {
    let rig = Rig::run_of_three();
    rig.wait(ms(7));
    assert_eq!(rig.seen().time_in_state, ms(7));
    rig.fail(3);
    rig.wait(ms(2));
    assert_eq!(rig.seen().time_in_state, ms(2));
}

type Ending = (&'static str, fn(OwnedPermit));

/// The ways in which a permit ends.
fn endings() -> [Ending; 5] {
    [
        ("success", |permit| permit.success()),
        ("failure", |permit| permit.failure(FailureKind::Server)),
        ("slow", |permit| {
            permit.record_timed(Outcome::Success, ms(100))
        }),
        ("ignored", |permit| permit.ignore()),
        ("dropped", drop),
    ]
}

#[test]
fn a_permit_of_an_earlier_generation_is_late_however_it_ends() {
    for (name, end) in endings() {
        let rig = Rig::run_of_three();
        let permit = rig.acquire();
        rig.fail(3);
        let before = rig.seen();
        end(permit);
        let mut expected = before.clone();
        expected.totals.late += 1;
        assert_eq!(rig.seen(), expected, "{name}");
    }
}

#[test]
fn a_late_permit_moves_no_round() {
    for (name, end) in endings() {
        let rig = Rig::run_of_three();
        let closed = rig.acquire();
        rig.round();
        let earlier = rig.acquire();
        assert!(rig.controller.half_open());
        let _probe = rig.acquire();
        end(closed);
        end(earlier);
        assert_eq!(rig.state(), State::HalfOpen, "{name}");
        let probes = rig.seen().probes;
        assert_eq!(
            (probes.in_flight, probes.succeeded, probes.failed),
            (1, 0, 0),
            "{name}"
        );
        assert_eq!(rig.seen().totals.late, 2, "{name}");
        assert_eq!(rig.seen().totals.cancelled, 0, "{name}");
    }
}

#[test]
fn a_late_permit_is_in_no_window_of_a_later_period() {
    for (name, end) in endings() {
        let rig = Rig::run_of_three();
        let permits: Vec<_> = (0..3).map(|_| rig.acquire()).collect();
        assert!(rig.controller.reset());
        permits.into_iter().for_each(end);
        assert_eq!(rig.state(), State::Closed, "{name}");
        assert_eq!(rig.seen().window, counts(0, 0, 0), "{name}");
        assert_eq!(rig.seen().totals.late, 3, "{name}");
        assert_eq!(rig.seen().totals.failures, 0, "{name}");
    }
}

#[test]
fn a_late_failure_is_late_even_if_a_drop_is_a_failure() {
    let rig = Rig::new(|builder| {
        builder
            .consecutive_failures(1)
            .on_cancel(tripcoil::OnCancel::Failure)
    });
    let permit = rig.acquire();
    assert!(rig.controller.reset());
    drop(permit);
    let seen = rig.seen();
    assert_eq!(
        (seen.state, seen.totals.late, seen.totals.failures),
        (State::Closed, 1, 0)
    );
}

#[test]
fn a_call_admitted_while_disabled_is_in_no_total_unless_it_ends_late() {
    for (name, end) in endings() {
        let rig = rig_in(State::Disabled);
        let (early, late) = (rig.acquire(), rig.acquire());
        end(early);
        assert_eq!(rig.seen().totals, Default::default(), "{name}");
        assert!(rig.controller.release());
        end(late);
        let totals = rig.seen().totals;
        let sum = totals.successes + totals.failures + totals.ignored + totals.cancelled;
        assert_eq!((sum, totals.late), (0, 1), "{name}");
    }
}

#[test]
fn an_initial_state_makes_no_event() {
    for state in OVERRIDES
        .into_iter()
        .chain([State::Closed, State::Open, State::HalfOpen])
    {
        let rig = Rig::new(|builder| builder.consecutive_failures(3).initial_state(state));
        assert_eq!(rig.state(), state);
        assert_eq!(rig.observer.history(), []);
        assert_eq!(rig.seen().transitions, 0);
        assert!(rig.controller.reset());
        assert_eq!((rig.last().from, rig.last().cause), (state, Cause::Manual));
    }
}
