//! Each field of the control word by itself, and each step from word to word.

use super::*;
use proptest::prelude::*;

fn states() -> impl Strategy<Value = State> {
    prop::sample::select(State::ALL.to_vec())
}

fn flags() -> impl Strategy<Value = Flags> {
    prop::array::uniform4(any::<bool>()).prop_map(|[armed, runs, timed, watches]| Flags {
        watches,
        armed,
        runs,
        timed,
    })
}

/// A word as the protocol writes them: a state's code, a goal that exists, and anything else.
fn words() -> impl Strategy<Value = Control> {
    (any::<u64>(), states(), 0..GOALS.len() as u64).prop_map(|(bits, state, goal)| {
        Control(bits & !(KIND | GOAL) | code(state) | goal << GOAL_SHIFT)
    })
}

proptest! {
    #[test]
    fn a_fresh_word_gives_back_what_was_put_in(state in states(), flags in flags()) {
        let c = Control::new(state, flags);
        prop_assert_eq!(c.state(), state);
        prop_assert_eq!((c.armed(), c.runs(), c.timed()), (flags.armed, flags.runs, flags.timed));
        prop_assert_eq!((c.updating(), c.stripes(), c.generation().number(), c.version().0), (false, 1, 0, 0));
    }

    #[test]
    fn an_announcement_changes_goal_version_and_updating_alone(c in words(), goal in prop::sample::select(&GOALS[..])) {
        let a = c.announce(goal);
        prop_assert!(a.updating());
        prop_assert_eq!(a.goal(), goal);
        prop_assert_eq!(a.version().0, (c.version().0 + 1) & 0xFF_FFFF);
        prop_assert_eq!((a.period(), a.level(), a.armed(), a.runs(), a.timed()), (c.period(), c.level(), c.armed(), c.runs(), c.timed()));
    }

    #[test]
    fn a_settled_word_changes_the_flags_alone(c in words(), flags in flags()) {
        let s = c.settled(flags);
        prop_assert!(!s.updating());
        prop_assert_eq!((s.armed(), s.runs(), s.timed()), (flags.armed, flags.runs, flags.timed));
        prop_assert_eq!((s.period(), s.level(), s.goal(), s.version()), (c.period(), c.level(), c.goal(), c.version()));
    }

    #[test]
    fn a_transition_raises_the_generation_by_one_and_wraps(c in words(), state in states(), flags in flags()) {
        let t = c.become_(state, flags);
        prop_assert_eq!(t.state(), state);
        prop_assert_eq!(t.generation().number(), (c.generation().number() + 1) & 0xFF_FFFF);
        prop_assert_eq!((t.level(), t.goal(), t.version()), (c.level(), c.goal(), c.version()));
        prop_assert!(t.period() != c.period());
    }

    #[test]
    fn a_period_is_quiet_in_itself_alone(c in words(), other in words()) {
        prop_assert_eq!(c.quiet_in(c.period()), !c.updating());
        prop_assert_eq!(c.quiet_in(other.period()), !c.updating() && c.period() == other.period());
        prop_assert_eq!(c.period().state(), c.state());
    }

    #[test]
    fn more_stripes_doubles_them(c in words()) {
        prop_assume!(c.level() < 7);
        let m = c.more_stripes();
        prop_assert_eq!(m.stripes(), 2 * c.stripes());
        prop_assert_eq!((m.period(), m.goal(), m.version()), (c.period(), c.goal(), c.version()));
    }
}

#[test]
fn the_kinds_that_count_and_the_kinds_that_admit() {
    use State::*;
    for (state, counting, admits) in [
        (Closed, true, true),
        (ObserveOnly, true, true),
        (Disabled, false, true),
        (HalfOpen, false, false),
        (Open, false, false),
        (ForcedOpen, false, false),
    ] {
        let c = Control::new(state, Flags::default());
        assert_eq!(
            (c.counting(), c.admits_all()),
            (counting, admits),
            "{state:?}"
        );
    }
}
