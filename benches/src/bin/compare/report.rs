//! The table, the notes, the targets; and all of it as JSON.

use crate::args::Args;
use crate::machine::{Machine, versions};
use crate::results::{By, Cell, Figure, Results};
use crate::sides::{FLOOR, Reason, configurations};
use crate::targets::{Limit, TARGETS};
use crate::workloads::WORKLOADS;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::time::SystemTime;

/// Everything but the figures.
#[derive(Deserialize)]
pub(crate) struct Circumstances {
    pub(crate) date: String,
    pub(crate) machine: Machine,
    /// The crates that are compared, each with its version.
    pub(crate) versions: BTreeMap<String, String>,
    pub(crate) threads: Vec<usize>,
    pub(crate) rounds: usize,
    pub(crate) slice_ms: f64,
}

impl Circumstances {
    pub(crate) fn of(args: &Args) -> Circumstances {
        Circumstances {
            date: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            machine: Machine::this(),
            versions: versions(),
            threads: args.threads.clone(),
            rounds: args.plan.rounds,
            slice_ms: args.plan.slice.as_secs_f64() * 1e3,
        }
    }

    /// The machine and the compiler, in a line.
    pub(crate) fn machine(&self) -> String {
        let known = |name: &Option<String>| name.clone().unwrap_or_else(|| "unknown".to_owned());
        format!(
            "{}, {} logical CPUs; {}",
            known(&self.machine.cpu),
            self.machine.logical_cpus,
            known(&self.machine.rustc),
        )
    }

    pub(crate) fn day(&self) -> &str {
        self.date.split('T').next().unwrap_or_default()
    }

    pub(crate) fn versions(&self) -> String {
        let versions = self.versions.iter();
        let versions: Vec<_> = versions.map(|(name, v)| format!("{name} {v}")).collect();
        versions.join(", ")
    }
}

/// For people.
pub(crate) fn text(about: &Circumstances, results: &Results) -> String {
    let mut out = String::new();
    write_text(&mut out, about, results).expect("a string takes all");
    out
}

fn write_text(out: &mut String, about: &Circumstances, results: &Results) -> fmt::Result {
    head(out, about)?;
    for workload in &WORKLOADS {
        table(out, workload.name, workload.about, about, results)?;
    }
    writeln!(out, "\n# Configurations\n")?;
    for (side, configuration) in configurations() {
        writeln!(out, "{side}: {configuration}")?;
    }
    targets(out, results)
}

fn head(out: &mut String, about: &Circumstances) -> fmt::Result {
    writeln!(out, "{}; {}", about.date, about.machine())?;
    writeln!(out, "{}", about.versions())?;
    writeln!(
        out,
        "{} rounds of {} ms a side. Nanoseconds a call as each thread sees it, best and median of \
         the rounds;\n/floor: the median as a ratio to the floor's; rise: the median as a ratio to \
         that of one thread",
        about.rounds, about.slice_ms
    )
}

/// A figure's column is as wide.
const WIDTH: usize = 10;

fn table(
    out: &mut String,
    workload: &str,
    text: &str,
    about: &Circumstances,
    results: &Results,
) -> fmt::Result {
    let mut sides: Vec<&str> = Vec::new();
    for cell in results.0.iter().filter(|c| c.workload == workload) {
        if !sides.contains(&cell.side.as_str()) {
            sides.push(&cell.side);
        }
    }
    let measured = |t: &usize| results.find(workload, *t, FLOOR).is_some();
    let threads: Vec<usize> = about.threads.iter().copied().filter(measured).collect();
    if threads.is_empty() {
        return Ok(());
    }
    let widest = sides.iter().map(|s| s.len()).max().unwrap_or(0);
    writeln!(out, "\n# {workload}: {text}\n")?;
    write!(out, "{:widest$}", "threads")?;
    for &t in &threads {
        let columns = if t == 1 { 3 } else { 4 };
        write!(out, " | {t:<width$}", width = columns * WIDTH - 1)?;
    }
    write!(out, "\n{:widest$}", "")?;
    for &t in &threads {
        write!(
            out,
            " |{:>9}{:>WIDTH$}{:>WIDTH$}",
            "best", "median", "/floor"
        )?;
        if t != 1 {
            write!(out, "{:>WIDTH$}", "rise")?;
        }
    }
    writeln!(out)?;
    let mut notes = Notes::new();
    for side in sides {
        write!(out, "{side:widest$}")?;
        for &t in &threads {
            row(out, workload, t, side, results, &mut notes)?;
        }
        writeln!(out)?;
    }
    spoilt(out, workload, results)?;
    for (reason, sides) in notes {
        writeln!(out, "  {reason}: {}", sides.join(", "))?;
    }
    Ok(())
}

