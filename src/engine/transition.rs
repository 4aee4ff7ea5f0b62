//! The state machine, as pure functions: which request is valid in which state, and what an update
//! decides. The engine only carries these out.

use crate::engine::evidence::Weighed;
use crate::engine::policy::{Policy, RULES_BITS, Truth};
use crate::sync::pack::{Fields, Pack};
use crate::words::control::{Control, Flags, Goal, code, state_of};
use crate::words::outcome::{Cause, Counts, State};

use Goal::*;

/// Whether an update with this goal may be announced in this state.
pub(crate) fn permits(goal: Goal, state: State) -> bool {
    let overridden = state.is_override();
    match goal {
        Check | Maintain => matches!(state, State::Closed | State::ObserveOnly),
        TripByRun | TripByCount | TripByFailureRate | TripBySlowRate | TripByEvidence
        | TripByHang | CheckHang => state == State::Closed,
        Probe => state == State::Open,
        Close | ReopenByProbe | ReopenByTimeout | ReopenByCancelled | Ramp | Step => {
            state == State::HalfOpen
        }
        ReopenByRamp => false,
        Trip | HalfOpen => !overridden,
        Reset => true,
        Release => overridden,
        ForceOpen => state != State::ForcedOpen,
        Disable => state != State::Disabled,
        ObserveOnly => state != State::ObserveOnly,
    }
}

/// Whether the update reads the clock to let old epochs go. Updates that judge an outcome do not:
/// it was recorded in the epoch in which it is judged.
pub(crate) fn advances_epochs(goal: Goal) -> bool {
    !matches!(
        goal,
        Check
            | CheckHang
            | TripByRun
            | TripByCount
            | TripByFailureRate
            | TripBySlowRate
            | TripByEvidence
            | TripByHang
    )
}

fn counts(state: State) -> bool {
    matches!(state, State::Closed | State::ObserveOnly)
}

/// Whether outcomes may land before the update, or after it. Otherwise the counts are frozen already, and stay
/// so.
pub(crate) fn thaws(announced: Control) -> bool {
    announced.counting()
        || announced.goal() == Step
        || destination(announced.goal()).is_some_and(|(to, _)| counts(to))
}

/// The decision of an update that leads to a state in which the rules have no say, or of one that goes on with a ramp.
/// It follows from the goal and from where that leads, so all helpers make the same one, whatever their rules.
/// (Disabled is not among these states: whether its calls are timed is up to the rules.)
pub(crate) fn decided_by_goal(goal: Goal, leads: Option<(State, Cause)>) -> Option<Decision> {
    if matches!(goal, Ramp | Step) && leads.is_none() {
        return Some(Decision::default());
    }
    let (to, cause) = leads?;
    matches!(to, State::Open | State::HalfOpen | State::ForcedOpen).then_some(Decision {
        transition: Some((to, cause)),
        ..Decision::default()
    })
}

/// Whether a transition can change the number of openings; see [`openings`].
pub(crate) fn moves_openings(announced: Control, to: State) -> bool {
    to == State::Open
        || announced.state() == State::Closed
        || matches!(announced.goal(), Reset | Release)
}

/// Returns the target of a goal, and the reported cause; `None` if the update has to judge.
pub(crate) fn destination(goal: Goal) -> Option<(State, Cause)> {
    let to = match goal {
        Check | CheckHang | Maintain | Ramp | Step => return None,
        TripByRun | TripByCount | TripByFailureRate | TripBySlowRate | TripByEvidence
        | TripByHang | ReopenByProbe | ReopenByTimeout | ReopenByCancelled | ReopenByRamp
        | Trip => State::Open,
        Probe | HalfOpen => State::HalfOpen,
        Close | Reset | Release => State::Closed,
        ForceOpen => State::ForcedOpen,
        Disable => State::Disabled,
        ObserveOnly => State::ObserveOnly,
    };
    Some((to, goal.cause()))
}

/// Which counts go with an event: the round's, or the ramp's, for a verdict; the window's for all others.
pub(crate) fn judges_round(goal: Goal) -> bool {
    matches!(
        goal,
        Close | ReopenByProbe | ReopenByTimeout | ReopenByCancelled | Ramp | Step
    )
}

/// Whether an outcome decided, which may have been a failure.
pub(crate) fn by_outcome(cause: Cause) -> bool {
    cause.is_rule() || cause == Cause::ProbeFailed
}

/// The openings since the breaker was last closed for long enough, after this transition.
pub(crate) fn openings(
    before: u64,
    announced: Control,
    to: State,
    dwell: u64,
    reset_after: u64,
) -> u64 {
    let forgotten = match announced.goal() {
        Reset | Release => true,
        _ => announced.state() == State::Closed && dwell >= reset_after,
    };
    let kept = if forgotten { 0 } else { before };
    kept + u64::from(to == State::Open)
}

/// The decision of an update. All its helpers must act on the same one, although their rules may
/// differ (new ones may just have been set), so the first one's is stored, in forty bits. Where the goal
/// alone decides nothing is stored, and the word keeps what the last judgement left.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Decision {
    /// `Some`: a transition, self-transitions included.
    pub(crate) transition: Option<(State, Cause)>,
    pub(crate) flags: Flags,
    /// Observe-only: the rules that are true, and those that have become so.
    pub(crate) truth: Truth,
    pub(crate) rising: Truth,
    /// The number of the rules by which it was made.
    pub(crate) rules: u32,
    /// Whether those are others than at the last decision: the words in which calls find them are written.
    pub(crate) adopts: bool,
}

