//! A guarded call: admitted, made, classified, recorded.

use crate::classify::classifier::{ByRef, Classify, outcome_of_panic};
use crate::clock::saturating_nanos;
use crate::engine::state::Core;
use crate::error::CallError;
use crate::handles::permit::{Handle, Pending};
use core::fmt;
use core::future::{Future, poll_fn};
use core::marker::PhantomData;
use core::pin::pin;
use core::task::{Context, Poll};
use core::time::Duration;

/// How to make a call: the handle, the classifier, and the call's own slow limit in nanoseconds.
#[derive(Clone, Copy)]
pub(crate) struct Guarded<H, D> {
    pub(crate) handle: H,
    pub(crate) classifier: D,
    pub(crate) limit: Option<u64>,
}

/// Guards the call's own code. If it is dropped by unwinding, the code panicked.
struct Inside<'s, H: Handle, T, E, D: Classify<T, E>> {
    call: &'s mut Option<Pending<H>>,
    classifier: &'s D,
    result: PhantomData<fn() -> Result<T, E>>,
}

impl<'s, H: Handle, T, E, D: Classify<T, E>> Inside<'s, H, T, E, D> {
    #[inline]
    fn run<R>(
        call: &'s mut Option<Pending<H>>,
        classifier: &'s D,
        code: impl FnOnce(&Option<Pending<H>>) -> R,
    ) -> R {
        let inside = Inside {
            call,
            classifier,
            result: PhantomData,
        };
        let r = code(inside.call);
        // it holds references alone
        core::mem::forget(inside);
        r
    }
}

impl<H: Handle, T, E, D: Classify<T, E>> Drop for Inside<'_, H, T, E, D> {
    fn drop(&mut self) {
        if let Some(call) = self.call.take() {
            call.end(outcome_of_panic(|| self.classifier.panicked()), None);
        }
    }
}

impl<H: Handle, D> Guarded<H, D> {
    #[inline]
    fn admit(self) -> Result<(Option<Pending<H>>, D), crate::error::Rejected> {
        let admission = self.handle.core().admit(self.limit)?;
        Ok((
            Some(Pending::new(self.handle, admission, self.limit)),
            self.classifier,
        ))
    }

    #[inline]
    pub(crate) fn call<T, E>(self, f: impl FnOnce() -> Result<T, E>) -> Result<T, CallError<E>>
    where
        D: Classify<T, E>,
    {
        let (mut call, classifier) = self.admit()?;
        let result = Inside::<H, T, E, D>::run(&mut call, &classifier, |_| f());
        conclude(call, &classifier, result)
    }

    pub(crate) async fn call_async<T, E, F>(self, future: F) -> Result<T, CallError<E>>
    where
        D: Classify<T, E>,
        F: Future<Output = Result<T, E>>,
    {
        let (mut call, classifier) = self.admit()?;
        let mut future = pin!(future);
        let poll = |cx: &mut Context<'_>| -> Poll<Result<T, E>> {
            Inside::<H, T, E, D>::run(&mut call, &classifier, |_| future.as_mut().poll(cx))
        };
        let result = poll_fn(poll).await;
        conclude(call, &classifier, result)
    }

    #[cfg(feature = "tokio")]
    pub(crate) async fn call_timeout<T, E, F>(
        self,
        limit: Duration,
        future: F,
    ) -> Result<T, CallError<E>>
    where
        D: Classify<T, E>,
        F: Future<Output = Result<T, E>>,
    {
        let (mut call, classifier) = self.admit()?;
        let mut future = pin!(Some(future));
        let in_time = {
            let poll = |cx: &mut Context<'_>| -> Poll<Result<T, E>> {
                Inside::<H, T, E, D>::run(&mut call, &classifier, |_| {
                    match future.as_mut().as_pin_mut() {
                        Some(future) => future.poll(cx),
                        None => Poll::Pending,
                    }
                })
            };
            tokio::time::timeout(limit, poll_fn(poll)).await
        };
        match in_time {
            Ok(result) => conclude(call, &classifier, result),
            Err(_) => {
                // the future is dropped before the failure is counted, and its drop is the call's own code
                let outcome = Inside::<H, T, E, D>::run(&mut call, &classifier, |_| {
                    future.set(None);
                    classifier.timed_out(limit)
                });
                if let Some(call) = call {
                    call.end(outcome, None);
                }
                Err(CallError::TimedOut(limit))
            }
        }
    }
}

