//! What is near, and how it is printed.

use super::*;

const KNOWN: [&str; 7] = [
    "window.time",
    "window.buckets",
    "failure_rate",
    "failure_count",
    "open_for",
    "open_for.base",
    "half_open.max_probes",
];

#[test]
fn what_is_near_is_meant() {
    for (unknown, meant) in [
        ("failure_raet", Some("failure_rate")),
        ("FAILURE-RATE", Some("failure_rate")),
        ("failure_rates", Some("failure_rate")),
        ("failurecount", Some("failure_count")),
        ("WINDOW_BUCKET", Some("window.buckets")),
        ("buckets", Some("window.buckets")),
        ("max_probe", None),
        ("max_probes", Some("half_open.max_probes")),
        ("rate", Some("failure_rate")),
        ("window", Some("window.time")),
        ("openfor", Some("open_for")),
        ("failure_rate_", Some("failure_rate")),
        ("password", None),
        ("url", None),
        ("", None),
        ("_", None),
    ] {
        assert_eq!(nearest(unknown, KNOWN.into_iter()), meant, "{unknown:?}");
    }
}

#[test]
fn what_comes_from_outside_forges_nothing() {
    assert_eq!(printable("DB_FAILURE_RATE"), "DB_FAILURE_RATE");
    assert_eq!(printable(""), "\"\"");
    assert_eq!(printable("a\nb"), "\"a\\nb\"");
    assert_eq!(quoted(""), "\"\"");
    assert_eq!(
        quoted("fast\u{202e}\t\u{1b}[31m\""),
        "\"fast\\u{202e}\\t\\u{1b}[31m\\\"\""
    );
    let long = "ü".repeat(101);
    assert_eq!(quoted(&long), format!("{:?}...", "ü".repeat(100)));
    assert_eq!(quoted(&long[2..]), format!("{:?}", "ü".repeat(100)));
}
