//! Where an agent finds its breakers.

use crate::Controller;
use std::borrow::Borrow;

/// Calls `see` with each breaker, and with the function that names it. All of it may be the user's code, and may panic.
pub(super) trait Source: Send {
    fn each(&self, see: &mut dyn FnMut(&Controller, &dyn Fn() -> String));
}

/// A breaker that stays.
pub(super) struct Single<C>(pub(super) C);

impl<C: Borrow<Controller> + Send> Source for Single<C> {
    fn each(&self, see: &mut dyn FnMut(&Controller, &dyn Fn() -> String)) {
        let controller = self.0.borrow();
        see(controller, &|| controller.observer().name().to_owned());
    }
}
