//! Each finite tag across its wrap.
//!
//! A breaker is put just below the wrap of one of its tags, all words that bear it consistently, and
//! goes through a script beside a twin that was not. After each step both must look the same, but for
//! the shift itself. The widths are those of `docs/limits.md`, section "Finite tags".

mod shifted;

use shifted::*;

use crate::config::settings::Window;
use crate::config::validate::MAX_RUN;
use crate::engine::state::Core;
use crate::engine::window::Shape;
use crate::handles::controller::Controller;
use crate::words::deadline::Wait;
use crate::words::leniency::EIGHTHS;
use crate::words::outcome::{Cause, Counts, FailureKind, State};
use crate::words::round::Round;
use crate::words::run::{Run, RunRule};
use crate::words::tagged::PAYLOAD_MAX;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use parking_lot::Mutex;

// ---- versions

#[test]
fn versions_wrap_without_a_trace() {
    for window in WINDOWS {
        for seed in 0..30 {
            let (mut shifted, mut twin) = (rig(window), rig(window));
            let below = 1 + seed % 12;
            set_version(&shifted.breaker.core, TAGS - below);
            together(&mut shifted, Shift::default(), &mut twin, seed, 120);
            let versions = [&shifted, &twin].map(|rig| rig.breaker.core.control().version().0);
            assert_eq!(versions[0], (versions[1] + TAGS - below) % TAGS);
            assert!(versions[0] < versions[1], "it has wrapped: {versions:?}");
        }
    }
}

/// With the wrap between an outcome's landing and others', stripes grown and a local handle at work.
#[test]
fn versions_wrap_with_more_stripes() {
    for seed in 0..20 {
        let (mut shifted, mut twin) = (rig(by_time), rig(by_time));
        for rig in [&shifted, &twin] {
            let core = &rig.breaker.core;
            if core.stripes.grow(0) {
                let c = core.control();
                let more = c
                    .announce(crate::words::control::Goal::Maintain)
                    .more_stripes();
                assert!(core.start(c, more, 0, Wait::Backoff));
            }
        }
        set_version(&shifted.breaker.core, TAGS - 1 - seed % 5);
        together(&mut shifted, Shift::default(), &mut twin, seed, 120);
    }
}

// ---- generations

#[test]
fn generations_wrap_without_a_trace() {
    // 24 bits, the round's 15, the ring's three, and both ends of a longer life
    for top in [TAGS, 1 << 15, 1 << 10, 8, 5 * TAGS, (1 << 15) * 7] {
        for window in WINDOWS {
            for seed in 0..12 {
                let (mut shifted, mut twin) = (rig(window), rig(window));
                let below = 1 + seed % 4;
                let by = set_generation(&shifted.breaker.core, top - below);
                together(&mut shifted, by, &mut twin, seed, 150);
                let generation = shifted.breaker.observer().snapshot().generation;
                assert!(generation >= top, "it has wrapped: {generation} of {top}");
            }
        }
    }
}

#[test]
fn generation_and_version_wrap_at_once() {
    for window in WINDOWS {
        for seed in 0..20 {
            let (mut shifted, mut twin) = (rig(window), rig(window));
            let core = &shifted.breaker.core;
            let by = set_generation(core, TAGS - 1 - seed % 3);
            set_version(core, TAGS - 1 - seed % 5);
            together(&mut shifted, by, &mut twin, seed, 120);
        }
    }
}

/// A permit of before is late after, and the first of the new lap is not taken for it.
#[test]
fn a_permit_from_before_the_wrap_is_late() {
    let rig = rig(by_time);
    set_generation(&rig.breaker.core, TAGS - 1);
    let Ok(permit) = rig.breaker.try_acquire() else {
        unreachable!("closed");
    };
    assert!(rig.controller.reset());
    assert_eq!(rig.breaker.core.control().generation().number(), 0);
    permit.failure(FailureKind::Server);
    let snapshot = rig.breaker.observer().snapshot();
    assert_eq!((snapshot.totals.late, snapshot.totals.failures), (1, 0));
    assert_eq!(snapshot.generation, TAGS);
}

