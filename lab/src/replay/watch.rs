//! Follows the transitions of one breaker, and the openings that they make.

use super::tally::Class;
use super::timeline::{Shut, Timeline};
use crate::time::{Nanos, nanos};
use tripcoil::{State, Transition};

/// What a bad call weighs against a good one in the search for the beginning of the trouble.
const WEIGHT: u32 = 4;

/// An opening: from closed until the breaker is closed again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Opening {
    pub(super) at: Nanos,
    pub(super) cause: String,
    /// The counts that decided: calls, failures, slow calls.
    pub(super) counts: (u64, u64, u64),
    /// When it was closed again, if it was.
    pub(super) closed: Option<Nanos>,
    /// Rounds of probes that failed.
    pub(super) reopened: u32,
    /// From the first failure of the trouble to the opening, if a failure came before it.
    pub(super) delay: Option<Nanos>,
    /// Calls that were rejected: those that would have failed, good ones, and the others.
    pub(super) spared: u64,
    pub(super) good_rejected: u64,
    pub(super) others_rejected: u64,
}

/// The past of one breaker.
pub(super) struct Watch {
    state: State,
    since: Nanos,
    /// The beginning of the trouble: since then, more than a fifth of the calls were bad.
    onset: Option<Nanos>,
    score: u32,
    under_way: Option<Opening>,
    pub(super) openings: Vec<Opening>,
    pub(super) reopened: u64,
    pub(super) open: Nanos,
    pub(super) half_open: Nanos,
}

impl Watch {
    pub(super) fn new(state: State) -> Watch {
        Watch {
            state,
            since: 0,
            onset: None,
            score: 0,
            under_way: None,
            openings: Vec::new(),
            reopened: 0,
            open: 0,
            half_open: 0,
        }
    }

    /// A call has ended.
    pub(super) fn ended(&mut self, at: Nanos, class: Class) {
        match class {
            Class::Bad => {
                self.onset.get_or_insert(at);
                self.score = self.score.saturating_add(WEIGHT);
            }
            Class::Good => {
                self.score = self.score.saturating_sub(1);
                if self.score == 0 {
                    self.onset = None;
                }
            }
            Class::Cancelled | Class::Unknown => {}
        }
    }

    pub(super) fn rejected(&mut self, class: Class) {
        if let Some(opening) = &mut self.under_way {
            match class {
                Class::Bad => opening.spared += 1,
                Class::Good => opening.good_rejected += 1,
                Class::Cancelled | Class::Unknown => opening.others_rejected += 1,
            }
        }
    }

    pub(super) fn changed(&mut self, transition: &Transition, timeline: &mut Timeline) {
        let at = nanos(transition.at);
        self.pass(at, timeline);
        self.state = transition.to;
        match (transition.from, transition.to) {
            (State::Closed, State::Open) => {
                let counts = transition.counts;
                self.under_way = Some(Opening {
                    at,
                    cause: transition.cause.to_string(),
                    counts: (counts.calls, counts.failures, counts.slow),
                    closed: None,
                    reopened: 0,
                    delay: self.onset.map(|onset| at.saturating_sub(onset)),
                    spared: 0,
                    good_rejected: 0,
                    others_rejected: 0,
                });
            }
            (State::HalfOpen, State::Open) => {
                self.reopened += 1;
                if let Some(opening) = &mut self.under_way {
                    opening.reopened += 1;
                }
            }
            (_, State::Closed) => {
                if let Some(mut opening) = self.under_way.take() {
                    opening.closed = Some(at);
                    self.openings.push(opening);
                }
                // what follows is another trouble
                (self.onset, self.score) = (None, 0);
            }
            _ => {}
        }
    }

    /// The log is over.
    pub(super) fn over(&mut self, at: Nanos, timeline: &mut Timeline) {
        self.pass(at, timeline);
        self.openings.extend(self.under_way.take());
    }

    fn pass(&mut self, to: Nanos, timeline: &mut Timeline) {
        let lasted = to.saturating_sub(self.since);
        let shut = match self.state {
            State::Open => {
                self.open += lasted;
                Some(Shut::Open)
            }
            State::HalfOpen => {
                self.half_open += lasted;
                Some(Shut::HalfOpen)
            }
            _ => None,
        };
        if let Some(shut) = shut {
            timeline.state(shut, self.since, to);
        }
        self.since = self.since.max(to);
    }
}
