//! Moves the end of Open after Open began: by the thread that decided the opening and knows its
//! wait, and by the operator.
//!
//! An acquire reads control, then the deadline, and begins a round from exactly that control word.
//! So a thread that moves the deadline changes the control word too, and only then has moved it: an
//! acquire that read the deadline before reads again.

use crate::engine::state::Core;
use crate::words::control::Period;
use crate::words::deadline::Deadline;
use crate::words::outcome::{Cause, State};
use crate::words::tagged::Tagged;

impl Core {
    /// While Open, or only in the Open of that generation: no probe before `wait` from now. Returns
    /// whether that moved the deadline.
    pub(crate) fn postpone(&self, only: Option<u64>, wait: u64) -> bool {
        let now = self.head.clock.nanos();
        loop {
            // An update that is under way may be the transition that opens. It is finished first,
            // so that a postponement which begins after a trip finds it.
            let control = self.quiet(now);
            let acts = match only {
                Some(generation) => self.is_open_of(control, generation),
                None => control.state() == State::Open,
            };
            if !acts {
                return false;
            }
            let later = |opened, is: Deadline| {
                let to = Deadline::after(opened, now, wait, true);
                is.is_before(to).then_some(to)
            };
            match self.move_deadline(control.period(), now, later) {
                Moved::No => return false,
                Moved::Yes => return true,
                // The Open ended between the two looks. Another may have begun, and without a
                // generation that one is meant as well.
                Moved::Over => {}
            }
        }
    }

    /// Sets the wait that the operator asked for in the Open that followed `period`, if a helper
    /// that did not know it set the deadline by the backoff. Another operator may have postponed it
    /// meanwhile; a later deadline stays. Returns whether it is still that Open.
    pub(crate) fn override_deadline(&self, period: Period, wait: u64, now: u64) -> bool {
        let open = period.next(State::Open);
        let asked = |opened, is: Deadline| {
            let to = Deadline::after(opened, opened, wait, true);
            (!is.is_firm() || is.is_before(to)).then_some(to)
        };
        // A deadline that is firm and later is another operator's, who came after the trip: it
        // stays.
        !matches!(self.move_deadline(open, now, asked), Moved::Over)
    }

    /// Applies the wait that a failure of `period` asked for, if another thread made the transition
    /// that the failure decided. It only moves the deadline later, as it does when this thread
    /// makes the transition.
    #[cold]
    pub(crate) fn lengthen_deadline(
        &self,
        period: Period,
        wait: u64,
        now: u64,
        decided: fn(Cause) -> bool,
    ) {
        let event = self
            .history
            .read(period.next(State::Open).generation().number());
        // If an operator or another cause ended the period, its own wait stands.
        if event.is_some_and(|event| decided(event.cause)) {
            // Soft stays soft and firm stays firm: only the moment is raised.
            let asked = |opened, is: Deadline| {
                let to = Deadline::after(opened, opened, wait, is.is_firm());
                is.is_before(to).then_some(to)
            };
            self.move_deadline(period.next(State::Open), now, asked);
        }
    }

    /// Moves the deadline of `open`, given the moment at which Open began and the present deadline.
    fn move_deadline(
        &self,
        open: Period,
        now: u64,
        say: impl Fn(u64, Deadline) -> Option<Deadline>,
    ) -> Moved {
        let ledger = &self.ledger;
        loop {
            if self.quiet(now).period() != open {
                return Moved::Over;
            }
            // before the deadline, and so of no later generation than it is
            let opened = ledger.since.load();
            let word = ledger.deadline.load();
            // A transition has replaced the deadline and is not yet published, or has been by now:
            // the next turn finds out.
            let Some(deadline) = word.of(open.generation()) else {
                continue;
            };
            let Some(to) = say(opened, deadline) else {
                return Moved::No;
            };
            let next = Tagged::new(open.generation(), to);
            // The word bears the generation, so this fails once a transition has replaced it. Two
            // threads that move it at once take turns, and each decides again by what the other
            // left.
            if ledger.deadline.cas(word, next).is_ok() {
                return self.bump_version(open, now);
            }
        }
    }

    /// Changes the control word and nothing else.
    fn bump_version(&self, period: Period, now: u64) -> Moved {
        loop {
            let control = self.quiet(now);
            if control.period() != period {
                return Moved::Over;
            }
            // An acquire that read the old deadline begins its round from the old control word.
            // Whichever exchange is first, the other fails: the round began before the move, or its
            // acquire reads the new deadline.
            if self
                .head
                .control
                .cas(control, control.bump_version())
                .is_ok()
            {
                return Moved::Yes;
            }
        }
    }
}

enum Moved {
    Yes,
    No,
    /// Another generation has begun.
    Over,
}
