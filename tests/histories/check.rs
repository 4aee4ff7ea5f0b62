//! Is there an order of the steps that gives what was recorded?
//!
//! The search is Wing and Gong's, with the memory that Lowe added. It goes through the calls'
//! beginnings and ends as they were stamped: a call may take its steps once it has begun, and must
//! have taken them before its end is passed. Where the next end's call may not return yet, any of
//! the calls under way may take a step; a situation that was seen before is not looked at again.
//!
//! The crates that check linearizability (`todc-utils`, `stateright`, `lincheck`) take a
//! specification in which an operation is one step with one answer; here it may be several, and
//! the breaker as it is in the end is a part of what must be explained.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::panic::resume_unwind;
use std::thread;

use crate::plan::Op;
use crate::record::{Call, History};
use crate::spec::{Phase, Spec};

/// Steps after which a search is given up: none of these histories takes a hundredth.
const ENOUGH: u64 = 3_000_000;
/// In bytes.
const STACK: usize = 64 << 20;

#[derive(Clone, Copy, Debug)]
enum Mark {
    Began(usize),
    Ended(usize),
}

struct Search<'a> {
    history: &'a History,
    marks: Vec<Mark>,
    /// By call: whether the clock may have moved while it was under way.
    moving: Vec<bool>,
    seen: HashSet<u64>,
    steps: u64,
    /// How far the search came, and why not further.
    furthest: (usize, Option<Stuck>),
}

/// Why a search came no further. Written down only for a refusal: most searches succeed.
enum Stuck {
    End(String),
    At(Box<Node>),
}

/// Steps before which situations are not remembered: most searches have ended by then, and what it takes
/// to remember one is longer than a step.
const SHORT: u64 = 100;

#[derive(Clone, Debug, Hash)]
struct Node {
    /// Marks passed.
    at: usize,
    spec: Spec,
    doing: Vec<(usize, Phase)>,
}

impl Node {
    fn absolve(&mut self) {
        let phases = self.doing.iter_mut().map(|(_, phase)| phase);
        self.spec.absolve(phases);
    }

    fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}

/// How many steps the search took; or why there is no order.
pub(crate) fn explains(history: &History) -> Result<u64, String> {
    let calls = &history.calls;
    let mut stamped: Vec<(u64, Mark)> = (0..calls.len())
        .flat_map(|i| {
            [
                (calls[i].began, Mark::Began(i)),
                (calls[i].ended, Mark::Ended(i)),
            ]
        })
        .collect();
    stamped.sort_by_key(|(stamp, _)| *stamp);
    let overlap = |a: &Call, b: &Call| a.began < b.ended && b.began < a.ended;
    let advances = || {
        calls
            .iter()
            .filter(|call| matches!(call.op, Op::Advance(_)))
    };
    let mut search = Search {
        history,
        marks: stamped.into_iter().map(|(_, mark)| mark).collect(),
        moving: calls
            .iter()
            .map(|call| advances().any(|advance| overlap(call, advance)))
            .collect(),
        seen: HashSet::new(),
        steps: 0,
        furthest: (0, None),
    };
    let start = Node {
        at: 0,
        spec: Spec::new(history),
        doing: Vec::new(),
    };
    // it goes as deep as there are steps, and an unoptimised frame has many copies of the model
    let searched = thread::scope(|scope| {
        let builder = thread::Builder::new().stack_size(STACK);
        let thread = builder.spawn_scoped(scope, || search.go(start));
        thread.expect("there is room for a thread").join()
    });
    match searched {
        Ok(true) => Ok(search.steps),
        Ok(false) => Err(search.refusal()),
        Err(panicked) => resume_unwind(panicked),
    }
}

