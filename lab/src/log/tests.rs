use super::testing::{Folder, SECOND, calls, csv, named, refused};
use super::*;

#[test]
fn the_default_columns_of_csv_and_json() {
    let expected = vec![
        (1_700_000_000_123_456_789, 20, Recorded::Success),
        (1_700_000_001_000_000_000, 1, Recorded::Overload),
        (1_700_000_002_500_000_000, 250, Recorded::Connect),
    ];
    let log = csv(
        "time,duration_ms,status\n1700000000.123456789,20,200\n1700000001,1.5,503\n1700000002.5,250,\n",
    );
    let log = log.expect("read");
    assert_eq!(calls(&log), expected);
    assert_eq!((log.lines, log.bad.count, log.has_keys()), (3, 0, false));
    assert_eq!(log.calls().nth(1).expect("there").lasted, 1_500_000);
    let json = r#"{"time":1700000000.123456789,"duration_ms":20,"status":200,"more":{"a":[1]}}
{"status":"503","duration_ms":"1.5","time":"1700000001"}
{"time":1.7000000025e9,"duration_ms":2.5E2,"status":null}"#;
    assert_eq!(
        calls(&named("a.jsonl", json, Columns::default()).expect("read")),
        expected
    );
    // by its first byte
    assert_eq!(
        calls(&named("access.log", json, Columns::default()).expect("read")),
        expected
    );
}

#[test]
fn an_empty_log_is_an_error() {
    for (name, text, reason) in [
        ("a.csv", "", "a.csv: the log is empty"),
        ("a.csv", "\n \r\n", "a.csv: the log is empty"),
        ("a.jsonl", "", "a.jsonl: the log is empty"),
        (
            "a.csv",
            "time,duration_ms,status\n",
            "a.csv: the log has a header and no calls",
        ),
        (
            "a.csv",
            "1,2,3\n1,2,3\n",
            "a.csv: the first line has to hold the columns' names",
        ),
        ("a.csv", "\u{FF}", "there is no column \"time\""),
    ] {
        let error = refused(named(name, text, Columns::default()));
        assert!(error.contains(reason), "{error}");
    }
    let utf16 = Folder::new().read("a.csv", b"\xFF\xFEt\0i\0", &Options::default());
    assert!(refused(utf16).contains("UTF-16"));
    let nowhere = read(
        &Source::new("/no/such.csv".into()),
        &Options::default(),
        &ProgressBar::hidden(),
    );
    assert!(refused(nowhere.map_err(|e| e.to_string())).starts_with("/no/such.csv: "));
    let folder = read(
        &Source::new(std::env::temp_dir()),
        &Options::default(),
        &ProgressBar::hidden(),
    );
    assert!(refused(folder.map_err(|e| e.to_string())).contains("it is a folder"));
}

#[test]
fn a_missing_column_is_an_error_with_a_suggestion() {
    for (header, ends) in [
        (
            "ts,duration_ms,status",
            "no column \"time\"; the columns are: ts, duration_ms, status\n  perhaps --time ts",
        ),
        ("Time,duration_ms,status", "perhaps --time Time"),
        (
            "time,request_time,status",
            "perhaps --duration request_time",
        ),
        ("time,duration_ms,stauts", "perhaps --status stauts"),
        (
            "time,duration_ms,x",
            "the columns are: time, duration_ms, x\n  set it with --status",
        ),
    ] {
        let error = refused(csv(&format!("{header}\n1,2,200\n")));
        assert!(error.ends_with(ends), "{error}");
    }
    let error = refused(named(
        "a.jsonl",
        r#"{"ts":1,"http":{"status":200}}"#,
        Columns::default(),
    ));
    assert!(error.contains("time is missing"), "{error}");
    let ends =
        "the first line has: http.status, ts\n  perhaps --time ts\n  perhaps --status http.status";
    assert!(error.ends_with(ends), "{error}");
}

#[test]
fn unsorted_calls_are_sorted_and_ties_keep_their_order() {
    let log = csv("time,duration_ms,status\n3,1,200\n1,1,200\n2,5,500\n2,4,200\n2,3,503\n")
        .expect("read");
    assert_eq!(log.begins, SECOND);
    let lasted: Vec<(i64, u64)> = calls(&log)
        .iter()
        .map(|call| (call.0 / SECOND, call.1))
        .collect();
    assert_eq!(lasted, [(1, 1), (2, 5), (2, 4), (2, 3), (3, 1)]);
    // by its end
    let columns = Columns {
        ends: true,
        ..Columns::default()
    };
    let log = named(
        "a.csv",
        "time,duration_ms,status\n0.5,900,200\n0.6,100,200\n",
        columns,
    )
    .expect("read");
    assert_eq!(calls(&log)[0].0, -400_000_000);
    assert_eq!(
        log.calls().map(|call| call.at).collect::<Vec<_>>(),
        [0, 900_000_000]
    );
}

