//! The outage rule.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use tripcoil::clock::TimeSource;
use tripcoil::observe::Evidence;
use tripcoil::prelude::Outage;
use tripcoil::{Breaker, Builder, Cause, Clock, FailureKind, OnCancel, Outcome, State, Window};

use crate::common::{LIMIT, OVERRIDES, Rig, SERVER, counts, ms, ns, order, secs};

const OK: Outcome = Outcome::Success;
const ONE: f64 = 65_536.0;
/// At a half, what a bad outcome weighs, and a fast success: ln(7/3), rounded down and up.
const BAD: f64 = 55_528.0 / ONE;
const GOOD: f64 = 55_529.0 / ONE;
/// Of a loss of 0.002, below half a call per second. Nine bad outcomes are beyond it, and eight are not.
const AT_REST: f64 = 456_043.0 / ONE;
/// A bucket of a second has fifty of them.
const TICK: Duration = ms(20);

/// The rule alone, at a half.
fn rig() -> Rig {
    Rig::new(|builder| builder.outage(Outage::at(0.5)))
}

fn with(about: impl FnOnce(Builder) -> Builder) -> Rig {
    Rig::new(|builder| about(builder.outage(Outage::at(0.5))))
}

impl Rig {
    fn evidence(&self) -> Evidence {
        self.seen().evidence.expect("the rule is on")
    }

    fn value(&self) -> f64 {
        self.evidence().value
    }

    fn pace(&self) -> f64 {
        self.evidence().pace
    }

    /// One bad outcome in the tick under way; then the next tick.
    fn begun(self) -> Rig {
        self.fail(1);
        self.wait(TICK);
        self
    }

    /// So many bad outcomes, and not one fewer, trip from here.
    #[track_caller]
    fn trips_at(&self, number: usize) {
        self.fail(number - 1);
        assert_eq!(self.state(), State::Closed, "at {}", number - 1);
        self.fail(1);
        assert_eq!((self.state(), self.cause()), (State::Open, Cause::Evidence));
    }

    fn switch(&self, outage: Option<Outage>) {
        let rules = self.controller.reconfigure(|rules| match outage {
            Some(outage) => rules.outage(outage),
            None => rules.no_failure_rules().failure_count(100_000),
        });
        rules.expect("valid");
    }
}

// ---- weights

#[test]
fn a_bad_outcome_raises_the_score_and_a_fast_success_lowers_it() {
    let rig = rig();
    rig.fail(3);
    assert_eq!(rig.value(), 3.0 * BAD);
    rig.ok(2);
    assert_eq!(rig.value(), 3.0 * BAD - 2.0 * GOOD);
    rig.ends(&[Outcome::Ignored; 5]);
    (0..5).for_each(|_| drop(rig.acquire()));
    assert_eq!(rig.value(), 3.0 * BAD - 2.0 * GOOD, "they are not counted");
}

/// The equation, to the last unit of the weights.
#[test]
fn weights_solve_their_equation_and_are_rounded_against_a_trip() {
    for theta in [0.01, 0.05, 0.2, 1.0 / 3.0, 0.5, 0.7, 0.9] {
        let rig = Rig::new(|builder| builder.outage(Outage::at(theta)));
        rig.fail(40);
        let bad = rig.value() / 40.0;
        rig.ok(1);
        let good = 40.0 * bad - rig.value();
        let p = 0.6 * theta;
        let sum = |bad: f64, good: f64| p * bad.exp() + (1.0 - p) * (-good).exp();
        assert!(sum(bad, good) <= 1.0, "{theta}");
        let more = bad + 1.0 / ONE;
        assert!(sum(more, more * theta / (1.0 - theta)) > 1.0, "{theta}");
        let exact = bad * theta / (1.0 - theta);
        let step = theta / (1.0 - theta) + 1.0;
        assert!(exact <= good && good <= exact + step / ONE, "{theta}");
    }
}

