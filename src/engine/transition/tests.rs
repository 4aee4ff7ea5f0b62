use super::*;
use crate::config::settings::Config;
use crate::words::outcome::Counts;
use proptest::prelude::*;

/// Without the outage rule.
fn judge(
    announced: Control,
    policy: &Policy,
    window: Seen,
    judged: bool,
    before: Decision,
) -> Decision {
    decide(
        announced,
        destination(announced.goal()),
        policy,
        Cut {
            window,
            weighed: &Weighed::default(),
            judged,
            withheld: false,
        },
        before,
    )
}

proptest! {
    #[test]
    fn a_decision_gives_back_what_was_put_in(
        transition in prop::option::of((prop::sample::select(&State::ALL[..]), (0..Cause::NUMBER).prop_map(Cause::unpack))),
        flags in prop::array::uniform4(any::<bool>()), truth in 0u64..16, rising in 0u64..16,
        rules in 0u32..1 << RULES_BITS, adopts: bool,
    ) {
        let d = Decision {
            transition,
            flags: Flags { armed: flags[0], runs: flags[1], timed: flags[2], watches: flags[3] },
            truth: Truth(truth),
            rising: Truth(rising),
            rules,
            adopts,
        };
        prop_assert!(d.pack() <= crate::words::tagged::PAYLOAD_MAX);
        prop_assert_eq!(Decision::unpack(d.pack()), d);
    }
}

/// The table of the state machine: which goal acts in which state, and where it leads.
#[test]
fn goals_act_where_the_table_says() {
    use State as S;
    let all = &State::ALL[..];
    let table: &[(Goal, &[State], Option<State>)] = &[
        (Check, &[S::Closed, S::ObserveOnly], None),
        (Maintain, &[S::Closed, S::ObserveOnly], None),
        (TripByRun, &[S::Closed], Some(S::Open)),
        (TripByCount, &[S::Closed], Some(S::Open)),
        (TripByFailureRate, &[S::Closed], Some(S::Open)),
        (TripBySlowRate, &[S::Closed], Some(S::Open)),
        (TripByEvidence, &[S::Closed], Some(S::Open)),
        (TripByHang, &[S::Closed], Some(S::Open)),
        (TripByPeers, &[S::Closed], Some(S::Open)),
        (CheckHang, &[S::Closed], None),
        (Probe, &[S::Open], Some(S::HalfOpen)),
        (Close, &[S::HalfOpen], Some(S::Closed)),
        (ReopenByProbe, &[S::HalfOpen], Some(S::Open)),
        (ReopenByTimeout, &[S::HalfOpen], Some(S::Open)),
        (ReopenByCancelled, &[S::HalfOpen], Some(S::Open)),
        (Ramp, &[S::HalfOpen], None),
        (Step, &[S::HalfOpen], None),
        (ReopenByRamp, &[], Some(S::Open)),
        (Trip, &[S::Closed, S::Open, S::HalfOpen], Some(S::Open)),
        (
            HalfOpen,
            &[S::Closed, S::Open, S::HalfOpen],
            Some(S::HalfOpen),
        ),
        (Reset, all, Some(S::Closed)),
        (
            Release,
            &[S::ForcedOpen, S::Disabled, S::ObserveOnly],
            Some(S::Closed),
        ),
        (
            ForceOpen,
            &[S::Closed, S::Open, S::HalfOpen, S::Disabled, S::ObserveOnly],
            Some(S::ForcedOpen),
        ),
        (
            Disable,
            &[
                S::Closed,
                S::Open,
                S::HalfOpen,
                S::ForcedOpen,
                S::ObserveOnly,
            ],
            Some(S::Disabled),
        ),
        (
            ObserveOnly,
            &[S::Closed, S::Open, S::HalfOpen, S::ForcedOpen, S::Disabled],
            Some(S::ObserveOnly),
        ),
    ];
    for &(goal, from, to) in table {
        for state in State::ALL {
            assert_eq!(
                permits(goal, state),
                from.contains(&state),
                "{goal:?} in {state:?}"
            );
        }
        assert_eq!(destination(goal).map(|d| d.0), to, "{goal:?}");
    }
}

#[test]
fn a_true_rule_trips_closed_and_is_told_by_observe_only() {
    let policy = Policy::new(Config {
        failure_count: Some(2),
        ..Config::default()
    });
    let w = Seen::from(Counts::new(2, 2, 0));
    let closed = Control::new(State::Closed, Flags::default()).announce(Check);
    let d = judge(closed, &policy, w, true, Decision::default());
    assert_eq!(d.transition, Some((State::Open, Cause::FailureCount)));

    let observing = Control::new(State::ObserveOnly, Flags::default()).announce(Check);
    let d = judge(observing, &policy, w, true, Decision::default());
    assert_eq!(
        (d.transition, d.rising.number(), d.flags.armed),
        (None, 1, true)
    );
    let again = judge(observing, &policy, w, true, d);
    assert_eq!(again.rising.number(), 0, "one edge");
}