/// The listeners' ring goes round too, and generations are told in 64 bits.
#[test]
fn listeners_hear_every_generation_across_the_wrap() {
    for top in [TAGS, 1 << 15, 3 * TAGS, 1024] {
        let mut shifted = rig(by_time);
        let by = set_generation(&shifted.breaker.core, top - 3);
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ear = heard.clone();
        let observer = shifted.breaker.observer();
        let listening = observer.subscribe(move |e| ear.lock().push(e.generation));
        for n in 0..300 {
            step(&mut shifted, Dice(n * 77 + 1));
            shifted.controller.reset();
        }
        assert!(listening.drain(Duration::from_secs(20)));
        let last = shifted.breaker.observer().snapshot().generation;
        let expected: Vec<u64> = (by.generation + 1..=last).collect();
        let heard = heard.lock().clone();
        assert_eq!(heard, expected);
        assert_eq!(listening.missed(), 0);
        assert!(last > top);
    }
}

/// What updates have left for nearly a whole range is not taken for theirs when its tag comes again.
#[test]
fn words_that_are_left_do_not_come_back() {
    for window in WINDOWS {
        for seed in 0..40 {
            let (mut shifted, mut twin) = (rig(window), rig(window));
            leave_behind(&shifted.breaker.core, 2 + seed % 10);
            // a word as old as that never lasts from one period to the next
            assert!(shifted.controller.reset() && twin.controller.reset());
            together(&mut shifted, Shift::default(), &mut twin, seed, 150);
        }
    }
}

/// While nothing is counted, updates leave a count window's log. When its tag comes again, it is not taken for
/// one that the update of then has frozen, emptied and released.
#[test]
fn a_log_that_is_left_does_not_come_back() {
    for ahead in 1..=5 {
        let rig = rig(by_nine);
        for outcome in [0, 5, 0] {
            let Ok(permit) = rig.breaker.try_acquire_owned() else {
                unreachable!("closed");
            };
            end(permit, outcome);
        }
        let c = &rig.controller;
        let window = || c.observer().snapshot().window;
        let before = Counts::new(3, 1, 0);
        assert!(c.trip());
        leave_log_behind(&rig.breaker.core, ahead);
        for operate in [
            Controller::half_open,
            Controller::trip,
            Controller::half_open,
        ] {
            assert!(operate(c));
            assert_eq!(window(), before, "{ahead}");
        }
        assert!(c.reset());
        assert_eq!(window(), Counts::default(), "{ahead}");
        let Ok(permit) = rig.breaker.try_acquire_owned() else {
            unreachable!("closed");
        };
        end(permit, 5);
        assert_eq!(window(), Counts::new(1, 1, 0), "{ahead}");
    }
}

/// The long counts are written now and then, and carried on meanwhile.
#[test]
fn long_counts_may_be_behind() {
    for seed in 0..20 {
        let (mut shifted, mut twin) = (rig(by_time), rig(by_time));
        let core = &shifted.breaker.core;
        let counts = [PAYLOAD_MAX / 2, PAYLOAD_MAX / 2, 7, 9, 0];
        let by = set_counts(core, counts);
        let generation = set_generation(core, 5 * TAGS + 3).generation;
        core.ledger
            .generations
            .store(generation - TAGS / 4 + seed % 9);
        for (long, count) in core.ledger.lifetime.iter().zip(counts) {
            long.store(count.saturating_sub(PAYLOAD_MAX / 4 - seed));
        }
        let by = Shift { generation, ..by };
        together(&mut shifted, by, &mut twin, seed, 150);
        let written = shifted.breaker.core.ledger.generations.load();
        assert!(written >= generation, "it has been written: {written}");
    }
}

// ---- epochs

#[test]
fn epochs_wrap_without_a_trace() {
    for laps in [1, 2, 100] {
        for seed in 0..20 {
            let (mut shifted, mut twin) = (rig(by_time), rig(by_time));
            let below = seed as u32 % 7;
            // both have rested, so that what came before is in no window
            let rest = BUCKET * 50;
            let time = BUCKET * (laps * TAGS as u32 - 50 - below - 3);
            twin.clock.advance(rest);
            shifted.clock.advance(time + rest);
            for rig in [&shifted, &twin] {
                assert!(rig.controller.reset());
            }
            let by = Shift {
                time,
                ..Shift::default()
            };
            together(&mut shifted, by, &mut twin, seed, 150);
            let Shape::Time(b) = &shifted.breaker.core.head.window else {
                unreachable!("of time");
            };
            let epoch = b.ending_at(shifted.breaker.core.head.period_end.load());
            assert!(epoch > u64::from(laps) * TAGS, "it has wrapped: {epoch}");
        }
    }
}

