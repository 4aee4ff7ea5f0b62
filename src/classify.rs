//! From a call's result to its outcome.

use crate::outcome::{FailureKind, Outcome};

/// Says what a call's result means to the breaker.
///
/// Any `Fn(&Result<T, E>) -> Outcome` is one; a type of one's own can answer for panics too. It
/// runs once a call, on the caller's thread, outside every step of the breaker.
///
/// ```
/// use tripcoil::{Breaker, FailureKind, Outcome};
///
/// // "Not found" is an answer, and no fault of the dependency's.
/// let breaker = Breaker::builder("users")
///     .classifier(|result: &Result<String, u16>| match result {
///         Ok(_) | Err(404) => Outcome::Success,
///         Err(429 | 503) => Outcome::Failure(FailureKind::Overload),
///         Err(500..) => Outcome::Failure(FailureKind::Server),
///         Err(_) => Outcome::Ignored,
///     })
///     .build()?;
/// assert!(breaker.call(|| Err::<String, u16>(404)).is_err());
/// assert_eq!(breaker.observer().snapshot().window.successes, 1);
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
pub trait Classify<T, E> {
    /// What this result means.
    fn classify(&self, result: &Result<T, E>) -> Outcome;

    /// What a panic inside the guarded call means; it goes on unwinding in any case. By default a
    /// failure of the kind [`FailureKind::Client`].
    fn panicked(&self) -> Outcome {
        Outcome::Failure(FailureKind::Client)
    }
}

impl<T, E, F: Fn(&Result<T, E>) -> Outcome> Classify<T, E> for F {
    #[inline]
    fn classify(&self, result: &Result<T, E>) -> Outcome {
        self(result)
    }
}

/// The classifier of a breaker that names none: `Ok` is a success, `Err` a failure of the kind
/// [`FailureKind::Server`], a panic one of the kind [`FailureKind::Client`].
///
/// ```
/// use tripcoil::{Classify, ErrIsFailure, FailureKind, Outcome};
///
/// assert_eq!(ErrIsFailure.classify(&Ok::<_, &str>(1)), Outcome::Success);
/// let failed = ErrIsFailure.classify(&Err::<u32, _>("refused"));
/// assert_eq!(failed, Outcome::Failure(FailureKind::Server));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErrIsFailure;

impl<T, E> Classify<T, E> for ErrIsFailure {
    #[inline]
    fn classify(&self, result: &Result<T, E>) -> Outcome {
        match result {
            Ok(_) => Outcome::Success,
            Err(_) => Outcome::Failure(FailureKind::Server),
        }
    }
}

/// A breaker's own classifier, lent to one call.
///
/// A type of its own, since `&D` cannot be a [`Classify`] for every classifier `D`: a reference to
/// a closure is a closure already.
#[derive(Debug)]
pub struct ByRef<'a, D>(pub(crate) &'a D);

impl<D> Clone for ByRef<'_, D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D> Copy for ByRef<'_, D> {}

impl<T, E, D: Classify<T, E>> Classify<T, E> for ByRef<'_, D> {
    #[inline]
    fn classify(&self, result: &Result<T, E>) -> Outcome {
        self.0.classify(result)
    }

    #[inline]
    fn panicked(&self) -> Outcome {
        self.0.panicked()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Stubborn;

    impl Classify<u8, u8> for Stubborn {
        fn classify(&self, _: &Result<u8, u8>) -> Outcome {
            Outcome::Ignored
        }

        fn panicked(&self) -> Outcome {
            Outcome::Ignored
        }
    }

    #[test]
    fn closures_types_and_loans_classify() {
        fn both<C: Classify<u8, u8>>(classifier: &C) -> [Outcome; 3] {
            let lent = ByRef(classifier);
            let ok = classifier.classify(&Ok(1));
            assert_eq!(lent.classify(&Ok(1)), ok);
            assert_eq!(lent.panicked(), classifier.panicked());
            [ok, lent.classify(&Err(1)), ByRef(&lent).panicked()]
        }
        let own = FailureKind::Client;
        let server = Outcome::Failure(FailureKind::Server);
        let by_default = [Outcome::Success, server, Outcome::Failure(own)];
        assert_eq!(both(&ErrIsFailure), by_default);
        assert_eq!(both(&Stubborn), [Outcome::Ignored; 3]);
        let data = Outcome::Failure(FailureKind::Data);
        let closure = move |result: &Result<u8, u8>| match result {
            Ok(_) => data,
            Err(_) => Outcome::Success,
        };
        let expected = [data, Outcome::Success, Outcome::Failure(own)];
        assert_eq!(both(&closure), expected);
        assert_eq!(both(&&closure), expected);
    }
}
