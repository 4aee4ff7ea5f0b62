//! One call of a service that may not be ready.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use pin_project_lite::pin_project;
use tower_service::Service;

pin_project! {
    /// Waits until the service is ready, and calls it. `F` is the service's future.
    #[project = OnceProj]
    #[project_replace = OnceOwned]
    pub(crate) enum Once<S, R, F> {
        Waiting { service: S, request: R },
        Called { #[pin] future: F },
        Ended,
    }
}

impl<S: Service<R>, R> Once<S, R, S::Future> {
    /// Polls for the answer. Once it is there, nothing of the call is left.
    pub(crate) fn poll_answer(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<S::Response, S::Error>> {
        if let OnceProj::Waiting { service, .. } = self.as_mut().project() {
            if let Err(error) = ready!(service.poll_ready(cx)) {
                self.set(Once::Ended);
                return Poll::Ready(Err(error));
            }
            let waiting = self.as_mut().project_replace(Once::Ended);
            if let OnceOwned::Waiting {
                mut service,
                request,
            } = waiting
            {
                let future = service.call(request);
                self.set(Once::Called { future });
            }
        }
        let OnceProj::Called { future } = self.as_mut().project() else {
            ended()
        };
        let result = ready!(future.poll(cx));
        self.set(Once::Ended);
        Poll::Ready(result)
    }
}

/// As the futures of `async` blocks do.
#[expect(
    clippy::panic,
    reason = "a future that is polled after its end has no answer"
)]
pub(crate) fn ended() -> ! {
    panic!("a response's future was polled after its end")
}
