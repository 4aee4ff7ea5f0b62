//! A layer and a service for [tower], on any runtime and without boxing.
//!
//! ```
//! use std::io;
//! use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
//! use tripcoil::tower::BreakerLayer;
//! use tripcoil::{Breaker, CallError};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let breaker = Breaker::builder("primes").consecutive_failures(2).build()?;
//! let mut primes = ServiceBuilder::new()
//!     .layer(BreakerLayer::new(breaker))
//!     .service(service_fn(|n: u32| async move {
//!         if n % 2 == 1 { Ok("perhaps") } else { Err(io::Error::other("even")) }
//!     }));
//!
//! for _ in 0..2 {
//!     assert!(matches!(primes.ready().await?.call(4).await, Err(CallError::Inner(_))));
//! }
//! let rejected = primes.ready().await?.call(7).await;
//! assert!(matches!(rejected, Err(CallError::Rejected(_))));
//! # Ok(()) }
//! # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
//! # assert!(matches!(std::pin::pin!(run()).poll(&mut context), std::task::Poll::Ready(Ok(()))));
//! ```
//!
//! # Calls
//!
//! A call is admitted in [`Service::call`] and ends with its response. The breaker's classifier
//! decides about the `Result`, and the breaker's slow limit applies. A service that is ready and is
//! not called holds no permit, and so no probe. Dropping the response's future is a cancellation
//! ([`OnCancel`](crate::OnCancel)). A panic in the inner call counts as the classifier's
//! [`panicked`](crate::Classify::panicked) says. With [`BreakerLayer::until`] the call ends with
//! the response's body instead (`EndOfBody`, feature `http`).
//!
//! # Failures
//!
//! By default a response is a success, whatever is in it, and an error is a failure. An HTTP client
//! returns a 503 as an `Ok`. For such a service set a [`classifier`](crate::Builder::classifier):
//! the one of the feature `http` or `grpc`, or a closure that takes a `&Result<Response, Error>`.
//!
//! # Around other breakers
//!
//! A rejection by an inner breaker is an error of the inner service, and so a failure by default.
//! Wrap the classifier to ignore it: `IgnoreRejections::boxed` for boxed errors, which tower's own
//! middleware returns, and `IgnoreRejections::new` for errors that implement [`Error`] (see
//! [`IgnoreRejections`](crate::classify::IgnoreRejections)).
//!
//! ```
//! use tower::{BoxError, ServiceBuilder, service_fn};
//! use tripcoil::tower::{BreakerLayer, boxed};
//! use tripcoil::Breaker;
//! use tripcoil::classify::{ErrIsFailure, IgnoreRejections};
//!
//! let service = Breaker::builder("service")
//!     .classifier(IgnoreRejections::boxed(ErrIsFailure))
//!     .build()?;
//! let replica = Breaker::builder("replica").build()?;
//! let stack = ServiceBuilder::new()
//!     .layer(BreakerLayer::new(service))
//!     .map_err(boxed) // as a retry, a timeout or a buffer between the two requires
//!     .layer(BreakerLayer::new(replica))
//!     .service(service_fn(|n: u32| async move { Ok::<u32, BoxError>(n) }));
//! # fn is_service<S: tower::Service<u32>>(_: S) {}
//! # is_service(stack);
//! # Ok::<(), tripcoil::ConfigError>(())
//! ```
//!
//! # Readiness
//!
//! While the breaker is closed, the service is ready when the inner one is, so its backpressure
//! passes through. An error of the inner service's `poll_ready` counts as a failed call.
//!
//! While the breaker is open, half-open or forced open, the service is always ready and does not
//! poll the inner one: most calls are rejected, and must fail fast even if the inner service is not
//! ready. A call may still be admitted, as a probe or because the breaker closed between
//! `poll_ready` and `call`. Its future then waits until a clone of the inner service is ready; this
//! wait is a part of the call, under its permit. That is why the inner service must be `Clone`. A
//! rejected call releases what the inner service had reserved for it, such as a slot of a
//! concurrency limit.
//!
//! A caller that already waits in `poll_ready` is not woken when the breaker opens. A readiness
//! that never comes is not counted as a call: put a limit on that wait around the breaker.
//!
//! If a closure picks the breaker, only the request decides which. The service is then ready when
//! the inner one is, whatever the breakers' states, and no breaker counts an error of readiness.
//!
//! # A breaker per key
//!
//! With a closure over a `Registry` (feature `registry`), one layer has a breaker per route, tenant
//! or host. The closure may refuse a request, with a reason of its own. If the registry's template
//! returns an invalid configuration for a key, `?` turns its [`ConfigError`](crate::ConfigError)
//! into such a refusal. A refused request is answered with [`CallError::NoBreaker`], and the inner
//! service is not called.
//!
//! ```
//! # #[cfg(feature = "registry")] {
//! use http::Request;
//! use tower::{Layer, service_fn};
//! use tripcoil::registry::Registry;
//! use tripcoil::tower::BreakerLayer;
//! use tripcoil::Breaker;
//! use tripcoil::call::NoBreaker;
//!
//! let breakers = Registry::builder(|host: &String| Breaker::builder(host.as_str()))
//!     .capacity(1_000)
//!     .build();
//! let layer = BreakerLayer::new(move |request: &Request<()>| {
//!     let host = request.uri().host().ok_or(NoBreaker::because("it names no host"))?;
//!     Ok::<_, NoBreaker>(breakers.get(host)?)
//! });
//! # fn is_service<S: tower::Service<Request<()>>>(_: S) {}
//! # is_service(layer.layer(service_fn(|_: Request<()>| async { Ok::<_, std::io::Error>(()) })));
//! # }
//! ```
//!
//! Use the template of a route as the key (axum's `MatchedPath`), not the path; and tenants that
//! you know. A client that can choose keys freely creates a breaker for each.
//!
//! # Order of layers
//!
//! Put the breaker around the timeout, so that a call that takes too long is a failure; inside the
//! retries (`RetryPolicy`, feature `retry`), so that each attempt is a call; and inside a
//! [`FallbackLayer`]. In front of one endpoint of a balancer that picks by load, an open breaker would
//! be picked first, because it is always ready and never busy: make it
//! `not_ready_while_rejecting` (feature `tokio`). [The guide](crate::_guide#the-order-of-tower-layers)
//! has all layers in order.
//!
//! tower's own middleware needs errors that convert to a boxed error. If the inner error is boxed
//! already, add `.map_err(tripcoil::tower::boxed)` around the breaker.
//!
//! [tower]: https://docs.rs/tower

