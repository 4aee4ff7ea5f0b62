use super::*;
use crate::time::{MILLISECOND, SECOND};

/// So many calls in each second from `from` on, of which every `fails`-th fails.
fn calls(from: u64, seconds: u64, per_second: u64, fails: u64) -> impl Iterator<Item = Call> {
    (0..seconds * per_second).map(move |n| Call {
        at: from * SECOND + n * (SECOND / per_second),
        lasted: (10 + n % 100) * MILLISECOND,
        outcome: if n % fails == 0 {
            Recorded::Server
        } else {
            Recorded::Success
        },
    })
}

fn seen(all: &[Call], slow: Option<Nanos>) -> Seen {
    Seen::of(
        all.iter().copied(),
        Outages::of(all.iter().copied(), slow),
        slow,
    )
}

#[test]
fn an_outage_is_set_apart_from_what_is_normal() {
    let mut all: Vec<Call> = calls(0, 100, 100, 50).collect();
    all.extend(calls(100, 20, 100, 1));
    all.extend(calls(120, 380, 100, 50));
    let seen = seen(&all, Some(100 * MILLISECOND));
    assert_eq!(seen.outages.all, [(100 * SECOND, 120 * SECOND)]);
    // without two seconds before it and two after it
    assert!(
        (in_seconds(seen.lasted) - (500.0 - 24.0)).abs() < 0.1,
        "{}",
        seen.lasted
    );
    assert!(
        (seen.calls as f64 - 47_600.0).abs() < 10.0,
        "{}",
        seen.calls
    );
    assert!((seen.rate() - 0.02).abs() < 1e-3, "{}", seen.rate());
    // 101 to 109 ms of 10 to 109
    let slow = seen.slow.expect("there is a limit") as f64 / seen.calls as f64;
    assert!((slow - 0.09).abs() < 1e-3, "{slow}");
    let p50 = seen.quantile(0.5).expect("there are some").as_secs_f64();
    assert!((p50 - 0.059).abs() < 0.002, "{p50}");
}

#[test]
fn near_outages_leave_the_pace_as_it_is() {
    let mut all: Vec<Call> = Vec::new();
    for second in 0..1000 {
        let down = (300..400).contains(&second) && second % 5 < 2;
        all.extend(calls(second, 1, 100, if down { 1 } else { 50 }));
    }
    let seen = seen(&all, None);
    assert_eq!(seen.outages.all.len(), 20);
    let pace = seen.calls as f64 / in_seconds(seen.lasted);
    assert!((pace - 100.0).abs() < 0.5, "{pace}");
}

#[test]
fn what_cannot_be_found_is_said() {
    // of each hundred calls, the first ones fail
    let one_each = |apart: u64, fails: u64| -> Vec<Call> {
        let call = |n: u64| Call {
            at: n * apart * SECOND,
            lasted: MILLISECOND,
            outcome: if n % 100 < fails {
                Recorded::Server
            } else {
                Recorded::Success
            },
        };
        (0..2000).map(call).collect()
    };
    let text = |apart, fails| about_outages(&seen(&one_each(apart, fails), None));
    assert!(text(60, 1).starts_with("The pace is too low to find outages"));
    let slow_pace = text(1, 1);
    assert!(slow_pace.starts_with("No outage was found"), "{slow_pace}");
    assert!(slow_pace.contains("less than about 20 s"), "{slow_pace}");
    let found = text(1, 40);
    assert!(found.starts_with("20 outages, in which half"), "{found}");
    let mostly = text(1, 80);
    assert!(mostly.contains("taken for normal"), "{mostly}");
}

#[test]
fn what_was_not_made_or_has_no_result_does_not_count() {
    let mut all: Vec<Call> = calls(0, 10, 100, 10_000).collect();
    for (n, call) in all.iter_mut().enumerate() {
        call.outcome = match n % 4 {
            0 => Recorded::Rejected,
            1 => Recorded::Ignored,
            2 => Recorded::Cancelled,
            _ => Recorded::Success,
        };
    }
    let seen = seen(&all, None);
    assert_eq!((seen.calls, seen.failed, seen.slow), (250, 0, None));
}

fn plan(folder: &tempfile::TempDir, text: &str, key: bool) -> Plan {
    let file = folder.path().join("calls.csv");
    std::fs::write(&file, text).expect("written");
    let mut options = Options::default();
    if key {
        options.columns.key = Some("upstream".to_string());
    }
    Plan {
        source: Source::new(file),
        options,
        configuration: Configuration::parse("default").expect("known"),
        json: None,
        threads: 1,
    }
}

