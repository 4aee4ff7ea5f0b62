//! Events: updates store them, and observers read them.
//!
//! One part is known only to the thread that decides: the kind of its failure. That thread stores
//! it beforehand, in a word of its own, before the exchange that decides (a round's result, the
//! announcement), so the thread that carries out the transition finds it. If two overlapping
//! failures are both about to decide, the word is the later one's, and either is a valid answer.

use crate::engine::events::event::{Event, Now, Transition};
use crate::engine::help::Over;
use crate::engine::state::Core;
use crate::engine::transition::{Decision, advances_epochs, by_outcome, judges_round};
use crate::words::control::Control;
use crate::words::deadline::Deadline;
use crate::words::outcome::{Counts, FailureKind};
use crate::words::tagged::{Generation, Tagged};
use alloc::vec::Vec;

impl Core {
    /// An outcome of that generation is about to end it: with a failure of that kind, or without
    /// one.
    pub(crate) fn leave_kind(&self, generation: Generation, kind: Option<FailureKind>) {
        let ours = Tagged::new(generation, kind);
        let word = &self.ledger.deciding;
        loop {
            let left = word.load();
            // of another generation: ours is over, and each transition begins the word anew
            if left == ours || !left.has(generation) {
                return;
            }
            // Another failure that is about to decide may have left its kind. Either is an answer,
            // and this one is later.
            if word.cas(left, ours).is_ok() {
                return;
            }
        }
    }

    fn kind_left(&self, generation: Generation) -> Option<FailureKind> {
        self.ledger.deciding.load().of(generation).flatten()
    }

    pub(crate) fn leave_event(
        &self,
        announced: Control,
        next: Control,
        decision: &Decision,
        time: u64,
        window: Counts,
        deadline: Deadline,
    ) -> Result<(), Over> {
        let Some((to, cause)) = decision.transition else {
            return Ok(());
        };
        let counts = if judges_round(announced.goal()) {
            // The decided round stays as it is until `begin_generation` replaces it, and by then
            // the event is agreed.
            let round = self.probing.round.load();
            Counts::new(round.results(), round.failed, round.slow)
        } else {
            window
        };
        let generation = next.generation();
        let event = Event {
            generation: generation.number(),
            from: announced.state(),
            to,
            cause,
            // A failure may leave its kind while helpers read it. The first helper's event holds
            // for all.
            failure: by_outcome(cause)
                .then(|| self.kind_left(announced.generation()))
                .flatten(),
            at: time,
            counts,
            run: match announced.counting() && announced.runs() {
                true if advances_epochs(announced.goal()) => {
                    self.run_beside(announced.generation(), window)
                }
                // that of the outcome which decided, however old its epoch is by now
                true => self.run_in(announced.generation()),
                false => 0,
            },
            deadline,
        };
        let longer = self.longer.as_ref();
        let longer = longer.map(|ring| ring.slot(event.generation));
        // A listener may subscribe now, and make the queue after this load. Its subscription
        // finishes this update before it begins to read.
        let queue = self.queue.get();
        let queue = queue.map(|queue| queue.slot(event.generation));
        let slot = self.history.slot(event.generation).iter();
        for (i, (word, payload)) in slot.zip(event.pack()).enumerate() {
            // helpers may have read the run or the failure's kind, which are not frozen, at different
            // moments
            let agreed = self.decide_once(word, announced, generation, |_| payload)?;
            // The rings have one slot per generation modulo their length, so this overwrites an
            // event that is out of their reach.
            for copy in [longer, queue].into_iter().flatten() {
                self.decide_once(&copy[i], announced, generation, |_| agreed)?;
            }
            if event.begins_outage() {
                // All helpers have agreed above, so all want the same here; and one that sleeps before
                // its exchange does not find again what was there, which an earlier generation tagged.
                let copy = &self.last_opening.words()[i];
                self.help_write(copy, announced, |_| Tagged::new(generation, agreed))?;
            }
        }
        Ok(())
    }

    pub(crate) fn transition_of(&self, event: Event) -> Transition {
        event.transition(Now::read(self.head.clock.nanos()))
    }

    /// From the longer history, if there is one.
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
            // Transitions may follow while the ring is read. They overwrite the oldest events, and
            // are not in this list.
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
                    .map(|event| event.transition(now))
                    .collect();
            }
        }
    }

    /// The last opening from closed, at that quiet control word; `None` if it has moved on.
    pub(crate) fn last_opening(&self, control: Control) -> Option<Option<Event>> {
        // Overwritten while it is read, it has two tags: the caller reads control again.
        let event = self.last_opening.read().ok()?;
        let last = self.generation(control);
        Some(event.map(|event| Event {
            // the latest one up to now that has these bits
            generation: Generation::of(event.generation).at_most(last),
            ..event
        }))
    }
}
