//! Turns a call's result into its outcome.

use crate::words::outcome::{FailureKind, Outcome};
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::sync::Arc;
use core::time::Duration;

/// Decides what a call's result means to the breaker.
///
/// Any `Fn(&Result<T, E>) -> Outcome` is a classifier. A type of your own can decide about panics
/// too. A breaker asks it once per call, on the caller's thread, and never inside a step of the
/// breaker.
///
/// Shared and boxed classifiers work too: `Arc<D>` and `Rc<D>` of any classifier, including
/// `Arc<dyn Fn(..)>` and `Arc<dyn Classify<T, E>>`; a `Box` of, or a reference to, either trait
/// object; and [`ByRef::new`] of any classifier. `Box<YourType>` and `&YourType` do not: a box of a
/// closure is itself a closure, so an implementation for every box would overlap. Use
/// `Arc<YourType>` and `ByRef::new(&yours)` for them.
///
/// A shared or boxed classifier gives the breaker a type that you can write, for a struct's field:
///
/// ```
/// use std::sync::Arc;
/// use tripcoil::{Breaker, Classify, Outcome};
///
/// type Shared = Arc<dyn Classify<u32, String> + Send + Sync>;
///
/// struct Client {
///     breaker: Breaker<Shared>,
/// }
///
/// let lenient: Shared = Arc::new(|_: &Result<u32, String>| Outcome::Success);
/// let client = Client {
///     breaker: Breaker::builder("cache").classifier(lenient).build()?,
/// };
/// assert!(client.breaker.call(|| Err("a miss".into())).is_err());
/// assert_eq!(client.breaker.observer().snapshot().totals.successes, 1);
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
///
/// A `Box` of a type of your own is not a classifier:
///
/// ```compile_fail,E0277
/// # use tripcoil::{Classify, Outcome};
/// # struct Yours;
/// # impl Classify<u32, String> for Yours {
/// #     fn classify(&self, _: &Result<u32, String>) -> Outcome { Outcome::Success }
/// # }
/// # fn classifier(_: impl Classify<u32, String>) {}
/// classifier(Box::new(Yours)); // Arc::new(Yours), ByRef::new(&Yours)
/// ```
///
/// A "not found" is an answer, not a fault of the dependency:
///
/// ```
/// use tripcoil::{Breaker, FailureKind, Outcome};
///
/// // "not found" is an answer
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
    /// Returns what this result means.
    ///
    /// It runs on the call's thread, or within the future's `poll`, before the call is counted.
    /// While it hangs, its own call hangs, and keeps its slot if it is a probe; other calls are not
    /// affected. `call_timeout` does not interrupt it.
    fn classify(&self, result: &Result<T, E>) -> Outcome;

    /// Returns what this result means, for a classifier that asks how long the call took. By default it asks nothing, and
    /// is [`classify`](Self::classify). This is what breakers call.
    ///
    /// `lasted` reads the clock. It returns `None` if the breaker does not time its calls: it does with a slow limit, a
    /// hang rule, a limit on calls in flight, or [`durations`](crate::Config::durations).
    ///
    /// A wrapper around another classifier passes the call on to the same method of that one.
    #[inline]
    fn classify_timed(
        &self,
        result: &Result<T, E>,
        lasted: &dyn Fn() -> Option<Duration>,
    ) -> Outcome {
        let _ = lasted;
        self.classify(result)
    }

    /// Returns what it means that a call was given up after `limit`, as `call_timeout` does. By default it is a failure of the
    /// kind [`FailureKind::Timeout`].
    fn timed_out(&self, limit: Duration) -> Outcome {
        let _ = limit;
        Outcome::Failure(FailureKind::Timeout)
    }

    /// Returns what a panic inside the guarded call means. The panic continues to unwind in any
    /// case. By default it is a failure of the kind [`FailureKind::Client`].
    ///
    /// It runs while the call unwinds. If it panics itself, the second panic is caught and the call
    /// counts as by default. Without the feature `std` nothing can be caught, and such a panic
    /// aborts the process, as a panic in any destructor would.
    fn panicked(&self) -> Outcome {
        Outcome::Failure(FailureKind::Client)
    }
}

impl<T, E, F: Fn(&Result<T, E>) -> Outcome + ?Sized> Classify<T, E> for F {
    #[inline]
    fn classify(&self, result: &Result<T, E>) -> Outcome {
        self(result)
    }
}

/// Returns the outcome of a call that is unwinding, from `ask`, which is the user's code. A second
/// panic that escaped would abort the process.
#[cold]
pub(crate) fn outcome_of_panic(ask: impl FnOnce() -> Outcome) -> Outcome {
    #[cfg(feature = "std")]
    {
        let by_default = Outcome::Failure(FailureKind::Client);
        crate::error::caught::caught(ask).unwrap_or(by_default)
    }
    #[cfg(not(feature = "std"))]
    ask()
}

