use super::render;
use crate::replay::replay;
use crate::replay::testing::{configuration, log, ours, played, three_in_a_row, two_hosts};
use std::fmt::Write as _;

#[test]
fn texts_of_the_log_are_escaped() {
    let evil = "<script>alert('x')</script>&\"\"";
    let text = two_hosts(3000, &format!("\"{evil}\""));
    let folder = tempfile::tempdir().expect("made");
    let mut log = log(&folder, &text, true);
    log.name = "folder/<b>.csv".into();
    log.bad.count = 1;
    log.bad
        .first
        .push((7, "time: \"<img src=x onerror=y>\" is not a number".into()));
    let named = configuration("<i>\"", three_in_a_row());
    let page = render(&replay(&log, &[named], 1).expect("replayed"));
    for raw in ["<script", "<img", "<b>", "<i>"] {
        assert!(!page.contains(raw), "{raw}");
    }
    assert!(page.contains("&lt;script&gt;alert('x')&lt;/script&gt;&amp;"));
    assert!(page.contains("<title>Replay of &lt;b&gt;.csv</title>"));
    assert!(
        page.contains("&lt;img src=x onerror=y&gt;")
            && page.contains("aria-label=\"Calls and states with &lt;i&gt;&quot;\"")
    );
    // it loads nothing: patterns are its own
    let page = page
        .replace("src=x onerror", "")
        .replace("url(#failed)", "")
        .replace("url(#good)", "");
    for from in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(from), "{from}");
    }
}

#[test]
fn more_openings_than_are_listed_are_counted() {
    // three failures, and a good minute, 130 times
    let mut text = String::from("time,duration_ms,outcome\n");
    for round in 0..130 {
        for second in 0..20 {
            let outcome = if second < 3 { "server" } else { "success" };
            let _ = writeln!(text, "{},10,{outcome}", round * 20 + second);
        }
    }
    let report = played(&text, false, &ours());
    let of = &report.configurations[0];
    assert_eq!(
        (of.openings, of.first_openings.len(), of.more_openings()),
        (130, 100, 30)
    );
    assert_eq!(
        of.to_opening_s.map(|to| (to.median.0, to.longest.0)),
        Some((2_000_000_000, 2_000_000_000))
    );
    assert!(render(&report).contains("30 later ones are not listed."));
}

#[test]
fn a_log_of_one_call_and_one_of_no_length() {
    for text in [
        "time,duration_ms,outcome\n5,0,success\n",
        "time,duration_ms,outcome\n5,0,server\n5,0,server\n5,0,server\n5,0,server\n",
    ] {
        let report = played(text, false, &ours());
        let of = &report.configurations[0];
        assert_eq!(of.tally.calls(), report.log.calls);
        assert!(render(&report).ends_with("</html>"));
    }
}
