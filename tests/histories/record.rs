//! Does what is planned, on threads of its own, and writes down what came of it.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use parking_lot::Mutex;

use crate::model::{Event, Rejection, State, View};
use crate::plan::{Ending, Op, Plan};
use crate::subject::{Held, Subject};

/// What a call answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Nothing,
    Admitted,
    Rejected(Rejection),
    State(State),
    Changed(bool),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) thread: usize,
    pub(crate) op: Op,
    /// Of an end: the call that acquired.
    pub(crate) of: Option<usize>,
    /// Stamps of one counter: what ended before another began has the smaller one.
    pub(crate) began: u64,
    pub(crate) ended: u64,
    pub(crate) said: Said,
}

/// What can be seen when all is done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct End {
    pub(crate) view: View,
    /// The last four.
    pub(crate) events: Vec<Event>,
}

#[derive(Clone, Debug)]
pub(crate) struct History {
    pub(crate) plan: Plan,
    pub(crate) calls: Vec<Call>,
    pub(crate) end: End,
}

impl History {
    /// Pairs of calls of which neither had ended when the other began.
    pub(crate) fn overlaps(&self) -> u64 {
        let mut pairs = 0;
        for (i, a) in self.calls.iter().enumerate() {
            let others = self.calls[i + 1..].iter();
            pairs += others
                .filter(|b| a.began < b.ended && b.began < a.ended)
                .count() as u64;
        }
        pairs
    }
}

/// One thread's part. Calls are numbered within it.
struct Pen<'a> {
    subject: &'a dyn Subject,
    stamp: &'a AtomicU64,
    thread: usize,
    calls: Vec<Call>,
    /// With the number of the call that acquired it, and whose that was.
    held: Vec<(usize, usize, Held)>,
}

impl Pen<'_> {
    fn stamp(&self) -> u64 {
        self.stamp.fetch_add(1, Ordering::SeqCst)
    }

    fn local(&mut self) {
        let began = self.stamp();
        let mut answered = (0, 0, Ok(()));
        self.subject.local(self.thread, &mut |answer| {
            answered = (self.stamp(), self.stamp(), answer);
        });
        let ended = self.stamp();
        let (told, went_on, answer) = answered;
        let call = Call {
            thread: self.thread,
            op: Op::Acquire,
            of: None,
            began,
            ended: told,
            said: answer.map_or_else(Said::Rejected, |()| Said::Admitted),
        };
        let of = self.thread << 32 | self.calls.len();
        self.calls.push(call);
        if answer.is_ok() {
            self.calls.push(Call {
                op: Op::End(Ending::Local),
                of: Some(of),
                began: went_on,
                ended,
                said: Said::Nothing,
                ..call
            });
        }
    }

    fn call(&mut self, op: Op) {
        if op == Op::Local {
            return self.local();
        }
        let held = match op {
            Op::End(_) if self.held.is_empty() => return,
            Op::End(_) => Some(self.held.remove(0)),
            _ => None,
        };
        // where the permit is from: threads' own numbers are put right in the end
        let of = held.as_ref().map(|(thread, call, _)| thread << 32 | call);
        let mut got = None;
        let began = self.stamp();
        let said = match op {
            Op::Acquire => match self.subject.acquire() {
                Ok(held) => {
                    got = Some(held);
                    Said::Admitted
                }
                Err(rejection) => Said::Rejected(rejection),
            },
            Op::End(ending) => {
                self.subject.end(held.and_then(|(_, _, held)| held), ending);
                Said::Nothing
            }
            Op::Local => unreachable!("it is two calls"),
            Op::State => Said::State(self.subject.state()),
            Op::Order(order) => Said::Changed(self.subject.order(order)),
            Op::Rules(failures) => Said::Changed(self.subject.rules(failures)),
            Op::Advance(nanos) => {
                self.subject.advance(nanos);
                Said::Nothing
            }
        };
        let ended = self.stamp();
        if let Some(held) = got {
            self.held.push((self.thread, self.calls.len(), held));
        }
        self.calls.push(Call {
            thread: self.thread,
            op,
            of,
            began,
            ended,
            said,
        });
    }
}

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

type Part = (Vec<Call>, Vec<(usize, usize, Held)>);

fn work(
    thread: usize,
    trials: &[Trial<'_>],
    hands: Vec<Option<Vec<(usize, usize, Held)>>>,
) -> Vec<Part> {
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

/// All threads' calls, each permit by the place of the call that acquired it.
fn merge(parts: Vec<Vec<Call>>) -> Vec<Call> {
    let mut starts = vec![0];
    for part in &parts {
        starts.push(starts[starts.len() - 1] + part.len());
    }
    let mut calls: Vec<Call> = parts.into_iter().flatten().collect();
    for call in &mut calls {
        call.of = call
            .of
            .map(|of| starts[of >> 32] + (of & u32::MAX as usize));
    }
    calls
}
