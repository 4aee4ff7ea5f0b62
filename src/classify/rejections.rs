//! Breakers inside breakers: a rejection that is found in a call's error is no outcome of the dependency.

use crate::classify::classifier::{Classify, ErrIsFailure, pointers};
use crate::error::{BoxedError, CallError, NoBreaker, Rejected};
use crate::words::outcome::Outcome;
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::error::Error;
use core::ops::Deref;

/// A classifier for breakers around calls that other breakers guard, or the same one: an error with a
/// rejection in it is [`Outcome::Ignored`], and all else is for the classifier that it wraps.
///
/// A rejection is no outcome of the dependency. Without this, an inner breaker's rejections would
/// trip the outer one, and a breaker inside itself would never recover: its inner call finds the outer
/// one's probe in the only slot, and the rejection would count as that probe's failure. The default
/// classifier cannot see a rejection, since it knows nothing of the error's type.
///
/// | the call's error | |
/// |---|---|
/// | an [`Error`] of any type | [`new`](Self::new): looks at the error and along its [`source()`](Error::source) chain |
/// | `Box<dyn Error + Send + Sync>`, `Arc<dyn Error>`, `anyhow::Error` and their like, or a [`CallError`] of one | [`boxed`](Self::boxed): the same |
/// | any other | [`found_by`](Self::found_by): a closure `Fn(&E) -> Option<&Rejected>` |
///
/// The first two take the lack of a breaker ([`NoBreaker`]) for a rejection: in both cases nothing was
/// called. At the error itself, and at each error along its chain, they find
///
/// - a [`Rejected`], and a [`CallError`] that was rejected, in calls inside calls at any depth;
/// - what an `io::Error` or a [`BoxedError`] was made of, and a `Rejected` that is the own error of a call.
///   These may be the own error of up to three calls inside each other
///   (`CallError<CallError<CallError<io::Error>>>`); a `Rejected` and an `io::Error` may also be in a `Box` or
///   an `Arc`.
///
/// They see nothing else that `source()` passes over, which needs the closure: such errors as the own error of
/// four calls or more, and an error of one's own that is transparent (`#[error(transparent)]` of `thiserror`)
/// around a `Rejected`, an `io::Error` or a `BoxedError` itself. One around a call that was rejected is found.
///
/// ```
/// use std::io;
/// use tripcoil::{Breaker, CallError, ErrIsFailure, IgnoreRejections};
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
/// A probe that ends so gives its slot back, and decides nothing. A breaker around calls to itself recovers if
/// [`max_probes`](crate::HalfOpen::max_probes) is at least the depth, and the round needs as many results, or
/// a multiple of it. Otherwise the inner call finds no slot: by default its rejection fails the round, with
/// this classifier the round waits for a call that is not nested.
#[derive(Clone, Copy, Debug)]
pub struct IgnoreRejections<C = ErrIsFailure, F = InSources> {
    classifier: C,
    find: F,
}

impl<C> IgnoreRejections<C> {
    /// For errors that are an [`Error`]: looks at the error itself, and along its `source()` chain.
    #[must_use]
    pub const fn new(classifier: C) -> IgnoreRejections<C> {
        IgnoreRejections {
            classifier,
            find: InSources,
        }
    }
}

impl<C> IgnoreRejections<C, InBoxed> {
    /// The same for boxed and shared errors, and for types that lead to one, as `anyhow::Error` does.
    ///
    /// ```
    /// use tripcoil::{Breaker, ErrIsFailure, IgnoreRejections};
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
    /// For errors of any type: `find` says where the rejection is in one, if there is one.
    ///
    /// ```
    /// use tripcoil::{Breaker, CallError, ErrIsFailure, IgnoreRejections};
    ///
    /// // what `?` made of the error of an inner breaker's call
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

    /// The classifier that it wraps.
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

    fn panicked(&self) -> Outcome {
        self.classifier.panicked()
    }
}