#[test]
fn a_slow_call_is_bad_whichever_limit_it_is_slow_by() {
    let slow = rig();
    slow.slow(OK);
    slow.slow(SERVER);
    assert_eq!(slow.value(), 2.0 * BAD, "a slow failure is one bad outcome");
    slow.acquire().record_timed(OK, LIMIT);
    assert_eq!(slow.value(), 2.0 * BAD - GOOD, "not longer than the limit");

    let own = rig();
    let lasts = |span| {
        let clock = own.clock.clone();
        move || {
            clock.advance(span);
            Ok::<(), ()>(())
        }
    };
    assert!(own.breaker.with_slow_call(ns(5)).call(lasts(ns(6))).is_ok());
    assert_eq!(own.value(), BAD);
    own.fail(1);
    let off = own.breaker.with_slow_call(Duration::ZERO);
    assert!(off.call(lasts(LIMIT + ns(1))).is_ok());
    assert_eq!(own.value(), 2.0 * BAD - GOOD);
}

#[test]
fn slow_calls_alone_trip() {
    let rig = rig();
    rig.slow(OK);
    rig.wait(TICK);
    (0..7).for_each(|_| rig.slow(OK));
    assert_eq!(rig.state(), State::Closed);
    rig.slow(OK);
    assert_eq!(rig.cause(), Cause::Evidence);
    assert_eq!(rig.last().counts, counts(9, 0, 9));
    assert_eq!(rig.last().failure, None);
}

#[test]
fn a_cancelled_call_that_counts_as_a_failure_is_bad() {
    let rig = with(|builder| builder.on_cancel(OnCancel::Failure));
    drop(rig.acquire());
    assert_eq!(rig.value(), BAD);
}

#[test]
fn a_local_handles_outcomes_count() {
    let rig = rig();
    let local = rig.breaker.local();
    let end = |outcome: Outcome| local.try_acquire().expect("closed").record(outcome);
    (0..3).for_each(|_| end(SERVER));
    end(OK);
    assert_eq!(rig.value(), 3.0 * BAD - GOOD);
    rig.wait(TICK);
    (0..7).for_each(|_| end(SERVER));
    assert_eq!(rig.cause(), Cause::Evidence);
}

// ---- ticks

#[test]
fn one_burst_trips_nothing() {
    let rig = rig();
    rig.fail(10_000);
    assert_eq!((rig.state(), rig.value()), (State::Closed, 10_000.0 * BAD));
    rig.wait(TICK - ns(1));
    rig.fail(1);
    assert_eq!(rig.state(), State::Closed);
    rig.wait(ns(1));
    assert_eq!(rig.value(), AT_REST, "no more than the limit");
    rig.ok(20);
    rig.wait(TICK);
    rig.fail(10_000);
    assert_eq!(rig.state(), State::Closed, "the score was 0 again");
}

#[test]
fn two_ticks_trip_at_the_ninth_bad_outcome() {
    for first in 1..=8 {
        let rig = rig();
        rig.fail(first);
        rig.wait(TICK);
        rig.trips_at(9 - first);
        assert_eq!(rig.last().counts, counts(0, 9, 0));
        assert_eq!(rig.last().failure, Some(FailureKind::Server));
        assert_eq!(rig.seen().evidence, None);
    }
}

#[test]
fn so_do_nine_ticks_of_one() {
    let rig = rig();
    for _ in 0..8 {
        rig.fail(1);
        rig.wait(TICK);
    }
    assert_eq!((rig.state(), rig.value()), (State::Closed, 8.0 * BAD));
    rig.fail(1);
    assert_eq!(rig.cause(), Cause::Evidence);
}

#[test]
fn after_a_burst_the_first_bad_outcome_trips() {
    let rig = rig();
    rig.fail(50);
    rig.wait(TICK);
    rig.trips_at(1);
}

