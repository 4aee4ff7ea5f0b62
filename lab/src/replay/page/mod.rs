//! The report as a page with everything in it: it loads nothing, and runs no script.

mod chart;
mod tables;

use super::human::{count, duration, percent};
use super::report::{ConfigurationReport, Report};
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("style.css");

/// A page from a log of anyone's must not load or run anything, whatever its texts hold.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

pub(super) fn render(report: &Report) -> String {
    let name = file_name(&report.log.name);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Replay of " (name) }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "Replay of " (name) }
                p.faint { (summary(report)) }
                (headlines(report))
                p.note { strong { "Read with care. " } (report.caveat) }
                h2 { "Configurations" }
                (tables::figures(report))
                h2 { "Timeline" }
                (timelines(report))
                h2 { "Openings" }
                @for of in &report.configurations {
                    (tables::openings(of, report))
                }
                @if report.log.keys.is_some() {
                    h2 { "Keys with most openings" }
                    @for of in &report.configurations {
                        (tables::keys(of))
                    }
                }
                h2 { "The log" }
                (tables::log(report))
                h2 { "Settings" }
                @for of in &report.configurations {
                    details.card {
                        summary { (of.name) }
                        pre { (format!("{:#}", of.settings)) }
                    }
                }
                footer { "Written by tripcoil-lab replay." }
            }
        }
    };
    page.into_string()
}

/// Without its folders.
fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

fn summary(report: &Report) -> String {
    let end = report.log.lasts_s.0.cast_signed();
    format!("{} to {}", report.times.full(0), report.times.full(end))
}

fn headlines(report: &Report) -> Markup {
    let log = &report.log;
    let known = log.calls - log.rejected;
    let failed = if known > 0 {
        percent(log.failed as f64 / known as f64)
    } else {
        "n/a".into()
    };
    html! {
        div.cards {
            div.card {
                span.big { (count(log.calls)) }
                span.what { "calls in " (duration(log.lasts_s.0)) @if let Some(keys) = log.keys { ", " (count(keys)) " keys" } }
            }
            div.card {
                span.big { (failed) }
                span.what { "failed: " (count(log.failed)) " calls" @if log.rejected > 0 { "; " (count(log.rejected)) " were rejected when it was recorded" } }
            }
            @for of in &report.configurations {
                div.card.wide {
                    span.name { (of.name) }
                    span.big { (spared(of)) small { " spared" } }
                    span.what {
                        "of " (count(of.tally.rejected.bad + of.tally.admitted.bad)) " bad calls; "
                        (count(of.tally.rejected.good)) " good ones rejected ("
                        (of.good_rejected_share.map_or("n/a".into(), percent)) ")"
                    }
                }
            }
        }
    }
}

/// The share of the bad calls that was spared.
fn spared(of: &ConfigurationReport) -> String {
    let bad = of.tally.rejected.bad + of.tally.admitted.bad;
    if bad == 0 {
        return "nothing".into();
    }
    percent(of.tally.rejected.bad as f64 / bad as f64)
}

fn timelines(report: &Report) -> Markup {
    let keys = report.log.keys.unwrap_or(1);
    let any = |class: &str| {
        let layer = chart::LAYERS.iter().find(|layer| layer.class == class);
        let configurations = &report.configurations;
        let shown = |of: &ConfigurationReport| layer.is_some_and(|layer| layer.is_in(&of.timeline));
        configurations.iter().any(shown)
    };
    html! {
        (chart::patterns())
        ul.legend {
            @for layer in &chart::LAYERS {
                @if any(layer.class) {
                    li { i class=(layer.class) {} (layer.name) }
                }
            }
            @for (class, name) in [("closed", "closed"), ("open", "open"), ("half-open", "half-open")] {
                li { i class=(class) {} "breaker " (name) }
            }
            @if keys > 1 { li { "the more of the keys' breakers are open, the stronger the band" } }
        }
        @for of in &report.configurations {
            figure.card {
                header {
                    h3 { (of.name) }
                    span.faint { (opened(of)) }
                }
                (chart::chart(&of.timeline, report.times, keys, &format!("Calls and states with {}", of.name)))
            }
        }
    }
}

fn opened(of: &ConfigurationReport) -> String {
    match of.openings {
        0 if of.open_s.0 == 0 => "it never opened".into(),
        1 => format!("1 opening, open for {}", duration(of.open_s.0)),
        n => format!("{} openings, open for {}", count(n), duration(of.open_s.0)),
    }
}

#[cfg(test)]
mod tests;
