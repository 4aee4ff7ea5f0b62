//! Events, as they are left by the updates and read back by observers.
//!
//! What only the thread knows that decided is left by it beforehand, in a word of its own: the kind of its
//! failure. It is written before the exchange that decides (a round's result, the announcement), so
//! whoever carries the transition out finds it. Two failures that overlap may both be about to decide;
//! then the word is the later one's, and either is an answer.

use crate::engine::events::event::{Event, Now, Transition, kind_bits, kind_of};
use crate::engine::help::Over;
use crate::engine::policy::Tally;
use crate::engine::state::Core;
use crate::engine::transition::{Decision, advances_epochs, by_outcome, judges_round};
use crate::words::control::Control;
use crate::words::outcome::{FailureKind, State};
use crate::words::round::Round;
use crate::words::tagged::Tagged;
use alloc::vec::Vec;

impl Core {
    /// An outcome of that generation is about to end it: a failure of that kind, or none.
    pub(crate) fn leave_kind(&self, generation: u64, kind: Option<FailureKind>) {
        let (class, number) = kind_bits(kind);
        let ours = Tagged::new(generation, class | number << 3);
        let word = &self.ledger.deciding;
        loop {
            let w = Tagged(word.load());
            // of another generation: ours is over, and each transition begins the word anew
            if w == ours || !w.has(generation) {
                return;
            }
            if word.cas(w.0, ours.0).is_ok() {
                return;
            }
        }
    }

    fn kind_left(&self, generation: u64) -> Option<FailureKind> {
        let w = Tagged(self.ledger.deciding.load());
        let payload = w.payload();
        w.has(generation)
            .then(|| kind_of(payload, payload >> 3))
            .flatten()
    }

    pub(crate) fn leave_event(
        &self,
        a: Control,
        next: Control,
        d: &Decision,
        time: u64,
        window: Tally,
        deadline: u64,
    ) -> Result<(), Over> {
        let Some((to, cause)) = d.transition else {
            return Ok(());
        };
        let counts = if judges_round(a.goal()) {
            let r = Round::from_bits(self.probing.round.load());
            Tally {
                calls: r.results(),
                failures: r.failed,
                slow: r.slow,
            }
        } else {
            window
        };
        let event = Event {
            generation: next.generation(),
            from: a.state(),
            to,
            cause,
            failure: by_outcome(cause)
                .then(|| self.kind_left(a.generation()))
                .flatten(),
            at: time,
            counts,
            run: match a.counting() && a.runs() {
                true if advances_epochs(a.goal()) => self.run_beside(a.generation(), window),
                // that of the outcome which decided, however old its epoch is by now
                true => self.run_in(a.generation()),
                false => 0,
            },
            deadline: if to == State::Open { deadline } else { 0 },
        };
        let generation = event.generation;
        let longer = self.longer.as_ref().map(|ring| ring.slot(generation));
        let queue = self.queue.get().map(|queue| queue.slot(generation));
        let slot = self.history.slot(generation).iter();
        for (i, (word, payload)) in slot.zip(event.payloads()).enumerate() {
            // helpers may have read the run or the failure's kind, which are not frozen, at different
            // moments
            let agreed = self.decide_once(word, a, generation, |_| payload)?;
            for copy in [longer, queue].into_iter().flatten() {
                self.decide_once(&copy[i], a, generation, |_| agreed)?;
            }
            if event.begins_outage() {
                // All helpers have agreed above, so all want the same here; and one that sleeps before
                // its exchange does not find again what was there, which an earlier generation tagged.
                let copy = &self.last_opening.words()[i];
                self.help_write(copy, a, |_| Tagged::new(generation, agreed).0)?;
            }
        }
        Ok(())
    }

    pub(crate) fn transition_of(&self, event: Event) -> Transition {
        event.transition(Now::read(self.head.clock.nanos()))
    }

    /// From the longer history where there is one.
    pub(crate) fn kept_event(&self, generation: u64) -> Option<Event> {
        match &self.longer {
            Some(ring) => ring.read(generation),
            None => self.history.read(generation),
        }
    }

    /// The last transitions, as many as are kept, oldest first.
    pub(crate) fn events(&self) -> Vec<Transition> {
        let kept = u64::from(self.head.policy.load().config.history);
        let read = |generation| self.kept_event(generation);
        loop {
            let last = self.generation(self.control());
            let first = (last + 1).saturating_sub(kept).max(1);
            // the latest first: what is overwritten meanwhile is the oldest
            let events: Vec<Event> = (first..=last).rev().map_while(read).collect();
            // Of a generation that began elsewhere, and was restored, there is no event. One that began
            // here has it for as long as it lasts.
            if !events.is_empty() || self.generation(self.control()) == last {
                let now = Now::read(self.head.clock.nanos());
                return events
                    .into_iter()
                    .rev()
                    .map(|e| e.transition(now))
                    .collect();
            }
        }
    }

    /// The last opening from closed, at that quiet control word; `None` if it has moved on.
    pub(crate) fn last_opening(&self, c: Control) -> Option<Option<Event>> {
        let event = self.last_opening.read().ok()?;
        let last = self.generation(c);
        Some(event.map(|e| Event {
            // the latest one up to now that has these bits
            generation: last.wrapping_sub(last.wrapping_sub(e.generation) & TAGS),
            ..e
        }))
    }
}

const TAGS: u64 = (1 << crate::words::tagged::TAG_BITS) - 1;
