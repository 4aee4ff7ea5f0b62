//! A breaker under the bound of its registry: what is asked before a trip, and counted after a transition.

use crate::engine::state::Core;
use crate::words::control::Control;
use crate::words::outcome::State;

impl Core {
    /// Whether a trip by a rule is withheld now.
    #[inline]
    pub(crate) fn withholds(&self) -> bool {
        // A look, and no claim: others may trip between it and this breaker's own transition. A claim would have to be
        // given back by whichever thread finds that nothing trips, and the update has many helpers.
        self.bound.as_ref().is_some_and(|bound| bound.is_reached())
    }

    /// Rules have become true, and nothing trips: under observe-only, or since the registry withholds it.
    #[cold]
    #[inline(never)]
    pub(crate) fn report_would_trip(&self, state: State, rules: u64) {
        self.ledger.would_trip.add(rules);
        if state == State::Closed
            && let Some(bound) = &self.bound
        {
            bound.withhold(rules);
        }
    }

    /// Called by the one thread that has published the transition.
    #[inline]
    pub(crate) fn count_in_bound(&self, announced: Control, next: Control) {
        if let Some(bound) = &self.bound {
            // If this thread is stopped before, the bound is behind by one transition until it goes on.
            bound.moved(announced.state(), next.state());
        }
    }
}
