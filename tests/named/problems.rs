//! What is wrong with a text: every problem at once, each with its line, breaker, value and range.

use crate::{lines, refused};
use tripcoil::config::{NamedSettings, SettingsFault};

#[test]
fn all_that_is_wrong_is_reported_at_once() {
    let error = refused(
        r#"[default]
failure_rate = 30
min_throughput = "twenty"
open_for = { base = "soon", jitter = 2, wait = "1s" }
half_open = { of = 5 }

[breakers.payments]
consecutive_failure = 3
slow_rate = 0.5

[breakers.search]
profile = "databse"
failure_rate = -1

[breaker.mail]
"#,
    );
    let inner = "adaptive, base, factor, max, jitter, reset_after, seed";
    assert_eq!(
        lines(&error),
        [
            "line 2: default.failure_rate is 30, but must be above 0 and at most 1".to_string(),
            "line 3: default.min_throughput is \"twenty\", but must be a whole number up to 4294967295, such as 20".into(),
            "line 4: default.open_for.base is \"soon\", but must be a duration such as \"10s\" or \"500ms\"".into(),
            "line 4: default.open_for.jitter is 2, but must be at least 0 and below 1".into(),
            format!("line 4: default.open_for.wait is not a setting; the settings of open_for are {inner}"),
            "line 5: default.half_open has settings that exclude each other: of and failure_rate belong together, but only one of them is set".into(),
            "line 8: breakers.payments.consecutive_failure is not a setting; did you mean consecutive_failures?".into(),
            "line 9: breakers.payments.slow_rate is 0.5, but must be unset unless slow_call is set".into(),
            "line 12: breakers.search.profile is \"databse\", but must be \"default\", \"adaptive\", \"database\", \"http\", \"cache\" or \"queue\"".into(),
            "line 13: breakers.search.failure_rate is -1, but must be above 0 and at most 1".into(),
            "line 15: breaker is unknown; there are default and breakers".into(),
        ]
    );
    use SettingsFault::{Conflict, Range, Type, Unknown, UnknownProfile};
    let faults: Vec<_> = error.problems().iter().map(|p| p.fault).collect();
    assert_eq!(
        faults,
        [
            Range,
            Type,
            Type,
            Range,
            Unknown,
            Conflict,
            Unknown,
            Range,
            UnknownProfile,
            Range,
            Unknown
        ]
    );
    let breakers: Vec<_> = error
        .problems()
        .iter()
        .map(|p| p.breaker.as_deref())
        .collect();
    assert_eq!(
        breakers[5..],
        [
            None,
            Some("payments"),
            Some("payments"),
            Some("search"),
            Some("search"),
            None
        ]
    );
    let meant = &error.problems()[10];
    assert_eq!(
        (&*meant.setting, &*meant.permitted),
        ("breaker", "breakers")
    );
}

#[test]
fn each_value_is_judged_where_it_is_set() {
    let error = refused(
        "[default]\nopen_for = { base = \"1s\", jitter = 2, factor = 0.5 }\n[breakers.a]\n[breakers.b]\nopen_for = { jitter = 3 }\n",
    );
    let places: Vec<_> = lines(&error)
        .iter()
        .map(|line| line.split(" is ").next().unwrap().to_string())
        .collect();
    assert_eq!(
        places,
        [
            "line 2: default.open_for.factor",
            "line 2: default.open_for.jitter",
            "line 5: breakers.b.open_for.jitter",
        ]
    );
}

/// Two settings that are right by themselves, in two tables.
#[test]
fn a_conflict_of_two_tables_is_that_of_the_breaker() {
    let error = refused(
        "[default]\nslow_call = \"1s\"\nfailure_count = 20\n\n[breakers.a]\nslow_call = false\non_cancel = \"failure_if_slow\"\n\
         [breakers.b]\nwindow.count = 10\n",
    );
    assert_eq!(
        lines(&error),
        [
            // where the value was set
            "line 3: breakers.b.failure_count is 20, but must be from 1 to 10, the size of the window",
            "line 7: breakers.a.on_cancel is failure_if_slow, but must be ignored or failure unless slow_call is set",
        ]
    );
}

#[test]
fn what_follows_from_a_bad_value_is_not_reported_again() {
    for text in [
        "[default]\nslow_call = \"soon\"\nslow_rate = 0.5\non_cancel = \"failure_if_slow\"\n",
        "[default]\nopen_for = { base = \"soon\", max = \"5s\" }\n",
        "[default]\nfailure_rate = \"half\"\nconsecutive_failures = false\n",
        "[default]\nhalf_open = { of = \"ten\", failure_rate = 0.5 }\n",
        "[default]\nlenient = { kinds = [\"overlod\"], weight = 0.5 }\n",
        "[default]\nprofile = \"adaptiv\"\nopen_for = { max = \"5s\" }\n",
        "[default]\nprofile = \"adaptiv\"\n[breakers.a]\nwindow = { count = 10 }\n",
        "[default]\nwindow = { time = \"ten\", buckets = 7 }\n",
        "[default]\nfailure_rate = 2\n[breakers.a]\n[breakers.b]\nhistory = 8\n",
    ] {
        let error = refused(text);
        assert_eq!(error.problems().len(), 1, "{text}{error}");
    }
}

