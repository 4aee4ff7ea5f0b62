//! What the tests of replays share.

use super::{Configuration, Report, replay};
use crate::log::{self, Columns, Log, Options, Source};
use indicatif::ProgressBar;
use std::fmt::Write as _;
use tempfile::TempDir;
use tripcoil::{Backoff, Config, HalfOpen};

pub(super) fn log(folder: &TempDir, text: &str, key: bool) -> Log {
    let path = folder.path().join("a.csv");
    std::fs::write(&path, text).expect("written");
    let options = Options {
        columns: Columns {
            status: None,
            outcome: Some("outcome".into()),
            key: key.then(|| "key".into()),
            ..Columns::default()
        },
        ..Options::default()
    };
    log::read(&Source::new(path), &options, &ProgressBar::hidden()).expect("read")
}

pub(super) fn played(text: &str, key: bool, configurations: &[Configuration]) -> Report {
    let folder = tempfile::tempdir().expect("made");
    replay(&log(&folder, text, key), configurations, 2).expect("replayed")
}

/// Trips at three failures in a row, waits for five seconds, and closes after two good probes.
pub(super) fn three_in_a_row() -> Config {
    Config {
        failure_rate: None,
        consecutive_failures: Some(3),
        open_for: Backoff::constant(std::time::Duration::from_secs(5)),
        half_open: HalfOpen::successes(2),
        ..Config::default()
    }
}

pub(super) fn configuration(name: &str, config: Config) -> Configuration {
    Configuration::new(name, config).expect("valid")
}

pub(super) fn ours() -> Vec<Configuration> {
    vec![configuration("ours", three_in_a_row())]
}

/// Two hosts that share nothing, one of which fails in the middle.
pub(super) fn two_hosts(calls: u64, name: &str) -> String {
    let mut text = String::from("time,duration_ms,outcome,key\n");
    for n in 0..calls {
        let at = n as f64 / 50.0;
        let fails = n % 2 == 0 && (calls / 3..calls / 2).contains(&n);
        let (outcome, key) = (
            if fails { "overload" } else { "success" },
            if n % 2 == 0 { name } else { "well" },
        );
        let _ = writeln!(text, "{at},{},{outcome},{key}", n % 17);
    }
    text
}
