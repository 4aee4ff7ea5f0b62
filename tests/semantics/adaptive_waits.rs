//! Waits that follow the outage.

use std::time::Duration;

use tripcoil::{
    Backoff, Breaker, Builder, Cause, FailureKind, HalfOpen, Hang, ManualClock, Outage, Outcome,
    State, Window,
};

use crate::common::{OVERRIDES, Rig, SERVER, ms, ns, order, secs};

const LEAST: u64 = 250_000_000;
const SECOND: u64 = 1_000_000_000;
const SEED: u64 = 7;
/// Calls per second, of a breaker that has counted none yet.
const FIRST_PACE: f64 = 6_554.0 / 65_536.0;

fn backoff() -> Backoff {
    Backoff::adaptive().seed(SEED)
}

/// Trips at a single failure, and closes after a single success.
fn rig() -> Rig {
    with(|builder| builder)
}

fn with(about: impl FnOnce(Builder) -> Builder) -> Rig {
    Rig::new(|builder| {
        let builder = builder.consecutive_failures(1).open_for(backoff());
        about(builder.half_open(HalfOpen::successes(1).probe_timeout(ms(50))))
    })
}

/// The finaliser of splitmix64, from the seed and so many steps and one.
fn unit(generation: u64) -> f64 {
    let mut z = SEED.wrapping_add((generation + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// From Closed.
fn first(generation: u64) -> Duration {
    ns((LEAST as f64 * (0.5 + 0.5 * unit(generation))).round() as u64)
}

/// After a lost round: the age is in milliseconds, and the pace in calls per second.
fn later(age: u64, pace: f64, max: Duration, generation: u64) -> Duration {
    let max = max.as_nanos() as u64;
    let pace = (pace * 65_536.0) as u128;
    let by_age = ((u128::from(age) * 1_000_000_000_000_000) << 16) / (pace << 16).isqrt();
    let by_calls = ((3 * u128::from(SECOND)) << 16).div_ceil(pace);
    let wait = (by_age.isqrt().max(by_calls) as u64).clamp(LEAST, max);
    let spread = (wait as f64 * (0.8 + 0.4 * unit(generation))).round() as u64;
    ns(spread.clamp(LEAST, max))
}

/// Up to a whole millisecond.
fn whole(span: Duration) -> Duration {
    ms(span.as_nanos().div_ceil(1_000_000) as u64)
}

impl Rig {
    /// When the present Open ends.
    fn until(&self) -> Duration {
        self.last().open_until.expect("open")
    }

    fn generation(&self) -> u64 {
        self.seen().generation
    }

    /// A lost round at this moment, which has begun with its one probe.
    fn lose(&self) {
        self.fail(1);
        assert_eq!(
            (self.state(), self.cause()),
            (State::Open, Cause::ProbeFailed)
        );
    }

    fn reject(&self, times: usize) {
        for _ in 0..times {
            self.rejected();
        }
    }
}

// ---- settings

#[test]
fn it_needs_a_time_window_and_has_neither_jitter_nor_reset_after() {
    let fields = |backoff: Backoff, window| {
        let builder = Breaker::builder("db").clock(ManualClock::new());
        let error = builder.window(window).open_for(backoff).build().err();
        let problems = error.map_or(vec![], |error| error.problems().to_vec());
        problems.iter().map(|p| p.field).collect::<Vec<_>>()
    };
    let year = secs(365 * 24 * 3_600);
    let time = Window::default;
    for max in [ms(250), year] {
        assert_eq!(fields(backoff().max(max), time()), [""; 0]);
    }
    for max in [Duration::ZERO, ms(250) - ns(1), year + ns(1)] {
        assert_eq!(fields(backoff().max(max), time()), ["open_for.max"]);
    }
    assert_eq!(fields(backoff().jitter(0.1), time()), ["open_for.jitter"]);
    let after = backoff().reset_after(ns(1));
    assert_eq!(fields(after, time()), ["open_for.reset_after"]);
    assert_eq!(fields(backoff(), Window::count(9)), ["open_for.adaptive"]);
    let all = backoff().max(ms(1)).jitter(0.5).reset_after(secs(1));
    let expected = [
        "open_for.adaptive",
        "open_for.max",
        "open_for.jitter",
        "open_for.reset_after",
    ];
    assert_eq!(fields(all, Window::count(9)), expected);
}

#[test]
fn without_a_seed_breakers_differ() {
    let wait = || {
        let rig = with(|builder| builder.open_for(Backoff::adaptive()));
        rig.fail(1);
        rig.until()
    };
    let waits: Vec<_> = (0..20).map(|_| wait()).collect();
    assert!(waits.iter().any(|wait| *wait != waits[0]), "{waits:?}");
    assert!(waits.iter().all(|wait| (ms(125)..=ms(250)).contains(wait)));
}

// ---- from Closed

#[test]
fn a_trip_from_closed_is_followed_by_125_to_250_ms() {
    let rig = rig();
    for _ in 0..5 {
        let now = rig.clock.now();
        rig.fail(1);
        assert_eq!(rig.until(), whole(now + first(rig.generation())));
        rig.wait_out();
        rig.ok(1);
        rig.wait(secs(60));
    }
    assert!(rig.controller.trip());
    let now = rig.clock.now();
    assert_eq!(rig.until(), whole(now + first(rig.generation())));
}

#[test]
fn so_is_a_hang_and_a_build() {
    let hang = with(|builder| builder.hang(Hang::after(ms(1)).starts(1)));
    hang.ok(20);
    hang.wait(ms(40));
    let _held = hang.acquire();
    hang.wait(ms(1));
    let rest = hang.rejected().retry_after();
    let until = whole(ms(41) + first(hang.generation()));
    assert_eq!(rest, Some(until - ms(41)));
    let built = with(|builder| builder.initial_state(State::Open));
    assert_eq!(built.rest(), whole(first(built.generation())));
}

/// However many there have been.
#[test]
fn openings_are_counted_and_the_count_is_not_used() {
    let rig = rig();
    for _ in 0..9 {
        rig.fail(1);
        rig.wait_out();
        rig.ok(1);
    }
    rig.fail(1);
    let wait = rig.until() - rig.clock.now();
    assert_eq!(
        wait,
        whole(rig.clock.now() + first(rig.generation())) - rig.clock.now()
    );
    assert_eq!(
        rig.seen().openings,
        1,
        "as by a backoff without reset_after"
    );
}

// ---- after a lost round

#[test]
fn a_lost_round_waits_for_the_root_of_the_age() {
    let rig = with(|builder| builder.outage(Outage::at(0.5)));
    // 400 calls in the first second
    rig.ok(400);
    rig.wait(secs(1));
    rig.fail(1);
    assert_eq!(rig.cause(), Cause::ConsecutiveFailures);
    let began = rig.clock.now();
    for age in [10_000, 400_000, 4_000_000] {
        rig.wait(began + ms(age) - rig.clock.now());
        rig.lose();
        let wait = later(age, 400.0, secs(30), rig.generation());
        assert_eq!(rig.until(), whole(rig.clock.now() + wait), "{age}");
    }
}

#[test]
fn it_waits_for_three_calls_at_least() {
    let rig = with(|builder| builder.open_for(backoff().max(secs(100))));
    rig.ok(1);
    rig.wait(secs(1));
    rig.fail(1);
    rig.wait(ms(250));
    rig.lose();
    // one per second, of the one whole bucket
    let wait = later(250, 1.0, secs(100), rig.generation());
    assert_eq!(rig.until(), whole(rig.clock.now() + wait));
    let middle = 3.0 * (0.8 + 0.4 * unit(rig.generation()));
    assert!((wait.as_secs_f64() - middle).abs() < 1e-6);
}

#[test]
fn the_wait_is_from_250_ms_to_max_after_it_is_spread_too() {
    let rig = with(|builder| builder.open_for(backoff().max(ms(300))));
    let mut seen = Vec::new();
    rig.fail(1);
    for _ in 0..40 {
        rig.wait(secs(1));
        rig.lose();
        seen.push(rig.until() - rig.clock.now());
    }
    assert!(seen.iter().all(|wait| (ms(250)..=ms(300)).contains(wait)));
    assert!(seen.contains(&ms(300)), "spread beyond the max");
    assert!(seen.contains(&ms(250)) || seen.iter().any(|wait| *wait < ms(270)));

    let busy = rig_of(100_000);
    for _ in 0..20 {
        busy.wait_out();
        busy.lose();
        let wait = busy.until() - busy.clock.now();
        assert!((ms(250)..=ms(301)).contains(&wait), "{wait:?}");
    }
}

/// Tripped after a second of so many calls.
fn rig_of(calls: usize) -> Rig {
    let rig = rig();
    rig.ok(calls);
    rig.wait(secs(1));
    rig.fail(1);
    rig
}

#[test]
fn by_default_max_is_30_s() {
    let rig = rig();
    rig.fail(1);
    rig.wait(secs(100_000));
    rig.lose();
    let wait = later(100_000_000, FIRST_PACE, secs(30), rig.generation());
    assert_eq!(rig.until(), whole(rig.clock.now() + wait));
    assert!(wait <= secs(30));
}

#[test]
fn trip_from_open_waits_so_too() {
    let rig = rig_of(400);
    let began = rig.clock.now();
    rig.wait(ms(100));
    assert!(rig.controller.trip());
    let wait = later(100, 400.0, secs(30), rig.generation());
    assert_eq!(rig.until(), whole(began + ms(100) + wait));
}

#[test]
fn trip_from_a_round_counts_from_now() {
    let rig = rig_of(400);
    rig.wait_out();
    let began = ms(1_000);
    let probe = rig.acquire();
    rig.wait(ms(40));
    assert!(rig.controller.trip());
    let now = rig.clock.now();
    let age = (now - began).as_millis() as u64;
    let wait = later(age, 400.0, secs(30), rig.generation());
    assert_eq!(rig.until(), whole(now + wait));
    drop(probe);
}

#[test]
fn trip_for_waits_as_it_says() {
    let rig = rig_of(400);
    assert!(rig.controller.trip_for(ms(7)));
    assert_eq!(rig.rest(), ms(7));
    rig.wait(ms(7));
    assert!(rig.controller.trip_for(secs(1_000)));
    assert_eq!(rig.rest(), secs(1_000), "not capped");
}

// ---- where it counts from

#[test]
fn after_a_lost_round_the_wait_counts_from_its_first_admission() {
    let rig = rig_of(400);
    let began = rig.clock.now();
    rig.wait(secs(10));
    let probe = rig.acquire();
    let round = rig.clock.now();
    rig.wait(ms(200));
    probe.record(SERVER);
    assert_eq!(rig.cause(), Cause::ProbeFailed);
    let age = (rig.clock.now() - began).as_millis() as u64;
    let wait = later(age, 400.0, secs(30), rig.generation());
    assert!(wait > ms(200));
    assert_eq!(rig.until(), whole(round + wait));
}

#[test]
fn the_controllers_round_counts_from_its_order() {
    let rig = rig_of(400);
    let began = rig.clock.now();
    rig.wait(secs(10));
    rig.round();
    let round = rig.clock.now();
    rig.wait(ms(100));
    rig.probe(SERVER);
    let age = (rig.clock.now() - began).as_millis() as u64;
    let wait = later(age, 400.0, secs(30), rig.generation());
    assert_eq!(rig.until(), whole(round + wait));
}

#[test]
fn it_ends_no_earlier_than_now() {
    let rig = rig_of(400);
    rig.wait_out();
    let probe = rig.acquire();
    rig.wait(secs(60));
    let rejected = rig.rejected();
    assert_eq!(rejected.cause(), Some(Cause::ProbeTimeout));
    let now = rig.clock.now();
    assert_eq!(rejected.retry_after(), Some(whole(now) - now));
    assert_eq!(rig.last().open_until, Some(whole(now)));
    drop(probe);
    rig.wait_out();
    rig.ok(1);
    assert_eq!(rig.state(), State::Closed, "the next call is a probe");
}

#[test]
fn a_failures_own_wait_is_used_if_it_is_longer_up_to_max() {
    let asks = |span| Outcome::Failure(FailureKind::Server).with_retry_after(span);
    for (own, expected) in [
        (secs(20), secs(20)),
        (secs(31), secs(30)),
        (ms(1), Duration::ZERO),
    ] {
        let rig = rig_of(400);
        rig.wait(secs(10));
        let probe = rig.acquire();
        let round = rig.clock.now();
        rig.wait(ms(20));
        probe.record(asks(own));
        let wait = round + later(10_020, 400.0, secs(30), rig.generation());
        let asked = rig.clock.now() + expected;
        assert_eq!(rig.until(), whole(wait.max(asked)), "{own:?}");
    }
    let rig = rig();
    rig.end(asks(secs(3)));
    assert_eq!(rig.rest(), secs(3), "from Closed, too");
}

// ---- the outage

/// A round that is lost at this moment finds it so old.
#[track_caller]
fn has_lasted(rig: &Rig, milliseconds: u64) {
    let now = rig.clock.now();
    rig.lose();
    let of = |age| whole(now + later(age, 10_000.0, secs(30), rig.generation()));
    assert_eq!(rig.until(), of(milliseconds));
    assert_ne!(of(milliseconds + 2_000), of(milliseconds));
}

#[test]
fn an_outage_begins_at_an_opening() {
    let rig = rig();
    rig.ok(10_000);
    rig.wait(secs(1));
    rig.fail(1);
    rig.wait(secs(500));
    has_lasted(&rig, 500_000);
    rig.wait(secs(100));
    has_lasted(&rig, 600_000);
}

#[test]
fn it_has_ended_when_the_breaker_leaves_closed_after_more_than_2_s() {
    for (closed_for, expected) in [(secs(2), 502_000), (secs(2) + ns(1), 0)] {
        let rig = rig_of(10_000);
        rig.wait(secs(500));
        rig.ok(1);
        assert_eq!(rig.state(), State::Closed);
        rig.wait(closed_for);
        rig.fail(1);
        rig.wait(secs(400));
        has_lasted(&rig, expected + 400_000);
    }
}

#[test]
fn reset_and_release_end_it() {
    for ends in [true, false] {
        let rig = rig_of(10_000);
        rig.wait(secs(500));
        if ends {
            assert!(rig.controller.reset());
        } else {
            assert!(rig.controller.force_open());
            assert!(rig.controller.release());
        }
        rig.fail(1);
        rig.wait(secs(400));
        has_lasted(&rig, 400_000);
    }
}

#[test]
fn an_override_alone_does_not() {
    for state in OVERRIDES {
        let rig = rig_of(10_000);
        rig.wait(secs(500));
        assert!(order(&rig.controller, state));
        rig.wait(secs(100));
        rig.round_from(state);
        assert_eq!(rig.state(), State::Closed);
    }
}

impl Rig {
    /// No override leads to a round: only its release leads out of it.
    fn round_from(&self, state: State) {
        assert!(!self.controller.half_open(), "{state:?}");
        assert!(!self.controller.trip(), "{state:?}");
        assert!(self.controller.release());
    }
}

#[test]
fn a_breaker_that_is_built_open_begins_with_one() {
    let rig = with(|builder| builder.initial_state(State::Open));
    rig.wait(secs(500));
    rig.lose();
    let wait = later(500_000, FIRST_PACE, secs(30), rig.generation());
    assert_eq!(rig.until(), whole(secs(500) + wait));
}

#[test]
fn an_operators_round_from_closed_is_no_outage_until_it_is_lost() {
    let rig = rig_of(10_000);
    rig.wait(secs(500));
    rig.ok(1);
    rig.wait(secs(10));
    rig.round();
    rig.fail(1);
    let wait = later(0, 10_000.0, secs(30), rig.generation());
    assert_eq!(rig.rest(), whole(wait));
    rig.wait(secs(300));
    has_lasted(&rig, 300_000);
}

#[test]
fn its_age_is_in_whole_milliseconds_rounded_down_at_both_ends() {
    let rig = rig();
    rig.ok(10_000);
    rig.wait(secs(1) + ns(999_999));
    rig.fail(1);
    rig.wait(secs(399) + ms(1) - ns(999_999));
    let now = rig.clock.now();
    rig.lose();
    let wait = later(399_001, 10_000.0, secs(30), rig.generation());
    assert_eq!(rig.until(), whole(now + wait));
}

#[test]
fn by_another_backoff_none_begins_or_ends() {
    let rig = rig_of(10_000);
    let set = |backoff: Backoff| {
        let done = rig.controller.reconfigure(|rules| rules.open_for(backoff));
        done.expect("valid");
    };
    set(Backoff::constant(ms(10)));
    rig.wait(secs(500));
    assert!(rig.controller.reset());
    rig.fail(1);
    rig.wait_out();
    set(backoff());
    rig.wait(secs(200) - ms(10));
    has_lasted(&rig, 700_000);
}

// ---- the pace

#[test]
fn calls_that_are_rejected_raise_the_pace() {
    let rig = with(|builder| builder.outage(Outage::at(0.5)));
    rig.ok(2);
    rig.wait(secs(1));
    rig.fail(1);
    rig.reject(4_000);
    rig.wait(secs(100));
    rig.lose();
    // the probe was admitted, and 4,000 were not
    let wait = later(100_000, 40.0, secs(30), rig.generation());
    assert_eq!(rig.until(), whole(rig.clock.now() + wait));
    rig.wait_out();
    rig.ok(1);
    assert_eq!(
        rig.seen().evidence.expect("on").pace,
        40.0,
        "it becomes the pace"
    );
}

#[test]
fn they_are_taken_over_a_second_at_least_and_in_every_state() {
    let rig = rig_of(2);
    rig.reject(300);
    assert!(rig.controller.half_open());
    let probe = rig.acquire();
    rig.reject(300);
    rig.wait(ms(10));
    probe.record(SERVER);
    let wait = later(10, 600.0, secs(30), rig.generation());
    assert_eq!(rig.until(), whole(ms(1_000) + wait));
}

#[test]
fn those_from_before_the_outage_do_not_count() {
    let rig = rig_of(400);
    rig.reject(100_000);
    assert!(rig.controller.reset());
    rig.fail(1);
    rig.wait(secs(10));
    rig.lose();
    let wait = later(10_000, 400.0, secs(30), rig.generation());
    assert_eq!(rig.until(), whole(rig.clock.now() + wait));
}

#[test]
fn trip_for_raises_it_too() {
    let rig = with(|builder| builder.outage(Outage::at(0.5)));
    assert!(rig.controller.trip_for(secs(9)));
    rig.reject(50);
    assert!(rig.controller.trip_for(secs(9)));
    assert!(rig.controller.reset());
    assert_eq!(rig.seen().evidence.expect("on").pace, 50.0);
}

#[test]
fn the_pace_is_kept_without_the_outage_rule() {
    let rig = rig();
    rig.ok(300);
    rig.wait(secs(1));
    rig.ok(1);
    let outage = |rules: tripcoil::config::Rules| rules.outage(Outage::at(0.5));
    rig.controller.reconfigure(outage).expect("valid");
    assert_eq!(rig.seen().evidence.expect("on").pace, 300.0);
}

#[test]
fn by_neither_rule_it_stays() {
    let rig = Rig::new(|builder| builder.consecutive_failures(1));
    rig.ok(300);
    rig.wait(secs(1));
    rig.ok(1);
    let outage = |rules: tripcoil::config::Rules| rules.outage(Outage::at(0.5));
    rig.controller.reconfigure(outage).expect("valid");
    assert_eq!(rig.seen().evidence.expect("on").pace, FIRST_PACE);
}
