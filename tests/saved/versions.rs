//! States that the first version of the format saved are read by this one.
//!
//! `version-1/` holds what that version wrote, byte by byte.

use crate::damage::made_right;
use crate::strategies::{Rig, ms, wall};
use std::fs;
use std::path::PathBuf;
use tripcoil::saved::{Age, RestoredWindow, Saved};
use tripcoil::{Backoff, Breaker, Builder, Cause, HalfOpen, ManualClock, State, Window};

const NAMES: [&str; 17] = [
    "closed",
    "closed-again",
    "count",
    "disabled",
    "disabled-from-open",
    "forced-open",
    "forced-open-from-round",
    "half-open",
    "half-open-by-rate",
    "half-open-timed-out",
    "observe-only",
    "observe-only-count",
    "open",
    "open-for-long",
    "open-overdue",
    "rule-off",
    "untouched",
];

fn file(name: &str, form: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/saved/version-1");
    fs::read(folder.join(format!("{name}.{form}"))).unwrap()
}

fn saved(name: &str) -> Saved {
    Saved::from_bytes(&file(name, "bytes")).unwrap()
}

/// So much later, by a clock that begins anew.
fn restored(name: &str, about: impl Fn(Builder) -> Builder, later: u64) -> Rig {
    let clock = ManualClock::new();
    let builder = about(Breaker::builder("db").clock(&clock));
    let builder = builder.restore_at(saved(name), wall() + ms(later));
    let (breaker, controller) = builder.build_with_controller().unwrap();
    let report = controller.restored().unwrap().unwrap();
    assert_eq!(report.age, Age::Of(ms(later)));
    assert_eq!(report.state, saved(name).state());
    Rig {
        breaker,
        controller,
        clock,
    }
}

#[test]
fn each_of_its_forms_is_read_and_is_the_same_state() {
    for name in NAMES {
        let bytes = file(name, "bytes");
        assert_eq!(bytes[8..12], [1, 0, 0, 0], "{name}");
        let of_bytes = saved(name);
        let of_json: Saved = serde_json::from_slice(&file(name, "json")).unwrap();
        let of_postcard: Saved = postcard::from_bytes(&file(name, "postcard")).unwrap();
        assert_eq!(of_json, of_bytes, "{name}");
        assert_eq!(of_postcard, of_bytes, "{name}");
        assert_eq!(of_bytes.saved_at(), wall());
        // and it is written as the present version's
        let again = of_bytes.to_bytes();
        assert_eq!(again[8..12], [2, 0, 0, 0], "{name}");
        assert_eq!(Saved::from_bytes(&again), Ok(of_bytes));
    }
}

/// Those of either version: each is a head of eight bytes, operations, and the body of a state.
#[test]
fn each_seed_of_the_fuzzer_is_a_saved_state() {
    let fuzz = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    if !fuzz.exists() {
        return; // a package, which has none
    }
    let corpus = fuzz.join("corpus/saved");
    let mut of_versions = [0, 0];
    for file in fs::read_dir(corpus).unwrap() {
        let path = file.unwrap().path();
        let seed = fs::read(&path).unwrap();
        let body = &seed[8 + usize::from(seed[7] % 64)..];
        let accepted = [1, 2].map(|version| Saved::from_bytes(&made_right(body, version)).is_ok());
        assert_ne!(accepted[0], accepted[1], "{path:?}");
        of_versions[usize::from(accepted[1])] += 1;
    }
    assert!(of_versions.iter().all(|n| *n > 5), "{of_versions:?}");
}

#[test]
fn damage_to_it_is_found() {
    for name in NAMES {
        let bytes = file(name, "bytes");
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Saved::from_bytes(&flipped).is_err(), "{name}: bit {bit}");
        }
        for end in 0..bytes.len() {
            assert!(Saved::from_bytes(&bytes[..end]).is_err(), "{name}: {end}");
        }
        let mut json: serde_json::Value = serde_json::from_slice(&file(name, "json")).unwrap();
        json["openings"] = 7.into();
        assert!(serde_json::from_value::<Saved>(json.clone()).is_err());
        // a value that this version has not
        json["openings"] = saved_json(name)["openings"].clone();
        json["opening"] = "manual".into();
        assert!(serde_json::from_value::<Saved>(json).is_err());
    }
}

fn saved_json(name: &str) -> serde_json::Value {
    serde_json::to_value(saved(name)).unwrap()
}

