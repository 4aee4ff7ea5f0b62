//! A layer that answers in place of an error: see [`FallbackLayer`].

mod choice;
mod future;
mod source;

use self::choice::Choice;
pub use self::future::FallbackFuture;
pub use self::source::{Fallback, Kept, KeptRequest, Other, OtherFuture, ToCallError, Value, With};
use crate::integrations::tower::clone_request::{ByClone, CloneRequest};
use crate::{Breaker, CallError};
use alloc::sync::Arc;
use core::fmt;
use core::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// Answers in place of a call's error, with a value, a closure or another service. Put it outside
/// of a [`BreakerLayer`](crate::tower::BreakerLayer), and outside of retries.
///
/// By default it answers for every error: rejections ([`CallError::Rejected`] and
/// [`CallError::NoBreaker`]: the call was not made) and failures ([`CallError::Inner`] and
/// [`CallError::TimedOut`]). It answers for errors only: a response that the classifier calls a
/// failure, such as a 503, is returned as it is. An error of the inner service's readiness is
/// returned too.
///
/// The call has ended and is counted when the fallback begins. So the fallback is not a part of the
/// call: it takes no slot of a probe, and its own failure counts nowhere, unless it is a service
/// with a breaker of its own.
///
/// ```
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
/// use tripcoil::Breaker;
/// use tripcoil::tower::{BreakerLayer, FallbackLayer};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let (breaker, controller) = Breaker::builder("prices").build_with_controller()?;
/// let observer = breaker.observer();
/// let prices = ServiceBuilder::new()
///     .layer(FallbackLayer::value("the list price").counted_by(&breaker))
///     .layer(BreakerLayer::new(breaker))
///     .service(service_fn(|_: u32| async { Ok::<_, std::io::Error>("the best price") }));
///
/// assert_eq!(prices.clone().oneshot(7).await?, "the best price");
/// controller.force_open();
/// assert_eq!(prices.oneshot(7).await?, "the list price");
/// assert_eq!(observer.snapshot().fallbacks.rejected, 1);
/// # Ok(()) }
/// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// # assert!(matches!(std::pin::pin!(run()).poll(&mut context), std::task::Poll::Ready(Ok(()))));
/// ```
#[derive(Clone)]
pub struct FallbackLayer<F> {
    source: F,
    to: Choice,
}

impl<F> FallbackLayer<F> {
    const fn new(source: F) -> FallbackLayer<F> {
        FallbackLayer {
            source,
            to: Choice::EVERY,
        }
    }

    /// Answers rejections only: a call that was made and failed returns its error.
    #[must_use]
    pub fn only_on_rejection(mut self) -> FallbackLayer<F> {
        self.to.rejections = true;
        self.to.failures = false;
        self
    }

    /// Answers failures only: a call that was not made returns its rejection.
    #[must_use]
    pub fn only_on_failure(mut self) -> FallbackLayer<F> {
        self.to.rejections = false;
        self.to.failures = true;
        self
    }

    /// Counts the fallbacks in this breaker's [`Snapshot::fallbacks`](crate::Snapshot::fallbacks),
    /// and so in its metrics. Without it they are not counted: the layer is outside of the breaker,
    /// and does not know it.
    #[must_use]
    pub fn counted_by<C>(mut self, breaker: &Breaker<C>) -> FallbackLayer<F> {
        self.to.counted_by = Some(breaker.classified_by(Arc::new(())));
        self
    }
}

impl<T: Clone> FallbackLayer<Value<T>> {
    /// Answers with a clone of this response.
    pub fn value(response: T) -> FallbackLayer<Value<T>> {
        FallbackLayer::new(Value::new(response))
    }
}

