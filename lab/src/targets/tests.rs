use super::*;
use crate::grid;
use crate::shape::catalogue;

fn shapes() -> Vec<Shape> {
    catalogue().expect("valid")
}

fn refused(text: &str) -> String {
    parse(text, &shapes()).expect_err("refused")
}

fn target(subject: &str, shape: &str, figure: &str, rest: &str) -> String {
    format!("[[target]]\nsubject = {subject:?}\nshape = {shape:?}\nfigure = {figure:?}\n{rest}\n")
}

#[test]
fn the_targets_of_the_lab_are_valid_and_of_the_crate() {
    let targets = parse(include_str!("../../targets.toml"), &shapes()).expect("valid");
    assert!(targets.len() > 20);
    for target in &targets {
        assert!(
            target.subject.source().starts_with("tripcoil: "),
            "{target:?}"
        );
    }
}

#[test]
fn what_is_wrong_has_its_key_and_what_there_is() {
    let refusal = refused(&target("defaults", "gc", "detect", "at_most = 1"));
    assert!(
        refusal.starts_with("target[0].subject: there is no \"defaults\"; known: default, tuned, ")
    );
    let refusal = refused(&target("default", "cg", "detect", "at_most = 1"));
    assert!(
        refusal.starts_with("target[0].shape") && refusal.contains("rand-hang"),
        "{refusal}"
    );
    let refusal = refused(&target("default", "gc", "speed", "at_most = 1"));
    assert!(
        refusal.starts_with("target[0].figure") && refusal.contains("good_rejected"),
        "{refusal}"
    );
    assert!(refused(&target("default", "gc", "detect", "")).contains("at_most and at_least"));
    assert!(
        refused(&target(
            "default",
            "gc",
            "detect",
            "at_most = 1\nat_least = 1"
        ))
        .contains("target[0]")
    );
    assert!(refused(&target("default", "gc", "detect", "most = 1")).contains("most"));
}

#[test]
fn a_target_that_is_missed_is_marked() {
    let text = [
        target("none", "k10-outage", "goodput", "at_least = 10"),
        target("none", "k10-outage", "goodput", "at_least = 99"),
        target("none", "k10-outage", "detect", "at_most = 1e9"),
        target("none", "k10-outage", "detect", "at_least = 3"),
        target("none", "k10-brown10", "detect", "at_most = 3"),
    ];
    let targets = parse(&text.concat(), &shapes()).expect("valid");
    let rows = rows(&targets, &shapes());
    assert_eq!(rows.len(), 2);
    let measured = grid::measure(&rows, 1, 1).expect("valid settings");
    let (report, missed) = report(&targets, &rows, &measured);
    let marks: Vec<bool> = report
        .lines()
        .map(|line| line.ends_with("NOT MET"))
        .collect();
    // "never" is more than any limit; what does not apply meets none
    assert_eq!(marks, [false, true, true, false, true], "{report}");
    assert_eq!(missed, 3);
}
