//! Calls that last until the end of the response's body.

use crate::call::OwnedPermit;
use crate::classify::{ErrIsFailure, IgnoreRejections};
use crate::integrations::guard::guarded;
use crate::{FailureKind, Outcome, Rejected};
use ::http::{HeaderMap, Response, StatusCode};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

/// Decides what a response means if its body is a part of the call. `E` is the body's error.
///
/// ```
/// use http::{HeaderMap, StatusCode};
/// use tripcoil::http::ClassifyBody;
/// use tripcoil::{FailureKind, Outcome};
///
/// /// The server adds a checksum, and sends none if it has failed in the middle.
/// struct Checked;
///
/// impl<E> ClassifyBody<E> for Checked {
///     fn head(&self, status: StatusCode, _: &HeaderMap) -> Option<Outcome> {
///         status.is_server_error().then_some(Outcome::Failure(FailureKind::Server))
///     }
///
///     fn end(&self, trailers: Option<&HeaderMap>) -> Outcome {
///         match trailers {
///             Some(trailers) if trailers.contains_key("checksum") => Outcome::Success,
///             _ => Outcome::Failure(FailureKind::Data),
///         }
///     }
///
///     fn broken(&self, _: &E) -> Outcome {
///         Outcome::Failure(FailureKind::Connect)
///     }
/// }
/// # let _: &dyn ClassifyBody<()> = &Checked;
/// ```
pub trait ClassifyBody<E> {
    /// Called when the headers are in. `Some` ends the call; `None` leaves the decision to the
    /// body.
    fn head(&self, status: StatusCode, headers: &HeaderMap) -> Option<Outcome>;

    /// Called when the body has ended, with its trailers.
    fn end(&self, trailers: Option<&HeaderMap>) -> Outcome;

    /// Called when the body broke off.
    fn broken(&self, error: &E) -> Outcome;

    /// Called for a panic while the body is polled; the panic continues to unwind in any case. By
    /// default it is a failure of the kind [`FailureKind::Client`].
    fn panicked(&self) -> Outcome {
        Outcome::Failure(FailureKind::Client)
    }

    /// Returns the answer to a request whose call the breaker of this name rejected; it has no body.
    /// By default there is no answer, and a layer returns
    /// [`CallError::Rejected`](crate::CallError::Rejected).
    fn rejected(&self, _breaker: &str, _rejected: &Rejected) -> Option<Response<()>> {
        None
    }
}

/// Every response and every complete body is a success.
impl<E> ClassifyBody<E> for ErrIsFailure {
    fn head(&self, _status: StatusCode, _headers: &HeaderMap) -> Option<Outcome> {
        None
    }

    fn end(&self, _trailers: Option<&HeaderMap>) -> Outcome {
        Outcome::Success
    }

    fn broken(&self, _error: &E) -> Outcome {
        Outcome::Failure(FailureKind::Server)
    }
}

/// The body's error is not the call's, so it is not searched for a rejection.
impl<E, C: ClassifyBody<E>, F> ClassifyBody<E> for IgnoreRejections<C, F> {
    fn head(&self, status: StatusCode, headers: &HeaderMap) -> Option<Outcome> {
        ClassifyBody::<E>::head(self.inner(), status, headers)
    }

    fn end(&self, trailers: Option<&HeaderMap>) -> Outcome {
        ClassifyBody::<E>::end(self.inner(), trailers)
    }

    fn broken(&self, error: &E) -> Outcome {
        self.inner().broken(error)
    }

    fn panicked(&self) -> Outcome {
        ClassifyBody::<E>::panicked(self.inner())
    }

    fn rejected(&self, breaker: &str, rejected: &Rejected) -> Option<Response<()>> {
        ClassifyBody::<E>::rejected(self.inner(), breaker, rejected)
    }
}

/// A pointer to a body classifier is one.
macro_rules! pointers {
    ($($pointer:ty),*) => {$(
        impl<E, C: ClassifyBody<E> + ?Sized> ClassifyBody<E> for $pointer {
            fn head(&self, status: StatusCode, headers: &HeaderMap) -> Option<Outcome> {
                ClassifyBody::<E>::head(&**self, status, headers)
            }

            fn end(&self, trailers: Option<&HeaderMap>) -> Outcome {
                ClassifyBody::<E>::end(&**self, trailers)
            }

            fn broken(&self, error: &E) -> Outcome {
                (**self).broken(error)
            }

            fn panicked(&self) -> Outcome {
                ClassifyBody::<E>::panicked(&**self)
            }

            fn rejected(&self, breaker: &str, rejected: &Rejected) -> Option<Response<()>> {
                ClassifyBody::<E>::rejected(&**self, breaker, rejected)
            }
        }
    )*};
}

pointers!(&C, Arc<C>, Box<C>);

