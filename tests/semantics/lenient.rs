//! Lenient kinds.

mod half_open;
mod score;

use std::time::Duration;

use tripcoil::{
    Breaker, Builder, Cause, Config, FailureKind, Lenient, ManualClock, OnCancel, Outcome, State,
    Window,
};

use crate::common::{LIMIT, Rig, SERVER, counts, ms, ns, secs};

const OK: Outcome = Outcome::Success;
/// Of the kind that is lenient in these tests.
const REFUSED: Outcome = Outcome::Failure(FailureKind::Overload);
const EIGHTHS: [f64; 8] = [0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875];
const NONE: [FailureKind; 0] = [];

fn with(weight: f64, about: impl FnOnce(Builder) -> Builder) -> Rig {
    Rig::new(|builder| about(builder.lenient([FailureKind::Overload], weight)))
}

/// Nothing trips it.
fn steady(weight: f64) -> Rig {
    with(weight, |builder| builder.failure_count(100_000))
}

impl Rig {
    fn refuse(&self, times: usize) {
        (0..times).for_each(|_| self.end(REFUSED));
    }

    fn rate(&self) -> f64 {
        self.seen().failure_rate
    }

    fn run(&self) -> u64 {
        self.seen().consecutive_failures
    }

    /// So many lenient failures, and not one fewer, trip from here.
    #[track_caller]
    fn trips_at_refusal(&self, number: usize, cause: Cause) {
        self.refuse(number - 1);
        assert_eq!(self.state(), State::Closed, "at {}", number - 1);
        self.refuse(1);
        assert_eq!((self.state(), self.cause()), (State::Open, cause));
    }

    fn name(&self, kinds: impl IntoIterator<Item = FailureKind>, weight: f64) {
        let rules = self
            .controller
            .reconfigure(|rules| rules.lenient(kinds, weight));
        rules.expect("valid");
    }
}

// ---- which failures are lenient

#[test]
fn each_weight_is_so_many_eighths() {
    for weight in EIGHTHS {
        let rig = steady(weight);
        rig.refuse(3);
        assert_eq!(rig.rate(), weight);
        rig.fail(1);
        assert_eq!(rig.rate(), (3.0 * weight + 1.0) / 4.0);
    }
}

#[test]
fn plain_data_names_the_same_kinds() {
    let clock = ManualClock::new();
    let config = Config {
        lenient: Some(Lenient::new([FailureKind::Overload], 0.25)),
        failure_rate: None,
        consecutive_failures: None,
        failure_count: Some(1),
        clock: (&clock).into(),
        ..Config::default()
    };
    let breaker = Breaker::from_config("db", config).expect("valid");
    for state in [State::Closed, State::Closed, State::Closed, State::Open] {
        breaker.try_acquire().expect("closed").record(REFUSED);
        assert_eq!(breaker.state(), state);
    }
}

#[test]
fn by_default_and_with_no_kinds_failures_count_wholly() {
    let unnamed = Rig::new(|builder| builder.failure_count(2));
    let no_kinds = Rig::new(|builder| builder.failure_count(2).lenient(NONE, 0.125));
    for rig in [unnamed, no_kinds] {
        rig.refuse(1);
        assert_eq!(rig.rate(), 1.0);
        rig.refuse(1);
        assert_eq!(rig.cause(), Cause::FailureCount);
    }
}

#[test]
fn only_the_kinds_named_are_lenient() {
    use FailureKind::{Client, Connect, Data, Other, Overload, Server, Timeout};
    let all = [
        Timeout,
        Connect,
        Overload,
        Server,
        Client,
        Data,
        Other(0),
        Other(1),
        Other(2),
    ];
    for named in all {
        for kind in all {
            let rig = Rig::new(|builder| builder.failure_count(100).lenient([named], 0.5));
            rig.end(Outcome::Failure(kind));
            let expected = if kind == named { 0.5 } else { 1.0 };
            assert_eq!(rig.rate(), expected, "{kind:?}, with {named:?}");
        }
    }
    let both = Rig::new(|builder| builder.failure_count(100).lenient([Client, Data], 0.5));
    both.ends(&[Client, Data, Server, Server].map(Outcome::Failure));
    assert_eq!(both.rate(), 0.75);
}

