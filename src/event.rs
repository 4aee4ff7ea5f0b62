//! Transitions, and the rings in which audits leave them.
//!
//! Who writes: the audit that makes a transition, each word by `settle`, tagged with its version,
//! before it publishes. Who reads: anyone, at any time: words that carry one and the same version
//! are of one event, and the first of them says of which generation. A reader that finds another
//! generation came too late, and knows it. Nobody waits for a reader.

use crate::control::{GENERATION_BITS, code};
use crate::outcome::{Cause, Counts, State};
use crate::rules::Tally;
use crate::sync::Word;
use crate::tagged::{PAYLOAD_MAX, TAG_BITS, Tagged};
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
    /// (or ended by its timeout or its cancellations), the window as it then stood elsewhere.
    pub counts: Counts,
    /// The run of failures at that moment; 0 unless the state that ended was closed or
    /// observe-only and a run is counted.
    pub consecutive_failures: u64,
}

/// The transitions that an observer can read back: the last eight.
pub(crate) const HISTORY: usize = 8;

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

const WORDS: usize = 7;
const HALF: u64 = u32::MAX as u64;

impl Event {
    /// meta: generation 24 | from 3 | to 3 | cause 4; time low 32; time high 32; calls; failures;
    /// slow; run
    pub(crate) fn payloads(self) -> [u64; WORDS] {
        let meta = self.generation
            | code(self.from) << GENERATION_BITS
            | code(self.to) << (GENERATION_BITS + 3)
            | self.cause.bits() << (GENERATION_BITS + 6);
        [
            meta,
            self.at & HALF,
            self.at >> 32,
            self.counts.calls & PAYLOAD_MAX,
            self.counts.failures & PAYLOAD_MAX,
            self.counts.slow & PAYLOAD_MAX,
            self.run & PAYLOAD_MAX,
        ]
    }

    fn generation_of(meta: u64) -> u64 {
        meta & ((1 << GENERATION_BITS) - 1)
    }

    fn of(p: [u64; WORDS]) -> Event {
        let state = |n: u32| crate::control::state_of(p[0] >> (GENERATION_BITS + n));
        Event {
            generation: Event::generation_of(p[0]),
            from: state(0),
            to: state(3),
            cause: Cause::from_bits(p[0] >> (GENERATION_BITS + 6) & 0b1111),
            at: p[2] << 32 | p[1],
            counts: Tally {
                calls: p[3],
                failures: p[4],
                slow: p[5],
            },
            run: p[6],
        }
    }

    pub(crate) fn transition(self, generation: u64) -> Transition {
        Transition {
            generation,
            from: self.from,
            to: self.to,
            cause: self.cause,
            at: Duration::from_nanos(self.at),
            counts: self.counts.counts(),
            consecutive_failures: self.run,
        }
    }
}

/// The last events, a slot each, by generation.
#[derive(Debug)]
pub(crate) struct Ring(Box<[[Word; WORDS]]>);

impl Ring {
    pub(crate) fn new(slots: usize) -> Ring {
        Ring(
            (0..slots.next_power_of_two())
                .map(|_| Default::default())
                .collect(),
        )
    }

    pub(crate) fn len(&self) -> u64 {
        self.0.len() as u64
    }

    pub(crate) fn slot(&self, generation: u64) -> &[Word; WORDS] {
        &self.0[(generation & (self.len() - 1)) as usize]
    }

    /// Did the audit of that version make the transition to that generation?
    pub(crate) fn is_by(&self, generation: u64, version: u64) -> bool {
        let first = Tagged(self.slot(generation)[0].load());
        let sought = generation & ((1 << GENERATION_BITS) - 1);
        first.has(version) && Event::generation_of(first.payload()) == sought
    }

    /// The event of that generation; `None` if it has been overwritten, or is just being.
    pub(crate) fn read(&self, generation: u64) -> Option<Event> {
        let slot = self.slot(generation);
        let first = Tagged(slot[0].load());
        let version = first.0 & ((1 << TAG_BITS) - 1);
        let mut payloads = [first.payload(); WORDS];
        for (payload, word) in payloads.iter_mut().zip(slot).skip(1) {
            let w = Tagged(word.load());
            if !w.has(version) {
                return None;
            }
            *payload = w.payload();
        }
        let event = Event::of(payloads);
        let sought = generation & ((1 << GENERATION_BITS) - 1);
        // the first again: between its first reading and the last word a later audit may have
        // written all but it
        (event.generation == sought && slot[0].load() == first.0).then_some(event)
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
            n in prop::array::uniform4(0..=PAYLOAD_MAX), version in 0u64..1 << 24,
        ) {
            let e = Event {
                generation, from: STATES[from], to: STATES[to], cause: Cause::from_bits(cause), at,
                counts: Tally { calls: n[0], failures: n[1], slow: n[2] }, run: n[3],
            };
            prop_assert_eq!(Event::of(e.payloads()), e);
            let ring = Ring::new(HISTORY);
            for (word, payload) in ring.slot(generation).iter().zip(e.payloads()) {
                word.store(Tagged::new(version, payload).0);
            }
            prop_assert_eq!(ring.read(generation), Some(e));
            prop_assert!(ring.is_by(generation, version));
            prop_assert!(!ring.is_by(generation, version + 1) && !ring.is_by(generation + 8, version));
            prop_assert_eq!(ring.read(generation + 8), None, "another generation's");
            ring.slot(generation)[3].store(Tagged::new(version + 1, 0).0);
            prop_assert_eq!(ring.read(generation), None, "half written");
        }
    }
}
