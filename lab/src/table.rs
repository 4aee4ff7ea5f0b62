//! The figures as tables in Markdown, and as JSON.

use crate::figures::{Figure, Kind, Spread};
use crate::grid::{Measured, Row};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// Returns one table for each shape.
pub(crate) fn markdown(rows: &[Row], measured: &[Measured]) -> String {
    let mut out = String::new();
    for (row, figures) in rows.iter().zip(measured) {
        if !out.is_empty() {
            out.push('\n');
        }
        let titles: Vec<&str> = Kind::ALL.iter().map(|kind| kind.title()).collect();
        // writing into a string cannot fail
        let _ = writeln!(out, "### {}\n\n{}\n", row.shape.name, row.shape.about());
        let _ = writeln!(out, "| subject | {} |", titles.join(" | "));
        let _ = writeln!(out, "|---|{}", "---|".repeat(titles.len()));
        for (subject, days) in row.subjects.iter().zip(figures) {
            let cells: Vec<String> = Kind::ALL
                .iter()
                .map(|kind| cell(*kind, Spread::of(*kind, days)))
                .collect();
            let _ = writeln!(out, "| {} | {} |", subject.name(), cells.join(" | "));
        }
    }
    out
}

/// Returns `median / p90`, or one of them if they read the same.
fn cell(kind: Kind, spread: Spread) -> String {
    let (median, p90) = (text(kind, spread.median), text(kind, spread.p90));
    if median == p90 {
        median
    } else {
        format!("{median} / {p90}")
    }
}

pub(crate) fn text(kind: Kind, figure: Figure) -> String {
    match figure {
        Figure::NotApplicable => "n/a".to_string(),
        Figure::Never => "never".to_string(),
        Figure::Is(value) => format!("{value:.*}", kind.digits()),
    }
}

/// Returns all figures: `null` is "n/a".
pub(crate) fn json(rows: &[Row], measured: &[Measured], seeds: u64) -> Value {
    let shapes = rows.iter().zip(measured).map(|(row, figures)| {
        let subjects = row.subjects.iter().zip(figures).map(|(subject, days)| {
            let figures = Kind::ALL.iter().map(|kind| {
                let Spread { median, p90 } = Spread::of(*kind, days);
                let all: Vec<Value> = days.iter().map(|day| value(kind.of(day))).collect();
                let figure = json!({ "median": value(median), "p90": value(p90), "seeds": all });
                (kind.name().to_string(), figure)
            });
            json!({ "subject": subject.name(), "figures": Value::Object(figures.collect::<Map<_, _>>()) })
        });
        json!({ "shape": row.shape.name, "subjects": subjects.collect::<Vec<_>>() })
    });
    json!({ "seeds": seeds, "shapes": shapes.collect::<Vec<_>>() })
}

fn value(figure: Figure) -> Value {
    match figure {
        Figure::NotApplicable => Value::Null,
        Figure::Never => "never".into(),
        Figure::Is(value) => value.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Figures;
    use crate::shape::Shape;
    use crate::subject::Entry;

    fn day(detect: Figure, wasted: f64) -> Figures {
        Figures {
            detect,
            wasted: Figure::Is(wasted),
            recover: Figure::Is(0.04),
            good_rejected: Figure::NotApplicable,
            goodput: Figure::Is(99.96),
            probes: Figure::Is(1.0),
            false_openings: Figure::Is(0.0),
        }
    }

    fn measured() -> (Vec<Row>, Vec<Measured>) {
        let text = "about = \"A short day.\"\nends = \"1s\"";
        let row = Row {
            shape: Shape::parse("short", "short.toml", text).expect("valid"),
            subjects: vec![Entry::find("none").expect("in the list")],
        };
        let days = vec![
            day(Figure::Is(0.5), 3.0),
            day(Figure::Never, 1.0),
            day(Figure::Is(1.5), 2.4),
        ];
        (vec![row], vec![vec![days]])
    }

    #[test]
    fn a_row_shows_the_median_and_the_second_worst() {
        let (rows, measured) = measured();
        let table = markdown(&rows, &measured);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[..3], ["### short", "", "A short day."]);
        assert_eq!(lines[4].matches('|').count(), lines[6].matches('|').count());
        // of three days, the second worst is the median
        assert_eq!(
            lines[6],
            "| none | 1.50 | 2 | 0.0 | n/a | 100.0 | 1.00 | 0 |"
        );
        assert_eq!(lines.len(), 7);
    }

    #[test]
    fn json_has_each_day() {
        let (rows, measured) = measured();
        let json = json(&rows, &measured, 3);
        assert_eq!(json["seeds"], 3);
        let subject = &json["shapes"][0]["subjects"][0];
        assert_eq!(subject["subject"], "none");
        let figures = &subject["figures"];
        assert_eq!(figures["detect"]["seeds"], json!([0.5, "never", 1.5]));
        assert_eq!(figures["wasted"]["median"], 2.4);
        assert_eq!(
            figures["good_rejected"],
            json!({ "median": null, "p90": null, "seeds": [null, null, null] })
        );
    }

    #[test]
    fn two_that_read_the_same_are_shown_once() {
        let spread = |median, p90| Spread {
            median: Figure::Is(median),
            p90: Figure::Is(p90),
        };
        assert_eq!(cell(Kind::Recover, spread(1.01, 1.04)), "1.0");
        assert_eq!(cell(Kind::Recover, spread(1.0, 2.0)), "1.0 / 2.0");
    }
}
