//! What is not a saved state, or not one any more, is refused with its reason; and nothing panics.

use crate::strategies::{Op, Rig, cases, configs, ms, scripts, wall};
use proptest::collection::vec;
use proptest::prelude::*;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tripcoil::saved::{Saved, SavedError};
use tripcoil::{Breaker, Config, ManualClock, State, Window};
use tripcoil::{FailureKind, Outcome};

fn saved(window: Window, state: State) -> Saved {
    let clock = ManualClock::new();
    let builder = Breaker::builder("db").clock(&clock).window(window);
    let (breaker, controller) = builder
        .initial_state(state)
        .build_with_controller()
        .unwrap();
    let rig = Rig {
        breaker,
        controller,
        clock,
    };
    rig.succeed(3);
    rig.fail(1);
    rig.controller.save_at(wall())
}

/// A closed one by each kind of window.
fn both() -> [Saved; 2] {
    [Window::default(), Window::count(20)].map(|w| saved(w, State::Closed))
}

fn json(saved: &Saved) -> serde_json::Value {
    serde_json::to_value(saved).unwrap()
}

fn from_json(value: &serde_json::Value) -> Result<Saved, String> {
    serde_json::from_value(value.clone()).map_err(|e| e.to_string())
}

/// With its checksum made right, as if such a state had been saved.
pub(crate) fn made_right(body: &[u8], version: u32) -> Vec<u8> {
    let mut bytes = b"TRIPCOIL".to_vec();
    bytes.extend(version.to_le_bytes());
    bytes.extend((body.len() as u32).to_le_bytes());
    bytes.extend(body);
    let checksum = crc32fast::hash(&bytes);
    bytes.extend(checksum.to_le_bytes());
    bytes
}

/// A number of the body.
pub(crate) fn leb(mut n: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while n > 127 {
        bytes.push(n as u8 | 128);
        n >>= 7;
    }
    bytes.push(n as u8);
    bytes
}

fn body(bytes: &[u8]) -> &[u8] {
    &bytes[16..bytes.len() - 4]
}

#[test]
fn each_refusal_has_its_reason() {
    for saved in both() {
        let bytes = saved.to_bytes();
        assert_eq!(Saved::from_bytes(&bytes).as_ref(), Ok(&saved));
        assert_eq!(Saved::try_from(&bytes[..]).as_ref(), Ok(&saved));
        assert_eq!(made_right(body(&bytes), 2), bytes);
        let refused = |bytes: &[u8]| Saved::from_bytes(bytes).unwrap_err();
        for n in 0..bytes.len() {
            assert_eq!(refused(&bytes[..n]), SavedError::Truncated, "{n}");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(refused(&longer), SavedError::Damaged);
        assert_eq!(refused(b"{\"version\": 1}"), SavedError::Foreign);
        assert_eq!(refused(&vec![0; 4096]), SavedError::Foreign);
        assert_eq!(
            refused(&made_right(body(&bytes), 3)),
            SavedError::Version(3)
        );
        assert_eq!(
            refused(&made_right(body(&bytes), 0)),
            SavedError::Version(0)
        );
        // with the values of a later version
        assert_eq!(refused(&made_right(body(&bytes), 1)), SavedError::Damaged);
        assert_eq!(refused(&made_right(&[], 2)), SavedError::Damaged);
        let trailing = [body(&bytes), &[0]].concat();
        assert_eq!(refused(&made_right(&trailing, 2)), SavedError::Damaged);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let error = refused(&flipped);
            let expected = match bit / 8 {
                0..8 => &[SavedError::Foreign][..],
                // the length itself
                12..16 => &[SavedError::Truncated, SavedError::Damaged],
                _ => &[SavedError::Damaged],
            };
            assert!(expected.contains(&error), "bit {bit}: {error}");
        }
    }
}