/// Which sides have no figure, by the reason.
type Notes<'a> = BTreeMap<Reason, Vec<&'a str>>;

/// How much of a workload is of few rounds. Which ones is in the JSON.
fn spoilt(out: &mut String, workload: &str, results: &Results) -> fmt::Result {
    let figures = results.0.iter().filter(|c| c.workload == workload);
    let figures: Vec<&Figure> = figures.filter_map(|c| c.figure.as_ref().ok()).collect();
    match figures.iter().filter(|f| f.rounds <= f.spoilt).count() {
        0 => Ok(()),
        n => writeln!(
            out,
            "  {n} of {} figures: half of their rounds or more do not count, since a thread had to wait for a CPU",
            figures.len()
        ),
    }
}

/// A side's columns for a number of threads.
fn row<'a>(
    out: &mut String,
    workload: &str,
    threads: usize,
    side: &'a str,
    results: &Results,
    notes: &mut Notes<'a>,
) -> fmt::Result {
    let Some(cell) = results.find(workload, threads, side) else {
        return write!(out, " |");
    };
    let ratio = |to: Option<&Figure>, figure: &Figure| {
        to.map_or("-".to_owned(), |to| {
            format!("{:.2}", figure.median / to.median)
        })
    };
    let columns = match &cell.figure {
        Ok(figure) => [
            number(figure.best),
            number(figure.median),
            ratio(results.figure(workload, threads, FLOOR), figure),
            ratio(results.figure(workload, 1, side), figure),
        ],
        Err(reason) => {
            let sides = notes.entry(reason).or_default();
            if !sides.contains(&side) {
                sides.push(side);
            }
            ["-", "-", "-", "-"].map(str::to_owned)
        }
    };
    write!(out, " |{:>9}", columns[0])?;
    let rest = if threads == 1 { 1..3 } else { 1..4 };
    for column in &columns[rest] {
        write!(out, "{column:>WIDTH$}")?;
    }
    Ok(())
}

pub(crate) fn counted(threads: usize) -> String {
    match threads {
        1 => "1 thread".to_owned(),
        n => format!("{n} threads"),
    }
}

/// Nanoseconds, with as many digits as mean something.
pub(crate) fn number(ns: f64) -> String {
    if ns < 100.0 {
        format!("{ns:.1}")
    } else {
        format!("{ns:.0}")
    }
}

fn targets(out: &mut String, results: &Results) -> fmt::Result {
    writeln!(
        out,
        "\n# targets: by the median of the rounds; in brackets by the best\n"
    )?;
    let widest = |of: fn(&crate::targets::Target) -> &'static str| {
        TARGETS.iter().map(|t| of(t).len()).max().unwrap_or(0)
    };
    let (names, values) = (widest(|t| t.name), widest(|t| t.of));
    for target in &TARGETS {
        let value = |by| target.value(results, by);
        let shown = |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.2}"));
        let verdict = match value(By::Median) {
            None => "not measured",
            Some(v) if target.limit.allows(v) => "met",
            Some(_) => "missed",
        };
        let limit = match target.limit {
            Limit::AtMost(n) => format!("at most {n}"),
            Limit::AtLeast(n) => format!("at least {n}"),
        };
        writeln!(
            out,
            "{:names$}  {:values$}  {:>7} {:>9}  {limit:13}  {verdict}",
            target.name,
            target.of,
            shown(value(By::Median)),
            format!("({})", shown(value(By::Best))),
        )?;
    }
    for (workload, threads) in [
        ("success", 1),
        ("success", 2),
        ("fail-50", 2),
        ("fail-50-run", 1),
        ("fail-50-run", 2),
    ] {
        if let Some((peer, ns)) = results.best_peer(workload, threads, By::Median) {
            writeln!(
                out,
                "best peer of {workload}, {}: {peer}, {} ns",
                counted(threads),
                number(ns)
            )?;
        }
    }
    Ok(())
}

