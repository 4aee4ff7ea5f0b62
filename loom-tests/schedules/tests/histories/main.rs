//! Histories of four threads and more, in schedules of shuttle's, against the model in its atomic steps: the
//! plans, the steps and the search of `tests/histories`.
//!
//! There are more overlaps than real threads ever have, and the search grows with them: so a plan here has
//! ten operations.

#[path = "../../../../tests/model/mod.rs"]
mod model;

#[path = "../../../../tests/histories"]
#[allow(dead_code, reason = "of other tests")]
mod histories {
    pub(crate) mod check;
    pub(crate) mod plan;
    pub(crate) mod record;
    pub(crate) mod spec;
    pub(crate) mod subject;
    pub(crate) mod words;
}

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use shuttle::thread::spawn;
use tripcoil_schedules::explore;

use crate::histories::{check, plan, record, spec, subject, words};
use crate::plan::adaptive::{self, Adaptive};
use crate::plan::{Dice, MS, Op, Plan, Time};
use crate::record::{History, Pen, merge};
use crate::subject::Subject;

/// Operations of all threads together: the search is exponential in those that overlap.
const MOST: usize = 10;

/// By which the clock goes on: to the end of Open, to the next epoch or the probe timeout, and beyond both.
const STEPS: [u64; 4] = [4 * MS, 7 * MS, 10 * MS, 20 * MS];

fn roll(seed: u64) -> Plan {
    let mut dice = Dice::new(seed);
    let plan = plan::roll(&mut dice, Time::Manual);
    let steps = (0..dice.roll(3)).map(|_| Op::Advance(STEPS[dice.roll(4) as usize]));
    let steps = steps.collect();
    spread(plan, steps, MOST)
}

/// Under each of the adaptive rules in turn.
fn roll_adaptive(seed: u64) -> Plan {
    let mut dice = Dice::new(seed);
    let rule = Adaptive::ALL[seed as usize % Adaptive::ALL.len()];
    let mut plan = adaptive::roll(&mut dice, rule);
    let mut steps = Vec::new();
    for rounds in &mut plan.threads {
        for ops in rounds.iter_mut() {
            steps.extend(ops.extract_if(.., |(_, op)| matches!(op, Op::Advance(_))));
        }
        rounds.retain(|ops| !ops.is_empty());
    }
    match rule {
        Adaptive::Ramp => {
            let steps = steps.into_iter().map(|(_, op)| op).take(2).collect();
            // each of its calls may have several steps when it ends
            spread(plan, steps, MOST - 2)
        }
        // their clock does not move while calls overlap
        _ => spread(plan, Vec::new(), MOST),
    }
}

/// Of a plan for two threads or three, each round is a thread's here; and so is each step, which takes the clock on
/// at any moment of the others' calls. There are `most` operations.
fn spread(mut plan: Plan, steps: Vec<Op>, most: usize) -> Plan {
    let rounds = plan.threads.into_iter().flatten();
    let mut left = most - steps.len();
    let rounds = rounds.filter(|ops| {
        // a whole call by a local handle is two, and each of its stores may be seen late
        let calls = |(_, op): &(u32, Op)| if *op == Op::Local { 2 } else { 1 };
        let number = ops.iter().map(calls).sum();
        let fits = number <= left;
        left -= if fits { number } else { 0 };
        fits
    });
    // what an operator did in turn is done by several at once
    let rounds = rounds.take(8 - steps.len());
    let steps = steps.into_iter().map(|step| vec![(0, step)]);
    plan.threads = rounds.chain(steps).map(|ops| vec![ops]).collect();
    plan
}

fn run(plan: &Plan) {
    let subject: Arc<dyn Subject> = subject::real(plan).into();
    let stamp = Arc::new(AtomicU64::new(0));
    let mut first = Pen {
        subject: &*subject,
        stamp: &stamp,
        thread: 0,
        calls: Vec::new(),
        held: Vec::new(),
    };
    for op in &plan.prefix {
        first.call(*op);
    }
    let Pen { calls, held, .. } = first;
    let number = plan.threads.len();
    let mut hands: Vec<Vec<_>> = plan.threads.iter().map(|_| Vec::new()).collect();
    for (i, permit) in held.into_iter().enumerate() {
        hands[i % number].push(permit);
    }
    let threads: Vec<_> = (1..)
        .zip(hands)
        .map(|(thread, held)| {
            let (subject, stamp, plan) = (subject.clone(), stamp.clone(), plan.clone());
            spawn(move || {
                let mut pen = Pen {
                    subject: &*subject,
                    stamp: &stamp,
                    thread,
                    calls: Vec::new(),
                    held,
                };
                for (_, op) in plan.threads[thread - 1].iter().flatten() {
                    pen.call(*op);
                }
                (pen.calls, pen.held)
            })
        })
        .collect();
    let mut parts = vec![calls];
    let mut open = Vec::new();
    for thread in threads {
        let (calls, held) = thread.join().expect("it ends");
        parts.push(calls);
        open.push(held);
    }
    // before the permits that are still out, which would be cancelled
    let end = subject.look();
    drop(open);
    let history = History {
        plan: plan.clone(),
        calls: merge(parts),
        end,
    };
    if let Err(refusal) = check::explains(&history) {
        panic!("{refusal}");
    }
}

#[test]
fn every_history_is_some_order() {
    explore("every_history_is_some_order", roll, run);
}

#[test]
fn every_history_under_an_adaptive_rule_is_some_order() {
    let name = "every_history_under_an_adaptive_rule_is_some_order";
    explore(name, roll_adaptive, run);
}
