//! A local handle's success: it looks, and then it stores.

use super::Spec;
use crate::model::{Outcome, Permit, Window};
use crate::plan::Ending;
use crate::record::Call;

impl Spec {
    /// A local handle's success counts where the breaker is by now.
    pub(super) fn store(&mut self) {
        if self.counting() {
            let permit = Permit {
                generation: self.generation(),
                admitted: None,
                probe: false,
                step: None,
                in_flight: false,
            };
            self.model.finish(permit, Outcome::Success, 0, self.rolled);
            self.runs = vec![self.run];
        } else {
            self.strays += 1;
            self.beside.successes += 1;
        }
    }

    /// A call has returned: the updates that it had announced are over.
    pub(crate) fn returned(&mut self, call: usize) {
        let before = self.unseen.len();
        for calls in &mut self.unseen {
            calls.retain(|c| *c != call);
        }
        self.unseen.retain(|calls| !calls.is_empty());
        for _ in self.unseen.len()..before {
            self.store();
        }
    }

    /// The update that did not see it is over.
    pub(crate) fn surfaced(&self) -> Option<Spec> {
        let mut spec = self.clone();
        spec.unseen.pop()?;
        spec.store();
        Some(spec)
    }

    /// A success by a handle that owns a place, in the period of its admission.
    pub(super) fn may_store(&self, call: &Call, ending: Ending, now: u64) -> Option<u64> {
        let by_time = matches!(self.window, Window::Time { .. });
        let generation = self.permit(call).generation;
        let stores = ending == Ending::Local && by_time && self.counting() && !self.is_beyond(now);
        (stores && generation == self.generation()).then_some(generation)
    }
}
