//! The figures of both runs: pure functions of the script and the records.

use crate::arguments::Show;
use crate::record::{Line, Run};
use crate::script::{Fault, Script, Span};
use serde_json::{Value, json};
use std::fmt::Write;
use std::time::Duration;
use tripcoil::State;

const SECOND: Duration = Duration::from_secs(1);
/// Where processes never all open, the mean of the probes begins so long after the outage.
const SETTLED: Duration = Duration::from_secs(15);

/// One outage of one run. Times are since the outage's beginning, or its end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outage {
    pub(crate) span: Span,
    /// When each process opened; `None` if it did not.
    opened: Vec<Option<Duration>>,
    /// Calls that failed, late and unanswered ones too.
    pub(crate) wasted: usize,
    /// Those of them that were probes.
    pub(crate) probes: usize,
    /// Calls that succeeded in it.
    good: usize,
    /// Calls that were rejected in it.
    rejected: usize,
    pub(crate) parts: Vec<Part>,
    /// How long after the end each process was closed; `None` if it was not before the next outage.
    back: Vec<Option<Duration>>,
}

/// The probes in a part of an outage: while the store is there, and while it is not.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) span: Span,
    /// Per second, once all are open.
    pub(crate) mean: f64,
    /// In the worst second.
    pub(crate) worst: usize,
    /// Processes that probed at once.
    pub(crate) at_once: usize,
}

impl Outage {
    fn of(script: &Script, run: &Run, span: Span) -> Outage {
        let after = script.after(span);
        let open_since = |pod| match run.state(pod, span.from) {
            State::Closed => {
                let mut moves = run.moves(pod);
                let opened = moves.find(|(at, to)| span.covers(*at) && *to != State::Closed);
                opened.map(|(at, _)| at - span.from)
            }
            _ => Some(Duration::ZERO),
        };
        let back_after = |pod| match run.state(pod, span.to) {
            State::Closed => Some(Duration::ZERO),
            _ => {
                let mut moves = run.moves(pod);
                let closed = moves.find(|(at, to)| after.covers(*at) && *to == State::Closed);
                closed.map(|(at, _)| at - span.to)
            }
        };
        let lines = |wanted: &Line| {
            let within = run.heard.iter().filter(|heard| span.covers(heard.at));
            within.filter(|heard| heard.line == *wanted).count()
        };
        let bad = run.hits.iter().filter(|hit| hit.bad && span.covers(hit.at));
        let mut outage = Outage {
            span,
            opened: (0..run.pods).map(open_since).collect(),
            wasted: bad.clone().count(),
            probes: bad.filter(|hit| hit.probe).count(),
            good: lines(&Line::Ok),
            rejected: lines(&Line::Rejected),
            parts: Vec::new(),
            back: (0..run.pods).map(back_after).collect(),
        };
        let settled = span.from + outage.all_open().unwrap_or(SETTLED);
        outage.parts = parts(script, span)
            .map(|(name, span)| Part::of(run, name, span, settled))
            .collect();
        outage
    }

    /// When half of the processes were open.
    pub(crate) fn half_open(&self) -> Option<Duration> {
        quantile(&self.opened, 0.5)
    }

    pub(crate) fn all_open(&self) -> Option<Duration> {
        quantile(&self.opened, 1.0)
    }

    /// How long after the outage half of them were closed, or another part.
    pub(crate) fn back(&self, part: f64) -> Option<Duration> {
        quantile(&self.back, part)
    }

    fn json(&self) -> Value {
        let parts = self.parts.iter().map(|part| {
            json!({
                "name": part.name,
                "from_s": seconds(part.span.from),
                "to_s": seconds(part.span.to),
                "probes_per_second": part.mean,
                "probes_in_the_worst_second": part.worst,
                "probing_at_once": part.at_once,
            })
        });
        json!({
            "from_s": seconds(self.span.from),
            "to_s": seconds(self.span.to),
            "half_open_s": self.half_open().map(seconds),
            "all_open_s": self.all_open().map(seconds),
            "wasted_calls": self.wasted,
            "wasted_probes": self.probes,
            "calls_that_succeeded": self.good,
            "calls_rejected": self.rejected,
            "parts": parts.collect::<Vec<_>>(),
            "back_p50_s": self.back(0.5).map(seconds),
            "back_p90_s": self.back(0.9).map(seconds),
        })
    }
}