#[test]
fn a_closed_one_goes_on_with_its_run_and_window() {
    let about = |b: Builder| b.consecutive_failures(5).slow_call(ms(50));
    let new = restored("closed", about, 3_000);
    let s = new.breaker.observer().snapshot();
    assert_eq!(
        (s.consecutive_failures, s.window.calls, s.window.slow),
        (3, 11, 1)
    );
    assert_eq!((s.totals.ignored, s.totals.cancelled), (1, 1));
    new.fail(2);
    assert_eq!(new.breaker.state(), State::Open);
}

#[test]
fn an_open_one_waits_for_what_is_left_and_counts_its_openings() {
    let about = |b: Builder| {
        b.consecutive_failures(3)
            .open_for(Backoff::exponential(ms(60_000), 2.0))
    };
    let new = restored("open", about, 40_000);
    let left = |rig: &Rig| rig.breaker.observer().snapshot().retry_after;
    assert_eq!(left(&new), Some(ms(60_000)));
    new.clock.advance(ms(60_000));
    new.fail(1);
    assert_eq!(left(&new), Some(ms(240_000)), "its third opening");
}

/// That version did not save what the round had counted.
#[test]
fn a_half_open_one_begins_its_round_anew() {
    let about = |b: Builder| {
        b.consecutive_failures(3)
            .half_open(HalfOpen::successes(5).max_probes(2))
    };
    let new = restored("half-open", about, 1_000);
    let s = new.breaker.observer().snapshot();
    assert_eq!((s.state, s.generation), (State::HalfOpen, 2));
    assert_eq!((s.probes.in_flight, s.probes.succeeded), (0, 0));
    new.succeed(4);
    assert_eq!(new.breaker.state(), State::HalfOpen);
    new.succeed(1);
    assert_eq!(new.breaker.state(), State::Closed);
}

#[test]
fn an_observing_one_has_told_its_rules() {
    let about = |b: Builder| b.consecutive_failures(3).failure_count(4);
    let new = restored("observe-only", about, 1_000);
    let edges = || new.breaker.observer().snapshot().would_trip;
    new.fail(1);
    assert_eq!(edges(), 2);
    new.succeed(1);
    new.fail(3);
    assert_eq!(edges(), 3, "the run's, once more");
}

/// Saved where the rule was off, with the edge that it had once told.
#[test]
fn an_edge_of_a_rule_that_was_off_is_not_taken_for_told() {
    let new = restored("rule-off", |b| b.consecutive_failures(1), 1_000);
    let edges = || new.breaker.observer().snapshot().would_trip;
    assert_eq!(edges(), 1);
    new.fail(1);
    assert_eq!(edges(), 2);
}

#[test]
fn a_count_window_is_whole() {
    let about = |b: Builder| {
        b.window(Window::count(20))
            .failure_rate(0.5)
            .consecutive_failures(9)
    };
    let new = restored("count", about, 1 << 40);
    let report = new.controller.restored().unwrap().unwrap();
    assert_eq!(report.window, RestoredWindow::Kept);
    let s = new.breaker.observer().snapshot();
    assert_eq!(
        (s.window.calls, s.window.failures, s.consecutive_failures),
        (10, 3, 1)
    );
}

#[test]
fn an_override_stands() {
    let about = |b: Builder| b.window(Window::time(ms(20)).buckets(1));
    let new = restored("forced-open", about, 1 << 40);
    assert!(new.acquire().is_none());
    assert!(new.controller.release());
}

/// Whatever was done before: it needs a controller, and is ended by it alone.
#[test]
fn an_override_stands_with_what_it_showed() {
    let about = |b: Builder| b.consecutive_failures(3);
    for (name, state, (calls, failures), generation) in [
        ("disabled", State::Disabled, (6, 2), 1),
        ("disabled-from-open", State::Disabled, (2, 2), 2),
        ("forced-open-from-round", State::ForcedOpen, (1, 1), 3),
    ] {
        for later in [0, 1_000, 1 << 40] {
            let new = restored(name, about, later);
            let s = new.breaker.observer().snapshot();
            assert_eq!((s.state, s.generation), (state, generation), "{name}");
            assert_eq!((s.window.calls, s.window.failures), (calls, failures));
            new.clock.advance(ms(1 << 40));
            let admitted = new.acquire().is_some();
            assert_eq!(admitted, state == State::Disabled, "{name}");
            assert!(!new.controller.trip() && !new.controller.half_open());
            assert!(new.controller.release(), "{name}");
            let s = new.breaker.observer().snapshot();
            assert_eq!((s.state, s.generation), (State::Closed, generation + 1));
            assert_eq!(s.window.calls, 0);
        }
        let builder = Breaker::builder("db").clock(ManualClock::new());
        let alone = about(builder).restore_at(saved(name), wall()).build();
        let error = alone.expect_err(name);
        assert_eq!(error.problems()[0].field, "initial_state", "{error}");
    }
}