#[test]
fn successes_hold_it_back() {
    let rig = rig().begun();
    rig.ok(1);
    rig.fail(8);
    assert_eq!(rig.value(), 9.0 * BAD - GOOD);
    assert_eq!(rig.state(), State::Closed);
    rig.fail(1);
    assert_eq!(rig.cause(), Cause::Evidence);
}

/// A half is bad, which theta weighs as nothing.
#[test]
fn where_as_many_are_good_nothing_adds_up() {
    let rig = rig();
    for _ in 0..500 {
        rig.ends(&[OK, SERVER]);
        rig.wait(ms(7));
    }
    assert_eq!(rig.state(), State::Closed);
    assert!(rig.value() <= 2.0 * BAD, "{}", rig.value());
}

#[test]
fn a_tick_ends_with_a_score_of_0_at_least() {
    let rig = rig();
    rig.ok(1_000);
    assert_eq!(rig.value(), 0.0, "it is below 0, and shown as 0");
    rig.fail(2);
    assert_eq!(rig.value(), 0.0);
    rig.wait(TICK);
    rig.fail(2);
    assert_eq!(rig.value(), 2.0 * BAD);
}

#[test]
fn ticks_without_outcomes_change_nothing() {
    let rig = rig();
    rig.fail(4);
    rig.wait(secs(86_400));
    assert_eq!(rig.value(), 4.0 * BAD);
    rig.controller.reconfigure(|rules| rules).expect("valid");
    rig.wait(TICK);
    assert_eq!(rig.value(), 4.0 * BAD);
    rig.trips_at(5);
}

/// More than the limit is cut where a tick ends.
#[test]
fn a_bucket_is_cut_into_ticks_of_20_ms_or_less() {
    for (width, tick) in [
        (ns(1), ns(1)),
        (ms(5), ms(5)),
        (ms(20), ms(20)),
        (ms(20) + ns(1), ms(10) + ns(1)),
        (ms(50), ns(16_666_667)),
        (secs(1), ms(20)),
    ] {
        let window = Window::time(width * 2).buckets(2);
        let loss = Outage::at(0.5).loss_at_most(0.1);
        let rig = Rig::new(|builder| builder.window(window).outage(loss));
        rig.fail(100);
        let value = rig.value();
        rig.wait(tick - ns(1));
        assert_eq!(rig.value(), value, "{width:?}");
        rig.wait(ns(1));
        assert!(rig.value() < value, "{width:?}");
    }
}

#[test]
fn the_last_tick_ends_with_its_bucket() {
    // two of 16,666,667 ns, and one that is a nanosecond shorter
    let rig = with(|builder| builder.window(Window::time(ms(100)).buckets(2)));
    rig.wait(ms(50) - ns(1));
    rig.fail(100);
    assert_eq!(rig.value(), 100.0 * BAD);
    rig.wait(ns(1));
    assert_eq!(rig.value(), AT_REST);
}

#[test]
fn no_tick_is_shorter_than_the_clocks_resolution() {
    struct Coarse(Arc<AtomicU64>);
    impl TimeSource for Coarse {
        fn now(&self) -> Duration {
            ns(self.0.load(SeqCst))
        }
        fn resolution(&self) -> Duration {
            ms(40)
        }
    }
    let nanos = Arc::new(AtomicU64::new(0));
    let builder = Breaker::builder("coarse")
        .clock(Clock::custom(Coarse(nanos.clone())))
        .outage(Outage::at(0.5));
    let breaker = builder.build().expect("valid");
    let fail = || breaker.try_acquire().expect("closed").record(SERVER);
    fail();
    nanos.store(39_999_999, SeqCst);
    (0..50).for_each(|_| fail());
    nanos.store(40_000_000, SeqCst);
    fail();
    assert_eq!(breaker.state(), State::Open);
}

// ---- the limit, and the pace

#[test]
fn the_first_pace_is_a_tenth_of_a_call_per_second() {
    let seen = rig().evidence();
    assert_eq!(seen.pace, 6_554.0 / ONE);
    assert_eq!((seen.value, seen.limit), (0.0, AT_REST));
}