impl Part {
    fn of(run: &Run, name: &'static str, span: Span, settled: Duration) -> Part {
        let probes = run
            .hits
            .iter()
            .filter(|hit| hit.probe && span.covers(hit.at));
        let times: Vec<_> = probes.clone().map(|hit| hit.at).collect();
        let within = |from: &Duration| {
            let second = Span::new(*from, *from + SECOND);
            times.iter().filter(|at| second.covers(**at)).count()
        };
        let settled = Span::new(settled.max(span.from).min(span.to), span.to);
        let probed = times.iter().filter(|at| settled.covers(**at)).count();
        Part {
            name,
            span,
            mean: probed as f64 / settled.length().as_secs_f64().max(f64::MIN_POSITIVE),
            worst: times.iter().map(within).max().unwrap_or(0),
            at_once: probes.map(|hit| hit.probing).max().unwrap_or(0),
        }
    }
}

/// An outage, cut where the store dies and returns.
fn parts(script: &Script, outage: Span) -> impl Iterator<Item = (&'static str, Span)> {
    let gone = script.store_gone.filter(|gone| outage.covers(gone.from));
    let cuts = match gone {
        None => vec![("store up", outage)],
        Some(gone) => vec![
            ("store up", Span::new(outage.from, gone.from)),
            ("store gone", gone),
            ("store back", Span::new(gone.to, outage.to)),
        ],
    };
    cuts.into_iter()
}

/// The time within which that part of them is done; `None` if they are not.
fn quantile(times: &[Option<Duration>], part: f64) -> Option<Duration> {
    let mut done: Vec<_> = times.iter().flatten().copied().collect();
    done.sort_unstable();
    let wanted = (times.len() as f64 * part).ceil() as usize;
    done.get(wanted.max(1) - 1).copied()
}

/// One of both runs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Group {
    pub(crate) run: Run,
    pub(crate) outages: Vec<Outage>,
    /// Calls rejected before the first outage.
    pub(crate) rejected_in_calm: usize,
    /// Calls rejected while the dependency was up, before, between and after the outages.
    pub(crate) rejected_while_up: usize,
}

impl Group {
    fn of(script: &Script, run: Run) -> Group {
        let rejected = run
            .heard
            .iter()
            .filter(|heard| heard.line == Line::Rejected);
        let up = rejected.filter(|heard| !script.is_down(heard.at));
        let first = script
            .outages
            .first()
            .map_or(script.end, |first| first.from);
        Group {
            outages: script
                .outages
                .iter()
                .map(|span| Outage::of(script, &run, *span))
                .collect(),
            rejected_in_calm: up.clone().filter(|heard| heard.at < first).count(),
            rejected_while_up: up.count(),
            run,
        }
    }
}

pub(crate) struct Report {
    pub(crate) script: Script,
    pub(crate) show: Show,
    /// Alone, and in a fleet.
    pub(crate) alone: Group,
    pub(crate) fleet: Group,
}

impl Report {
    pub(crate) fn new(script: &Script, show: &Show, alone: Run, fleet: Run) -> Report {
        Report {
            script: script.clone(),
            show: show.clone(),
            alone: Group::of(script, alone),
            fleet: Group::of(script, fleet),
        }
    }

    pub(crate) fn groups(&self) -> [&Group; 2] {
        [&self.alone, &self.fleet]
    }

    /// What was run, in one line.
    pub(crate) fn about(&self) -> String {
        let Show { pods, traffic, .. } = &self.show;
        let breakers = if traffic.adaptive {
            "adaptive breakers".to_owned()
        } else {
            let wait = humantime::format_duration(traffic.wait);
            format!("the default rules, waits from {wait} on")
        };
        let pace = match traffic.rps {
            1.0 => "1 call".to_owned(),
            rps => format!("{rps} calls"),
        };
        let peers = if traffic.peers_alone {
            ", peers alone"
        } else {
            ""
        };
        format!("{pods} processes, {pace} per second each; {breakers}{peers}")
    }