#[test]
fn a_form_that_was_edited_is_refused() {
    for saved in both() {
        let whole = json(&saved);
        assert_eq!(from_json(&whole).as_ref(), Ok(&saved));
        let toml = toml::to_string(&saved).unwrap();
        assert_eq!(toml::from_str::<Saved>(&toml).as_ref(), Ok(&saved));
        let map = whole.as_object().unwrap();
        for key in map.keys() {
            // a value that there need not be
            if whole[key].is_null() {
                continue;
            }
            let mut less = whole.clone();
            less.as_object_mut().unwrap().remove(key);
            assert!(from_json(&less).unwrap_err().contains(key), "{key}");
        }
        let edited = |key: &str, to: serde_json::Value| {
            let mut edited = whole.clone();
            edited[key] = to;
            from_json(&edited).unwrap_err()
        };
        let damaged = SavedError::Damaged.to_string();
        assert_eq!(edited("openings", 3.into()), damaged);
        assert_eq!(edited("name", "other".into()), damaged);
        assert_eq!(edited("checksum", 7.into()), damaged);
        assert_eq!(
            edited("version", 3.into()),
            SavedError::Version(3).to_string()
        );
        assert_eq!(edited("version", 1.into()), damaged);
        assert_eq!(edited("opening", "manual".into()), damaged);
        assert!(edited("opening", "weather".into()).contains("weather"));
        assert!(edited("state", "ajar".into()).contains("ajar"));
        assert!(edited("run", (-1).into()).contains("-1"));
    }
}

/// As if somebody who can compute a checksum had made it up. The fields are those of the bytes, each
/// a number of one byte here.
#[test]
fn what_no_breaker_can_have_been_is_refused() {
    let field = |bytes: &[u8]| match Saved::from_bytes(bytes).map(|_| ()) {
        Err(SavedError::Impossible(problem)) => problem.field,
        other => panic!("{other:?}"),
    };
    // a name of two letters, then the numbers
    let of = |state: u8, change: &[(usize, u8)], window: &[u8]| {
        let mut body = vec![2, b'd', b'b'];
        // saved_at, state, lasted, left, generation, openings, run, standing, would_trip
        body.extend([1, state, 1, 0, 1, 0, 0, 0, 0]);
        // totals, kinds, rejections
        body.extend([0; 7 + 9 + 3]);
        for (at, to) in change {
            body[3 + at] = *to;
        }
        body.extend(window);
        made_right(&body, 1)
    };
    let (closed, observing, open, disabled) = (0, 1, 5, 2);
    let time = [0, 10, 3, 2, 1, 0, 0, 2, 1, 1];
    let count = [1, 20, 5, 0b1101_0010, 1];
    for window in [&time[..], &count] {
        assert!(Saved::from_bytes(&of(closed, &[], window)).is_ok());
        assert!(Saved::from_bytes(&of(open, &[(3, 9), (5, 1)], window)).is_ok());
        assert!(Saved::from_bytes(&of(observing, &[(6, 9), (7, 15)], window)).is_ok());
        assert_eq!(field(&of(closed, &[(3, 9)], window)), "left");
        assert_eq!(field(&of(open, &[(5, 1), (6, 1)], window)), "run");
        assert_eq!(field(&of(disabled, &[(6, 1)], window)), "run");
        assert_eq!(field(&of(closed, &[(7, 1)], window)), "standing");
        assert_eq!(field(&of(closed, &[(11, 1)], window)), "totals.slow");
        let rejected = |total| of(closed, &[(12, total), (25, 2), (27, 3)], window);
        assert!(Saved::from_bytes(&rejected(5)).is_ok());
        assert_eq!(field(&rejected(4)), "totals.rejected");
        let damaged = |bytes: &[u8]| {
            assert_eq!(Saved::from_bytes(bytes), Err(SavedError::Damaged));
        };
        // no state, no rule, no window of that number
        damaged(&of(3, &[], window));
        damaged(&of(7, &[], window));
        damaged(&of(observing, &[(7, 16)], window));
        damaged(&of(closed, &[], &[2]));
    }
    let window = |w: &[u8]| field(&of(closed, &[], w));
    assert_eq!(window(&[0, 10, 3, 0]), "window.buckets");
    assert_eq!(window(&[0, 0, 0, 1, 0, 0, 0]), "window.width");
    assert_eq!(window(&[0, 10, 10, 1, 0, 0, 0]), "window.into");
    assert_eq!(window(&[0, 10, 0, 1, 1, 2, 0]), "window.buckets.failures");
    assert_eq!(window(&[0, 10, 0, 1, 1, 0, 2]), "window.buckets.slow");
    // numbers of more than a byte
    let hours = |hours: u64, rest: &[u8]| {
        let width = leb(hours * 3_600_000_000_000);
        of(closed, &[], &[&[0], &width[..], &[0], rest].concat())
    };
    assert!(Saved::from_bytes(&hours(24, &[1, 0, 0, 0])).is_ok());
    assert!(Saved::from_bytes(&hours(12, &[2, 0, 0, 0, 0, 0, 0])).is_ok());
    assert_eq!(field(&hours(25, &[1, 0, 0, 0])), "window.width");
    assert_eq!(field(&hours(13, &[2, 0, 0, 0, 0, 0, 0])), "window.width");
    // as many as are counted in all, in two buckets
    let calls = |n: u64, m: u64| {
        let body = [&[0, 10, 0, 2], &leb(n)[..], &[0, 0], &leb(m), &[0, 0]].concat();
        of(closed, &[], &body)
    };
    assert!(Saved::from_bytes(&calls((1 << 40) - 8, 7)).is_ok());
    assert_eq!(field(&calls((1 << 40) - 8, 8)), "window.buckets.calls");
    // and it says so
    let error = Saved::from_bytes(&of(closed, &[(3, 9)], &time)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "saved state refused: left is 9, but must be 0"
    );
    let error = Saved::from_bytes(&of(closed, &[(11, 1)], &count)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "saved state refused: totals.slow is 1, but must be 0"
    );
    let error = Saved::from_bytes(&of(closed, &[], &[1, 3, 4, 0])).unwrap_err();
    let expected = "saved state refused: window.outcomes is 4, but must be from 0 to 3";
    assert_eq!(error.to_string(), expected);

    assert_eq!(window(&[1, 0, 0]), "window.size");
    assert_eq!(window(&[1, 3, 4, 0]), "window.outcomes");
}