#[test]
fn the_pace_is_that_of_the_whole_buckets_before_this_one() {
    let rig = rig();
    rig.ok(300);
    assert_eq!(rig.pace(), 6_554.0 / ONE);
    rig.wait(secs(1));
    assert_eq!(rig.pace(), 300.0, "a breaker's first bucket is whole");
    rig.ok(100);
    assert_eq!(rig.pace(), 300.0, "this one is not over");
    rig.wait(secs(1));
    assert_eq!(rig.pace(), 200.0);
    rig.wait(secs(1));
    assert_eq!(rig.pace(), (400.0 * ONE / 3.0).ceil() / ONE, "rounded up");
    rig.wait(secs(7));
    assert_eq!(rig.pace(), 40.0, "ten buckets");
    rig.wait(secs(1));
    assert_eq!(rig.pace(), 10.0, "the first has left");
}

#[test]
fn ignored_and_cancelled_calls_have_no_pace() {
    let rig = rig();
    rig.ends(&[Outcome::Ignored; 30]);
    (0..30).for_each(|_| drop(rig.acquire()));
    rig.fail(1);
    rig.slow(OK);
    rig.wait(secs(1));
    assert_eq!(rig.pace(), 2.0);
}

#[test]
fn idle_hours_leave_the_pace() {
    let rig = rig();
    rig.ok(300);
    rig.wait(secs(1));
    rig.ok(1); // which sets it
    rig.wait(secs(86_400));
    assert_eq!(rig.pace(), 300.0);
    rig.ok(1);
    assert_eq!(rig.pace(), 300.0);
}

/// No outcome, and no new rules, came while there was anything in a whole bucket.
#[test]
fn a_pace_that_nothing_has_found_is_not_set() {
    let rig = rig();
    rig.ok(300);
    rig.wait(secs(86_400));
    assert_eq!(rig.pace(), 6_554.0 / ONE);

    let other = self::rig();
    other.ok(300);
    other.wait(secs(1));
    other.controller.reconfigure(|rules| rules).expect("valid");
    other.wait(secs(86_400));
    assert_eq!(other.pace(), 300.0);
}

#[test]
fn the_bucket_in_which_a_period_began_is_not_whole() {
    for initial in [State::Closed, State::Open] {
        let rig = with(|builder| builder.initial_state(initial));
        assert!(rig.controller.reset());
        rig.ok(300);
        rig.wait(secs(1));
        assert_eq!(rig.pace(), 6_554.0 / ONE);
        rig.ok(5);
        rig.wait(secs(1));
        assert_eq!(rig.pace(), 5.0);
    }
    let observing = with(|builder| builder.initial_state(State::ObserveOnly));
    observing.ok(7);
    observing.wait(secs(1));
    assert_eq!(observing.pace(), 7.0, "it is built to count");
}

#[test]
fn the_pace_outlasts_periods_and_the_score_does_not() {
    let rig = rig();
    rig.ok(300);
    rig.wait(secs(1));
    rig.fail(5);
    assert_eq!(rig.value(), 5.0 * BAD);
    assert!(rig.controller.reset());
    assert_eq!((rig.value(), rig.pace()), (0.0, 300.0));
    assert!(rig.controller.trip());
    rig.wait_out();
    rig.ok(2);
    assert_eq!((rig.state(), rig.pace()), (State::Closed, 300.0));
}

#[test]
fn the_limit_grows_with_the_pace() {
    // up to half a call per second it is the same
    let exact = |pace: f64, loss: f64| f64::ln(2.0 * f64::max(1.0, 2.0 * pace) / loss);
    for (calls, loss) in [(0, 0.002), (4, 0.1), (5, 0.1), (100, 0.1), (5_000, 0.0001)] {
        let rig = with(|builder| builder.outage(Outage::at(0.5).loss_at_most(loss)));
        rig.ok(calls);
        rig.wait(secs(10));
        let seen = rig.evidence();
        let over = seen.limit - exact(seen.pace, loss);
        assert!((0.0..0.0605).contains(&over), "{calls} {loss}: {over}");
        if calls > 0 {
            assert_eq!(seen.pace, (calls as f64 * ONE / 10.0).ceil() / ONE);
        }
    }
}

