//! A breaker with its insight, and what happens to it.

use crate::dice::Dice;
use std::time::Duration;
use tripcoil::insight::Insight;
use tripcoil::{
    Backoff, Breaker, Config, Controller, FailureKind, HalfOpen, ManualClock, Outcome, Window,
};

pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) struct Watched {
    pub(super) breaker: Breaker,
    controller: Controller,
    pub(super) clock: ManualClock,
    pub(super) insight: Insight,
}

impl Watched {
    /// With the default window, unless `change` says otherwise. It opens at a failure rate of `theta`.
    pub(super) fn new(theta: f64, change: impl FnOnce(Config) -> Config) -> Watched {
        let clock = ManualClock::new();
        let config = change(Config {
            failure_rate: Some(theta),
            min_throughput: Some(20),
            consecutive_failures: None,
            clock: (&clock).into(),
            ..Config::default()
        });
        let (breaker, controller) =
            Breaker::from_config_with_controller("watched", config).expect("valid settings");
        let insight = Insight::new(&breaker.observer());
        Watched {
            breaker,
            controller,
            clock,
            insight,
        }
    }

    /// One that opens at its first failure, and closes at the first success after that.
    pub(super) fn brittle() -> Watched {
        Watched::new(1.0, |config| Config {
            failure_rate: None,
            min_throughput: None,
            consecutive_failures: Some(1),
            window: Window::time(10 * SECOND),
            open_for: Backoff::constant(Duration::from_millis(1)),
            half_open: HalfOpen::successes(1),
            ..config
        })
    }

    fn record(&self, outcome: Outcome) {
        self.breaker
            .try_acquire()
            .expect("it admits calls")
            .record_timed(outcome, Duration::from_millis(1));
    }

    /// An outage of this length, in which `look` sees the insight at some moments.
    pub(super) fn outage(
        &self,
        lasts: Duration,
        looks: &[Duration],
        mut look: impl FnMut(&Insight),
    ) {
        // a wait ends at a whole millisecond of the clock
        let lasts = whole_ms(lasts);
        self.record(Outcome::Failure(FailureKind::Server));
        self.controller.postpone(lasts);
        let mut gone = Duration::ZERO;
        for at in looks.iter().filter(|at| **at < lasts) {
            self.clock.advance(*at - gone);
            gone = *at;
            look(&self.insight);
        }
        self.clock.advance(lasts - gone);
        self.record(Outcome::Success);
    }

    /// A second in which so many calls are made, and each is bad with this chance.
    pub(super) fn second(&self, calls: u64, bad: f64, dice: &mut Dice) {
        self.calls(calls, bad, SECOND, dice);
    }

    /// As many in that time.
    pub(super) fn calls(&self, calls: u64, bad: f64, within: Duration, dice: &mut Dice) {
        for _ in 0..calls {
            self.record(if dice.unit() < bad {
                Outcome::Failure(FailureKind::Server)
            } else {
                Outcome::Success
            });
        }
        self.clock.advance(within);
    }

    /// It never opens.
    pub(super) fn observe_only(&self) {
        self.controller.observe_only();
    }

    /// Finishes the last bucket by a call, and waits until it is learnt.
    pub(super) fn learn(&self) {
        self.record(Outcome::Success);
        assert!(
            self.insight.drain(60 * SECOND),
            "the listeners have a thread"
        );
    }
}

/// Up to whole milliseconds.
pub(super) fn whole_ms(span: Duration) -> Duration {
    Duration::from_millis(span.as_micros().div_ceil(1000) as u64)
}

/// The number of calls in a second, if they come independently at this pace.
pub(super) fn poisson(pace: f64, dice: &mut Dice) -> u64 {
    // of this many, a normal distribution is as good
    if pace > 30.0 {
        return (pace + pace.sqrt() * normal(dice)).round().max(0.0) as u64;
    }
    let (mut count, mut product) = (0, dice.unit());
    let limit = libm::exp(-pace);
    while product > limit {
        count += 1;
        product *= dice.unit();
    }
    count
}

pub(super) fn normal(dice: &mut Dice) -> f64 {
    let radius = (-2.0 * libm::log(1.0 - dice.unit())).sqrt();
    radius * libm::cos(core::f64::consts::TAU * dice.unit())
}
