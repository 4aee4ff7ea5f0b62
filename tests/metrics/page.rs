//! The tables of `docs/opentelemetry.md`, against what is exported.

use super::{Exporter, build, fleet};
use prometheus_parse::Value;
use std::collections::{BTreeMap, BTreeSet};
use tripcoil::metrics::RegistryPublisher;

const PAGE: &str = include_str!("../../docs/opentelemetry.md");

/// The instrument, and the attributes.
type Row = (String, BTreeSet<String>);

fn code(cell: &str) -> String {
    cell.trim().trim_matches('`').to_owned()
}

/// An attribute's name, of a label.
fn attribute(label: &str) -> String {
    match label {
        "kind" => "error.type".to_owned(),
        other => format!("tripcoil.{other}"),
    }
}

/// Name and unit, by the rule of the page.
fn dotted(name: &str) -> (String, Option<&'static str>) {
    let name = name.strip_suffix("_total").unwrap_or(name);
    let (name, unit) = match name.strip_suffix("_per_second") {
        Some(rest) => (rest, Some("{call}/s")),
        None => match name.strip_suffix("_seconds") {
            Some(rest) => (rest, Some("s")),
            None => (name, None),
        },
    };
    let dotted = name
        .replacen("tripcoil_registry_", "tripcoil.registry.", 1)
        .replacen("tripcoil_fleet_", "tripcoil.fleet.", 1);
    (dotted.replacen("tripcoil_", "tripcoil.", 1), unit)
}

#[test]
fn the_page_lists_every_metric_with_its_labels() {
    let exporter = Exporter::new();
    let (breaker, _controller, _clock) = build("db", |b| b.durations(true));
    let _ = breaker.call(|| Ok::<_, ()>(()));
    let _publisher = exporter.with_insight(&breaker);
    let _registry =
        metrics::with_local_recorder(&exporter.recorder, || RegistryPublisher::new("tenants"));
    let _fleet = fleet::idle(&exporter);
    let mut exported: BTreeMap<String, Row> = BTreeMap::new();
    for sample in exporter.page().samples {
        let instrument = match sample.value {
            Value::Counter(_) => "counter",
            Value::Gauge(_) => "gauge",
            Value::Histogram(_) => "histogram",
            // the rest of a histogram
            _ => continue,
        };
        let row = exported.entry(sample.metric).or_default();
        row.0 = instrument.to_owned();
        let labels = sample.labels.keys().filter(|label| *label != "le");
        row.1.extend(labels.map(|label| attribute(label)));
    }
    assert!(exported.len() > 30, "{exported:#?}");

    let mut listed: BTreeMap<String, Row> = BTreeMap::new();
    for line in PAGE.lines().filter(|line| line.starts_with("| `tripcoil_")) {
        let cells: Vec<_> = line.trim_matches('|').split('|').collect();
        let [name, otel, instrument, unit, attributes] = cells[..] else {
            panic!("five cells: {line}");
        };
        let (name, unit) = (code(name), code(unit));
        let (expected, fixed) = dotted(&name);
        assert_eq!(code(otel), expected);
        let counted = unit == "1" || (unit.starts_with('{') && unit.ends_with('}'));
        assert!(fixed.map_or(counted, |fixed| fixed == unit), "{line}");
        let row = (code(instrument), attributes.split(',').map(code).collect());
        assert!(listed.insert(name, row).is_none(), "twice: {line}");
    }
    assert_eq!(listed, exported);
}
