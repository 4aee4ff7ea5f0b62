//! A breaker whose finite tags have been moved to just below their wraps, and its twin.

use crate::config::settings::{HalfOpen, Window};
use crate::engine::events::event::{Event, Transition};
use crate::engine::snapshot::Snapshot;
use crate::engine::state::Core;
use crate::engine::window::Shape;
use crate::engine::window::class::{CLASSES, Class};
use crate::handles::breaker::Breaker;
use crate::handles::controller::Controller;
use crate::handles::local::Local;
use crate::handles::permit::OwnedPermit;
use crate::sync::atomic::Word;
use crate::sync::pack::Pack;
use crate::words::control::Control;
use crate::words::deadline::Deadline;
use crate::words::outcome::{Cause, Counts, FailureKind, Outcome, State};
use crate::words::round::Round;
use crate::words::run::Run;
use crate::words::tagged::{
    EpochNumber, Generation, PAYLOAD_BITS, PAYLOAD_MAX, TAG_BITS, Tag, Tagged, Version,
};
use crate::{Backoff, Builder, ManualClock};
use alloc::vec::Vec;
use core::time::Duration;

pub(super) const TAGS: u64 = 1 << TAG_BITS;
pub(super) const BUCKET: Duration = Duration::from_millis(10);
pub(super) const SLOW: Duration = Duration::from_millis(2);

pub(super) struct Rig {
    pub(super) breaker: Breaker,
    pub(super) controller: Controller,
    pub(super) local: Local,
    pub(super) clock: ManualClock,
    pub(super) held: Vec<OwnedPermit>,
}

pub(super) fn rules(b: Builder) -> Builder {
    b.failure_rate(0.5)
        .min_throughput(4)
        .failure_count(5)
        .consecutive_failures(4)
        .slow_rate(0.9)
}

pub(super) fn by_time(b: Builder) -> Builder {
    rules(b).window(Window::time(BUCKET * 3).buckets(3))
}

/// With a fifth class of outcomes.
pub(super) fn by_weight(b: Builder) -> Builder {
    by_time(b).lenient([FailureKind::Connect], 0.625)
}

pub(super) fn by_nine(b: Builder) -> Builder {
    rules(b).window(Window::count(9))
}

pub(super) fn by_twenty(b: Builder) -> Builder {
    rules(b).window(Window::count(20))
}

pub(super) const WINDOWS: [fn(Builder) -> Builder; 3] = [by_time, by_nine, by_twenty];

pub(super) fn rig(about: impl FnOnce(Builder) -> Builder) -> Rig {
    let clock = ManualClock::new();
    let builder = Breaker::builder("wrapped")
        .clock(&clock)
        .slow_call(SLOW)
        .open_for(Backoff::exponential(Duration::from_millis(5), 2.0))
        .half_open(HalfOpen::rate(3, 0.7).probe_timeout(BUCKET));
    let Ok((breaker, controller)) = about(builder).build_with_controller() else {
        unreachable!("valid");
    };
    Rig {
        local: breaker.local(),
        breaker,
        controller,
        clock,
        held: Vec::new(),
    }
}

/// By what a breaker's words are ahead of its twin's.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shift {
    pub(super) generation: u64,
    pub(super) time: Duration,
    /// By class.
    pub(super) counts: [u64; CLASSES],
}

/// All that can be seen, less the shift.
pub(super) fn seen(rig: &Rig, by: Shift) -> (Snapshot, Vec<Transition>) {
    let observer = rig.breaker.observer();
    let mut s = observer.snapshot();
    s.generation -= by.generation;
    s.transitions -= by.generation;
    let of = |c: Class| by.counts[c as usize];
    s.totals.successes -= of(Class::FastSuccess) + of(Class::SlowSuccess);
    s.totals.failures -=
        of(Class::FastFailure) + of(Class::SlowFailure) + of(Class::LenientFailure);
    s.totals.slow -= of(Class::SlowSuccess) + of(Class::SlowFailure);
    let history = observer.history().into_iter();
    let own = history.filter(|e| e.generation > by.generation);
    let unshifted = |e: Transition| Transition {
        generation: e.generation - by.generation,
        at: e.at - by.time,
        open_until: e.open_until.map(|until| until - by.time),
        ..e
    };
    let history = own.map(unshifted);
    s.last_opening = s.last_opening.map(unshifted);
    (s, history.collect())
}

pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }
}

pub(super) fn end(permit: OwnedPermit, by: u64) {
    let bad = Outcome::Failure(FailureKind::Server);
    match by {
        0..5 => permit.success(),
        5..9 => permit.failure(FailureKind::Connect),
        9 => permit.record_timed(Outcome::Success, SLOW * 2),
        10 => permit.record_timed(bad, SLOW * 2),
        11 => permit.ignore(),
        12 => permit.record(bad.with_retry_after(Duration::from_millis(3))),
        _ => drop(permit),
    }
}