#[test]
fn all_numbers_of_other_from_2_on_are_one_kind() {
    for named in [2, 7, 255] {
        let kinds = [FailureKind::Other(named)];
        let rig = Rig::new(|builder| builder.failure_count(100).lenient(kinds, 0.5));
        for (number, expected) in [(2, 0.5), (7, 0.5), (255, 0.5), (1, 0.625), (0, 0.7)] {
            rig.end(Outcome::Failure(FailureKind::Other(number)));
            assert_eq!(rig.rate(), expected, "{number}, with {named}");
        }
    }
}

#[test]
fn a_slow_failure_counts_wholly() {
    let rig = steady(0.0);
    rig.acquire().record_timed(REFUSED, LIMIT);
    assert_eq!(rig.rate(), 0.0, "not longer than the limit");
    rig.slow(REFUSED);
    assert_eq!(rig.rate(), 0.5);
    assert_eq!(rig.seen().window, counts(0, 2, 1));
    let run = with(0.0, |builder| builder.consecutive_failures(1));
    run.slow(REFUSED);
    assert_eq!(run.cause(), Cause::ConsecutiveFailures);
}

#[test]
fn a_calls_own_slow_limit_decides_whether_it_is_lenient() {
    let rig = Rig::new(|builder| {
        let builder = builder.failure_count(100);
        builder.lenient([FailureKind::Server], 0.25)
    });
    let lasts = |span: Duration| {
        let clock = rig.clock.clone();
        move || {
            clock.advance(span);
            Err::<(), ()>(())
        }
    };
    let short = rig.breaker.with_slow_call(ns(5));
    assert!(short.call(lasts(ns(6))).is_err());
    assert_eq!(rig.rate(), 1.0);
    let off = rig.breaker.with_slow_call(Duration::ZERO);
    assert!(off.call(lasts(LIMIT + ns(1))).is_err());
    assert_eq!(rig.rate(), 0.625);
}

#[test]
fn every_route_of_a_call_is_weighed() {
    let kinds = [FailureKind::Server, FailureKind::Client];
    let rig = Rig::new(|builder| builder.failure_count(100).lenient(kinds, 0.25));
    assert!(rig.breaker.call(|| Err::<(), ()>(())).is_err());
    let local = rig.breaker.local();
    local.try_acquire().expect("closed").record(SERVER);
    let panics = || -> Result<(), ()> { std::panic::resume_unwind(Box::new("its own")) };
    let call = std::panic::AssertUnwindSafe(|| rig.breaker.call(panics));
    assert!(std::panic::catch_unwind(call).is_err());
    assert_eq!(rig.rate(), 0.25);
    assert_eq!(rig.seen().window, counts(0, 3, 0));
    assert_eq!(rig.seen().failures_by_kind.get(FailureKind::Client), 1);
}

#[test]
fn the_rules_in_force_at_its_end_decide_whether_it_is_lenient() {
    let rig = steady(0.5);
    let before = [rig.acquire(), rig.acquire()];
    rig.name([FailureKind::Server], 0.5);
    for (permit, (outcome, expected)) in before.into_iter().zip([(REFUSED, 1.0), (SERVER, 0.75)]) {
        permit.record(outcome);
        assert_eq!(rig.rate(), expected);
    }
}

#[test]
fn what_was_counted_stays_as_it_is_when_other_kinds_are_set() {
    let rig = steady(0.5);
    rig.refuse(2);
    rig.fail(2);
    assert_eq!(rig.rate(), 0.75);
    rig.name([FailureKind::Server], 0.5);
    assert_eq!(rig.rate(), 0.75);
    rig.refuse(2);
    rig.fail(2);
    assert_eq!(rig.rate(), 0.75);
    rig.name([FailureKind::Client], 0.0);
    assert_eq!(rig.rate(), 0.5);
}

// ---- the window's rules

