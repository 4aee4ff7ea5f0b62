//! The operator's orders: what each does in each state.

use tripcoil::{Cause, Controller, HalfOpen, Outcome, State};

use crate::common::{OVERRIDES, Rig, counts, ms, order, rig_in, secs};

const ALL: [State; 6] = [
    State::Closed,
    State::Open,
    State::HalfOpen,
    State::ForcedOpen,
    State::Disabled,
    State::ObserveOnly,
];

/// What an order makes of each state; `None` where it changes nothing.
fn table(what: &str, give: fn(&Controller) -> bool, to: impl Fn(State) -> Option<State>) {
    for from in ALL {
        let rig = rig_in(from);
        let before = rig.seen();
        let changed = give(&rig.controller);
        let after = rig.seen();
        match to(from) {
            Some(to) => {
                assert!(changed, "{what} in {from:?}");
                assert_eq!(after.state, to, "{what} in {from:?}");
                assert_eq!(
                    after.generation,
                    before.generation + 1,
                    "{what} in {from:?}"
                );
                let event = rig.last();
                assert_eq!((event.from, event.to), (from, to), "{what} in {from:?}");
                let cause = if what == "trip_in" {
                    Cause::Peers
                } else {
                    Cause::Manual
                };
                assert_eq!(event.cause, cause, "{what} in {from:?}");
                // the window shown at that moment
                assert_eq!(event.counts, before.window, "{what} in {from:?}");
            }
            None => {
                assert!(!changed, "{what} in {from:?}");
                assert_eq!(after, before, "{what} in {from:?}");
            }
        }
    }
}

fn plain(state: State) -> bool {
    !OVERRIDES.contains(&state)
}

#[test]
fn trip_opens_from_closed_open_or_half_open() {
    table("trip", Controller::trip, |from| {
        plain(from).then_some(State::Open)
    });
}

#[test]
fn trip_for_opens_from_closed_open_or_half_open() {
    table(
        "trip_for",
        |c| c.trip_for(ms(1)),
        |from| plain(from).then_some(State::Open),
    );
}

#[test]
fn half_open_starts_a_round_from_closed_open_or_half_open() {
    table("half_open", Controller::half_open, |from| {
        plain(from).then_some(State::HalfOpen)
    });
}

#[test]
fn half_open_from_starts_a_round_from_open_alone() {
    table(
        "half_open_from",
        |c| c.half_open_from(c.observer().snapshot().generation),
        |from| (from == State::Open).then_some(State::HalfOpen),
    );
}

#[test]
fn half_open_from_knows_its_open_from_every_other() {
    let rig = rig_in(State::Open);
    let first = rig.seen().generation;
    for other in [first - 1, first + 1, first + (1 << 24), u64::MAX] {
        assert!(!rig.controller.half_open_from(other), "{other}");
    }
    assert!(rig.controller.trip());
    let before = rig.seen();
    assert!(!rig.controller.half_open_from(first), "another Open");
    assert_eq!(rig.seen(), before);
    assert!(rig.controller.half_open_from(first + 1));
    assert_eq!(rig.seen().probes.in_flight, 0);
    assert!(!rig.controller.half_open_from(first + 1), "it has begun");
    rig.ok(2);
    assert!(!rig.controller.half_open_from(first + 1), "it has closed");
    assert_eq!(rig.state(), State::Closed);
}

#[test]
fn a_breaker_built_open_is_in_generation_zero() {
    let rig = Rig::new(|builder| {
        let builder = builder.consecutive_failures(3);
        builder.initial_state(State::Open)
    });
    assert!(rig.controller.postpone_in(0, ms(11)));
    assert_eq!(rig.rest(), ms(11));
    assert!(rig.controller.half_open_from(0));
    assert_eq!(rig.state(), State::HalfOpen);
}

#[test]
fn reset_closes_from_any_state() {
    table("reset", Controller::reset, |_| Some(State::Closed));
}

#[test]
fn release_ends_an_override_and_nothing_else() {
    table("release", Controller::release, |from| {
        (!plain(from)).then_some(State::Closed)
    });
}

#[test]
fn an_override_comes_over_any_state_but_itself() {
    let unless = |to: State| move |from: State| (from != to).then_some(to);
    table(
        "force_open",
        Controller::force_open,
        unless(State::ForcedOpen),
    );
    table("disable", Controller::disable, unless(State::Disabled));
    table(
        "observe_only",
        Controller::observe_only,
        unless(State::ObserveOnly),
    );
}

