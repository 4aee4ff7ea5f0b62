//! The future of a call that has a fallback.

use crate::CallError;
use crate::integrations::tower::fallback::choice::Choice;
use crate::integrations::tower::fallback::source::Kept;
use crate::integrations::tower::once::ended;
use alloc::sync::Arc;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use pin_project_lite::pin_project;

pin_project! {
    /// The future of a response behind a fallback. Dropping it drops the call, or the fallback.
    ///
    /// # Panics
    ///
    /// Panics if it is polled after its end.
    #[must_use = "futures do nothing unless polled"]
    pub struct FallbackFuture<F, K, G> {
        #[pin]
        step: Step<F, G>,
        kept: Option<(K, Arc<Choice>)>,
    }
}

pin_project! {
    #[project = StepProj]
    enum Step<F, G> {
        Called { #[pin] future: F },
        FallingBack { #[pin] future: G },
        Ended,
    }
}

impl<F, K, G> FallbackFuture<F, K, G> {
    pub(crate) fn new(future: F, kept: Option<(K, Arc<Choice>)>) -> FallbackFuture<F, K, G> {
        FallbackFuture {
            step: Step::Called { future },
            kept,
        }
    }
}

impl<F, K, T, E> Future for FallbackFuture<F, K, K::Future>
where
    F: Future<Output = Result<T, CallError<E>>>,
    K: Kept<T, E>,
{
    type Output = Result<T, CallError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut step = this.step;
        if let StepProj::Called { future } = step.as_mut().project() {
            let result = ready!(future.poll(cx));
            // nothing of the call is left when its fallback begins
            step.set(Step::Ended);
            let (kept, error) = match (this.kept.take(), result) {
                (Some((kept, to)), Err(error)) if to.takes(error.is_rejected()) => (kept, error),
                (_, result) => return Poll::Ready(result),
            };
            let future = kept.fall_back(error);
            step.set(Step::FallingBack { future });
        }
        let StepProj::FallingBack { future } = step.as_mut().project() else {
            ended()
        };
        let answer = ready!(future.poll(cx));
        step.set(Step::Ended);
        Poll::Ready(answer)
    }
}

impl<F, K, G> fmt::Debug for FallbackFuture<F, K, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FallbackFuture").finish_non_exhaustive()
    }
}
