//! A call's place among those in flight: taken at admission, given back at its end.

use crate::engine::call::Admission;
use crate::engine::state::Core;
use crate::error::Rejected;
use crate::words::outcome::State;

impl Core {
    /// Counts an admitted call among those in flight, or rejects it. A probe, and a call of a ramp, is counted
    /// whatever the limit: how many there are is up to the round and the ramp.
    #[inline]
    pub(crate) fn hold_place(&self, admission: Admission) -> Result<Admission, Rejected> {
        let limit = self.in_flight.limit();
        let state = admission.period.state();
        if limit == 0 || state == State::Disabled {
            return Ok(admission);
        }
        // The state may change between the acquire's look at it and this exchange: then the call is late, and gives
        // its place back at its end, as every other does.
        let most = if state == State::Closed {
            limit
        } else {
            u64::MAX
        };
        if !self.in_flight.take(most) {
            return Err(Rejected::by(State::Closed));
        }
        Ok(Admission {
            period: admission.period.in_flight(),
            ..admission
        })
    }

    /// Gives the call's place back, if it holds one: once per call, since what is returned holds no place.
    #[inline]
    pub(crate) fn give_place_back(&self, admission: Admission) -> Admission {
        if !admission.period.is_in_flight() {
            return admission;
        }
        // Before the result is counted, so a call may begin that is in no window with this one. None is in flight too
        // many: this one has ended.
        self.in_flight.give_back();
        Admission {
            period: admission.period.not_in_flight(),
            ..admission
        }
    }
}