/// ln(2 * 2 * 1000 / 0.002), at most 0.06 too high: 14.51 to 14.57; 18 bad outcomes are 15.25, and 17 are 14.40.
#[test]
fn at_a_thousand_calls_per_second_it_takes_eighteen() {
    let rig = rig();
    rig.ok(1_000);
    rig.wait(secs(1));
    rig.fail(1);
    rig.wait(TICK);
    rig.trips_at(17);
}

#[test]
fn a_smaller_loss_takes_longer() {
    // ln 20, ln 1,000, ln 20,000: 4, 9 and 12 bad outcomes
    for (loss, needed) in [(0.1, 4), (0.002, 9), (0.0001, 12)] {
        let outage = Outage::at(0.5).loss_at_most(loss);
        let rig = Rig::new(|builder| builder.outage(outage)).begun();
        rig.trips_at(needed - 1);
    }
}

// ---- beside other rules

#[test]
fn other_rules_stand_beside_it() {
    let rig = with(|builder| builder.consecutive_failures(3).failure_count(100));
    rig.fail(3);
    assert_eq!(rig.cause(), Cause::ConsecutiveFailures);
    assert!(rig.controller.reset());
    for _ in 0..7 {
        rig.ends(&[SERVER, SERVER, OK]);
        rig.wait(TICK);
    }
    rig.trips_at(2);
}

#[test]
fn it_is_the_last_cause_to_be_looked_for() {
    type About = fn(Builder) -> Builder;
    let others: [(About, Cause); 5] = [
        (|b| b.consecutive_failures(9), Cause::ConsecutiveFailures),
        (|b| b.failure_count(9), Cause::FailureCount),
        (
            |b| b.failure_rate(1.0).min_throughput(9),
            Cause::FailureRate,
        ),
        (|b| b.slow_rate(1.0).min_throughput(9), Cause::SlowRate),
        (|b| b, Cause::Evidence),
    ];
    for (other, cause) in others {
        let rig = with(other);
        rig.slow(SERVER);
        rig.wait(TICK);
        (0..7).for_each(|_| rig.slow(SERVER));
        assert_eq!(rig.state(), State::Closed);
        rig.slow(SERVER);
        assert_eq!(rig.cause(), cause);
    }
}

// ---- observe-only

#[test]
fn observe_only_reports_it_once() {
    let rig = with(|builder| builder.initial_state(State::ObserveOnly));
    rig.fail(50);
    assert_eq!(rig.seen().would_trip, 0, "one burst");
    rig.wait(TICK);
    rig.fail(1);
    assert_eq!(rig.seen().would_trip, 1);
    // below the limit and above it, in that tick and in others
    rig.ok(3);
    rig.fail(20);
    for _ in 0..5 {
        rig.wait(TICK);
        rig.ok(5);
        rig.wait(TICK);
        rig.fail(20);
    }
    assert_eq!(
        (rig.state(), rig.seen().would_trip),
        (State::ObserveOnly, 1)
    );
    // until a tick ends with a score of 0
    rig.wait(TICK);
    rig.ok(20);
    assert_eq!(rig.value(), 0.0);
    rig.fail(20);
    rig.wait(TICK);
    rig.ok(20);
    rig.wait(TICK);
    rig.fail(20);
    assert_eq!(rig.seen().would_trip, 1);
    rig.wait(TICK);
    rig.fail(1);
    assert_eq!(rig.seen().would_trip, 2);
    // a fresh period
    assert!(rig.controller.release());
    assert!(rig.controller.observe_only());
    rig.fail(50);
    rig.wait(TICK);
    rig.fail(1);
    assert_eq!(rig.seen().would_trip, 3);
}