pin_project! {
    /// A body that keeps the call's permit until its end.
    ///
    /// The call ends with the last frame, with the trailers, or with an error, whichever comes
    /// first. Dropping the body before that is a cancellation. So use it for bodies that are read:
    /// a caller that drops them after the headers cancels all its calls.
    ///
    /// ```
    /// use http::Response;
    /// use http_body_util::{BodyExt, Full};
    /// use hyper::body::Bytes;
    /// use tripcoil::Breaker;
    /// use tripcoil::http::{ByStatus, GuardedBody};
    ///
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let breaker = Breaker::builder("files").classifier(ByStatus::new()).build()?;
    /// let permit = breaker.try_acquire_owned()?;
    /// let response = Response::new(Full::<Bytes>::from("of some length")); // from some client
    /// let response = GuardedBody::guard(response, permit, breaker.classifier().clone());
    /// assert_eq!(breaker.observer().snapshot().totals.successes, 0);
    /// response.into_body().collect().await?;
    /// assert_eq!(breaker.observer().snapshot().totals.successes, 1);
    /// # Ok(()) }
    /// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// # assert!(matches!(std::pin::pin!(run()).poll(&mut context), std::task::Poll::Ready(Ok(()))));
    /// ```
    pub struct GuardedBody<B, C> {
        // dropped before the permit: a cancelled call has ended when it is counted
        #[pin]
        body: Option<B>,
        // `None` once the call has ended
        permit: Option<OwnedPermit>,
        classifier: Arc<C>,
    }
}

impl<B, C> fmt::Debug for GuardedBody<B, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedBody")
            .field("permit", &self.permit)
            .finish_non_exhaustive()
    }
}

impl<B: Body, C: ClassifyBody<B::Error>> GuardedBody<B, C> {
    /// Returns the response with its body guarded. If the headers decide, or if the body is empty,
    /// the call ends here.
    pub fn guard(
        response: Response<B>,
        permit: OwnedPermit,
        classifier: Arc<C>,
    ) -> Response<GuardedBody<B, C>> {
        guard(response, Some(permit), classifier)
    }
}

/// As above, where a panic may have ended the call before.
pub(crate) fn guard<B: Body, C: ClassifyBody<B::Error>>(
    response: Response<B>,
    mut permit: Option<OwnedPermit>,
    classifier: Arc<C>,
) -> Response<GuardedBody<B, C>> {
    conclude(&mut permit, &*classifier, || {
        if is_rejection(&response) {
            return Some(Outcome::Ignored);
        }
        let head = classifier.head(response.status(), response.headers());
        head.or_else(|| {
            let ended = response.body().is_end_stream();
            ended.then(|| classifier.end(None))
        })
    });
    response.map(|body| GuardedBody {
        body: Some(body),
        permit,
        classifier,
    })
}

/// Whether an inner breaker's layer made this answer, for a call that it rejected.
pub(crate) fn is_rejection<B>(response: &Response<B>) -> bool {
    response.extensions().get::<Rejected>().is_some()
}

/// An answer to a call that was not made: its body is empty.
#[cfg(feature = "tower")]
pub(crate) fn bodiless<B, C>(
    answer: Response<()>,
    classifier: Arc<C>,
) -> Response<GuardedBody<B, C>> {
    answer.map(|()| GuardedBody {
        body: None,
        permit: None,
        classifier,
    })
}

/// Ends the call, unless it has ended or there is no outcome.
fn conclude<E, C: ClassifyBody<E>>(
    permit: &mut Option<OwnedPermit>,
    classifier: &C,
    outcome: impl FnOnce() -> Option<Outcome>,
) {
    if permit.is_none() {
        return;
    }
    let outcome = guarded(permit, || classifier.panicked(), |_| outcome());
    if let Some(outcome) = outcome
        && let Some(permit) = permit.take()
    {
        permit.record(outcome);
    }
}

impl<B: Body, C: ClassifyBody<B::Error>> Body for GuardedBody<B, C> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let (body, permit, classifier) = (this.body, this.permit, &**this.classifier);
        let Some(mut body) = body.as_pin_mut() else {
            return Poll::Ready(None);
        };
        let frame = ready!(guarded(
            permit,
            || classifier.panicked(),
            |_| body.as_mut().poll_frame(cx),
        ));
        conclude(permit, classifier, || match &frame {
            None => Some(classifier.end(None)),
            Some(Err(error)) => Some(classifier.broken(error)),
            // its reader need not ask again
            Some(Ok(frame)) => match frame.trailers_ref() {
                Some(trailers) => Some(classifier.end(Some(trailers))),
                None => body.is_end_stream().then(|| classifier.end(None)),
            },
        });
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(B::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let body = self.body.as_ref();
        body.map_or_else(|| SizeHint::with_exact(0), B::size_hint)
    }
}