#[test]
fn a_range_of_the_profile_is_reported_as_such() {
    let error = refused("[default]\nprofile = \"cache\"\n[breakers.a]\nwindow = { count = 9 }\n");
    let texts = lines(&error);
    assert_eq!(texts.len(), 4, "{texts:?}");
    assert!(
        texts[0].starts_with("line 2: breakers.a.") || texts[0].starts_with("line 3: breakers.a."),
        "{texts:?}"
    );
    assert!(
        texts
            .iter()
            .all(|text| text.contains(" by the profile, but must be "))
    );
    let error = refused("[default]\nprofile = \"adaptive\"\noutage = false\nhang = false\n");
    assert!(
        lines(&error)[0]
            .contains("default has no trip rule that is on, but there must be at least one of"),
        "{error}"
    );
}

#[test]
fn what_is_not_a_table_is_reported() {
    for text in ["", "\n", "[breakers.payments]\n", "# nothing\n"] {
        let error = refused(text);
        assert_eq!(lines(&error), ["default is missing"], "{text:?}");
        assert_eq!(error.problems()[0].fault, SettingsFault::Missing);
    }
    assert_eq!(
        lines(&refused("default = 3\nbreakers = { a = 4 }\n")),
        [
            "line 1: default is not a table",
            "line 2: breakers.a is not a table"
        ]
    );
    assert_eq!(
        lines(&refused(
            "breakers = true\n[default]\nwindow = 5\nopen_for = true\nhalf_open = []\n[[default.outage]]\n"
        )),
        [
            "line 1: breakers is not a table",
            "line 3: default.window is 5, but must be a table such as { time = \"10s\", buckets = 10 } or { count = 100 }",
            "line 4: default.open_for is true, but must be a duration such as \"10s\", or a table such as { base = \"10s\", factor = 2.0, max = \"10m\" }",
            "line 5: default.half_open is [], but must be a table such as { successes = 2, max_probes = 1 } or { of = 10, failure_rate = 0.5 }",
            "line 6: default.outage is a list, but must be a table such as { theta = 0.5, loss = 0.002 }, or false to turn it off",
        ]
    );
}

#[test]
fn each_type_of_a_value_is_refused_by_name() {
    for (value, shown) in [
        ("1979-05-27", "a date"),
        ("[1, 2]", "a list"),
        ("{ secret = 1 }", "a table"),
        ("true", "true"),
        ("-1", "-1"),
        ("1.5", "1.5"),
        ("99999999999999999999", "99999999999999999999"),
        ("nan", "nan"),
        ("\"a\\nb\"", "\"a\\nb\""),
    ] {
        let error = refused(&format!("[default]\nhistory = {value}\n"));
        let expected = format!("line 2: default.history is {shown}, but must be a whole number");
        assert!(lines(&error)[0].starts_with(&expected), "{error}");
    }
    for value in ["nan", "inf", "-0.0", "1e400"] {
        let error = refused(&format!("[default]\nfailure_rate = {value}\n"));
        assert_eq!(error.problems().len(), 1, "{error}");
    }
}

#[test]
fn duplicates_are_reported_with_what_else_is_wrong() {
    let error = refused(
        "[default]\nhistory = 0\n\n[breakers.orders]\nfailure_rate = 0.4\nfailure_rate = 0.3\n\n[breakers.orders]\nslow_rate = 3\n",
    );
    let texts = lines(&error);
    assert_eq!(
        texts[..2],
        [
            "line 2: default.history is 0, but must be from 1 to 65536",
            "line 6: not valid TOML: failure_rate is there twice"
        ]
    );
    assert!(
        texts[2].starts_with("line 8: not valid TOML: orders"),
        "{texts:?}"
    );
    assert_eq!(error.problems()[1].fault, SettingsFault::Duplicate);
    assert_eq!(error.problems()[2].fault, SettingsFault::Duplicate);
}

#[test]
fn a_syntax_error_is_reported_with_its_line() {
    let good = "[default]\nfailure_rate = 0.4\n\n[breakers.orders]\nhistory = 8\n";
    for (text, line) in [
        (good.replace("= 0.4", "= = 0.4"), 2),
        (good.replace("[breakers.orders]", "[breakers.orders"), 4),
        (good.replace("8", "\"8"), 5),
    ] {
        let error = refused(&text);
        for problem in error.problems() {
            assert_eq!(problem.fault, SettingsFault::Syntax, "{problem}");
            assert!(
                problem.to_string().contains("not valid TOML: "),
                "{problem}"
            );
        }
        let found = error.problems().iter().any(|p| p.line == Some(line));
        assert!(found, "{error}");
    }
}