// ---- new rules

#[test]
fn a_rule_that_is_switched_on_begins_with_the_next_bucket() {
    let rig = Rig::new(|builder| builder.failure_count(100_000));
    rig.fail(5);
    rig.wait(ms(500));
    rig.switch(Some(Outage::at(0.5)));
    for _ in 0..5 {
        rig.fail(20);
        rig.wait(TICK);
    }
    assert_eq!((rig.state(), rig.value()), (State::Closed, 0.0));
    // it was at 600 ms
    rig.wait(ms(400));
    assert_eq!(rig.value(), 0.0);
    assert_eq!(rig.pace(), 105.0, "of what was counted without it");
    rig.fail(1);
    assert_eq!(rig.value(), BAD);
    rig.wait(TICK);
    // ln(1000 * 2 * 105) is 12.25
    rig.trips_at(14);
}

#[test]
fn under_a_new_period_it_begins_at_once() {
    let rig = Rig::new(|builder| builder.failure_count(100_000));
    assert!(rig.controller.trip());
    rig.switch(Some(Outage::at(0.5)));
    rig.wait(secs(5));
    rig.ok(2);
    assert_eq!(rig.state(), State::Closed);
    rig.begun().trips_at(8);
}

/// The breaker has no ticks in it.
#[test]
fn the_rest_of_a_bucket_that_was_begun_without_it_is_one_tick() {
    let never_on = Rig::new(|builder| builder.failure_count(1));
    let switched_off = rig();
    let off = switched_off
        .controller
        .reconfigure(|rules| rules.no_failure_rules().failure_count(1));
    off.expect("valid");
    let built_open = Rig::new(|builder| builder.failure_count(1).initial_state(State::Open));
    for rig in [never_on, switched_off, built_open] {
        if rig.state() == State::Closed {
            rig.fail(1);
        }
        let on = rig
            .controller
            .reconfigure(|rules| rules.no_failure_rules().outage(Outage::at(0.5)));
        on.expect("valid");
        rig.wait_out();
        rig.ok(2);
        assert_eq!(rig.state(), State::Closed);
        rig.fail(1);
        rig.wait(ms(900));
        rig.fail(100);
        assert_eq!((rig.state(), rig.value()), (State::Closed, 101.0 * BAD));
        rig.wait(ms(100));
        assert_eq!(rig.value(), AT_REST);
        rig.ok(3);
        rig.wait(TICK);
        rig.fail(3);
        assert_eq!(rig.state(), State::Closed);
        rig.fail(1);
        assert_eq!(rig.cause(), Cause::Evidence);
    }
}

#[test]
fn a_new_theta_weighs_the_tick_under_way_and_the_score_stays() {
    let rig = rig();
    rig.fail(2);
    rig.wait(TICK);
    rig.fail(1);
    assert_eq!(rig.value(), 3.0 * BAD);
    rig.switch(Some(Outage::at(0.9)));
    let steep = 40_262.0 / ONE;
    assert_eq!(rig.value(), 2.0 * BAD + steep);
    rig.wait(TICK);
    rig.switch(Some(Outage::at(0.5)));
    assert_eq!(rig.value(), 2.0 * BAD + steep, "that tick was over");
    rig.fail(1);
    assert_eq!(rig.value(), 3.0 * BAD + steep);
}

#[test]
fn new_rules_do_not_trip_and_the_next_outcome_is_judged_by_them() {
    let rig = rig();
    rig.fail(2);
    rig.wait(TICK);
    rig.fail(3);
    rig.switch(Some(Outage::at(0.5).loss_at_most(0.1)));
    assert_eq!(rig.state(), State::Closed);
    assert!(rig.value() > rig.evidence().limit);
    rig.end(Outcome::Ignored);
    assert_eq!(rig.state(), State::Closed);
    rig.ok(1);
    assert_eq!((rig.state(), rig.cause()), (State::Open, Cause::Evidence));
    assert_eq!(rig.last().counts, counts(1, 5, 0));
}

