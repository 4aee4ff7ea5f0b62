//! Edits of real files: what is taken, what is refused, and what is told of it.

use crate::live::{Live, Look};
use crate::settings::Settings;
use crate::watch::Watch;
use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tripcoil::{Outcome, Rejected, State};

type Done = Result<(), Box<dyn Error>>;

const GOOD: &str = r#"[default]
window = { time = "10s" }
consecutive_failures = 3
open_for = { base = "60s", jitter = 0.1 }
failure_rate = false

[keys.payments]
consecutive_failures = 2
"#;

struct Rig {
    folder: TempDir,
    file: PathBuf,
    live: Live,
}

fn rig() -> Result<Rig, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("rules.toml");
    fs::write(&file, GOOD)?;
    let live = Live::new(&file).map_err(|look| look.to_string())?;
    Ok(Rig { folder, file, live })
}

impl Rig {
    fn edit(&mut self, text: &str) -> Result<Look, Box<dyn Error>> {
        fs::write(&self.file, text)?;
        Ok(self.live.look()?)
    }

    /// How many failures in a row trip the key's breaker: its rule, as calls see it.
    fn run_of(&self, key: &str) -> Result<u32, Box<dyn Error>> {
        let breaker = self.live.registry().get(key)?;
        for n in 1..100 {
            let _ = breaker.call(|| Err::<(), _>("down"));
            if breaker.state() == State::Open {
                return Ok(n);
            }
        }
        Err("it never tripped".into())
    }
}

fn refused(text: &str, before: Option<&str>) -> Result<Vec<String>, Box<dyn Error>> {
    let read = |text, before| {
        Settings::read(text, before).map_err(|p| p.iter().map(ToString::to_string).collect())
    };
    let before = before.map(|text| read(text, None)).transpose();
    let before = before.map_err(|problems: Vec<String>| problems.join("\n"))?;
    Ok(read(text, before.as_ref()).err().unwrap_or_default())
}

fn only(keys: &[&str], look: &Look) -> bool {
    matches!(look, Look::Taken(taken) if taken == keys)
}

#[test]
fn a_good_edit_changes_those_that_it_is_about() -> Done {
    let mut rig = rig()?;
    for key in ["mail", "payments"] {
        rig.live.registry().get(key)?;
    }
    let look = rig.edit(&GOOD.replace("= 3", "= 5"))?;
    assert!(only(&["mail"], &look), "{look}");
    assert_eq!((rig.run_of("mail")?, rig.run_of("payments")?), (5, 2));

    let look = rig.edit(&GOOD.replace("[keys.payments]", "[keys.search]"))?;
    assert!(only(&["mail", "payments"], &look), "{look}");
    assert_eq!((rig.run_of("search")?, rig.run_of("new")?), (2, 3));
    Ok(())
}

#[test]
fn what_an_edit_leaves_out_is_off_again() -> Done {
    let mut rig = rig()?;
    let slow = "slow_call = \"1s\"\nslow_rate = 0.5\nmin_throughput = 1\n";
    let mail = rig.live.registry().get("mail")?;
    let late = || -> Result<State, Rejected> {
        let outcome = Outcome::Success;
        mail.try_acquire()?
            .record_timed(outcome, Duration::from_secs(2));
        Ok(mail.state())
    };
    let look = rig.edit(&GOOD.replace("[keys.", &format!("{slow}[keys.")))?;
    assert!(only(&["mail"], &look), "{look}");
    let look = rig.edit(GOOD)?;
    assert!(only(&["mail"], &look), "{look}");
    assert_eq!(late()?, State::Closed);
    assert_eq!(mail.observer().snapshot().totals.slow, 0);
    Ok(())
}

#[test]
fn a_bad_edit_changes_nothing() -> Done {
    let mut rig = rig()?;
    rig.live.registry().get("mail")?;
    // the default would be right, one key is not
    let text = GOOD.replace("= 3", "= 9").replace("= 2", "= 0");
    let look = rig.edit(&text)?;
    assert!(
        matches!(&look, Look::Refused(problems) if problems.len() == 1),
        "{look}"
    );
    assert!(matches!(rig.live.look()?, Look::Same), "told once");
    assert_eq!(
        (
            rig.run_of("mail")?,
            rig.run_of("new")?,
            rig.run_of("payments")?
        ),
        (3, 3, 2)
    );
    Ok(())
}

#[test]
fn a_file_that_is_gone_changes_nothing() -> Done {
    let mut rig = rig()?;
    fs::remove_file(&rig.file)?;
    let look = rig.live.look()?;
    assert!(matches!(look, Look::Unread(_)) && look.left_out(), "{look}");
    assert!(matches!(rig.live.look()?, Look::Same), "told once");
    assert_eq!((rig.run_of("mail")?, rig.run_of("payments")?), (3, 2));
    let look = rig.edit(&GOOD.replace("= 3", "= 4"))?;
    assert!(only(&["mail"], &look), "{look}");
    Ok(())
}

