//! The hang rule.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use tripcoil::call::OwnedPermit;
use tripcoil::clock::TimeSource;
use tripcoil::observe::Watch;
use tripcoil::prelude::Hang;
use tripcoil::{
    Breaker, Builder, Cause, Clock, ManualClock, OnCancel, Outage, Outcome, State, Window,
};

use crate::common::{LIMIT, OVERRIDES, Rig, SERVER, counts, ms, ns, order, secs};

const OK: Outcome = Outcome::Success;
/// A bucket of a second has fifty of them.
const TICK: Duration = ms(20);
/// A third of it is 100 ms.
const PATIENCE: Duration = ms(300);

fn three() -> Hang {
    Hang::after(PATIENCE).starts(3)
}

/// The rule alone: 300 ms, and three calls.
fn rig() -> Rig {
    with(|builder| builder)
}

fn with(about: impl FnOnce(Builder) -> Builder) -> Rig {
    Rig::new(|builder| about(builder.hang(three())))
}

impl Rig {
    /// Twenty short successes in the first tick, and then a tick without any.
    fn quiet(self) -> Rig {
        self.ok(20);
        self.wait(2 * TICK);
        self
    }

    /// Calls that begin, and do not end.
    fn begin(&self, times: usize) -> Vec<OwnedPermit> {
        (0..times).map(|_| self.acquire()).collect()
    }

    fn watch(&self) -> Option<Watch> {
        self.seen().watch
    }

    fn starts(&self) -> u32 {
        self.watch().map_or(0, |watch| watch.starts)
    }

    fn patience(&self) -> Duration {
        self.watch().expect("a watch").patience
    }

    /// The next call is rejected, and so is every other until this long.
    #[track_caller]
    fn hangs(&self) {
        let rejected = self.rejected();
        assert_eq!(rejected.cause(), Some(Cause::Hang));
        assert_eq!((self.state(), self.cause()), (State::Open, Cause::Hang));
    }

    fn change(&self, hang: Option<Hang>) {
        let rules = self.controller.reconfigure(|rules| match hang {
            Some(hang) => rules.hang(hang),
            None => rules.no_hang_rule().failure_count(100_000),
        });
        rules.expect("valid");
    }
}

// ---- what it needs

#[test]
fn it_needs_a_time_window() {
    let builder = Breaker::builder("db").window(Window::count(100));
    let error = builder.hang(three()).build().expect_err("refused");
    let fields: Vec<_> = error.problems().iter().map(|p| p.field).collect();
    assert_eq!(fields, ["hang"]);
}

#[test]
fn its_values_have_ranges_and_all_problems_come_at_once() {
    let fields = |hang, window| {
        let builder = Breaker::builder("db").clock(ManualClock::new());
        let built = builder.window(window).hang(hang).build();
        let problems = built
            .err()
            .map_or(vec![], |error| error.problems().to_vec());
        problems.iter().map(|p| p.field).collect::<Vec<_>>()
    };
    let longest = ns((1 << 40) - 1);
    let time = Window::default;
    for valid in [
        Hang::after(ns(1)).starts(1),
        Hang::after(longest).starts(1_000),
    ] {
        assert_eq!(fields(valid, time()), [""; 0]);
    }
    for after in [Duration::ZERO, longest + ns(1)] {
        assert_eq!(fields(Hang::after(after), time()), ["hang.after"]);
    }
    for starts in [0, 1_001] {
        assert_eq!(fields(three().starts(starts), time()), ["hang.starts"]);
    }
    let all = fields(Hang::after(Duration::ZERO).starts(0), Window::count(9));
    assert_eq!(all, ["hang", "hang.after", "hang.starts"]);
}

#[test]
fn it_is_not_finer_than_the_clock() {
    let built = |after| {
        let builder = Breaker::builder("db").clock(Clock::coarse());
        builder.hang(Hang::after(after)).build()
    };
    let error = built(ns(999)).expect_err("refused");
    assert_eq!(error.problems()[0].field, "hang.after");
    assert!(built(PATIENCE).is_ok());
}

#[test]
fn by_default_it_is_300_ms_and_ten_calls() {
    assert_eq!(Hang::default(), Hang::after(ms(300)).starts(10));
}

#[test]
fn it_only_adds_a_rule_and_suffices_alone() {
    let added = Breaker::builder("db").clock(ManualClock::new());
    let added = added.hang(three()).build().expect("valid");
    (0..5).for_each(|_| added.try_acquire().expect("closed").record(SERVER));
    assert_eq!(added.state(), State::Open, "five in a row, as by default");
    let alone = rig();
    alone.fail(100);
    assert_eq!(alone.state(), State::Closed);
    let no_rule = alone.controller.reconfigure(|rules| rules.no_hang_rule());
    assert!(no_rule.is_err());
}

