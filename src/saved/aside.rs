//! Work that blocks, on a thread of its own, awaited by whatever runtime there is.

use alloc::string::String;
use alloc::sync::Arc;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

enum Place<T> {
    /// The work goes on; who waits for it.
    Pending(Option<Waker>),
    Done(T),
    /// It has ended without a result, or its result has been taken.
    Empty,
}

/// What the work gives; `None` where it panicked. Dropping this does not stop the work.
pub(crate) struct Awaited<T>(Arc<Mutex<Place<T>>>);

/// The worker's side.
struct Promise<T>(Arc<Mutex<Place<T>>>);

pub(crate) fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    // nothing that holds one panics half-way through a change
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// # Errors
///
/// There is no thread to be had.
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
