//! A breaker at work: what its workers did to it, and what is right of it whenever they rest.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tripcoil::call::OwnedPermit;
use tripcoil::{
    Backoff, Breaker, Cause, Controller, FailureKind, HalfOpen, ManualClock, Observer, Outcome,
    Snapshot, State, Subscription, Transition, Window,
};

/// A bucket's width.
pub(crate) const EPOCH: Duration = Duration::from_millis(1);
const SLOW: Duration = Duration::from_millis(500);

pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(0x9E37_79B9_7F4A_7C15 ^ (seed + 1).wrapping_mul(0xD134_2543_DE82_EF95))
    }

    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }
}

/// What workers did, by their own account.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Did {
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
    pub(crate) dropped: u64,
    pub(crate) rejected: u64,
}

impl Did {
    pub(crate) fn calls(&self) -> u64 {
        self.ended() + self.rejected
    }

    fn ended(&self) -> u64 {
        self.succeeded + self.failed + self.ignored + self.dropped
    }

    pub(crate) fn add(&mut self, more: &Did) {
        self.succeeded += more.succeeded;
        self.failed += more.failed;
        self.ignored += more.ignored;
        self.dropped += more.dropped;
        self.rejected += more.rejected;
    }
}

/// What a listener keeps of the generations it is told.
#[derive(Default)]
struct Ear {
    last: AtomicU64,
    heard: AtomicU64,
    skipped: AtomicU64,
    wrong: AtomicU64,
}

impl Ear {
    fn hear(&self, event: &Transition) {
        let last = self.last.swap(event.generation, Ordering::SeqCst);
        self.heard.fetch_add(1, Ordering::SeqCst);
        match event.generation.checked_sub(last + 1) {
            Some(skipped) => self.skipped.fetch_add(skipped, Ordering::SeqCst),
            None => self.wrong.fetch_add(1, Ordering::SeqCst),
        };
    }
}

pub(crate) struct World {
    name: &'static str,
    breaker: Breaker,
    controller: Controller,
    observer: Observer,
    pub(crate) clock: ManualClock,
    ear: Arc<Ear>,
    listening: Subscription,
    /// Of a thousand results, those that fail.
    weather: AtomicU64,
    /// What was put off last: the Open of that generation, until then.
    put_off: Mutex<Option<(u64, Duration)>>,
}

impl World {
    pub(crate) fn new(name: &'static str, window: Window) -> World {
        let clock = ManualClock::new();
        let (breaker, controller) = Breaker::builder(name)
            .clock(&clock)
            .window(window)
            .failure_rate(0.6)
            .min_throughput(10)
            .consecutive_failures(8)
            .slow_call(SLOW)
            .slow_rate(0.9)
            .open_for(
                Backoff::exponential(EPOCH * 2, 1.5)
                    .max(EPOCH * 8)
                    .jitter(0.3),
            )
            .half_open(HalfOpen::rate(5, 0.8).probe_timeout(EPOCH * 5))
            .build_with_controller()
            .expect("valid");
        let observer = breaker.observer();
        let ear = Arc::new(Ear::default());
        let hearing = Arc::clone(&ear);
        let listening = observer.subscribe(move |event| hearing.hear(event));
        World {
            name,
            breaker,
            controller,
            observer,
            clock,
            ear,
            listening,
            weather: AtomicU64::new(300),
            put_off: Mutex::new(None),
        }
    }

    fn end(&self, permit: OwnedPermit, dice: &mut Dice, did: &mut Did) {
        end!(permit, self.weather.load(Ordering::Relaxed), dice, did);
    }