impl Search<'_> {
    fn go(&mut self, mut node: Node) -> bool {
        loop {
            self.steps += 1;
            assert!(self.steps < ENOUGH, "too long: {:?}", self.history);
            match self.marks.get(node.at) {
                None => {
                    let Some(expected) = node.spec.differs(&self.history.end) else {
                        return true;
                    };
                    self.note(node.at, || Stuck::End(expected));
                    return false;
                }
                Some(Mark::Began(call)) => {
                    let timed = !matches!(self.history.calls[*call].op, Op::State | Op::Advance(_));
                    let phase = if timed && !self.moving[*call] {
                        Phase::Read(node.spec.clock())
                    } else {
                        Phase::Called {
                            since: node.spec.clock(),
                        }
                    };
                    node.doing.push((*call, phase));
                    node.at += 1;
                }
                Some(Mark::Ended(call)) => {
                    let call = *call;
                    let place = node.doing.iter().position(|(c, _)| *c == call);
                    let place = place.expect("what ends has begun");
                    let phase = node.doing[place].1;
                    let mut after = node.clone();
                    after.doing.remove(place);
                    after.at += 1;
                    after.spec.returned(call);
                    if !node.spec.may_return(phase) {
                        if self.step(&node, call) {
                            return true;
                        }
                        let others = after.doing.iter_mut().map(|(_, phase)| phase);
                        if !(node.spec.may_pass_on(phase) && after.spec.pass_on(phase, others)) {
                            return false;
                        }
                        after.absolve();
                        return self.go(after);
                    }
                    after.absolve();
                    if !node.spec.may_go_on(phase) {
                        node = after;
                    } else {
                        return self.go(after) || self.step(&node, call);
                    }
                }
            }
        }
    }

    /// Any call under way takes a step, the one that is to end first.
    fn step(&mut self, node: &Node, first: usize) -> bool {
        if self.steps > SHORT && !self.seen.insert(node.digest()) {
            return false;
        }
        self.note(node.at, || Stuck::At(Box::new(node.clone())));
        let mut doing: Vec<_> = (0..node.doing.len()).collect();
        doing.sort_by_key(|place| node.doing[*place].0 != first);
        for place in doing {
            let (index, phase) = node.doing[place];
            let call = &self.history.calls[index];
            let others: Vec<_> = node.doing.iter().map(|(other, _)| *other).collect();
            let others: Vec<_> = others.into_iter().filter(|other| *other != index).collect();
            for (spec, phase) in node.spec.steps(index, call, phase, &others) {
                let mut next = Node {
                    at: node.at,
                    spec,
                    doing: node.doing.clone(),
                };
                next.doing[place].1 = phase;
                next.absolve();
                if self.go(next) {
                    return true;
                }
            }
        }
        if let Some(spec) = node.spec.surfaced() {
            let mut next = node.clone();
            next.spec = spec;
            next.absolve();
            return self.go(next);
        }
        false
    }

    fn note(&mut self, at: usize, why: impl FnOnce() -> Stuck) {
        if at > self.furthest.0 || self.furthest.1.is_none() {
            self.furthest = (at, Some(why()));
        }
    }

    fn refusal(&self) -> String {
        let History { plan, calls, end } = self.history;
        let mut text = format!("no order gives this history, of {plan:?}:\n");
        let mut sorted: Vec<_> = calls.iter().enumerate().collect();
        sorted.sort_by_key(|(_, call)| call.began);
        for (i, c) in sorted {
            let of = c.of.map_or(String::new(), |of| format!(" of {of}"));
            let _ = writeln!(
                text,
                "  {i:>3} thread {} {:>3} to {:>3}: {:?}{of} -> {:?}",
                c.thread, c.began, c.ended, c.op, c.said
            );
        }
        let (at, why) = &self.furthest;
        let why = match why {
            Some(Stuck::End(expected)) => format!("it should be {expected}"),
            Some(Stuck::At(node)) => format!("stuck at {node:?}"),
            None => String::new(),
        };
        let _ = write!(text, "  end: {end:?}\nat mark {at} {why}");
        text
    }
}
