//! The figures as tables in Markdown: medians, each workload by side, and tripcoil's own ways.

use crate::picture::series;
use crate::report::{Circumstances, counted, number};
use crate::results::Results;
use crate::workloads::WORKLOADS;

/// When, on what, of what; and the tables.
pub(crate) fn text(about: &Circumstances, results: &Results) -> String {
    let mut out = format!(
        "Measured on {}: {}; {}. Nanoseconds a call as each thread sees it: the median of {} \
         rounds of {} ms.\n",
        about.day(),
        about.machine(),
        about.versions(),
        about.rounds,
        about.slice_ms
    );
    for &threads in &about.threads {
        let rows = by_workload(results, threads);
        if rows.len() > 1 {
            out += &format!("\n**{}**\n\n{}", counted(threads), table(&rows));
        }
    }
    out + "\n**A success, by handle, window and clock**\n\n" + &table(&by_way(about, results))
}

type Row = Vec<String>;

fn median(results: &Results, workload: &str, threads: usize, side: &str) -> Option<String> {
    Some(number(results.figure(workload, threads, side)?.median))
}

/// A row for each workload that was measured with so many threads.
fn by_workload(results: &Results, threads: usize) -> Vec<Row> {
    let series = series(results);
    let mut rows = vec![row("", series.iter().map(|s| s.name.to_owned()))];
    for workload in &WORKLOADS {
        let median = |side: &str| median(results, workload.name, threads, side);
        let medians: Vec<_> = (series.iter())
            .map(|s| median(s.side).or_else(|| median(&on_manual_clock(s.side))))
            .collect();
        if medians.iter().any(Option::is_some) {
            rows.push(row(workload.short, medians.into_iter().map(or_dash)));
        }
    }
    rows
}

/// In `trip` tripcoil is on the manual clock: no wait of a real one is as short.
fn on_manual_clock(side: &str) -> String {
    side.replace("/coarse", "/manual")
        .replace("/upkeep", "/manual")
}

/// A row for each handle and window, a column for each clock and number of threads.
fn by_way(about: &Circumstances, results: &Results) -> Vec<Row> {
    let columns = || {
        let clocks = ["coarse", "upkeep", "precise"].into_iter();
        clocks.flat_map(|clock| about.threads.iter().map(move |&threads| (clock, threads)))
    };
    let names = columns().map(|(clock, threads)| format!("{clock}, {}", counted(threads)));
    let mut rows = vec![row("", names)];
    for window in ["time", "count"] {
        for way in ["call", "acquire", "local"] {
            let medians = columns().map(|(clock, threads)| {
                let side = format!("tripcoil/{way}/{window}/{clock}");
                or_dash(median(results, "success", threads, &side))
            });
            rows.push(row(&format!("{way}, {window} window"), medians));
        }
    }
    rows
}

fn row(first: &str, rest: impl Iterator<Item = String>) -> Row {
    std::iter::once(first.to_owned()).chain(rest).collect()
}

fn or_dash(figure: Option<String>) -> String {
    figure.unwrap_or_else(|| "-".to_owned())
}

/// The first row is the head, and all columns but the first are numbers.
fn table(rows: &[Row]) -> String {
    let mut out = String::new();
    for (i, row) in rows.iter().enumerate() {
        out += &format!("| {} |\n", row.join(" | "));
        if i == 0 {
            out += &format!("|---|{}\n", "--:|".repeat(row.len() - 1));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{about, results};

    #[test]
    fn each_figure_stands_in_its_row_and_column() {
        let text = text(&about(), &results());
        let tables: Vec<&str> = text.split("\n**").collect();
        assert!(tables[0].starts_with("Measured on 2000-01-01: unknown, 2 logical CPUs;"));
        assert!(tables[0].contains("recloser 1."), "{text}");
        let head = "|  | tripcoil call | tripcoil local, upkeep | tripcoil adaptive | floor | recloser |\n\
                    |---|--:|--:|--:|--:|--:|\n";
        let one = head.to_owned() + "| success | 10.0 | - | - | 5.0 | 20.0 |\n";
        let two = head.to_owned() + "| success | 12.0 | - | - | 6.0 | - |\n";
        assert_eq!(tables[1], format!("1 thread**\n\n{one}"));
        assert_eq!(tables[2], format!("2 threads**\n\n{two}"));
        assert!(
            tables[3].contains("|  | coarse, 1 thread | coarse, 2 threads | upkeep, 1 thread |")
        );
        assert!(tables[3].contains("| call, time window | 10.0 | 12.0 | - | - | - | - |\n"));
    }
}
