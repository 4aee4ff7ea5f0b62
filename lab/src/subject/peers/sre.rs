//! Beyer et al., *Site Reliability Engineering* (2016), chapter 21 "Handling Overload", client-side
//! throttling: of the requests and accepts of the last two minutes, each request is rejected with
//! the probability `max(0, (requests - K accepts) / (requests + 1))`, with K = 2. The book does not
//! say when a request is counted: here when it ends or is rejected, since calls in flight would
//! otherwise look refused. An ignored outcome was accepted.

use super::super::rolling::Rolling;
use super::super::{Ended, Subject};
use crate::dice::Dice;
use crate::time::{Nanos, SECOND};

const K: f64 = 2.0;
const REQUESTS: usize = 0;
const ACCEPTS: usize = 1;

pub(in super::super) struct Sre {
    window: Rolling<2>,
    dice: Dice,
}

impl Sre {
    pub(in super::super) fn new(dice: Dice) -> Sre {
        Sre {
            window: Rolling::new(120, SECOND),
            dice,
        }
    }
}

impl Subject for Sre {
    type Permit = ();

    fn admit(&mut self, now: Nanos) -> Option<()> {
        self.window.roll(now);
        let [requests, accepts] = self.window.sums();
        let rejects = (requests - K * accepts) / (requests + 1.0);
        if rejects > 0.0 && self.dice.unit() < rejects {
            self.window.add(now, REQUESTS);
            return None;
        }
        Some(())
    }

    fn end(&mut self, now: Nanos, (): (), ended: Ended) {
        self.window.add(now, REQUESTS);
        if ended.outcome.is_answer() {
            self.window.add(now, ACCEPTS);
        }
    }
}
