use crate::replay::Configuration;
use crate::replay::testing::{configuration, ours, played, three_in_a_row, two_hosts};
use crate::replay::timeline;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;
use tripcoil::call::OwnedPermit;
use tripcoil::{Config, FailureKind, ManualClock, Outcome, State};

/// A call per second of 100 ms each.
fn by_second(outcomes: &[&str]) -> String {
    let mut text = String::from("time,duration_ms,outcome\n");
    for (second, outcome) in outcomes.iter().enumerate() {
        let _ = writeln!(text, "{second},100,{outcome}");
    }
    text
}

#[test]
fn openings_that_are_known_by_hand() {
    let (s, f) = ("success", "timeout");
    // seconds:                0  1  2  3  4  5  6  7  8  9  10 11 12 13 14 15 16 17 18 19
    let text = by_second(&[s, s, f, s, f, f, f, f, f, s, s, f, f, f, f, f, s, s, s, s]);
    let report = played(&text, false, &ours());
    let of = &report.configurations[0];
    // The third failure in a row ends at 6.1 s. Until 11.1 s calls are rejected: those of 7 to 11 s. The probe
    // of 12 s fails at 12.1 s, and the calls of 13 to 17 s are rejected. Those of 18 and 19 s are good probes.
    assert_eq!((of.openings, of.reopened), (1, 1));
    assert_eq!(
        (of.tally.rejected.bad, of.tally.rejected.good),
        (3 + 3, 2 + 2)
    );
    assert_eq!(
        (of.tally.admitted.bad, of.tally.admitted.good),
        (4 + 1, 3 + 2)
    );
    let opening = &of.first_openings[0];
    assert_eq!(
        (opening.at_s.0, opening.at.as_str()),
        (6_100_000_000, "6.1")
    );
    assert_eq!(opening.cause, "consecutive failures");
    assert_eq!(
        (opening.spared, opening.good_rejected, opening.reopened),
        (6, 4, 1)
    );
    assert_eq!((opening.calls, opening.failures, opening.slow), (7, 4, 0));
    // the score of the first failure, at 2.1 s, has not fallen to zero
    assert_eq!(opening.to_opening_s.map(|s| s.0), Some(4_000_000_000));
    // from 6.1 s to the second good probe's end
    assert_eq!(opening.lasted_s.map(|s| s.0), Some(13_000_000_000));
    // 6.1 to 12 s and 12.1 to 18 s; the probes' time is half-open
    assert_eq!(
        (of.open_s.0, of.half_open_s.0),
        (11_800_000_000, 1_200_000_000)
    );
    let open: u64 = of.timeline.buckets.iter().map(|bucket| bucket.open).sum();
    assert_eq!(open, of.open_s.0);
}

#[test]
fn calls_overlap_as_they_were_recorded() {
    // three calls that fail together are in flight while others begin: these are admitted
    let mut text = String::from("time,duration_ms,outcome\n");
    for (time, took, outcome) in [
        ("0", "1000", "connect"),
        ("0.1", "900", "connect"),
        ("0.2", "800", "connect"),
        ("0.9", "50", "ignored"),
        ("1", "1", "success"), // it begins when the others have ended
        ("1.5", "1", "success"),
    ] {
        let _ = writeln!(text, "{time},{took},{outcome}");
    }
    let report = played(&text, false, &ours());
    let of = &report.configurations[0];
    assert_eq!((of.tally.admitted.all(), of.tally.rejected.good), (4, 2));
    assert_eq!(of.first_openings[0].at_s.0, 1_000_000_000);
    // never closed
    assert_eq!(of.first_openings[0].lasted_s, None);
    assert_eq!(of.open_s.0, 501_000_000);
}

#[test]
fn what_was_rejected_when_it_was_recorded_is_unknown() {
    let (s, f, r) = ("success", "server", "rejected");
    let text = by_second(&[s, f, r, f, r, f, r, r, r, r, r, r, s, s, "cancelled", s]);
    let report = played(&text, false, &ours());
    let of = &report.configurations[0];
    // opened at 5.1 s by three failures with nothing known between them; the probe of 11 s is unknown, and its
    // slot is free again for that of 12 s
    assert_eq!(of.first_openings[0].at_s.0, 5_100_000_000);
    assert_eq!(
        (of.tally.rejected.unknown, of.tally.admitted.unknown),
        (5, 3)
    );
    assert_eq!(
        (of.tally.rejected.good, of.tally.admitted.cancelled),
        (0, 1)
    );
    assert_eq!(
        of.first_openings[0].lasted_s.map(|s| s.0),
        Some(8_000_000_000)
    );
    assert_eq!((report.log.rejected, report.log.failed), (8, 3));
    assert_eq!(of.first_openings[0].others_rejected, 5);
}

