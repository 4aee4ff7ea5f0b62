use super::*;
use crate::log::testing::{Folder, SECOND, calls, csv, named, refused};
use crate::log::{Columns, Options, Recorded};

#[test]
fn bad_lines_are_counted_and_reported() {
    let text = "time,duration_ms,status\n\
        1,1,200\nx,1,200\n2,-1,200\n3,NaN,200\n4,1\n5,1,200,surplus\n6,1,200,\n\n7,1,wrong\n8,1,200\n9,1,200\n10,1,200\n11,1,200\n";
    let log = csv(text).expect("half of them are good");
    assert_eq!((log.lines, log.len(), log.bad.count), (12, 6, 6));
    let report = log.bad.to_string();
    let expected = "6 bad lines:\
        \n  line 3: time: \"x\" is not a number\
        \n  line 4: duration_ms: \"-1\" is negative\
        \n  line 5: duration_ms: \"NaN\" is not a finite number\
        \n  line 6: 2 fields, and the header has 3\
        \n  line 7: 4 fields, and the header has 3\
        \n  and 1 more";
    assert_eq!(report, expected);

    let error = refused(csv("time,duration_ms,status\n1,1,200\nx,1,200\ny,1,200\n"));
    assert!(
        error.starts_with("a.csv: 2 of 3 lines are bad\n2 bad lines:\n  line 3: time"),
        "{error}"
    );
}

#[test]
fn lines_that_are_broken_cost_no_other_line() {
    let long = "9".repeat(70_000);
    let mut text =
        format!("time,duration_ms,status\r\n1,1,200\r\n{long},1,200\r\n2,1,200\r\n").into_bytes();
    text.extend(b"3,1,\xFF00\n4,1,200\n\"5,1,200\n6,1,200\n7,1,200");
    let log = Folder::new()
        .read("a.csv", &text, &Options::default())
        .expect("read");
    let times: Vec<i64> = calls(&log).iter().map(|call| call.0 / SECOND).collect();
    assert_eq!(times, [1, 2, 4, 6, 7]);
    let bad: Vec<(u64, &str)> = log
        .bad
        .first
        .iter()
        .map(|(line, why)| (*line, why.as_str()))
        .collect();
    let expected = [
        (3, "it is longer than 65536 bytes"),
        (5, "it is not UTF-8"),
        (7, "a quote is not closed before the next call"),
    ];
    assert_eq!((bad.as_slice(), log.lines), (&expected[..], 8));

    // a stray quote that another one closes, lines later
    let log =
        csv("time,duration_ms,status\n1,1,200\n\"2,1,200\n3,1,200\n4,1,\"200\n5,1,200\n6,1,200\n")
            .expect("read");
    let times: Vec<i64> = calls(&log).iter().map(|call| call.0 / SECOND).collect();
    assert_eq!((times, log.bad.count, log.lines), (vec![1, 3, 5, 6], 2, 6));
    let numbers: Vec<u64> = log.bad.first.iter().map(|(line, _)| *line).collect();
    assert_eq!(numbers, [3, 5]);
}

#[test]
fn bad_lines_of_json() {
    let text = "{\"time\":1,\"duration_ms\":1,\"status\":200}\n[1]\n{\"time\":2,\n{\"time\":3,\"duration_ms\":1}\n\
        {\"time\":true,\"duration_ms\":1,\"status\":200}\n{\"time\":{},\"duration_ms\":1,\"status\":200}\n7\n\
        {\"time\":4,\"duration_ms\":1,\"status\":200}{}\n";
    let good = "{\"time\":9,\"duration_ms\":1,\"status\":200}\n".repeat(7);
    let log = named("a.ndjson", &(text.to_string() + &good), Columns::default()).expect("read");
    assert_eq!((log.lines, log.len(), log.bad.count), (15, 8, 7));
    let reasons: Vec<&str> = log.bad.first.iter().map(|(_, why)| why.as_str()).collect();
    assert!(
        reasons[0].starts_with("it is not a JSON object: invalid type: sequence"),
        "{reasons:?}"
    );
    assert!(
        reasons[1].starts_with("it is not a JSON object: EOF"),
        "{reasons:?}"
    );
    assert_eq!(reasons[2], "status is missing");
    assert!(
        reasons[3].contains("\"true\" is not a number"),
        "{reasons:?}"
    );
    assert_eq!(reasons[4], "a value is neither a number nor a string");
}

#[test]
fn a_time_far_from_all_others_is_bad() {
    let log = csv("time,duration_ms,status\n1700000000,1,200\n5,1,200\n1700000001,1,200\n")
        .expect("read");
    assert_eq!((log.len(), log.bad.count), (2, 1));
    assert!(
        log.bad.first[0]
            .1
            .contains("more than 4.5 years from the first call")
    );
    let log = csv("time,duration_ms,status\n1,281474977,200\n1,1,200\n").expect("read");
    assert!(
        log.bad.first[0].1.contains("is longer than 78 hours"),
        "{}",
        log.bad
    );
}

#[test]
fn too_many_keys_are_an_error() {
    let columns = Columns {
        key: Some("host".into()),
        ..Columns::default()
    };
    let mut text = String::from("time,duration_ms,status,host\n");
    for n in 0..=KEYS {
        text += &format!("1,1,200,{n}\n");
    }
    let error = refused(named("a.csv", &text, columns));
    assert!(
        error.contains("more than 262144 keys; is --key the right column?"),
        "{error}"
    );
}

