//! The report of a run: a pure function of the script, the calls and the transitions.

use crate::record::{Call, Change, Fate, Tally};
use crate::script::{Outage, Phase, Script};
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use std::error::Error;
use std::time::Duration;
use tripcoil::{FailureKind, State};

/// The results of one group.
pub(crate) struct GroupReport {
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
    fn of(calls: &[Call], outages: &[Outage]) -> Result<GroupReport, Box<dyn Error>> {
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
        })
    }

    pub(crate) fn wasted_calls(&self) -> u64 {
        self.wasted.iter().sum()
    }

    fn json(&self) -> Value {
        json!({
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
    pub(crate) guarded: GroupReport,
    pub(crate) unguarded: GroupReport,
    phases: Vec<Phase>,
    outages: Vec<Outage>,
    changes: Vec<Change>,
    /// Transitions that the listener missed.
    missed: u64,
}

impl Report {
    pub(crate) fn new(
        script: &Script,
        guarded: &[Call],
        unguarded: &[Call],
        changes: &[Change],
        missed: u64,
    ) -> Result<Report, Box<dyn Error>> {
        let outages = script.outages();
        Ok(Report {
            guarded: GroupReport::of(guarded, &outages)?,
            unguarded: GroupReport::of(unguarded, &outages)?,
            phases: script.phases().to_vec(),
            outages,
            changes: changes.to_vec(),
            missed,
        })
    }

    /// The claims about a breaker that did not hold in this run.
    pub(crate) fn broken_claims(&self) -> Vec<String> {
        let mut broken = Vec::new();
        let cycles = full_cycles(&self.changes);
        if cycles < 2 {
            broken.push(format!(
                "closed -> open -> half-open -> closed was seen {cycles} times, not twice or more"
            ));
        }
        let (with, without) = (self.guarded.wasted_calls(), self.unguarded.wasted_calls());
        if without == 0 {
            broken.push("no call failed without a breaker: there was no outage".into());
        }
        if with * 10 > without {
            broken.push(format!(
                "{with} calls were wasted behind the breaker, over a tenth of the {without} without"
            ));
        }
        if self.changes.last().is_some_and(|c| c.to != State::Closed) {
            broken.push("the server is healthy again, and the breaker did not close".into());
        }
        if self.missed > 0 {
            let missed = self.missed;
            broken.push(format!("{missed} transitions were missed by the listener"));
        }
        broken
    }

    pub(crate) fn json(&self) -> Value {
        let phases = self.phases.iter().map(
            |p| json!({ "name": p.behaviour.name(), "from_ms": ms(p.from), "to_ms": ms(p.to) }),
        );
        let outages = self.outages.iter().enumerate().map(|(i, o)| {
            json!({
                "from_ms": ms(o.from),
                "to_ms": ms(o.to),
                "guarded_wasted_calls": self.guarded.wasted[i],
                "unguarded_wasted_calls": self.unguarded.wasted[i],
            })
        });
        let transitions = self.changes.iter().map(|c| {
            json!({
                "at_ms": ms(c.at),
                "from": c.from.to_string(),
                "to": c.to.to_string(),
                "cause": c.cause.to_string(),
            })
        });
        json!({
            "phases": phases.collect::<Vec<_>>(),
            "outages": outages.collect::<Vec<_>>(),
            "transitions": transitions.collect::<Vec<_>>(),
            "full_cycles": full_cycles(&self.changes),
            "guarded": self.guarded.json(),
            "unguarded": self.unguarded.json(),
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
