//! Edits of real files: what is taken, what is refused, and what is reported.

use crate::{App, FIRST, Failure};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;
use tripcoil::State;
use tripcoil::live::{Live, Reload, ReloadError};
use tripcoil::registry::Registry;

type Done = Result<(), Failure>;

const GOOD: &str = r#"[default]
window = { time = "10s" }
consecutive_failures = 3
open_for = { base = "60s", jitter = 0.1 }
failure_rate = false

[breakers.payments]
consecutive_failures = 2
"#;

struct Rig {
    _folder: TempDir,
    file: PathBuf,
    live: Live,
    registry: Registry<String>,
}

fn rig() -> Result<Rig, Failure> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("breakers.toml");
    fs::write(&file, GOOD)?;
    let live = Live::open(&file)?;
    let (registry, _controller) = live.registry();
    Ok(Rig {
        _folder: folder,
        file,
        live,
        registry,
    })
}

impl Rig {
    /// `None` if the file reads as before.
    fn edit(&self, text: &str) -> Result<Option<Result<Reload, ReloadError>>, Failure> {
        fs::write(&self.file, text)?;
        Ok(self.live.poll())
    }

    /// How many failures in a row trip the key's breaker: its rule, as calls see it.
    fn run_of(&self, key: &str) -> Result<u32, Failure> {
        let breaker = self.registry.get(key)?;
        for n in 1..100 {
            let _ = breaker.call(|| Err::<(), _>("down"));
            if breaker.state() == State::Open {
                return Ok(n);
            }
        }
        Err("it never tripped".into())
    }
}

fn only(keys: &[&str], reload: &Option<Result<Reload, ReloadError>>) -> bool {
    matches!(reload, Some(Ok(reload)) if reload.changed == keys)
}

fn refused(reload: &Option<Result<Reload, ReloadError>>) -> String {
    match reload {
        Some(Err(error)) => error.to_string(),
        other => format!("not refused: {other:?}"),
    }
}

#[test]
fn a_good_edit_changes_those_that_it_is_about() -> Done {
    let rig = rig()?;
    for key in ["mail", "payments"] {
        rig.registry.get(key)?;
    }
    let reload = rig.edit(&GOOD.replace("= 3", "= 5"))?;
    assert!(only(&["mail"], &reload), "{reload:?}");
    assert_eq!((rig.run_of("mail")?, rig.run_of("payments")?), (5, 2));

    let reload = rig.edit(&GOOD.replace("[breakers.payments]", "[breakers.search]"))?;
    assert!(only(&["mail", "payments"], &reload), "{reload:?}");
    assert_eq!((rig.run_of("search")?, rig.run_of("new")?), (2, 3));
    Ok(())
}

#[test]
fn what_an_edit_leaves_out_is_off_again() -> Done {
    let rig = rig()?;
    let slow = "slow_call = \"1s\"\nslow_rate = 0.5\nmin_throughput = 1\n";
    let mail = rig.registry.get("mail")?;
    let reload = rig.edit(&GOOD.replace("[breakers.", &format!("{slow}[breakers.")))?;
    assert!(only(&["mail"], &reload), "{reload:?}");
    let reload = rig.edit(GOOD)?;
    assert!(only(&["mail"], &reload), "{reload:?}");
    let late = mail.try_acquire()?;
    late.record_timed(tripcoil::Outcome::Success, Duration::from_secs(2));
    assert_eq!(mail.state(), State::Closed);
    assert_eq!(mail.observer().snapshot().totals.slow, 0);
    Ok(())
}

#[test]
fn a_bad_edit_changes_nothing() -> Done {
    let rig = rig()?;
    rig.registry.get("mail")?;
    // the default would be right, one key is not
    let reload = rig.edit(&GOOD.replace("= 3", "= 9").replace("= 2", "= 0"))?;
    let said = refused(&reload);
    assert!(
        said.contains("line 8: breakers.payments.consecutive_failures is 0"),
        "{said}"
    );
    assert!(rig.live.poll().is_none(), "it is reported once");
    let runs = (
        rig.run_of("mail")?,
        rig.run_of("new")?,
        rig.run_of("payments")?,
    );
    assert_eq!(runs, (3, 3, 2));
    Ok(())
}

#[test]
fn a_file_that_is_gone_changes_nothing() -> Done {
    let rig = rig()?;
    fs::remove_file(&rig.file)?;
    assert!(refused(&rig.live.poll()).starts_with("could not read"));
    assert!(rig.live.poll().is_none(), "it is reported once");
    assert_eq!((rig.run_of("mail")?, rig.run_of("payments")?), (3, 2));
    let reload = rig.edit(&GOOD.replace("= 3", "= 4"))?;
    assert!(only(&["mail"], &reload), "{reload:?}");
    Ok(())
}

#[test]
fn the_first_time_the_file_is_there_and_right() -> Done {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("breakers.toml");
    assert!(App::new(file.clone()).is_err());
    fs::write(&file, "[default]\nfailure_rate = 2\n")?;
    assert!(App::new(file.clone()).is_err());
    fs::write(&file, FIRST)?;
    assert!(App::new(file).is_ok());
    Ok(())
}

#[test]
fn a_secret_beside_a_bad_setting_is_printed_nowhere() -> Done {
    let secret = "password = \"hunter2\"";
    let rig = rig()?;
    for text in [
        GOOD.replace("= 3", &format!("= \"three\"\n{secret}")),
        GOOD.replace("jitter = 0.1", &format!("jitter = 7, {secret}")),
        format!("{GOOD}{secret} {secret}\n"),
        format!("{GOOD}password = \"hunter2\n"),
    ] {
        let reload = rig.edit(&text)?;
        for said in [refused(&reload), format!("{reload:?}")] {
            assert!(!said.contains("hunter2"), "{said}");
            assert!(said.contains("line"), "{said}");
        }
    }
    Ok(())
}

#[test]
fn a_file_may_be_written_replaced_and_deleted() -> Done {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("breakers.toml");
    fs::write(&file, GOOD)?;
    let app = App::new(file.clone())?;
    app.registry.get("mail")?;
    // nothing here is timed: the limit is only for a watcher that never reports
    let next = || app.reloads.recv_timeout(Duration::from_secs(60));
    fs::write(&file, GOOD.replace("= 3", "= 4"))?;
    assert_eq!(next()??.changed, ["mail"]);
    let beside = file.with_extension("new");
    fs::write(&beside, GOOD.replace("= 3", "= 0"))?;
    fs::rename(&beside, &file)?;
    assert!(next()?.is_err());
    fs::remove_file(&file)?;
    assert!(next()?.is_err());
    fs::write(&beside, GOOD.replace("= 3", "= 6"))?;
    fs::rename(&beside, &file)?;
    assert_eq!(next()??.changed, ["mail"]);
    Ok(())
}
