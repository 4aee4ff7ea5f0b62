//! The future of a request that may meet a fault.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;

/// Without a timer there are no delays.
#[cfg(not(feature = "tokio"))]
type Sleep = std::future::Ready<()>;
#[cfg(feature = "tokio")]
type Sleep = Pin<Box<tokio::time::Sleep>>; // large, and rarely needed

fn sleep(delay: Duration) -> Sleep {
    #[cfg(feature = "tokio")]
    return Box::pin(tokio::time::sleep(delay));
    #[cfg(not(feature = "tokio"))]
    {
        let _ = delay;
        std::future::ready(())
    }
}

pin_project! {
    /// The future of a request that may meet a fault: see [`FaultLayer`](super::FaultLayer).
    ///
    /// # Panics
    ///
    /// Panics if it is polled after its end; and, if the answer is delayed, outside a tokio runtime with the timer
    /// enabled.
    #[must_use = "futures do nothing unless polled"]
    pub struct FaultFuture<F, T, E> {
        #[pin]
        step: Step<F>,
        delay: Option<Duration>,
        answer: Option<Result<T, E>>,
    }
}

pin_project! {
    #[project = StepProj]
    enum Step<F> {
        Hanging,
        Calling { #[pin] future: F },
        // there is an answer
        Answered,
        Delaying { sleep: Sleep },
        Ended,
    }
}

impl<F, T, E> FaultFuture<F, T, E> {
    pub(super) fn calling(future: F, delay: Option<Duration>) -> Self {
        FaultFuture {
            step: Step::Calling { future },
            delay,
            answer: None,
        }
    }

    pub(super) fn hanging() -> Self {
        FaultFuture {
            step: Step::Hanging,
            delay: None,
            answer: None,
        }
    }

    pub(super) fn answered(answer: Result<T, E>, delay: Option<Duration>) -> Self {
        FaultFuture {
            step: Step::Answered,
            delay,
            answer: Some(answer),
        }
    }
}

impl<F: Future<Output = Result<T, E>>, T, E> Future for FaultFuture<F, T, E> {
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut step = this.step;
        loop {
            match step.as_mut().project() {
                StepProj::Hanging => return Poll::Pending,
                StepProj::Calling { future } => {
                    let answer = ready!(future.poll(cx));
                    if this.delay.is_none() {
                        step.set(Step::Ended);
                        return Poll::Ready(answer);
                    }
                    *this.answer = Some(answer);
                    step.set(Step::Answered);
                }
                StepProj::Answered => match this.delay.take() {
                    Some(delay) => step.set(Step::Delaying {
                        sleep: sleep(delay),
                    }),
                    None => step.set(Step::Ended),
                },
                StepProj::Delaying { sleep } => {
                    ready!(Pin::new(sleep).poll(cx));
                    step.set(Step::Ended);
                }
                StepProj::Ended => {
                    return match this.answer.take() {
                        Some(answer) => Poll::Ready(answer),
                        None => ended(),
                    };
                }
            }
        }
    }
}

/// As the futures of `async` blocks do.
#[expect(
    clippy::panic,
    reason = "a future that is polled after its end has no answer"
)]
fn ended() -> ! {
    panic!("a response's future was polled after its end")
}

impl<F, T, E> fmt::Debug for FaultFuture<F, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultFuture").finish_non_exhaustive()
    }
}