impl<F> FallbackLayer<With<F>> {
    /// Answers with the result of a closure that takes the error and may return it, or another one.
    ///
    /// ```
    /// use http::{Response, StatusCode};
    /// use tower::{ServiceBuilder, ServiceExt, service_fn};
    /// use tripcoil::tower::{BreakerLayer, FallbackLayer};
    /// use tripcoil::{Breaker, CallError};
    ///
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let (breaker, controller) = Breaker::builder("prices").build_with_controller()?;
    /// let layer = FallbackLayer::with(|error: CallError<std::io::Error>| {
    ///     let mut response = Response::new("come back later");
    ///     *response.status_mut() = match error {
    ///         CallError::Rejected(_) => StatusCode::SERVICE_UNAVAILABLE,
    ///         CallError::Inner(_) => StatusCode::BAD_GATEWAY,
    ///         other => return Err(other),
    ///     };
    ///     Ok(response)
    /// });
    /// let prices = ServiceBuilder::new()
    ///     .layer(layer)
    ///     .layer(BreakerLayer::new(breaker))
    ///     .service(service_fn(|_: u32| async { Err(std::io::Error::other("down")) }));
    /// assert_eq!(prices.clone().oneshot(7).await?.status(), 502);
    /// controller.force_open();
    /// assert_eq!(prices.oneshot(7).await?.status(), 503);
    /// # Ok(()) }
    /// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// # assert!(matches!(std::pin::pin!(run()).poll(&mut context), std::task::Poll::Ready(Ok(()))));
    /// ```
    pub fn with<T, E>(fallback: F) -> FallbackLayer<With<F>>
    where
        F: Fn(CallError<E>) -> Result<T, CallError<E>>,
    {
        FallbackLayer::new(With::new(fallback))
    }
}

impl<S> FallbackLayer<Other<S>> {
    /// Answers with another service, such as a replica. Its error is returned: `E`, as
    /// [`CallError::Inner`], or a `CallError<E>` if it has a breaker of its own.
    ///
    /// Every request is cloned before its call, which consumes it; and so is the service, which is
    /// driven to readiness when it is needed.
    ///
    /// ```
    /// use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};
    /// use tripcoil::Breaker;
    /// use tripcoil::tower::{BreakerLayer, FallbackLayer};
    ///
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let replica = BreakerLayer::new(Breaker::builder("replica").build()?)
    ///     .layer(service_fn(|n: u32| async move { Ok::<_, std::io::Error>(n + 1) }));
    /// let (primary, controller) = Breaker::builder("primary").build_with_controller()?;
    /// let service = ServiceBuilder::new()
    ///     .layer(FallbackLayer::service(replica))
    ///     .layer(BreakerLayer::new(primary))
    ///     .service(service_fn(|n: u32| async move { Ok::<_, std::io::Error>(n) }));
    /// controller.force_open();
    /// assert_eq!(service.oneshot(7).await?, 8);
    /// # Ok(()) }
    /// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// # assert!(matches!(std::pin::pin!(run()).poll(&mut context), std::task::Poll::Ready(Ok(()))));
    /// ```
    pub fn service(other: S) -> FallbackLayer<Other<S>> {
        FallbackLayer::new(Other::new(other, ByClone))
    }
}

impl<S, K> FallbackLayer<Other<S, K>> {
    /// Answers as [`service`](FallbackLayer::service) does, with requests that `clone` clones: see
    /// [`CloneRequest`]. A request that it returns `None` for keeps its error.
    pub fn service_with<R>(other: S, clone: K) -> FallbackLayer<Other<S, K>>
    where
        K: CloneRequest<R>,
    {
        FallbackLayer::new(Other::new(other, clone))
    }
}

impl<F> fmt::Debug for FallbackLayer<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to.debug("FallbackLayer", f)
    }
}

impl<S, F: Clone> Layer<S> for FallbackLayer<F> {
    type Service = FallbackService<S, F>;

    fn layer(&self, inner: S) -> Self::Service {
        FallbackService {
            inner,
            source: self.source.clone(),
            to: Arc::new(self.to.clone()),
        }
    }
}

/// A service with a fallback; created by [`FallbackLayer`].
#[derive(Clone)]
pub struct FallbackService<S, F> {
    inner: S,
    source: F,
    /// Shared with each call.
    to: Arc<Choice>,
}

impl<S, F> fmt::Debug for FallbackService<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to.debug("FallbackService", f)
    }
}

impl<S, F, R, E> Service<R> for FallbackService<S, F>
where
    S: Service<R, Error = CallError<E>>,
    F: Fallback<R, S::Response, E>,
{
    type Response = S::Response;
    type Error = CallError<E>;
    type Future = FallbackFuture<S::Future, F::Kept, <F::Kept as Kept<S::Response, E>>::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let kept = self.source.keep(&request);
        let kept = kept.map(|kept| (kept, self.to.clone()));
        FallbackFuture::new(self.inner.call(request), kept)
    }
}