// ---- a watch

#[test]
fn a_watch_begins_at_an_acquire_after_a_whole_tick_without_a_sign() {
    let rig = rig();
    rig.ok(20);
    rig.wait(2 * TICK - ns(1));
    let _held = rig.begin(1);
    assert_eq!(rig.watch(), None, "the tick before has signs");
    rig.wait(ns(1));
    assert_eq!(rig.watch(), None, "no call has begun in this one");
    let _more = rig.begin(1);
    let watch = rig.watch().expect("a watch");
    assert_eq!((watch.starts, watch.patience), (1, PATIENCE));
    assert_eq!(watch.lasted, Duration::ZERO);
}

#[test]
fn it_needs_twenty_successes_and_failures_in_the_totals() {
    let rig = rig();
    rig.ok(10);
    rig.fail(9);
    rig.ends(&[Outcome::Ignored; 5]);
    rig.wait(2 * TICK);
    drop(rig.begin(9));
    assert_eq!(rig.watch(), None);
    rig.fail(1);
    rig.wait(2 * TICK);
    let _held = rig.begin(1);
    assert_eq!(rig.starts(), 1);
    // of the breaker's life, not of the period
    assert!(rig.controller.reset());
    rig.wait(2 * TICK);
    let _held = rig.begin(1);
    assert_eq!(rig.starts(), 1);
}

#[test]
fn it_counts_every_call_that_is_admitted_up_to_1023() {
    let rig = with(|builder| builder.hang(Hang::after(secs(10)).starts(1_000))).quiet();
    let held = rig.begin(1);
    drop(held);
    let _held = rig.begin(1);
    assert_eq!(rig.starts(), 2, "a cancelled call has begun, too");
    let _more = rig.begin(1_020);
    assert_eq!(rig.starts(), 1_022);
    let _more = rig.begin(3);
    assert_eq!(rig.starts(), 1_023);
}

#[test]
fn its_beginning_is_rounded_up_to_whole_milliseconds() {
    let rig = rig().quiet();
    rig.wait(ns(1));
    let _held = rig.begin(3);
    let lasted = || rig.watch().expect("a watch").lasted;
    assert_eq!(lasted(), Duration::ZERO);
    rig.wait(ms(2) - ns(1));
    assert_eq!(lasted(), ms(1));
    // patience since the end of the first tick has passed at 320 ms, and a third of it since 41 ms
    rig.wait(ms(98));
    assert_eq!(lasted(), ms(99));
}

#[test]
fn any_sign_of_life_ends_it() {
    for sign in [OK, SERVER, Outcome::Ignored] {
        let rig = rig().quiet();
        let mut held = rig.begin(3);
        assert_eq!(rig.starts(), 3);
        held.pop().expect("three").record(sign);
        assert_eq!(rig.watch(), None, "{sign:?}");
        rig.wait(TICK);
        let _held = rig.begin(3);
        assert_eq!(rig.watch(), None, "the tick before has a sign");
        rig.wait(TICK);
        let _held = rig.begin(3);
        assert_eq!(rig.starts(), 3);
    }
}

#[test]
fn a_slow_call_and_one_that_is_cancelled_as_a_failure_are_signs() {
    let rig = with(|builder| builder.on_cancel(OnCancel::Failure)).quiet();
    let mut held = rig.begin(3);
    held.pop().expect("three").record_timed(OK, LIMIT + ns(1));
    assert_eq!(rig.watch(), None);
    rig.wait(2 * TICK);
    let mut held = rig.begin(3);
    assert_eq!(rig.starts(), 3);
    drop(held.pop());
    assert_eq!(rig.watch(), None);
}

#[test]
fn late_and_cancelled_calls_are_no_signs() {
    let rig = rig();
    let late = rig.acquire();
    assert!(rig.controller.reset());
    let rig = rig.quiet();
    let mut held = rig.begin(3);
    late.success();
    drop(held.pop());
    assert_eq!(rig.starts(), 3);
}

#[test]
fn an_ignored_result_counts_at_its_own_time() {
    let rig = rig();
    rig.ok(20);
    let held = rig.acquire();
    // nothing has ended a tick since
    rig.wait(10 * TICK);
    held.record(Outcome::Ignored);
    rig.wait(TICK);
    let _held = rig.begin(1);
    assert_eq!(rig.watch(), None);
    rig.wait(TICK);
    let _held = rig.begin(1);
    assert_eq!(rig.starts(), 1);
}

