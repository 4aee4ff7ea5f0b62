//! The report of a run: a pure function of the script, the calls and the transitions.

use crate::clients::Guard;
use crate::record::{Call, Change, Fate, Run, Tally};
use crate::script::{Outage, Phase, Script};
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use std::error::Error;
use std::time::Duration;
use tripcoil::{FailureKind, State};

/// The results of one group.
pub(crate) struct GroupReport {
    pub(crate) run: Run,
    pub(crate) tally: Tally,
    /// Requests that were sent during an outage and failed or timed out, one count per outage.
    wasted: Vec<u64>,
    /// Failures by kind.
    server: u64,
    connect: u64,
    timeout: u64,
    /// Latency of the requests that were sent, in ms.
    p50: f64,
    p99: f64,
    /// Latency of all calls, rejected ones included, in ms: the callers' wait.
    caller_p50: f64,
    caller_p99: f64,
}

impl GroupReport {
    fn of(run: Run, outages: &[Outage]) -> Result<GroupReport, Box<dyn Error>> {
        let calls = &run.calls;
        let failed = |c: &&Call| matches!(c.fate, Fate::Failed(_));
        let by = |kind| {
            calls
                .iter()
                .filter(|c| c.fate == Fate::Failed(kind))
                .count() as u64
        };
        let wasted = outages.iter().map(|outage| {
            let within = calls.iter().filter(|c| outage.covers(c.began));
            within.filter(failed).count() as u64
        });
        let sent = calls.iter().filter(|c| c.fate != Fate::Rejected);
        let (sent, all) = (latencies(sent)?, latencies(calls)?);
        Ok(GroupReport {
            tally: Tally::of(calls),
            wasted: wasted.collect(),
            server: by(FailureKind::Server),
            connect: by(FailureKind::Connect),
            timeout: by(FailureKind::Timeout),
            p50: quantile_ms(&sent, 0.5),
            p99: quantile_ms(&sent, 0.99),
            caller_p50: quantile_ms(&all, 0.5),
            caller_p99: quantile_ms(&all, 0.99),
            run,
        })
    }

    pub(crate) fn wasted_calls(&self) -> u64 {
        self.wasted.iter().sum()
    }

    fn json(&self) -> Value {
        let transitions = self.run.changes.iter().map(|c| {
            json!({
                "at_ms": ms(c.at),
                "from": c.from.to_string(),
                "to": c.to.to_string(),
                "cause": c.cause.to_string(),
            })
        });
        json!({
            "name": self.run.guard.name(),
            "calls": self.tally.calls(),
            "ok": self.tally.ok,
            "failed": self.tally.failed,
            "rejected": self.tally.rejected,
            "failed_by": {
                "server": self.server,
                "connect": self.connect,
                "timeout": self.timeout,
            },
            "p50_ms": self.p50,
            "p99_ms": self.p99,
            "caller_p50_ms": self.caller_p50,
            "caller_p99_ms": self.caller_p99,
            "wasted_calls": self.wasted_calls(),
            "wasted_by_outage": self.wasted,
            "transitions": transitions.collect::<Vec<_>>(),
            "full_cycles": full_cycles(&self.run.changes),
        })
    }
}

/// In microseconds.
fn latencies<'a>(
    calls: impl IntoIterator<Item = &'a Call>,
) -> Result<Histogram<u64>, Box<dyn Error>> {
    let mut histogram = Histogram::new(3)?;
    for call in calls {
        histogram.record(u64::try_from(call.took.as_micros())?)?;
    }
    Ok(histogram)
}

fn quantile_ms(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    histogram.value_at_quantile(quantile) as f64 / 1e3
}

/// A run, summed up.
pub(crate) struct Report {
    pub(crate) groups: Vec<GroupReport>,
    phases: Vec<Phase>,
    outages: Vec<Outage>,
    end: Duration,
}

impl Report {
    pub(crate) fn new(script: &Script, runs: Vec<Run>) -> Result<Report, Box<dyn Error>> {
        let outages = script.outages();
        let groups = runs.into_iter().map(|run| GroupReport::of(run, &outages));
        Ok(Report {
            groups: groups.collect::<Result<_, _>>()?,
            phases: script.phases().to_vec(),
            outages,
            end: script.end(),
        })
    }

    /// The claims about the breakers that did not hold in this run.
    pub(crate) fn broken_claims(&self) -> Vec<String> {
        let (guarded, without): (Vec<_>, Vec<_>) = self
            .groups
            .iter()
            .partition(|group| group.run.guard != Guard::Nothing);
        let without = without.iter().map(|group| group.wasted_calls()).sum();
        let mut broken = Vec::new();
        if without == 0 {
            broken.push("no call failed without a breaker: there was no outage".into());
        }
        for group in guarded {
            let claims = self.broken_claims_of(group, without);
            let name = group.run.guard.name();
            broken.extend(claims.into_iter().map(|claim| format!("{name}: {claim}")));
        }
        broken
    }

    fn broken_claims_of(&self, group: &GroupReport, without: u64) -> Vec<String> {
        let mut broken = Vec::new();
        let wasted = group.wasted_calls();
        if wasted * 10 > without {
            broken.push(format!(
                "{wasted} calls were wasted, over a tenth of the {without} without a breaker"
            ));
        }
        let states = group.run.states(self.end);
        let was = |state, from, to| {
            states
                .iter()
                .any(|s| s.0 == state && s.1 < to && s.2 > from)
        };
        let nexts = self.outages.iter().skip(1).map(|next| next.from);
        for (outage, next) in self.outages.iter().zip(nexts.chain([self.end])) {
            let from = outage.from.as_secs_f64();
            if !was(State::Open, outage.from, outage.to) {
                broken.push(format!("it was not open in the outage from {from} s on"));
            }
            // The first wait of the defaults is longer than the script.
            if group.run.guard == Guard::Adaptive && !was(State::Closed, outage.to, next) {
                broken.push(format!(
                    "it did not close after the outage from {from} s on"
                ));
            }
        }
        if group.run.missed > 0 {
            let missed = group.run.missed;
            broken.push(format!("{missed} transitions were missed by the listener"));
        }
        broken
    }

    pub(crate) fn json(&self) -> Value {
        let phases = self.phases.iter().map(
            |p| json!({ "name": p.behaviour.name(), "from_ms": ms(p.from), "to_ms": ms(p.to) }),
        );
        let outages = self.outages.iter();
        let outages = outages.map(|o| json!({ "from_ms": ms(o.from), "to_ms": ms(o.to) }));
        json!({
            "phases": phases.collect::<Vec<_>>(),
            "outages": outages.collect::<Vec<_>>(),
            "groups": self.groups.iter().map(GroupReport::json).collect::<Vec<_>>(),
        })
    }
}

fn ms(d: Duration) -> u64 {
    d.as_millis() as u64
}

/// How often the breaker went from closed through open and half-open to closed again; a round that
/// failed, and so opened it once more, is part of the same cycle.
fn full_cycles(changes: &[Change]) -> usize {
    let mut cycles = 0;
    let mut tripped = false;
    for change in changes {
        match (change.from, change.to) {
            (State::Closed, State::Open) => tripped = true,
            (State::Open, State::HalfOpen) | (State::HalfOpen, State::Open) => {}
            (State::HalfOpen, State::Closed) if tripped => {
                cycles += 1;
                tripped = false;
            }
            _ => tripped = false,
        }
    }
    cycles
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