pointers! {
    [T, E, C: Classify<T, E>, F: FindRejection<E>] <T, E> &IgnoreRejections<C, F>;
    [T, E, C: Classify<T, E>, F: FindRejection<E>] <T, E> Box<IgnoreRejections<C, F>>;
}

/// Says whether there is a rejection in an error. Any `Fn(&E) -> Option<&Rejected>` does.
pub trait FindRejection<E> {
    /// Whether the call that gave this error was not made.
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

/// Of a call whose own error is a boxed one.
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

/// What a box of an error holds: `dyn Error`, with `Send` and `Sync` or without.
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

/// What is in an error that is transparent, whose `source()` passes over it.
fn held<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    if let Some(error) = own::<BoxedError>(error) {
        return Some(error.any_error());
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

/// An error of that type, also in a box or an `Arc`.
fn shared<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    own::<E>(error)
        .or_else(|| own::<Box<E>>(error).map(|error| &**error))
        .or_else(|| own::<Arc<E>>(error).map(|error| &**error))
}

/// An error of that type, also as the own error of up to three calls inside each other.
fn own<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    fn of<E>(call: &CallError<E>) -> Option<&E> {
        match call {
            CallError::Inner(error) => Some(error),
            _ => None,
        }
    }
    let called = || of(error.downcast_ref::<CallError<E>>()?);
    let twice = || of(of(error.downcast_ref::<CallError<CallError<E>>>()?)?);
    let thrice = || {
        of(of(of(
            error.downcast_ref::<CallError<CallError<CallError<E>>>>()?
        )?)?)
    };
    error
        .downcast_ref::<E>()
        .or_else(called)
        .or_else(twice)
        .or_else(thrice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::outcome::{FailureKind, State};
    use alloc::string::String;
    use core::fmt;

    const REJECTED: Rejected = Rejected::by(State::Open);

    #[derive(Debug)]
    struct Failed(Option<Box<dyn Error + Send + Sync>>);

    impl fmt::Display for Failed {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("failed")
        }
    }

