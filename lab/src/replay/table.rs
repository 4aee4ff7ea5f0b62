//! The short table on standard output, as Markdown.

use super::human::{count, counted, duration, percent};
use super::report::{ConfigurationReport, Report};
use std::fmt::Write as _;

const COLUMNS: [&str; 8] = [
    "configuration",
    "openings",
    "time open",
    "spared",
    "good rejected",
    "share of good",
    "bad admitted",
    "first failure to opening",
];

pub(super) fn markdown(report: &Report) -> String {
    let log = &report.log;
    let mut text = format!(
        "{}: {} in {} from {}; {} failed",
        log.name,
        counted(log.calls, "call"),
        duration(log.lasts_s.0),
        report.times.full(0),
        count(log.failed),
    );
    if log.rejected > 0 {
        let _ = write!(
            text,
            ", {} {} rejected when it was recorded",
            count(log.rejected),
            if log.rejected == 1 { "was" } else { "were" },
        );
    }
    if let Some(keys) = log.keys {
        let _ = write!(text, "; {}", counted(keys, "key"));
    }
    text.push('\n');
    if log.bad_lines > 0 {
        let _ = writeln!(
            text,
            "{} of {}:",
            counted(log.bad_lines, "bad line"),
            count(log.lines)
        );
        for bad in &log.first_bad_lines {
            let _ = writeln!(text, "  line {}: {}", bad.line, bad.reason);
        }
        let more = log.bad_lines - log.first_bad_lines.len() as u64;
        if more > 0 {
            let _ = writeln!(text, "  and {} more", count(more));
        }
    }
    text.push('\n');
    let mut rows = vec![COLUMNS.map(str::to_string)];
    rows.extend(report.configurations.iter().map(row));
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..COLUMNS.len()).map(width).collect();
    for (at, row) in rows.iter().enumerate() {
        text.push('|');
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let _ = if column == 0 {
                write!(text, " {cell:width$} |")
            } else {
                write!(text, " {cell:>width$} |")
            };
        }
        text.push('\n');
        if at == 0 {
            text.push('|');
            for (column, width) in widths.iter().enumerate() {
                let end = if column == 0 { '-' } else { ':' };
                let _ = write!(text, "{}{end}|", "-".repeat(width + 1));
            }
            text.push('\n');
        }
    }
    let _ = write!(text, "\n{}\n", report.caveat);
    text
}

fn row(of: &ConfigurationReport) -> [String; COLUMNS.len()] {
    let rejected = &of.tally.rejected;
    [
        // what would end a cell
        of.name.replace('|', "\\|"),
        count(of.openings),
        duration(of.open_s.0),
        count(rejected.bad),
        count(rejected.good),
        of.good_rejected_share.map_or("n/a".into(), percent),
        count(of.tally.admitted.bad),
        of.to_opening_s
            .map_or("n/a".into(), |to| duration(to.median.0)),
    ]
}
