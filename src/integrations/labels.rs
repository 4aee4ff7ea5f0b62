//! States, causes and kinds as values of labels and fields: in snake case, for machines to match.

#[cfg(any(feature = "insight", feature = "metrics", feature = "tracing"))]
use crate::Cause;
#[cfg(any(feature = "metrics", feature = "tracing"))]
use crate::FailureKind;
use crate::State;

pub(crate) fn state(state: State) -> &'static str {
    match state {
        State::Closed => "closed",
        State::Open => "open",
        State::HalfOpen => "half_open",
        State::ForcedOpen => "forced_open",
        State::Disabled => "disabled",
        State::ObserveOnly => "observe_only",
    }
}

#[cfg(any(feature = "insight", feature = "metrics", feature = "tracing"))]
pub(crate) fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::ConsecutiveFailures => "consecutive_failures",
        Cause::FailureCount => "failure_count",
        Cause::FailureRate => "failure_rate",
        Cause::SlowRate => "slow_rate",
        Cause::Evidence => "evidence",
        Cause::Hang => "hang",
        Cause::OpenElapsed => "open_elapsed",
        Cause::ProbesSucceeded => "probes_succeeded",
        Cause::ProbeFailed => "probe_failed",
        Cause::ProbeTimeout => "probe_timeout",
        Cause::ProbesCancelled => "probes_cancelled",
        Cause::RampCompleted => "ramp_completed",
        Cause::RampFailed => "ramp_failed",
        Cause::Manual => "manual",
        Cause::MaxInFlight => "max_in_flight",
    }
}

#[cfg(any(feature = "metrics", feature = "tracing"))]
pub(crate) fn kind(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Timeout => "timeout",
        FailureKind::Connect => "connect",
        FailureKind::Overload => "overload",
        FailureKind::Server => "server",
        FailureKind::Client => "client",
        FailureKind::Data => "data",
        FailureKind::Other(0) => "other_0",
        FailureKind::Other(1) => "other_1",
        FailureKind::Other(_) => "other",
    }
}
