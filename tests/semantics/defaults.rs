//! What holds where nothing is named.

use tripcoil::{
    Breaker, Cause, Config, Controller, ManualClock, Observer, Outage, Outcome, State, Window,
};

use crate::common::{SERVER, counts, ms, ns, secs};

struct Bare {
    breaker: Breaker,
    controller: Controller,
    observer: Observer,
    clock: ManualClock,
}

impl Bare {
    fn of((breaker, controller): (Breaker, Controller), clock: ManualClock) -> Bare {
        Bare {
            observer: breaker.observer(),
            breaker,
            controller,
            clock,
        }
    }

    fn ends(&self, outcomes: &[Outcome]) {
        for outcome in outcomes {
            self.breaker
                .try_acquire()
                .expect("admitted")
                .record(*outcome);
        }
    }

    fn cause(&self) -> Option<Cause> {
        self.observer.history().last().map(|event| event.cause)
    }
}

const OK: Outcome = Outcome::Success;

/// By the builder and by `Config`: they must be the same.
fn both() -> [Bare; 2] {
    let clocks = [ManualClock::new(), ManualClock::new()];
    let built = Breaker::builder("bare")
        .clock(&clocks[0])
        .build_with_controller();
    let config = Config {
        clock: (&clocks[1]).into(),
        ..Config::default()
    };
    let configured = Breaker::from_config_with_controller("bare", config);
    let [a, b] = clocks;
    [
        Bare::of(built.expect("valid"), a),
        Bare::of(configured.expect("valid"), b),
    ]
}

#[test]
fn five_in_a_row_trip() {
    for bare in both() {
        bare.ends(&[OK; 20]);
        bare.ends(&[SERVER; 4]);
        assert_eq!(bare.breaker.state(), State::Closed);
        bare.ends(&[SERVER]);
        assert_eq!(bare.cause(), Some(Cause::ConsecutiveFailures));
    }
}

#[test]
fn half_of_at_least_five_trips() {
    for bare in both() {
        bare.ends(&[SERVER, OK, SERVER, SERVER]);
        assert_eq!(bare.breaker.state(), State::Closed);
        bare.ends(&[SERVER]);
        assert_eq!(bare.cause(), Some(Cause::FailureRate));
    }
    for bare in both() {
        bare.ends(&[OK, OK, OK, SERVER, SERVER]);
        assert_eq!(bare.breaker.state(), State::Closed);
        bare.ends(&[SERVER]);
        assert_eq!(bare.cause(), Some(Cause::FailureRate));
    }
}

#[test]
fn the_window_is_ten_buckets_of_a_second() {
    for bare in both() {
        bare.ends(&[OK]);
        for second in 0..10 {
            let seen = bare.observer.snapshot();
            assert_eq!(
                (seen.window, seen.buckets.len()),
                (counts(1, 0, 0), 10),
                "{second}"
            );
            assert_eq!(seen.buckets[9 - second], counts(1, 0, 0));
            bare.clock.advance(secs(1));
        }
        assert_eq!(bare.observer.snapshot().window, counts(0, 0, 0));
    }
}

#[test]
fn a_time_window_has_ten_buckets_where_their_number_is_unnamed() {
    let clock = ManualClock::new();
    let builder = Breaker::builder("w")
        .window(Window::time(secs(60)))
        .clock(&clock);
    let breaker = builder.build().expect("valid");
    assert_eq!(breaker.observer().snapshot().buckets.len(), 10);
}

#[test]
fn it_opens_for_sixty_seconds_then_for_twice_as_long_up_to_ten_minutes() {
    for bare in both() {
        let mut waits = Vec::new();
        for _ in 0..6 {
            assert!(bare.controller.trip());
            waits.push(bare.observer.snapshot().retry_after.expect("open"));
        }
        // no jitter either
        assert_eq!(waits, [60, 120, 240, 480, 600, 600].map(secs));
    }
}

#[test]
fn two_successes_close_one_probe_at_a_time() {
    for bare in both() {
        assert!(bare.controller.half_open());
        let probe = bare.breaker.try_acquire().expect("the first");
        assert!(bare.breaker.try_acquire().is_err());
        probe.success();
        assert_eq!(bare.breaker.state(), State::HalfOpen);
        bare.ends(&[OK]);
        assert_eq!(bare.breaker.state(), State::Closed);
    }
}

#[test]
fn a_probe_has_sixty_seconds() {
    for bare in both() {
        assert!(bare.controller.half_open());
        let _stuck = bare.breaker.try_acquire().expect("the first");
        bare.clock.advance(secs(60) - ns(1));
        assert_eq!(
            bare.breaker
                .try_acquire()
                .map(drop)
                .expect_err("full")
                .state(),
            State::HalfOpen
        );
        bare.clock.advance(ns(1));
        assert_eq!(
            bare.breaker
                .try_acquire()
                .map(drop)
                .expect_err("over")
                .state(),
            State::Open
        );
    }
}

#[test]
fn nothing_is_slow_and_a_dropped_call_is_ignored() {
    for bare in both() {
        let permit = bare.breaker.try_acquire().expect("closed");
        permit.record_timed(OK, secs(3_600));
        for _ in 0..10 {
            let permit = bare.breaker.try_acquire().expect("closed");
            bare.clock.advance(ms(10));
            drop(permit);
        }
        let totals = bare.observer.snapshot().totals;
        assert_eq!((totals.slow, totals.cancelled, totals.failures), (0, 10, 0));
    }
}

