//! Transitions, and the rings in which updates store them.
//!
//! Who writes: the update that makes a transition, before it publishes. It writes each word by
//! `help_write`, tagged with the generation that begins. Each generation has one such update, so
//! words with one tag belong to one event. Who reads: any thread, at any time. A reader that finds
//! another tag came too late, and knows it. Writers never wait for a reader.
//!
//! *Wrap-around.* A slot's generations differ by the length of the ring, and each writes the first words, so
//! a tag of 24 bits is never mistaken for another. An event may leave either of the last two words as they are:
//! its first word says so, and readers skip them. Once such a word's tag is old, it is written all the same.

use crate::sync::atomic::Word;
use crate::sync::pack::{Fields, Pack};
use crate::words::control::{code, state_of};
use crate::words::deadline::Deadline;
use crate::words::outcome::{Cause, Counts, FailureKind, KIND_BITS, State};
use crate::words::tagged::{Generation, PAYLOAD_BITS, PAYLOAD_MAX, Tagged};
#[cfg(feature = "serde")]
use crate::words::units::seconds;
use alloc::boxed::Box;
use core::time::Duration;

/// A transition of a breaker: what changed, when and why, and the counts that decided it.
///
/// Each generation has exactly one, self-transitions (a `reset()` while closed) included. Two
/// readings of one transition are equal: the comparison leaves `wall_time` out.
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
/// assert_eq!(history[0].failure, Some(FailureKind::Server));
/// assert!(history[0].open_until > Some(history[0].at));
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Transition {
    /// The generation that the transition began: one more than the generation before.
    pub generation: u64,
    /// The state that ended.
    pub from: State,
    /// The state that began.
    pub to: State,
    /// Why the state changed.
    pub cause: Cause,
    /// When it happened, by the breaker's clock. Zero if that was before the clock's start, as
    /// after a restart.
    // two readings are equal in it, as they are in memory
    #[cfg_attr(
        feature = "serde",
        serde(rename = "at_seconds", serialize_with = "seconds")
    )]
    pub at: Duration,
    /// When it happened, by the wall clock. `None` on a target without a wall clock.
    ///
    /// It is computed at the time of reading, from the age of `at`. So it follows a wall clock that
    /// was set meanwhile. If the breaker's clock stopped during a suspend, the result is off by the
    /// length of the suspend. It is `None` also if a custom clock panicked on the listener's thread.
    #[cfg(feature = "std")]
    // since 1970; two readings of one transition may differ here
    #[cfg_attr(
        feature = "serde",
        serde(rename = "wall_time_seconds", serialize_with = "seconds")
    )]
    pub wall_time: Option<std::time::SystemTime>,
    /// When the wait of an opening ends, by the breaker's clock; `None` for other transitions.
    ///
    /// This is the deadline as published. It does not include what `postpone` added later, nor a
    /// wait of the dependency's own or of `trip_for` that was not yet known to the thread that
    /// carried out the transition. [`Snapshot::retry_after`](crate::Snapshot::retry_after) includes
    /// both.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "open_until_seconds", serialize_with = "seconds")
    )]
    pub open_until: Option<Duration>,
    /// The kind of the failure that tripped a rule or failed the round. `None` if a success decided
    /// (it can be the call that reaches `min_throughput`), the clock, or the controller. If several
    /// failures overlap, it is one of them.
    pub failure: Option<FailureKind>,
    /// The counts that decided: the results of the round if a round of probes ended, and otherwise
    /// the window at that moment. They include what overlapping calls recorded between the deciding
    /// outcome and the transition.
    pub counts: Counts,
    /// The run of failures at that moment, rounded down to whole ones, at most 2^29 - 1. 0 if the previous state was neither closed nor
    /// observe-only, or if the rule on runs is off. A success that overlaps the transition may have
    /// ended the run.
    pub consecutive_failures: u64,
}

impl PartialEq for Transition {
    fn eq(&self, other: &Self) -> bool {
        let read = |t: &Transition| {
            let decided = (t.counts, t.consecutive_failures, t.failure);
            (
                t.generation,
                t.from,
                t.to,
                t.cause,
                t.at,
                t.open_until,
                decided,
            )
        };
        read(self) == read(other)
    }
}

impl Eq for Transition {}

/// How many transitions each breaker keeps for observers, unless
/// [`Config::history`](crate::Config::history) is larger.
pub(crate) const HISTORY: usize = 4;
const _: () = assert!(HISTORY.is_power_of_two());

/// What an update stores of a transition. The generation has 24 bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Event {
    pub(crate) generation: u64,
    pub(crate) from: State,
    pub(crate) to: State,
    pub(crate) cause: Cause,
    /// Of the failure that decided.
    pub(crate) failure: Option<FailureKind>,
    /// Modulo 2^64: of a restored breaker it may be before the clock's beginning.
    pub(crate) at: u64,
    pub(crate) counts: Counts,
    pub(crate) run: u64,
    /// Counted from `at`; `NONE` if the breaker did not open, or if it is unknown.
    pub(crate) deadline: Deadline,
}