#[test]
fn trip_opens_for_the_next_backoff() {
    let rig = Rig::run_of_three();
    for wait in [10, 20, 40, 80, 80] {
        assert!(rig.controller.trip());
        assert_eq!(rig.rest(), ms(wait));
        rig.wait(ms(1));
    }
}

#[test]
fn trip_for_opens_for_the_time_given() {
    let rig = Rig::run_of_three();
    assert!(rig.controller.trip_for(ms(33)));
    assert_eq!(rig.rejected().retry_after(), Some(ms(33)));
    rig.wait(ms(33));
    rig.acquire().success();
    // a shorter one takes the place of a longer
    assert!(rig.controller.trip_for(secs(9)));
    assert!(rig.controller.trip_for(ms(2)));
    assert_eq!(rig.rest(), ms(2));
}

#[test]
fn half_open_starts_an_untouched_round() {
    let rig = rig_in(State::Open);
    assert!(rig.controller.half_open());
    assert_eq!(rig.seen().probes.in_flight, 0);
    rig.ok(2);
    assert_eq!(rig.state(), State::Closed);
}

#[test]
fn reset_gives_a_fresh_closed() {
    for from in ALL {
        let rig = rig_in(from);
        assert!(rig.controller.reset());
        let seen = rig.seen();
        assert_eq!(
            (seen.window, seen.consecutive_failures),
            (counts(0, 0, 0), 0),
            "{from:?}"
        );
        assert_eq!(seen.retry_after, None, "{from:?}");
        rig.fail(2);
        assert_eq!(rig.state(), State::Closed, "{from:?}");
        rig.fail(1);
        assert_eq!((rig.state(), rig.rest()), (State::Open, ms(10)), "{from:?}");
    }
}

#[test]
fn reset_while_closed_empties_the_window_and_the_run() {
    let rig = Rig::run_of_three();
    rig.ok(1);
    rig.fail(2);
    assert!(rig.controller.reset());
    assert_eq!(rig.last().counts, counts(1, 2, 0));
    assert_eq!(rig.last().consecutive_failures, 2);
    assert_eq!(rig.seen().window, counts(0, 0, 0));
    assert_eq!(rig.seen().consecutive_failures, 0);
    assert_eq!(rig.seen().totals.failures, 2);
}

#[test]
fn one_override_may_replace_another() {
    for from in OVERRIDES {
        for to in OVERRIDES.into_iter().filter(|to| *to != from) {
            let rig = rig_in(from);
            assert!(order(&rig.controller, to));
            assert_eq!(rig.state(), to);
            assert!(rig.controller.release());
            assert_eq!(rig.state(), State::Closed);
        }
    }
}

#[test]
fn postpone_acts_only_while_open() {
    for state in ALL.into_iter().filter(|state| *state != State::Open) {
        let rig = rig_in(state);
        let before = rig.seen();
        assert!(!rig.controller.postpone(secs(1)), "{state:?}");
        assert_eq!(rig.seen(), before, "{state:?}");
    }
}

#[test]
fn postpone_moves_the_deadline_only_later() {
    let rig = rig_in(State::Open);
    assert!(!rig.controller.postpone(ms(9)));
    assert!(!rig.controller.postpone(ms(10)));
    assert_eq!(rig.rest(), ms(10));
    assert!(rig.controller.postpone(ms(11)));
    assert_eq!(rig.rest(), ms(11));
    rig.wait(ms(4));
    // from now, not from the trip
    assert!(!rig.controller.postpone(ms(7)));
    assert!(rig.controller.postpone(ms(8)));
    assert_eq!(rig.rejected().retry_after(), Some(ms(8)));
    rig.wait(ms(8));
    rig.acquire().success();
}

#[test]
fn postpone_in_acts_in_its_open_alone() {
    for state in ALL.into_iter().filter(|state| *state != State::Open) {
        let rig = rig_in(state);
        let before = rig.seen();
        assert!(
            !rig.controller.postpone_in(before.generation, secs(1)),
            "{state:?}"
        );
        assert_eq!(rig.seen(), before, "{state:?}");
    }
    let rig = rig_in(State::Open);
    let first = rig.seen().generation;
    assert!(rig.controller.postpone_in(first, ms(11)));
    assert!(!rig.controller.postpone_in(first, ms(11)), "only later");
    assert_eq!(rig.rest(), ms(11));
    assert!(rig.controller.trip());
    let before = rig.seen();
    for other in [first, first + 2, first + 1 + (1 << 24)] {
        assert!(!rig.controller.postpone_in(other, secs(1)), "{other}");
    }
    assert_eq!(rig.seen(), before);
    assert!(rig.controller.postpone_in(first + 1, secs(1)));
    assert_eq!(rig.rest(), secs(1));
}

