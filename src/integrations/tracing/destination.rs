//! Where events go: a subscriber that is in force when their source is made, or the global one.

use ::tracing::dispatcher::{self, Dispatch};
use ::tracing::subscriber::NoSubscriber;

/// A subscriber; or the global one at the time of the event.
#[derive(Clone)]
pub(crate) struct Destination(Option<Dispatch>);

impl Destination {
    /// The subscriber that is in force here, or the global one if there is no other.
    pub(crate) fn here() -> Destination {
        let dispatch = dispatcher::get_default(Dispatch::clone);
        Destination((!dispatch.is::<NoSubscriber>()).then_some(dispatch))
    }

    /// Emits what `events` does, there.
    pub(crate) fn speak(&self, events: impl FnOnce()) {
        match &self.0 {
            Some(dispatch) => dispatcher::with_default(dispatch, events),
            None => events(),
        }
    }
}
