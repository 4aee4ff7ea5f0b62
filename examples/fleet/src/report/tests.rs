use super::*;
use crate::arguments::Traffic;
use crate::record::{Heard, Hit};

fn s(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn show() -> Show {
    Show {
        pods: 4,
        traffic: Traffic {
            rps: 1.0,
            adaptive: false,
            wait: s(5.0),
            seed: 1,
            slow: false,
            peers_alone: false,
        },
        quick: true,
        fault: Fault::Total,
        to: None,
    }
}

/// An outage from 10 s to 30 s; the store is gone from 20 s to 25 s.
fn script(store_dies: bool) -> Script {
    Script {
        outages: vec![Span::new(s(10.0), s(30.0))],
        store_gone: store_dies.then(|| Span::new(s(20.0), s(25.0))),
        end: s(60.0),
        fault: Fault::Total,
    }
}

/// Processes that open and close so long after the outage's beginning and its end, and probes then.
fn run(shares: bool, opens: [f64; 4], closes: [f64; 4], probes: &[(f64, usize)]) -> Run {
    let mut heard = Vec::new();
    let mut hits = Vec::new();
    for pod in 0..4 {
        let moved = |at, from, to| Heard {
            at: s(at),
            pod,
            line: Line::Moved {
                from,
                to,
                cause: String::new(),
            },
        };
        heard.push(moved(10.0 + opens[pod], State::Closed, State::Open));
        heard.push(moved(30.0 + closes[pod], State::HalfOpen, State::Closed));
        hits.push(Hit {
            at: s(10.0 + opens[pod]),
            pod,
            probe: false,
            bad: true,
            probing: 0,
        });
    }
    hits.extend(probes.iter().map(|&(at, probing)| Hit {
        at: s(at),
        pod: 0,
        probe: true,
        bad: true,
        probing,
    }));
    for at in [9.0, 20.0, 31.0] {
        heard.push(Heard {
            at: s(at),
            pod: 0,
            line: Line::Rejected,
        });
    }
    heard.sort_by_key(|heard| heard.at);
    Run {
        shares,
        pods: 4,
        heard,
        hits,
    }
}

#[test]
fn an_outage_is_measured_from_both_its_ends() {
    let probes = [
        (14.0, 1),
        (18.0, 2),
        (18.9, 1),
        (19.0, 1),
        (26.0, 3),
        (31.0, 9),
    ];
    let run = run(true, [1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 5.0, 31.0], &probes);
    let group = Group::of(&script(true), run);
    let outage = &group.outages[0];
    assert_eq!(
        (outage.half_open(), outage.all_open()),
        (Some(s(2.0)), Some(s(4.0)))
    );
    assert_eq!((outage.wasted, outage.probes), (9, 5));
    assert_eq!((outage.good, outage.rejected), (0, 1));
    // one of four closes after the end
    assert_eq!((outage.back(0.5), outage.back(0.9)), (Some(s(4.0)), None));
    let parts: Vec<_> = outage
        .parts
        .iter()
        .map(|p| (p.name, p.worst, p.at_once))
        .collect();
    assert_eq!(
        parts,
        [
            ("store up", 2, 2),
            ("store gone", 0, 0),
            ("store back", 1, 3)
        ]
    );
    // four in the six seconds after all were open, and one in five
    assert!((outage.parts[0].mean - 4.0 / 6.0).abs() < 1e-9);
    assert!((outage.parts[2].mean - 0.2).abs() < 1e-9);
    assert_eq!((group.rejected_while_up, group.rejected_in_calm), (2, 1));
}

#[test]
fn one_that_was_open_before_is_open_at_once_and_one_that_stays_closed_never() {
    let mut before = run(false, [-1.0, 2.0, 3.0, 4.0], [1.0; 4], &[]);
    before.heard.retain(|heard| heard.pod != 3);
    let outage = &Group::of(&script(false), before).outages[0];
    assert_eq!(
        outage.opened,
        [Some(s(0.0)), Some(s(2.0)), Some(s(3.0)), None]
    );
    assert_eq!(outage.all_open(), None);
    assert_eq!(outage.back[3], Some(s(0.0)));
    assert!(quantile(&[], 0.5).is_none());
}

#[test]
fn the_claims_hold_for_a_fleet_that_is_better() {
    let alone = || {
        run(
            false,
            [4.0, 5.0, 6.0, 7.0],
            [10.0; 4],
            &[(20.0, 2), (21.0, 3)],
        )
    };
    let fleet = || run(true, [1.0, 2.0, 3.0, 4.0], [2.0; 4], &[(20.0, 1)]);
    let claims = |alone, fleet| {
        let script = script(false);
        let report = Report::new(&script, &show(), alone, fleet);
        (report.broken_claims(), report.table())
    };
    let (broken, table) = claims(alone(), fleet());
    assert_eq!(broken, Vec::<String>::new());
    for words in [
        "4 processes, 1 call per second each; the default rules, waits from 5s on; seed 1",
        "outage 1 (total), 20 s",
        "5.0 / 7.0 s      2.0 / 4.0 s",
        "6 (1.5)          5 (1.2)",
        "10.0 / 10.0 s      2.0 / 2.0 s",
    ] {
        assert!(table.contains(words), "no {words:?} in\n{table}");
    }
    // sharing that does nothing
    let (broken, _) = claims(
        alone(),
        Run {
            shares: true,
            ..alone()
        },
    );
    assert!(
        broken
            .iter()
            .any(|claim| claim.contains("half are back after 10.0 s")),
        "{broken:?}"
    );
    assert!(
        broken
            .iter()
            .any(|claim| claim.contains("3 processes probed at once")),
        "{broken:?}"
    );
    // and sharing that makes it worse
    let (broken, _) = claims(
        fleet(),
        Run {
            shares: true,
            ..alone()
        },
    );
    assert!(
        broken
            .iter()
            .any(|claim| claim.contains("6 calls wasted in a fleet")),
        "{broken:?}"
    );
}

#[test]
fn the_json_has_both_runs() {
    let script = script(true);
    let runs = [false, true].map(|shares| run(shares, [1.0; 4], [2.0; 4], &[]));
    let [alone, fleet] = runs;
    let json = Report::new(&script, &show(), alone, fleet).json();
    assert_eq!(json["groups"][1]["name"], "fleet");
    assert_eq!(json["groups"][0]["outages"][0]["all_open_s"], 1.0);
    assert_eq!(
        json["groups"][0]["outages"][0]["parts"][1]["name"],
        "store gone"
    );
}
