//! Picks the breaker for a request.

use crate::call::NoBreaker;
use crate::{Breaker, Rejected, State};
use alloc::borrow::Cow;

/// Picks the breaker that guards a request.
///
/// A [`Breaker`] picks itself. So does any closure that takes a `&Request` and returns a `Breaker`,
/// or a `Result` of one, as `Registry::get` does: see [A breaker per
/// key](crate::tower#a-breaker-per-key).
///
/// ```
/// use std::borrow::Cow;
/// use std::collections::HashMap;
/// use tripcoil::tower::PickBreaker;
/// use tripcoil::Breaker;
/// use tripcoil::call::NoBreaker;
/// use tripcoil::classify::ErrIsFailure;
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
///     fn pick(&self, host: &String) -> Result<Cow<'_, Breaker>, NoBreaker> {
///         if host.is_empty() {
///             return Err(NoBreaker::because("it has no host"));
///         }
///         Ok(Cow::Borrowed(self.known.get(host).unwrap_or(&self.others)))
///     }
/// }
/// ```
pub trait PickBreaker<Request> {
    /// The classifier of the breakers.
    type Classifier;

    /// Returns the breaker for this request.
    ///
    /// # Errors
    ///
    /// Returns an error if the request has no breaker. The request is then answered with
    /// [`CallError::NoBreaker`](crate::CallError::NoBreaker), and the inner service is not called.
    fn pick(&self, request: &Request) -> Result<Cow<'_, Breaker<Self::Classifier>>, NoBreaker>;

    /// Returns the breaker of all requests, if there is only one. Readiness, which is polled before
    /// there is a request, then depends on its state, and a failing readiness counts there. By
    /// default there is none, and readiness is always the inner service's.
    fn only(&self) -> Option<&Breaker<Self::Classifier>> {
        None
    }

    /// Returns the rejection that the caller receives for one by the breaker of this name, as an error or as an answer: the same,
    /// by default. It can have another [`retry_after`](Rejected::with_retry_after), such as the time that an insight
    /// expects an outage to last (`BreakerLayer::expecting`).
    fn rejected(&self, _breaker: &str, rejected: Rejected) -> Rejected {
        rejected
    }
}

impl<Request, C> PickBreaker<Request> for Breaker<C> {
    type Classifier = C;

    fn pick(&self, _: &Request) -> Result<Cow<'_, Breaker<C>>, NoBreaker> {
        Ok(Cow::Borrowed(self))
    }

    fn only(&self) -> Option<&Breaker<C>> {
        Some(self)
    }
}

impl<Request, P: Picked, F: Fn(&Request) -> P> PickBreaker<Request> for F {
    type Classifier = P::Classifier;

    fn pick(&self, request: &Request) -> Result<Cow<'_, Breaker<P::Classifier>>, NoBreaker> {
        self(request).picked().map(Cow::Owned)
    }
}

/// The result of a closure that picks: a [`Breaker`], or a `Result` of one whose error is a
/// [`NoBreaker`] or converts to one, as [`ConfigError`](crate::ConfigError) does.
///
/// Sealed.
pub trait Picked: sealed::Sealed {
    /// The classifier of the breaker.
    type Classifier;

    #[doc(hidden)]
    fn picked(self) -> Result<Breaker<Self::Classifier>, NoBreaker>;
}

mod sealed {
    pub trait Sealed {}
}

impl<C> sealed::Sealed for Breaker<C> {}

impl<C> Picked for Breaker<C> {
    type Classifier = C;

    fn picked(self) -> Result<Breaker<C>, NoBreaker> {
        Ok(self)
    }
}

impl<C, E> sealed::Sealed for Result<Breaker<C>, E> {}

impl<C, E: Into<NoBreaker>> Picked for Result<Breaker<C>, E> {
    type Classifier = C;

    fn picked(self) -> Result<Breaker<C>, NoBreaker> {
        self.map_err(Into::into)
    }
}

/// Whether it rejects all calls, or all but the probes.
pub(crate) fn rejects<C>(breaker: &Breaker<C>) -> bool {
    match breaker.state() {
        State::Open | State::HalfOpen | State::ForcedOpen => true,
        State::Closed | State::Disabled | State::ObserveOnly => false,
    }
}