mod clone_request;
#[cfg(feature = "insight")]
mod expecting;
pub mod fallback;
mod future;
mod gate;
mod once;
mod pick;
mod until;

pub use self::clone_request::{ByClone, CloneRequest};
#[cfg(feature = "insight")]
pub use self::expecting::Expecting;
pub use self::fallback::{FallbackLayer, FallbackService};
pub use self::future::ResponseFuture;
use self::future::TurnedAway;
#[cfg(feature = "tokio")]
use self::gate::Gate;
pub use self::pick::{PickBreaker, Picked};
#[cfg(feature = "http")]
pub(crate) use self::until::sealed::Sealed;
pub use self::until::{Head, Until};
use crate::{CallError, Classify};

use crate::integrations::guard::{end, guarded};
use alloc::boxed::Box;
use core::convert::Infallible;
use core::error::Error;
use core::fmt;
use core::mem;
use core::task::{Context, Poll, ready};
use tower_layer::Layer;
use tower_service::Service;

/// Puts a breaker, or one of several, in front of a service.
///
/// ```
/// use tripcoil::tower::BreakerLayer;
/// use tripcoil::{Breaker, Outcome};
///
/// // one breaker for reads and one for writes
/// let reads = Breaker::builder("reads").build()?;
/// let writes = Breaker::builder("writes").build()?;
/// let layer = BreakerLayer::new(move |request: &(&str, u64)| match request.0 {
///     "get" => reads.clone(),
///     _ => writes.clone(),
/// });
/// # use tower::Layer;
/// # let service = layer.layer(tower::service_fn(|r: (&str, u64)| async move { Ok::<u64, ()>(r.1) }));
/// # fn service_for<R, S: tower::Service<R>>(_: S) {}
/// # service_for::<(&str, u64), _>(service);
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BreakerLayer<P, U = Head> {
    pick: P,
    until: U,
    /// Whether the service is not ready while the breaker rejects calls.
    #[cfg(feature = "tokio")]
    gated: bool,
}

