//! Breakers inside breakers: a rejection that is found in a call's error says nothing about the
//! dependency.

use crate::classify::classifier::{Classify, ErrIsFailure, pointers};
use crate::error::{BoxedError, CallError, NoBreaker, Rejected};
use crate::words::outcome::Outcome;
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::error::Error;
use core::ops::Deref;

/// A classifier for calls that pass another breaker, or the same one again. An error that contains
/// a rejection is [`Outcome::Ignored`]; the wrapped classifier decides about everything else.
///
/// A rejection says nothing about the dependency. Without this wrapper, the rejections of an inner
/// breaker would trip the outer one. A breaker inside itself would never recover: the inner call
/// finds the only slot taken by the outer call's probe, and its rejection would count as the
/// probe's failure. The default classifier cannot see a rejection, because it does not know the
/// error's type.
///
/// | the call's error | constructor |
/// |---|---|
/// | an [`Error`] of any type | [`new`](Self::new): looks at the error and along its [`source()`](Error::source) chain |
/// | `Box<dyn Error + Send + Sync>`, `Arc<dyn Error>`, `anyhow::Error` and the like, or a [`CallError`] of one | [`boxed`](Self::boxed): looks at the same places |
/// | any other | [`found_by`](Self::found_by): a closure `Fn(&E) -> Option<&Rejected>` |
///
/// The first two treat a [`NoBreaker`] as a rejection too: in both cases the call was not made. At
/// the error itself, and at each error along its chain, they find
///
/// - a [`Rejected`], and a rejected [`CallError`], in calls nested to any depth;
/// - the inner error of an `io::Error` or a [`BoxedError`], and a `Rejected` that is a call's own
///   error. These may be the own error of up to three nested calls
///   (`CallError<CallError<CallError<io::Error>>>`), and each of these types may also be in a `Box`
///   or an `Arc`;
/// - the error in an `Arc<dyn Error>`, at the same places.
///
/// They do not find anything else that `source()` skips. Use the closure for such errors: the own
/// error of four or more nested calls, and a transparent error of your own (`#[error(transparent)]`
/// of `thiserror`) around a bare `Rejected`, `io::Error` or `BoxedError`. An `anyhow::Error` that
/// was converted from a box, or into one, is transparent too. A transparent error around a rejected
/// call is found: turn a bare `Rejected` into a [`CallError`] first.
///
/// ```
/// use std::io;
/// use tripcoil::classify::{ErrIsFailure, IgnoreRejections};
/// use tripcoil::{Breaker, CallError};
///
/// let (replica, controller) = Breaker::builder("replica").build_with_controller()?;
/// let service = Breaker::builder("service")
///     .classifier(IgnoreRejections::new(ErrIsFailure))
///     .consecutive_failures(1)
///     .build()?;
///
/// controller.force_open();
/// let result = service.call(|| replica.call(|| Ok::<(), io::Error>(())));
/// assert!(matches!(result, Err(CallError::Inner(CallError::Rejected(_)))));
/// assert_eq!(service.observer().snapshot().totals.ignored, 1);
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
///
/// An ignored probe gives its slot back and decides nothing. A breaker around calls to itself
/// recovers if [`max_probes`](crate::HalfOpen::max_probes) is at least the nesting depth, and the
/// round needs as many results or a multiple of that. Otherwise the inner call finds no slot: by
/// default its rejection fails the round; with this classifier the round waits for a call that is
/// not nested.
#[derive(Clone, Copy, Debug)]
pub struct IgnoreRejections<C = ErrIsFailure, F = InSources> {
    classifier: C,
    find: F,
}

impl<C> IgnoreRejections<C> {
    /// Wraps a classifier, for errors that implement [`Error`]: looks at the error and along its
    /// `source()` chain.
    #[must_use]
    pub const fn new(classifier: C) -> IgnoreRejections<C> {
        IgnoreRejections {
            classifier,
            find: InSources,
        }
    }
}