/// For programs.
pub(crate) fn json(about: &Circumstances, results: &Results) -> Value {
    let (figures, missing): (Vec<&Cell>, Vec<&Cell>) =
        results.0.iter().partition(|c| c.figure.is_ok());
    let workloads = WORKLOADS.iter().map(|w| (w.name, w.about));
    json!({
        "date": about.date,
        "machine": {
            "cpu": about.machine.cpu,
            "logical_cpus": about.machine.logical_cpus,
            "rustc": about.machine.rustc,
        },
        "versions": about.versions,
        "rounds": about.rounds,
        "slice_ms": about.slice_ms,
        "threads": about.threads,
        "configurations": configurations().into_iter().collect::<BTreeMap<_, _>>(),
        "workloads": workloads.collect::<BTreeMap<_, _>>(),
        "figures": figures.into_iter().map(figure).collect::<Vec<_>>(),
        "without_figure": missing.into_iter().map(reason).collect::<Vec<_>>(),
        "targets": TARGETS.iter().map(|t| {
            let (key, limit) = match t.limit {
                Limit::AtMost(n) => ("at_most", n),
                Limit::AtLeast(n) => ("at_least", n),
            };
            let value = t.value(results, By::Median);
            json!({
                "name": t.name,
                "of": t.of,
                key: limit,
                "by_median": value,
                "by_best": t.value(results, By::Best),
                "met": value.map(|v| t.limit.allows(v)),
            })
        }).collect::<Vec<_>>(),
    })
}

fn figure(cell: &Cell) -> Value {
    let figure = cell.figure.as_ref().ok();
    json!({
        "workload": cell.workload,
        "threads": cell.threads,
        "side": cell.side,
        "kind": format!("{:?}", cell.kind).to_lowercase(),
        "best_ns": figure.map(|f| f.best),
        "median_ns": figure.map(|f| f.median),
        "rounds": figure.map(|f| f.rounds),
        "spoilt_rounds": figure.map(|f| f.spoilt),
    })
}

fn reason(cell: &Cell) -> Value {
    json!({
        "workload": cell.workload,
        "threads": cell.threads,
        "side": cell.side,
        "reason": cell.figure.as_ref().err(),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::results::tests::cell;
    use crate::sides::{CALL, Kind, RECLOSER};

    pub(crate) fn about() -> Circumstances {
        Circumstances {
            date: "2000-01-01T00:00:00Z".to_owned(),
            machine: Machine {
                cpu: None,
                logical_cpus: 2,
                rustc: None,
            },
            versions: versions(),
            threads: vec![1, 2],
            rounds: 3,
            slice_ms: 1.0,
        }
    }

    pub(crate) fn results() -> Results {
        let mut recloser = cell("success", 2, RECLOSER, Kind::Peer, 100.0);
        recloser.figure = Err("it is away");
        Results(vec![
            cell("success", 1, FLOOR, Kind::Yardstick, 5.0),
            cell("success", 1, CALL, Kind::Own, 10.0),
            cell("success", 1, RECLOSER, Kind::Peer, 20.0),
            cell("success", 2, FLOOR, Kind::Yardstick, 6.0),
            cell("success", 2, CALL, Kind::Own, 12.0),
            recloser,
        ])
    }

    fn line<'a>(text: &'a str, start: &str) -> Vec<&'a str> {
        let line = text.lines().find(|l| l.starts_with(start));
        line.expect("a line").split_whitespace().collect()
    }

    #[test]
    fn a_row_has_best_median_ratio_and_rise() {
        let text = text(&about(), &results());
        assert_eq!(
            line(&text, CALL),
            [
                CALL, "|", "5.0", "10.0", "2.00", "|", "6.0", "12.0", "2.00", "1.20"
            ]
        );
        assert_eq!(
            line(&text, "recloser "),
            [
                "recloser", "|", "10.0", "20.0", "4.00", "|", "-", "-", "-", "-"
            ]
        );
        assert!(text.contains("it is away: recloser\n"), "{text}");
    }

    #[test]
    fn every_target_has_a_line() {
        let text = text(&about(), &results());
        let section = text.split("# targets").nth(1).expect("the section");
        let of = |verdict: &str| section.lines().filter(|l| l.ends_with(verdict)).count();
        assert_eq!(
            of(" met") + of(" missed") + of("not measured"),
            TARGETS.len()
        );
        assert_eq!((of(" met"), of(" missed")), (2, 2), "{section}");
    }

    #[test]
    fn the_json_has_figures_reasons_and_targets() {
        let json = json(&about(), &results());
        assert_eq!(json["figures"].as_array().map(Vec::len), Some(5));
        assert_eq!(json["figures"][1]["median_ns"], 10.0);
        assert_eq!(json["without_figure"][0]["reason"], "it is away");
        assert_eq!(json["targets"][0]["met"], false);
        assert_eq!(json["targets"][2]["by_median"], 0.5);
        assert_eq!(json["targets"][10]["met"], Value::Null);
        assert_eq!(json["versions"]["recloser"], versions()["recloser"]);
    }
}
