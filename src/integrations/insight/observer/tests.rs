#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

use super::*;
use crate::{Backoff, Breaker, FailureKind, HalfOpen, ManualClock, Window};
use std::sync::mpsc;

const SECOND: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(60);

fn builder(clock: &ManualClock) -> crate::Builder {
    Breaker::builder("watched")
        .consecutive_failures(3)
        .open_for(Backoff::constant(5 * SECOND))
        .half_open(HalfOpen::successes(1))
        .clock(clock)
}

fn fail(breaker: &Breaker, times: u32) {
    for _ in 0..times {
        breaker
            .try_acquire()
            .expect("admitted")
            .failure(FailureKind::Server);
    }
}

fn succeed(breaker: &Breaker, times: u32) {
    for _ in 0..times {
        breaker.try_acquire().expect("admitted").success();
    }
}

/// So many seconds of ten calls, one of them bad.
fn seconds(breaker: &Breaker, clock: &ManualClock, number: u32) {
    for _ in 0..number {
        fail(breaker, 1);
        succeed(breaker, 9);
        clock.advance(SECOND);
    }
}

#[test]
fn what_is_normal_is_learnt_from_finished_buckets() {
    let clock = ManualClock::new();
    let breaker = builder(&clock).build().expect("valid");
    let insight = Insight::new(&breaker.observer());
    for _ in 0..10 {
        seconds(&breaker, &clock, 5);
        assert!(insight.drain(LONG));
    }
    succeed(&breaker, 1);
    assert!(insight.drain(LONG));
    let report = insight.report();
    assert_eq!(report.traffic.intervals, 50);
    assert!((report.traffic.bad_rate - 0.1).abs() < 1e-9, "{report:?}");
    assert!((report.traffic.pace - 10.0).abs() < 1e-9, "{report:?}");
    // the default rule is on half of the calls
    assert!((report.health.value - 80.0).abs() < 1e-6, "{report:?}");
    assert_eq!(
        (report.eta, report.trend, report.degraded),
        (None, None, None)
    );
}

#[test]
fn buckets_around_an_outage_are_left_out() {
    let clock = ManualClock::new();
    let breaker = builder(&clock).build().expect("valid");
    let insight = Insight::new(&breaker.observer());
    seconds(&breaker, &clock, 5);
    fail(&breaker, 1);
    assert!(insight.drain(LONG));
    fail(&breaker, 2);
    clock.advance(5 * SECOND);
    succeed(&breaker, 1);
    seconds(&breaker, &clock, 5);
    succeed(&breaker, 1);
    assert!(insight.drain(LONG));
    let report = insight.report();
    // five before it, and five after it: the bucket in which it began is not among them
    assert!((report.traffic.bad_rate - 0.1).abs() < 1e-9, "{report:?}");
    assert_eq!(report.traffic.intervals, 10);
    assert_eq!(report.outages.len(), 1);
}

#[test]
fn a_report_is_up_to_date_without_a_listener() {
    let clock = ManualClock::new();
    let breaker = builder(&clock).build().expect("valid");
    let insight = Insight::new(&breaker.observer());
    fail(&breaker, 3);
    // not drained: the report itself reads what has happened
    let report = insight.report();
    assert!(
        report.outage.is_some() && report.eta.is_some(),
        "{report:?}"
    );
    assert_eq!((report.state, report.health.value), (State::Open, 0.0));
    clock.advance(5 * SECOND);
    succeed(&breaker, 1);
    let report = insight.report();
    assert_eq!(
        (report.outage, report.eta, report.outages.len()),
        (None, None, 1)
    );
}

#[test]
fn an_eta_needs_no_lock() {
    let clock = ManualClock::new();
    let breaker = builder(&clock).build().expect("valid");
    let insight = Insight::new(&breaker.observer());
    fail(&breaker, 3);
    assert!(insight.drain(LONG));
    // as a listener holds it while it learns
    let learning = insight
        .shared
        .analysis
        .lock()
        .expect("nothing has panicked");
    assert!(insight.eta().expect("open").guess);
    let rejected = breaker.try_acquire().expect_err("open");
    assert_eq!(
        insight.expected(rejected, LONG).retry_after(),
        Some(5 * SECOND)
    );
    drop(learning);
}

#[test]
fn an_answers_wait_keeps_within_its_bounds() {
    let clock = ManualClock::new();
    let (breaker, controller) = builder(&clock).build_with_controller().expect("valid");
    let insight = Insight::new(&breaker.observer());
    fail(&breaker, 3);
    clock.advance(4 * SECOND);
    let _ = insight.report();
    let rejected = breaker.try_acquire().expect_err("open");
    let wait = |most| insight.expected(rejected, most).retry_after();
    assert_eq!(wait(LONG), Some(4 * SECOND));
    assert_eq!(wait(2 * SECOND), Some(2 * SECOND));
    assert_eq!(
        wait(Duration::ZERO),
        Some(SECOND),
        "never before the first probe"
    );
    // an override has no end that is known
    controller.force_open();
    let _ = insight.report();
    let rejected = breaker.try_acquire().expect_err("forced open");
    assert_eq!(insight.expected(rejected, LONG), rejected);
}