/// The values of version 2.
#[test]
fn what_no_round_and_no_opening_can_have_been_is_refused() {
    let of = |state: u8, extras: &[u8]| {
        let mut body = vec![2, b'd', b'b'];
        body.extend([1, state, 1, 0, 4, 0, 0, 0, 0]);
        body.extend([0; 7 + 9 + 3]);
        body.extend([1, 20, 0]);
        body.extend(extras);
        Saved::from_bytes(&made_right(&body, 2)).map(|_| ())
    };
    let field = |state, extras: &[u8]| match of(state, extras) {
        Err(SavedError::Impossible(problem)) => problem.field,
        other => panic!("{other:?}"),
    };
    let (closed, open, half_open) = (0, 5, 4);
    assert_eq!(of(closed, &[0]), Ok(()));
    assert_eq!(of(half_open, &[0]), Ok(()));
    assert_eq!(of(half_open, &[1, 3, 2, 5, 4, 1]), Ok(()));
    assert_eq!(of(open, &[2, 9]), Ok(()));
    assert_eq!(of(closed, &[4, 4, 0, 9, 7, 7, 7, 5]), Ok(()));
    assert_eq!(field(closed, &[1, 0, 0, 0, 0, 0]), "round");
    assert_eq!(field(half_open, &[2, 9]), "opening");
    assert_eq!(field(half_open, &[1, 3, 2, 6, 4, 0]), "round.slow");
    assert_eq!(
        field(half_open, &[1, 0x80, 2, 0, 0, 0, 0]),
        "round.succeeded"
    );
    assert_eq!(
        field(half_open, &[1, 0x80, 1, 0x80, 1, 0, 0, 0]),
        "round.failed"
    );
    assert_eq!(
        field(half_open, &[1, 0, 0, 0, 0x80, 2, 0]),
        "round.cancelled"
    );
    assert_eq!(
        field(closed, &[4, 5, 0, 9, 7, 7, 7, 5]),
        "outage.generation"
    );
    assert_eq!(field(closed, &[4, 4, 0, 9, 7, 8, 7, 5]), "outage.failures");
    assert_eq!(field(closed, &[4, 4, 0, 9, 7, 7, 8, 5]), "outage.slow");
    // the pace, how old the outage is in milliseconds, and the longest success
    for (bit, name, least, most) in [
        (8, "pace", 1, (1 << 40) - 1),
        (16, "down", 0, (1 << 37) - 1),
        (32, "longest", 1, (1 << 40) - 1),
    ] {
        let number = |n: u64| [&[bit][..], &leb(n)].concat();
        assert_eq!(of(closed, &number(least)), Ok(()));
        assert_eq!(of(closed, &number(most)), Ok(()));
        assert_eq!(field(closed, &number(most + 1)), name);
        if least > 0 {
            assert_eq!(field(closed, &number(0)), name);
        }
        assert_eq!(of(closed, &[bit]), Err(SavedError::Damaged));
    }
    // no cause of that number, no such value, one that is missing, neither yes nor no
    for extras in [&[2, 100][..], &[8], &[4, 4, 0], &[]] {
        assert_eq!(of(open, extras), Err(SavedError::Damaged), "{extras:?}");
    }
    // by its timeout, by its cancellations, and by nothing that there is
    assert_eq!(of(half_open, &[1, 0, 0, 0, 2, 2]), Ok(()));
    assert_eq!(of(half_open, &[1, 0, 0, 0, 0, 3]), Err(SavedError::Damaged));
}

