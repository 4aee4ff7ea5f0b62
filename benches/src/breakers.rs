//! The breakers that are measured. None trips by what its bench does to it, so each bench is in a
//! steady state; those that would fail for ever are given a threshold that it cannot reach.

use std::time::Duration;
use tripcoil::{Breaker, Builder, Clock, Window};

const HOUR: Duration = Duration::from_secs(3600);

/// With a failure rate over 10 s, as most would name it.
#[must_use]
pub fn plain(clock: Clock) -> Breaker {
    built(rate(0.5).clock(clock))
}

/// As it comes: a failure rate, and five in a row.
#[must_use]
pub fn default_rules() -> Breaker {
    built(Breaker::builder("default"))
}

/// That the last `n` outcomes count.
#[must_use]
pub fn counting(n: u32) -> Breaker {
    built(rate(0.5).window(Window::count(n)))
}

/// With a rule on slow calls, which none of a bench's is: every call is timed.
#[must_use]
pub fn timed() -> Breaker {
    built(rate(0.5).slow_call(Duration::from_secs(1)).slow_rate(0.8))
}

/// For failures and nothing else: each is within the allowance, which is some 4 thousand million.
#[must_use]
pub fn storm() -> Breaker {
    built(Breaker::builder("storm").failure_count(u32::MAX))
}

/// For every second call to fail, under a rate: allowances are used up and given anew.
#[must_use]
pub fn half_fail_by_rate() -> Breaker {
    built(rate(0.9))
}

/// For every second call to fail, under the rule on runs: each failure begins one, each success
/// ends it.
#[must_use]
pub fn half_fail_by_run() -> Breaker {
    built(Breaker::builder("run").consecutive_failures(5))
}

/// Open for longer than any bench runs. `before` is what was done to it while it was closed: the
/// stripes that it grew then it keeps.
#[must_use]
pub fn open(before: impl FnOnce(&Breaker)) -> Breaker {
    let (breaker, controller) = rate(0.5)
        .build_with_controller()
        .expect("these settings are valid");
    before(&breaker);
    assert!(controller.trip_for(HOUR));
    breaker
}

/// For every outcome to be judged: with five failures in the window, successes alone, up to `calls`
/// calls, could make the rule true. It stays so until there are `calls` calls in the window, or
/// fewer than five failures.
pub fn armed(calls: u32) -> Builder {
    Breaker::builder("armed")
        .failure_rate(4.5 / f64::from(calls))
        .min_throughput(calls)
}

/// With a failure rate as the only rule.
pub fn rate(rate: f64) -> Builder {
    Breaker::builder("rate")
        .failure_rate(rate)
        .min_throughput(10)
}

fn built(builder: Builder) -> Breaker {
    builder.build().expect("these settings are valid")
}