#[test]
fn finished_epochs_are_told_across_the_wrap() {
    let tell = |laps: u32| {
        let rig = rig(|b| {
            b.window(Window::time(BUCKET * 3).buckets(3))
                .failure_count(100)
        });
        let time = BUCKET * (laps * TAGS as u32).saturating_sub(10);
        rig.clock.advance(time);
        rig.controller.reset();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ear = heard.clone();
        let listening = rig.breaker.observer().subscribe_epochs(move |e| {
            ear.lock().push((e.start - time, e.end - time, e.counts));
        });
        for n in 0..20 {
            for _ in 0..n {
                let _ = rig.breaker.try_acquire().map(|permit| permit.success());
            }
            rig.clock.advance(BUCKET);
            let _ = rig.breaker.try_acquire().map(|permit| permit.success());
            // each by itself
            assert!(listening.drain(Duration::from_secs(20)));
        }
        let heard = heard.lock().clone();
        assert_eq!(heard.len(), 20);
        heard
    };
    assert_eq!(tell(1), tell(0));
    assert_eq!(tell(3), tell(0));
}

// ---- counts

#[test]
fn counts_wrap_and_lifetime_totals_go_on() {
    let whole = PAYLOAD_MAX + 1;
    for seed in 0..60 {
        let near = |k: u64| whole - 1 - k;
        let counts = match seed % 4 {
            0 => [near(5), near(3), near(1), near(0), near(2)],
            1 => [near(20), 0, 0, 0, 0],
            // the sums wrap, though no class does
            2 => [whole / 2, whole / 2 - 4, whole / 4, whole / 4, whole / 4],
            // in their fifth lap
            _ => [
                5 * whole + near(9),
                near(2),
                7,
                3 * whole + near(0),
                whole + near(3),
            ],
        };
        let (mut shifted, mut twin) = (rig(by_weight), rig(by_weight));
        let by = set_counts(&shifted.breaker.core, counts);
        together(&mut shifted, by, &mut twin, seed, 250);
        let core = &shifted.breaker.core;
        let wrapped = core.stripes.get(0).counts[0].load().payload() < counts[0] % whole;
        assert!(wrapped || seed % 4 > 0 || core.control().version().0 < 20);
    }
}

/// A local handle's count, which bears no tag.
#[test]
fn a_local_handles_count_wraps() {
    for seed in 0..20 {
        let (mut shifted, mut twin) = (rig(by_time), rig(by_time));
        let core = &shifted.breaker.core;
        let before = PAYLOAD_MAX - seed % 4;
        let Some(owned) = core.stripes.owned().next() else {
            unreachable!("there is a local handle");
        };
        owned.count.store(before);
        set(&owned.seen, |_| before);
        let by = set_counts(core, [before, 0, 0, 0, 0]);
        // it is the handle's count, not the stripe's
        set(&core.stripes.get(0).counts[0], |_| 0);
        together(&mut shifted, by, &mut twin, seed, 250);
        let Some(owned) = shifted.breaker.core.stripes.owned().next() else {
            unreachable!("there is a local handle");
        };
        assert!(owned.count.load() > PAYLOAD_MAX, "it has wrapped");
    }
}

// ---- positions of a count window

/// Successes, entries and positions, each just below its wrap, with updates between.
#[test]
fn positions_of_a_count_window_wrap_without_a_trace() {
    for window in [by_nine, by_twenty] {
        for seed in 0..40 {
            let (mut shifted, mut twin) = (rig(window), rig(window));
            let core = &shifted.breaker.core;
            let near = PAYLOAD_MAX - seed % 9;
            // by the successes, by the entries, or by their sum alone
            let (successes, entries) = match seed % 3 {
                0 => (near, 0),
                1 => (7, near),
                _ => (near / 2, near / 2),
            };
            let by = set_positions(core, successes, entries);
            together(&mut shifted, by, &mut twin, seed, 200);
        }
    }
}