#[test]
fn the_beginning_of_a_period_is_a_sign() {
    let rig = rig().quiet();
    let _held = rig.begin(1);
    assert!(rig.controller.reset());
    let _held = rig.begin(1);
    assert_eq!(rig.watch(), None);
    rig.wait(TICK);
    let _held = rig.begin(1);
    assert_eq!(rig.watch(), None);
    rig.wait(TICK);
    let _held = rig.begin(1);
    assert_eq!(rig.starts(), 1);
}

#[test]
fn a_local_handle_counts_and_is_a_sign() {
    let rig = rig().quiet();
    let local = rig.breaker.local();
    let held: Vec<_> = (0..3).map(|_| local.try_acquire()).collect();
    assert_eq!(rig.starts(), 3);
    local.try_acquire().expect("closed").success();
    assert_eq!(rig.watch(), None);
    drop(held);
}

// ---- truth

#[test]
fn it_trips_at_the_acquire_that_finds_enough_calls_and_both_times_passed() {
    let rig = rig().quiet();
    let _held = rig.begin(3);
    // the tick of the last sign ended at 20 ms
    rig.wait(ms(280) - ns(1));
    let _more = rig.begin(1);
    assert_eq!((rig.state(), rig.starts()), (State::Closed, 4));
    rig.wait(ns(1));
    let rejected = rig.rejected();
    assert_eq!(rejected.state(), State::Open);
    assert_eq!(rejected.cause(), Some(Cause::Hang));
    assert_eq!(rejected.retry_after(), Some(ms(10)), "the whole wait");
    let last = rig.last();
    assert_eq!((last.cause, last.failure), (Cause::Hang, None));
    assert_eq!((last.at, last.counts), (ms(320), counts(20, 0, 0)));
    let seen = rig.seen();
    assert_eq!(
        (seen.totals.rejected, seen.rejections_by_state.open),
        (1, 1)
    );
    assert_eq!(seen.watch, None);
}

#[test]
fn it_needs_so_many_calls() {
    let rig = rig().quiet();
    let _held = rig.begin(2);
    rig.wait(secs(1));
    let _third = rig.begin(1);
    assert_eq!(rig.state(), State::Closed, "it found two");
    rig.hangs();
}

#[test]
fn it_needs_a_third_of_the_patience_since_the_watch_began() {
    let rig = rig();
    rig.ok(20);
    rig.wait(secs(5));
    let _held = rig.begin(3);
    rig.wait(ms(100) - ns(1));
    let _more = rig.begin(1);
    assert_eq!(rig.state(), State::Closed);
    rig.wait(ns(1));
    rig.hangs();
}

#[test]
fn an_idle_dependency_does_not_hang() {
    let rig = rig();
    rig.ok(20);
    for _ in 0..50 {
        rig.wait(secs(60));
        rig.ok(1);
    }
    assert_eq!(rig.state(), State::Closed);
}

/// The probes of the round that follows are judged as after any other opening.
#[test]
fn it_recovers_by_probes() {
    let rig = rig().quiet();
    let _held = rig.begin(3);
    rig.wait(secs(1));
    rig.hangs();
    rig.wait_out();
    rig.ok(2);
    assert_eq!((rig.state(), rig.watch()), (State::Closed, None));
}

#[test]
fn observe_only_admits_and_reports_each_watch_once() {
    let rig = with(|builder| builder.initial_state(State::ObserveOnly)).quiet();
    let _held = rig.begin(3);
    rig.wait(secs(1));
    assert_eq!(rig.seen().would_trip, 0);
    let mut held = rig.begin(5);
    assert_eq!((rig.seen().would_trip, rig.starts()), (1, 3));
    rig.change(Some(three().starts(9)));
    let _more = rig.begin(5);
    assert_eq!((rig.seen().would_trip, rig.starts()), (1, 3), "no further");
    held.pop().expect("five").success();
    rig.wait(2 * TICK);
    let _held = rig.begin(9);
    rig.wait(secs(1));
    let _more = rig.begin(1);
    assert_eq!(rig.seen().would_trip, 2);
    assert_eq!(rig.state(), State::ObserveOnly);
}

// ---- patience

/// A success of that length, alone in its tick; then a watch.
fn after_one_of(lasts: Duration) -> Rig {
    let rig = rig();
    rig.ok(20);
    rig.wait(TICK);
    rig.acquire().record_timed(OK, lasts);
    rig.wait(2 * TICK);
    drop(rig.begin(1));
    rig
}

