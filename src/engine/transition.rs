//! The state machine, as pure functions: which request is valid in which state, and what an update
//! decides. The engine only carries these out.

use crate::engine::evidence::Weighed;
use crate::engine::policy::{Policy, RULES_BITS, Seen, Truth};
use crate::sync::pack::{Fields, Pack};
use crate::words::control::{Control, Flags, Goal, code, state_of};
use crate::words::outcome::{Cause, State};

use Goal::*;

/// Whether an update with this goal may be announced in this state.
pub(crate) fn permits(goal: Goal, state: State) -> bool {
    let overridden = state.is_override();
    match goal {
        Check | Maintain => matches!(state, State::Closed | State::ObserveOnly),
        TripByRun | TripByCount | TripByFailureRate | TripBySlowRate | TripByEvidence
        | TripByHang | TripByPeers | CheckHang => state == State::Closed,
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
        | TripByHang | TripByPeers | ReopenByProbe | ReopenByTimeout | ReopenByCancelled
        | ReopenByRamp | Trip => State::Open,
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
    /// The rules that are true and do not trip, and those that have become so.
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

/// What an update judges by, beside the rules: all of the same cut.
pub(crate) struct Cut<'a> {
    pub(crate) window: Seen,
    /// The outage rule's view.
    pub(crate) weighed: &'a Weighed,
    /// It is this update that judges the rules on a window of time; in a count window each entry judged itself as it
    /// landed.
    pub(crate) judged: bool,
    /// The breaker's registry lets no rule trip it now.
    pub(crate) withheld: bool,
}

/// Judges the cut that the announced update has before it. `before` is the last decision: it says what was true at the
/// last judgement and did not trip, and by which rules the decision was made. `leads` is where the goal leads, or what a
/// ramp has found.
pub(crate) fn decide(
    announced: Control,
    leads: Option<(State, Cause)>,
    policy: &Policy,
    cut: Cut<'_>,
    before: Decision,
) -> Decision {
    let Cut {
        window,
        weighed,
        judged,
        withheld,
    } = cut;
    let was = before.truth;
    let by = Decision {
        rules: policy.number,
        adopts: policy.number != before.rules,
        ..Decision::default()
    };
    if let Some((state, cause)) = leads {
        // a count window that begins is empty, and may have to log its successes from the first on
        let logs = || policy.logs_successes(Seen::default(), Truth::default());
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
    // frozen. What was true before does not: it was withheld, and may be true no longer.
    let found = match announced.goal() {
        Check => now.with_evidence(weighed.holds()).cause(),
        CheckHang => weighed.hung.then_some(Cause::Hang),
        _ => None,
    };
    if judged
        && !observing
        && !withheld
        && let Some(cause) = found
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
        // evidence that was withheld is asked for again, by each outcome that finds it true
        let stays = observing && now.evidence();
        now.by_outcomes().any() || policy.is_armed_beside(window, weighed, stays)
    } else {
        // An entry asks that would make a rule true. If it is disarmed before that one lands, it asks again.
        let asked = announced.goal() == Check;
        policy.logs_successes(window, now) || asked && policy.is_on_the_verge(window)
    };
    Decision {
        transition: None,
        flags: policy.flags(armed),
        truth: now,
        // while closed, only if it is withheld: else what is true trips
        rising: now.rising_from(was),
        ..by
    }
}

#[cfg(test)]
mod tests;