    impl Error for Failed {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(self.0.as_deref()?)
        }
    }

    fn failed(source: impl Error + Send + Sync + 'static) -> Failed {
        Failed(Some(Box::new(source)))
    }

    fn nested<E>(error: E) -> CallError<CallError<E>> {
        CallError::Inner(CallError::Inner(error))
    }

    #[test]
    fn a_rejection_is_found_along_the_chain() {
        fn found<E: Error + 'static>(error: E) -> bool {
            let classifier = IgnoreRejections::new(ErrIsFailure);
            classifier.classify(&Err::<(), _>(error)) == Outcome::Ignored
        }
        type Call = CallError<Failed>;
        assert!(found(REJECTED));
        assert!(found(NoBreaker::because("it has no key")));
        assert!(found(Call::from(REJECTED)));
        assert!(found(Call::from(NoBreaker::because("it has no key"))));
        assert!(found(nested(Call::from(REJECTED))));
        assert!(found(failed(REJECTED)));
        assert!(found(failed(failed(nested(Call::from(REJECTED))))));
        assert!(found(nested(failed(REJECTED))));
        // where the chain passes over it
        assert!(found(CallError::Inner(REJECTED)));
        assert!(found(nested(REJECTED)));
        assert!(found(Box::new(REJECTED)) && found(Arc::new(REJECTED)));
        assert!(found(CallError::Inner(nested(REJECTED))));
        assert!(found(CallError::Inner(nested(Arc::new(REJECTED)))));
        let none = || NoBreaker::because("it has no key");
        assert!(found(CallError::Inner(nested(none()))) && found(Box::new(none())));
        let boxed = || CallError::<Box<dyn Error + Send + Sync>>::Inner(REJECTED.into()).boxed();
        assert!(found(boxed()) && found(failed(boxed())));
        assert!(found(nested(boxed())) && found(failed(nested(boxed()))));

        assert!(!found(Failed(None)));
        assert!(!found(failed(Failed(None))));
        assert!(!found(nested(Failed(None))));
        assert!(!found(Call::TimedOut(core::time::Duration::ZERO)));
        assert!(!found(CallError::Inner("no route").boxed()));
    }

    #[cfg(feature = "std")]
    #[test]
    fn a_rejection_is_found_in_an_io_error() {
        use std::io;
        let find = |error: io::Error| InSources.is_rejection(&error);
        assert!(find(io::Error::other(REJECTED)));
        assert!(find(io::Error::other(failed(REJECTED))));
        assert!(InSources.is_rejection(&CallError::Inner(io::Error::other(REJECTED))));
        assert!(InSources.is_rejection(&failed(io::Error::other(io::Error::other(REJECTED)))));
        let io = || io::Error::other(REJECTED);
        assert!(InSources.is_rejection(&nested(io())));
        assert!(InSources.is_rejection(&CallError::Inner(nested(io()))));
        assert!(InSources.is_rejection(&nested(Arc::new(io()))));
        assert!(InSources.is_rejection(&failed(Box::new(io()))));
        let inside: CallError<io::Error> = CallError::Inner(io::Error::other(nested(io())));
        assert!(InSources.is_rejection(&inside));
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        assert!(!InSources.is_rejection(&CallError::Inner(nested(refused()))));
        assert!(!find(io::Error::other("no route")));
        assert!(!find(io::ErrorKind::TimedOut.into()));
    }

    #[test]
    fn a_rejection_is_found_in_a_box() {
        fn found<E>(error: E) -> bool
        where
            InBoxed: FindRejection<E>,
        {
            let classifier = IgnoreRejections::boxed(ErrIsFailure);
            classifier.classify(&Err::<(), _>(error)) == Outcome::Ignored
        }
        type Boxed = Box<dyn Error + Send + Sync>;
        let boxed = |error: CallError<Failed>| -> Boxed { error.into() };
        assert!(found(Boxed::from(REJECTED)));
        assert!(found(Box::<dyn Error>::from(REJECTED)));
        assert!(found(Box::new(REJECTED) as Box<dyn Error + Send>));
        assert!(found(Arc::<dyn Error + Send + Sync>::from(boxed(
            REJECTED.into()
        ))));
        assert!(found(boxed(REJECTED.into())));
        assert!(found(boxed(CallError::Inner(failed(REJECTED)))));
        assert!(found(CallError::<Boxed>::from(REJECTED)));
        assert!(found(nested(boxed(REJECTED.into()))));
        assert!(found(
            anyhow::Error::from(failed(REJECTED)).context("asked")
        ));
        assert!(found(CallError::<anyhow::Error>::from(REJECTED)));

        assert!(!found(boxed(CallError::Inner(Failed(None)))));
        assert!(!found(CallError::Inner(Boxed::from("no route"))));
        assert!(!found(anyhow::anyhow!("no route").context("asked")));
    }

    #[test]
    fn a_closure_finds_it_in_anything() {
        let classifier = IgnoreRejections::found_by(ErrIsFailure, CallError::<()>::as_rejected);
        let outcome = |error| classifier.classify(&Err::<(), _>(error));
        assert_eq!(outcome(REJECTED.into()), Outcome::Ignored);
        let failure = Outcome::Failure(FailureKind::Server);
        assert_eq!(outcome(CallError::Inner(())), failure);
    }

    #[test]
    fn all_else_is_for_the_classifier_inside() {
        struct Own;
        impl Classify<u8, String> for Own {
            fn classify(&self, result: &Result<u8, String>) -> Outcome {
                Outcome::Failure(FailureKind::Other(result.as_ref().map_or(9, |n| *n)))
            }
            fn panicked(&self) -> Outcome {
                Outcome::Ignored
            }
        }
        let wrapped = IgnoreRejections::found_by(Own, |_: &String| None);
        let failure = |n| Outcome::Failure(FailureKind::Other(n));
        assert_eq!(wrapped.classify(&Ok(3)), failure(3));
        assert_eq!(wrapped.classify(&Err(String::new())), failure(9));
        assert_eq!(wrapped.panicked(), Outcome::Ignored);
    }
}