impl<H: Handle + Copy, D> Guarded<H, D> {
    /// A success costs what it costs without a fallback.
    #[inline]
    pub(crate) fn call_or<T, E>(
        self,
        f: impl FnOnce() -> Result<T, E>,
        fallback: impl FnOnce(CallError<E>) -> T,
    ) -> T
    where
        D: Classify<T, E>,
    {
        let handle = self.handle;
        match self.call(f) {
            Ok(value) => value,
            Err(error) => fall_back(&handle, error, fallback),
        }
    }

    pub(crate) async fn call_async_or<T, E, F, G>(self, future: F, fallback: G) -> T
    where
        D: Classify<T, E>,
        F: Future<Output = Result<T, E>>,
        G: FnOnce(CallError<E>) -> T,
    {
        let handle = self.handle;
        // all of the call is dropped before its fallback runs
        let result = self.call_async(future).await;
        result.unwrap_or_else(|error| fall_back(&handle, error, fallback))
    }

    pub(crate) async fn call_async_or_else<T, E, F, G, A>(self, future: F, fallback: G) -> T
    where
        D: Classify<T, E>,
        F: Future<Output = Result<T, E>>,
        G: FnOnce(CallError<E>) -> A,
        A: Future<Output = T>,
    {
        let handle = self.handle;
        let result = self.call_async(future).await;
        match result {
            Ok(value) => value,
            Err(error) => fall_back(&handle, error, fallback).await,
        }
    }

    #[cfg(feature = "tokio")]
    pub(crate) async fn call_timeout_or<T, E, F, G>(
        self,
        limit: Duration,
        future: F,
        fallback: G,
    ) -> T
    where
        D: Classify<T, E>,
        F: Future<Output = Result<T, E>>,
        G: FnOnce(CallError<E>) -> T,
    {
        let handle = self.handle;
        let result = self.call_timeout(limit, future).await;
        result.unwrap_or_else(|error| fall_back(&handle, error, fallback))
    }
}

/// The call has ended and is counted; what the fallback does is not a part of it.
#[cold]
fn fall_back<H: Handle, E, R>(
    handle: &H,
    error: CallError<E>,
    fallback: impl FnOnce(CallError<E>) -> R,
) -> R {
    handle.core().stripes.fall_back(error.is_rejected());
    fallback(error)
}

#[inline(always)]
fn conclude<H: Handle, T, E, D: Classify<T, E>>(
    call: Option<Pending<H>>,
    classifier: &D,
    result: Result<T, E>,
) -> Result<T, CallError<E>> {
    if call.is_some() {
        let mut slot = call;
        // a classifier is the user's code too
        let outcome = Inside::<H, T, E, D>::run(&mut slot, classifier, |call| {
            classifier.classify_timed(&result, &|| call.as_ref()?.lasted())
        });
        if let Some(call) = slot {
            call.end(outcome, None);
        }
    }
    result.map_err(CallError::Inner)
}

