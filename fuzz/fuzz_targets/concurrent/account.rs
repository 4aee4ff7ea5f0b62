//! What the threads did by their own account, and whether the breaker has it so.

use tripcoil::{Cause, Snapshot, State, Transition};

use crate::script::{Ending, Op};
use crate::setup::{Setup, World};

/// Whether an admitted call is in the totals.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    Counted,
    /// Admitted under `Disabled`, in this generation, and not in the totals unless it ended later.
    Uncounted {
        unless_after: u64,
    },
    /// It may have been admitted under `Disabled`, and ended in time.
    Unsure,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Did {
    succeeded: u64,
    failed: u64,
    ignored: u64,
    dropped: u64,
    counted: u64,
    unsure: u64,
    pub(crate) rejected: u64,
    /// Orders that said that they changed the state.
    pub(crate) changed: u64,
}

impl Did {
    pub(crate) fn ended(&mut self, ending: Ending, fate: Fate) {
        match ending {
            Ending::Success | Ending::SlowSuccess => self.succeeded += 1,
            Ending::Failure | Ending::OwnWait | Ending::SlowFailure => self.failed += 1,
            Ending::Ignore => self.ignored += 1,
            Ending::Drop => self.dropped += 1,
        }
        match fate {
            Fate::Counted => self.counted += 1,
            Fate::Uncounted { .. } => {}
            Fate::Unsure => self.unsure += 1,
        }
    }
}

/// All is quiet now.
pub(crate) fn update(setup: &Setup, scripts: &[Vec<Op>; 2], world: &World, did: &[Did; 2]) {
    let observer = world.breaker.observer();
    let seen = observer.snapshot();
    let sum = |part: fn(&Did) -> u64| did.iter().map(part).sum::<u64>();
    let totals = &seen.totals;

    let ended =
        totals.successes + totals.failures + totals.ignored + totals.cancelled + totals.late;
    let counted = sum(|did| did.counted);
    let most = counted + sum(|did| did.unsure);
    assert!(
        (counted..=most).contains(&ended),
        "{counted}..={most}: {totals:?}, {did:?}"
    );
    assert_eq!(
        totals.rejected,
        sum(|did| did.rejected),
        "{totals:?}, {did:?}"
    );
    // what is missing of each is late, or was not to be counted
    assert!(
        totals.successes <= sum(|did| did.succeeded),
        "{totals:?}, {did:?}"
    );
    assert!(
        totals.failures <= sum(|did| did.failed + did.dropped),
        "{totals:?}, {did:?}"
    );
    assert!(
        totals.ignored <= sum(|did| did.ignored),
        "{totals:?}, {did:?}"
    );
    assert!(
        totals.cancelled <= sum(|did| did.dropped),
        "{totals:?}, {did:?}"
    );
    let kinds: u64 = seen.failures_by_kind.iter().map(|it| it.1).sum();
    assert_eq!(kinds, totals.failures);
    assert_eq!(seen.probes.in_flight, 0, "all calls have ended: {seen:?}");

    check_history(world, &seen, sum(|did| did.changed));
    if !scripts
        .iter()
        .flatten()
        .any(|op| matches!(op, Op::Reconfigure(_)))
    {
        check_no_missed_trip(setup, &seen);
    }
    check_fresh_start(world);
}

fn check_history(world: &World, seen: &Snapshot, changed: u64) {
    assert_eq!(seen.transitions, seen.generation);
    assert!(changed <= seen.generation, "{changed} orders: {seen:?}");
    let history = world.breaker.observer().history();
    assert_eq!(history.len() as u64, seen.generation.min(4), "{history:?}");
    for pair in history.windows(2) {
        let next = pair[0].generation + 1 == pair[1].generation;
        assert!(next && follows(&pair[0], &pair[1]), "{pair:?}");
    }
    if let Some(last) = history.last() {
        assert_eq!((last.generation, last.to), (seen.generation, seen.state));
    }
    if seen.generation <= 4 {
        let manual = history.iter().filter(|it| it.cause == Cause::Manual);
        assert_eq!(manual.count() as u64, changed, "{history:?}");
    }
}

/// The two rules that stay true when time alone passes, or at most turn false.
fn check_no_missed_trip(setup: &Setup, seen: &Snapshot) {
    if seen.state != State::Closed {
        return;
    }
    let below = |count: f64, limit: Option<u32>| limit.is_none_or(|n| count < f64::from(n));
    let rules = &setup.config;
    assert!(
        below(seen.consecutive_failures as f64, rules.consecutive_failures),
        "{seen:?}"
    );
    // some may be lenient; in whole eighths, which the rate may miss by its last bit
    let eighths = 8.0 * seen.failure_rate * seen.window.calls as f64;
    assert!(
        below(eighths.round() / 8.0, rules.failure_count),
        "{seen:?}"
    );
}

/// Nothing of the past is in the window of a new period.
fn check_fresh_start(world: &World) {
    let before = world.breaker.observer().snapshot();
    assert!(world.controller.reset());
    world.breaker.try_acquire().expect("it is closed").success();
    let after = world.breaker.observer().snapshot();
    assert_eq!(after.generation, before.generation + 1);
    assert_eq!(
        (after.window.calls, after.window.successes),
        (1, 1),
        "{after:?}"
    );
    assert_eq!(after.totals.successes, before.totals.successes + 1);
}

/// Whether they can be two events of one breaker, in that order.
pub(crate) fn follows(earlier: &Transition, later: &Transition) -> bool {
    let next = earlier.generation + 1 == later.generation;
    earlier.generation < later.generation && (!next || earlier.to == later.from)
}
