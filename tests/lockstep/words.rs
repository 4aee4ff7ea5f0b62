//! The crate's words and the model's: plain data on both sides, put across here.

use std::time::Duration;

use tripcoil::{self as crated, FailureKind, ManualClock};

use crate::held::{Decode, decode};
use crate::model::{self, Event, Kind, Outcome, Recovery, Setup, View};
use crate::plan::{Built, Changes};

pub(crate) fn span(nanos: u64) -> Duration {
    Duration::from_nanos(nanos)
}

pub(crate) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).expect("a span of these tests")
}

/// The same variants on both sides, and a function each way.
macro_rules! alike {
    ($to:ident, $from:ident, $crated:ty, $model:ty: $($name:ident)*) => {
        #[allow(dead_code, unreachable_patterns, reason = "not each is wanted in both directions")]
        pub(crate) fn $to(of: $model) -> $crated {
            match of { $(<$model>::$name => <$crated>::$name,)* }
        }
        #[allow(dead_code, unreachable_patterns, reason = "the crate's may be non-exhaustive")]
        pub(crate) fn $from(of: $crated) -> $model {
            match of {
                $(<$crated>::$name => <$model>::$name,)*
                #[allow(unreachable_patterns)]
                other => panic!("the model has no {other:?}"),
            }
        }
    };
}

alike!(state, state_of, crated::State, model::State:
    Closed Open HalfOpen ForcedOpen Disabled ObserveOnly);
alike!(cause, cause_of, crated::Cause, model::Cause:
    ConsecutiveFailures FailureCount FailureRate SlowRate Evidence Hang OpenElapsed ProbesSucceeded
    ProbeFailed ProbeTimeout ProbesCancelled RampCompleted RampFailed Manual MaxInFlight Peers);
alike!(on_cancel, on_cancel_of, crated::OnCancel, model::OnCancel:
    Ignored Failure FailureIfSlow);

/// In the order of the model's kinds; of the unlisted ones, any.
const KINDS: [FailureKind; 9] = [
    FailureKind::Timeout,
    FailureKind::Connect,
    FailureKind::Overload,
    FailureKind::Server,
    FailureKind::Client,
    FailureKind::Data,
    FailureKind::Other(0),
    FailureKind::Other(1),
    FailureKind::Other(2),
];

pub(crate) fn outcome(of: Outcome) -> crated::Outcome {
    let kind = |kind| match kind {
        Kind::Other(number) => FailureKind::Other(number),
        listed => KINDS[listed.index()],
    };
    match of {
        Outcome::Success => crated::Outcome::Success,
        Outcome::Ignored => crated::Outcome::Ignored,
        Outcome::Failure(k, None) => crated::Outcome::Failure(kind(k)),
        Outcome::Failure(k, Some(wait)) => {
            crated::Outcome::Failure(kind(k)).with_retry_after(span(wait))
        }
    }
}

pub(crate) fn kind_of(of: FailureKind) -> Kind {
    match of {
        FailureKind::Timeout => Kind::Timeout,
        FailureKind::Connect => Kind::Connect,
        FailureKind::Overload => Kind::Overload,
        FailureKind::Server => Kind::Server,
        FailureKind::Client => Kind::Client,
        FailureKind::Data => Kind::Data,
        FailureKind::Other(number) => Kind::Other(number),
        #[allow(unreachable_patterns, reason = "the crate's may be non-exhaustive")]
        other => panic!("the model has no {other:?}"),
    }
}

fn counts_of(of: crated::observe::Counts) -> model::Counts {
    model::Counts {
        calls: of.calls,
        successes: of.successes,
        failures: of.failures,
        slow: of.slow,
    }
}

pub(crate) fn rejection_of(of: crated::Rejected) -> model::Rejection {
    model::Rejection {
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
        open_until: of.open_until.map(nanos),
        failure: of.failure.map(kind_of),
    }
}

fn evidence_of(of: crated::observe::Evidence) -> model::Evidence {
    model::Evidence {
        value: of.value,
        limit: of.limit,
        pace: of.pace,
    }
}

fn watch_of(of: crated::observe::Watch) -> model::Watch {
    model::Watch {
        starts: of.starts,
        lasted: nanos(of.lasted),
        patience: nanos(of.patience),
    }
}

