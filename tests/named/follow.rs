//! Breakers that follow the settings of a file.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;
use tripcoil::config::SettingsFault;
use tripcoil::live::{Live, Reload, ReloadError};
use tripcoil::{Breaker, Clock, ManualClock, State, Window};

const GOOD: &str =
    "[default]\nconsecutive_failures = 3\n\n[breakers.payments]\nconsecutive_failures = 2\n";

struct Rig {
    _folder: TempDir,
    file: PathBuf,
    live: Live,
}

fn rig() -> Rig {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("breakers.toml");
    fs::write(&file, GOOD).unwrap();
    let live = Live::open(&file).unwrap();
    Rig {
        _folder: folder,
        file,
        live,
    }
}

impl Rig {
    fn edit(&self, text: &str) -> Result<Reload, ReloadError> {
        fs::write(&self.file, text).unwrap();
        self.live.reload()
    }
}

fn run(breaker: &Breaker) -> Option<u32> {
    breaker.observer().config().consecutive_failures
}

#[test]
fn a_good_edit_changes_those_that_it_is_about() {
    let rig = rig();
    let (payments, _a) = rig.live.build("payments").unwrap();
    let (mail, _b) = rig.live.build("mail").unwrap();
    assert_eq!((run(&payments), run(&mail)), (Some(2), Some(3)));
    let reload = rig.edit(&GOOD.replace("= 3", "= 5")).unwrap();
    assert_eq!(reload.changed, ["mail"]);
    assert_eq!((run(&payments), run(&mail)), (Some(2), Some(5)));
    let reload = rig.edit("[default]\nconsecutive_failures = 5\n").unwrap();
    assert_eq!(reload.changed, ["payments"]);
    assert_eq!(run(&payments), Some(5));
    assert_eq!(rig.live.reload().unwrap(), Reload::default());
    assert_eq!(
        rig.live.settings().get("payments").consecutive_failures,
        Some(5)
    );
}

#[test]
fn what_an_edit_leaves_out_is_off_again() {
    let rig = rig();
    let (mail, _controller) = rig.live.build("mail").unwrap();
    let slow = GOOD.replace("= 3", "= 3\nslow_call = \"1s\"\nslow_rate = 0.5");
    rig.edit(&slow).unwrap();
    assert_eq!(mail.observer().config().slow_rate, Some(0.5));
    rig.edit(GOOD).unwrap();
    let config = mail.observer().config();
    assert_eq!((config.slow_rate, config.slow_call), (None, None));
}

#[test]
fn a_bad_edit_changes_nothing() {
    let rig = rig();
    let (payments, _a) = rig.live.build("payments").unwrap();
    let (mail, _b) = rig.live.build("mail").unwrap();
    // the default would be right, one breaker is not
    let text = GOOD.replace("= 3", "= 9").replace("= 2", "= 0");
    let Err(ReloadError::Settings(error)) = rig.edit(&text) else {
        panic!("accepted");
    };
    assert_eq!(error.problems().len(), 1, "{error}");
    assert_eq!((run(&payments), run(&mail)), (Some(2), Some(3)));
    // and is reported again at each further attempt
    assert!(rig.live.reload().is_err());
    assert_eq!(
        rig.live.settings().get("mail").consecutive_failures,
        Some(3)
    );
    fs::remove_file(&rig.file).unwrap();
    let error = rig.live.reload().unwrap_err();
    assert!(error.to_string().starts_with("could not read"), "{error}");
    assert_eq!((run(&payments), run(&mail)), (Some(2), Some(3)));
    assert_eq!(
        rig.edit(&GOOD.replace("= 3", "= 4")).unwrap().changed,
        ["mail"]
    );
}

#[test]
fn what_is_fixed_is_reported_and_refuses_the_edit() {
    let rig = rig();
    let (mail, _controller) = rig.live.build("mail").unwrap();
    let text = GOOD.replace("= 3", "= 4\nwindow = { count = 10 }");
    let Err(ReloadError::Settings(error)) = rig.edit(&text) else {
        panic!("accepted");
    };
    assert_eq!(error.problems()[0].fault, SettingsFault::Fixed);
    assert_eq!(error.problems()[0].line, Some(3));
    assert_eq!(run(&mail), Some(3));
}

#[test]
fn the_first_time_the_file_is_there_and_right() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("breakers.toml");
    assert!(Live::open(&file).unwrap_err().problems().is_empty());
    fs::write(&file, "[default]\nfailure_rate = 2\n").unwrap();
    assert_eq!(Live::open(&file).unwrap_err().problems().len(), 1);
}