/// Found by fuzzing: a breaker that was restored with the most of a count, and went on, saved what was
/// refused.
#[test]
fn the_most_of_a_count_goes_on_and_can_be_saved_again() {
    let most = 1u64 << 60;
    let mut body = vec![2, b'd', b'b'];
    // saved_at, state, lasted, left, generation, openings, run, standing, would_trip; totals, kinds
    let run = u64::from(u32::MAX);
    let observing = 1;
    let numbers = [1, observing, 1, 0, most, 1, run, 0, most];
    let totals = [most, most, most, 3 * most, most, most, most];
    let window = [0, 1_000_000_000, 0, 1, (1 << 40) - 1, 0, 0];
    for n in numbers
        .into_iter()
        .chain(totals)
        .chain([most; 9 + 3])
        .chain(window)
    {
        body.extend(leb(n));
    }
    let saved = Saved::from_bytes(&made_right(&body, 1)).unwrap();
    let config = Config {
        window: Window::time(Duration::from_secs(1)).buckets(1),
        ..Config::default()
    };
    let at = saved.saved_at();
    let rig = rebuilt(saved.clone(), config, ManualClock::new(), at);
    for outcome in [
        Outcome::Success,
        Outcome::Failure(FailureKind::Connect),
        Outcome::Ignored,
    ] {
        rig.breaker.try_acquire().unwrap().record(outcome);
    }
    assert_eq!(rig.breaker.observer().snapshot().totals.successes, most + 1);
    rig.controller.force_open();
    assert!(rig.breaker.try_acquire().is_err());
    rig.controller.observe_only();
    let again = rig.controller.save_at(at);
    assert_eq!(Saved::from_bytes(&again.to_bytes()), Ok(again));
}

fn any_window() -> impl Strategy<Value = Window> {
    prop_oneof![
        Just(Window::default()),
        Just(Window::count(5)),
        Just(Window::count(20)),
        Just(Window::time(Duration::from_secs(3)).buckets(3)),
    ]
}

/// Whatever it was restored from, a breaker works: each call is answered, and counted once.
fn works(rig: &Rig, script: &[Op]) {
    let sum = |rig: &Rig| {
        let s = rig.breaker.observer().snapshot();
        let t = s.totals;
        assert!(s.window.failures <= s.window.calls && s.window.slow <= s.window.calls);
        assert_eq!(s.state == State::Open, s.retry_after.is_some());
        t.successes + t.failures + t.rejected + t.late + t.ignored + t.cancelled
    };
    for op in script {
        let (before, state) = (sum(rig), rig.breaker.state());
        let _ = rig.step(*op);
        let calls = matches!(op, Op::Call(..) | Op::Cancel);
        // a probe that is ignored or cancelled is in no total, and so is a call while disabled
        if calls
            && matches!(
                state,
                State::Closed | State::ForcedOpen | State::ObserveOnly
            )
        {
            assert_eq!(sum(rig), before + 1, "{op:?} while {state}");
        }
    }
    let _ = rig.breaker.observer().history();
    let again = rig.controller.save_at(wall());
    assert_eq!(Saved::from_bytes(&again.to_bytes()), Ok(again));
}