    pub(crate) fn table(&self) -> String {
        let mut table = format!("{}; seed {}\n", self.about(), self.show.traffic.seed);
        let mut row = |name: &str, cells: [String; 2]| {
            let [alone, fleet] = cells;
            let line = format!("{name:<46} {alone:>16} {fleet:>16}");
            let _ = writeln!(table, "{}", line.trim_end());
        };
        row("", self.groups().map(|group| group.run.name().to_owned()));
        for (i, outage) in self.alone.outages.iter().enumerate() {
            let of = |figure: &dyn Fn(&Outage) -> String| {
                self.groups()
                    .map(|group| group.outages.get(i).map(figure).unwrap_or_default())
            };
            let length = outage.span.length().as_secs();
            let name = format!(
                "outage {} ({}), {length} s",
                i + 1,
                self.script.fault.name()
            );
            row(&name, Default::default());
            let pair = |first, second| format!("{} / {} s", short(first), short(second));
            row(
                "  half / all open after",
                of(&|of| pair(of.half_open(), of.all_open())),
            );
            let each = self.show.pods as f64;
            let wasted = |of: &Outage| format!("{} ({:.1})", of.wasted, of.wasted as f64 / each);
            row("  calls wasted (per process)", of(&wasted));
            row("    of them probes", of(&|of| of.probes.to_string()));
            for (j, part) in outage.parts.iter().enumerate() {
                let figures = |of: &Outage| match of.parts.get(j) {
                    Some(part) => format!("{:.1}, {}, {}", part.mean, part.worst, part.at_once),
                    None => String::new(),
                };
                let name = format!("  probes/s, worst second, at once: {}", part.name);
                row(&name, of(&figures));
            }
            if self.script.fault != Fault::Total {
                let calls = |of: &Outage| format!("{} / {}", of.good, of.rejected);
                row("  calls that succeeded / were rejected", of(&calls));
            }
            row(
                "  closed after its end, p50 / p90",
                of(&|of| pair(of.back(0.5), of.back(0.9))),
            );
        }
        let rejected = self
            .groups()
            .map(|group| group.rejected_while_up.to_string());
        row("calls rejected while the dependency was up", rejected);
        let rejected = self
            .groups()
            .map(|group| group.rejected_in_calm.to_string());
        row("  of them before the first outage", rejected);
        table
    }

    pub(crate) fn json(&self) -> Value {
        let Show { pods, traffic, .. } = &self.show;
        let groups = self.groups().map(|group| {
            let probes = group.run.hits.iter().filter(|hit| hit.probe);
            let probes = probes.map(
                |hit| json!({ "at_s": seconds(hit.at), "pod": hit.pod, "probing": hit.probing }),
            );
            json!({
                "name": group.run.name(),
                "outages": group.outages.iter().map(Outage::json).collect::<Vec<_>>(),
                "rejected_while_up": group.rejected_while_up,
                "rejected_in_calm": group.rejected_in_calm,
                "calls_that_arrived": group.run.hits.len(),
                "probes": probes.collect::<Vec<_>>(),
            })
        });
        json!({
            "pods": pods,
            "calls_per_second_each": traffic.rps,
            "adaptive": traffic.adaptive,
            "peers_alone": traffic.peers_alone,
            "seed": traffic.seed,
            "fault": self.script.fault.name(),
            "groups": groups,
        })
    }

    /// The claims that did not hold in this run: of outages in which every call fails. What a fleet does about others is
    /// measured, and not promised.
    pub(crate) fn broken_claims(&self) -> Vec<String> {
        let mut broken = Vec::new();
        if self.script.fault != Fault::Total {
            return broken;
        }
        let mut claim = |holds: bool, otherwise: String| {
            if !holds {
                broken.push(otherwise);
            }
        };
        // few processes have little to share
        let (less, sooner) = if self.show.pods < 20 {
            (1.0, 0.8)
        } else {
            (0.6, 0.4)
        };
        for (i, (alone, fleet)) in self
            .alone
            .outages
            .iter()
            .zip(&self.fleet.outages)
            .enumerate()
        {
            let n = i + 1;
            claim(alone.wasted > 0, format!("outage {n}: no call met it"));
            // without its store, a fleet is as good as its processes
            let has_store = alone.parts.len() == 1;
            let most = alone.wasted as f64 * if has_store { less } else { 1.0 };
            claim(
                fleet.wasted as f64 <= most,
                format!(
                    "outage {n}: {} calls wasted in a fleet, {} alone",
                    fleet.wasted, alone.wasted
                ),
            );
            let all = alone.all_open().zip(fleet.all_open());
            claim(all.is_some(), format!("outage {n}: a process did not open"));
            if let Some(up) = fleet.parts.first() {
                claim(
                    up.at_once <= 1,
                    format!(
                        "outage {n}: {} processes probed at once, with the store up",
                        up.at_once
                    ),
                );
            }
            // adaptive breakers probe soon and often by themselves
            if has_store && !self.show.traffic.adaptive {
                let most = alone.back(0.5).unwrap_or(Duration::MAX).as_secs_f64() * sooner;
                let back = fleet.back(0.5);
                claim(
                    back.is_some_and(|back| back.as_secs_f64() <= most),
                    format!(
                        "outage {n}: half are back after {} s in a fleet, {} s alone",
                        short(back),
                        short(alone.back(0.5)),
                    ),
                );
            }
        }
        broken
    }
}

/// In seconds, or a dash.
pub(crate) fn short(time: Option<Duration>) -> String {
    time.map_or_else(
        || "-".to_owned(),
        |time| format!("{:.1}", time.as_secs_f64()),
    )
}

fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests;
