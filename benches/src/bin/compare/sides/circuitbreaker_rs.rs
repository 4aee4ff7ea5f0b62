//! circuitbreaker-rs: counters since it was last closed, and a mutex for the time of the last call.

use super::{Kind, Reason, Shared, Sides, without_armed_and_slow};
use crate::workloads::{MIN_CALLS, PROBES, RUN, Settings};
use circuitbreaker_rs::{BreakerError, CircuitBreaker, DefaultPolicy};
use tripcoil_benches::{Failed, dependency};

pub(crate) const NAME: &str = "circuitbreaker-rs";

pub(super) fn configuration() -> String {
    format!(
        "its default policy: a rate over all calls since it was last closed (it has no window), at \
         least {MIN_CALLS}, or {RUN} failures in a row (where the workload has no such rule: \
         u64::MAX of them); open for 1 h, {PROBES} successes close (trip: a wait of zero)"
    )
}

pub(super) fn add(sides: &mut Sides<'_>) {
    sides.breaker(Kind::Peer, NAME, new);
}

type Breaker = CircuitBreaker<DefaultPolicy, Failed>;

fn new(settings: &Settings) -> Result<Breaker, Reason> {
    without_armed_and_slow(settings)?;
    Ok(Breaker::builder()
        .failure_threshold(settings.rate)
        .min_throughput(u64::from(MIN_CALLS))
        .cooldown(settings.wait)
        .probe_interval(PROBES)
        .consecutive_failures(settings.run.map_or(u64::MAX, u64::from))
        .consecutive_successes(u64::from(PROBES))
        .build())
}

impl Shared for Breaker {
    #[inline(always)]
    fn try_call(&self, ok: bool) -> bool {
        !matches!(self.call(|| dependency(ok)), Err(BreakerError::Open))
    }
}