impl<P> BreakerLayer<P> {
    /// Returns a layer for a [`Breaker`](crate::Breaker), or for a closure that picks one per
    /// request.
    pub const fn new(pick: P) -> BreakerLayer<P> {
        BreakerLayer {
            pick,
            until: Head,
            #[cfg(feature = "tokio")]
            gated: false,
        }
    }
}

impl<P, U> BreakerLayer<P, U> {
    /// Sets when a call ends: see [`Until`].
    pub fn until<V>(self, until: V) -> BreakerLayer<P, V> {
        BreakerLayer {
            pick: self.pick,
            until,
            #[cfg(feature = "tokio")]
            gated: self.gated,
        }
    }
}

#[cfg(feature = "tokio")]
impl<C, U> BreakerLayer<crate::Breaker<C>, U> {
    /// Makes the service not ready while its breaker rejects calls, in place of ready and rejecting.
    /// For an endpoint of a balancer, which then sends its calls to the other endpoints.
    ///
    /// The service is not ready while the breaker is open and its wait is not over, while it is forced
    /// open, and while a half-open round has no free slot. Otherwise it is ready when the inner service
    /// is. Readiness takes no slot. A task that waits for it is woken when the wait is over, and by a
    /// transition; a free slot is seen within 20 ms. If every endpoint is open, the balancer is not
    /// ready until the first wait is over: put a limit outside of it, `timeout` or `load_shed`.
    ///
    /// A call can still be rejected: if another caller takes the slot between readiness and call, by a
    /// [ramp](crate::Ramp), which decides about calls as they arrive, and if the probes of a round were
    /// lost, which a call has to find. Do not combine it with a caller that needs the rejection to fail
    /// fast.
    ///
    /// # Panics
    ///
    /// The service's `poll_ready` panics while the breaker rejects calls, if it is polled outside of a
    /// tokio runtime with the timer enabled.
    ///
    /// ```
    /// use tower::{Layer, service_fn};
    /// use tripcoil::Breaker;
    /// use tripcoil::tower::BreakerLayer;
    ///
    /// let endpoint = |name: &str| {
    ///     let layer = BreakerLayer::new(Breaker::builder(name).build()?).not_ready_while_rejecting();
    ///     Ok::<_, tripcoil::ConfigError>(layer.layer(service_fn(|n: u32| async move { Ok::<_, ()>(n) })))
    /// };
    /// let endpoints = [endpoint("a")?, endpoint("b")?]; // for tower::balance::p2c::Balance
    /// # fn is_service<S: tower::Service<u32>>(_: &S) {}
    /// # endpoints.iter().for_each(is_service);
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    #[must_use]
    pub fn not_ready_while_rejecting(mut self) -> Self {
        self.gated = true;
        self
    }
}

