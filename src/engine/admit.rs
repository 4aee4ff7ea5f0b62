//! Admission: the beginning of every call.
//!
//! While the state admits all calls it is one load of control. The permit holds the generation that
//! was read; a change between admission and result is found by the result. An acquire on the slow
//! path reads control again whenever another thread has moved it on.

use crate::engine::call::{Admission, NOT_STARTED, UNTIMED};
use crate::engine::state::Core;
use crate::error::Rejected;
use crate::words::control::Control;
use crate::words::deadline::Wait;
use crate::words::outcome::State;
use core::num::NonZeroU64;

impl Core {
    /// `own`: a slow limit of the call's own.
    #[inline]
    pub(crate) fn admit(&self, own: Option<u64>) -> Result<Admission, Rejected> {
        // The only load of a call that is admitted. If the state changes after it, the permit names
        // a period that has ended, and its result is late.
        let control = self.control();
        if control.admits_all() {
            let admission =
                Admission::at_large(control, own.is_some(), || self.start_timing(control, own));
            if admission.start != NOT_STARTED {
                return Ok(admission);
            }
        }
        // An Open with no update under way: the common rejection needs no more than the deadline.
        if control.is_open()
            && let Some(rest) = self.reject_while_open(control)
        {
            return Err(Rejected::by_open(control, rest.get()));
        }
        self.admit_or_reject(own)
    }

    /// The most common case after a simple admission: rejected by an Open whose wait is not over.
    #[inline(never)]
    fn reject_while_open(&self, control: Control) -> Option<NonZeroU64> {
        // A deadline of another generation gives `None`: the Open ended after control was read, and
        // the slow path looks again.
        let rest = self.open_for(control.generation(), self.head.clock.nanos())?;
        let rest = NonZeroU64::new(rest)?;
        self.stripes.reject(State::Open);
        Some(rest)
    }

    #[cold]
    fn admit_or_reject(&self, own: Option<u64>) -> Result<Admission, Rejected> {
        let mut admission = self
            .admit_slow(own.is_some(), self.head.clock.nanos())
            .and_then(|admitted| self.hold_place(admitted));
        match &mut admission {
            // what decided on the admission was the breaker's clock
            Ok(admitted) if admitted.start != UNTIMED && self.has_stopwatch(own) => {
                admitted.start = self.head.clock.stopwatch();
            }
            Ok(_) => {}
            Err(rejected) => self.stripes.reject(rejected.state()),
        }
        admission
    }

    /// Whether a call's duration is measured apart from the breaker's clock: if durations are kept,
    /// and if the call has a slow limit of its own that is finer than a coarse clock. The answer is
    /// the same at both ends of the call.
    #[inline(always)]
    pub(crate) fn has_stopwatch(&self, own: Option<u64>) -> bool {
        self.head.durations.is_some() || own.is_some_and(|limit| self.is_finer(limit))
    }

    #[inline(never)]
    fn is_finer(&self, limit: u64) -> bool {
        limit != 0 && limit < self.head.clock.tick()
    }

    /// Out of line, so that an untimed call is inlined into its caller. `NOT_STARTED` if the state has changed, if a
    /// hang was found, or if calls in flight are limited: then the call looks again, on the slow path.
    #[inline(never)]
    fn start_timing(&self, control: Control, own: Option<u64>) -> u64 {
        if control.watches() && control.counting() {
            return self.start_watched(own);
        }
        self.timer(own)
    }

    #[inline(never)]
    fn start_watched(&self, own: Option<u64>) -> u64 {
        let now = self.head.clock.nanos();
        // Before the call begins: one that finds a hang is not among those that began. And before it asks for a place in
        // flight: where calls that hang hold them all, the look is what trips the breaker.
        if !self.look_for_hang(now) || self.in_flight.is_limited() {
            NOT_STARTED
        } else if self.has_stopwatch(own) {
            self.head.clock.stopwatch()
        } else {
            now
        }
    }

    /// The clock by which a call is timed.
    fn timer(&self, own: Option<u64>) -> u64 {
        if self.has_stopwatch(own) {
            self.head.clock.stopwatch()
        } else {
            self.head.clock.nanos()
        }
    }

    fn admit_slow(&self, timed: bool, now: u64) -> Result<Admission, Rejected> {
        loop {
            let control = self.control();
            match control.state() {
                State::Closed | State::Disabled | State::ObserveOnly => {
                    return Ok(Admission::at_large(control, timed, || now));
                }
                State::ForcedOpen => {
                    return Err(Rejected::by(State::ForcedOpen));
                }
                // A transition may be under way, and whether this call is admitted depends on it.
                // Closed and the overrides need no such care: their permits are checked at the
                // result.
                State::Open | State::HalfOpen if control.updating() => {
                    self.finish(control, now, Wait::Backoff)
                }
                State::Open => {
                    // of this opening: else control has moved on
                    let Some(until) = self.open_until(control.generation()) else {
                        continue;
                    };
                    // The deadline was read after control. A thread that moves it later changes
                    // control afterwards, so a rejection by the older deadline is never too long.
                    if now < until {
                        return Err(Rejected::by_open(control, until - now));
                    }
                    // One acquire begins the round. The others find its announcement, help to
                    // finish it, and compete for the slots that are left.
                    if let Some(admission) = self.begin_round(control, now) {
                        return Ok(admission);
                    }
                }
                State::HalfOpen => {
                    if let Some(answer) = self.take_slot(control, now) {
                        return answer;
                    }
                }
            }
        }
    }
}
