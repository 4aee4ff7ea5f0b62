//! The thread that watches the file.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use tempfile::TempDir;
use tripcoil::Breaker;
use tripcoil::live::{Live, ReloadError, Watching};

/// Nothing here is timed: it is only for a watcher that never reports.
const NEVER: Duration = Duration::from_secs(60);
const EVERY: Duration = Duration::from_millis(10);

struct Rig {
    folder: TempDir,
    file: PathBuf,
    mail: Breaker,
    live: Live,
    reports: Receiver<String>,
    watching: Watching,
}

fn text(run: u32) -> String {
    format!("[default]\nconsecutive_failures = {run}\n")
}

fn rig() -> Rig {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("breakers.toml");
    fs::write(&file, text(3)).unwrap();
    let live = Live::open(&file).unwrap();
    let (mail, _controller) = live.build("mail").unwrap();
    let (sender, reports) = channel();
    let watching = live
        .watch(EVERY, move |reload| {
            let said = match reload {
                Ok(reload) => reload.to_string(),
                Err(error) => error.to_string(),
            };
            let _ = sender.send(said);
        })
        .unwrap();
    Rig {
        folder,
        file,
        mail,
        live,
        reports,
        watching,
    }
}

impl Rig {
    fn next(&self) -> String {
        self.reports.recv_timeout(NEVER).expect("it reports")
    }

    fn run(&self) -> Option<u32> {
        self.mail.observer().config().consecutive_failures
    }
}

fn replace(file: &Path, text: &str) {
    let beside = file.with_extension("new");
    fs::write(&beside, text).unwrap();
    fs::rename(&beside, file).unwrap();
}

#[test]
fn a_file_may_be_written_replaced_and_deleted() {
    let rig = rig();
    fs::write(&rig.file, text(4)).unwrap();
    assert_eq!(rig.next(), "new rules for \"mail\"");
    assert_eq!(rig.run(), Some(4));
    replace(&rig.file, &text(0));
    assert!(rig.next().starts_with("invalid breaker settings in "));
    assert_eq!(rig.run(), Some(4));
    fs::remove_file(&rig.file).unwrap();
    assert!(rig.next().starts_with("could not read"));
    replace(&rig.file, &text(6));
    assert_eq!(rig.next(), "new rules for \"mail\"");
    assert_eq!(rig.run(), Some(6));
    // all was reported once
    assert!(rig.reports.try_recv().is_err());
    drop(rig.folder);
}

/// As a mounted configuration is changed.
#[cfg(unix)]
#[test]
fn a_link_may_be_replaced() {
    let rig = rig();
    let (one, other) = (rig.folder.path().join("1"), rig.folder.path().join("2"));
    fs::write(&one, text(4)).unwrap();
    fs::write(&other, text(5)).unwrap();
    for (target, run) in [(&one, 4), (&other, 5)] {
        let link = rig.file.with_extension("link");
        std::os::unix::fs::symlink(target, &link).unwrap();
        fs::rename(&link, &rig.file).unwrap();
        assert_eq!(rig.next(), "new rules for \"mail\"");
        assert_eq!(rig.run(), Some(run));
    }
}

#[test]
fn it_ends_when_it_is_dropped() {
    let rig = rig();
    drop(rig.watching);
    // the thread is gone, and its sender with it
    assert!(rig.reports.recv_timeout(NEVER).is_err());
    fs::write(&rig.file, text(4)).unwrap();
    assert_eq!(rig.mail.observer().config().consecutive_failures, Some(3));
    assert_eq!(rig.live.reload().unwrap().changed, ["mail"]);
}

#[test]
fn a_panic_in_the_report_is_caught() {
    let rig = rig();
    let (sender, reports) = channel();
    let watching = rig
        .live
        .watch(EVERY, move |_| {
            let _ = sender.send(());
            panic!("the report's own");
        })
        .unwrap();
    drop(rig.watching);
    for run in 4..7 {
        fs::write(&rig.file, text(run)).unwrap();
        reports.recv_timeout(NEVER).expect("it goes on");
    }
    drop(watching);
}

#[test]
fn it_may_be_dropped_by_its_own_report() {
    let rig = rig();
    let (sender, inbox) = channel::<Watching>();
    let (ended, end) = channel();
    let watching = rig
        .live
        .watch(Duration::ZERO, move |_| {
            drop(inbox.recv());
            let _ = ended.send(());
        })
        .unwrap();
    sender.send(watching).unwrap();
    drop(rig.watching);
    fs::write(&rig.file, text(4)).unwrap();
    end.recv_timeout(NEVER).expect("it returns");
    assert!(end.recv_timeout(NEVER).is_err(), "the thread is over");
}

#[test]
fn without_a_file_there_is_nothing_to_watch() {
    let live = Live::new("[default]\n".parse().unwrap());
    let error = live.watch(EVERY, |_| {}).unwrap_err();
    let inner = error
        .get_ref()
        .and_then(|e| e.downcast_ref::<ReloadError>());
    assert!(matches!(inner, Some(ReloadError::NoFile)), "{error:?}");
}

#[test]
fn a_panic_of_refine_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("breakers.toml");
    fs::write(&file, text(3)).unwrap();
    let times = AtomicU32::new(0);
    let live = Live::open_with(&file, move |settings| {
        assert_ne!(times.fetch_add(1, Ordering::Relaxed), 1, "its own");
        Ok(settings)
    })
    .unwrap();
    let (sender, reports) = channel();
    let watching = live
        .watch(EVERY, move |reload| drop(sender.send(reload)))
        .unwrap();
    fs::write(&file, text(4)).unwrap();
    let next = || reports.recv_timeout(NEVER).expect("it reports");
    assert!(matches!(next(), Err(ReloadError::RefinePanicked)));
    assert!(next().is_ok(), "the same text again");
    assert_eq!(live.settings().get("any").consecutive_failures, Some(4));
    drop(watching);
}