#[cfg(feature = "insight")]
impl<P, U> BreakerLayer<P, U> {
    /// Gives rejections the median of the time that the outage is likely to last as their
    /// [`retry_after`](crate::Rejected::retry_after), at most `most`, and never less than the breaker's own wait: see
    /// [`Insight::expected`](crate::insight::Insight::expected). It holds for errors and for answers, such as the pushback
    /// of a gRPC service (`http::EndOfBody`), and for the breaker of the insight's name only: a layer with several
    /// breakers takes several insights.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower::{ServiceBuilder, ServiceExt, service_fn};
    /// use tripcoil::insight::Insight;
    /// use tripcoil::tower::BreakerLayer;
    /// use tripcoil::{Breaker, CallError, FailureKind, ManualClock};
    ///
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let clock = ManualClock::new();
    /// let builder = Breaker::builder("primes").consecutive_failures(1).open_for(Duration::from_secs(5));
    /// let breaker = builder.clock(&clock).build()?;
    /// let insight = Insight::new(&breaker.observer());
    /// let primes = ServiceBuilder::new()
    ///     .layer(BreakerLayer::new(breaker.clone()).expecting(&insight, Duration::from_secs(60)))
    ///     .service(service_fn(|n: u32| async move { Ok::<u32, std::io::Error>(n) }));
    ///
    /// breaker.try_acquire()?.failure(FailureKind::Server);
    /// # let _ = insight.report();
    /// clock.advance(Duration::from_secs(4));
    /// let Err(CallError::Rejected(rejected)) = primes.oneshot(7).await else { unreachable!() };
    /// // the breaker probes in 1 s, and the outage is expected to last as long again as it has
    /// assert_eq!(rejected.retry_after(), Some(Duration::from_secs(4)));
    /// # Ok(()) }
    /// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// # assert!(matches!(std::pin::pin!(run()).poll(&mut context), std::task::Poll::Ready(Ok(()))));
    /// ```
    pub fn expecting(
        self,
        insight: &crate::insight::Insight,
        most: core::time::Duration,
    ) -> BreakerLayer<Expecting<P>, U> {
        BreakerLayer {
            pick: Expecting::new(self.pick, insight, most),
            until: self.until,
            #[cfg(feature = "tokio")]
            gated: self.gated,
        }
    }
}

impl<S, P: Clone, U: Clone> Layer<S> for BreakerLayer<P, U> {
    type Service = BreakerService<S, P, U>;

    fn layer(&self, inner: S) -> Self::Service {
        BreakerService {
            inner,
            readiness: Readiness::Unknown,
            pick: self.pick.clone(),
            until: self.until.clone(),
            #[cfg(feature = "tokio")]
            gate: self.gated.then(Gate::default),
        }
    }
}

/// The last known readiness of this handle's inner service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readiness {
    /// Never polled: nothing is reserved.
    Unknown,
    /// Polled, and to be polled again: it may be in a queue.
    Awaited,
    /// Ready for one call, and may have reserved resources for it.
    Ready,
}

/// A service behind a breaker; created by [`BreakerLayer`].
pub struct BreakerService<S, P, U = Head> {
    inner: S,
    readiness: Readiness,
    pick: P,
    until: U,
    #[cfg(feature = "tokio")]
    gate: Option<Gate>,
}

/// Without the inner service, which may be anything.
impl<S, P: fmt::Debug, U> fmt::Debug for BreakerService<S, P, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BreakerService")
            .field("pick", &self.pick)
            .finish_non_exhaustive()
    }
}

impl<S: Clone, P: Clone, U: Clone> Clone for BreakerService<S, P, U> {
    /// The clone is not ready, even if this service is.
    fn clone(&self) -> Self {
        BreakerService {
            inner: self.inner.clone(),
            readiness: Readiness::Unknown,
            pick: self.pick.clone(),
            until: self.until.clone(),
            #[cfg(feature = "tokio")]
            gate: self.gate.as_ref().map(|_| Gate::default()),
        }
    }
}

impl<S: Clone, P, U> BreakerService<S, P, U> {
    /// Returns the inner service with its reservation or its place in a queue, and leaves a fresh
    /// clone here.
    fn take_inner(&mut self) -> S {
        self.readiness = Readiness::Unknown;
        let fresh = self.inner.clone();
        mem::replace(&mut self.inner, fresh)
    }
}

