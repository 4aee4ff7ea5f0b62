//! What the operator may do.

use super::{Cause, Model, Order, Rules, State, whole_ms};

impl Model {
    /// Does as the operator says; answers whether that changed anything.
    pub(crate) fn control(&mut self, order: Order, now: u64) -> bool {
        use State::{Closed, Disabled, ForcedOpen, HalfOpen, ObserveOnly, Open};
        let overridden = matches!(self.state, ForcedOpen | Disabled | ObserveOnly);
        let counts = self.shown(now);
        let (to, allowed) = match order {
            Order::Trip | Order::TripFor(_) => (Open, !overridden),
            Order::TripByPeers => (Open, self.state == Closed),
            Order::HalfOpen => (HalfOpen, !overridden),
            Order::Reset => (Closed, true),
            Order::Release => (Closed, overridden),
            Order::ForceOpen => (ForcedOpen, self.state != ForcedOpen),
            Order::Disable => (Disabled, self.state != Disabled),
            Order::ObserveOnly => (ObserveOnly, self.state != ObserveOnly),
            Order::Postpone(wait) => {
                let later = whole_ms(now + wait);
                let moves = self.state == Open && later > self.deadline;
                if moves {
                    self.deadline = later;
                }
                return moves;
            }
        };
        if !allowed {
            return false;
        }
        match order {
            Order::Trip => self.open(Cause::Manual, None, counts, now),
            Order::TripByPeers => self.open(Cause::Peers, None, counts, now),
            Order::TripFor(wait) => self.open_for(wait, counts, now),
            _ => self.enter(to, Cause::Manual, counts, now),
        }
        if matches!(order, Order::Reset | Order::Release) {
            self.openings = 0;
            self.end_downtime();
        }
        true
    }

    /// The order, if the model is in that generation, and in a state of which the order is.
    pub(crate) fn control_in(&mut self, generation: u64, order: Order, now: u64) -> bool {
        let right = match order {
            Order::TripByPeers => self.state == State::Closed,
            Order::Release => true,
            _ => self.state == State::Open,
        };
        right && self.generation == generation && self.control(order, now)
    }

    /// New rules, where they are valid; answers whether they were.
    pub(crate) fn reconfigure(&mut self, rules: Rules, now: u64) -> bool {
        if !rules.valid(self.window) {
            return false;
        }
        if self.rules.consecutive_failures.is_none() && rules.consecutive_failures.is_some() {
            self.run_from = self.outcomes.len();
            // the run begins anew, and so does what observe-only tells of it
            self.held[0] = false;
        }
        self.change_adaptive(&rules, now);
        self.rules = rules;
        true
    }
}