/// transition 1 | kind 3 | cause 4 | armed 1 | runs 1 | timed 1 | watches 1 | truth 4 | rising 4 | rules 19 |
/// adopts 1
impl Pack for Decision {
    fn pack(self) -> u64 {
        let (kind, cause) = self
            .transition
            .map_or((0, 0), |(state, cause)| (code(state), cause.pack()));
        Fields::of(0)
            .put_flag(self.transition.is_some())
            .put(3, kind)
            .put(4, cause)
            .put_flag(self.flags.armed)
            .put_flag(self.flags.runs)
            .put_flag(self.flags.timed)
            .put_flag(self.flags.watches)
            .put(Truth::BITS, self.truth.0)
            .put(Truth::BITS, self.rising.0)
            .put(RULES_BITS, u64::from(self.rules))
            .put_flag(self.adopts)
            .bits()
    }

    fn unpack(payload: u64) -> Decision {
        let mut fields = Fields::of(payload);
        let some = fields.take_flag();
        let to = (state_of(fields.take(3)), Cause::unpack(fields.take(4)));
        Decision {
            transition: some.then_some(to),
            flags: Flags {
                armed: fields.take_flag(),
                runs: fields.take_flag(),
                timed: fields.take_flag(),
                watches: fields.take_flag(),
            },
            truth: Truth(fields.take(Truth::BITS)),
            rising: Truth(fields.take(Truth::BITS)),
            rules: fields.take(RULES_BITS) as u32,
            adopts: fields.take_flag(),
        }
    }
}

impl Decision {
    /// The control word with which the update ends.
    #[inline]
    pub(crate) fn publish(self, announced: Control) -> Control {
        match self.transition {
            // the whole decision is agreed, so all helpers publish the same rule
            Some((state, cause)) if destination(announced.goal()).is_none() => {
                announced.become_(state, self.flags).with_cause(cause)
            }
            Some((state, _)) => announced.become_(state, self.flags),
            None => announced.settled(self.flags),
        }
    }
}

/// Judges the window that the announced update has before it. `judged` is whether the update
/// is the one that judges rules on a window of time; in a count window each entry judged itself as
/// it landed. `before` is the last decision: it says what was true at the last judgement (observe-only), and by
/// which rules the decision was made. `weighed` is the outage rule's view of the same cut, and `leads` where the goal
/// leads, or what a ramp has found.
pub(crate) fn decide(
    announced: Control,
    leads: Option<(State, Cause)>,
    policy: &Policy,
    window: Counts,
    weighed: &Weighed,
    judged: bool,
    before: Decision,
) -> Decision {
    let was = before.truth;
    let by = Decision {
        rules: policy.number,
        adopts: policy.number != before.rules,
        ..Decision::default()
    };
    if let Some((state, cause)) = leads {
        // a count window that begins is empty, and may have to log its successes from the first on
        let logs = || policy.logs_successes(Counts::default(), Truth::default());
        return Decision {
            transition: Some((state, cause)),
            flags: policy.flags(!judged && counts(state) && logs()),
            ..by
        };
    }
    // Only a `Check` judges: an outcome asked for it. A `Maintain` keeps what was true, so that
    // observe-only does not report a rule again which no outcome has made true.
    let now = if judged && announced.goal() == Check {
        policy
            .truth(window)
            .with_evidence(was.evidence() || weighed.holds())
    } else {
        was
    };
    // until a tick has ended with a score of zero
    let now = now.with_evidence(now.evidence() && weighed.score > 0);
    let observing = announced.state() == State::ObserveOnly;
    // The announcer's result may be one of many. What trips is the window that all helpers have
    // frozen.
    if judged
        && !observing
        && let Some(cause) = now.cause().or(weighed.hung.then_some(Cause::Hang))
    {
        return Decision {
            transition: Some((State::Open, cause)),
            flags: policy.flags(false),
            ..by
        };
    }
    // In the published word, so that a success knows from its one load of control whether it has to
    // look at its limit.
    let armed = if judged {
        now.by_outcomes().any() || policy.is_armed_beside(window, weighed, now.evidence())
    } else {
        // An entry asks that would make a rule true. If it is disarmed before that one lands, it asks again.
        let asked = announced.goal() == Check;
        policy.logs_successes(window, now) || asked && policy.is_on_the_verge(window)
    };
    Decision {
        transition: None,
        flags: policy.flags(armed),
        truth: now,
        rising: if observing {
            now.rising_from(was)
        } else {
            Truth::default()
        },
        ..by
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings::Config;
    use proptest::prelude::*;

    /// Without the outage rule.
    fn judge(
        announced: Control,
        policy: &Policy,
        window: Counts,
        judged: bool,
        before: Decision,
    ) -> Decision {
        decide(
            announced,
            destination(announced.goal()),
            policy,
            window,
            &Weighed::default(),
            judged,
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
        let w = Counts::new(2, 2, 0);
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

    #[test]
    fn maintenance_never_trips() {
        let policy = Policy::new(Config {
            failure_count: Some(1),
            ..Config::default()
        });
        let w = Counts::new(1, 1, 0);
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
        let all = |failures| Counts::new(failures, failures, 0);
        assert!(!armed(all(0), true) && !armed(all(1), true));
        assert!(armed(all(2), true), "two more successes would trip");

        // a count window logs its successes until there are enough calls, or where a rule is true
        let calls = |calls, failures| Counts::new(calls, failures, 0);
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
                    Counts::default(),
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
            before = judge(announced, &policy, Counts::default(), true, before);
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
}
