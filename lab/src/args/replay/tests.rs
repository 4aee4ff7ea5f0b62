use crate::args::{Command, parse};
use crate::log::{Format, Source};
use crate::replay::Plan;

fn plan(args: &[&str]) -> Plan {
    match parse(args).expect("valid").command {
        Command::Replay(plan) => *plan,
        other => panic!("{other:?}"),
    }
}

fn refused(args: &[&str]) -> String {
    parse(args).expect_err("refused").to_string()
}

#[test]
fn the_defaults() {
    let plan = plan(&["replay", "a.csv"]);
    let names: Vec<&str> = plan
        .configurations
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(names, ["default", "adaptive"]);
    assert_eq!(plan.source, Source::File("a.csv".into()));
    let columns = &plan.options.columns;
    assert_eq!(
        (columns.time.as_str(), columns.duration.as_str()),
        ("time", "duration_ms")
    );
    assert_eq!(
        (columns.status.as_deref(), columns.outcome.as_deref()),
        (Some("status"), None)
    );
    assert!(plan.html.is_none() && plan.json.is_none() && !columns.ends);
}

#[test]
fn every_option_arrives() {
    let plan = plan(&[
        "replay",
        "--time",
        "ts",
        "--duration=took",
        "--outcome",
        "fate",
        "--key",
        "host",
        "--ends",
        "--time-unit",
        "ms",
        "--duration-unit=s",
        "--format",
        "jsonl",
        "--delimiter",
        "tab",
        "--html",
        "a.html",
        "--json",
        "a.json",
        "--config",
        "adaptive",
        "-",
    ]);
    let columns = &plan.options.columns;
    assert_eq!(plan.source, Source::StandardInput);
    assert_eq!(
        (columns.time.as_str(), columns.duration.as_str()),
        ("ts", "took")
    );
    assert_eq!(
        (columns.status.as_deref(), columns.outcome.as_deref()),
        (None, Some("fate"))
    );
    assert_eq!((columns.key.as_deref(), columns.ends), (Some("host"), true));
    assert_eq!(
        (plan.options.format, plan.options.delimiter),
        (Some(Format::JsonLines), Some(b'\t'))
    );
    assert_eq!(plan.configurations.len(), 1);
    assert!(plan.html.is_some() && plan.json.is_some());
}

#[test]
fn both_an_outcome_and_a_status_if_both_are_given() {
    let plan = plan(&["replay", "a", "--outcome", "o", "--status", "s"]);
    assert_eq!(plan.options.columns.status.as_deref(), Some("s"));
}

#[test]
fn statuses_may_be_grpc_codes() {
    assert!(!plan(&["replay", "a"]).options.columns.grpc);
    assert!(plan(&["replay", "a", "--grpc"]).options.columns.grpc);
    let error = refused(&["replay", "a", "--grpc", "--outcome", "o"]);
    assert!(
        error.contains("--grpc is for a column of statuses"),
        "{error}"
    );
    assert!(refused(&["table", "--grpc"]).contains("table takes no --grpc"));
}

#[test]
fn what_is_wrong_is_said() {
    assert!(refused(&["replay"]).contains("wants one log"));
    assert!(refused(&["replay", "a", "b"]).contains("wants one log"));
    assert!(refused(&["replay", "a", "--seeds", "2"]).contains("replay takes no --seeds"));
    assert!(refused(&["table", "--key", "k"]).contains("table takes no --key"));
    assert!(refused(&["replay", "a", "--config", "adaptiv"]).contains("known: default, adaptive"));
    assert!(
        refused(&["replay", "a", "--config", "default", "--config", "default"])
            .contains("\"default\" already")
    );
    assert!(refused(&["replay", "a", "--time-unit", "h"]).contains("s, ms, us, ns"));
    assert!(refused(&["replay", "a", "--format", "xml"]).contains("neither csv nor jsonl"));
    assert!(
        refused(&["replay", "a", "--delimiter", "::"])
            .contains("neither one ASCII character nor tab")
    );
    assert!(refused(&["replay", "a", "--html", "a"]).contains("is the log itself"));
    assert!(refused(&["replay", "a", "--html", "b", "--json", "b"]).contains("different files"));
    assert!(matches!(
        parse(["replay", "--help"]).expect("valid").command,
        Command::ReplayHelp
    ));
}

#[test]
fn several_configurations() {
    let folder = tempfile::tempdir().expect("made");
    let file = folder.path().join("a,b.toml");
    std::fs::write(&file, "failure_rate = 0.2\n").expect("written");
    let named = format!("mine={}", file.display());
    let plan = plan(&[
        "replay",
        "a",
        "--config",
        "adaptive,default",
        "--config",
        &named,
    ]);
    let names: Vec<&str> = plan
        .configurations
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(names, ["adaptive", "default", "mine"]);
    assert!(
        refused(&["replay", "a", "--config", "default,,adaptive"]).contains("there is no \"\"")
    );
}

#[test]
fn no_file_that_is_read_is_written() {
    let folder = tempfile::tempdir().expect("made");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (log, config) = (path("a.csv"), path("a.toml"));
    std::fs::write(&log, "").expect("written");
    std::fs::write(&config, "failure_rate = 0.2\n").expect("written");
    let mut same = vec![path("./a.csv")];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("a.csv", path("link")).expect("made");
        same.push(path("link"));
    }
    for spelled in same {
        for command in ["replay", "advise"] {
            let error = refused(&[command, &log, "--json", &spelled]);
            assert!(error.contains("is the log itself"), "{error}");
        }
        let error = refused(&["replay", &spelled, "--html", &log]);
        assert!(error.contains("is the log itself"), "{error}");
    }
    let error = refused(&[
        "replay",
        &log,
        "--config",
        &config,
        "--json",
        &path("./a.toml"),
    ]);
    assert!(error.contains("is the --config file"), "{error}");
    let error = refused(&["replay", "a", "--html", "no-such", "--json", "./no-such"]);
    assert!(error.contains("different files"), "{error}");
}