    /// That many calls, through a handle of their own and past it.
    pub(crate) fn work(&self, calls: u64, dice: &mut Dice, held: &mut Vec<OwnedPermit>) -> Did {
        let mut did = Did::default();
        let local = self.breaker.local();
        let weather = self.weather.load(Ordering::Relaxed);
        for n in 0..calls {
            if n % 64 == 0 {
                self.clock.advance(Duration::from_nanos(dice.roll(800_000)));
            }
            if dice.roll(4096) == 0 {
                // an operator of its own, whose wait others may find too short
                self.controller.trip_for(EPOCH);
            }
            match dice.roll(8) {
                0 | 1 => match self.breaker.try_acquire() {
                    Ok(permit) => end!(permit, weather, dice, did),
                    Err(_) => did.rejected += 1,
                },
                2 => match self.breaker.try_acquire_owned() {
                    // some are kept, and may be late
                    Ok(permit) if held.len() < 8 => held.push(permit),
                    Ok(permit) => end!(permit, weather, dice, did),
                    Err(_) => did.rejected += 1,
                },
                3 => {
                    let fails = dice.roll(1000) < weather;
                    let answer = self.breaker.call(|| if fails { Err(()) } else { Ok(()) });
                    match answer {
                        Ok(()) => did.succeeded += 1,
                        Err(tripcoil::CallError::Inner(())) => did.failed += 1,
                        Err(_) => did.rejected += 1,
                    }
                }
                _ => match local.try_acquire() {
                    Ok(permit) => end!(permit, weather, dice, did),
                    Err(_) => did.rejected += 1,
                },
            }
            if dice.roll(16) == 0
                && let Some(permit) = held.pop()
            {
                self.end(permit, dice, &mut did);
            }
        }
        did
    }

    /// Calls that are still under way end.
    pub(crate) fn finish(&self, held: Vec<OwnedPermit>, dice: &mut Dice) -> Did {
        let mut did = Did::default();
        for permit in held {
            self.end(permit, dice, &mut did);
        }
        did
    }

    /// What a breaker allocates once, when it first has a use for it: a local handle's stripes, and the
    /// long ring of a listener that has fallen behind (of 1024 transitions, the largest by far). The
    /// reserve of such rings is full again when this returns.
    pub(crate) fn bring_out(&self) {
        drop(self.breaker.local());
        let behind = self.observer.events();
        for _ in 0..64 {
            self.controller.trip();
            self.controller.reset();
        }
        drop(behind);
        drop(self.observer.events());
    }

    /// What an operator does now and then.
    pub(crate) fn meddle(&self, dice: &mut Dice) {
        let c = &self.controller;
        match dice.roll(24) {
            0 => c.trip(),
            1 => c.trip_for(EPOCH),
            2 => c.half_open(),
            3 => c.reset(),
            4 => c.observe_only(),
            5 => c.force_open(),
            6..=11 => c.release(),
            12 => self.postpone(dice),
            13 => c
                .reconfigure(|rules| rules.failure_rate([0.5, 0.9][dice.roll(2) as usize]))
                .is_ok(),
            14 => c
                .reconfigure(|rules| {
                    let rules = rules.no_failure_rules().failure_rate(0.6);
                    match dice.roll(2) {
                        0 => rules,
                        _ => rules.consecutive_failures(8),
                    }
                })
                .is_ok(),
            15 => {
                // a listener that comes and goes
                drop(self.observer.subscribe(|_| {}));
                true
            }
            _ => {
                let weather = [0, 1, 1, 20, 300, 700][dice.roll(6) as usize];
                self.weather.store(weather, Ordering::Relaxed);
                true
            }
        };
    }

    /// In the Open that was seen, in whichever it is, or not at all.
    fn postpone(&self, dice: &mut Dice) -> bool {
        let wait = EPOCH * (1 + dice.roll(4) as u32);
        if dice.roll(4) == 0 {
            return self.controller.postpone(wait);
        }
        let until = self.clock.now() + wait;
        let seen = self.observer.snapshot();
        let moved = self.controller.postpone_in(seen.generation, wait);
        if moved {
            assert_eq!(seen.state, State::Open, "{}", self.name);
            *self.put_off.lock().expect("no panic") = Some((seen.generation, until));
        } else if dice.roll(8) == 0 && self.controller.half_open_from(seen.generation) {
            assert_eq!(seen.state, State::Open, "{}", self.name);
        }
        moved
    }

    /// What was put off ends no earlier, unless an operator ends it.
    fn keeps_what_is_put_off(&self, s: &Snapshot) {
        let Some((opened, until)) = *self.put_off.lock().expect("no panic") else {
            return;
        };
        if (s.state, s.generation) == (State::Open, opened) {
            let ends = s.retry_after.map(|rest| rest + self.clock.now());
            assert!(ends >= Some(until), "{}: {until:?} of {s:?}", self.name);
        }
        for event in self.observer.history() {
            let early = event.generation == opened + 1 && event.at < until;
            assert!(
                !early || event.cause != Cause::OpenElapsed,
                "{}: {until:?}, and {event:?}",
                self.name
            );
        }
    }