/// One step of a script; what the caller was told.
pub(super) fn step(rig: &mut Rig, mut dice: Dice) -> bool {
    let c = &rig.controller;
    match dice.roll(31) {
        0..10 => match rig.breaker.try_acquire_owned() {
            Ok(permit) => end(permit, dice.roll(14)),
            Err(_) => return false,
        },
        10..14 => match rig.local.try_acquire() {
            Ok(permit) => permit.success(),
            Err(_) => return false,
        },
        14..16 => match rig.breaker.try_acquire_owned() {
            Ok(permit) => rig.held.push(permit),
            Err(_) => return false,
        },
        16..18 if !rig.held.is_empty() => end(rig.held.swap_remove(0), dice.roll(14)),
        16..23 => rig
            .clock
            .advance(BUCKET / [1, 2, 10][dice.roll(3) as usize]),
        23 => return c.trip(),
        24 => return c.half_open(),
        25 => return c.reset(),
        26 => return [Controller::observe_only, Controller::disable][dice.roll(2) as usize](c),
        27 => return c.release(),
        28 => return c.postpone(BUCKET),
        29 => {
            let seen = c.observer().snapshot().generation;
            return c.half_open_from(seen.saturating_sub(dice.roll(2)));
        }
        _ => {
            // switched off, or on again
            let runs = dice.roll(2) == 0;
            let changed = c.reconfigure(|rules| {
                let rules = rules.no_failure_rules().failure_count(5).failure_rate(0.5);
                if runs {
                    rules.consecutive_failures(4)
                } else {
                    rules
                }
            });
            return changed.is_ok();
        }
    }
    true
}

/// Both go through the same script, and look the same after each step.
pub(super) fn together(shifted: &mut Rig, by: Shift, twin: &mut Rig, seed: u64, steps: u64) {
    assert_eq!(seen(shifted, by), seen(twin, Shift::default()), "at first");
    let mut dice = Dice(seed.wrapping_mul(0xD134_2543_DE82_EF95) | 1);
    dice.roll(2);
    for n in 0..steps {
        let next = dice.roll(u64::MAX) | 1;
        let said = [step(shifted, Dice(next)), step(twin, Dice(next))];
        assert_eq!(said[0], said[1], "seed {seed}, step {n}");
        let (s, t) = (seen(shifted, by), seen(twin, Shift::default()));
        assert_eq!(s, t, "seed {seed}, step {n}");
    }
}

// ---- shifts

/// The payload, under the same tag.
pub(super) fn set<T: Tag, P: Pack>(word: &Word<Tagged<T, P>>, to: impl FnOnce(P) -> P) {
    let is = word.load();
    word.store(Tagged::new(is.tag(), to(is.payload())));
}

/// The tag moves on by so much, with the same payload.
fn move_on<T: Tag, P: Pack>(word: &Word<Tagged<T, P>>, ahead: u64) {
    let is = word.load();
    word.store(is.retag(T::from_bits(is.tag().bits().wrapping_add(ahead))));
}

/// Every word that bears a version.
fn move_versions(core: &Core, ahead: u64) {
    let (h, l) = (&core.head, &core.ledger);
    move_on(&h.slow_limit, ahead);
    move_on(&h.run_limit, ahead);
    move_on(&l.time_high, ahead);
    move_on(&l.time_low, ahead);
    move_on(&l.decision, ahead);
    match &h.window {
        Shape::Count(_) => {
            leave_log_behind(core, ahead);
            for stripe in core.stripes.all() {
                move_on(&stripe.counts[Class::FastSuccess as usize], ahead);
            }
        }
        Shape::Time(_) => {
            for stripe in core.stripes.all() {
                let words = stripe.counts.iter().chain(&stripe.limits);
                words.for_each(|word| move_on(word, ahead));
            }
            for owned in core.stripes.owned() {
                move_on(&owned.seen, ahead);
            }
        }
    }
}

/// As if the words that updates may leave had been left for a whole range, but for a few: their tags come again
/// after so many updates or transitions, with something that is not of then.
pub(super) fn leave_behind(core: &Core, ahead: u64) {
    let (h, l) = (&core.head, &core.ledger);
    move_on(&h.slow_limit, ahead);
    move_on(&h.run_limit, ahead);
    move_on(&l.time_high, ahead);
    move_on(&l.decision, ahead);
    if let Shape::Time(_) = &h.window {
        for limit in &core.stripes.get(0).limits {
            move_on(limit, ahead);
            set(limit, |limit| limit + PAYLOAD_MAX / 4);
        }
    }
    set(&l.time_high, |_| 1 << 20);
    set(&l.run, |run| Run { length: 3, ..run });
    set(&l.deadline, |_| Deadline::unpack(PAYLOAD_MAX));
    set(&l.deciding, |_| Some(FailureKind::Data));
    move_on(&l.run, ahead);
    move_on(&l.openings, ahead);
    move_on(&l.deadline, ahead);
    move_on(&l.deciding, ahead);
    core.probing.round.store(Round {
        succeeded: 2,
        ..Round::fresh(Generation::of(ahead))
    });
}