#[test]
fn postpone_is_not_capped_and_is_no_transition() {
    let rig = rig_in(State::Open);
    let before = rig.seen();
    assert!(rig.controller.postpone(secs(86_400)));
    assert_eq!(rig.rest(), secs(86_400));
    let after = rig.seen();
    assert_eq!(after.generation, before.generation);
    assert_eq!(after.transitions, before.transitions);
    assert_eq!(rig.observer.history().len(), 1);
    // nor an opening
    assert!(rig.controller.trip());
    assert_eq!(rig.rest(), ms(20));
}

#[test]
fn postpone_acts_on_an_open_whose_deadline_has_passed() {
    let rig = rig_in(State::Open);
    rig.wait(secs(1));
    assert!(rig.controller.postpone(ms(5)));
    assert_eq!(rig.rejected().retry_after(), Some(ms(5)));
}

#[test]
fn orders_reach_calls_under_way() {
    let rig = Rig::new(|builder| {
        builder
            .consecutive_failures(1)
            .half_open(HalfOpen::successes(1))
    });
    let permit = rig.acquire();
    assert!(rig.controller.trip());
    assert!(rig.controller.reset());
    permit.failure(tripcoil::FailureKind::Server);
    assert_eq!(rig.state(), State::Closed);
    rig.end(Outcome::Success);
    assert_eq!(
        (rig.seen().totals.late, rig.seen().totals.successes),
        (1, 1)
    );
}

#[test]
fn the_controller_hands_out_observers() {
    let rig = Rig::run_of_three();
    let observer = rig.controller.observer();
    assert_eq!(observer.name(), "rig");
    rig.fail(3);
    assert_eq!(observer.state(), State::Open);
    assert_eq!(observer.snapshot(), rig.seen());
}

fn of(controller: &Controller) -> u64 {
    controller.observer().snapshot().generation
}

#[test]
fn trip_in_opens_from_closed_alone() {
    table(
        "trip_in",
        |c| c.trip_in(of(c)),
        |from| (from == State::Closed).then_some(State::Open),
    );
}

#[test]
fn trip_in_knows_its_closed_from_every_other() {
    let rig = Rig::run_of_three();
    rig.controller.reset();
    for other in [0, 2, 3, u64::MAX, 1 << 24, (1 << 24) + 1] {
        assert!(!rig.controller.trip_in(other), "{other}");
    }
    assert!(rig.controller.trip_in(1));
    let rejected = rig.breaker.try_acquire().expect_err("open");
    assert_eq!(
        (rejected.cause(), rejected.retry_after()),
        (Some(Cause::Peers), Some(ms(10)))
    );
    assert!(!rig.controller.trip_in(1) && !rig.controller.trip_in(2));
}

#[test]
fn a_trip_by_peers_takes_the_backoffs_next_wait() {
    let rig = Rig::run_of_three();
    for wait in [10, 20, 40] {
        let closed = of(&rig.controller);
        assert!(rig.controller.trip_in(closed) || rig.controller.trip());
        assert_eq!(rig.seen().retry_after, Some(ms(wait)));
    }
}

#[test]
fn release_from_ends_its_own_override_alone() {
    table(
        "release_from",
        |c| c.release_from(of(c)),
        |from| (!plain(from)).then_some(State::Closed),
    );
    let rig = Rig::run_of_three();
    let ours = rig
        .controller
        .override_as(State::ObserveOnly)
        .expect("none was in force");
    assert_eq!(ours, of(&rig.controller));
    rig.controller.force_open();
    assert!(!rig.controller.release_from(ours));
    let theirs = of(&rig.controller);
    assert!(rig.controller.release_from(theirs));
    assert!(!rig.controller.release_from(theirs));
}

#[test]
fn override_as_sets_overrides_alone() {
    for state in [
        State::Closed,
        State::Open,
        State::HalfOpen,
        State::ForcedOpen,
        State::Disabled,
        State::ObserveOnly,
    ] {
        let rig = Rig::run_of_three();
        let set = rig.controller.override_as(state);
        if plain(state) {
            assert_eq!((set, of(&rig.controller)), (None, 0), "{state:?}");
            continue;
        }
        assert_eq!((set, rig.seen().state), (Some(1), state));
        assert_eq!(rig.controller.override_as(state), None, "it is in force");
    }
}
