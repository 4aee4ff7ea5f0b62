//! The crate's words, put into the model's.

use std::time::Duration;

use tripcoil::{self as crated, FailureKind};

use crate::model::{Backoff, Cause, Counts, Event, Evidence, HalfOpen, Hang, Outage, Recovery};
use crate::model::{Rejection, State, Totals, View, Watch};

pub(crate) fn span(nanos: u64) -> Duration {
    Duration::from_nanos(nanos)
}

pub(crate) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).expect("a span of these tests")
}

/// The same variants on both sides.
macro_rules! alike {
    ($from:ident, $crated:ty, $model:ty: $($name:ident)*) => {
        pub(crate) fn $from(of: $crated) -> $model {
            match of {
                $(<$crated>::$name => <$model>::$name,)*
                #[allow(unreachable_patterns, reason = "the crate's may be non-exhaustive")]
                other => panic!("the model has no {other:?}"),
            }
        }
    };
}

alike!(state_of, crated::State, State: Closed Open HalfOpen ForcedOpen Disabled ObserveOnly);
alike!(cause_of, crated::Cause, Cause:
    ConsecutiveFailures FailureCount FailureRate SlowRate Evidence Hang OpenElapsed ProbesSucceeded
    ProbeFailed ProbeTimeout ProbesCancelled RampCompleted RampFailed Manual
    MaxInFlight Peers);

fn counts_of(of: crated::observe::Counts) -> Counts {
    Counts {
        calls: of.calls,
        successes: of.successes,
        failures: of.failures,
        slow: of.slow,
    }
}

pub(crate) fn rejection_of(of: crated::Rejected) -> Rejection {
    Rejection {
        state: state_of(of.state()),
        cause: of.cause().map(cause_of),
        retry_after: of.retry_after().map(nanos),
    }
}

pub(crate) fn event_of(of: &crated::Transition) -> Event {
    Event {
        generation: of.generation,
        from: state_of(of.from),
        to: state_of(of.to),
        cause: cause_of(of.cause),
        at: nanos(of.at),
        counts: counts_of(of.counts),
        consecutive_failures: of.consecutive_failures,
        // by whoever carried the transition out: overlapping calls may not know one another's wait, and
        // either of two failures may have decided
        open_until: None,
        failure: None,
    }
}

pub(crate) fn view_of(of: crated::Snapshot) -> View {
    let mut kinds = [0; 9];
    kinds[crate::model::Kind::Server.index()] = of.failures_by_kind.get(FailureKind::Server);
    View {
        state: state_of(of.state),
        generation: of.generation,
        window: counts_of(of.window),
        failure_rate: of.failure_rate,
        slow_rate: of.slow_rate,
        consecutive_failures: of.consecutive_failures,
        evidence: of.evidence.map(|evidence| Evidence {
            value: evidence.value,
            limit: evidence.limit,
            pace: evidence.pace,
        }),
        watch: of.watch.map(|watch| Watch {
            starts: watch.starts,
            lasted: nanos(watch.lasted),
            patience: nanos(watch.patience),
        }),
        admitted_share: of.admitted_share,
        in_flight: of.in_flight,
        probes: [of.probes.in_flight, of.probes.succeeded, of.probes.failed],
        totals: Totals {
            successes: of.totals.successes,
            failures: of.totals.failures,
            slow: of.totals.slow,
            rejected: of.totals.rejected,
            late: of.totals.late,
            ignored: of.totals.ignored,
            cancelled: of.totals.cancelled,
        },
        kinds,
        rejections: crate::model::REJECTING.map(|by| match by {
            State::Open => of.rejections_by_state.open,
            State::HalfOpen => of.rejections_by_state.half_open,
            State::Closed => of.rejections_by_state.closed,
            _ => of.rejections_by_state.forced_open,
        }),
        would_trip: of.would_trip,
        late_probe_successes: of.late_probe_successes,
        transitions: of.transitions,
        last_opening: of.last_opening.as_ref().map(event_of),
        time_in_state: nanos(of.time_in_state),
        retry_after: of.retry_after.map(nanos),
        buckets: of.buckets.into_iter().map(counts_of).collect(),
    }
}

pub(crate) fn backoff(of: Backoff) -> crated::Backoff {
    let backoff = match of.adaptive {
        Some(seed) => crated::Backoff::adaptive().seed(seed),
        None => {
            crated::Backoff::exponential(span(of.base), of.factor).reset_after(span(of.reset_after))
        }
    };
    backoff.max(span(of.max))
}

pub(crate) fn outage(of: Outage) -> crated::Outage {
    crated::Outage::at(of.theta).loss_at_most(of.loss)
}

pub(crate) fn hang(of: Hang) -> crated::Hang {
    crated::Hang::after(span(of.after)).starts(of.starts)
}

pub(crate) fn half_open(of: HalfOpen) -> crated::HalfOpen {
    let half_open = match of.recovery {
        Recovery::Successes(n) => crated::HalfOpen::successes(n),
        Recovery::Rate {
            of, failure_rate, ..
        } => crated::HalfOpen::rate(of, failure_rate),
    };
    let half_open = half_open.max_probes(of.max_probes);
    let half_open = match of.ramp {
        true => half_open.ramp(crated::Ramp::new()),
        false => half_open,
    };
    match of.probe_timeout {
        Some(timeout) => half_open.probe_timeout(span(timeout)),
        None => half_open,
    }
}