#[test]
fn patience_is_twice_the_longest_success_if_that_is_more() {
    assert_eq!(after_one_of(ms(150)).patience(), PATIENCE);
    assert_eq!(after_one_of(ms(150) + ns(1)).patience(), PATIENCE + ns(2));
    let rig = after_one_of(ms(500));
    assert_eq!(rig.patience(), secs(1));
    let _held = rig.begin(3);
    // the tick of the last sign ended at 40 ms, and it is 60 ms
    rig.wait(ms(980) - ns(1));
    let _more = rig.begin(1);
    rig.wait(ns(1));
    rig.hangs();
}

#[test]
fn the_first_success_of_a_tick_is_its_sample() {
    let rig = rig();
    rig.ok(20);
    rig.wait(TICK);
    for lasts in [200, 300, 400] {
        rig.acquire().record_timed(OK, ms(lasts));
    }
    rig.wait(2 * TICK);
    drop(rig.begin(1));
    assert_eq!(rig.patience(), ms(400));
}

#[test]
fn a_call_is_timed_by_the_breaker_with_a_slow_limit_or_without() {
    let rig = Rig::new(|builder| builder.hang(three()));
    let rules = rig.controller.reconfigure(|rules| {
        let config = tripcoil::Config {
            failure_rate: None,
            consecutive_failures: None,
            hang: Some(three()),
            ..tripcoil::Config::default()
        };
        rules.config(config)
    });
    rules.expect("valid");
    let rig = rig.quiet();
    let held = rig.acquire();
    rig.wait(ms(400));
    held.success();
    rig.wait(2 * TICK);
    drop(rig.begin(1));
    assert_eq!(rig.patience(), ms(800));
}

#[test]
fn a_failure_and_an_ignored_result_leave_no_sample() {
    let rig = rig();
    rig.ok(20);
    rig.wait(TICK);
    rig.acquire().record_timed(SERVER, secs(9));
    rig.acquire().record_timed(Outcome::Ignored, secs(9));
    rig.wait(2 * TICK);
    drop(rig.begin(1));
    assert_eq!(rig.patience(), PATIENCE);
}

#[test]
fn probes_leave_no_sample() {
    let rig = rig();
    rig.ok(20);
    rig.round();
    for _ in 0..2 {
        rig.acquire().record_timed(OK, ms(1));
    }
    assert_eq!(rig.state(), State::Closed);
    rig.round();
    let probes = rig.acquire();
    rig.wait(secs(1));
    probes.success();
    rig.probe(OK);
    rig.wait(2 * TICK);
    drop(rig.begin(1));
    assert_eq!(rig.patience(), PATIENCE);
}

#[test]
fn a_local_handles_sample_is_the_duration_that_it_gives() {
    let rig = rig();
    rig.ok(20);
    rig.wait(TICK);
    let local = rig.breaker.local();
    let held = local.try_acquire().expect("closed");
    held.record_timed(OK, ms(1) + LIMIT);
    rig.wait(TICK);
    local
        .try_acquire()
        .expect("closed")
        .record_timed(OK, ms(400));
    rig.wait(2 * TICK);
    drop(rig.begin(1));
    assert_eq!(rig.patience(), ms(800));
}

#[test]
fn a_tick_with_a_success_or_a_failure_takes_a_thousandth_off() {
    let rig = after_one_of(ms(500));
    let mut longest = 500_000_000_u64;
    for outcome in [OK, SERVER, SERVER, OK] {
        rig.acquire().record_timed(outcome, ns(1));
        rig.wait(2 * TICK);
        drop(rig.begin(1));
        longest -= longest / 1_000;
        assert_eq!(rig.patience(), ns(2 * longest));
    }
    rig.end(Outcome::Ignored);
    rig.wait(2 * TICK);
    drop(rig.begin(1));
    assert_eq!(
        rig.patience(),
        ns(2 * longest),
        "an ignored result does not"
    );
}

#[test]
fn an_idle_hour_leaves_the_patience() {
    let rig = after_one_of(ms(500));
    rig.end(Outcome::Ignored);
    rig.wait(secs(3_600));
    drop(rig.begin(1));
    assert_eq!(rig.patience(), secs(1));
}

#[test]
fn a_sample_is_at_most_18_minutes() {
    let rig = after_one_of(secs(3_600));
    assert_eq!(rig.patience(), ns(2 * ((1 << 40) - 1)));
}

