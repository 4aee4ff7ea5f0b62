//! A report, read back from its JSON: to show it again measures nothing.

use crate::report::Circumstances;
use crate::results::{Cell, Figure, Results};
use crate::sides::Kind;
use crate::workloads::WORKLOADS;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Figures {
    figures: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    workload: String,
    threads: usize,
    side: String,
    kind: Kind,
    best_ns: f64,
    median_ns: f64,
    rounds: usize,
    spoilt_rounds: usize,
}

/// The circumstances, and the figures that there are. Why others are missing is left where it is.
///
/// # Errors
/// What in the text is not as `--json` writes it.
pub(crate) fn read(text: &str) -> Result<(Circumstances, Results), String> {
    let value: Value = serde_json::from_str(text).map_err(no_report)?;
    let about = Circumstances::deserialize(&value).map_err(no_report)?;
    let Figures { figures } = Figures::deserialize(&value).map_err(no_report)?;
    let cells: Vec<Cell> = figures
        .into_iter()
        .map(Row::cell)
        .collect::<Result<_, _>>()?;
    if cells.is_empty() {
        return Err("a report without figures".to_owned());
    }
    Ok((about, Results(cells)))
}

fn no_report(error: serde_json::Error) -> String {
    format!("no report of compare's: {error}")
}

impl Row {
    fn cell(self) -> Result<Cell, String> {
        let Row { workload, side, .. } = self;
        let Some(known) = WORKLOADS.iter().find(|w| w.name == workload) else {
            return Err(format!("a report with an unknown workload: {workload:?}"));
        };
        if !(self.best_ns > 0.0 && self.median_ns > 0.0) {
            return Err(format!("{workload}/{side} is said to take no time"));
        }
        Ok(Cell {
            workload: known.name,
            threads: self.threads,
            side,
            kind: self.kind,
            figure: Ok(Figure {
                best: self.best_ns,
                median: self.median_ns,
                rounds: self.rounds,
                spoilt: self.spoilt_rounds,
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{json, tests as report};

    fn refused(text: &str) -> String {
        read(text).err().expect("no report")
    }

    #[test]
    fn what_is_written_is_read_back() {
        let (about, results) = (report::about(), report::results());
        let written = json(&about, &results);
        let (read_about, read) = read(&written.to_string()).expect("a report");
        let measured = results.0.iter().filter(|cell| cell.figure.is_ok());
        assert_eq!(read.0.len(), measured.clone().count());
        for (cell, read) in measured.zip(&read.0) {
            assert_eq!(cell.figure, read.figure);
            assert_eq!(
                (cell.workload, cell.threads, &cell.side, cell.kind),
                (read.workload, read.threads, &read.side, read.kind)
            );
        }
        assert_eq!(
            (read_about.date, read_about.versions, read_about.threads),
            (about.date, about.versions, about.threads)
        );
    }

    #[test]
    fn what_is_no_report_is_refused_and_said_why() {
        assert!(refused("# success").contains("line 1"));
        assert!(refused("{}").contains("`date`"));
        let mut written = json(&report::about(), &report::results());
        let mut with = |name: &str, value: Value| {
            let figure = &mut written["figures"][0][name];
            let before = std::mem::replace(figure, value);
            let refused = refused(&written.to_string());
            written["figures"][0][name] = before;
            refused
        };
        assert!(with("workload", "walk".into()).contains("\"walk\""));
        assert!(with("median_ns", 0.0.into()).contains("success/floor"));
        assert!(with("kind", "friend".into()).contains("friend"));
        written["figures"] = Value::Array(Vec::new());
        assert!(refused(&written.to_string()).contains("without figures"));
    }
}