fn rebuilt(saved: Saved, config: Config, clock: ManualClock, at: SystemTime) -> Rig {
    let name = saved.name().to_owned();
    let config = Config {
        clock: (&clock).into(),
        ..config
    };
    let builder = Breaker::builder(name).config(config).restore_at(saved, at);
    let (breaker, controller) = builder.build_with_controller().unwrap();
    assert!(controller.restored().unwrap().is_ok());
    Rig {
        breaker,
        controller,
        clock,
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn random_bytes_are_refused(bytes in vec(any::<u8>(), 0..400), magic in any::<bool>()) {
        let bytes = if magic { [b"TRIPCOIL", &bytes[..]].concat() } else { bytes };
        prop_assert!(Saved::from_bytes(&bytes).is_err());
    }

    /// Random bodies under a right checksum: most are refused, and what is not is restored upon any
    /// configuration, and works.
    #[test]
    fn whatever_is_accepted_works(
        mut bytes in vec(prop_oneof![0..4u8, any::<u8>()], 30..120), config in configs(), script in scripts(),
        age in -1_000i64..1_000_000, now in 0..100_000u64, version in 1..=2u32,
    ) {
        bytes[0] = 0;
        let Ok(saved) = Saved::from_bytes(&made_right(&bytes, version)) else { return Ok(()) };
        let at = saved.saved_at().max(UNIX_EPOCH + ms(1_000));
        let at = if age < 0 { at - ms(-age as u64) } else { at + ms(age as u64) };
        let clock = ManualClock::new();
        clock.advance(ms(now));
        works(&rebuilt(saved, config, clock, at), &script);
    }

    /// A state that was saved, changed by a few bytes.
    #[test]
    fn what_was_changed_and_is_accepted_works(
        window in any_window(), state in prop::sample::select(&crate::strategies::STATES[..]),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        config in configs(), script in scripts(), now in 0..100_000u64, age in 0..100_000u64,
    ) {
        let clock = ManualClock::new();
        let builder = Breaker::builder("db").clock(&clock).window(window).initial_state(state);
        let (breaker, controller) = builder.build_with_controller().unwrap();
        let rig = Rig { breaker, controller, clock };
        for op in &script[..script.len() / 2] {
            let _ = rig.step(*op);
        }
        let mut bytes = body(&rig.controller.save_at(wall()).to_bytes()).to_vec();
        for (at, to) in changes {
            let at = at.index(bytes.len());
            bytes[at] = to;
        }
        let Ok(saved) = Saved::from_bytes(&made_right(&bytes, 2)) else { return Ok(()) };
        let clock = ManualClock::new();
        clock.advance(ms(now));
        let at = saved.saved_at() + ms(age);
        works(&rebuilt(saved, config, clock, at), &script);
    }

    #[test]
    fn both_forms_give_it_back(config in configs(), script in scripts()) {
        let clock = ManualClock::new();
        let config = Config { clock: (&clock).into(), ..config };
        let (breaker, controller) = Breaker::from_config_with_controller("db", config).unwrap();
        let rig = Rig { breaker, controller, clock };
        for op in script {
            let _ = rig.step(op);
        }
        let saved = rig.controller.save_at(wall());
        prop_assert_eq!(saved.saved_at(), wall());
        prop_assert_eq!(&Saved::from_bytes(&saved.to_bytes()).unwrap(), &saved);
        let json = serde_json::to_string(&saved).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Saved>(&json).unwrap(), &saved);
        prop_assert_eq!(&postcard::from_bytes::<Saved>(&postcard::to_stdvec(&saved).unwrap()).unwrap(), &saved);
    }
}