impl<C> IgnoreRejections<C, InBoxed> {
    /// Wraps a classifier, for boxed and shared errors, and for types that convert to one, as
    /// `anyhow::Error` does.
    ///
    /// ```
    /// use tripcoil::Breaker;
    /// use tripcoil::classify::{ErrIsFailure, IgnoreRejections};
    ///
    /// let breaker = Breaker::builder("service")
    ///     .classifier(IgnoreRejections::boxed(ErrIsFailure))
    ///     .build()?;
    /// let inner = Breaker::builder("replica").build()?;
    /// let _ = breaker.call(|| -> anyhow::Result<u32> { Ok(inner.call(|| "7".parse::<u32>())?) });
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    #[must_use]
    pub const fn boxed(classifier: C) -> IgnoreRejections<C, InBoxed> {
        IgnoreRejections {
            classifier,
            find: InBoxed,
        }
    }
}

impl<C, F> IgnoreRejections<C, F> {
    /// Wraps a classifier, for errors of any type: `find` returns the rejection in an error, if
    /// there is one.
    ///
    /// ```
    /// use tripcoil::classify::{ErrIsFailure, IgnoreRejections};
    /// use tripcoil::{Breaker, CallError};
    ///
    /// // an error that `?` converted from that of an inner breaker's call
    /// enum Failed {
    ///     Parse,
    ///     Replica(CallError<()>),
    /// }
    ///
    /// let classifier = IgnoreRejections::found_by(ErrIsFailure, |error: &Failed| match error {
    ///     Failed::Replica(error) => error.as_rejected(),
    ///     Failed::Parse => None,
    /// });
    /// let breaker = Breaker::builder("service").classifier(classifier).build()?;
    /// # let _ = breaker.call(|| Err::<(), _>(Failed::Parse));
    /// # let _ = breaker.call(|| Err::<(), _>(Failed::Replica(CallError::Inner(()))));
    /// # assert_eq!(breaker.observer().snapshot().totals.failures, 2);
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    #[must_use]
    pub const fn found_by<E>(classifier: C, find: F) -> IgnoreRejections<C, F>
    where
        F: Fn(&E) -> Option<&Rejected>,
    {
        IgnoreRejections { classifier, find }
    }

    /// Returns the wrapped classifier.
    #[must_use]
    pub const fn inner(&self) -> &C {
        &self.classifier
    }
}

impl<T, E, C: Classify<T, E>, F: FindRejection<E>> Classify<T, E> for IgnoreRejections<C, F> {
    fn classify(&self, result: &Result<T, E>) -> Outcome {
        match result {
            Err(error) if self.find.is_rejection(error) => Outcome::Ignored,
            result => self.classifier.classify(result),
        }
    }

    fn classify_timed(
        &self,
        result: &Result<T, E>,
        lasted: &dyn Fn() -> Option<core::time::Duration>,
    ) -> Outcome {
        match result {
            Err(error) if self.find.is_rejection(error) => Outcome::Ignored,
            result => self.classifier.classify_timed(result, lasted),
        }
    }

    fn timed_out(&self, limit: core::time::Duration) -> Outcome {
        self.classifier.timed_out(limit)
    }

    fn panicked(&self) -> Outcome {
        self.classifier.panicked()
    }
}

pointers! {
    [T, E, C: Classify<T, E>, F: FindRejection<E>] <T, E> &IgnoreRejections<C, F>;
    [T, E, C: Classify<T, E>, F: FindRejection<E>] <T, E> Box<IgnoreRejections<C, F>>;
}

/// Finds a rejection in an error. Any `Fn(&E) -> Option<&Rejected>` implements it.
pub trait FindRejection<E> {
    /// Returns whether the call that failed with this error was not made.
    fn is_rejection(&self, error: &E) -> bool;
}

impl<E, F: Fn(&E) -> Option<&Rejected>> FindRejection<E> for F {
    fn is_rejection(&self, error: &E) -> bool {
        self(error).is_some()
    }
}

/// Looks at an error and along its chain; see [`IgnoreRejections::new`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InSources;

impl<E: Error + 'static> FindRejection<E> for InSources {
    fn is_rejection(&self, error: &E) -> bool {
        leads_to_rejection(error)
    }
}

