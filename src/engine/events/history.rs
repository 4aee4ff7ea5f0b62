//! Events: updates store them, and observers read them.
//!
//! One part is known only to the thread that decides: the kind of its failure. That thread stores
//! it beforehand, in a word of its own, before the exchange that decides (a round's result, the
//! announcement), so the thread that carries out the transition finds it. If two overlapping
//! failures are both about to decide, the word is the later one's, and either is a valid answer.

use crate::engine::events::event::{
    Event, HISTORY, META_WORD, Meta, Now, TIME_WORD, Transition, WORDS, time_high,
};
use crate::engine::help::Over;
use crate::engine::state::Core;
use crate::engine::transition::{advances_epochs, by_outcome, judges_round};
use crate::sync::atomic::Word;
use crate::words::control::{Control, Goal};
use crate::words::deadline::Deadline;
use crate::words::leniency::EIGHTHS;
use crate::words::outcome::{Cause, Counts, FailureKind, State};
use crate::words::tagged::{Generation, Tagged};
use alloc::vec::Vec;

/// What is agreed of an event at first.
#[derive(Clone, Copy)]
pub(crate) struct Begun {
    meta: Meta,
    high: u64,
}

impl Begun {
    pub(crate) fn time(self) -> u64 {
        self.meta.time(self.high)
    }
}