#[test]
fn the_weight_is_that_of_the_rules_in_force_when_the_window_is_judged() {
    let rig = steady(0.0);
    rig.refuse(8);
    for weight in EIGHTHS {
        rig.name([FailureKind::Overload], weight);
        assert_eq!(rig.rate(), weight);
    }
    let changed = rig.controller.reconfigure(|rules| rules.failure_count(7));
    changed.expect("valid");
    assert_eq!(rig.state(), State::Closed, "new rules trip nothing");
    rig.ok(1);
    assert_eq!(rig.cause(), Cause::FailureCount, "8 times 7/8");
    assert_eq!(rig.last().failure, None);
}

#[test]
fn without_kinds_what_was_counted_as_lenient_counts_wholly_again() {
    let rig = with(0.25, |builder| builder.failure_rate(0.75).min_throughput(1));
    rig.refuse(3);
    rig.name(NONE, 0.25);
    assert_eq!((rig.rate(), rig.state()), (1.0, State::Closed));
    rig.name([FailureKind::Client], 0.25);
    assert_eq!(rig.rate(), 0.25, "lenient once more");
    rig.name(NONE, 0.25);
    rig.ok(1);
    assert_eq!(rig.cause(), Cause::FailureRate, "3 of 4");
}

#[test]
fn the_rate_is_of_weighted_failures_to_all_calls() {
    let rig = with(0.5, |builder| builder.failure_rate(0.5).min_throughput(10));
    rig.refuse(9);
    assert_eq!((rig.rate(), rig.state()), (0.5, State::Closed));
    rig.refuse(1);
    assert_eq!(rig.cause(), Cause::FailureRate, "thresholds are inclusive");
    let below = with(0.375, |builder| builder.failure_rate(0.5).min_throughput(1));
    below.refuse(500);
    assert_eq!(below.state(), State::Closed);
    below.fail(124);
    assert_eq!(
        (below.rate(), below.state()),
        (311.5 / 624.0, State::Closed)
    );
    below.fail(1);
    assert_eq!(below.cause(), Cause::FailureRate, "312.5 of 625");
}

#[test]
fn min_throughput_is_of_whole_calls() {
    let rig = with(0.125, |builder| {
        builder.failure_rate(0.125).min_throughput(4)
    });
    rig.trips_at_refusal(4, Cause::FailureRate);
}

#[test]
fn the_count_is_of_weighted_failures() {
    for (weight, number) in [(0.125, 16), (0.25, 8), (0.375, 6), (0.5, 4), (0.875, 3)] {
        let rig = with(weight, |builder| builder.failure_count(2));
        rig.trips_at_refusal(number, Cause::FailureCount);
    }
    let of_no_weight = with(0.0, |builder| builder.failure_count(1));
    of_no_weight.refuse(1_000);
    assert_eq!(of_no_weight.state(), State::Closed);
    of_no_weight.fail(1);
    assert_eq!(of_no_weight.cause(), Cause::FailureCount);
}

#[test]
fn failures_that_have_left_the_window_weigh_nothing() {
    let rig = Rig::new(|builder| {
        let builder = builder.window(Window::time(secs(2)).buckets(2));
        let builder = builder.lenient([FailureKind::Overload], 0.5);
        builder.failure_count(2)
    });
    rig.refuse(3);
    rig.wait(secs(1));
    rig.ok(2);
    assert_eq!(rig.rate(), 0.3);
    rig.wait(secs(1));
    assert_eq!(rig.rate(), 0.0);
    rig.trips_at_refusal(4, Cause::FailureCount);
}

#[test]
fn everything_but_the_rate_is_whole() {
    let rig = with(0.25, |builder| builder.failure_count(2));
    rig.ok(1);
    rig.refuse(7);
    let seen = rig.seen();
    assert_eq!(seen.window, counts(1, 7, 0));
    assert_eq!(seen.buckets.last(), Some(&counts(1, 7, 0)));
    assert_eq!((seen.totals.failures, seen.totals.slow), (7, 0));
    assert_eq!(seen.failures_by_kind.get(FailureKind::Overload), 7);
    assert_eq!(seen.failure_rate, 1.75 / 8.0);
    rig.refuse(1);
    assert_eq!(rig.last().counts, counts(1, 8, 0));
    assert_eq!(rig.last().failure, Some(FailureKind::Overload));
}

