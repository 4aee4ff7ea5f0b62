//! Threads at full speed, which begin each round together.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use parking_lot::Mutex;

use crate::plan::Plan;
use crate::record::{Call, History, Pen, Permit, merge};
use crate::subject::Subject;

struct Trial<'a> {
    plan: Plan,
    subject: &'a dyn Subject,
    stamp: AtomicU64,
    ready: AtomicUsize,
}

/// Threads that wait for each other want the processors to themselves.
static ALONE: Mutex<()> = Mutex::new(());

/// Records one history for each plan.
pub(crate) fn run(plans: Vec<Plan>, make: impl Fn(&Plan) -> Box<dyn Subject>) -> Vec<History> {
    let _alone = ALONE.lock();
    let subjects: Vec<_> = plans.iter().map(make).collect();
    let mut before = Vec::new();
    let mut leftovers = Vec::new();
    let mut trials = Vec::new();
    for (plan, subject) in plans.into_iter().zip(&subjects) {
        let trial = Trial {
            plan,
            subject: &**subject,
            stamp: AtomicU64::new(0),
            ready: AtomicUsize::new(0),
        };
        let mut pen = Pen {
            subject: trial.subject,
            stamp: &trial.stamp,
            thread: 0,
            calls: Vec::new(),
            held: Vec::new(),
        };
        for op in &trial.plan.prefix {
            pen.call(*op);
        }
        let Pen { calls, held, .. } = pen;
        let mut hands: Vec<Vec<_>> = trial.plan.threads.iter().map(|_| Vec::new()).collect();
        let number = hands.len();
        for (i, held) in held.into_iter().enumerate() {
            hands[i % number].push(held);
        }
        before.push(calls);
        leftovers.push(hands);
        trials.push(trial);
    }
    // by thread: its permits, a list for each trial
    let mut hands: Vec<Vec<_>> = (0..3).map(|_| Vec::new()).collect();
    for mut of_trial in leftovers {
        for (thread, hands) in hands.iter_mut().enumerate() {
            hands.push(of_trial.get_mut(thread).map(std::mem::take));
        }
    }
    let trials = &trials;
    let by_thread: Vec<Vec<(Vec<Call>, Vec<_>)>> = thread::scope(|scope| {
        let threads: Vec<_> = (1..)
            .zip(hands)
            .map(|(thread, hands)| scope.spawn(move || work(thread, trials, hands)))
            .collect();
        threads
            .into_iter()
            .map(|it| it.join().expect("no panic"))
            .collect()
    });
    let mut by_thread: Vec<_> = by_thread.into_iter().map(Vec::into_iter).collect();
    let mut histories = Vec::new();
    for (trial, calls) in trials.iter().zip(before) {
        let mut parts = vec![calls];
        let mut open = Vec::new();
        for thread in &mut by_thread {
            let (calls, held) = thread.next().expect("a part for each trial");
            parts.push(calls);
            open.push(held);
        }
        // before the permits that are still out, which would be cancelled
        let end = trial.subject.look();
        drop(open);
        histories.push(History {
            plan: trial.plan.clone(),
            calls: merge(parts),
            end,
        });
    }
    histories
}

impl Trial<'_> {
    /// Wait until that many arrivals have been noted, ours included.
    fn meet(&self, arrivals: usize) {
        let before = self.ready.fetch_add(1, Ordering::SeqCst);
        if before + 1 == arrivals {
            // the others see it only as long after as a line takes to another processor
            for _ in 0..4 + before % 4 * 5 {
                std::hint::spin_loop();
            }
        }
        let mut spins = 0_u32;
        while self.ready.load(Ordering::SeqCst) < arrivals {
            spins += 1;
            if spins.is_multiple_of(500) {
                thread::yield_now();
            }
            std::hint::spin_loop();
        }
    }
}

type Part = (Vec<Call>, Vec<Permit>);

fn work(thread: usize, trials: &[Trial<'_>], hands: Vec<Option<Vec<Permit>>>) -> Vec<Part> {
    let mut parts = Vec::new();
    for (trial, hand) in trials.iter().zip(hands) {
        let Some(held) = hand else {
            parts.push((Vec::new(), Vec::new()));
            continue;
        };
        let mut pen = Pen {
            subject: trial.subject,
            stamp: &trial.stamp,
            thread,
            calls: Vec::with_capacity(8),
            held,
        };
        let all = trial.plan.threads.len();
        for (round, ops) in (1..).zip(&trial.plan.threads[thread - 1]) {
            trial.meet(all * round);
            for (turns, op) in ops {
                for _ in 0..*turns {
                    std::hint::spin_loop();
                }
                pen.call(*op);
            }
        }
        parts.push((pen.calls, pen.held));
    }
    parts
}
