//! Blocking work on a thread of its own, awaited by any runtime.

use alloc::string::String;
use alloc::sync::Arc;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

enum Stage<T> {
    /// The work goes on; the waker is of the task that waits for it.
    Pending(Option<Waker>),
    Done(T),
    /// It ended without a result, or its result was taken.
    Empty,
}

/// The result of the work; `None` if it panicked. Dropping this does not stop the work.
pub(crate) struct Awaited<T>(Arc<Mutex<Stage<T>>>);

/// The worker's side.
struct Promise<T>(Arc<Mutex<Stage<T>>>);

pub(crate) fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    // nothing that holds one panics half-way through a change
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// # Errors
///
/// Returns an error if the system cannot start a thread.
pub(crate) fn on_a_thread<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<Awaited<T>> {
    let stage = Arc::new(Mutex::new(Stage::Pending(None)));
    let promise = Promise(stage.clone());
    thread::Builder::new()
        .name(String::from(name))
        .spawn(move || promise.keep(Stage::Done(work())))?;
    Ok(Awaited(stage))
}

impl<T> Promise<T> {
    fn keep(&self, with: Stage<T>) {
        let mut stage = locked(&self.0);
        if let Stage::Pending(waiting) = &mut *stage {
            let waiting = waiting.take();
            *stage = with;
            drop(stage);
            if let Some(waker) = waiting {
                waker.wake();
            }
        }
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        self.keep(Stage::Empty);
    }
}

impl<T> Future for Awaited<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut stage = locked(&self.0);
        match &mut *stage {
            Stage::Pending(waiting) => {
                *waiting = Some(cx.waker().clone());
                Poll::Pending
            }
            _ => match core::mem::replace(&mut *stage, Stage::Empty) {
                Stage::Done(result) => Poll::Ready(Some(result)),
                _ => Poll::Ready(None),
            },
        }
    }
}