/// All are asked before the first is changed.
#[test]
fn a_breaker_that_refuses_keeps_all_from_changing() {
    let rig = rig();
    let (mail, _controller) = rig.live.build("mail").unwrap();
    let (counts, controller) = Breaker::builder("counts")
        .window(Window::count(10))
        .build_with_controller()
        .unwrap();
    rig.live.follow("payments", controller).unwrap();
    assert_eq!(run(&counts), Some(2));
    // the outage rule needs a time window
    let text = "[default]\nprofile = \"adaptive\"\n";
    let Err(ReloadError::Refused(errors)) = rig.edit(text) else {
        panic!("accepted");
    };
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].breaker(), Some("counts"));
    assert!(errors[0].problems().len() > 1);
    assert_eq!((run(&mail), run(&counts)), (Some(3), Some(2)));
    assert_eq!(rig.live.settings().get("mail").outage, None);
    // and without it they go on
    assert_eq!(rig.live.unfollow("payments"), 1);
    assert_eq!(rig.live.reload().unwrap().changed, ["mail"]);
    assert_eq!((run(&mail), run(&counts)), (None, Some(2)));
}

#[test]
fn one_that_cannot_follow_keeps_its_rules() {
    let live = Live::new("[default]\nprofile = \"adaptive\"\n".parse().unwrap());
    let (counts, controller) = Breaker::builder("counts")
        .window(Window::count(10))
        .build_with_controller()
        .unwrap();
    let error = live.follow("counts", controller).unwrap_err();
    assert_eq!(error.breaker(), Some("counts"));
    assert_eq!(run(&counts), Some(5));
    assert_eq!(live.unfollow("counts"), 0);
    let reload = live.replace("[default]\n".parse().unwrap()).unwrap();
    assert_eq!(reload.changed, [""; 0]);
}

/// An edit is not about a breaker whose settings it leaves alone.
#[test]
fn what_an_operator_has_set_stays_until_an_edit_is_about_it() {
    let rig = rig();
    let (mail, controller) = rig.live.build("mail").unwrap();
    controller
        .reconfigure(|rules| rules.consecutive_failures(77))
        .unwrap();
    rig.edit(&GOOD.replace("= 2", "= 4")).unwrap();
    assert_eq!(run(&mail), Some(77));
    rig.edit(&GOOD.replace("= 3", "= 4")).unwrap();
    assert_eq!(run(&mail), Some(4));
}

#[test]
fn a_reload_touches_neither_state_nor_counts() {
    let clock = ManualClock::new();
    let rig = rig();
    let (mail, controller) = rig
        .live
        .build_with("mail", |builder| builder.clock(&clock))
        .unwrap();
    let _ = mail.call(|| Err::<(), _>("down"));
    controller.force_open();
    rig.edit(&GOOD.replace("= 3", "= 1")).unwrap();
    assert_eq!(mail.state(), State::ForcedOpen);
    controller.release();
    assert_eq!(mail.state(), State::Closed);
    assert_eq!(mail.observer().snapshot().totals.failures, 1);
    // the fixed clock is that of the builder
    assert_eq!(run(&mail), Some(1));
}

#[test]
fn two_breakers_of_one_name_both_follow() {
    let rig = rig();
    let (one, _a) = rig.live.build("mail").unwrap();
    let (other, _b) = rig.live.build("mail").unwrap();
    assert_eq!(
        rig.edit(&GOOD.replace("= 3", "= 4")).unwrap().changed,
        ["mail"]
    );
    assert_eq!((run(&one), run(&other)), (Some(4), Some(4)));
    assert_eq!(rig.live.unfollow("mail"), 2);
}

/// What the user's code does while a breaker is built.
#[test]
fn a_reload_while_a_breaker_is_built_is_not_missed() {
    let rig = rig();
    let (mail, _controller) = rig
        .live
        .build_with("mail", |builder| {
            let (_other, _controller) = rig.live.build("other").unwrap();
            let reload = rig.edit(&GOOD.replace("= 3", "= 8")).unwrap();
            assert_eq!(reload.changed, ["other"]);
            builder
        })
        .unwrap();
    assert_eq!(run(&mail), Some(8));
    assert_eq!(rig.edit(GOOD).unwrap().changed, ["mail", "other"]);
}

#[test]
fn settings_without_a_file_are_not_read_again() {
    let live = Live::new("[default]\n".parse().unwrap());
    assert!(matches!(live.reload(), Err(ReloadError::NoFile)));
    assert!(live.poll().is_none());
    assert_eq!(live.path(), None);
}