/// The same of the words that a count window's log consists of.
pub(super) fn leave_log_behind(core: &Core, ahead: u64) {
    let Shape::Count(window) = &core.head.window else {
        unreachable!("a window of time has no log");
    };
    move_on(&window.log, ahead);
    move_on(&window.at, ahead);
    move_on(&window.entries, ahead);
    move_on(&window.holds, ahead);
}

pub(super) fn set_version(core: &Core, version: u64) {
    let c = core.control();
    let to = Control::unpack(c.pack() & PAYLOAD_MAX | version << PAYLOAD_BITS);
    move_versions(core, version.wrapping_sub(c.version().0));
    core.head.control.store(to);
    assert_eq!(to.version(), Version(version));
}

/// A breaker to which nothing has happened is taken to that generation.
pub(super) fn set_generation(core: &Core, generation: u64) -> Shift {
    let c = core.control();
    let tag = Generation::of(generation);
    assert_eq!(c.generation(), Generation::default());
    let shift = 16;
    let to = Control::unpack(c.pack() | tag.number() << shift);
    assert_eq!(to.generation(), tag);
    assert_eq!(
        (to.version(), to.state(), to.level()),
        (c.version(), c.state(), c.level())
    );
    let l = &core.ledger;
    move_on(&l.run, tag.number());
    move_on(&l.openings, tag.number());
    move_on(&l.deadline, tag.number());
    move_on(&l.deciding, tag.number());
    l.generations.store(generation);
    core.probing.round.store(Round::fresh(tag));
    // its event, which an observer looks for
    let event = Event {
        generation,
        from: State::Closed,
        to: State::Closed,
        cause: Cause::Manual,
        at: 0,
        counts: Counts::default(),
        run: 0,
        failure: None,
        deadline: Deadline::NONE,
    };
    for (word, payload) in core.history.slot(generation).iter().zip(event.pack()) {
        word.store(Tagged::new(tag, payload));
    }
    core.head.control.store(to);
    Shift {
        generation,
        ..Shift::default()
    }
}

/// A breaker to which nothing has happened has counted that much before.
pub(super) fn set_counts(core: &Core, counts: [u64; CLASSES]) -> Shift {
    let Shape::Time(b) = &core.head.window else {
        unreachable!("only a window of time has finite counts");
    };
    let stripe = core.stripes.get(0);
    for (word, count) in stripe.counts.iter().zip(counts) {
        set(word, |_| count);
    }
    for (limit, count) in stripe.limits.iter().zip(&counts) {
        set(limit, |limit| limit.wrapping_add(*count));
    }
    for (long, count) in core.ledger.lifetime.iter().zip(counts) {
        long.store(count);
    }
    let sum = |classes: &[Class]| classes.iter().map(|c| counts[*c as usize]).sum::<u64>();
    let failures = sum(&[
        Class::FastFailure,
        Class::SlowFailure,
        Class::LenientFailure,
    ]);
    let calls = failures + sum(&[Class::FastSuccess, Class::SlowSuccess]);
    let slow = sum(&[Class::SlowSuccess, Class::SlowFailure]);
    for epoch in 0..=b.buckets() {
        let slot = b.slot(epoch);
        for (word, count) in [
            (&slot.calls, calls),
            (&slot.failures, failures),
            (&slot.slow, slow),
        ] {
            set(word, |_| count);
        }
    }
    if let Some(words) = core.lenient_words() {
        let lenient = counts[Class::LenientFailure as usize];
        set(&words.tick, |_| lenient);
        for epoch in 0..=b.buckets() {
            let start = Tagged::new(EpochNumber(epoch), lenient & PAYLOAD_MAX);
            words.start(epoch).store(start);
        }
    }
    Shift {
        counts,
        ..Shift::default()
    }
}

/// A breaker with a count window, to which nothing has happened, has counted that much before.
pub(super) fn set_positions(core: &Core, successes: u64, entries: u64) -> Shift {
    let Shape::Count(window) = &core.head.window else {
        unreachable!("of outcomes");
    };
    set(&window.at, |_| {
        successes.wrapping_add(entries) & PAYLOAD_MAX
    });
    set(&window.entries, |_| entries);
    let first = Class::FastSuccess as usize;
    set(&core.stripes.get(0).counts[first], |_| successes);
    core.ledger.lifetime[first].store(successes);
    let mut counts = [0; CLASSES];
    counts[first] = successes;
    Shift {
        counts,
        ..Shift::default()
    }
}
