//! What an acquire would find now, for readiness: it takes nothing, and changes nothing.
#![cfg(all(feature = "tower", feature = "tokio"))]

use crate::engine::state::Core;
use crate::error::Rejected;
use crate::words::control::Control;
use crate::words::deadline::whole_milliseconds;
use crate::words::outcome::State;

impl Core {
    /// Returns the rejection that a call would get. `None` if it is likely to be admitted, or if it
    /// has to find out, because a transition is due. A ramp counts as admitting: which calls it
    /// admits is decided as they arrive.
    pub(crate) fn foresee_rejection(&self) -> Option<Rejected> {
        let control = self.control();
        // after the word, as an acquire reads it
        let now = self.head.clock.nanos();
        match control.state() {
            // A place may be given back by now: then the next look finds that.
            State::Closed => (self.in_flight.full()).map(|_| Rejected::by(State::Closed)),
            State::Disabled | State::ObserveOnly => None,
            State::ForcedOpen => Some(Rejected::by(State::ForcedOpen)),
            State::Open => {
                // A deadline of another generation gives `None`: control has moved on since, and the
                // acquire looks for itself.
                let rest = self.open_for(control.generation(), now)?;
                (rest > 0).then(|| Rejected::by_open(control, rest))
            }
            State::HalfOpen if control.ramps() => None,
            State::HalfOpen => self
                .is_full(control, now)
                .then(|| Rejected::by(State::HalfOpen)),
        }
    }

    /// Whether the round has probes in flight, and no slot for one more.
    fn is_full(&self, control: Control, now: u64) -> bool {
        let policy = self.head.policy.load();
        let round = self.probing.round.load();
        // A round of another generation is as above. A round that is decided has its transition ahead:
        // if the thread that decided it has stopped, an acquire makes it.
        if !round.is_of(control.generation())
            || policy.verdict(round).is_some()
            || policy.has_slot(round)
        {
            return false;
        }
        // Lost probes are given up by an acquire. This is read after the round: a probe that is admitted
        // meanwhile makes it later, and then the next look finds that.
        let latest = self.probing.latest_admission.load();
        let timeout = self.probe_timeout(&policy, None);
        now < whole_milliseconds(latest.saturating_add(timeout))
    }
}