/// The largest window leaves its cells the narrowest positions, as many bits as a version's.
#[cfg_attr(debug_assertions, ignore = "19 million outcomes: for a release build")]
#[test]
fn the_narrowest_positions_of_cells_wrap_without_a_trace() {
    let size = (1 << 20) - 1;
    let rig = rig(|b| {
        b.window(Window::count(size))
            .failure_count(size)
            .slow_rate(1.0)
    });
    let failed = |n: u64| n.is_multiple_of(3);
    let mut failures = 0;
    let end = TAGS + 2 * u64::from(size);
    for n in 0..end {
        failures += u64::from(failed(n));
        if let Some(gone) = n.checked_sub(u64::from(size)) {
            failures -= u64::from(failed(gone));
        }
        let Ok(permit) = rig.breaker.try_acquire() else {
            unreachable!("a third of them fails");
        };
        if failed(n) {
            permit.failure(FailureKind::Data);
        } else {
            permit.success();
        }
        if n % 4099 == 0 || n + 100 > end {
            let seen = rig.breaker.observer().snapshot().window;
            assert_eq!(seen.failures, failures, "{n}");
            assert_eq!(seen.calls, u64::from(size).min(n + 1));
        }
    }
}

// ---- runs and rounds

fn set_era(core: &Core, era: u64) {
    set(&core.head.run_limit, |rule| RunRule { era, ..rule });
    set(&core.ledger.run, |run| Run { era, ..run });
}

fn era(rig: &Rig) -> u64 {
    rig.breaker.core.head.run_limit.load().payload().era
}

#[test]
fn eras_of_runs_wrap_without_a_trace() {
    for window in WINDOWS {
        for seed in 0..30 {
            let (mut shifted, mut twin) = (rig(window), rig(window));
            set_era(&shifted.breaker.core, 127 - seed % 2);
            // switched on once a step, nearly
            for n in 0..6 {
                for rig in [&shifted, &twin] {
                    let off = |r: crate::config::Rules| r.no_failure_rules().failure_count(5);
                    assert!(rig.controller.reconfigure(off).is_ok());
                    let on = |r: crate::config::Rules| r.consecutive_failures(3);
                    assert!(rig.controller.reconfigure(on).is_ok());
                }
                together(
                    &mut shifted,
                    Shift::default(),
                    &mut twin,
                    seed + 1000 * n,
                    12,
                );
            }
            let before = 127 - seed % 2;
            assert!(era(&shifted) < before, "it has wrapped");
        }
    }
}

#[test]
fn a_run_as_long_as_can_be_told_stays_so() {
    let rig = rig(|b| {
        b.consecutive_failures(MAX_RUN)
            .failure_rate(1.0)
            .min_throughput(u32::MAX)
    });
    let length = EIGHTHS * (u64::from(MAX_RUN) - 2);
    set(&rig.breaker.core.ledger.run, |run| Run { length, ..run });
    let fail = || {
        let _ = rig
            .breaker
            .try_acquire()
            .map(|p| p.failure(FailureKind::Data));
    };
    fail();
    let snapshot = rig.breaker.observer().snapshot();
    assert_eq!(snapshot.consecutive_failures, u64::from(MAX_RUN) - 1);
    assert_eq!(snapshot.state, State::Closed);
    fail();
    let last = rig.breaker.observer().history().pop();
    let told = last.map(|e| (e.cause, e.consecutive_failures));
    assert_eq!(told, Some((Cause::ConsecutiveFailures, u64::from(MAX_RUN))));
}

#[test]
fn admissions_of_a_round_wrap_without_a_trace() {
    // rounds of an odd generation and of an even one, whose lowest bit stands beside the admissions'
    for (window, rounds) in WINDOWS.into_iter().zip([1, 2, 2]) {
        let (mut shifted, mut twin) = (rig(window), rig(window));
        for rig in [&shifted, &twin] {
            for _ in 0..rounds {
                assert!(rig.controller.half_open());
            }
        }
        let round = &shifted.breaker.core.probing.round;
        round.store(Round {
            admissions: 250,
            ..round.load()
        });
        for n in 0..300 {
            for rig in [&shifted, &twin] {
                let _ = rig.breaker.try_acquire().map(|permit| permit.ignore());
            }
            let (s, t) = (
                seen(&shifted, Shift::default()),
                seen(&twin, Shift::default()),
            );
            assert_eq!(s, t, "{n}");
        }
        let admissions = |rig: &Rig| rig.breaker.core.probing.round.load().admissions;
        assert_eq!(admissions(&shifted), (250 + 300) % 256);
        assert_eq!(admissions(&twin), 300 % 256);
        together(&mut shifted, Shift::default(), &mut twin, 5, 100);
    }
}
