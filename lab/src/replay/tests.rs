use super::testing::{configuration, log, ours, two_hosts};
use super::*;
use serde_json::Value;
use std::fs;
use tripcoil::{Backoff, Config, Outage};

#[test]
fn a_replay_is_repeatable() {
    let text = two_hosts(4000, "ill");
    let jittered = Config {
        open_for: Backoff::exponential(std::time::Duration::from_secs(1), 2.0).jitter(0.5),
        outage: Some(Outage::default()),
        ..Config::default()
    };
    let configurations = [
        configuration("adaptive", Config::adaptive()),
        configuration("jittered", jittered),
    ];
    let folder = tempfile::tempdir().expect("made");
    let log = log(&folder, &text, true);
    let once = |threads| {
        let report = replay(&log, &configurations, threads).expect("replayed");
        (
            serde_json::to_string(&report).expect("JSON"),
            page::render(&report),
        )
    };
    let first = once(1);
    assert_eq!(first, once(2));
    // and a seed of the user's own is kept
    let seeded: Config =
        serde_json::from_str(r#"{"open_for":{"base":"1s","jitter":0.5,"seed":7}}"#).expect("valid");
    assert_eq!(
        configuration("seeded", seeded)
            .settings
            .pointer("/open_for/seed"),
        Some(&Value::from(7))
    );
}

#[test]
fn the_table_and_the_files() {
    let folder = tempfile::tempdir().expect("made");
    let path = |name: &str| folder.path().join(name);
    fs::write(
        path("a.csv"),
        "time,duration_ms,status\n1700000000,5,200\n1700000001,5,500\nx,1,200\n",
    )
    .expect("written");
    let mut plan = Plan {
        source: Source::new(path("a.csv")),
        options: Options::default(),
        configurations: ours(),
        html: Some(path("a.html")),
        json: Some(path("a.json")),
        threads: 1,
    };
    let table = run(&plan).expect("replayed");
    assert!(
        table.contains("a.csv: 2 calls in 1.00 s from 2023-11-14 22:13:20.000 UTC; 1 failed\n"),
        "{table}"
    );
    assert!(
        table.contains("1 bad line of 3:\n  line 4: time: \"x\" is not a number\n"),
        "{table}"
    );
    assert!(
        table.contains(
            "| ours          |        0 |       0 s |      0 |             0 |           0 % |"
        ),
        "{table}"
    );
    assert!(table.ends_with(&format!("\n{}\n", report::CAVEAT)));
    let json: Value =
        serde_json::from_slice(&fs::read(path("a.json")).expect("there")).expect("JSON");
    assert_eq!(json["log"]["begins"], "2023-11-14T22:13:20Z");
    assert_eq!(json["log"]["first_bad_lines"][0]["line"], 4);
    assert_eq!(json["configurations"][0]["admitted"]["good"], 1);
    assert_eq!(
        json["configurations"][0]["settings"]["consecutive_failures"],
        3
    );
    let page = fs::read_to_string(path("a.html")).expect("there");
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("1 bad line"));

    // an error leaves what was there, and nothing else
    fs::write(path("a.csv"), "time,duration_ms\n").expect("written");
    assert!(run(&plan).is_err());
    assert_eq!(fs::read_to_string(path("a.html")).expect("there"), page);
    assert_eq!(fs::read_dir(folder.path()).expect("read").count(), 3);
    plan.html = Some(path("no/such/folder.html"));
    let error = run(&plan).expect_err("no folder").to_string();
    assert!(error.contains("folder.html: "), "{error}");
}
