//! Real threads at full speed, and every history that they leave is checked against the model.
//!
//! Two or three threads do a few operations each; what each was asked, when, and what it answered is
//! recorded, and a search looks for an order of the operations' atomic steps that gives the same
//! answers and the same breaker in the end. The steps are those of `spec.rs`: the reference model's,
//! with a result split where `docs/semantics.md` ("Under concurrency") says that it may be.
//!
//! The plans with an adaptive rule (`plan/adaptive.rs`) are drawn by themselves, so that each has histories enough.
//!
//! Run with more histories by `ci/histories.sh`; `TRIPCOIL_HISTORIES` sets their number, and
//! `TRIPCOIL_SEED` where the random programs begin.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

#[path = "../model/mod.rs"]
mod model;

mod broken;
mod by_hand;
mod check;
mod plan;
mod record;
mod sequential;
mod spec;
mod subject;
mod threads;
mod words;

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use crate::plan::adaptive::{self, Adaptive};
use crate::plan::{Dice, Plan, Time};

fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(number) => number.parse().expect("a number"),
        Err(_) => default,
    }
}

/// What plans are drawn from.
#[derive(Clone, Copy)]
enum Draw {
    By(Time),
    /// With an adaptive rule.
    Under(Adaptive),
}

impl Draw {
    fn plan(self, dice: &mut Dice) -> Plan {
        match self {
            Draw::By(time) => plan::roll(dice, time),
            Draw::Under(rule) => adaptive::roll(dice, rule),
        }
    }

    fn number(self) -> u64 {
        match self {
            Draw::By(time) => time as u64,
            Draw::Under(rule) => 16 + rule as u64,
        }
    }
}

impl fmt::Display for Draw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Draw::By(time) => write!(f, "{time:?}"),
            Draw::Under(rule) => write!(f, "{rule:?}"),
        }
    }
}

/// Records and checks that many histories; what they held, by name.
fn explore(draw: Draw, histories: u64, seed: u64) -> BTreeMap<String, u64> {
    let mut dice = Dice::new(seed);
    let mut seen = BTreeMap::<String, u64>::new();
    let (began, mut told) = (Instant::now(), Instant::now());
    let mut done = 0;
    while done < histories {
        let plans: Vec<_> = (0..BATCH.min(histories - done))
            .map(|_| draw.plan(&mut dice))
            .collect();
        done += plans.len() as u64;
        for history in threads::run(plans, subject::real) {
            let steps = check::explains(&history).unwrap_or_else(|refusal| panic!("{refusal}"));
            let mut note = |what: String, n: u64| *seen.entry(what).or_default() += n;
            note("steps".into(), steps);
            note("calls".into(), history.calls.len() as u64);
            note("overlaps".into(), history.overlaps());
            for event in &history.end.events {
                note(format!("{:?}", event.cause), 1);
            }
            for (what, n) in [
                ("late", history.end.view.totals.late),
                ("rejected", history.end.view.totals.rejected),
            ] {
                note(what.into(), n);
            }
        }
        if told.elapsed() > Duration::from_secs(5) {
            told = Instant::now();
            println!("{draw}: {done} histories in {:?}", began.elapsed());
        }
    }
    println!(
        "{draw}: {done} histories in {:?}: {seen:?}",
        began.elapsed()
    );
    seen
}

/// So many are recorded before they are checked.
const BATCH: u64 = 256;

/// On a busy machine threads take turns, and what needs two at once is rare: then more are recorded.
fn every_history_is_some_order(draw: Draw, causes: &[&str]) {
    let histories = number("TRIPCOIL_HISTORIES", 1_000);
    let seed = number("TRIPCOIL_SEED", 1) ^ draw.number() << 32;
    let mut seen = BTreeMap::<String, u64>::new();
    let all = || causes.iter().chain(&["late", "rejected", "overlaps"]);
    for turn in 0..20 {
        for (what, n) in explore(draw, histories, seed ^ turn << 40) {
            *seen.entry(what).or_default() += n;
        }
        if histories < 1_000 || all().all(|what| seen.get(*what).is_some_and(|n| *n >= 5)) {
            return;
        }
    }
    panic!("not each of these was seen five times: {seen:?}");
}

const ALWAYS: [&str; 7] = [
    "ConsecutiveFailures",
    "FailureCount",
    "FailureRate",
    "SlowRate",
    "ProbesSucceeded",
    "ProbeFailed",
    "Manual",
];

#[test]
fn by_the_manual_clock_every_history_is_some_order() {
    let causes = [
        &ALWAYS[..],
        &["OpenElapsed", "ProbeTimeout", "ProbesCancelled"],
    ]
    .concat();
    every_history_is_some_order(Draw::By(Time::Manual), &causes);
}

#[test]
fn by_the_precise_clock_every_history_is_some_order() {
    every_history_is_some_order(Draw::By(Time::Precise), &ALWAYS);
}

#[test]
fn by_the_coarse_clock_every_history_is_some_order() {
    every_history_is_some_order(Draw::By(Time::Coarse), &ALWAYS);
}

#[test]
fn under_a_ramp_every_history_is_some_order() {
    let causes = ["RampCompleted", "RampFailed", "ProbeFailed", "Manual"];
    every_history_is_some_order(Draw::Under(Adaptive::Ramp), &causes);
}

#[test]
fn under_the_hang_rule_every_history_is_some_order() {
    let causes = ["Hang", "ConsecutiveFailures", "OpenElapsed", "Manual"];
    every_history_is_some_order(Draw::Under(Adaptive::Hang), &causes);
}

#[test]
fn under_the_outage_rule_every_history_is_some_order() {
    let causes = ["Evidence", "FailureCount", "ConsecutiveFailures", "Manual"];
    every_history_is_some_order(Draw::Under(Adaptive::Outage), &causes);
}

#[test]
fn with_adaptive_waits_every_history_is_some_order() {
    let causes = ["OpenElapsed", "ProbeFailed", "ProbeTimeout", "RampFailed"];
    every_history_is_some_order(Draw::Under(Adaptive::Wait), &causes);
}