#[test]
fn a_lenient_failure_that_decides_may_ask_for_a_longer_wait() {
    let rig = with(0.5, |builder| builder.failure_count(1));
    rig.end(REFUSED.with_retry_after(ms(70)));
    rig.end(REFUSED.with_retry_after(ms(60)));
    assert_eq!(rig.rest(), ms(60));
}

#[test]
fn a_late_failure_of_a_lenient_kind_is_late_and_nothing_else() {
    let rig = steady(0.5);
    let late = rig.acquire();
    assert!(rig.controller.reset());
    late.record(REFUSED);
    let seen = rig.seen();
    assert_eq!((seen.totals.late, seen.totals.failures), (1, 0));
    assert_eq!(seen.failures_by_kind.get(FailureKind::Overload), 0);
    assert_eq!((seen.window, seen.failure_rate), (counts(0, 0, 0), 0.0));
}

// ---- runs

#[test]
fn a_run_trips_when_the_sum_of_weights_reaches_n() {
    for (weight, number) in [(0.125, 16), (0.375, 6), (0.5, 4), (0.875, 3)] {
        let rig = with(weight, |builder| builder.consecutive_failures(2));
        rig.trips_at_refusal(number, Cause::ConsecutiveFailures);
    }
    let mixed = with(0.375, |builder| builder.consecutive_failures(2));
    mixed.ends(&[REFUSED, SERVER, REFUSED]);
    assert_eq!(mixed.state(), State::Closed, "14 eighths");
    mixed.refuse(1);
    assert_eq!(mixed.cause(), Cause::ConsecutiveFailures);
}

#[test]
fn snapshots_and_events_round_a_run_down() {
    let rig = with(0.75, |builder| builder.consecutive_failures(3));
    for expected in [0, 1, 2] {
        rig.refuse(1);
        assert_eq!(rig.run(), expected);
    }
    rig.fail(1);
    assert_eq!(rig.cause(), Cause::ConsecutiveFailures);
    // 26 eighths
    assert_eq!(rig.last().consecutive_failures, 3);
    let other = with(0.75, |builder| builder.consecutive_failures(3));
    other.refuse(2);
    assert!(other.controller.trip());
    assert_eq!(other.last().consecutive_failures, 1);
}

#[test]
fn only_successes_end_a_run() {
    let rig = with(0.875, |builder| builder.consecutive_failures(2));
    rig.refuse(2);
    rig.end(Outcome::Ignored);
    drop(rig.acquire());
    assert_eq!(rig.run(), 1);
    rig.ok(1);
    assert_eq!(rig.run(), 0);
    // no part of the run before is left
    rig.trips_at_refusal(3, Cause::ConsecutiveFailures);
}

#[test]
fn a_lenient_failure_of_weight_0_leaves_a_run_as_it_is() {
    let rig = with(0.0, |builder| builder.consecutive_failures(3));
    rig.refuse(50);
    assert_eq!(rig.run(), 0);
    rig.fail(2);
    rig.refuse(50);
    assert_eq!((rig.run(), rig.state()), (2, State::Closed));
    rig.fail(1);
    assert_eq!(rig.cause(), Cause::ConsecutiveFailures);
}

/// It leaves the run as it is, and new rules judge the run at it.
#[test]
fn a_lenient_failure_of_weight_0_is_a_counted_outcome_that_judges_the_run() {
    let limit = |rig: &Rig, n| {
        let changed = rig
            .controller
            .reconfigure(|rules| rules.consecutive_failures(n));
        changed.expect("valid");
    };
    let rig = with(0.0, |builder| builder.consecutive_failures(5));
    rig.fail(4);
    limit(&rig, 3);
    assert_eq!(rig.state(), State::Closed);
    rig.refuse(1);
    assert_eq!(rig.cause(), Cause::ConsecutiveFailures);
    assert_eq!(rig.last().consecutive_failures, 4);

    let observed = with(0.0, |builder| {
        let builder = builder.initial_state(State::ObserveOnly);
        builder.consecutive_failures(3)
    });
    observed.fail(4);
    assert_eq!(observed.seen().would_trip, 1);
    limit(&observed, 5);
    observed.refuse(1);
    observed.fail(1);
    assert_eq!(observed.seen().would_trip, 2, "it was untrue between");
}