#[test]
fn a_tick_without_outcomes_is_not_cut_to_a_limit_that_has_fallen() {
    let rig = rig();
    rig.fail(8);
    rig.wait(TICK);
    rig.switch(Some(Outage::at(0.5).loss_at_most(0.1)));
    rig.wait(TICK);
    assert!(rig.value() > rig.evidence().limit);
    assert_eq!(rig.value(), 8.0 * BAD);
    rig.ok(6);
    rig.trips_at(2);
}

#[test]
fn off_it_keeps_the_pace_and_nothing_else() {
    let rig = rig();
    rig.ok(300);
    rig.wait(secs(1));
    rig.fail(5);
    rig.switch(None);
    assert_eq!(rig.seen().evidence, None);
    rig.wait(secs(100));
    rig.fail(1_000);
    rig.wait(ms(1));
    rig.switch(Some(Outage::at(0.5)));
    assert_eq!((rig.value(), rig.pace()), (0.0, 300.0));
    rig.wait(secs(1));
    assert_eq!((rig.value(), rig.pace()), (0.0, 100.0));

    // observe-only may report it again
    let observing = with(|builder| builder.initial_state(State::ObserveOnly)).begun();
    observing.fail(8);
    assert_eq!(observing.seen().would_trip, 1);
    observing.switch(None);
    observing.switch(Some(Outage::at(0.5)));
    observing.wait(secs(1));
    let observing = observing.begun();
    observing.fail(20);
    assert_eq!(observing.seen().would_trip, 2);
}

// ---- half-open

#[test]
fn a_slow_probe_fails_its_round() {
    let rig = rig();
    rig.round();
    rig.probe(OK);
    rig.slow(OK);
    assert_eq!(
        (rig.state(), rig.cause()),
        (State::Open, Cause::ProbeFailed)
    );
    let totals = rig.seen().totals;
    assert_eq!((totals.successes, totals.failures, totals.slow), (2, 0, 1));
}

// ---- what is seen

#[test]
fn a_snapshot_has_it_where_outcomes_are_judged_by_it() {
    let rig = rig();
    assert!(rig.seen().evidence.is_some());
    for state in OVERRIDES {
        assert!(order(&rig.controller, state));
        let is_judged = state == State::ObserveOnly;
        assert_eq!(rig.seen().evidence.is_some(), is_judged, "{state:?}");
    }
    assert!(rig.controller.release());
    assert!(rig.controller.trip());
    assert_eq!(rig.seen().evidence, None);
    rig.round();
    assert_eq!(rig.seen().evidence, None);
    rig.switch(None);
    assert!(rig.controller.reset());
    assert_eq!(rig.seen().evidence, None, "it is off");
    let count = Rig::new(|builder| builder.window(Window::count(9)).failure_count(3));
    assert_eq!(count.seen().evidence, None);
}

/// As the next outcome would find it: no outcome has come since.
#[test]
fn a_snapshot_ends_what_is_over() {
    let rig = rig();
    rig.fail(100);
    rig.ok(95);
    assert_eq!(rig.value(), 100.0 * BAD - 95.0 * GOOD);
    rig.fail(50);
    rig.wait(TICK);
    assert_eq!(rig.evidence().limit, AT_REST);
    assert_eq!(rig.value(), AT_REST);
    rig.wait(secs(1));
    let seen = rig.evidence();
    assert_eq!((seen.value, seen.pace), (AT_REST, 245.0));
    assert!(seen.limit > AT_REST);
    rig.end(Outcome::Ignored);
    assert_eq!(rig.evidence(), seen);
    rig.fail(1);
    assert_eq!(rig.value(), AT_REST + BAD);
}