#[test]
fn it_begins_closed() {
    for bare in both() {
        assert_eq!(bare.breaker.state(), State::Closed);
        assert_eq!(bare.breaker.name(), "bare");
        assert_eq!(bare.observer.name(), "bare");
    }
}

#[test]
fn naming_a_failure_rule_replaces_the_default_ones() {
    let clock = ManualClock::new();
    let builder = || Breaker::builder("named").clock(&clock);
    let build = |builder: tripcoil::Builder| {
        Bare::of(
            builder.build_with_controller().expect("valid"),
            clock.clone(),
        )
    };
    // neither the rate nor the run of the defaults
    let counted = build(builder().failure_count(30));
    counted.ends(&[SERVER; 29]);
    assert_eq!(counted.breaker.state(), State::Closed);
    let run = build(builder().consecutive_failures(30));
    run.ends(&[SERVER; 29]);
    assert_eq!(run.breaker.state(), State::Closed);
    let rate = build(builder().failure_rate(0.9).min_throughput(30));
    rate.ends(&[SERVER; 29]);
    assert_eq!(rate.breaker.state(), State::Closed);
}

#[test]
fn the_outage_rule_replaces_the_default_failure_rules() {
    let clock = ManualClock::new();
    let builder = Breaker::builder("outage").clock(&clock);
    let built = builder.outage(Outage::default()).build_with_controller();
    let bare = Bare::of(built.expect("valid"), clock);
    bare.ends(&[SERVER; 500]);
    assert_eq!(bare.breaker.state(), State::Closed, "one burst");
    bare.clock.advance(ms(20));
    bare.ends(&[SERVER]);
    assert_eq!(bare.cause(), Some(Cause::Evidence));
}

#[test]
fn the_outage_rule_is_off_or_at_a_half_with_a_loss_of_one_in_five_hundred() {
    assert_eq!(Config::default().outage, None);
    let half = Outage::at(0.5);
    assert_eq!(Outage::default(), half);
    assert_eq!(half.loss_at_most(0.002), half);
    for bare in both() {
        assert_eq!(bare.observer.snapshot().evidence, None);
    }
}

#[test]
fn a_slow_rate_only_adds() {
    let clock = ManualClock::new();
    for slow in [false, true] {
        let builder = Breaker::builder("slow")
            .clock(&clock)
            .slow_call(ms(5))
            .slow_rate(0.5);
        let bare = Bare::of(
            builder.build_with_controller().expect("valid"),
            clock.clone(),
        );
        if slow {
            for _ in 0..5 {
                bare.breaker
                    .try_acquire()
                    .expect("closed")
                    .record_timed(OK, ms(6));
            }
            assert_eq!(bare.cause(), Some(Cause::SlowRate));
        } else {
            bare.ends(&[SERVER; 5]);
            assert_eq!(bare.cause(), Some(Cause::ConsecutiveFailures));
        }
    }
}

#[test]
fn no_failure_rules_leaves_slow_calls_alone() {
    let clock = ManualClock::new();
    let builder = Breaker::builder("slow").clock(&clock).no_failure_rules();
    let builder = builder.slow_call(ms(5)).slow_rate(0.5);
    let bare = Bare::of(builder.build_with_controller().expect("valid"), clock);
    bare.ends(&[SERVER; 100]);
    assert_eq!(bare.breaker.state(), State::Closed);
    for _ in 0..100 {
        bare.breaker
            .try_acquire()
            .expect("closed")
            .record_timed(OK, ms(6));
    }
    assert_eq!(bare.cause(), Some(Cause::SlowRate));
}

#[test]
fn an_unnamed_min_throughput_is_five_or_a_smaller_count_windows_size() {
    for (size, needed) in [(1, 1), (3, 3), (5, 5), (50, 5)] {
        let clock = ManualClock::new();
        let builder = Breaker::builder("small")
            .clock(&clock)
            .window(Window::count(size));
        let builder = builder.failure_rate(1.0);
        let bare = Bare::of(builder.build_with_controller().expect("valid"), clock);
        bare.ends(&vec![SERVER; needed - 1]);
        assert_eq!(bare.breaker.state(), State::Closed, "{size}");
        bare.ends(&[SERVER]);
        assert_eq!(bare.cause(), Some(Cause::FailureRate), "{size}");
    }
}

#[test]
fn in_a_config_a_rule_that_is_none_is_off() {
    let clock = ManualClock::new();
    let config = Config {
        clock: (&clock).into(),
        consecutive_failures: None,
        failure_rate: None,
        failure_count: Some(50),
        ..Config::default()
    };
    let built = Breaker::from_config_with_controller("bare", config).expect("valid");
    let bare = Bare::of(built, clock);
    bare.ends(&[SERVER; 49]);
    assert_eq!(bare.breaker.state(), State::Closed);
    bare.ends(&[SERVER]);
    assert_eq!(bare.cause(), Some(Cause::FailureCount));
}

#[test]
fn the_default_config_holds_the_default_rules() {
    let config = Config::default();
    assert_eq!(
        (config.failure_rate, config.consecutive_failures),
        (Some(0.5), Some(5))
    );
    assert_eq!(
        (config.failure_count, config.slow_rate, config.slow_call),
        (None, None, None)
    );
    assert_eq!(config.initial_state, State::Closed);
    assert!(config.validate().is_ok());
    assert!(Breaker::from_config("default", config).is_ok());
}
