//! The tables of the page.

use crate::replay::human::{count, duration, percent};
use crate::replay::report::{ConfigurationReport, OpeningReport, Report, Seconds};
use maud::{Markup, html};

/// A row of the table of configurations: its name, what it means, and the cell.
type Figure = (
    &'static str,
    &'static str,
    fn(&ConfigurationReport) -> String,
);

const FIGURES: [Figure; 11] = [
    ("Openings", "from closed to open", |of| count(of.openings)),
    ("Failed probings", "from half-open back to open", |of| {
        count(of.reopened)
    }),
    ("Time open", "", |of| duration(of.open_s.0)),
    ("Time half-open", "", |of| duration(of.half_open_s.0)),
    (
        "Calls spared",
        "rejected, and would have failed or been slow",
        |of| count(of.tally.rejected.bad),
    ),
    ("Bad calls admitted", "failed or slow", |of| {
        count(of.tally.admitted.bad)
    }),
    ("Good calls rejected", "", |of| {
        count(of.tally.rejected.good)
    }),
    ("Their share", "of all good calls", |of| {
        of.good_rejected_share.map_or("n/a".into(), percent)
    }),
    (
        "First failure to opening",
        "median; from that failure on, more than a fifth of the calls were bad",
        |of| {
            of.to_opening_s
                .map_or("n/a".into(), |to| duration(to.median.0))
        },
    ),
    ("Longest of them", "", |of| {
        of.to_opening_s
            .map_or("n/a".into(), |to| duration(to.longest.0))
    }),
    (
        "Others",
        "cancelled, or rejected when the log was recorded",
        |of| count(of.tally.others()),
    ),
];

pub(super) fn figures(report: &Report) -> Markup {
    html! {
        div.card.scroll {
            table.figures style=(format!("--many: {}", report.configurations.len())) {
                thead {
                    tr {
                        th scope="col" {}
                        @for of in &report.configurations { th scope="col" { (of.name) } }
                    }
                }
                tbody {
                    @for (name, about, cell) in FIGURES {
                        tr {
                            th scope="row" { (name) @if !about.is_empty() { small { (about) } } }
                            @for of in &report.configurations { td { (cell(of)) } }
                        }
                    }
                }
            }
        }
    }
}

/// How many openings are shown at once.
const SHOWN: usize = 8;

pub(super) fn openings(of: &ConfigurationReport, report: &Report) -> Markup {
    let (first, others) = of
        .first_openings
        .split_at(of.first_openings.len().min(SHOWN));
    html! {
        figure.card {
            header {
                h3 { (of.name) }
                @if of.openings == 0 { span.faint { "none" } }
            }
            @if !first.is_empty() { (list(first, report)) }
            @if !others.is_empty() {
                details {
                    summary { (count(others.len() as u64)) " more" }
                    (list(others, report))
                }
            }
            @if of.more_openings() > 0 {
                p.faint { (count(of.more_openings())) " later ones are not listed." }
            }
        }
    }
}

fn list(openings: &[OpeningReport], report: &Report) -> Markup {
    let keys = report.log.keys.is_some();
    html! {
        table.list {
            thead {
                tr {
                    th scope="col" { "opened at" }
                    @if keys { th.text scope="col" { "key" } }
                    th.text scope="col" { "cause" }
                    th.text scope="col" { "in the window" }
                    @for name in NUMBERS { th scope="col" { (name) } }
                }
            }
            tbody {
                @for opening in openings { (row(opening, report)) }
            }
        }
    }
}

/// The columns of numbers.
const NUMBERS: [&str; 5] = [
    "after first failure",
    "closed after",
    "failed probings",
    "spared",
    "good rejected",
];

fn row(opening: &OpeningReport, report: &Report) -> Markup {
    let lasted =
        |lasted: Option<Seconds>, none: &str| lasted.map_or(none.to_string(), |s| duration(s.0));
    let numbers = [
        lasted(opening.to_opening_s, "–"),
        lasted(opening.lasted_s, "not closed"),
        count(opening.reopened.into()),
        count(opening.spared),
        count(opening.good_rejected),
    ];
    html! {
        tr {
            td data-name="opened at" { (report.times.clock(opening.at_s.0.cast_signed())) }
            @if let Some(key) = &opening.key { td.text data-name="key" { (shown(key)) } }
            td.text data-name="cause" { (opening.cause) }
            td.text data-name="in the window" {
                (count(opening.failures)) " of " (count(opening.calls)) " failed"
                @if opening.slow > 0 { ", " (count(opening.slow)) " slow" }
            }
            @for (name, number) in NUMBERS.into_iter().zip(numbers) { td data-name=(name) { (number) } }
        }
    }
}

pub(super) fn keys(of: &ConfigurationReport) -> Markup {
    html! {
        figure.card {
            header {
                h3 { (of.name) }
                @if of.worst_keys.is_empty() { span.faint { "none" } }
            }
            @if !of.worst_keys.is_empty() {
                table.list {
                    thead {
                        tr {
                            th.text scope="col" { "key" }
                            @for name in ["openings", "time open", "calls", "spared", "good rejected"] {
                                th scope="col" { (name) }
                            }
                        }
                    }
                    tbody {
                        @for key in &of.worst_keys {
                            tr {
                                td.text data-name="key" { (shown(&key.key)) }
                                td data-name="openings" { (count(key.openings)) }
                                td data-name="time open" { (duration(key.open_s.0)) }
                                td data-name="calls" { (count(key.calls)) }
                                td data-name="spared" { (count(key.spared)) }
                                td data-name="good rejected" { (count(key.good_rejected)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn log(report: &Report) -> Markup {
    let log = &report.log;
    html! {
        div.card {
            p { code { (log.name) } ": " (count(log.lines)) " lines, " (count(log.calls)) " calls." }
            @if log.bad_lines == 0 {
                p { "Every line was read." }
            } @else {
                p {
                    strong { (count(log.bad_lines)) @if log.bad_lines == 1 { " bad line" } @else { " bad lines" } }
                    " left out:"
                }
                ul.lines {
                    @for bad in &log.first_bad_lines {
                        li { "line " (bad.line) ": " (bad.reason) }
                    }
                    @if log.bad_lines > log.first_bad_lines.len() as u64 {
                        li { "and " (count(log.bad_lines - log.first_bad_lines.len() as u64)) " more" }
                    }
                }
            }
        }
    }
}

fn shown(key: &str) -> &str {
    if key.is_empty() { "(empty)" } else { key }
}