pub(crate) fn view_of(of: crated::Snapshot) -> View {
    View {
        state: state_of(of.state),
        generation: of.generation,
        window: counts_of(of.window),
        failure_rate: of.failure_rate,
        slow_rate: of.slow_rate,
        consecutive_failures: of.consecutive_failures,
        evidence: of.evidence.map(evidence_of),
        watch: of.watch.map(watch_of),
        admitted_share: of.admitted_share,
        in_flight: of.in_flight,
        probes: [of.probes.in_flight, of.probes.succeeded, of.probes.failed],
        totals: model::Totals {
            successes: of.totals.successes,
            failures: of.totals.failures,
            slow: of.totals.slow,
            rejected: of.totals.rejected,
            late: of.totals.late,
            ignored: of.totals.ignored,
            cancelled: of.totals.cancelled,
        },
        kinds: KINDS.map(|kind| of.failures_by_kind.get(kind)),
        rejections: model::REJECTING.map(|by| of.rejections_by_state.get(state(by))),
        would_trip: of.would_trip,
        late_probe_successes: of.late_probe_successes,
        transitions: of.transitions,
        last_opening: of.last_opening.as_ref().map(event_of),
        time_in_state: nanos(of.time_in_state),
        retry_after: of.retry_after.map(nanos),
        buckets: of.buckets.into_iter().map(counts_of).collect(),
    }
}

// ---- configuration

/// Calls the builder's method with what is there, if anything is.
macro_rules! with {
    ($builder:ident.$($method:ident($given:expr))*) => {
        $(let $builder = match $given {
            Some(given) => $builder.$method(given),
            None => $builder,
        };)*
    };
}

fn window(of: model::Window) -> crated::Window {
    match of {
        model::Window::Count(size) => crated::Window::count(size),
        model::Window::Time { buckets, width } => {
            crated::Window::time(span(width) * buckets).buckets(buckets)
        }
    }
}

fn outage(of: model::Outage) -> crated::Outage {
    crated::Outage::at(of.theta).loss_at_most(of.loss)
}

fn hang(of: model::Hang) -> crated::Hang {
    crated::Hang::after(span(of.after)).starts(of.starts)
}

pub(crate) fn kinds(of: model::Lenient) -> Vec<FailureKind> {
    // of the numbers from 2 on, any names them all
    let unlisted = [FailureKind::Other(2), FailureKind::Other(7)][of.eighths as usize % 2];
    let all = KINDS[..8].iter().copied().chain([unlisted]);
    let named = all.zip(of.kinds).filter(|(_, named)| *named);
    named.map(|(kind, _)| kind).collect()
}

/// The kinds, and their weight.
fn lenient(of: model::Lenient) -> (Vec<FailureKind>, f64) {
    (kinds(of), f64::from(of.eighths) / 8.0)
}

fn backoff(of: model::Backoff, max_unnamed: bool) -> crated::Backoff {
    let backoff = match of.adaptive {
        Some(seed) => crated::Backoff::adaptive().seed(seed),
        None => {
            let grows = crated::Backoff::exponential(span(of.base), of.factor);
            grows.reset_after(span(of.reset_after))
        }
    };
    if max_unnamed {
        backoff
    } else {
        backoff.max(span(of.max))
    }
}

fn half_open(of: model::HalfOpen) -> crated::HalfOpen {
    let half_open = match of.recovery {
        Recovery::Successes(n) => crated::HalfOpen::successes(n),
        Recovery::Rate {
            of,
            failure_rate,
            slow_rate: None,
        } => crated::HalfOpen::rate(of, failure_rate),
        Recovery::Rate {
            of,
            failure_rate,
            slow_rate: Some(slow_rate),
        } => crated::HalfOpen::rate(of, failure_rate).slow_rate(slow_rate),
    };
    let half_open = half_open.max_probes(of.max_probes);
    with!(half_open.probe_timeout(of.probe_timeout.map(span))
        ramp(of.ramp.then(crated::Ramp::new)));
    half_open
}