/// As the parser's own errors would have it, which quote the line.
#[test]
fn a_secret_beside_a_bad_setting_is_printed_nowhere() {
    let good = "[default]\nfailure_rate = 0.4\nopen_for = { jitter = 0.1 }\n";
    let secret = "password = \"hunter2\"";
    for text in [
        format!("{good}{secret}\n"),
        good.replace("0.4", &format!("\"x\"\n{secret}")),
        good.replace("jitter = 0.1", &format!("jitter = 7, {secret}")),
        good.replace("0.4", &format!("{{ {secret} }}")),
        format!("{good}[database]\n{secret}\n"),
        format!("breakers = \"hunter2\"\n{good}"),
        format!("breakers = {{ a = \"hunter2\" }}\n{good}"),
        "default = \"hunter2\"\n".to_string(),
        format!("{good}{secret} {secret}\n"),
        format!("{good}{secret}\n{secret}\n"),
        format!("{good}password = hunter2\n"),
        format!("{good}password = \"hunter2\n"),
        format!("{good}password \"hunter2\"\n"),
    ] {
        let error = refused(&text);
        for said in [error.to_string(), format!("{error:?}")] {
            assert!(!said.contains("hunter2"), "{text}\n{said}");
            assert!(said.contains("line"), "{said}");
        }
    }
}

/// A name from outside must not forge a line of a log.
#[test]
fn names_are_escaped() {
    let error =
        refused("[default]\n[breakers.\"a\\nline 1: all is well\"]\nhistory = 0\n\"x\\ny\" = 1\n");
    assert_eq!(
        lines(&error),
        [
            "line 3: breakers.\"a\\nline 1: all is well\".history is 0, but must be from 1 to 65536",
            "line 4: breakers.\"a\\nline 1: all is well\".\"x\\ny\" is not a setting; the settings are \
             profile, window.time, window.buckets, window.count, failure_rate, min_throughput, slow_call, slow_rate, \
             consecutive_failures, failure_count, outage, outage.theta, outage.loss, hang, hang.after, hang.starts, \
             lenient, lenient.kinds, lenient.weight, open_for, open_for.adaptive, open_for.base, open_for.factor, \
             open_for.max, open_for.jitter, open_for.reset_after, open_for.seed, half_open.successes, half_open.of, \
             half_open.failure_rate, half_open.slow_rate, half_open.max_probes, half_open.probe_timeout, half_open.ramp, \
             on_cancel, max_in_flight, durations, history, clock, initial_state",
        ]
    );
    assert_eq!(
        error.problems()[0].breaker.as_deref(),
        Some("a\nline 1: all is well")
    );
}

#[test]
fn a_file_is_named_in_the_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("breakers.toml");
    std::fs::write(&path, "[default]\nhistory = 0\n").unwrap();
    let error = NamedSettings::read(&path).unwrap_err();
    let expected = format!("invalid breaker settings in {path:?}:\nline 2: default.history is 0");
    assert!(error.to_string().starts_with(&expected), "{error}");
    assert_eq!(error.path(), Some(&*path));

    for (what, unread) in [
        ("missing", path.with_extension("no")),
        ("a folder", folder.path().into()),
    ] {
        let error = NamedSettings::read(&unread).expect_err(what);
        assert_eq!(error.path(), Some(&*unread));
        assert!(error.problems().is_empty());
        assert!(std::error::Error::source(&error).is_some());
    }
    std::fs::write(&path, b"[default]\n# \xff\n").unwrap();
    assert!(
        NamedSettings::read(&path)
            .unwrap_err()
            .to_string()
            .starts_with("could not read")
    );
    std::fs::write(&path, vec![b'\n'; (1 << 20) + 1]).unwrap();
    assert!(
        NamedSettings::read(&path)
            .unwrap_err()
            .to_string()
            .starts_with("could not read")
    );
}

#[test]
fn any_bytes_are_read_or_refused() {
    let good = "[default]\nfailure_rate = 0.4\nopen_for = { base = \"1s\" }\n[breakers.a]\nhalf_open.of = 3\nhalf_open.failure_rate = 0.5\n";
    assert!(NamedSettings::parse(good).is_ok());
    for cut in 0..=good.len() {
        let _ = NamedSettings::parse(&good[..cut]);
        for odd in ["\0", "[", "\"", "=", "\u{feff}", "{", "\r", "'''", "{}"] {
            let text = format!("{}{odd}{}", &good[..cut], &good[cut..]);
            if let Err(error) = NamedSettings::parse(&text) {
                assert!(!error.to_string().is_empty());
            }
        }
    }
    let deep = "[default]\nx = ".to_string() + &"[".repeat(10_000);
    assert!(NamedSettings::parse(&deep).is_err());
}

