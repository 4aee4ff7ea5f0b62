//! Runs a guarded call's own code, and ends the call.

#[cfg(feature = "tower")]
use crate::Classify;
use crate::Outcome;
use crate::call::OwnedPermit;
use crate::classify::classifier::outcome_of_panic;

struct Guarded<'p, P: FnOnce() -> Outcome> {
    permit: &'p mut Option<OwnedPermit>,
    panicked: Option<P>,
}

/// If `code` unwinds, the panic is the call's result, and the permit ends with it.
pub(crate) fn guarded<R>(
    permit: &mut Option<OwnedPermit>,
    panicked: impl FnOnce() -> Outcome,
    code: impl FnOnce(&Option<OwnedPermit>) -> R,
) -> R {
    let mut inside = Guarded {
        permit,
        panicked: Some(panicked),
    };
    let r = code(inside.permit);
    inside.panicked = None;
    r
}

impl<P: FnOnce() -> Outcome> Drop for Guarded<'_, P> {
    fn drop(&mut self) {
        if let Some(panicked) = self.panicked.take()
            && let Some(permit) = self.permit.take()
        {
            permit.record(outcome_of_panic(panicked));
        }
    }
}

/// Ends the call with this result, unless it has ended.
#[cfg(feature = "tower")]
pub(crate) fn end<T, E, C: Classify<T, E>>(
    permit: &mut Option<OwnedPermit>,
    classifier: &C,
    result: &Result<T, E>,
) {
    if permit.is_none() {
        return;
    }
    // a classifier is the user's code too
    let outcome = guarded(
        permit,
        || classifier.panicked(),
        |permit| classifier.classify_timed(result, &|| permit.as_ref()?.0.lasted()),
    );
    if let Some(permit) = permit.take() {
        permit.record(outcome);
    }
}
