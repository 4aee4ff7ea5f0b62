//! Which breaker a request goes through.

use crate::breaker::Breaker;
use crate::outcome::State;
use alloc::borrow::Cow;

/// Picks the breaker that guards a request.
///
/// A [`Breaker`] is one, for itself; so is any `Fn(&Request) -> Breaker<C>`.
///
/// ```
/// use std::borrow::Cow;
/// use std::collections::HashMap;
/// use tripcoil::tower::PickBreaker;
/// use tripcoil::{Breaker, ErrIsFailure};
///
/// /// A breaker a host, and one for all others.
/// #[derive(Clone)]
/// struct ByHost {
///     known: HashMap<String, Breaker>,
///     others: Breaker,
/// }
///
/// impl PickBreaker<String> for ByHost {
///     type Classifier = ErrIsFailure;
///
///     fn pick(&self, host: &String) -> Cow<'_, Breaker> {
///         Cow::Borrowed(self.known.get(host).unwrap_or(&self.others))
///     }
/// }
/// ```
pub trait PickBreaker<Request> {
    /// What the breakers classify by.
    type Classifier;

    /// The breaker for this request.
    fn pick(&self, request: &Request) -> Cow<'_, Breaker<Self::Classifier>>;

    /// The breaker of all requests, if there is but one: readiness, which is asked for before there
    /// is a request, goes by its state, and counts there when it fails. Without one (the default) it
    /// is always the inner service's.
    fn only(&self) -> Option<&Breaker<Self::Classifier>> {
        None
    }
}

impl<Request, C> PickBreaker<Request> for Breaker<C> {
    type Classifier = C;

    fn pick(&self, _: &Request) -> Cow<'_, Breaker<C>> {
        Cow::Borrowed(self)
    }

    fn only(&self) -> Option<&Breaker<C>> {
        Some(self)
    }
}

impl<Request, C, F: Fn(&Request) -> Breaker<C>> PickBreaker<Request> for F {
    type Classifier = C;

    fn pick(&self, request: &Request) -> Cow<'_, Breaker<C>> {
        Cow::Owned(self(request))
    }
}

/// Whether it turns away all calls, or all but a few.
pub(crate) fn rejects<C>(breaker: &Breaker<C>) -> bool {
    match breaker.state() {
        State::Open | State::HalfOpen | State::ForcedOpen => true,
        State::Closed | State::Disabled | State::ObserveOnly => false,
    }
}
