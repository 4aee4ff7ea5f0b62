//! Targets: what a figure has to keep to, as data in TOML.

use crate::figures::{Figure, Figures, Kind, Spread, badness};
use crate::grid::{Measured, Row};
use crate::shape::Shape;
use crate::subject::Entry;
use crate::table::text;
use serde::Deserialize;
use std::fmt::Write as _;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    target: Vec<Written>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    subject: String,
    shape: String,
    figure: String,
    #[serde(default)]
    of: Of,
    at_most: Option<f64>,
    at_least: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Of {
    #[default]
    Median,
    P90,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

#[derive(Debug)]
pub(crate) struct Target {
    subject: Entry,
    shape: String,
    figure: Kind,
    of: Of,
    limit: Limit,
}

/// Reads targets; the error says which of them is wrong, and what there is.
pub(crate) fn parse(text: &str, shapes: &[Shape]) -> Result<Vec<Target>, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
    let targets = file.target.iter().enumerate().map(|(i, written)| {
        let key = |key: &str| format!("target[{i}].{key}");
        let subject = Entry::find(&written.subject).ok_or_else(|| {
            unknown(
                &key("subject"),
                &written.subject,
                Entry::all().map(Entry::name),
            )
        })?;
        let shape = shapes
            .iter()
            .find(|shape| shape.name == written.shape)
            .ok_or_else(|| {
                unknown(
                    &key("shape"),
                    &written.shape,
                    shapes.iter().map(|s| s.name.as_str()),
                )
            })?;
        let figure = Kind::ALL
            .into_iter()
            .find(|kind| kind.name() == written.figure)
            .ok_or_else(|| unknown(&key("figure"), &written.figure, Kind::ALL.map(Kind::name)))?;
        let limit = match (written.at_most, written.at_least) {
            (Some(most), None) => Limit::AtMost(most),
            (None, Some(least)) => Limit::AtLeast(least),
            _ => return Err(format!("target[{i}]: wants one of at_most and at_least")),
        };
        Ok(Target {
            subject,
            shape: shape.name.clone(),
            figure,
            of: written.of,
            limit,
        })
    });
    targets.collect()
}

/// Says that there is no such thing, and which there are.
pub(crate) fn unknown<'a>(
    what: &str,
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    format!("{what}: there is no {name:?}; known: {}", known.join(", "))
}

/// Returns what has to be measured for the targets.
pub(crate) fn rows(targets: &[Target], shapes: &[Shape]) -> Vec<Row> {
    let row = |shape: &Shape| {
        let mut subjects: Vec<Entry> = Vec::new();
        for target in targets.iter().filter(|target| target.shape == shape.name) {
            if !subjects.contains(&target.subject) {
                subjects.push(target.subject);
            }
        }
        (!subjects.is_empty()).then(|| Row {
            shape: shape.clone(),
            subjects,
        })
    };
    shapes.iter().filter_map(row).collect()
}

impl Target {
    fn days<'a>(&self, rows: &[Row], measured: &'a [Measured]) -> &'a [Figures] {
        let row = rows.iter().position(|row| row.shape.name == self.shape);
        let at = row.and_then(|row| {
            let subject = rows[row]
                .subjects
                .iter()
                .position(|subject| *subject == self.subject)?;
            Some((row, subject))
        });
        at.map_or(&[], |(row, subject)| measured[row][subject].as_slice())
    }

    fn figure(&self, days: &[Figures]) -> Figure {
        let spread = Spread::of(self.figure, days);
        match self.of {
            Of::Median => spread.median,
            Of::P90 => spread.p90,
        }
    }

    /// "Never" is larger than any limit, and what does not apply meets none.
    fn is_met(&self, figure: Figure) -> bool {
        match (figure, self.limit) {
            (Figure::Is(value), Limit::AtMost(most)) => value <= most,
            (Figure::Is(value), Limit::AtLeast(least)) => value >= least,
            (Figure::Never, Limit::AtLeast(_)) => badness(self.figure, figure) > 0.0,
            _ => false,
        }
    }
}

/// Returns a line for each target, and how many are not met.
pub(crate) fn report(targets: &[Target], rows: &[Row], measured: &[Measured]) -> (String, usize) {
    let (mut out, mut missed) = (String::new(), 0);
    for target in targets {
        let figure = target.figure(target.days(rows, measured));
        let of = match target.of {
            Of::Median => "median",
            Of::P90 => "p90",
        };
        let limit = match target.limit {
            Limit::AtMost(limit) => format!("at most {limit}"),
            Limit::AtLeast(limit) => format!("at least {limit}"),
        };
        let met = target.is_met(figure);
        missed += usize::from(!met);
        let mark = if met { "" } else { "  NOT MET" };
        // writing into a string cannot fail
        let _ = writeln!(
            out,
            "{:10} {:20} {:15} {of:6} {:>10}  {limit}{mark}",
            target.subject.name(),
            target.shape,
            target.figure.name(),
            text(target.figure, figure),
        );
    }
    (out, missed)
}

#[cfg(test)]
mod tests;
