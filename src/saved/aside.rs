//! Blocking work on a thread of its own, awaited by any runtime.

use alloc::string::String;
use alloc::sync::Arc;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

enum Place<T> {
    /// The work goes on; the waker is of the task that waits for it.
    Pending(Option<Waker>),
    Done(T),
    /// It ended without a result, or its result was taken.
    Empty,
}

/// The result of the work; `None` if it panicked. Dropping this does not stop the work.
pub(crate) struct Awaited<T>(Arc<Mutex<Place<T>>>);

/// The worker's side.
struct Promise<T>(Arc<Mutex<Place<T>>>);

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
    let place = Arc::new(Mutex::new(Place::Pending(None)));
    let promise = Promise(place.clone());
    thread::Builder::new()
        .name(String::from(name))
        .spawn(move || promise.keep(Place::Done(work())))?;
    Ok(Awaited(place))
}

impl<T> Promise<T> {
    fn keep(&self, with: Place<T>) {
        let mut place = locked(&self.0);
        if let Place::Pending(waiting) = &mut *place {
            let waiting = waiting.take();
            *place = with;
            drop(place);
            if let Some(waker) = waiting {
                waker.wake();
            }
        }
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        self.keep(Place::Empty);
    }
}

impl<T> Future for Awaited<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut place = locked(&self.0);
        match &mut *place {
            Place::Pending(waiting) => {
                *waiting = Some(cx.waker().clone());
                Poll::Pending
            }
            _ => match core::mem::replace(&mut *place, Place::Empty) {
                Place::Done(result) => Poll::Ready(Some(result)),
                _ => Poll::Ready(None),
            },
        }
    }
}
