//! sony/gobreaker v2.4, `v2/gobreaker.go` (`defaultReadyToTrip`, `beforeRequest`, `afterRequest`,
//! `currentState`). Defaults: more than 5 failures in a row, 60 s open, one request half-open, and
//! no interval, so that counts are never cleared while closed. `IsSuccessful` counts an ignored
//! outcome as a success.

use super::super::{Ended, Subject};
use crate::time::{Nanos, SECOND};

const MORE_THAN: u32 = 5;
const TIMEOUT: Nanos = 60 * SECOND;

pub(in super::super) struct Gobreaker {
    state: State,
    generation: u64,
    in_a_row: u32,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Closed,
    Open { expiry: Nanos },
    HalfOpen { requests: u32 },
}

impl Default for Gobreaker {
    fn default() -> Self {
        Gobreaker {
            state: State::Closed,
            generation: 1,
            in_a_row: 0,
        }
    }
}

impl Gobreaker {
    fn become_state(&mut self, state: State) {
        self.state = state;
        self.generation += 1;
        self.in_a_row = 0;
    }

    fn current(&mut self, now: Nanos) {
        if let State::Open { expiry } = self.state
            && expiry < now
        {
            self.become_state(State::HalfOpen { requests: 0 });
        }
    }
}

impl Subject for Gobreaker {
    type Permit = u64;

    fn admit(&mut self, now: Nanos) -> Option<u64> {
        self.current(now);
        match &mut self.state {
            State::Closed => {}
            State::Open { .. } => return None,
            State::HalfOpen { requests } if *requests >= 1 => return None,
            State::HalfOpen { requests } => *requests += 1,
        }
        Some(self.generation)
    }

    fn end(&mut self, now: Nanos, permit: u64, ended: Ended) {
        self.current(now);
        if permit != self.generation {
            return;
        }
        let open = State::Open {
            expiry: now + TIMEOUT,
        };
        match (self.state, ended.outcome.is_answer()) {
            (State::Closed, true) => self.in_a_row = 0,
            (State::Closed, false) => {
                self.in_a_row += 1;
                if self.in_a_row > MORE_THAN {
                    self.become_state(open);
                }
            }
            (State::HalfOpen { .. }, true) => self.become_state(State::Closed),
            (State::HalfOpen { .. }, false) => self.become_state(open),
            (State::Open { .. }, _) => {}
        }
    }
}