#[test]
fn notices_are_given_once() {
    let clock = ManualClock::new();
    let breaker = builder(&clock)
        .window(Window::time(2 * SECOND))
        .build()
        .expect("valid");
    let insight = Insight::new(&breaker.observer());
    let (sender, notices) = mpsc::channel();
    insight.on_notice(|_| panic!("another listener's mistake"));
    insight.on_notice(move |notice| sender.send(notice.clone()).expect("it is read"));
    for _ in 0..3 {
        fail(&breaker, 3);
        clock.advance(5 * SECOND);
        succeed(&breaker, 1);
        clock.advance(5 * SECOND);
        assert!(insight.drain(LONG));
        let _ = insight.report();
    }
    let ended =
        |notice: &Notice| matches!(notice, Notice::OutageEnded(outage) if outage.rounds == 1);
    let all: Vec<Notice> = notices.try_iter().collect();
    assert!(all.len() == 3 && all.iter().all(ended), "{all:?}");
}

#[test]
fn a_listener_may_ask_for_a_report_and_end_the_insight() {
    let clock = ManualClock::new();
    let breaker = builder(&clock).build().expect("valid");
    let insight = Insight::new(&breaker.observer());
    let (sender, notices) = mpsc::channel();
    let mut own = Some(insight.clone());
    insight.on_notice(move |_| {
        let insight = own.take().expect("one notice");
        sender
            .send(insight.report().outages_total)
            .expect("it is read");
    });
    let weak = Arc::downgrade(&insight.shared);
    fail(&breaker, 3);
    clock.advance(5 * SECOND);
    drop(insight);
    succeed(&breaker, 1);
    assert_eq!(notices.recv_timeout(LONG), Ok(1));
    // the last clone was the listener's
    while weak.upgrade().is_some() {
        std::thread::yield_now();
    }
}

#[test]
fn a_trend_is_noticed_before_it_trips() {
    let clock = ManualClock::new();
    let breaker = Breaker::builder("watched")
        .failure_rate(0.5)
        .min_throughput(100)
        .clock(&clock)
        .build()
        .expect("valid");
    let insight = Insight::new(&breaker.observer());
    let (sender, notices) = mpsc::channel();
    insight.on_notice(move |notice| sender.send(notice.clone()).expect("it is read"));
    for second in 0..60_u32 {
        // 2 % more in each second from the twentieth on
        let bad = 20 * second.saturating_sub(30);
        for n in 0..1000_u32 {
            let permit = breaker.try_acquire().expect("closed");
            // spread evenly
            match (n * bad) % 1000 + bad >= 1000 {
                true => permit.failure(FailureKind::Server),
                false => permit.success(),
            };
        }
        clock.advance(SECOND);
        assert!(insight.drain(LONG));
        if let Some(trend) = notices.try_iter().find_map(|notice| match notice {
            Notice::Trend(trend) => Some(trend),
            _ => None,
        }) {
            assert_eq!(trend.limit, 0.5);
            assert!((trend.per_second - 0.02).abs() < 0.001, "{trend:?}");
            assert_eq!(insight.report().trend, Some(trend));
            return;
        }
    }
    panic!("no trend was noticed");
}

#[test]
fn a_breaker_that_is_disabled_has_no_pace() {
    let clock = ManualClock::new();
    let (breaker, controller) = builder(&clock).build_with_controller().expect("valid");
    let insight = Insight::new(&breaker.observer());
    let learn = |number| {
        for _ in 0..number {
            seconds(&breaker, &clock, 1);
            assert!(insight.drain(LONG));
        }
    };
    learn(50);
    controller.disable();
    clock.advance(3_600 * SECOND);
    controller.release();
    learn(5);
    let report = insight.report();
    assert!(
        (report.traffic.pace - 10.0).abs() < 0.01,
        "{:?}",
        report.traffic
    );
}

/// Its clock does not work on the threads that call listeners.
#[test]
fn a_clock_that_panics_for_listeners_costs_no_transition() {
    #[derive(Debug)]
    struct Picky(ManualClock);
    impl crate::clock::TimeSource for Picky {
        fn now(&self) -> Duration {
            let thread = std::thread::current();
            assert!(
                !thread
                    .name()
                    .is_some_and(|name| name.starts_with("tripcoil")),
                "not here"
            );
            self.0.now()
        }
    }
    let clock = ManualClock::new();
    let breaker = Breaker::builder("watched")
        .consecutive_failures(3)
        .clock(crate::Clock::custom(Picky(clock)))
        .build()
        .expect("valid");
    let insight = Insight::new(&breaker.observer());
    fail(&breaker, 3);
    assert!(insight.drain(LONG));
    let report = insight.report();
    assert!(
        report.outage.is_some() && report.eta.is_some(),
        "{report:?}"
    );
    assert!(insight.eta().is_some());
}

#[test]
fn a_count_window_has_outages_and_no_rates() {
    let clock = ManualClock::new();
    let breaker = builder(&clock)
        .window(Window::count(20))
        .build()
        .expect("valid");
    let insight = Insight::new(&breaker.observer());
    seconds(&breaker, &clock, 20);
    fail(&breaker, 3);
    assert!(insight.drain(LONG));
    let report = insight.report();
    assert_eq!(
        (report.traffic.intervals, report.health.confidence),
        (0, 1.0)
    );
    assert!(report.outage.is_some() && report.eta.is_some());
}

#[test]
fn it_ends_with_its_last_clone() {
    let clock = ManualClock::new();
    let breaker = builder(&clock).build().expect("valid");
    let insight = Insight::new(&breaker.observer());
    let clone = insight.clone();
    drop(insight);
    fail(&breaker, 3);
    assert!(clone.drain(LONG));
    assert!(clone.eta().is_some());
    let weak = Arc::downgrade(&clone.shared);
    drop(clone);
    assert!(weak.upgrade().is_none());
}