#[test]
fn keys_have_their_calls() {
    let columns = Columns {
        key: Some("host".into()),
        ..Columns::default()
    };
    let text = format!(
        "time,host,duration_ms,status\n3,b,1,200\n1,\"a,\"\"b\"\"\",1,200\n2,b,1,500\n4,,1,200\n5,{},1,200\n",
        "k".repeat(300)
    );
    let log = named("a.csv", &text, columns).expect("read");
    let keys: Vec<(String, Vec<u64>)> = log
        .by_key()
        .map(|(key, calls)| {
            (
                key.to_string(),
                calls.map(|call| call.at / SECOND as u64).collect(),
            )
        })
        .collect();
    let expected = [("b", vec![1, 2]), ("a,\"b\"", vec![0]), ("", vec![3])];
    assert_eq!(keys, expected.map(|(key, at)| (key.to_string(), at)));
    assert!(log.has_keys() && log.bad.first[0].1.contains("is longer than 256 bytes"));
}

#[test]
fn foreign_logs() {
    // of nginx, with a BOM, semicolons, quotes and seconds
    let nginx = "\u{FEFF}remote;time_iso8601;request_time;status;agent\n\
        10.0.0.1;2023-11-15T00:13:20+02:00;0.250;504;\"Mozilla; a \"\"b\"\"\nof two lines\"\n\
        10.0.0.2;2023-11-15T00:13:21+02:00;0,010;200;curl\n";
    let columns = Columns {
        time: "time_iso8601".into(),
        duration: "request_time".into(),
        duration_unit: Unit::Seconds,
        ends: true,
        ..Columns::default()
    };
    let log = named("a.csv", nginx, columns.clone()).expect("read");
    let expected = [
        (1_699_999_999_750_000_000, 250, Recorded::Timeout),
        (1_700_000_000_990_000_000, 10, Recorded::Success),
    ];
    assert_eq!((calls(&log).as_slice(), log.bad.count), (&expected[..], 0));
    let tabs = "time_iso8601\trequest_time\tstatus\n2023-11-14T22:13:20Z\t0.25\t504\n2023-11-14T22:13:21Z\t.01\t200\n";
    let log = named("a.tsv", tabs, columns.clone()).expect("read");
    assert_eq!(calls(&log), expected);
    let options = Options {
        delimiter: Some(b'#'),
        columns,
        format: Some(Format::Csv),
    };
    let hashes = tabs.replace('\t', "#");
    let log = Folder::new()
        .read("a.jsonl", hashes.as_bytes(), &options)
        .expect("read");
    assert_eq!(calls(&log), expected);

    // nested members, numbers as strings, flat names with dots, and escapes
    let columns = Columns {
        time: "@timestamp".into(),
        duration: "event.took".into(),
        status: Some("http.status".into()),
        key: Some("up stream".into()),
        ..Columns::default()
    };
    let json = r#"{"@timestamp":"2023-11-14T22:13:20Z","event":{"took":"12ms","x":1},"http":{"status":{"a":1},"status":"200"},"up stream":"a\u0062"}
{"@timestamp":1700000001,"event.took":5,"http":null,"http.status":503,"up\u0020stream":7}"#;
    let log = named("a.log", json, columns).expect("read");
    let expected = [
        (1_700_000_000 * SECOND, 12, Recorded::Success),
        (1_700_000_001 * SECOND, 5, Recorded::Overload),
    ];
    assert_eq!(
        (calls(&log).as_slice(), log.bad.to_string()),
        (&expected[..], String::new())
    );
    let keys: Vec<String> = log.by_key().map(|(key, _)| key.to_string()).collect();
    assert_eq!(keys, ["ab", "7"]);
}

#[test]
fn an_outcome_goes_before_a_status() {
    let text =
        "time,duration_ms,status,fate\n1,1,200,timeout\n2,1,503,\n3,,,rejected\n4,,,Success\n";
    let columns = Columns {
        outcome: Some("fate".into()),
        ..Columns::default()
    };
    let log = named("a.csv", text, columns.clone()).expect("read");
    let outcomes: Vec<Recorded> = log.calls().map(|call| call.outcome).collect();
    assert_eq!(
        outcomes,
        [Recorded::Timeout, Recorded::Overload, Recorded::Rejected]
    );
    assert_eq!(log.bad.first[0].1, "duration_ms: the field is empty");
    let alone = Columns {
        status: None,
        ..columns
    };
    let log = named("a.csv", text, alone).expect("read");
    assert!(
        log.bad.first[0]
            .1
            .starts_with("fate: \"\" is not an outcome")
    );
}