/// Looks into the box and along the chain of what is in it; see [`IgnoreRejections::boxed`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InBoxed;

impl<E: Deref<Target: AnyError>> FindRejection<E> for InBoxed {
    fn is_rejection(&self, error: &E) -> bool {
        leads_to_rejection(error.any_error())
    }
}

/// For a call whose own error is boxed.
impl<E> FindRejection<CallError<E>> for InBoxed
where
    InBoxed: FindRejection<E>,
{
    fn is_rejection(&self, error: &CallError<E>) -> bool {
        match error {
            CallError::Rejected(_) | CallError::NoBreaker(_) => true,
            CallError::Inner(error) => self.is_rejection(error),
            CallError::TimedOut(_) => false,
        }
    }
}

/// A boxed error's trait object: `dyn Error`, with or without `Send` and `Sync`.
///
/// Sealed.
pub trait AnyError: sealed::Sealed {
    #[doc(hidden)]
    fn any_error(&self) -> &(dyn Error + 'static);
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! any_error {
    ($($object:ty),*) => {$(
        impl sealed::Sealed for $object {}

        impl AnyError for $object {
            fn any_error(&self) -> &(dyn Error + 'static) {
                self
            }
        }
    )*};
}

any_error!(
    dyn Error,
    dyn Error + Send,
    dyn Error + Sync,
    dyn Error + Send + Sync
);

fn leads_to_rejection(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<Rejected>() || error.is::<NoBreaker>() {
            return true;
        }
        next = held(error).or_else(|| error.source());
    }
    false
}

/// Returns the error inside a transparent one, which `source()` skips.
fn held<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    if let Some(error) = own::<BoxedError>(error) {
        return Some(error.any_error());
    }
    if let Some(error) = shared_object(error) {
        return Some(error);
    }
    #[cfg(feature = "std")]
    if let Some(error) = shared::<std::io::Error>(error) {
        return Some(error.get_ref()?);
    }
    fn plain<E: Error + 'static>(error: &E) -> &(dyn Error + 'static) {
        error
    }
    shared::<Rejected>(error)
        .map(plain)
        .or_else(|| shared::<NoBreaker>(error).map(plain))
}

/// Finds the error in an `Arc<dyn Error>`, whose chain begins behind it.
fn shared_object<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    fn object<'e, O: AnyError + ?Sized + 'static>(
        error: &'e (dyn Error + 'static),
    ) -> Option<&'e (dyn Error + 'static)>
    where
        Arc<O>: Error,
    {
        own::<Arc<O>>(error).map(|object| object.any_error())
    }
    object::<dyn Error + Send + Sync>(error)
        .or_else(|| object::<dyn Error>(error))
        .or_else(|| object::<dyn Error + Send>(error))
        .or_else(|| object::<dyn Error + Sync>(error))
}

/// Finds an error of that type, also in a box or an `Arc`.
fn shared<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    own::<E>(error)
        .or_else(|| own::<Box<E>>(error).map(|error| &**error))
        .or_else(|| own::<Arc<E>>(error).map(|error| &**error))
}

/// Finds an error of that type, also as the own error of up to three nested calls, in a box or an
/// `Arc` or in neither.
fn own<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    fn of<E>(call: &CallError<E>) -> Option<&E> {
        match call {
            CallError::Inner(error) => Some(error),
            _ => None,
        }
    }
    fn itself<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
        error
            .downcast_ref::<E>()
            .or_else(|| error.downcast_ref::<Box<E>>().map(|error| &**error))
            .or_else(|| error.downcast_ref::<Arc<E>>().map(|error| &**error))
    }
    let called = || of(itself::<CallError<E>>(error)?);
    let twice = || of(of(itself::<CallError<CallError<E>>>(error)?)?);
    let thrice = || {
        of(of(of(itself::<CallError<CallError<CallError<E>>>>(
            error,
        )?)?)?)
    };
    itself::<E>(error)
        .or_else(called)
        .or_else(twice)
        .or_else(thrice)
}

#[cfg(test)]
mod tests;