pub(crate) const WORDS: usize = 7;
/// The first word: what changed, and the low end of the time.
pub(crate) const META_WORD: usize = 0;
/// The high end of the time.
pub(crate) const TIME_WORD: usize = 1;
const RUN_WORD: usize = 5;
const DEADLINE_WORD: usize = 6;
/// Bits of the meta, beside which the low end of the time goes.
const META: u32 = 11;
const TIME_LOW: u32 = PAYLOAD_BITS - META;
const RUN: u32 = PAYLOAD_BITS - KIND_BITS;

impl Event {
    /// from 3 | to 3 | cause 4 | has it a kind 1 | time low 29 (from the low end); time high 35; calls;
    /// failures; slow; kind 9 | run 31; deadline
    #[inline(always)]
    pub(crate) fn pack(self) -> [u64; WORDS] {
        let failed = self.failure.is_some();
        let meta = Meta::new((self.from, self.to), self.cause, failed, self.at);
        let run = Fields::of(0)
            .put(KIND_BITS, self.failure.pack())
            .put(RUN, self.run);
        [
            meta.0,
            time_high(self.at),
            self.counts.calls & PAYLOAD_MAX,
            self.counts.failures & PAYLOAD_MAX,
            self.counts.slow & PAYLOAD_MAX,
            run.bits(),
            self.deadline.pack(),
        ]
    }

    pub(crate) fn unpack(generation: u64, payloads: [u64; WORDS]) -> Event {
        let [meta, time, calls, failures, slow, run, deadline] = payloads;
        let (mut meta, mut run) = (Fields::of(meta), Fields::of(run));
        let (from, to) = (state_of(meta.take(3)), state_of(meta.take(3)));
        let cause = Cause::unpack(meta.take(4));
        let failed = meta.take_flag();
        let at = Fields::of(0)
            .put(TIME_LOW, meta.take(TIME_LOW))
            .put(u64::BITS - TIME_LOW, time);
        let kind = Option::unpack(run.take(KIND_BITS));
        Event {
            generation,
            from,
            to,
            cause,
            failure: kind.filter(|_| failed),
            at: at.bits(),
            counts: Counts::new(calls, failures, slow),
            run: run.take(RUN),
            deadline: Deadline::unpack(deadline),
        }
    }

    /// Whether the breaker opened from closed.
    pub(crate) fn begins_outage(&self) -> bool {
        (self.from, self.to) == (State::Closed, State::Open)
    }

    /// `now`: the breaker's clock and the wall clock, at one moment.
    #[cfg_attr(
        not(feature = "std"),
        expect(unused_variables, reason = "there is no wall clock")
    )]
    pub(crate) fn transition(self, now: Now) -> Transition {
        Transition {
            generation: self.generation,
            from: self.from,
            to: self.to,
            cause: self.cause,
            at: Duration::from_nanos(from_beginning(self.at)),
            #[cfg(feature = "std")]
            wall_time: now.wall_at(self.at),
            open_until: (self.deadline != Deadline::NONE)
                .then(|| Duration::from_nanos(self.deadline.of_any(self.at))),
            failure: self.failure,
            counts: self.counts,
            consecutive_failures: self.run,
        }
    }
}

/// A moment that may be before the clock's beginning, as one that is not.
fn from_beginning(at: u64) -> u64 {
    // no clock comes near 2^63
    at.cast_signed().max(0).cast_unsigned()
}

/// The breaker's clock and the wall clock, read together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    #[cfg(feature = "std")]
    clock: u64,
    #[cfg(feature = "std")]
    wall: Option<std::time::SystemTime>,
}

#[cfg(not(feature = "std"))]
impl Now {
    pub(crate) fn read(_: u64) -> Now {
        Now {}
    }
}

#[cfg(feature = "std")]
impl Now {
    /// Where the breaker's clock cannot be read.
    pub(crate) const UNKNOWN: Now = Now {
        clock: 0,
        wall: None,
    };

    /// With the breaker's clock as it is now.
    pub(crate) fn read(clock: u64) -> Now {
        // there asking for it panics
        let none = cfg!(all(target_family = "wasm", target_os = "unknown"));
        Now {
            clock,
            wall: (!none).then(std::time::SystemTime::now),
        }
    }

    fn wall_at(self, at: u64) -> Option<std::time::SystemTime> {
        let ago = self.clock.wrapping_sub(at).cast_signed();
        let span = Duration::from_nanos(ago.unsigned_abs());
        if ago < 0 {
            self.wall?.checked_add(span)
        } else {
            self.wall?.checked_sub(span)
        }
    }
}

/// The first word's payload.
#[derive(Clone, Copy)]
pub(crate) struct Meta(pub(crate) u64);

/// The high end of a time: the second word's payload.
pub(crate) fn time_high(at: u64) -> u64 {
    at >> TIME_LOW
}

