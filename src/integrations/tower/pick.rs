//! Which breaker a request goes through.

use crate::{Breaker, NoBreaker, State};
use alloc::borrow::Cow;

/// Picks the breaker that guards a request.
///
/// A [`Breaker`] is one, for itself; so is any closure that takes a `&Request` and gives a `Breaker`, or
/// a `Result` of one, as `Registry::get` does: see [One for each key](crate::tower#one-for-each-key).
///
/// ```
/// use std::borrow::Cow;
/// use std::collections::HashMap;
/// use tripcoil::tower::PickBreaker;
/// use tripcoil::{Breaker, ErrIsFailure, NoBreaker};
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
    /// What the breakers classify by.
    type Classifier;

    /// The breaker for this request.
    ///
    /// # Errors
    ///
    /// Where there is none. The request is then answered with
    /// [`CallError::NoBreaker`](crate::CallError::NoBreaker), and nothing is called.
    fn pick(&self, request: &Request) -> Result<Cow<'_, Breaker<Self::Classifier>>, NoBreaker>;

    /// The breaker of all requests, if there is but one: readiness, which is asked for before there
    /// is a request, goes by its state, and counts there when it fails. Without one (the default) it
    /// is always the inner service's.
    fn only(&self) -> Option<&Breaker<Self::Classifier>> {
        None
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

/// What a closure that picks gives: a [`Breaker`], or a `Result` of one whose error is a
/// [`NoBreaker`] or becomes one, as [`ConfigError`](crate::ConfigError) does.
///
/// Sealed.
pub trait Picked: sealed::Sealed {
    /// What the breaker classifies by.
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

/// Whether it turns away all calls, or all but a few.
pub(crate) fn rejects<C>(breaker: &Breaker<C>) -> bool {
    match breaker.state() {
        State::Open | State::HalfOpen | State::ForcedOpen => true,
        State::Closed | State::Disabled | State::ObserveOnly => false,
    }
}
