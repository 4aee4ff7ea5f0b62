//! The handle with which breakers are given to the timer.

use crate::error::caught::quietly;
use crate::integrations::health::attempt::{Check, Probe};
use crate::integrations::health::notes::Notes;
use crate::{Breaker, Classify, Controller};
use std::borrow::Borrow;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// A timer for breakers that are not called; created by [`Idle::start`](super::Idle::start). Clones are the same timer, which ends when
/// the last one is dropped.
///
/// A breaker that is given to it stays with it until then, and is kept alive. Where breakers come and go, give it their
/// registry, with `check_keys` or `probe_keys` (feature `registry`): then the registry may forget them.
///
/// The closures are called, and their futures polled, by the timer's task. A panic in them is caught, and is an
/// unhealthy answer or a failed call (if panics unwind).
#[derive(Clone)]
pub struct IdleTimer {
    alive: Arc<Alive>,
}

/// Ends the timer when it is dropped.
struct Alive {
    notes: Arc<Notes>,
    timeout: Duration,
}

impl Drop for Alive {
    fn drop(&mut self) {
        quietly(self.notes.end());
    }
}

impl fmt::Debug for IdleTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("IdleTimer");
        shown
            .field("timeout", &self.timeout())
            .finish_non_exhaustive()
    }
}

impl IdleTimer {
    pub(super) fn new(timeout: Duration) -> IdleTimer {
        let notes = Arc::default();
        IdleTimer {
            alive: Arc::new(Alive { notes, timeout }),
        }
    }

    pub(super) fn notes(&self) -> &Arc<Notes> {
        &self.alive.notes
    }

    pub(super) fn timeout(&self) -> Duration {
        self.alive.timeout
    }

    /// Runs this check when the breaker's wait is over and nothing calls; a healthy answer, `Ok`, begins the round.
    /// `controller` is a [`Controller`], or an `Arc` of one.
    ///
    /// The check goes around the breaker, and should touch what a call touches. The probes are the calls that come
    /// next: until they do, the breaker is half-open, and admits them.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use tripcoil::Breaker;
    /// use tripcoil::health::Idle;
    ///
    /// # async fn ping() -> Result<(), std::io::Error> { Ok(()) }
    /// let (breaker, controller) = Breaker::builder("orders").build_with_controller()?;
    /// let controller = Arc::new(controller);
    /// let (timer, task) = Idle::new().start();
    /// timer.check(controller.clone(), ping);
    /// # drop(task); // tokio::spawn(task);
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    pub fn check<C, F, A, E>(&self, controller: C, check: F)
    where
        C: Borrow<Controller> + Send + Sync + 'static,
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Result<(), E>> + Send + 'static,
        E: Send + 'static,
    {
        let observer = controller.borrow().observer();
        let attempts = Check {
            controller: Arc::new(controller),
            check: Arc::new(check),
            timeout: self.timeout(),
        };
        self.notes().watch(observer, Box::new(attempts));
    }

    /// Makes this call through the breaker when its wait is over and nothing calls, as its probe. The classifier
    /// judges the result, which counts in the round and in the totals as that of any call.
    ///
    /// A round that needs more results gets further probes: after one that went well at once, and after one
    /// that did not after [`every`](super::Idle::every). The call must have no effect, such as a query or a `HEAD`
    /// request.
    pub fn probe<C, F, A, T, E>(&self, breaker: &Breaker<C>, probe: F)
    where
        C: Classify<T, E> + Send + Sync + 'static,
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        let attempts = Probe {
            breaker: breaker.clone(),
            probe: Arc::new(probe),
            timeout: self.timeout(),
        };
        self.notes().watch(breaker.observer(), Box::new(attempts));
    }
}
