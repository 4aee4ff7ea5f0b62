//! Transitions, and the rings in which audits leave them.
//!
//! Who writes: the audit that makes a transition, each word by `settle`, tagged with the generation
//! that begins, before it publishes. There is one such audit for each generation, so words of one tag
//! are of one event. Who reads: anyone, at any time; a reader that finds another tag came too late,
//! and knows it. Nobody waits for a reader.
//!
//! *Wrap-around.* A slot's generations differ by the length of the ring, and each is written, so a
//! tag of 24 bits is never mistaken for another.

use crate::control::{code, state_of};
use crate::outcome::{Cause, Counts, State};
use crate::rules::Tally;
use crate::sync::Word;
use crate::tagged::{PAYLOAD_MAX, Tagged};
use alloc::boxed::Box;
use core::time::Duration;

/// One transition of a breaker: what, when, why, and the counts that decided it.
///
/// Each generation has exactly one, self-transitions (a `reset()` while closed) included.
///
/// ```
/// use tripcoil::{Breaker, Cause, FailureKind, State};
///
/// let breaker = Breaker::builder("db").consecutive_failures(2).build()?;
/// for _ in 0..2 {
///     if let Ok(permit) = breaker.try_acquire() {
///         permit.failure(FailureKind::Server);
///     }
/// }
/// let history = breaker.observer().history();
/// assert_eq!(history.len(), 1);
/// assert_eq!((history[0].from, history[0].to), (State::Closed, State::Open));
/// assert_eq!(history[0].cause, Cause::ConsecutiveFailures);
/// assert_eq!(history[0].counts.failures, 2);
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Transition {
    /// The generation that began with it: one more than that of the transition before.
    pub generation: u64,
    /// The state that ended.
    pub from: State,
    /// The state that began.
    pub to: State,
    /// Why.
    pub cause: Cause,
    /// When, by the breaker's clock.
    pub at: Duration,
    /// The counts that decided it: the results of the round where a round of probes was decided
    /// (or ended by its timeout or its cancellations), the window as it then stood elsewhere. What
    /// overlapping calls recorded between the outcome that decided and the transition is in them.
    pub counts: Counts,
    /// The run of failures at that moment; 0 unless the state that ended was closed or
    /// observe-only and a run is counted. A success that overlaps the transition may have ended it.
    pub consecutive_failures: u64,
}

/// The transitions that an observer can read back: the last four.
pub(crate) const HISTORY: usize = 4;
const _: () = assert!(HISTORY.is_power_of_two());

/// What an audit leaves of a transition; the generation is in 24 bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Event {
    pub(crate) generation: u64,
    pub(crate) from: State,
    pub(crate) to: State,
    pub(crate) cause: Cause,
    pub(crate) at: u64,
    pub(crate) counts: Tally,
    pub(crate) run: u64,
}

pub(crate) const WORDS: usize = 6;
/// Bits of the time that go beside the meta, which takes ten.
const TIME_LOW: u32 = 30;

impl Event {
    /// from 3 | to 3 | cause 4 | time low 30 (from the low end); time high 34; calls; failures; slow; run
    pub(crate) fn payloads(self) -> [u64; WORDS] {
        let meta = code(self.from) | code(self.to) << 3 | self.cause.bits() << 6;
        [
            meta | (self.at & ((1 << TIME_LOW) - 1)) << 10,
            self.at >> TIME_LOW,
            self.counts.calls & PAYLOAD_MAX,
            self.counts.failures & PAYLOAD_MAX,
            self.counts.slow & PAYLOAD_MAX,
            self.run & PAYLOAD_MAX,
        ]
    }

    pub(crate) fn of(generation: u64, p: [u64; WORDS]) -> Event {
        Event {
            generation,
            from: state_of(p[0]),
            to: state_of(p[0] >> 3),
            cause: Cause::from_bits(p[0] >> 6 & 0b1111),
            at: p[1] << TIME_LOW | p[0] >> 10,
            counts: Tally {
                calls: p[2],
                failures: p[3],
                slow: p[4],
            },
            run: p[5],
        }
    }

    pub(crate) fn transition(self) -> Transition {
        Transition {
            generation: self.generation,
            from: self.from,
            to: self.to,
            cause: self.cause,
            at: Duration::from_nanos(self.at),
            counts: self.counts.counts(),
            consecutive_failures: self.run,
        }
    }
}

pub(crate) type Slot = [Word; WORDS];

/// The last events, a slot each, by generation. Their number is a power of two.
#[derive(Debug)]
pub(crate) struct Ring<S = Box<[Slot]>>(S);

/// Tagged with what never comes to that slot.
fn empty(slot: usize) -> Slot {
    core::array::from_fn(|_| Word::new(Tagged::new(slot as u64 ^ 1, 0).0))
}

impl Ring<[Slot; HISTORY]> {
    pub(crate) fn short() -> Self {
        Ring(core::array::from_fn(empty))
    }
}

#[cfg(feature = "std")]
impl Ring {
    pub(crate) fn of(slots: usize) -> Self {
        Ring((0..slots).map(empty).collect())
    }
}

impl<S: AsRef<[Slot]>> Ring<S> {
    pub(crate) fn len(&self) -> u64 {
        self.0.as_ref().len() as u64
    }

    pub(crate) fn slot(&self, generation: u64) -> &Slot {
        &self.0.as_ref()[(generation & (self.len() - 1)) as usize]
    }

    /// The event of that generation; `None` if it has been overwritten, or is just being.
    pub(crate) fn read(&self, generation: u64) -> Option<Event> {
        let mut payloads = [0; WORDS];
        for (payload, word) in payloads.iter_mut().zip(self.slot(generation)) {
            let w = Tagged(word.load());
            if !w.has(generation) {
                return None;
            }
            *payload = w.payload();
        }
        Some(Event::of(generation, payloads))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STATES: [State; 6] = [
        State::Closed,
        State::Open,
        State::HalfOpen,
        State::ForcedOpen,
        State::Disabled,
        State::ObserveOnly,
    ];

    proptest! {
        #[test]
        fn an_event_gives_back_what_was_put_in(
            generation in 0u64..1 << 24, from in 0usize..6, to in 0usize..6, cause in 0u64..10, at: u64,
            n in prop::array::uniform4(0..=PAYLOAD_MAX),
        ) {
            let e = Event {
                generation, from: STATES[from], to: STATES[to], cause: Cause::from_bits(cause), at,
                counts: Tally { calls: n[0], failures: n[1], slow: n[2] }, run: n[3],
            };
            prop_assert_eq!(Event::of(generation, e.payloads()), e);
            let ring = Ring::short();
            prop_assert_eq!(ring.read(generation), None, "nothing has been written");
            for (word, payload) in ring.slot(generation).iter().zip(e.payloads()) {
                word.store(Tagged::new(generation, payload).0);
            }
            prop_assert_eq!(ring.read(generation), Some(e));
            prop_assert_eq!(ring.read(generation + HISTORY as u64), None, "another generation's");
            ring.slot(generation)[3].store(Tagged::new(generation + HISTORY as u64, 0).0);
            prop_assert_eq!(ring.read(generation), None, "half overwritten");
        }
    }
}
