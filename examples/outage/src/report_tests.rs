//! The report on runs that are made up, and so known.

use super::*;
use crate::script::Behaviour;
use tripcoil::Cause;

const BAD: Fate = Fate::Failed(FailureKind::Server);
const LOST: Fate = Fate::Failed(FailureKind::Timeout);

/// Healthy, an outage of two phases from 100 to 300 ms, healthy, another outage from 400 to 500 ms, healthy.
fn script() -> Script {
    use Behaviour::{Dead, Failing, Hanging, Healthy};
    let part = Duration::from_millis(100);
    Script::new(&[Healthy, Failing, Hanging, Healthy, Dead, Healthy].map(|b| (b, part)))
}

fn call(began: u64, took: u64, fate: Fate) -> Call {
    Call {
        began: Duration::from_millis(began),
        took: Duration::from_millis(took),
        fate,
    }
}

/// Through the states given: into the second one at 150 ms, and into a further one every 60 ms.
fn walk(states: &[State]) -> Vec<Change> {
    let steps = states.windows(2).zip(0..);
    let changes = steps.map(|(pair, i)| Change {
        at: Duration::from_millis(150 + 60 * i),
        from: pair[0],
        to: pair[1],
        cause: Cause::FailureRate,
    });
    changes.collect()
}

const TWO_CYCLES: [State; 9] = {
    use State::{Closed, HalfOpen, Open};
    [
        Closed, Open, HalfOpen, Open, HalfOpen, Closed, Open, HalfOpen, Closed,
    ]
};

/// Two good calls, then `n` failures in the outage.
fn wasteful(n: u64) -> Vec<Call> {
    let good = [call(0, 1, Fate::Ok), call(1, 1, Fate::Ok)];
    let bad = (0..n).map(|i| call(100 + i, 1, BAD));
    good.into_iter().chain(bad).collect()
}

fn run(guard: Guard, calls: Vec<Call>, states: &[State]) -> Run {
    Run {
        guard,
        calls,
        changes: walk(states),
        missed: 0,
    }
}

/// Of which all claims hold.
fn runs() -> Vec<Run> {
    vec![
        run(Guard::Nothing, wasteful(10), &[]),
        run(Guard::Defaults, wasteful(1), &TWO_CYCLES[..2]),
        run(Guard::Adaptive, wasteful(1), &TWO_CYCLES),
    ]
}

#[test]
fn calls_are_counted_and_waste_is_that_of_the_outage() -> Result<(), Box<dyn Error>> {
    let calls = [
        call(0, 2, Fate::Ok),
        call(50, 4, BAD),     // failed, with no outage to blame
        call(99, 60, LOST),   // sent before the outage began
        call(100, 6, BAD),    // its first moment
        call(299, 250, LOST), // its last
        call(250, 0, Fate::Rejected),
        call(251, 0, Fate::Rejected),
        call(300, 8, BAD), // over
    ];
    let run = run(Guard::Defaults, calls.into(), &[]);
    let group = GroupReport::of(run, &script().outages())?;
    assert_eq!((group.tally.calls(), group.tally.ok), (8, 1));
    assert_eq!((group.tally.failed, group.tally.rejected), (5, 2));
    assert_eq!((group.server, group.connect, group.timeout), (3, 0, 2));
    assert_eq!(
        (group.wasted.as_slice(), group.wasted_calls()),
        (&[2, 0][..], 2)
    );
    // The six that were sent took 2, 4, 6, 8, 60 and 250 ms.
    let near = |value: f64, expected: f64| (value - expected).abs() < expected / 500.0;
    assert!(near(group.p50, 6.0), "{}", group.p50);
    assert!(near(group.p99, 250.0), "{}", group.p99);
    assert!(near(group.caller_p50, 4.0), "{}", group.caller_p50);
    Ok(())
}

#[test]
fn the_json_has_what_was_promised() -> Result<(), Box<dyn Error>> {
    let json = Report::new(&script(), runs())?.json();
    let phase = json!({ "name": "failing", "from_ms": 100, "to_ms": 200 });
    assert_eq!(json["phases"][1], phase);
    let outage = |from_ms: u64, to_ms: u64| json!({ "from_ms": from_ms, "to_ms": to_ms });
    assert_eq!(json["outages"], json!([outage(100, 300), outage(400, 500)]));
    let expected = [
        ("no breaker", 10, 0, 0),
        ("defaults", 1, 1, 0),
        ("adaptive", 1, 8, 2),
    ];
    for ((name, wasted, transitions, cycles), i) in expected.into_iter().zip(0..) {
        let group = &json["groups"][i];
        assert_eq!(group["name"], name);
        let field = |name: &str| group[name].as_u64();
        let parts = [field("ok"), field("failed"), field("rejected")];
        let sum = parts.iter().copied().sum::<Option<u64>>();
        assert!(sum.is_some() && sum == field("calls"), "{name}");
        assert_eq!(group["wasted_calls"], wasted);
        assert_eq!(group["wasted_by_outage"], json!([wasted, 0]));
        assert!(group["p50_ms"].is_f64() && group["p99_ms"].is_f64());
        let listed = group["transitions"].as_array().map(Vec::len);
        assert_eq!(listed, Some(transitions), "{name}");
        assert_eq!(group["full_cycles"], cycles);
    }
    let first = json!({ "at_ms": 150, "from": "closed", "to": "open", "cause": "failure rate" });
    assert_eq!(json["groups"][2]["transitions"][0], first);
    Ok(())
}

#[test]
fn a_cycle_begins_closed_and_ends_closed() {
    use State::{Closed, Disabled, HalfOpen, Open};
    assert_eq!(full_cycles(&walk(&TWO_CYCLES)), 2);
    assert_eq!(full_cycles(&walk(&TWO_CYCLES[..8])), 1);
    assert_eq!(full_cycles(&walk(&[Open, HalfOpen, Closed])), 0);
    assert_eq!(full_cycles(&walk(&[Closed, Open, Closed])), 0);
    let by_hand = [Closed, Open, Disabled, Closed, Open, HalfOpen, Open];
    assert_eq!(full_cycles(&walk(&by_hand)), 0);
}

#[test]
fn each_claim_can_be_broken_alone() {
    let broken = |change: fn(&mut [Run])| {
        let mut runs = runs();
        change(&mut runs);
        let report = Report::new(&script(), runs);
        report.map_or_else(|e| vec![e.to_string()], |r| r.broken_claims())
    };
    let none: [String; 0] = [];
    assert_eq!(broken(|_| {}), none);
    let alone = |words: &str, change| {
        let broken = broken(change);
        assert!(broken.len() == 1 && broken[0].contains(words), "{broken:?}");
    };
    alone("no outage", |runs| {
        for run in runs {
            run.calls = wasteful(0);
        }
    });
    alone("defaults: 2 calls were wasted, over a tenth", |runs| {
        runs[1].calls = wasteful(2);
    });
    alone("adaptive: 2 calls were wasted, over a tenth", |runs| {
        runs[2].calls = wasteful(2);
    });
    alone(
        "defaults: it was not open in the outage from 0.4 s",
        |runs| {
            runs[1].changes = walk(&TWO_CYCLES[..6]);
        },
    );
    alone(
        "adaptive: it was not open in the outage from 0.4 s",
        |runs| {
            runs[2].changes.truncate(5);
        },
    );
    alone(
        "adaptive: it did not close after the outage from 0.4 s",
        |runs| {
            runs[2].changes.truncate(7);
        },
    );
    alone("adaptive: 3 transitions were missed", |runs| {
        runs[2].missed = 3;
    });
}