    pub(crate) fn look(&self) -> Snapshot {
        let seen = self.observer.snapshot();
        self.keeps_what_is_put_off(&seen);
        seen
    }

    /// Each look must show no less than the one before.
    pub(crate) fn compare(&self, before: &Snapshot, now: &Snapshot) {
        let pairs = [
            (before.totals.successes, now.totals.successes),
            (before.totals.failures, now.totals.failures),
            (before.totals.slow, now.totals.slow),
            (before.totals.rejected, now.totals.rejected),
            (before.totals.late, now.totals.late),
            (before.totals.ignored, now.totals.ignored),
            (before.totals.cancelled, now.totals.cancelled),
            (before.would_trip, now.would_trip),
            (before.transitions, now.transitions),
            (before.generation, now.generation),
        ];
        assert!(
            pairs.iter().all(|(before, now)| before <= now),
            "{}: {before:?} then {now:?}",
            self.name
        );
        assert_eq!(now.window.calls, now.window.successes + now.window.failures);
    }

    /// Nobody is at work: everything adds up, to the last count.
    pub(crate) fn settle(&self, did: &Did) -> Snapshot {
        let s = self.look();
        let t = s.totals;
        let name = self.name;
        let counted = t.successes + t.failures + t.ignored + t.cancelled + t.late;
        assert_eq!(counted, did.ended(), "{name}: {t:?}, {did:?}");
        assert_eq!(t.rejected, did.rejected, "{name}: {t:?}, {did:?}");
        // what is missing of each is late
        assert!(t.successes <= did.succeeded && t.failures <= did.failed);
        assert!(t.ignored <= did.ignored && t.cancelled <= did.dropped);
        let kinds: u64 = s.failures_by_kind.iter().map(|kind| kind.1).sum();
        assert_eq!(kinds, t.failures, "{name}");
        if !s.buckets.is_empty() {
            let calls: u64 = s.buckets.iter().map(|bucket| bucket.calls).sum();
            assert_eq!(calls, s.window.calls, "{name}: {s:?}");
        }
        assert_eq!(s.transitions, s.generation, "{name}");
        let history = self.observer.history();
        for pair in history.windows(2) {
            assert_eq!(pair[0].generation + 1, pair[1].generation, "{history:?}");
            assert_eq!(pair[0].to, pair[1].from, "{history:?}");
        }
        assert_eq!(history.last().map_or(0, |e| e.generation), s.generation);
        self.settle_ear(&s);
        self.settle_disabled(s)
    }

    /// Each generation was told once and in order, or is known to have been missed.
    fn settle_ear(&self, s: &Snapshot) {
        assert!(self.listening.drain(Duration::from_secs(60)));
        let of = |count: &AtomicU64| count.load(Ordering::SeqCst);
        assert_eq!(of(&self.ear.wrong), 0, "{}: out of order", self.name);
        assert_eq!(of(&self.ear.heard), self.listening.delivered());
        let missed = self.listening.missed();
        assert_eq!(of(&self.ear.heard) + missed, s.generation, "{}", self.name);
        let tail = s.generation - of(&self.ear.last);
        assert_eq!(of(&self.ear.skipped) + tail, missed, "{}", self.name);
    }

    /// A call under `Disabled` is in no total.
    fn settle_disabled(&self, before: Snapshot) -> Snapshot {
        self.controller.disable();
        for _ in 0..100 {
            let permit = self.breaker.try_acquire().expect("admitted");
            permit.failure(FailureKind::Data);
        }
        self.controller.release();
        let s = self.look();
        assert_eq!(s.totals, before.totals, "{}", self.name);
        assert_eq!((s.state, s.window.calls), (State::Closed, 0));
        s
    }
}

/// One end of a call, on whatever kind of permit.
macro_rules! end {
    ($permit:expr, $weather:expr, $dice:expr, $did:expr) => {
        if $dice.roll(1000) < $weather {
            $did.failed += 1;
            $permit.failure(FailureKind::Server);
        } else {
            match $dice.roll(64) {
                0 => {
                    $did.ignored += 1;
                    $permit.ignore();
                }
                1 => {
                    $did.dropped += 1;
                    drop($permit);
                }
                2 => {
                    $did.succeeded += 1;
                    $permit.record_timed(Outcome::Success, SLOW * 2);
                }
                _ => {
                    $did.succeeded += 1;
                    $permit.success();
                }
            }
        }
    };
}
use end;
