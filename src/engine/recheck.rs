//! A look that spares an update, while a trip is withheld.

use crate::engine::policy::Seen;
use crate::engine::state::Core;
use crate::words::control::Control;
use crate::words::outcome::State;

impl Core {
    /// Whether a `Check` would find what the last one found: the same rules true, and the registry lets none trip. Without
    /// this, each outcome would be followed by an update for as long as the trip is withheld.
    #[cold]
    #[inline(never)]
    pub(crate) fn stays_withheld(&self, control: Control, now: u64) -> bool {
        if control.state() != State::Closed || !self.withholds() {
            return false;
        }
        let policy = self.head.policy.load();
        let before = self.ledger.decision.load().payload();
        // Evidence that was found stays until an update ends its tick; what was not found is for a `Check`.
        let judged = policy.config.outage.is_none() || before.truth.evidence();
        if !before.truth.any() || !judged || before.rules != policy.number {
            return false;
        }
        // Read beside other outcomes, and so perhaps not of one moment. A reading that differs leads to a `Check`. One
        // that is alike by chance leaves an edge to the next outcome, and no trip: none is let through now.
        let Some(shown) = self.window_now(control, now, false) else {
            return false;
        };
        let seen = Seen {
            relief: policy.relief(shown.lenient),
            ..shown.window.into()
        };
        policy.truth(seen) == before.truth.by_outcomes()
    }
}
