//! All breakers of a registry in one reading.

use crate::observe::{Rejections, Totals};
use crate::{Snapshot, State};

/// The totals of a registry's breakers.
///
/// They include those of forgotten breakers, so they never go down.
///
/// ```
/// use tripcoil::State;
/// use tripcoil::registry::Registry;
///
/// let (registry, controller) = Registry::<String>::from_config(Default::default())?.build_with_controller();
/// registry.call("eu", || Ok::<_, ()>(())).ok();
/// controller.on("us", |us| us.force_open())?;
/// let all = registry.aggregate();
/// assert_eq!((all.breakers, all.in_state(State::ForcedOpen)), (2, 1));
/// assert_eq!((all.totals.successes, all.over_capacity()), (1, 0));
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Aggregate {
    /// The number of breakers now.
    pub breakers: usize,
    /// The number of breakers at which a first use begins to forget idle ones.
    pub capacity: usize,
    /// The number of breakers that were forgotten.
    pub evicted: u64,
    /// Sums over all breakers, forgotten ones included.
    pub totals: Totals,
    /// `totals.rejected`, by the state that rejected.
    pub rejections_by_state: Rejections,
    /// Transitions of all breakers, forgotten ones included.
    pub transitions: u64,
    /// Rising edges of rules that did not trip, under observe-only or withheld, of all breakers, forgotten ones
    /// included.
    pub would_trip: u64,
    /// Of these, the ones that the registry's [bound](crate::registry::RegistryBuilder::max_tripped) has withheld.
    pub withheld: u64,
    /// By state; see [`in_state`](Self::in_state).
    #[cfg_attr(feature = "serde", serde(serialize_with = "by_state"))]
    states: [usize; 6],
}

#[cfg(feature = "serde")]
const STATES: [State; 6] = [
    State::Closed,
    State::Open,
    State::HalfOpen,
    State::ForcedOpen,
    State::Disabled,
    State::ObserveOnly,
];

/// As a map from the states' names.
#[cfg(feature = "serde")]
fn by_state<S: serde::Serializer>(states: &[usize; 6], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(STATES.into_iter().zip(states))
}

fn index(state: State) -> usize {
    match state {
        State::Closed => 0,
        State::Open => 1,
        State::HalfOpen => 2,
        State::ForcedOpen => 3,
        State::Disabled => 4,
        State::ObserveOnly => 5,
    }
}

impl Aggregate {
    /// Returns how many breakers were in that state.
    #[must_use]
    pub fn in_state(&self, state: State) -> usize {
        self.states[index(state)]
    }

    /// Returns how many breakers there are beyond the capacity: those that could not be forgotten,
    /// because they were in use or not closed.
    #[must_use]
    pub fn over_capacity(&self) -> usize {
        self.breakers.saturating_sub(self.capacity)
    }

    /// Adds a breaker that is present.
    pub(super) fn add(&mut self, seen: &Snapshot) {
        self.breakers += 1;
        self.states[index(seen.state)] += 1;
        self.count(seen);
    }

    /// Adds a breaker that is about to be forgotten.
    pub(super) fn retire(&mut self, seen: &Snapshot) {
        self.evicted += 1;
        self.count(seen);
    }

    fn count(&mut self, seen: &Snapshot) {
        let (sum, one) = (&mut self.totals, &seen.totals);
        sum.successes += one.successes;
        sum.failures += one.failures;
        sum.slow += one.slow;
        sum.rejected += one.rejected;
        sum.late += one.late;
        sum.ignored += one.ignored;
        sum.cancelled += one.cancelled;
        let (sum, one) = (&mut self.rejections_by_state, &seen.rejections_by_state);
        sum.open += one.open;
        sum.half_open += one.half_open;
        sum.forced_open += one.forced_open;
        sum.closed += one.closed;
        self.transitions += seen.transitions;
        self.would_trip += seen.would_trip;
    }
}