impl Meta {
    /// Of the time the low end; `failed`: whether a failure may have decided.
    pub(crate) fn new((from, to): (State, State), cause: Cause, failed: bool, at: u64) -> Meta {
        let meta = Fields::of(0)
            .put(3, code(from))
            .put(3, code(to))
            .put(4, cause.pack())
            .put_flag(failed)
            .put(TIME_LOW, Fields::of(at).take(TIME_LOW));
        Meta(meta.bits())
    }

    /// The time, with its high end.
    pub(crate) fn time(self, high: u64) -> u64 {
        high << TIME_LOW | self.0 >> META
    }

    fn states(self) -> (State, State) {
        let mut fields = Fields::of(self.0);
        (state_of(fields.take(3)), state_of(fields.take(3)))
    }

    /// Whether the breaker opened from closed.
    pub(crate) fn begins_outage(self) -> bool {
        self.states() == (State::Closed, State::Open)
    }

    /// Whether the event has nothing in that word, which then keeps what it had, under its tag: no deadline if
    /// it does not open, and no run nor kind if nothing was counted before it and no failure decided.
    pub(crate) fn leaves(self, word: usize) -> bool {
        let (from, to) = self.states();
        match word {
            RUN_WORD => {
                let failed = self.0 >> (META - 1) & 1 != 0;
                !failed && !matches!(from, State::Closed | State::ObserveOnly)
            }
            DEADLINE_WORD => to != State::Open,
            _ => false,
        }
    }
}

pub(crate) type EventWords = [Word<Tagged<Generation>>; WORDS];

/// The last events, a slot each, by generation. Their number is a power of two.
#[derive(Debug)]
pub(crate) struct EventRing<S = Box<[EventWords]>>(S);

/// Tagged with what never comes to that slot.
fn empty(slot: usize) -> EventWords {
    core::array::from_fn(|_| Word::new(Tagged::new(Generation::of(slot as u64 ^ 1), 0)))
}

impl EventRing<[EventWords; HISTORY]> {
    pub(crate) fn short() -> Self {
        EventRing(core::array::from_fn(empty))
    }
}

impl EventRing {
    pub(crate) fn of(slots: usize) -> Self {
        EventRing((0..slots).map(empty).collect())
    }
}

impl<S: AsRef<[EventWords]>> EventRing<S> {
    pub(crate) fn len(&self) -> u64 {
        self.0.as_ref().len() as u64
    }

    pub(crate) fn slot(&self, generation: u64) -> &EventWords {
        &self.0.as_ref()[(generation & (self.len() - 1)) as usize]
    }

    /// The event of that generation; `None` if it has been overwritten, or is just being.
    pub(crate) fn read(&self, generation: u64) -> Option<Event> {
        read(self.slot(generation), generation)
    }

    /// Whether the event of that generation is there, and is an opening from closed.
    pub(crate) fn has_outage(&self, generation: u64) -> bool {
        let meta = self.slot(generation)[META_WORD].load();
        meta.of(Generation::of(generation))
            .is_some_and(|meta| Meta(meta).begins_outage())
    }
}

/// The event of that generation, if it is the one that lies there.
fn read(slot: &EventWords, generation: u64) -> Option<Event> {
    let mut payloads = [0; WORDS];
    let tag = Generation::of(generation);
    let meta = Meta(slot[META_WORD].load().of(tag)?);
    for (i, (payload, word)) in payloads.iter_mut().zip(slot).enumerate() {
        if !meta.leaves(i) {
            // An update may overwrite the slot word by word. The first word with another generation's
            // tag ends the reading: it came too late.
            *payload = word.load().of(tag)?;
        }
    }
    Some(Event::unpack(generation, payloads))
}

/// The last opening from closed that has left the ring: rounds of probes soon push it out.
///
/// Who writes: the update that overwrites it in the ring, before it does, each word by `help_write`; unless the
/// ring holds a later one. Who reads: any thread; words with one tag belong to one event, because each generation has
/// one update. It is written at some transitions only, so its tag may repeat: a generation exactly
/// 2^24 later than that of the stored words overwrites them as any other does, because no writer
/// reads the tag first.
#[derive(Debug)]
pub(crate) struct LastOpening(EventWords);

impl LastOpening {
    /// The breaker has never opened: from closed to closed.
    pub(crate) fn none() -> LastOpening {
        LastOpening(core::array::from_fn(|_| Word::default()))
    }

    pub(crate) fn words(&self) -> &EventWords {
        &self.0
    }

    /// `Err` while it is just being overwritten; the generation is in 24 bits.
    pub(crate) fn read(&self) -> Result<Option<Event>, Torn> {
        // An update may overwrite the words after this load. The others are compared with this tag,
        // so words of two openings are never mixed.
        let generation = self.0[0].load().tag();
        let event = read(&self.0, generation.number()).ok_or(Torn)?;
        Ok(event.begins_outage().then_some(event))
    }

    /// No other thread has it at this point.
    pub(crate) fn put(&self, event: Event) {
        for (word, payload) in self.0.iter().zip(event.pack()) {
            word.store(Tagged::new(Generation::of(event.generation), payload));
        }
    }
}

/// Words of two events.
pub(crate) struct Torn;

#[cfg(test)]
mod tests;