/// Defines the guarded calls of a handle; `$guard` makes its [`Guarded`].
macro_rules! guarded_calls {
    ($self:ident : $me:ty, $d:ty, $guard:expr) => {
        /// Makes a call if the breaker admits it, and records its outcome.
        ///
        /// The classifier decides whether the result is a success or a failure. The call is slow if
        /// it lasts longer than the slow limit. A panic is recorded as the classifier's
        /// [`panicked`](crate::Classify::panicked) says, and then continues to unwind.
        ///
        /// If the call goes through other breakers, or through this one again, wrap the classifier
        /// so that an inner rejection does not count as a failure:
        ///
        /// ```
        /// use std::io;
        /// use tripcoil::Breaker;
        /// use tripcoil::classify::{ErrIsFailure, IgnoreRejections};
        ///
        /// let (replica, controller) = Breaker::builder("replica").build_with_controller()?;
        /// let service = Breaker::builder("service")
        ///     .classifier(IgnoreRejections::new(ErrIsFailure))
        ///     .build()?;
        ///
        /// controller.force_open();
        /// let answer = service.call(|| replica.call(|| Ok::<(), io::Error>(())));
        /// assert!(answer.is_err());
        /// let totals = service.observer().snapshot().totals;
        /// assert_eq!((totals.ignored, totals.failures), (1, 0));
        /// # Ok::<(), tripcoil::ConfigError>(())
        /// ```
        ///
        /// # Errors
        ///
        /// Returns [`CallError::Rejected`](crate::CallError::Rejected) if the call was not made,
        /// and [`CallError::Inner`](crate::CallError::Inner) with the call's own error otherwise.
        #[inline]
        pub fn call<T, E>(
            $self: $me,
            f: impl FnOnce() -> Result<T, E>,
        ) -> Result<T, crate::error::CallError<E>>
        where
            $d: crate::classify::classifier::Classify<T, E>,
        {
            $guard.call(f)
        }

        /// Makes an asynchronous call if the breaker admits it, and records its outcome. Works on
        /// any runtime, without boxing.
        ///
        /// The call is admitted at the first poll. Dropping the future between that poll and its
        /// end is a cancellation ([`OnCancel`](crate::OnCancel)).
        ///
        /// # Errors
        ///
        /// Returns [`CallError::Rejected`](crate::CallError::Rejected) if the inner future was not
        /// polled, and [`CallError::Inner`](crate::CallError::Inner) with the call's own error
        /// otherwise.
        #[inline]
        pub fn call_async<T, E, F>(
            $self: $me,
            future: F,
        ) -> impl core::future::Future<Output = Result<T, crate::error::CallError<E>>>
        where
            F: core::future::Future<Output = Result<T, E>>,
            $d: crate::classify::classifier::Classify<T, E>,
        {
            $guard.call_async(future)
        }

        /// Makes an asynchronous call that is given up after `limit`. The future is then dropped,
        /// and the call counts as `Failure(Timeout)`.
        ///
        /// Runs on tokio, with tokio's timer enabled.
        ///
        /// # Errors
        ///
        /// Returns [`CallError::TimedOut`](crate::CallError::TimedOut) after `limit`, and the
        /// errors of `call_async` otherwise.
        ///
        /// # Panics
        ///
        /// Panics if an admitted call is polled outside a tokio runtime with the timer enabled, as
        /// tokio's timer itself does. A rejected call does not need the runtime.
        #[cfg(feature = "tokio")]
        pub fn call_timeout<T, E, F>(
            $self: $me,
            limit: core::time::Duration,
            future: F,
        ) -> impl core::future::Future<Output = Result<T, crate::error::CallError<E>>>
        where
            F: core::future::Future<Output = Result<T, E>>,
            $d: crate::classify::classifier::Classify<T, E>,
        {
            $guard.call_timeout(limit, future)
        }

        /// Makes a call as `call` does, and returns the fallback's value in place of an error,
        /// whether the call was rejected or failed.
        ///
        /// The fallback runs after the call has ended and is counted, so it is not a part of the
        /// call: it takes no slot of a probe, and its own failure or panic counts nowhere. To fall
        /// back only on a rejection, match on the error of `call`. A success costs what it costs
        /// without a fallback. [`Snapshot::fallbacks`](crate::Snapshot::fallbacks) counts them.
        ///
        /// ```
        /// use tripcoil::{Breaker, CallError};
        ///
        /// let breaker = Breaker::builder("prices").build()?;
        /// let price = breaker.call_or(
        ///     || "1x".parse::<u32>(),
        ///     |why| match why {
        ///         CallError::Rejected(_) => 10, // not called
        ///         _ => 20, // called, and failed
        ///     },
        /// );
        /// assert_eq!(price, 20);
        /// # Ok::<(), tripcoil::ConfigError>(())
        /// ```
        #[inline]
        pub fn call_or<T, E>(
            $self: $me,
            f: impl FnOnce() -> Result<T, E>,
            fallback: impl FnOnce(crate::error::CallError<E>) -> T,
        ) -> T
        where
            $d: crate::classify::classifier::Classify<T, E>,
        {
            $guard.call_or(f, fallback)
        }

        /// Makes an asynchronous call as `call_async` does, and returns the fallback's value in
        /// place of an error, as `call_or` does.
        #[inline]
        pub fn call_async_or<T, E, F, G>(
            $self: $me,
            future: F,
            fallback: G,
        ) -> impl core::future::Future<Output = T>
        where
            F: core::future::Future<Output = Result<T, E>>,
            G: FnOnce(crate::error::CallError<E>) -> T,
            $d: crate::classify::classifier::Classify<T, E>,
        {
            $guard.call_async_or(future, fallback)
        }

        /// Makes an asynchronous call as `call_async` does, with an asynchronous fallback. The
        /// call's future is dropped before the fallback begins.
        ///
        /// ```
        /// use tripcoil::Breaker;
        ///
        /// # async fn tour() -> Result<(), tripcoil::ConfigError> {
        /// let primary = Breaker::builder("primary").build()?;
        /// let replica = Breaker::builder("replica").build()?;
        /// let read = |text: &'static str| async move { text.parse::<u32>() };
        /// let found = primary
        ///     .call_async_or_else(read("?"), |_| replica.call_async_or(read("7"), |_| 0))
        ///     .await;
        /// assert_eq!(found, 7);
        /// # Ok(())
        /// # }
        /// # let tour = std::pin::pin!(tour());
        /// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        /// # assert!(std::future::Future::poll(tour, &mut context).is_ready());
        /// ```
        #[inline]
        pub fn call_async_or_else<T, E, F, G, A>(
            $self: $me,
            future: F,
            fallback: G,
        ) -> impl core::future::Future<Output = T>
        where
            F: core::future::Future<Output = Result<T, E>>,
            G: FnOnce(crate::error::CallError<E>) -> A,
            A: core::future::Future<Output = T>,
            $d: crate::classify::classifier::Classify<T, E>,
        {
            $guard.call_async_or_else(future, fallback)
        }

        /// Makes an asynchronous call with a time limit as `call_timeout` does, and returns the
        /// fallback's value in place of an error, as `call_or` does.
        ///
        /// # Panics
        ///
        /// Panics where `call_timeout` does.
        #[cfg(feature = "tokio")]
        pub fn call_timeout_or<T, E, F, G>(
            $self: $me,
            limit: core::time::Duration,
            future: F,
            fallback: G,
        ) -> impl core::future::Future<Output = T>
        where
            F: core::future::Future<Output = Result<T, E>>,
            G: FnOnce(crate::error::CallError<E>) -> T,
            $d: crate::classify::classifier::Classify<T, E>,
        {
            $guard.call_timeout_or(limit, future, fallback)
        }
    };
}
pub(crate) use guarded_calls;