/// Pointers to classifiers are classifiers. For boxes and references only the trait objects are
/// covered: a box of a closure is already a closure, so an implementation for every classifier
/// would overlap.
macro_rules! pointers {
    ($([$($generics:tt)*] <$t:ty, $e:ty> $pointer:ty;)*) => {$(
        impl<$($generics)*> $crate::Classify<$t, $e> for $pointer {
            #[inline]
            fn classify(&self, result: &Result<$t, $e>) -> $crate::Outcome {
                $crate::Classify::classify(&**self, result)
            }

            #[inline]
            fn classify_timed(
                &self,
                result: &Result<$t, $e>,
                lasted: &dyn Fn() -> Option<core::time::Duration>,
            ) -> $crate::Outcome {
                $crate::Classify::classify_timed(&**self, result, lasted)
            }

            #[inline]
            fn timed_out(&self, limit: core::time::Duration) -> $crate::Outcome {
                $crate::Classify::<$t, $e>::timed_out(&**self, limit)
            }

            #[inline]
            fn panicked(&self) -> $crate::Outcome {
                $crate::Classify::<$t, $e>::panicked(&**self)
            }
        }
    )*};
}
pub(crate) use pointers;

pointers! {
    [T, E, D: Classify<T, E> + ?Sized] <T, E> Arc<D>;
    [T, E, D: Classify<T, E> + ?Sized] <T, E> Rc<D>;
    [T, E, D: Classify<T, E> + ?Sized] <T, E> &Arc<D>;
    [T, E, D: Classify<T, E> + ?Sized] <T, E> &Rc<D>;
    ['d, T, E] <T, E> Box<dyn Classify<T, E> + 'd>;
    ['d, T, E] <T, E> Box<dyn Classify<T, E> + Send + 'd>;
    ['d, T, E] <T, E> Box<dyn Classify<T, E> + Sync + 'd>;
    ['d, T, E] <T, E> Box<dyn Classify<T, E> + Send + Sync + 'd>;
    ['d, T, E] <T, E> &(dyn Classify<T, E> + 'd);
    ['d, T, E] <T, E> &(dyn Classify<T, E> + Send + 'd);
    ['d, T, E] <T, E> &(dyn Classify<T, E> + Sync + 'd);
    ['d, T, E] <T, E> &(dyn Classify<T, E> + Send + Sync + 'd);
    [T, E] <T, E> &ErrIsFailure;
    [T, E] <T, E> Box<ErrIsFailure>;
}

/// The default classifier: `Ok` is a success, `Err` a failure of the kind [`FailureKind::Server`],
/// and a panic a failure of the kind [`FailureKind::Client`].
///
/// ```
/// use tripcoil::classify::ErrIsFailure;
/// use tripcoil::{Classify, FailureKind, Outcome};
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

/// A borrowed classifier.
///
/// It is a type of its own because `&D` cannot be a [`Classify`] for every classifier `D`: a
/// reference to a closure is already a closure.
///
/// ```
/// use tripcoil::classify::ByRef;
/// use tripcoil::{Breaker, Classify, Outcome};
///
/// struct Lenient;
///
/// impl<T, E> Classify<T, E> for Lenient {
///     fn classify(&self, _: &Result<T, E>) -> Outcome {
///         Outcome::Success
///     }
/// }
///
/// let lenient = Lenient;
/// let breaker = Breaker::builder("cache").classifier(ByRef::new(&lenient)).build()?;
/// assert!(breaker.call(|| Err::<u32, _>("a miss")).is_err());
/// assert_eq!(breaker.observer().snapshot().totals.successes, 1);
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct ByRef<'a, D: ?Sized>(&'a D);

impl<'a, D: ?Sized> ByRef<'a, D> {
    /// Borrows a classifier.
    #[inline]
    #[must_use]
    pub const fn new(classifier: &'a D) -> ByRef<'a, D> {
        ByRef(classifier)
    }
}

impl<D: ?Sized> Clone for ByRef<'_, D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D: ?Sized> Copy for ByRef<'_, D> {}

impl<T, E, D: Classify<T, E> + ?Sized> Classify<T, E> for ByRef<'_, D> {
    #[inline]
    fn classify(&self, result: &Result<T, E>) -> Outcome {
        self.0.classify(result)
    }

    #[inline]
    fn classify_timed(
        &self,
        result: &Result<T, E>,
        lasted: &dyn Fn() -> Option<Duration>,
    ) -> Outcome {
        self.0.classify_timed(result, lasted)
    }

    #[inline]
    fn timed_out(&self, limit: Duration) -> Outcome {
        self.0.timed_out(limit)
    }

    #[inline]
    fn panicked(&self) -> Outcome {
        self.0.panicked()
    }
}

#[cfg(test)]
mod tests;