impl Core {
    /// An outcome of that generation is about to end it: with a failure of that kind, or without
    /// one.
    pub(crate) fn leave_kind(&self, generation: Generation, kind: Option<FailureKind>) {
        let ours = Tagged::new(generation, kind);
        let word = &self.ledger.deciding;
        loop {
            let left = word.load();
            // A later generation's: ours is over. An earlier one's may still be here, for no transition wipes
            // the word: it is not about this one.
            let nothing_to_say = kind.is_none() && !left.has(generation);
            if left == ours || nothing_to_say || left.later_than(generation) {
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

    /// Begins the event of the generation that this update begins, by which its helpers agree on its time: not
    /// before that of any earlier update, nor before its announcer's reading.
    pub(crate) fn begin_event(
        &self,
        announced: Control,
        (to, cause): (State, Cause),
    ) -> Result<Begun, Over> {
        let generation = announced.next_generation();
        let slot = self.history.slot(generation.number());
        self.keep_opening(announced, generation, to)?;
        let latest = &self.ledger.latest;
        // A time has more bits than a payload, so it is decided in two halves. The low half follows
        // from the high half that was decided, whichever helper did it.
        let high = self.decide_once(&slot[TIME_WORD], announced, generation, |_| {
            time_high(latest.load())
        })?;
        let meta = self.decide_once(&slot[META_WORD], announced, generation, |_| {
            let now = latest.load();
            // it may have risen past what the high half was taken from
            let at = if time_high(now) == high {
                now
            } else {
                u64::MAX
            };
            // A failure may leave its kind while helpers look, and after: which kind it was is agreed in the
            // word that has it whole.
            let failed = self.kind_of(announced, cause).is_some();
            Meta::new((announced.state(), to), cause, failed, at).0
        })?;
        let meta = Meta(meta);
        Ok(Begun { meta, high })
    }

    /// The event that is about to leave the ring is the last opening from closed: it is kept.
    fn keep_opening(
        &self,
        announced: Control,
        generation: Generation,
        to: State,
    ) -> Result<(), Over> {
        let newest = generation.number();
        let before = |n: usize| newest.wrapping_sub(n as u64);
        let opens = (announced.state(), to) == (State::Closed, State::Open);
        // The ring stays as it is up to the publication, but for this slot.
        if opens
            || !self.history.has_outage(before(HISTORY))
            || (1..HISTORY).any(|n| self.history.has_outage(before(n)))
        {
            return Ok(());
        }
        let leaving = self.history.slot(newest);
        for (word, kept) in leaving.iter().zip(self.last_opening.words()) {
            let word = word.load();
            // Another helper is overwriting it, and none does so before it has copied all.
            if !word.has(Generation::of(before(HISTORY))) {
                break;
            }
            // All helpers want the same here; and one that sleeps before its exchange does not find again
            // what was there, which an earlier generation tagged.
            self.help_write(kept, announced, |_| word)?;
        }
        Ok(())
    }

    fn kind_of(&self, announced: Control, cause: Cause) -> Option<FailureKind> {
        by_outcome(cause)
            .then(|| self.kind_left(announced.generation()))
            .flatten()
    }

    pub(crate) fn leave_event(
        &self,
        announced: Control,
        (to, cause): (State, Cause),
        begun: Begun,
        window: Counts,
        deadline: Deadline,
    ) -> Result<(), Over> {
        let counts = if announced.goal() == Goal::Step {
            let words = self.adaptive.get();
            words.map_or(Counts::default(), |words| words.ramp.total())
        } else if judges_round(announced.goal()) {
            // The decided round stays as it is until `begin_generation` replaces it, and by then
            // the event is agreed.
            let round = self.probing.round.load();
            Counts::new(round.results(), round.failed, round.slow)
        } else {
            window
        };
        let run = match announced.counting() && announced.runs() {
            true if advances_epochs(announced.goal()) => {
                self.run_beside(announced.generation(), window)
            }
            // that of the outcome which decided, however old its epoch is by now
            true => self.run_in(announced.generation()),
            false => 0,
        };
        let generation = announced.next_generation();
        let event = Event {
            generation: generation.number(),
            from: announced.state(),
            to,
            cause,
            failure: self.kind_of(announced, cause),
            at: begun.time(),
            counts,
            run: run / EIGHTHS,
            deadline,
        };
        let mut payloads = event.pack();
        (payloads[META_WORD], payloads[TIME_WORD]) = (begun.meta.0, begun.high);
        let leaves = |i: usize, word: &Word<Tagged<Generation>>| {
            // By the first word, on which all helpers have agreed.
            begun.meta.leaves(i) && !word.load().is_old(generation)
        };
        let slot = self.history.slot(event.generation);
        for i in TIME_WORD + 1..WORDS {
            if !leaves(i, &slot[i]) {
                // helpers may have read the run or the failure's kind, which are not frozen, at different
                // moments
                let payload = payloads[i];
                payloads[i] = self.decide_once(&slot[i], announced, generation, |_| payload)?;
            }
        }
        let longer = self.longer.as_ref();
        let longer = longer.map(|ring| ring.slot(event.generation));
        // A listener may subscribe now, and make the queue after this load. Its subscription
        // finishes this update before it begins to read.
        let queue = self.queue.get();
        let queue = queue.map(|queue| queue.slot(event.generation));
        // The rings have one slot per generation modulo their length, so this overwrites an
        // event that is out of their reach.
        for copy in [longer, queue].into_iter().flatten() {
            for (i, (word, agreed)) in copy.iter().zip(payloads).enumerate() {
                if !leaves(i, word) {
                    self.decide_once(word, announced, generation, |_| agreed)?;
                }
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
        self.events_before(u64::MAX, u64::MAX)
    }

    /// The last of these before that generation, at most so many, oldest first.
    pub(crate) fn events_before(&self, generation: u64, most: u64) -> Vec<Transition> {
        let kept = u64::from(self.head.policy.load().config.history);
        let read = |generation| self.kept_event(generation);
        loop {
            // Transitions may follow while the ring is read. They overwrite the oldest events, and
            // are not in this list.
            let last = self.generation(self.control());
            let first = (last + 1).saturating_sub(kept).max(1);
            // the latest first: what is overwritten meanwhile is the oldest
            let end = last.saturating_add(1).min(generation);
            let first = first.max(end.saturating_sub(most));
            let events: Vec<Event> = (first..end).rev().map_while(read).collect();
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
        let last = self.generation(control);
        let oldest = (last + 1).saturating_sub(HISTORY as u64);
        // While control is that word the ring stays as it is. If it has moved on, the caller finds out.
        let latest = (oldest..=last).rev().find(|n| self.history.has_outage(*n));
        if let Some(latest) = latest {
            return self.history.read(latest).map(Some);
        }
        // Overwritten while it is read, it has two tags: the caller reads control again.
        let event = self.last_opening.read().ok()?;
        Some(event.map(|event| Event {
            // the latest one up to now that has these bits
            generation: Generation::of(event.generation).at_most(last),
            ..event
        }))
    }
}