#[test]
fn a_run_lasts_as_long_as_the_window_holds_a_failure_of_any_weight() {
    let rig = Rig::new(|builder| {
        let builder = builder.window(Window::time(ms(2)).buckets(2));
        let builder = builder.lenient([FailureKind::Overload], 0.0);
        builder.consecutive_failures(3)
    });
    rig.fail(2);
    rig.wait(ms(1));
    rig.refuse(1);
    rig.wait(ms(2) - ns(1));
    assert_eq!(rig.run(), 2);
    rig.wait(ns(1));
    assert_eq!(rig.run(), 0);
    rig.fail(2);
    assert_eq!(rig.state(), State::Closed);
}

#[test]
fn a_run_grows_by_the_weight_that_a_failure_has_when_it_ends() {
    let rig = with(0.5, |builder| builder.consecutive_failures(3));
    rig.refuse(2);
    rig.name([FailureKind::Overload], 0.0);
    assert_eq!(rig.run(), 1);
    rig.refuse(4);
    assert_eq!(rig.run(), 1);
    rig.name(NONE, 0.0);
    assert_eq!(rig.run(), 1);
    rig.refuse(1);
    assert_eq!((rig.run(), rig.state()), (2, State::Closed));
    rig.name([FailureKind::Overload], 0.875);
    rig.trips_at_refusal(2, Cause::ConsecutiveFailures);
}

// ---- the rest

#[test]
fn a_cancelled_call_that_counts_as_a_failure_may_be_lenient() {
    let rig = |weight| {
        Rig::new(|builder| {
            let builder = builder.failure_count(100).on_cancel(OnCancel::Failure);
            builder.lenient([FailureKind::Timeout], weight)
        })
    };
    let light = rig(0.25);
    drop(light.acquire());
    assert_eq!(light.rate(), 0.25);
    let lasting = light.acquire();
    light.wait(LIMIT + ns(1));
    drop(lasting);
    assert_eq!(light.rate(), 0.625, "it was slow");
    light.round();
    (0..3).for_each(|_| drop(light.acquire()));
    assert_eq!(light.state(), State::HalfOpen);
    let totals = light.seen().totals;
    assert_eq!((totals.failures, totals.cancelled), (5, 0));
    let heavy = rig(0.5);
    heavy.round();
    drop(heavy.acquire());
    assert_eq!(heavy.cause(), Cause::ProbeFailed);
}

#[test]
fn a_cancelled_probe_that_is_given_back_is_not_among_the_cancelled_ones() {
    let rig = Rig::new(|builder| {
        let builder = builder.failure_count(100).on_cancel(OnCancel::Failure);
        builder.lenient([FailureKind::Timeout], 0.25)
    });
    rig.round();
    rig.wait(ms(50));
    // neither by its number nor by the time
    (0..5).for_each(|_| drop(rig.acquire()));
    assert_eq!(rig.state(), State::HalfOpen);
}

#[test]
fn observe_only_judges_by_weights() {
    let rig = with(0.5, |builder| {
        builder
            .consecutive_failures(2)
            .failure_count(4)
            .failure_rate(0.75)
            .min_throughput(1)
            .initial_state(State::ObserveOnly)
    });
    // by the run at the fourth, and by the count at the eighth
    for expected in [0, 0, 0, 1, 1, 1, 1, 2, 2] {
        rig.refuse(1);
        assert_eq!(rig.seen().would_trip, expected);
    }
    rig.fail(8);
    assert_eq!(rig.seen().would_trip, 2, "12.5 of 17");
    rig.fail(1);
    assert_eq!(rig.seen().would_trip, 3, "13.5 of 18");
}

#[test]
fn an_event_by_the_controller_shows_whole_counts_and_the_rate_stays_weighted() {
    let rig = steady(0.5);
    rig.refuse(4);
    assert!(rig.controller.trip());
    assert_eq!(rig.last().counts, counts(0, 4, 0));
    assert_eq!(rig.rate(), 0.5);
    rig.name(NONE, 0.0);
    assert_eq!(rig.rate(), 1.0);
}