/// A view of a breaker whose calls use another classifier, another slow limit, or both.
///
/// ```
/// use std::time::Duration;
/// use tripcoil::{Breaker, FailureKind, Outcome};
///
/// let breaker = Breaker::builder("db").build()?;
/// let found = breaker
///     .with_classifier(|r: &Result<Option<u32>, &str>| match r {
///         Ok(Some(_)) => Outcome::Success,
///         Ok(None) => Outcome::Ignored,
///         Err(_) => Outcome::Failure(FailureKind::Connect),
///     })
///     .with_slow_call(Duration::from_millis(200))
///     .call(|| Ok(None));
/// assert_eq!(found, Ok(None));
/// assert_eq!(breaker.observer().snapshot().totals.ignored, 1);
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone, Copy)]
#[must_use = "this makes no call by itself"]
pub struct Call<'a, D>(pub(crate) Guarded<&'a Core, D>);

impl<D> fmt::Debug for Call<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.handle.debug("Call", f)
    }
}

impl<'a, D> Call<'a, D> {
    guarded_calls!(self: Self, D, self.0);

    /// Replaces the classifier of the call.
    pub fn with_classifier<O>(self, classifier: O) -> Call<'a, O> {
        Call(self.0.with_classifier(classifier))
    }

    /// Replaces the slow limit of the call: a call that lasts longer is slow. Zero switches the
    /// limit off.
    pub fn with_slow_call(self, limit: Duration) -> Call<'a, D> {
        Call(self.0.with_slow_call(limit))
    }
}

impl<H, D> Guarded<H, D> {
    pub(crate) fn with_classifier<O>(self, classifier: O) -> Guarded<H, O> {
        Guarded {
            handle: self.handle,
            classifier,
            limit: self.limit,
        }
    }

    pub(crate) fn with_slow_call(self, limit: Duration) -> Guarded<H, D> {
        Guarded {
            limit: Some(saturating_nanos(limit)),
            ..self
        }
    }

    /// Returns the call with a borrowed classifier.
    #[inline]
    pub(crate) fn by_ref(handle: H, classifier: &D) -> Guarded<H, ByRef<'_, D>> {
        Guarded {
            handle,
            classifier: ByRef::new(classifier),
            limit: None,
        }
    }
}