/// The numbers of the bad lines, and how many calls were read.
fn bad_and_read(text: &str) -> (Vec<u64>, usize) {
    let log = csv(text).expect("read");
    let bad: Vec<u64> = log.bad.first.iter().map(|(line, _)| *line).collect();
    assert_eq!(log.bad.count, bad.len() as u64);
    (bad, log.len())
}

#[test]
fn a_stray_quote_swallows_no_line() {
    let with = |first: &str, second: &str| {
        let mut text = String::from("time,duration_ms,status,note\n");
        for n in 0..100 {
            let note = match n {
                20 => first,
                70 => second,
                _ => "",
            };
            text += &format!("{n},1,200,{note}\n");
        }
        bad_and_read(&text)
    };
    assert_eq!(with("\"bad", "\"bad"), (vec![22, 72], 98));
    // the second quote could close the first, but there are calls between them
    assert_eq!(with("\"bad", "bad\""), (vec![22], 99));
    assert_eq!(with("\"bad\"x", "\"\"x"), (vec![22, 72], 98));
    assert_eq!(with("a \"b\" c", "\"a \"\"b\"\"\""), (vec![], 100));
    // where the lines between them are bad too, each is counted
    let text = "time,duration_ms,status,note\n1,1,200,\"a\nx,1,200,\n2,1,200,\"a\n3,1,200,\n4,1,200,\n5,1,200,\n";
    assert_eq!(bad_and_read(text), (vec![2, 3, 4], 3));
}

#[test]
fn what_follows_a_carriage_return_is_not_lost() {
    let text = "time,duration_ms,status\n1,1,200\r2,1,200\n3,1,200\n4,1,200\n";
    assert_eq!(bad_and_read(text), (vec![2], 2));
    let error = refused(csv("time,duration_ms,status\r1,1,200\r2,1,200\r"));
    assert!(error.contains("carriage return alone"), "{error}");
}

#[test]
fn one_wrong_time_costs_one_line() {
    for at in [0, 1, 60, 150] {
        let mut text = String::from("time,duration_ms,status\n");
        for n in 0..200 {
            let time = if n == at { 0 } else { 1_700_000_000 + n };
            text += &format!("{time},1,200\n");
        }
        let log = csv(&text).expect("read");
        let number = u64::try_from(at).expect("small") + 2;
        assert_eq!((log.bad.count, log.bad.first[0].0), (1, number));
        assert!(log.bad.first[0].1.contains("more than 4.5 years"));
        let first = 1_700_000_000 + i64::from(at == 0);
        assert_eq!((log.begins, log.len()), (first * SECOND, 199));
    }
    // reported in the order of the lines, although it was found later
    let text = "time,duration_ms,status\n0,1,200\nx,1,200\n1700000000,1,200\n1700000001,1,200\n1700000002,1,200\n";
    assert_eq!(bad_and_read(text), (vec![2, 3], 3));
}

#[test]
fn numbers_of_grpc() {
    let lines = "1,1,0\n2,1,14\n3,1,5\n4,1,4.0\n5,1,UNAVAILABLE\n6,1,200\n7,1,\n";
    let outcomes = |text: &str, status: &str, grpc: bool| {
        let columns = Columns {
            status: Some(status.into()),
            grpc,
            ..Columns::default()
        };
        named("a.csv", text, columns).map(|log| {
            let outcomes: Vec<Recorded> = log.calls().map(|call| call.outcome).collect();
            (outcomes, log.bad.to_string())
        })
    };
    for (name, grpc) in [("grpc_status", false), ("code", true)] {
        let text = format!("time,duration_ms,{name}\n{lines}");
        let (outcomes, bad) = outcomes(&text, name, grpc).expect("read");
        use Recorded::{Connect, Success, Timeout};
        assert_eq!(outcomes[0], Success);
        assert_eq!((outcomes[3], outcomes[5]), (Timeout, Connect));
        assert!(outcomes[1].is_failure() && !outcomes[2].is_failure());
        assert_eq!((outcomes[4], outcomes.len()), (outcomes[1], 6));
        let expected = format!(
            "1 bad line:\n  line 7: {name}: \"200\" is not a gRPC code: 0 to 16, or a name"
        );
        assert_eq!(bad, expected);
    }
    let codes = format!(
        "time,duration_ms,code\n{}",
        "1,1,0\n".repeat(50) + "2,1,14\n"
    );
    let error = outcomes(&codes, "code", false).expect_err("refused");
    assert!(error.contains("add --grpc"), "{error}");
    // connections that failed
    let http = format!("time,duration_ms,code\n{}", "1,1,0\n".repeat(50));
    let (all, _) = outcomes(&http, "code", false).expect("read");
    assert_eq!(all, [Recorded::Connect; 50]);
}

#[test]
fn json_that_is_not_one_object_per_line() {
    for text in ["[{\"time\":1}]", "[\n{}\n]", "{\n\"time\": 1\n}"] {
        for name in ["a.json", "a.jsonl"] {
            let error = refused(named(name, text, Columns::default()));
            assert!(error.contains("one object per line"), "{error}");
        }
    }
}

#[test]
fn a_unit_that_fits_is_proposed() {
    for (time, unit) in [
        ("1700000000000", "ms"),
        ("1700000000000.5", "ms"),
        ("1700000000000000", "us"),
        ("1700000000000000000", "ns"),
    ] {
        let error = refused(csv(&format!("time,duration_ms,status\n{time},1,200\n")));
        assert!(error.contains("1 of 1 line is bad"), "{error}");
        assert!(
            error.ends_with(&format!("perhaps --time-unit {unit}")),
            "{error}"
        );
    }
}