/// Ten minutes of 100 calls per second to `a`, and of one to `b`; 5 % fail.
fn lines() -> String {
    let line = |n: u64| {
        let status = if n % 20 == 7 { 503 } else { 200 };
        let slow = if n.is_multiple_of(100) { "b" } else { "a" };
        format!(
            "{}.{:02},{},{status},{slow}\n",
            n / 100,
            n % 100,
            10 + n % 50
        )
    };
    let all: String = (0..60_000).map(line).collect();
    format!("time,duration_ms,status,upstream\n{all}")
}

#[test]
fn the_settings_are_ready_to_use() {
    let folder = tempfile::tempdir().expect("made");
    let answer = run(&plan(&folder, &lines(), false)).expect("enough calls");
    let config: Config = toml::from_str(&answer.toml).expect("TOML of the crate's");
    config.validate().expect("valid");
    // five in a row by chance, each day
    assert!(config.consecutive_failures > Some(5), "{}", answer.toml);
    assert!(answer.toml.starts_with("# For 100"), "{}", answer.toml);
    assert!(!answer.toml.contains("seed"), "{}", answer.toml);
    for name in ["default", "suggested", "adaptive"] {
        assert!(
            answer.about.contains(&format!("| {name}")),
            "{}",
            answer.about
        );
    }
    // and nothing more to advise on
    let path = folder.path().join("better.toml");
    std::fs::write(&path, &answer.toml).expect("written");
    let again = Plan {
        configuration: Configuration::parse(&path.display().to_string()).expect("valid"),
        ..plan(&folder, &lines(), false)
    };
    let again = run(&again).expect("enough calls");
    let settings = |toml: &str| {
        let lines = toml.lines().filter(|line| !line.starts_with('#'));
        lines.map(str::to_string).collect::<Vec<_>>()
    };
    assert_eq!(settings(&again.toml), settings(&answer.toml));
}

#[test]
fn of_several_keys_the_busiest_is_judged() {
    let folder = tempfile::tempdir().expect("made");
    let answer = run(&plan(&folder, &lines(), true)).expect("enough calls");
    assert!(
        answer.about.contains("was judged: \"a\""),
        "{}",
        answer.about
    );
    assert!(
        answer.toml.starts_with("# For 99.0 calls"),
        "{}",
        answer.toml
    );
}

#[test]
fn too_short_a_log_is_refused() {
    let folder = tempfile::tempdir().expect("made");
    let short: String = lines()
        .lines()
        .take(500)
        .map(|line| format!("{line}\n"))
        .collect();
    let error = run(&plan(&folder, &short, false)).err().expect("too short");
    assert!(error.to_string().contains("499 calls in 5 s"), "{error}");
    let error = run(&plan(&folder, &(short + "x,1,200,a\n"), false)).err();
    let error = error.expect("too short").to_string();
    assert!(error.contains("1 bad line:\n  line 501: time"), "{error}");
    // and a file that cannot be written is found out before the log is read
    let nowhere = Plan {
        json: Some(folder.path().join("none/a.json")),
        ..plan(&folder, "", false)
    };
    let error = run(&nowhere).err().expect("refused").to_string();
    assert!(error.contains("there is no folder"), "{error}");
}

#[test]
fn what_stays_doubtful_is_in_the_settings() {
    let folder = tempfile::tempdir().expect("made");
    let path = folder.path().join("small.toml");
    let rules = "failure_rate = false\nconsecutive_failures = false\noutage = { theta = 0.3 }\n";
    std::fs::write(&path, rules).expect("written");
    // three of ten calls fail: as many as are called an outage, and theta gets no advice
    let text = lines()
        .replace(",503,", ",200,")
        .replace("0,200,a", "0,503,a")
        .replace("3,200,a", "3,503,a");
    let text = text.replace("7,200,a", "7,503,a");
    let small = Plan {
        configuration: Configuration::parse(&path.display().to_string()).expect("valid"),
        ..plan(&folder, &text, false)
    };
    let answer = run(&small).expect("enough calls");
    assert!(
        answer.toml.contains("# Doubtful: "),
        "{}\n{}",
        answer.toml,
        answer.about
    );
    toml::from_str::<Config>(&answer.toml).expect("TOML of the crate's");
}