/// Calls, reloads and first uses at once: no call fails, and in the end all have the last rules.
#[test]
fn calls_go_on_while_the_file_is_reloaded() {
    let rig = rig();
    let breakers: Vec<_> = (0..3).map(|_| rig.live.build("mail").unwrap().0).collect();
    let over = AtomicBool::new(false);
    let begin = Barrier::new(breakers.len() + 1);
    thread::scope(|scope| {
        for breaker in &breakers {
            let (over, begin) = (&over, &begin);
            scope.spawn(move || {
                begin.wait();
                let mut calls = 0_u64;
                while !over.load(Ordering::Relaxed) {
                    breaker.call(|| Ok::<_, ()>(())).unwrap();
                    calls += 1;
                }
                assert_eq!(breaker.observer().snapshot().totals.successes, calls);
            });
        }
        begin.wait();
        for n in 0..200 {
            let text = GOOD.replace("= 3", &format!("= {}", 4 + n % 7));
            rig.live.replace(text.parse().unwrap()).unwrap();
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(
        breakers
            .iter()
            .all(|breaker| run(breaker) == Some(4 + 199 % 7))
    );
}

#[test]
fn reloads_at_once_leave_all_breakers_alike() {
    let rig = rig();
    let breakers: Vec<_> = (0..20)
        .map(|n| rig.live.build(&format!("b{n}")).unwrap().0)
        .collect();
    thread::scope(|scope| {
        for thread in 0..4_u32 {
            let live = rig.live.clone();
            scope.spawn(move || {
                for n in 0..50 {
                    let text = format!(
                        "[default]\nconsecutive_failures = {}\n",
                        2 + thread * 50 + n
                    );
                    live.replace(text.parse().unwrap()).unwrap();
                }
            });
        }
    });
    let last = rig.live.settings().get("any").consecutive_failures;
    assert!(breakers.iter().all(|breaker| run(breaker) == last));
}

#[test]
fn handles_are_sent_and_shared() {
    fn check<T: Send + Sync + 'static>(_: &T) {}
    let rig = rig();
    check(&rig.live);
    let (_breaker, controller) = rig.live.build("mail").unwrap();
    // the operator shares it
    let _: Arc<tripcoil::Controller> = controller;
    assert!(format!("{:?}", rig.live).contains("breakers.toml"));
}

/// What panics while rules are applied keeps the others from nothing, and is made up for.
#[test]
fn a_breaker_whose_clock_panics_is_named_and_tried_again() {
    let rig = rig();
    let bad = Arc::new(AtomicBool::new(false));
    let panics = bad.clone();
    let (first, _a) = rig
        .live
        .build_with("a", |builder| {
            builder.clock(Clock::custom(move || {
                assert!(!panics.load(Ordering::Relaxed), "the clock's own");
                Duration::ZERO
            }))
        })
        .unwrap();
    let (last, _z) = rig.live.build("z").unwrap();
    bad.store(true, Ordering::Relaxed);
    let reload = rig.edit(&GOOD.replace("= 3", "= 4")).unwrap();
    assert_eq!(
        (&*reload.changed, &*reload.panicked),
        (&["z".to_string()][..], &["a".to_string()][..])
    );
    assert_eq!(run(&last), Some(4));
    assert_eq!(rig.live.behind(), ["a"]);
    bad.store(false, Ordering::Relaxed);
    // the text is the same, but not for this one
    assert_eq!(rig.live.reload().unwrap().changed, ["a"]);
    assert_eq!((run(&first), rig.live.behind()), (Some(4), vec![]));
    assert_eq!(rig.live.reload().unwrap(), Reload::default());
}

#[test]
fn what_nothing_follows_may_change_what_is_fixed() {
    let rig = rig();
    let (mail, _controller) = rig.live.build("mail").unwrap();
    let text = GOOD
        .replace("= 3", "= 4")
        .replace("= 2", "= 2\nhistory = 9");
    let reload = rig.edit(&(text.clone() + "[breakers.new]\nwindow = { count = 9 }\n"));
    assert_eq!(reload.unwrap().changed, ["mail"]);
    let (payments, _controller) = rig.live.build("payments").unwrap();
    assert_eq!(payments.observer().config().history, 9);
    let error = rig.edit(&text.replace("= 9", "= 8")).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("line 6: breakers.payments.history is 8"),
        "{error}"
    );
    // a breaker that others follow no longer is as free
    rig.live.unfollow("payments");
    assert!(rig.edit(&text.replace("= 9", "= 8")).is_ok());
    assert_eq!(run(&mail), Some(4));
}

/// The user's code of a reload may use the settings, and a panic in it is an error like others.
#[test]
fn a_panic_of_refine_is_reported_and_the_text_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("breakers.toml");
    fs::write(&file, GOOD).unwrap();
    let bad = Arc::new(AtomicBool::new(false));
    let panics = bad.clone();
    let this: Arc<std::sync::OnceLock<Live>> = Arc::default();
    let inner = this.clone();
    let live = Live::open_with(&file, move |settings| {
        assert!(!panics.load(Ordering::Relaxed), "the refinement's own");
        if let Some(live) = inner.get() {
            // the lock of those that follow is free
            live.unfollow("none");
            live.build("refined").unwrap();
        }
        Ok(settings)
    })
    .unwrap();
    this.set(live.clone()).unwrap();
    let (mail, _controller) = live.build("mail").unwrap();
    assert!(live.poll().is_none());
    fs::write(&file, GOOD.replace("= 3", "= 4")).unwrap();
    bad.store(true, Ordering::Relaxed);
    for _ in 0..2 {
        let reload = live.poll().expect("it is tried again");
        assert!(matches!(reload, Err(ReloadError::RefinePanicked)));
        assert_eq!(run(&mail), Some(3));
    }
    bad.store(false, Ordering::Relaxed);
    let reload = live.poll().expect("and again").unwrap();
    assert_eq!((reload.changed.len(), run(&mail)), (2, Some(4)));
    assert!(live.poll().is_none());
}
