//! Rejections with the wait that an insight expects.

use crate::call::NoBreaker;
use crate::insight::Insight;
use crate::integrations::tower::pick::PickBreaker;
use crate::{Breaker, Rejected};
use alloc::borrow::Cow;
use core::time::Duration;

/// Picks a breaker as `P` does, and gives its rejections the wait that an insight expects. Created by
/// [`BreakerLayer::expecting`](super::BreakerLayer::expecting).
#[derive(Clone, Debug)]
pub struct Expecting<P> {
    pick: P,
    insight: Insight,
    most: Duration,
}

impl<P> Expecting<P> {
    pub(super) fn new(pick: P, insight: &Insight, most: Duration) -> Expecting<P> {
        Expecting {
            pick,
            insight: insight.clone(),
            most,
        }
    }
}

impl<Request, P: PickBreaker<Request>> PickBreaker<Request> for Expecting<P> {
    type Classifier = P::Classifier;

    fn pick(&self, request: &Request) -> Result<Cow<'_, Breaker<P::Classifier>>, NoBreaker> {
        self.pick.pick(request)
    }

    fn only(&self) -> Option<&Breaker<P::Classifier>> {
        self.pick.only()
    }

    fn rejected(&self, breaker: &str, rejected: Rejected) -> Rejected {
        let rejected = self.pick.rejected(breaker, rejected);
        if breaker == self.insight.observer().name() {
            self.insight.expected(rejected, self.most)
        } else {
            rejected
        }
    }
}