#[test]
fn what_is_fixed_is_reported_once() {
    let running: NamedSettings =
        "[default]\nwindow = { time = \"10s\" }\n[breakers.own]\nhistory = 8\n[breakers.a]\n"
            .parse()
            .unwrap();
    let check = |text: &str| {
        let edited: NamedSettings = text.parse().unwrap();
        edited.check_live(&running).map_err(|error| lines(&error))
    };
    // the same in other words
    let same = "[default]\nwindow = { buckets = 10, time = \"10000ms\" }\n[breakers.own]\nhistory = 8\nfailure_rate = 0.3\n";
    assert_eq!(check(same), Ok(()));
    let fixed = "it is fixed when a breaker is built";
    assert_eq!(
        check(
            "[default]\nwindow = { count = 10 }\nclock = \"precise\"\n[breakers.own]\ninitial_state = \"disabled\"\n"
        ),
        Err(vec![
            format!(
                "line 2: default.window is {{ count = 10 }}, but must be {{ time = \"10s\", buckets = 10 }}: {fixed}"
            ),
            format!("line 3: default.clock is \"precise\", but must be \"coarse\": {fixed}"),
            format!("line 4: breakers.own.history is 4, but must be 8: {fixed}"),
            format!(
                "line 5: breakers.own.initial_state is \"disabled\", but must be \"closed\": {fixed}"
            ),
        ])
    );
    // nor may what a breaker had of its own go away
    assert_eq!(
        check("[default]\n"),
        Err(vec![format!(
            "breakers.own.history is 4, but must be 8: {fixed}"
        )])
    );
    assert_eq!(
        check(
            "[default]\ndurations = true\n[breakers.own]\nhistory = 8\n[breakers.new]\nhistory = 9\n"
        ),
        Err(vec![
            format!("line 2: default.durations is true, but must be false: {fixed}"),
            format!("line 6: breakers.new.history is 9, but must be 4: {fixed}"),
        ])
    );
}

/// A name with dots that is not quoted is a table in a table.
#[test]
fn an_unquoted_name_with_dots_is_recognized() {
    let error = refused(
        "[default]\n\n[breakers.eu.example.com]\nfailure_rate = 0.4\n\
         [breakers.eu.example.org]\nopen_for = { base = \"1s\" }\n\
         [breakers.\"a b\".\"\"]\n[breakers.mail.open_fro]\nbase = \"1s\"\n",
    );
    assert_eq!(
        lines(&error),
        [
            "line 3: breakers.eu.example is not a setting; did you mean [breakers.\"eu.example.com\"]?",
            "line 5: breakers.eu.example is not a setting; did you mean [breakers.\"eu.example.org\"]?",
            "line 7: breakers.\"a b\".\"\" is not a setting; did you mean [breakers.\"a b.\"]?",
            "line 8: breakers.mail.open_fro is not a setting; did you mean open_for?",
        ]
    );
    let error = refused("[default]\n[breakers]\nus.example.history = 4\n");
    let expected =
        "line 3: breakers.us.example is not a setting; did you mean [breakers.\"us.example\"]?";
    assert_eq!(lines(&error), [expected]);
    let deep = format!("[default]\n[breakers.{}x]\nhistory = 4\n", "d.".repeat(60));
    assert_eq!(refused(&deep).problems().len(), 1);
}

/// `rate` and `failure_rate` are one setting.
#[test]
fn a_setting_by_two_words_is_there_twice() {
    for value in ["0.5", "\"half\""] {
        let text =
            format!("[default]\nhalf_open = {{ of = 10, rate = {value}, failure_rate = 0.9 }}\n");
        let error = refused(&text);
        let expected =
            "line 2: default.half_open.failure_rate is there twice: rate is another word for it";
        assert!(lines(&error).contains(&expected.to_string()), "{error}");
        let twice = |p: &&tripcoil::config::SettingsProblem| p.fault == SettingsFault::Duplicate;
        assert_eq!(error.problems().iter().filter(twice).count(), 1);
    }
}

/// The index of lines and the text agree.
#[test]
fn each_problem_has_its_line_in_any_text() {
    for end in ["\n", "\r\n"] {
        let text = [
            "[default]",
            "",
            "# \u{5317}",
            "[breakers.a]",
            "",
            "history = 0",
            "x = 1",
        ]
        .join(end);
        let error = refused(&text);
        let at: Vec<_> = error
            .problems()
            .iter()
            .map(|problem| problem.line)
            .collect();
        assert_eq!(at, [Some(6), Some(7)], "{error}");
    }
}
