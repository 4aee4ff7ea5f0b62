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
//! # One call
//!
//! A call is admitted in [`Service::call`], and ends with its response: as the breaker's classifier
//! says of the `Result`, slow by the breaker's limit. A service that is ready and is not called holds
//! no permit, so no probe. Dropping the response's future is a cancellation
//! ([`OnCancel`](crate::OnCancel)), a panic in the inner call what the classifier's
//! [`panicked`](crate::Classify::panicked) says. With [`BreakerLayer::until`] the call ends with the
//! response's body instead (`EndOfBody`, feature `http`).
//!
//! # What fails
//!
//! By default a response is a success, whatever is in it, and an error a failure. An HTTP client whose
//! server answers 503 gives an `Ok`: for such a service name a
//! [`classifier`](crate::Builder::classifier), that of the feature `http` or `grpc`, or a closure that
//! takes a `&Result<Response, Error>`.
//!
//! # Around other breakers
//!
//! A rejection by a breaker further inside is an error of the inner service, and so a failure by default. Wrap
//! the classifier, and it is ignored: `IgnoreRejections::boxed` for boxed errors, as tower's own middleware
//! gives, `IgnoreRejections::new` for errors that are an [`Error`] themselves
//! (see [`IgnoreRejections`](crate::IgnoreRejections)).
//!
//! ```
//! use tower::{BoxError, ServiceBuilder, service_fn};
//! use tripcoil::tower::{BreakerLayer, boxed};
//! use tripcoil::{Breaker, ErrIsFailure, IgnoreRejections};
//!
//! let service = Breaker::builder("service")
//!     .classifier(IgnoreRejections::boxed(ErrIsFailure))
//!     .build()?;
//! let replica = Breaker::builder("replica").build()?;
//! let stack = ServiceBuilder::new()
//!     .layer(BreakerLayer::new(service))
//!     .map_err(boxed) // as a retry, a timeout or a buffer between the two would
//!     .layer(BreakerLayer::new(replica))
//!     .service(service_fn(|n: u32| async move { Ok::<u32, BoxError>(n) }));
//! # fn is_service<S: tower::Service<u32>>(_: S) {}
//! # is_service(stack);
//! # Ok::<(), tripcoil::ConfigError>(())
//! ```
//!
//! # Readiness
//!
//! While calls are admitted, the service is ready when the inner one is: its backpressure passes
//! through. An error of the inner service's `poll_ready` is counted as a failed call.
//!
//! While the breaker is open, half-open or forced open, the service is always ready and does not poll
//! the inner one: few calls are admitted, and the others must fail fast even if the inner service is
//! not ready. A call that is admitted all the same, as a probe or since the breaker closed between
//! `poll_ready` and `call`, never meets an inner service that is not ready: the response's future
//! first waits for the readiness of a clone of it, as a part of the call, under its permit. That is
//! why the inner service must be `Clone`. A rejected call gives back what the inner service had
//! reserved for it (a slot of a concurrency limit, say).
//!
//! Who already waits in `poll_ready` is not woken when the breaker opens. A readiness that never
//! comes is no call, and is not counted: a limit on waiting for it belongs around the breaker.
//!
//! Where a closure picks the breaker, only the request says which it is. The service is then ready
//! when the inner one is, whatever the breakers' states, and no breaker counts an error of readiness.
//!
//! # One for each key
//!
//! A closure over a `Registry` (feature `registry`) makes of one layer a breaker for each route, tenant
//! or host. It may refuse a request, in words of its own; where the registry's template says something
//! invalid of a key, its [`ConfigError`](crate::ConfigError) becomes one by `?`. Such a request is
//! answered with [`CallError::NoBreaker`], and the inner service is not called.
//!
//! ```
//! # #[cfg(feature = "registry")] {
//! use http::Request;
//! use tower::{Layer, service_fn};
//! use tripcoil::registry::Registry;
//! use tripcoil::tower::BreakerLayer;
//! use tripcoil::{Breaker, NoBreaker};
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
//! A key is a route's template (axum's `MatchedPath`), not a path, and a tenant that is known: whoever
//! may name any makes a breaker for each name.
//!
//! # Where it stands
//!
//! Around the timeout, so that a call that takes too long is a failure, and inside the retries, so
//! that each attempt is a call. Not in front of one endpoint of a balancer that goes by load: an open
//! breaker is always ready and never busy, and so is the first choice.
//!
//! A service whose error must become a boxed one, as tower's own middleware asks, needs
//! `.map_err(tripcoil::tower::boxed)` around it if the inner error is boxed already.
//!
//! [tower]: https://docs.rs/tower

mod future;
mod pick;
mod until;

pub use self::future::ResponseFuture;
use self::future::TurnedAway;
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
/// // One for reads and one for writes.
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
}

impl<P> BreakerLayer<P> {
    /// By a [`Breaker`](crate::Breaker), or by a closure that picks one for each request.
    pub const fn new(pick: P) -> BreakerLayer<P> {
        BreakerLayer { pick, until: Head }
    }
}

impl<P, U> BreakerLayer<P, U> {
    /// The same, with calls that last until then.
    pub fn until<V>(self, until: V) -> BreakerLayer<P, V> {
        BreakerLayer {
            pick: self.pick,
            until,
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
        }
    }
}

/// What this handle's inner service was last found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readiness {
    /// Never asked: it has reserved nothing.
    Unknown,
    /// Asked, and to be asked again: it may stand in a queue.
    Awaited,
    /// It can be called once, and may have reserved what for.
    Ready,
}

/// A service behind a breaker; made by [`BreakerLayer`].
pub struct BreakerService<S, P, U = Head> {
    inner: S,
    readiness: Readiness,
    pick: P,
    until: U,
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
    /// The clone is not ready, whatever this one is.
    fn clone(&self) -> Self {
        BreakerService {
            inner: self.inner.clone(),
            readiness: Readiness::Unknown,
            pick: self.pick.clone(),
            until: self.until.clone(),
        }
    }
}

impl<S: Clone, P, U> BreakerService<S, P, U> {
    /// The inner service as it stands, with its place in whatever queue; a fresh one stays here.
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
        if only.is_some_and(pick::rejects) {
            return Poll::Ready(Ok(()));
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
                Err(rejected) => Err(self
                    .until
                    .rejected(&rejected, classifier)
                    .ok_or(TurnedAway::Rejected(rejected))),
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
            || self.inner.call(request),
        );
        ResponseFuture::called(future, permit, classifier, until)
    }
}

/// A call's error as a boxed one: a rejection as [`Rejected`](crate::Rejected), the lack of a breaker
/// as [`NoBreaker`](crate::NoBreaker), the inner error as itself.
///
/// For inner errors that are boxed already, which Rust does not let convert by itself.
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