#[test]
fn the_first_time_the_file_is_there_and_right() -> Done {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("rules.toml");
    assert!(matches!(Live::new(&file), Err(Look::Unread(_))));
    fs::write(&file, "[default]\nfailure_rate = 2\n")?;
    assert!(matches!(Live::new(&file), Err(Look::Refused(_))));
    Ok(())
}

#[test]
fn all_that_is_wrong_is_told_at_once() -> Done {
    let text = r#"[default]
failure_rate = 30
min_throughput = "twenty"
open_for = { base = "soon", jitter = 2, wait = "1s" }
half_open = { of = 5 }

[keys.payments]
consecutive_failure = 3
slow_rate = 0.5

[keys.search]
failure_rate = -1

[keyz.mail]
"#;
    let inner = "adaptive, base, factor, max, jitter, reset_after, seed";
    assert_eq!(
        refused(text, None)?,
        [
            "line 2: default.failure_rate is 30, but must be above 0 and at most 1".to_string(),
            "line 3: default.min_throughput: invalid value: string \"twenty\", expected a whole number up to 4294967295, such as 20".into(),
            "line 4: default.open_for.base: invalid value: string \"soon\", expected a duration such as \"10s\" or \"500ms\"".into(),
            format!("line 4: default.open_for.wait: unknown setting open_for.wait; the settings of open_for are {inner}"),
            "line 5: default.half_open: of and failure_rate belong together, but only one of them is set".into(),
            "line 8: keys.payments.consecutive_failure: unknown setting consecutive_failure; did you mean consecutive_failures?".into(),
            "line 9: keys.payments.slow_rate is 0.5, but must be unset unless slow_call is set".into(),
            "line 12: keys.search.failure_rate is -1, but must be above 0 and at most 1".into(),
            "line 14: keyz is unknown, there are default and keys".into(),
        ]
    );
    Ok(())
}

#[test]
fn each_value_is_judged_where_it_is_named() -> Done {
    let text = "[default]\nopen_for = { base = \"1s\", jitter = 2, factor = 0.5 }\n[keys.a]\n[keys.b]\nopen_for = { jitter = 3 }\n";
    let problems = refused(text, None)?;
    let places: Vec<_> = problems
        .iter()
        .filter_map(|p| p.split(" is ").next())
        .collect();
    let expected = [
        "line 2: default.open_for.factor",
        "line 2: default.open_for.jitter",
        "line 5: keys.b.open_for.jitter",
    ];
    assert_eq!(places, expected, "{problems:?}");
    Ok(())
}

#[test]
fn lenient_kinds_are_checked_part_by_part() -> Done {
    let text = r#"[default]
lenient = { kinds = ["data", "overlod"], weight = "low" }

[keys.a]
lenient = { kinds = ["overload"] }

[keys.b]
lenient = { kinds = ["overload"], weight = 0.3 }
"#;
    let both = "kinds and weight belong together, but only one of them is set";
    assert_eq!(
        refused(text, None)?,
        [
            "line 2: default.lenient.kinds: invalid value: string \"overlod\", expected one of \"timeout\", \
             \"connect\", \"overload\", \"server\", \"client\", \"data\" and \"other_0\" to \"other_255\"; \
             did you mean \"overload\"?"
                .to_string(),
            "line 2: default.lenient.weight: invalid value: string \"low\", expected a number such as 0.5".into(),
            format!("line 5: keys.a.lenient: {both}"),
            "line 8: keys.b.lenient.weight is 0.3, but must be from 0 to 0.875, a multiple of 0.125".into(),
        ]
    );
    // the same kinds in other words are the same settings
    let list = "[default]\nlenient = { kinds = [\"data\", \"other_2\"], weight = 0.25 }\n";
    let words = "[default]\nlenient = { weight = 0.25, kinds = \"other(7), data\" }\n";
    let read = |text| Settings::read(text, None).map_err(|problems| format!("{problems:?}"));
    assert!(read(list)?.agree(&read(words)?, "any"));
    assert!(!read(list)?.agree(&read("[default]\n")?, "any"));
    Ok(())
}

#[test]
fn a_syntax_error_is_told_with_its_line() -> Done {
    for (text, line) in [
        (GOOD.replace("= 3", "= = 3"), "line 3: "),
        (
            GOOD.replace("= 2", "= 2\nconsecutive_failures = 4"),
            "line 9: ",
        ),
        (
            GOOD.replace("[keys.payments]", "[keys.payments"),
            "line 7: ",
        ),
    ] {
        let problems = refused(&text, None)?;
        assert!(
            problems.iter().all(|p| p.contains("not valid TOML")),
            "{problems:?}"
        );
        assert!(problems.iter().any(|p| p.starts_with(line)), "{problems:?}");
    }
    Ok(())
}

