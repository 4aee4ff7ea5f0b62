//! How well the insight predicts: the figures by which each part of it is shown to work.
//!
//! A real breaker on a manual clock, with its insight. What happens to it is drawn; what the insight says is
//! compared with what was drawn.
#![expect(
    clippy::expect_used,
    reason = "what is measured is built here, and does what is planned"
)]

mod degraded;
mod eta;
mod health;
mod pattern;
mod trend;
mod watched;

use std::fmt::Write as _;
use std::ops::RangeInclusive;

/// A figure, and what it has to be.
#[derive(Debug)]
struct Figure {
    part: &'static str,
    /// Of what.
    of: String,
    name: &'static str,
    /// `None`: there was nothing to measure.
    value: Option<f64>,
    wanted: Option<RangeInclusive<f64>>,
}

impl Figure {
    fn is_met(&self) -> bool {
        let within = |value: f64| self.wanted.as_ref().is_none_or(|w| w.contains(&value));
        match self.value {
            Some(value) => within(value),
            None => self.wanted.is_none(),
        }
    }
}

/// Measures everything: with `seeds` 9 as published, with fewer on a part of it. Returns the table, and how many figures
/// are not as wanted.
pub(crate) fn measure(seeds: u64, threads: usize) -> (String, usize) {
    let parts: [fn(u64) -> Vec<Figure>; 5] = [
        eta::figures,
        trend::figures,
        pattern::figures,
        degraded::figures,
        health::figures,
    ];
    let measured = crate::grid::in_parallel(&parts, threads, |part| part(seeds));
    let figures: Vec<Figure> = measured.into_iter().flatten().collect();
    let missed = figures.iter().filter(|figure| !figure.is_met()).count();
    (table(&figures), missed)
}

fn table(figures: &[Figure]) -> String {
    let mut out =
        String::from("| part | of | figure | measured | wanted | |\n|---|---|---|--:|---|---|\n");
    for figure in figures {
        let value = figure.value.map_or("n/a".to_string(), short);
        let wanted = match &figure.wanted {
            None => String::new(),
            Some(w) if *w.start() == f64::NEG_INFINITY => format!("at most {}", short(*w.end())),
            Some(w) if *w.end() == f64::INFINITY => format!("at least {}", short(*w.start())),
            Some(w) => format!("{} to {}", short(*w.start()), short(*w.end())),
        };
        let met = match (figure.wanted.is_some(), figure.is_met()) {
            (false, _) => "",
            (_, true) => "met",
            (_, false) => "NOT MET",
        };
        let (part, of, name) = (figure.part, &figure.of, figure.name);
        // a `String` takes everything
        let _ = writeln!(
            out,
            "| {part} | {of} | {name} | {value} | {wanted} | {met} |"
        );
    }
    out
}

fn short(value: f64) -> String {
    if value.abs() >= 100.0 || value.fract() == 0.0 {
        format!("{value:.0}")
    } else if value.abs() >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

const fn at_least(least: f64) -> Option<RangeInclusive<f64>> {
    Some(least..=f64::INFINITY)
}

const fn at_most(most: f64) -> Option<RangeInclusive<f64>> {
    Some(f64::NEG_INFINITY..=most)
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests;