pub(crate) fn build(
    setup: &Setup,
    built: Built,
    clock: &ManualClock,
) -> Result<(crated::Breaker<Decode>, crated::Controller), crated::ConfigError> {
    let rules = &setup.rules;
    let min_throughput = (!built.throughput_unnamed).then_some(rules.min_throughput);
    let open_for = backoff(rules.backoff, built.max_unnamed);
    let builder = crated::Breaker::builder("lockstep").classifier(decode as Decode);
    if !built.by_methods {
        let config = crated::Config {
            window: window(setup.window),
            failure_rate: rules.failure_rate,
            min_throughput,
            slow_call: rules.slow_call.map(span),
            slow_rate: rules.slow_rate,
            consecutive_failures: rules.consecutive_failures,
            failure_count: rules.failure_count,
            outage: rules.outage.map(outage),
            hang: rules.hang.map(hang),
            lenient: rules
                .lenient
                .map(lenient)
                .map(|(kinds, weight)| crated::Lenient::new(kinds, weight)),
            open_for,
            half_open: half_open(rules.half_open),
            on_cancel: on_cancel(rules.on_cancel),
            max_in_flight: rules.max_in_flight,
            durations: false,
            history: 4,
            clock: clock.into(),
            initial_state: state(setup.initial),
        };
        return builder.config(config).build_with_controller();
    }
    let builder = builder
        .window(window(setup.window))
        .no_failure_rules()
        .open_for(open_for)
        .half_open(half_open(rules.half_open))
        .on_cancel(on_cancel(rules.on_cancel))
        .clock(clock)
        .initial_state(state(setup.initial));
    with!(builder.failure_rate(rules.failure_rate)
        min_throughput(min_throughput)
        slow_call(rules.slow_call.map(span))
        slow_rate(rules.slow_rate)
        consecutive_failures(rules.consecutive_failures)
        failure_count(rules.failure_count)
        outage(rules.outage.map(outage))
        hang(rules.hang.map(hang))
        max_in_flight(rules.max_in_flight));
    let builder = match rules.lenient.map(lenient) {
        Some((kinds, weight)) => builder.lenient(kinds, weight),
        None => builder,
    };
    builder.build_with_controller()
}

/// The changes, as an operator makes them.
pub(crate) fn changed(rules: crated::config::Rules, changes: &Changes) -> crated::config::Rules {
    let rules = if changes.no_failure_rules {
        rules.no_failure_rules()
    } else {
        rules
    };
    let rules = if changes.no_slow_rules {
        rules.no_slow_rules()
    } else {
        rules
    };
    let rules = if changes.no_hang_rule {
        rules.no_hang_rule()
    } else {
        rules
    };
    with!(rules.failure_rate(changes.failure_rate)
        min_throughput(changes.min_throughput)
        consecutive_failures(changes.consecutive_failures)
        failure_count(changes.failure_count)
        outage(changes.outage.map(outage))
        hang(changes.hang.map(hang))
        slow_call(changes.slow_call.map(span))
        slow_rate(changes.slow_rate)
        open_for(changes.backoff.map(|of| backoff(of, false)))
        half_open(changes.half_open.map(half_open))
        on_cancel(changes.on_cancel.map(on_cancel)));
    let rules = match changes.max_in_flight {
        Some(Some(most)) => rules.max_in_flight(most),
        Some(None) => rules.no_max_in_flight(),
        None => rules,
    };
    match changes.lenient.map(lenient) {
        Some((kinds, weight)) => rules.lenient(kinds, weight),
        None => rules,
    }
}

/// The changes, as the model takes them.
pub(crate) fn changed_model(mut rules: model::Rules, changes: &Changes) -> model::Rules {
    if changes.no_failure_rules {
        rules.failure_rate = None;
        rules.consecutive_failures = None;
        rules.failure_count = None;
        rules.outage = None;
    }
    if changes.no_slow_rules {
        rules.slow_rate = None;
    }
    if changes.no_hang_rule {
        rules.hang = None;
    }
    rules.failure_rate = changes.failure_rate.or(rules.failure_rate);
    rules.min_throughput = changes.min_throughput.unwrap_or(rules.min_throughput);
    rules.consecutive_failures = changes.consecutive_failures.or(rules.consecutive_failures);
    rules.failure_count = changes.failure_count.or(rules.failure_count);
    rules.outage = changes.outage.or(rules.outage);
    rules.hang = changes.hang.or(rules.hang);
    rules.lenient = changes.lenient.or(rules.lenient);
    rules.slow_call = changes.slow_call.or(rules.slow_call);
    rules.slow_rate = changes.slow_rate.or(rules.slow_rate);
    rules.backoff = changes.backoff.unwrap_or(rules.backoff);
    rules.half_open = changes.half_open.unwrap_or(rules.half_open);
    rules.on_cancel = changes.on_cancel.unwrap_or(rules.on_cancel);
    rules.max_in_flight = changes.max_in_flight.unwrap_or(rules.max_in_flight);
    rules
}