#[test]
fn the_longest_outlasts_periods_and_what_is_under_way_does_not() {
    let rig = after_one_of(ms(500));
    rig.acquire().record_timed(OK, secs(5));
    assert!(rig.controller.reset());
    rig.wait(2 * TICK);
    drop(rig.begin(1));
    assert_eq!(rig.patience(), secs(1), "that tick has not ended");
    rig.change(None);
    rig.change(Some(three()));
    rig.wait(secs(2));
    drop(rig.begin(1));
    assert_eq!(rig.patience(), secs(1));
}

// ---- new rules

#[test]
fn switched_on_during_a_period_it_begins_with_the_next_bucket() {
    for ticks in [false, true] {
        let rig = Rig::new(|builder| match ticks {
            true => builder.outage(Outage::at(0.5)),
            false => builder.failure_count(100_000),
        });
        rig.ok(20);
        rig.wait(ms(100));
        rig.change(Some(three()));
        rig.wait(ms(920) - ns(1));
        let _held = rig.begin(1);
        assert_eq!(rig.watch(), None, "a sign is in the tick before");
        rig.wait(ns(1));
        let _held = rig.begin(1);
        assert_eq!(rig.starts(), 1);
    }
}

#[test]
fn a_period_that_begins_in_that_bucket_does_not_bring_it_forward() {
    let rig = Rig::new(|builder| builder.failure_count(100_000));
    rig.ok(20);
    rig.change(Some(three()));
    assert!(rig.controller.reset());
    rig.wait(ms(1_020) - ns(1));
    let _held = rig.begin(1);
    assert_eq!(rig.watch(), None);
    rig.wait(ns(1));
    let _held = rig.begin(1);
    assert_eq!(rig.starts(), 1);
}

#[test]
fn a_new_patience_applies_to_the_watch_under_way() {
    let rig = rig().quiet();
    let _held = rig.begin(3);
    rig.wait(ms(50));
    rig.change(Some(Hang::after(ms(60)).starts(2)));
    let watch = rig.watch().expect("it goes on");
    assert_eq!(
        (watch.starts, watch.lasted, watch.patience),
        (3, ms(50), ms(60))
    );
    rig.hangs();
}

#[test]
fn off_it_has_no_watch() {
    let rig = rig().quiet();
    let _held = rig.begin(3);
    rig.change(None);
    assert_eq!(rig.watch(), None);
    rig.wait(secs(9));
    let _held = rig.begin(9);
    assert_eq!(rig.state(), State::Closed);
    rig.change(Some(three()));
    assert_eq!(rig.watch(), None, "it begins anew");
}

#[test]
fn outside_closed_and_observe_only_there_is_no_watch() {
    for state in OVERRIDES {
        let rig = rig().quiet();
        let _held = rig.begin(3);
        assert!(order(&rig.controller, state));
        assert_eq!(rig.watch(), None);
        assert!(rig.controller.release());
        assert_eq!(rig.watch(), None, "nor in the period that begins");
    }
    let rig = rig().quiet();
    let _held = rig.begin(3);
    rig.round();
    assert_eq!(rig.watch(), None);
}

#[test]
fn an_acquire_that_finds_a_tick_over_ends_it() {
    let rig = with(|builder| builder.outage(Outage::at(0.5)));
    rig.ok(300);
    rig.wait(secs(1));
    let _held = rig.begin(1);
    rig.wait(secs(100));
    let pace = rig.seen().evidence.expect("on").pace;
    assert_eq!(pace, 300.0, "it set the pace, too");
}

// ---- other clocks

struct Millis(Arc<AtomicU64>);

impl TimeSource for Millis {
    fn now(&self) -> Duration {
        ms(self.0.load(SeqCst))
    }
}

#[test]
fn a_finer_patience_than_a_tick_is_kept() {
    let time = Arc::new(AtomicU64::new(0));
    let clock = Clock::custom(Millis(Arc::clone(&time)));
    let builder = Breaker::builder("db").clock(clock).no_failure_rules();
    let breaker = builder.hang(Hang::after(ms(3)).starts(1)).build();
    let breaker = breaker.expect("valid");
    (0..20).for_each(|_| breaker.try_acquire().expect("closed").success());
    time.store(40, SeqCst);
    std::mem::forget(breaker.try_acquire().expect("it begins a watch"));
    let rejected = breaker.try_acquire().map(drop);
    assert!(rejected.is_ok(), "a third of 3 ms has not passed");
    time.store(41, SeqCst);
    let rejected = breaker.try_acquire().map(drop).expect_err("it trips");
    assert_eq!(rejected.cause(), Some(Cause::Hang));
}
