use super::*;
use crate::time::SECOND;

fn refused(text: &str) -> String {
    let text = format!("about = \"a test\"\nends = \"60s\"\n{text}");
    Shape::parse("test", "test.toml", &text)
        .expect_err("refused")
        .to_string()
}

#[test]
fn every_file_is_in_the_catalogue() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/shapes");
    let files = std::fs::read_dir(dir).expect("read").map(|file| {
        let name = file
            .expect("read")
            .file_name()
            .into_string()
            .expect("UTF-8");
        name.strip_suffix(".toml").expect("a shape").to_string()
    });
    let mut files: Vec<String> = files.collect();
    let mut shapes: Vec<String> = catalogue()
        .expect("valid")
        .into_iter()
        .map(|s| s.name)
        .collect();
    files.sort();
    shapes.sort();
    assert_eq!(files, shapes);
}

#[test]
fn the_example_of_the_readme_is_valid() {
    let readme = include_str!("../../../README.md");
    let examples: Vec<&str> = readme
        .split("```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert!(!examples.is_empty());
    for text in examples {
        let shape = Shape::parse("example", "README.md", text).expect("valid");
        let scene = shape.scene(1);
        assert!(!scene.outages.is_empty() && scene.ends > SECOND);
    }
}

#[test]
fn outages_are_drawn_within_their_limits_and_differ() {
    let shapes = catalogue().expect("valid");
    let hang = shapes
        .iter()
        .find(|shape| shape.name == "rand-hang")
        .expect("in the catalogue");
    let mut begins = Vec::new();
    for seed in 1..200 {
        let scene = hang.scene(seed);
        let (from, to) = scene.outages[0];
        assert!((60 * SECOND..61 * SECOND).contains(&from));
        assert!((5 * SECOND..=120 * SECOND).contains(&(to - from)));
        assert_eq!(scene.ends, to + 60 * SECOND);
        begins.push(from);
    }
    begins.sort_unstable();
    begins.dedup();
    assert_eq!(begins.len(), 199);
}

#[test]
fn mistakes_are_shown_with_file_and_key() {
    let phase = |rest: &str| {
        format!("[[phase]]\nkind = \"outage\"\nbegins = \"1s\"\nlasts = \"1s\"\n{rest}")
    };
    for (text, error) in [
        (
            "[normal]\nfails = 1.5".to_string(),
            "normal.fails: 1.5 is not within 0 to 1",
        ),
        (
            "[normal]\nfails = nan".to_string(),
            "normal.fails: NaN is not within 0 to 1",
        ),
        (
            "[normal]\nrate = -1".to_string(),
            "normal.rate: -1 is not within 0 to 1000000",
        ),
        (
            "[normal]\nrate = 0".to_string(),
            "normal.rate: no call is ever made",
        ),
        (
            "[normal]\nfailed_in = \"20 parsecs\"".to_string(),
            "normal.failed_in: \"20 parsecs\" is not a duration such as \"250ms\"",
        ),
        (
            "[normal]\nlatency = { exponential = \"1s\", constant = \"1s\" }".to_string(),
            "normal.latency: wants one of",
        ),
        (
            "[normal]\nlatency = { uniform = [\"2s\", \"1s\"] }".to_string(),
            "normal.latency.uniform: the first is longer",
        ),
        (
            "[normal]\ncapacity = 3".to_string(),
            "normal.capacity: there is no server",
        ),
        (
            "[client]\nattempts = 0".to_string(),
            "client.attempts: 0 is not within 1 to 16",
        ),
        (
            "[client]\npatience = \"0s\"".to_string(),
            "client.patience: has to be above zero",
        ),
        (
            phase("fails = { from = 0, to = 7 }"),
            "phase[0].fails: 7 is not within 0 to 1",
        ),
        (
            phase("repeat = { times = 0, every = \"1s\" }"),
            "phase[0].repeat.times: 0 is not within",
        ),
        (
            phase("repeat = { times = 100000, every = \"1h\" }"),
            "phase[0].repeat.every: all of them together are longer than a week",
        ),
        (
            "theta = 2".to_string(),
            "theta: 2 is not within 0.01 to 0.9",
        ),
    ] {
        let refusal = refused(&text);
        assert!(
            refusal.starts_with(&format!("test.toml: {error}")),
            "{refusal}"
        );
    }
    let steady = refused("[normal]\nfails = { from = 0, to = 1 }");
    assert_eq!(
        steady,
        "test.toml: normal.fails: changes only within a phase"
    );
    let stalls = refused("[normal]\nstalls = true");
    assert!(
        stalls.starts_with("test.toml: normal.stalls: only a phase"),
        "{stalls}"
    );
    // keys that serde refuses
    for (text, key, word) in [
        (phase("failed = 1"), "phase[0]", "unknown field `failed`"),
        (
            "[normal]\nfail = 1".to_string(),
            "normal",
            "unknown field `fail`",
        ),
        (
            "[normal]\nfails = \"often\"".to_string(),
            "normal.fails",
            "expected a number, or { from = 0, to = 1 }",
        ),
        (
            "[[phase]]\nkind = \"outrage\"\nbegins = \"1s\"\nlasts = \"1s\"".to_string(),
            "phase[0].kind",
            "outrage",
        ),
        (
            "[[phase]]\nkind = \"outage\"\nbegins = 1\nlasts = \"1s\"".to_string(),
            "phase[0].begins",
            "expected a duration",
        ),
        (
            "[[phase]]\nkind = \"outage\"\nlasts = \"1s\"".to_string(),
            "phase[0]",
            "missing field `begins`",
        ),
    ] {
        let refusal = refused(&text);
        assert!(
            refusal.starts_with(&format!("test.toml: {key}")) && refusal.contains(word),
            "{refusal}"
        );
    }
    assert!(
        refused("[normal").starts_with("test.toml: line 3"),
        "{}",
        refused("[normal")
    );
}

#[test]
fn a_day_has_to_end_and_to_fit_into_memory() {
    let error = |text: &str| {
        Shape::parse("t", "t.toml", text)
            .expect_err("refused")
            .to_string()
    };
    assert!(error("about = \"x\"").contains("missing field `ends`"));
    assert!(error("about = \"x\"\nends = \"0s\"").contains("ends: a day has to last"));
    assert!(
        error("about = \"x\"\nends = { after_last = \"1s\" }").contains("ends: there is no phase")
    );
    assert!(
        error("about = \"x\"\nends = \"101s\"\n[normal]\nrate = 100000")
            .contains("more than 10000000 calls")
    );
}
