//! The driver: wakes at each transition, and runs checks while the breaker is open.

use crate::integrations::health::check::is_healthy;
use crate::integrations::health::opening::Opening;
use crate::integrations::health::recovery::Recovery;
use crate::{Controller, Observer, Subscription};
use std::borrow::Borrow;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use tokio::sync::Notify;
use tokio::time::sleep;

impl Recovery {
    /// Drives the breaker's recovery until this future is dropped; it never ends by itself.
    /// `controller` is a [`Controller`], a reference to one, or an `Arc` of one.
    ///
    /// An unhealthy answer moves the end of the wait to when the next answer is due: `every` plus
    /// `timeout` from now.
    ///
    /// Between openings the future sleeps, and a transition wakes it, from the thread that the
    /// crate's publishers share. A check is dropped if its opening ends first. A check that panics
    /// counts as unhealthy, and is run again (if panics unwind; a panic in the drop of its remains
    /// is not caught).
    ///
    /// # Panics
    ///
    /// Panics if it is polled outside a tokio runtime with the timer enabled once the breaker is
    /// open.
    pub async fn run<C, F, A, E>(self, controller: C, mut check: F) -> !
    where
        C: Borrow<Controller>,
        F: FnMut() -> A,
        A: Future<Output = Result<(), E>>,
    {
        let controller: &Controller = controller.borrow();
        let watch = Watch::on(controller.observer());
        let mut last = None;
        loop {
            match Opening::ours(&watch.observer, last.as_ref()) {
                Some(opening) => {
                    let opening = last.insert(opening);
                    self.drive(opening, controller, &watch, &mut check).await;
                }
                None if watch.transitions.is_listening() => watch.changed.notified().await,
                None => sleep(self.every).await, // the system had no thread for it
            }
        }
    }

    /// Drives one opening to its end.
    async fn drive<F, A, E>(
        &self,
        opening: &mut Opening,
        controller: &Controller,
        watch: &Watch,
        check: &mut F,
    ) where
        F: FnMut() -> A,
        A: Future<Output = Result<(), E>>,
    {
        while watch.during(opening, sleep(self.every)).await.is_some() {
            let answer = is_healthy(check, self.timeout);
            let Some(healthy) = watch.during(opening, answer).await else {
                return;
            };
            opening.answered(healthy, self, controller, &watch.observer);
        }
    }
}

/// A breaker whose transitions wake a task.
struct Watch {
    observer: Observer,
    changed: Arc<Notify>,
    transitions: Subscription,
}

impl Watch {
    fn on(observer: Observer) -> Watch {
        let changed = Arc::new(Notify::new());
        let bell = changed.clone();
        Watch {
            // one that comes before anybody waits is kept
            transitions: observer.publish(move |_| bell.notify_one()),
            observer,
            changed,
        }
    }

    /// Returns the future's result, if the opening lasts that long.
    async fn during<T>(&self, opening: &mut Opening, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        loop {
            let mut changed = pin!(self.changed.notified());
            let given = poll_fn(|cx| match future.as_mut().poll(cx) {
                Poll::Ready(given) => Poll::Ready(Some(given)),
                Poll::Pending => changed.as_mut().poll(cx).map(|()| None),
            });
            let given = given.await;
            opening.look(&self.observer)?;
            if given.is_some() {
                return given;
            }
        }
    }
}