#[test]
fn an_observing_one_with_a_count_window_goes_on_counting() {
    let about = |b: Builder| b.window(Window::count(8)).consecutive_failures(2);
    let new = restored("observe-only-count", about, 1 << 40);
    let edges = || new.breaker.observer().snapshot().would_trip;
    let s = new.breaker.observer().snapshot();
    assert_eq!((s.window.calls, s.window.failures), (6, 4));
    assert_eq!((s.consecutive_failures, edges()), (1, 1));
    new.fail(1);
    assert_eq!(edges(), 2, "two in a row");
    new.fail(3);
    assert_eq!(edges(), 2, "it is still true");
    new.succeed(1);
    new.fail(2);
    assert_eq!(edges(), 3, "once more");
}

/// That version did not save the round: what it had, and that it had timed out, is forgotten.
#[test]
fn a_round_of_any_kind_begins_anew() {
    let by_rate = |b: Builder| {
        b.consecutive_failures(1)
            .half_open(HalfOpen::rate(4, 0.5).max_probes(2))
    };
    for (failures, end) in [(1, State::Closed), (2, State::Open)] {
        let new = restored("half-open-by-rate", by_rate, 1_000);
        let s = new.breaker.observer().snapshot();
        assert_eq!((s.probes.in_flight, s.probes.failed), (0, 0));
        assert_eq!((s.generation, s.totals.cancelled), (2, 1));
        new.fail(failures);
        new.succeed(3 - failures);
        assert_eq!(new.breaker.state(), State::HalfOpen);
        new.succeed(1);
        assert_eq!(new.breaker.state(), end);
    }
    let about = |b: Builder| {
        b.consecutive_failures(1)
            .half_open(HalfOpen::successes(2).probe_timeout(ms(100)))
    };
    let new = restored("half-open-timed-out", about, 60_000);
    let probe = new.acquire().expect("its times begin anew");
    new.clock.advance(ms(99));
    assert!(new.acquire().is_none());
    assert_eq!(new.breaker.state(), State::HalfOpen);
    new.clock.advance(ms(1));
    assert!(new.acquire().is_none());
    assert_eq!(new.breaker.state(), State::Open);
    drop(probe);
}

#[test]
fn a_wait_of_any_kind_is_what_was_left_of_it() {
    let about = |b: Builder| b.consecutive_failures(1);
    let left = |rig: &Rig| rig.breaker.observer().snapshot().retry_after;
    let new = restored("open-for-long", about, 9_999);
    assert_eq!(left(&new), Some(ms(3_590_000)));
    let rejected = new.breaker.try_acquire().map(drop).unwrap_err();
    assert_eq!(rejected.cause(), Some(Cause::Manual));
    new.clock.advance(ms(3_590_000));
    assert!(new.acquire().is_some());
    assert_eq!(new.breaker.state(), State::HalfOpen);

    let new = restored("open-overdue", about, 0);
    assert_eq!(
        (new.breaker.state(), left(&new)),
        (State::Open, Some(ms(0)))
    );
    assert!(new.acquire().is_some());
    assert_eq!(new.breaker.state(), State::HalfOpen);
}

/// Closed for half of what forgets its two openings.
#[test]
fn a_closed_one_goes_on_with_its_openings() {
    let about = |b: Builder| {
        let backoff = Backoff::exponential(ms(1_000), 2.0).reset_after(ms(60_000));
        b.consecutive_failures(1)
            .open_for(backoff)
            .half_open(HalfOpen::successes(1))
    };
    for (later, wait) in [(1_000, 4_000), (29_990, 4_000), (30_010, 1_000)] {
        let new = restored("closed-again", about, later);
        assert_eq!(new.breaker.observer().snapshot().generation, 5);
        new.fail(1);
        let left = new.breaker.observer().snapshot().retry_after;
        assert_eq!(left, Some(ms(wait)), "{later}");
    }
    let new = restored("untouched", about, 1_000);
    let s = new.breaker.observer().snapshot();
    assert_eq!((s.generation, s.openings, s.window.calls), (0, 0, 0));
    new.fail(1);
    let left = new.breaker.observer().snapshot().retry_after;
    assert_eq!(left, Some(ms(1_000)));
}
