//! The future of a response: waits for readiness if necessary, makes the call, and ends it.

use crate::call::{NoBreaker, OwnedPermit};
use crate::integrations::guard::guarded;
use crate::integrations::tower::once::{Once, ended};
use crate::integrations::tower::until::Until;
use crate::{CallError, Classify, Rejected};
use alloc::sync::Arc;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use pin_project_lite::pin_project;
use tower_service::Service;

pin_project! {
    /// The future of a response behind a breaker. Dropping it before its end is a cancellation.
    ///
    /// # Panics
    ///
    /// Panics if it is polled after its end.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, R, C, U>
    where
        S: Service<R>,
        U: Until<S::Response, S::Error, C>,
    {
        // dropped before the permit: a cancelled call has ended when it is counted
        #[pin]
        step: Step<S, R, S::Future, U::Response>,
        ending: Option<Ending<C, U>>,
    }
}

pin_project! {
    #[project = StepProj]
    #[project_replace = StepOwned]
    enum Step<S, R, F, A> {
        TurnedAway { answer: Result<A, TurnedAway> },
        Made { #[pin] once: Once<S, R, F> },
        Ended,
    }
}

/// Why a call was not made.
#[derive(Clone, Copy)]
pub(crate) enum TurnedAway {
    Rejected(Rejected),
    NoBreaker(NoBreaker),
}

/// What an admitted call needs at its end.
struct Ending<C, U> {
    permit: Option<OwnedPermit>,
    classifier: Arc<C>,
    until: U,
}

impl<S, R, C, U> ResponseFuture<S, R, C, U>
where
    S: Service<R>,
    U: Until<S::Response, S::Error, C>,
{
    /// For a call that was not admitted: there may be an answer in place of an error.
    pub(crate) fn turned_away(answer: Result<U::Response, TurnedAway>) -> Self {
        ResponseFuture {
            step: Step::TurnedAway { answer },
            ending: None,
        }
    }

    /// For an admitted call, with a service that may not be ready.
    pub(crate) fn waiting(
        service: S,
        request: R,
        permit: OwnedPermit,
        classifier: Arc<C>,
        until: U,
    ) -> Self {
        ResponseFuture {
            step: Step::Made {
                once: Once::Waiting { service, request },
            },
            ending: Some(Ending {
                permit: Some(permit),
                classifier,
                until,
            }),
        }
    }

    pub(crate) fn called(
        future: S::Future,
        permit: Option<OwnedPermit>,
        classifier: Arc<C>,
        until: U,
    ) -> Self {
        ResponseFuture {
            step: Step::Made {
                once: Once::Called { future },
            },
            ending: Some(Ending {
                permit,
                classifier,
                until,
            }),
        }
    }
}

impl<S, R, C, U> Future for ResponseFuture<S, R, C, U>
where
    S: Service<R>,
    C: Classify<S::Response, S::Error>,
    U: Until<S::Response, S::Error, C>,
{
    type Output = Result<U::Response, CallError<S::Error>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut step = this.step;
        let Some(ending) = this.ending else {
            let StepOwned::TurnedAway { answer } = step.as_mut().project_replace(Step::Ended)
            else {
                ended()
            };
            return Poll::Ready(answer.map_err(|why| match why {
                TurnedAway::Rejected(rejected) => rejected.into(),
                TurnedAway::NoBreaker(none) => none.into(),
            }));
        };
        let StepProj::Made { once } = step.project() else {
            ended()
        };
        let classifier = &*ending.classifier;
        let result = ready!(guarded(
            &mut ending.permit,
            || classifier.panicked(),
            |_| once.poll_answer(cx),
        ));
        let Some(ending) = this.ending.take() else {
            ended()
        };
        let result = ending
            .until
            .answered(result, ending.permit, ending.classifier);
        Poll::Ready(result.map_err(CallError::Inner))
    }
}

impl<S, R, C, U> fmt::Debug for ResponseFuture<S, R, C, U>
where
    S: Service<R>,
    U: Until<S::Response, S::Error, C>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
