//! What answers in place of an error: a value, a closure, or another service.

use crate::CallError;
use crate::integrations::tower::clone_request::{ByClone, CloneRequest};
use crate::integrations::tower::once::Once;
use alloc::sync::Arc;
use core::fmt;
use core::future::{Future, Ready, ready};
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context, Poll};
use pin_project_lite::pin_project;
use tower_service::Service;

/// What answers in place of an error: see the constructors of
/// [`FallbackLayer`](crate::tower::FallbackLayer).
///
/// Sealed.
pub trait Fallback<R, T, E>: sealed::Sealed {
    /// What a call keeps for its fallback.
    #[doc(hidden)]
    type Kept: Kept<T, E>;

    /// Called before the inner service has the request. `None`: this request has no fallback.
    #[doc(hidden)]
    fn keep(&self, request: &R) -> Option<Self::Kept>;
}

/// What a call keeps for its fallback.
///
/// Sealed.
pub trait Kept<T, E>: sealed::Sealed {
    /// The fallback's answer.
    type Future: Future<Output = Result<T, CallError<E>>>;

    /// Answers in place of this error.
    #[doc(hidden)]
    fn fall_back(self, error: CallError<E>) -> Self::Future;
}

mod sealed {
    pub trait Sealed {}
}

/// Answers with clones of a response. Created by [`FallbackLayer::value`](crate::tower::FallbackLayer::value).
pub struct Value<T>(Arc<T>);

/// Answers with a closure's results. Created by [`FallbackLayer::with`](crate::tower::FallbackLayer::with).
pub struct With<F>(Arc<F>);

/// Both are shared, so that a call clones neither the response nor the closure.
macro_rules! shared {
    ($($source:ident),*) => {$(
        impl<F> $source<F> {
            pub(super) fn new(source: F) -> $source<F> {
                $source(Arc::new(source))
            }
        }

        impl<F> Clone for $source<F> {
            fn clone(&self) -> $source<F> {
                $source(self.0.clone())
            }
        }

        impl<F> fmt::Debug for $source<F> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($source)).finish_non_exhaustive()
            }
        }

        impl<F> sealed::Sealed for $source<F> {}
    )*};
}
shared!(Value, With);

impl<R, T: Clone, E> Fallback<R, T, E> for Value<T> {
    type Kept = Value<T>;

    fn keep(&self, _: &R) -> Option<Value<T>> {
        Some(self.clone())
    }
}

impl<T: Clone, E> Kept<T, E> for Value<T> {
    type Future = Ready<Result<T, CallError<E>>>;

    fn fall_back(self, _: CallError<E>) -> Self::Future {
        ready(Ok(T::clone(&self.0)))
    }
}

impl<R, T, E, F> Fallback<R, T, E> for With<F>
where
    F: Fn(CallError<E>) -> Result<T, CallError<E>>,
{
    type Kept = With<F>;

    fn keep(&self, _: &R) -> Option<With<F>> {
        Some(self.clone())
    }
}

impl<T, E, F> Kept<T, E> for With<F>
where
    F: Fn(CallError<E>) -> Result<T, CallError<E>>,
{
    type Future = Ready<Result<T, CallError<E>>>;

    fn fall_back(self, error: CallError<E>) -> Self::Future {
        ready((self.0)(error))
    }
}

/// Answers with another service. Created by
/// [`FallbackLayer::service`](crate::tower::FallbackLayer::service).
#[derive(Clone)]
pub struct Other<S, K = ByClone> {
    service: S,
    clone: K,
}

impl<S, K> Other<S, K> {
    pub(super) fn new(service: S, clone: K) -> Other<S, K> {
        Other { service, clone }
    }
}

impl<S, K> fmt::Debug for Other<S, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Other").finish_non_exhaustive()
    }
}

impl<S, K> sealed::Sealed for Other<S, K> {}

impl<R, T, E, S, K> Fallback<R, T, E> for Other<S, K>
where
    S: Service<R, Response = T, Error: ToCallError<E>> + Clone,
    K: CloneRequest<R>,
{
    type Kept = KeptRequest<S, R>;

    fn keep(&self, request: &R) -> Option<KeptRequest<S, R>> {
        let request = self.clone.clone_request(request)?;
        let service = self.service.clone();
        Some(KeptRequest { service, request })
    }
}

/// A request, and the service that answers it if the call does not.
pub struct KeptRequest<S, R> {
    service: S,
    request: R,
}

impl<S, R> fmt::Debug for KeptRequest<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptRequest").finish_non_exhaustive()
    }
}

impl<S, R> sealed::Sealed for KeptRequest<S, R> {}

impl<T, E, S, R> Kept<T, E> for KeptRequest<S, R>
where
    S: Service<R, Response = T, Error: ToCallError<E>>,
{
    type Future = OtherFuture<S, R, S::Future, E>;

    fn fall_back(self, _: CallError<E>) -> Self::Future {
        OtherFuture {
            once: Once::Waiting {
                service: self.service,
                request: self.request,
            },
            error: PhantomData,
        }
    }
}

pin_project! {
    /// The answer of another service, which is driven to readiness first.
    #[must_use = "futures do nothing unless polled"]
    pub struct OtherFuture<S, R, F, E> {
        #[pin]
        once: Once<S, R, F>,
        error: PhantomData<fn() -> E>,
    }
}

impl<S, R, F, E> fmt::Debug for OtherFuture<S, R, F, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtherFuture").finish_non_exhaustive()
    }
}

impl<S, R, E> Future for OtherFuture<S, R, S::Future, E>
where
    S: Service<R, Error: ToCallError<E>>,
{
    type Output = Result<S::Response, CallError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = self.project().once.poll_answer(cx);
        answer.map_err(ToCallError::to_call_error)
    }
}

/// The errors of a fallback service: `E`, and `CallError<E>`.
///
/// Sealed.
pub trait ToCallError<E>: errors::Sealed<E> {
    #[doc(hidden)]
    fn to_call_error(self) -> CallError<E>;
}

mod errors {
    pub trait Sealed<E> {}
}

impl<E> errors::Sealed<E> for E {}

impl<E> ToCallError<E> for E {
    fn to_call_error(self) -> CallError<E> {
        CallError::Inner(self)
    }
}

impl<E> errors::Sealed<E> for CallError<E> {}

impl<E> ToCallError<E> for CallError<E> {
    fn to_call_error(self) -> CallError<E> {
        self
    }
}
