//! That each side does in each workload what the workload says.

use crate::measure::{Plan, measure};
use crate::sides::{self, FLOOR, Subject};
use crate::workloads::{HOUR, Settings, Shape, WORKLOADS, Workload};
use std::time::Duration;

const PLAN: Plan = Plan {
    slice: Duration::from_micros(20),
    rounds: 2,
    patience: Duration::ZERO,
};

/// No call but was answered as the workload has it: admitted while closed, rejected while open.
#[test]
fn every_side_is_in_the_state_of_its_workload() {
    for workload in &WORKLOADS {
        for threads in [1, 2, 3] {
            if workload.refuses(threads).is_some() {
                continue;
            }
            let entries = sides::all(workload, threads, &|_| true);
            let (mut names, mut subjects): (Vec<_>, Vec<&dyn Subject>) = (Vec::new(), Vec::new());
            for entry in &entries {
                if let Ok(subject) = &entry.subject {
                    names.push(&entry.name);
                    subjects.push(&**subject);
                }
            }
            let samples = measure(&subjects, threads, &PLAN);
            for (name, sample) in names.iter().zip(samples) {
                let name = format!("{}/{name}, {threads} threads", workload.name);
                assert_eq!(sample.astray, 0, "{name}");
                assert_eq!(sample.ns.len() + sample.spoilt, PLAN.rounds, "{name}");
            }
        }
    }
}

/// Who is left out of what, and why: the equivalence that the comparison claims.
#[test]
fn what_a_side_cannot_express_is_left_out() {
    let without = |name: &str| {
        let workload = WORKLOADS.iter().find(|w| w.name == name);
        let entries = sides::all(workload.expect("that name"), 1, &|_| true);
        let left_out = entries.into_iter().filter(|e| e.subject.is_err());
        left_out.map(|e| e.name).collect::<Vec<_>>()
    };
    assert_eq!(without("success"), [""; 0]);
    assert_eq!(without("success-run"), ["recloser", "governor"]);
    assert_eq!(without("fail-50"), ["failsafe/consecutive", "governor"]);
    assert_eq!(without("open"), [""; 0]);
    assert_eq!(without("trip"), ["governor"]);
    assert_eq!(without("registry"), [""; 0]);
    let slow = [
        "recloser",
        "failsafe/consecutive",
        "failsafe/default",
        "circuitbreaker-rs",
    ];
    assert_eq!(without("slow"), [&slow[..], &["governor"]].concat());
}

/// The fifth failure opens, and no earlier one; two successes close, and the count begins anew.
#[test]
fn a_cycle_is_what_it_says() {
    let workload = WORKLOADS.iter().find(|w| w.shape == Shape::Cycles);
    let workload = *workload.expect("there is one");
    let breakers = |wait| {
        let settings = Settings {
            wait,
            ..workload.settings
        };
        let entries = sides::all(
            &Workload {
                settings,
                ..workload
            },
            1,
            &|_| true,
        )
        .into_iter();
        entries.filter_map(|e| Some((e.name, e.subject.ok()?)).filter(|(name, _)| name != FLOOR))
    };
    for (name, breaker) in breakers(HOUR) {
        let admitted = breaker.admits(&[false; 6]);
        assert_eq!(admitted, [true, true, true, true, true, false], "{name}");
    }
    for (name, breaker) in breakers(Duration::ZERO) {
        assert_eq!(breaker.hot(0)(1000), 0, "{name}");
    }
}
