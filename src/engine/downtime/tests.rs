use super::*;
use crate::words::control::Flags;

#[test]
fn an_outage_lasts_from_its_first_trip_until_it_has_been_closed_for_two_seconds() {
    let at = |state, goal| Control::new(state, Flags::default()).announce(goal);
    let trip = |before, dwell, time| {
        downtime_after(
            before,
            at(State::Closed, Goal::Trip),
            State::Open,
            dwell,
            time,
        )
    };
    let first = trip(Downtime::NONE, 0, 7);
    assert_eq!(first, Downtime::begun(7));
    assert_eq!(trip(first, RELAPSE, 9), first.goes_on());
    assert_eq!(trip(first, RELAPSE + 1, 9), Downtime::begun(9));
    let after = |goal, state, to| downtime_after(first, at(state, goal), to, RELAPSE + 1, 9);
    for (goal, to) in [
        (Goal::ReopenByProbe, State::Open),
        (Goal::Close, State::Closed),
        (Goal::ForceOpen, State::ForcedOpen),
    ] {
        assert_eq!(after(goal, State::HalfOpen, to), first.goes_on());
    }
    assert_eq!(
        after(Goal::Reset, State::Open, State::Closed),
        Downtime::NONE
    );
    assert_eq!(
        after(Goal::Release, State::Disabled, State::Closed),
        Downtime::NONE
    );
    // an operator's round after a calm time, which is lost
    let round = after(Goal::HalfOpen, State::Closed, State::HalfOpen);
    assert_eq!(round, Downtime::NONE);
    let lost = at(State::HalfOpen, Goal::ReopenByProbe);
    assert_eq!(
        downtime_after(round, lost, State::Open, 5, 9),
        Downtime::begun(9)
    );
}
