//! Does what a thread is to do, and writes down what came of it.

use std::sync::atomic::{AtomicU64, Ordering};

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
pub(crate) struct Pen<'a> {
    pub(crate) subject: &'a dyn Subject,
    pub(crate) stamp: &'a AtomicU64,
    pub(crate) thread: usize,
    pub(crate) calls: Vec<Call>,
    pub(crate) held: Vec<Permit>,
}

/// With the number of the call that acquired it, and whose that was.
pub(crate) type Permit = (usize, usize, Held);

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

    pub(crate) fn call(&mut self, op: Op) {
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

/// All threads' calls, each permit by the place of the call that acquired it.
pub(crate) fn merge(parts: Vec<Vec<Call>>) -> Vec<Call> {
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