/// As the parser's own errors would have it, which quote the line.
#[test]
fn a_secret_beside_a_bad_setting_is_printed_nowhere() -> Done {
    let secret = "password = \"hunter2\"";
    let texts = [
        GOOD.replace("= 3", &format!("= \"three\"\n{secret}")),
        GOOD.replace("= 2", &format!("= 0\n{secret}")),
        GOOD.replace("jitter = 0.1", &format!("jitter = \"much\", {secret}")),
        GOOD.replace("jitter = 0.1", &format!("jitter = 7, {secret}")),
        GOOD.replace(
            "failure_rate = false",
            &format!("failure_rate = {{ {secret} }}"),
        ),
        format!("{secret}\n{}", GOOD.replace("= 3", "= -3")),
        format!("{GOOD}[database]\n{secret}\n"),
        format!("keys = \"hunter2\"\ndefault = {{ {secret}, history = \"none\" }}\n"),
        // no TOML
        format!("{GOOD}{secret} {secret}\n"),
        format!("{GOOD}{secret}\n{secret}\n"),
        format!("{GOOD}password = hunter2\n"),
        format!("{GOOD}password = \"hunter2\n"),
        format!("{GOOD}password \"hunter2\"\n"),
    ];
    let mut rig = rig()?;
    for text in texts {
        let look = rig.edit(&text)?;
        assert!(matches!(look, Look::Refused(_)), "{text}");
        for said in [look.to_string(), format!("{look:?}")] {
            assert!(!said.contains("hunter2"), "{said}");
            assert!(said.contains("line"), "{said}");
        }
    }
    Ok(())
}

#[test]
fn a_file_without_a_default_is_refused() -> Done {
    // as one is that an editor has just emptied
    for text in ["", "\n", "[keys.payments]\n"] {
        assert_eq!(refused(text, None)?, ["default is missing"], "{text:?}");
    }
    assert_eq!(
        refused("default = 3\nkeys = { a = 4 }\n", None)?,
        [
            "line 1: default is not a table",
            "line 2: keys.a is not a table"
        ]
    );
    Ok(())
}

#[test]
fn what_is_fixed_at_build_is_refused_with_what_it_was() -> Done {
    let fixed = "it is fixed when a breaker is built";
    let text = GOOD
        .replace("{ time = \"10s\" }", "{ count = 10 }\nclock = \"precise\"")
        .replace("= 2", "= 2\ninitial_state = \"disabled\"");
    assert_eq!(
        refused(&text, Some(GOOD))?,
        [
            format!(
                "line 2: default.window is {{ count = 10 }}, but must be {{ buckets = 10, time = \"10s\" }}: {fixed}"
            ),
            format!("line 3: default.clock is \"precise\", but must be \"coarse\": {fixed}"),
            format!(
                "line 10: keys.payments.initial_state is \"disabled\", but must be \"closed\": {fixed}"
            ),
        ]
    );
    // the same in other words is no change
    let same = GOOD.replace("time = \"10s\"", "buckets = 10, time = \"10000ms\"");
    assert_eq!(refused(&same, Some(GOOD))?, [""; 0]);

    // nor may what a key had of its own go away
    let own = GOOD.to_string() + "window = { count = 10 }\n";
    let problems = refused(GOOD, Some(&own))?;
    assert!(
        problems.len() == 1 && problems[0].starts_with("keys.payments.window is "),
        "{problems:?}"
    );
    Ok(())
}

#[test]
fn a_watched_file_may_be_written_replaced_deleted() -> Done {
    let mut rig = rig()?;
    let watch = Watch::of(&rig.file)?;
    // nothing here is timed: the deadline is only for a watcher that never tells
    let next = |rig: &mut Rig| -> Result<Look, Box<dyn Error>> {
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            if watch.changed(Duration::from_secs(1))? {
                match rig.live.look()? {
                    Look::Same => {}
                    look => return Ok(look),
                }
            }
        }
        Err("nothing was told".into())
    };
    rig.live.registry().get("mail")?;
    fs::write(&rig.file, GOOD.replace("= 3", "= 4"))?;
    let look = next(&mut rig)?;
    assert!(only(&["mail"], &look), "{look}");

    let beside = rig.folder.path().join("rules.toml~");
    fs::write(&beside, GOOD.replace("= 3", "= 0"))?;
    fs::rename(&beside, &rig.file)?;
    let look = next(&mut rig)?;
    assert!(matches!(look, Look::Refused(_)), "{look}");

    fs::remove_file(&rig.file)?;
    let look = next(&mut rig)?;
    assert!(matches!(look, Look::Unread(_)), "{look}");

    fs::write(&beside, GOOD.replace("= 3", "= 6"))?;
    fs::rename(&beside, &rig.file)?;
    let look = next(&mut rig)?;
    assert!(only(&["mail"], &look), "{look}");
    assert_eq!(rig.run_of("mail")?, 6);
    Ok(())
}

#[test]
fn looking_is_no_change() -> Done {
    let mut rig = rig()?;
    let watch = Watch::of(&rig.file)?;
    fs::write(&rig.file, GOOD)?;
    assert!(watch.changed(Duration::from_secs(60))?, "it was written");
    // if each look were a change there would be no end
    for _ in 0..100 {
        assert!(matches!(rig.live.look()?, Look::Same));
        if !watch.changed(Duration::from_millis(200))? {
            return Ok(());
        }
    }
    Err("a hundred looks, and a change after each".into())
}