impl<S, P, U, R> Service<R> for BreakerService<S, P, U>
where
    S: Service<R> + Clone,
    P: PickBreaker<R>,
    P::Classifier: Classify<S::Response, S::Error>,
    U: Until<S::Response, S::Error, P::Classifier> + Clone,
{
    type Response = U::Response;
    type Error = CallError<S::Error>;
    type Future = ResponseFuture<S, R, P::Classifier, U>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let only = self.pick.only();
        if let Some(breaker) = only
            && pick::rejects(breaker)
        {
            #[cfg(feature = "tokio")]
            let gate = self.gate.as_mut().map(|gate| gate.poll(breaker, cx));
            #[cfg(not(feature = "tokio"))]
            let gate = None;
            match gate {
                None => return Poll::Ready(Ok(())),
                Some(Poll::Pending) => {
                    // what the inner service has reserved is for others meanwhile
                    if self.readiness != Readiness::Unknown {
                        drop(self.take_inner());
                    }
                    return Poll::Pending;
                }
                Some(Poll::Ready(())) => {}
            }
        }
        self.readiness = Readiness::Awaited;
        match ready!(self.inner.poll_ready(cx)) {
            Ok(()) => {
                self.readiness = Readiness::Ready;
                Poll::Ready(Ok(()))
            }
            Err(error) => {
                let result = Err(error);
                // rejected: the breaker knows by now
                if let Some(breaker) = only
                    && let Ok(permit) = breaker.try_acquire_owned()
                {
                    end(&mut Some(permit), &**breaker.classifier(), &result);
                }
                Poll::Ready(result.map(|_| ()).map_err(CallError::Inner))
            }
        }
    }

    fn call(&mut self, request: R) -> Self::Future {
        let picked = self.pick.pick(&request);
        let picked = picked.map_err(|none| Err(TurnedAway::NoBreaker(none)));
        let admitted = picked.and_then(|breaker| {
            let classifier = breaker.classifier();
            match breaker.try_acquire_owned() {
                Ok(permit) => Ok((permit, classifier.clone())),
                Err(rejected) => {
                    let rejected = self.pick.rejected(breaker.name(), rejected);
                    let answer = self.until.rejected(breaker.name(), &rejected, classifier);
                    Err(answer.ok_or(TurnedAway::Rejected(rejected)))
                }
            }
        });
        let (permit, classifier) = match admitted {
            Ok(admitted) => admitted,
            Err(answer) => {
                if self.readiness != Readiness::Unknown {
                    drop(self.take_inner());
                }
                return ResponseFuture::turned_away(answer);
            }
        };
        let until = self.until.clone();
        if self.readiness != Readiness::Ready {
            return ResponseFuture::waiting(self.take_inner(), request, permit, classifier, until);
        }
        self.readiness = Readiness::Unknown;
        let mut permit = Some(permit);
        let future = guarded(
            &mut permit,
            || classifier.panicked(),
            |_| self.inner.call(request),
        );
        ResponseFuture::called(future, permit, classifier, until)
    }
}

/// Converts a call's error to a boxed one: a rejection to a [`Rejected`](crate::Rejected), a
/// missing breaker to a [`NoBreaker`](crate::call::NoBreaker), and the inner error to itself.
///
/// For inner errors that are boxed already, which Rust cannot convert by itself.
///
/// ```
/// use tower::{BoxError, ServiceBuilder, service_fn};
/// use tripcoil::tower::{BreakerLayer, boxed};
///
/// # fn wants_boxed<S: tower::Service<u32, Error = BoxError>>(_: S) {}
/// # let breaker = tripcoil::Breaker::builder("primes").build()?;
/// let service = ServiceBuilder::new()
///     .map_err(boxed)
///     .layer(BreakerLayer::new(breaker))
///     .service(service_fn(|n: u32| async move { Ok::<u32, BoxError>(n) }));
/// # wants_boxed(service);
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
pub fn boxed<E: Into<Box<dyn Error + Send + Sync>>>(
    error: CallError<E>,
) -> Box<dyn Error + Send + Sync> {
    match error {
        CallError::Inner(error) => error.into(),
        CallError::Rejected(rejected) => rejected.into(),
        CallError::TimedOut(limit) => CallError::<Infallible>::TimedOut(limit).into(),
        CallError::NoBreaker(none) => none.into(),
    }
}