/// What is withheld is reported at its rising edge, asked for again by each outcome, and true of none before it.
#[test]
fn a_trip_that_is_withheld_is_reported_and_asked_for_again() {
    let policy = Policy::new(Config {
        failure_count: Some(2),
        ..Config::default()
    });
    let closed = Control::new(State::Closed, policy.flags(false));
    let weighed = Weighed::default();
    let cut = |window, withheld| Cut {
        window,
        weighed: &weighed,
        judged: true,
        withheld,
    };
    let check = |seen: Counts, withheld, before| {
        let seen = Seen::from(seen);
        let announced = closed.announce(Check);
        decide(announced, None, &policy, cut(seen, withheld), before)
    };
    let bad = Counts::new(2, 2, 0);
    let first = check(bad, true, Decision::default());
    assert_eq!((first.transition, first.rising.number()), (None, 1));
    assert!(first.flags.armed);
    let second = check(bad, true, first);
    assert_eq!((second.transition, second.rising.number()), (None, 0));
    // an update without an outcome keeps what was true, and trips by none of it
    let window = Seen::from(bad);
    for withheld in [false, true] {
        let maintained = decide(
            closed.announce(Maintain),
            None,
            &policy,
            cut(window, withheld),
            second,
        );
        assert_eq!(
            (maintained.transition, maintained.rising.number()),
            (None, 0)
        );
        let hang = decide(
            closed.announce(CheckHang),
            None,
            &policy,
            cut(window, withheld),
            second,
        );
        assert_eq!(hang.transition, None);
    }
    // the same window, and room for one more
    let third = check(bad, false, second);
    assert_eq!(third.transition, Some((State::Open, Cause::FailureCount)));
    // the rule has become untrue meanwhile
    let good = check(Counts::new(9, 1, 0), false, second);
    assert_eq!((good.transition, good.truth.any()), (None, false));
}

#[test]
fn maintenance_never_trips() {
    let policy = Policy::new(Config {
        failure_count: Some(1),
        ..Config::default()
    });
    let w = Seen::from(Counts::new(1, 1, 0));
    let a = Control::new(State::Closed, Flags::default()).announce(Maintain);
    let d = judge(a, &policy, w, true, Decision::default());
    assert_eq!((d.transition, d.flags.armed), (None, true));
}

/// Armed, each outcome is followed by an update: only where successes alone could trip.
#[test]
fn an_idle_window_is_not_armed_and_one_on_the_verge_is() {
    let policy = Policy::new(Config {
        failure_rate: Some(0.5),
        min_throughput: Some(4),
        ..Config::default()
    });
    let a = Control::new(State::Closed, Flags::default()).announce(Check);
    let armed = |window, judged| {
        let d = judge(a, &policy, window, judged, Decision::default());
        assert_eq!(d.transition, None);
        d.flags.armed
    };
    let all = |failures| Seen::from(Counts::new(failures, failures, 0));
    assert!(!armed(all(0), true) && !armed(all(1), true));
    assert!(armed(all(2), true), "two more successes would trip");

    // a count window logs its successes until there are enough calls, or where a rule is true
    let calls = |calls, failures| Seen::from(Counts::new(calls, failures, 0));
    assert!(armed(calls(0, 0), false) && armed(calls(3, 0), false));
    assert!(!armed(calls(4, 1), false) && armed(calls(4, 2), false));
}

/// What is left as it is would have come out the same.
#[test]
fn what_a_transition_leaves_it_would_not_change() {
    let policy = Policy::new(Config::default());
    for from in State::ALL {
        for goal in Goal::all().filter(|g| permits(*g, from)) {
            let announced = Control::new(from, Flags::default()).announce(goal);
            let Some((to, _)) = destination(goal) else {
                // a ramp that begins leads to no state that counts
                assert_eq!(thaws(announced), goal != Ramp, "{goal:?}");
                continue;
            };
            assert_eq!(
                thaws(announced),
                counts(from) || counts(to),
                "{goal:?} {from:?}"
            );
            if !moves_openings(announced, to) {
                for (before, dwell) in [(0, 0), (3, 0), (3, u64::MAX)] {
                    assert_eq!(
                        openings(before, announced, to, dwell, 0),
                        before,
                        "{goal:?} {from:?}"
                    );
                }
            }
            let judged = judge(
                announced,
                &policy,
                Seen::default(),
                true,
                Decision::default(),
            );
            match decided_by_goal(goal, destination(goal)) {
                Some(decision) => assert_eq!(decision.transition, judged.transition),
                None => assert!(counts(to) || to == State::Disabled, "{goal:?}"),
            }
        }
    }
}

/// Rules are adopted once, and again where others have come.
#[test]
fn a_decision_says_whether_its_rules_are_others() {
    let mut policy = Policy::new(Config::default());
    let announced = Control::new(State::Closed, Flags::default()).announce(Check);
    let mut before = Decision::default();
    for (number, adopts) in [(0, false), (1, true), (1, false), (0, true)] {
        policy.number = number;
        before = judge(announced, &policy, Seen::default(), true, before);
        assert_eq!((before.rules, before.adopts), (number, adopts));
    }
}

#[test]
fn openings_are_counted_until_closed_for_long_enough() {
    let at = |state, goal| Control::new(state, Flags::default()).announce(goal);
    assert_eq!(
        openings(3, at(State::HalfOpen, ReopenByProbe), State::Open, 0, 0),
        4
    );
    assert_eq!(
        openings(3, at(State::HalfOpen, Close), State::Closed, 0, 0),
        3
    );
    assert_eq!(
        openings(3, at(State::Closed, TripByRun), State::Open, 9, 10),
        4
    );
    assert_eq!(
        openings(3, at(State::Closed, TripByRun), State::Open, 10, 10),
        1
    );
    assert_eq!(
        openings(3, at(State::Closed, HalfOpen), State::HalfOpen, 10, 10),
        0
    );
    assert_eq!(
        openings(3, at(State::ForcedOpen, Release), State::Closed, 0, 10),
        0
    );
    assert_eq!(openings(3, at(State::Open, Reset), State::Closed, 0, 10), 0);
}