#[test]
fn slow_calls_are_bad_only_where_there_is_a_limit() {
    let mut text = String::from("time,duration_ms,outcome\n");
    for n in 0..40 {
        let _ = writeln!(text, "{n},{},success", if n >= 20 { 500 } else { 5 });
    }
    let slow = Config {
        slow_call: Some(std::time::Duration::from_millis(100)),
        slow_rate: Some(0.5),
        min_throughput: Some(5),
        ..three_in_a_row()
    };
    let configurations = [
        configuration("slow", slow),
        configuration("ours", three_in_a_row()),
    ];
    let report = played(&text, false, &configurations);
    let [slow, ours] = report.configurations.as_slice() else {
        panic!("two")
    };
    assert_eq!(
        (
            ours.openings,
            ours.tally.rejected.all(),
            ours.tally.admitted.good
        ),
        (0, 0, 40)
    );
    assert_eq!(slow.first_openings[0].cause, "slow rate");
    assert!(slow.openings > 0 && slow.tally.rejected.bad > 0 && slow.tally.rejected.good == 0);
    assert_eq!(slow.tally.rejected.bad + slow.tally.admitted.bad, 20);
}

#[test]
fn each_key_has_a_breaker_and_no_call_is_lost() {
    let text = two_hosts(6000, "ill");
    let configurations =
        ["default", "adaptive"].map(|name| Configuration::parse(name).expect("built in"));
    let report = played(&text, true, &configurations);
    assert_eq!(report.log.keys, Some(2));
    for of in &report.configurations {
        assert_eq!(of.tally.calls(), 6000, "{}", of.name);
        let buckets: u64 = of
            .timeline
            .buckets
            .iter()
            .map(|bucket| bucket.tally.calls())
            .sum();
        assert_eq!(buckets, 6000);
        assert!(of.timeline.buckets.len() as u64 <= timeline::MOST);
        assert_eq!(
            (of.worst_keys.len(), of.worst_keys[0].key.as_str()),
            (1, "ill")
        );
        assert_eq!(of.first_openings[0].key.as_deref(), Some("ill"));
        assert!(of.tally.rejected.bad > 300, "{}", of.tally.rejected.bad);
    }
    // without keys, half of the calls fail for a while
    let together = played(&text, false, &configurations);
    assert_eq!(together.log.keys, None);
    assert!(
        together
            .configurations
            .iter()
            .all(|of| of.tally.calls() == 6000)
    );
}

/// Lives through three outages with a breaker, and returns the log with its rejections, and when it opened.
fn recorded(configuration: &Configuration) -> (String, Vec<u64>) {
    let clock = ManualClock::new();
    let breaker = configuration.breaker(&clock).expect("valid");
    let mut events = breaker.observer().events();
    let mut ends: BTreeMap<u64, Vec<(Outcome, OwnedPermit)>> = BTreeMap::new();
    let mut text = String::from("time,duration_ms,outcome\n");
    let mut opened = Vec::new();
    let mut chance = 88_172_645_463_325_252_u64;
    // each millisecond the calls that are due end, and then perhaps one begins
    for ms in 0..120_000_u64 {
        let due: Vec<(Outcome, OwnedPermit)> = ends.remove(&ms).unwrap_or_default();
        for (outcome, permit) in due {
            permit.record(outcome);
        }
        opened.extend(
            events
                .by_ref()
                .filter(|t| (t.from, t.to) == (State::Closed, State::Open))
                .map(|t| t.at.as_nanos() as u64),
        );
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        // the log begins when the clock does
        if ms == 0 || chance.is_multiple_of(4) {
            let failing = matches!(ms, 20_000..30_000 | 50_000..53_000 | 80_000..95_000);
            let fails = failing && chance % 10 < 8 || chance.is_multiple_of(500);
            let (took, outcome, word) = if fails {
                (40, Outcome::Failure(FailureKind::Timeout), "timeout")
            } else {
                (1 + chance % 23, Outcome::Success, "success")
            };
            let (took, word) = match breaker.try_acquire_owned() {
                Ok(permit) => {
                    ends.entry(ms + took).or_default().push((outcome, permit));
                    (took, word)
                }
                Err(_) => (0, "rejected"),
            };
            let _ = writeln!(text, "{}.{:03},{took},{word}", ms / 1000, ms % 1000);
        }
        clock.advance(Duration::from_millis(1));
    }
    (text, opened)
}

#[test]
fn the_log_of_a_breaker_opens_it_again() {
    // the first wait of the defaults is so long that they sleep through the second outage
    for (name, least) in [("default", 1), ("adaptive", 3)] {
        let configuration = Configuration::parse(name).expect("built in");
        let (text, opened) = recorded(&configuration);
        let report = played(&text, false, std::slice::from_ref(&configuration));
        let of = &report.configurations[0];
        let again: Vec<u64> = of.first_openings.iter().map(|one| one.at_s.0).collect();
        assert_eq!(
            (again.as_slice(), of.openings),
            (&opened[..], opened.len() as u64),
            "{name}"
        );
        assert!(opened.len() >= least, "{name}: {opened:?}");
        // it admits what was admitted, and nothing else
        assert_eq!(
            (
                of.tally.admitted.unknown,
                of.tally.rejected.bad,
                of.tally.rejected.good
            ),
            (0, 0, 0),
            "{name}"
        );
        assert_eq!(of.tally.rejected.unknown, report.log.rejected);
        assert!(
            report.log.rejected > 1_000,
            "{name}: {}",
            report.log.rejected
        );
    }
}
