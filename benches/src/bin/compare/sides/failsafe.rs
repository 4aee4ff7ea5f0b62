//! failsafe: a state machine behind a mutex, with two policies.

use super::{Kind, Reason, Shared, Sides, without_armed_and_slow};
use crate::workloads::{MIN_CALLS, RUN, Settings, Shape};
use failsafe::backoff::{Constant, constant};
use failsafe::failure_policy::{
    ConsecutiveFailures, FailurePolicy, OrElse, SuccessRateOverTimeWindow, consecutive_failures,
    success_rate_over_time_window,
};
use failsafe::{CircuitBreaker, Config, Error, StateMachine};
use std::time::Duration;
use tripcoil_benches::dependency;

pub(crate) const CONSECUTIVE: &str = "failsafe/consecutive";
pub(crate) const DEFAULT: &str = "failsafe/default";

/// Its own default.
const WINDOW: Duration = Duration::from_secs(30);

pub(super) fn consecutive() -> String {
    format!(
        "its policy of failures in a row alone, {RUN} of them; it has no rate, so it is left out \
         where the workload is about one; open for 1 h (trip: a wait of zero), the first success \
         closes"
    )
}

pub(super) fn default() -> String {
    format!(
        "its default policy, a success rate (a moving average) over {WINDOW:?} or failures in a \
         row, with the workload's rate and at least {MIN_CALLS} calls; the rate alone where the \
         workload has no rule on failures in a row (but to be open it needs that rule: the rate \
         is not judged before the breaker is as old as its window). Open for 1 h (trip: a wait of \
         zero) where its default is a jittered wait that grows; the first success closes"
    )
}

pub(super) fn add(sides: &mut Sides<'_>) {
    let about_failures = matches!(sides.shape(), Shape::OneIn100Fails | Shape::OneIn2Fails);
    sides.breaker(Kind::Peer, CONSECUTIVE, |s| by_run(s, about_failures));
    // its rate is judged only when the breaker is as old as its window: to be opened it needs the run
    if sides.shape() == Shape::Rejections || sides.settings.run.is_some() {
        sides.breaker(Kind::Peer, DEFAULT, by_either);
    } else {
        sides.breaker(Kind::Peer, DEFAULT, by_rate);
    }
}

fn by_run(s: &Settings, about_failures: bool) -> Result<StateMachine<Run, ()>, Reason> {
    without_armed_and_slow(s)?;
    if s.run.is_none() && about_failures {
        return Err("no rule on a rate");
    }
    Ok(built(run(s)))
}

fn by_rate(s: &Settings) -> Result<StateMachine<Rate, ()>, Reason> {
    without_armed_and_slow(s)?;
    Ok(built(rate(s)))
}

fn by_either(s: &Settings) -> Result<StateMachine<OrElse<Rate, Run>, ()>, Reason> {
    without_armed_and_slow(s)?;
    Ok(built(rate(s).or_else(run(s))))
}

type Run = ConsecutiveFailures<Constant>;
type Rate = SuccessRateOverTimeWindow<Constant>;

fn run(s: &Settings) -> Run {
    consecutive_failures(s.run.unwrap_or(RUN), constant(s.wait))
}

fn rate(s: &Settings) -> Rate {
    success_rate_over_time_window(1.0 - s.rate, MIN_CALLS, WINDOW, constant(s.wait))
}

fn built<P: FailurePolicy>(policy: P) -> StateMachine<P, ()> {
    Config::new().failure_policy(policy).build()
}

impl<P: FailurePolicy + Send + Sync> Shared for StateMachine<P, ()> {
    #[inline(always)]
    fn try_call(&self, ok: bool) -> bool {
        !matches!(self.call(|| dependency(ok)), Err(Error::Rejected))
    }
}
