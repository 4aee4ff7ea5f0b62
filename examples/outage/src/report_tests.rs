//! The report on runs that are made up, and so known.

use super::*;
use crate::script::Behaviour;
use tripcoil::Cause;

const BAD: Fate = Fate::Failed(FailureKind::Server);
const LOST: Fate = Fate::Failed(FailureKind::Timeout);

/// Healthy, an outage of two phases from 100 to 300 ms, healthy.
fn script() -> Script {
    let part = Duration::from_millis(100);
    Script::new(&[
        (Behaviour::Healthy, part),
        (Behaviour::Failing, part),
        (Behaviour::Hanging, part),
        (Behaviour::Healthy, part),
    ])
}

fn call(began: u64, took: u64, fate: Fate) -> Call {
    Call {
        began: Duration::from_millis(began),
        took: Duration::from_millis(took),
        fate,
    }
}

/// Through the states given, one each 10 ms.
fn walk(states: &[State]) -> Vec<Change> {
    let steps = states.windows(2).zip(1..);
    let changes = steps.map(|(pair, i)| Change {
        at: Duration::from_millis(10 * i),
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

fn broken(guarded: u64, unguarded: u64, states: &[State], missed: u64) -> Vec<String> {
    let report = Report::new(
        &script(),
        &wasteful(guarded),
        &wasteful(unguarded),
        &walk(states),
        missed,
    );
    report.map_or_else(|e| vec![e.to_string()], |r| r.broken_claims())
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
    let report = Report::new(&script(), &calls, &[], &[], 0)?;
    let group = &report.guarded;
    assert_eq!((group.tally.calls(), group.tally.ok), (8, 1));
    assert_eq!((group.tally.failed, group.tally.rejected), (5, 2));
    assert_eq!((group.server, group.connect, group.timeout), (3, 0, 2));
    assert_eq!(
        (group.wasted.as_slice(), group.wasted_calls()),
        (&[2][..], 2)
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
    let report = Report::new(
        &script(),
        &wasteful(1),
        &wasteful(10),
        &walk(&TWO_CYCLES),
        0,
    )?;
    let json = report.json();
    let first = json!({ "at_ms": 10, "from": "closed", "to": "open", "cause": "failure rate" });
    assert_eq!(json["transitions"][0], first);
    assert_eq!(json["transitions"].as_array().map(Vec::len), Some(8));
    assert_eq!(json["transitions"][1]["to"], "half-open");
    assert_eq!(json["full_cycles"], 2);
    let phase = json!({ "name": "failing", "from_ms": 100, "to_ms": 200 });
    assert_eq!(json["phases"][1], phase);
    let outage = json!({
        "from_ms": 100, "to_ms": 300, "guarded_wasted_calls": 1, "unguarded_wasted_calls": 10,
    });
    assert_eq!(json["outages"], json!([outage]));
    for group in ["guarded", "unguarded"] {
        let field = |name: &str| json[group][name].as_u64();
        let parts = [field("ok"), field("failed"), field("rejected")];
        let sum = parts.iter().copied().sum::<Option<u64>>();
        assert!(sum.is_some() && sum == field("calls"), "{group}");
        assert!(field("wasted_calls").is_some(), "{group}");
        assert!(json[group]["p50_ms"].is_f64() && json[group]["p99_ms"].is_f64());
    }
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
    let none: [String; 0] = [];
    assert_eq!(broken(1, 10, &TWO_CYCLES, 0), none);
    let alone = |broken: Vec<String>, word: &str| {
        assert!(broken.len() == 1 && broken[0].contains(word), "{broken:?}");
    };
    alone(broken(2, 19, &TWO_CYCLES, 0), "over a tenth");
    alone(broken(0, 0, &TWO_CYCLES, 0), "no outage");
    alone(broken(1, 10, &TWO_CYCLES[..6], 0), "seen 1 times");
    alone(broken(1, 10, &TWO_CYCLES, 3), "missed");
    let stuck = [&TWO_CYCLES[..], &[State::Open]].concat();
    alone(broken(1, 10, &stuck, 0), "did not close");
}
