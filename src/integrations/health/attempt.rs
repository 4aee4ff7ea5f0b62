//! Attempts to end an opening: by a check, or by a probe.

use crate::integrations::health::check::is_healthy;
use crate::{Breaker, Classify, Controller};
use std::borrow::Borrow;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// An attempt under way. Returns whether it went well.
pub(super) type Attempt = Pin<Box<dyn Future<Output = bool> + Send>>;

/// Makes the attempts for one breaker. Everything in it may be the user's code, and may panic.
pub(super) trait Attempts: Send {
    /// Begins an attempt for the breaker that was seen open, or in its round, in that generation.
    fn begin(&self, generation: u64) -> Attempt;

    /// Returns whether an attempt is a call, whose result counts in the round.
    fn are_calls(&self) -> bool;
}

/// A check, whose healthy answer begins the round.
pub(super) struct Check<C, F> {
    pub(super) controller: Arc<C>,
    pub(super) check: Arc<F>,
    pub(super) timeout: Duration,
}

impl<C, F, A, E> Attempts for Check<C, F>
where
    C: Borrow<Controller> + Send + Sync + 'static,
    F: Fn() -> A + Send + Sync + 'static,
    A: Future<Output = Result<(), E>> + Send + 'static,
    E: Send + 'static,
{
    fn begin(&self, generation: u64) -> Attempt {
        let (controller, check) = (self.controller.clone(), self.check.clone());
        let timeout = self.timeout;
        Box::pin(async move {
            let healthy = is_healthy(&mut || check(), timeout).await;
            let controller: &Controller = (*controller).borrow();
            healthy && controller.half_open_from(generation)
        })
    }

    fn are_calls(&self) -> bool {
        false
    }
}

/// A call through the breaker.
pub(super) struct Probe<C, F> {
    pub(super) breaker: Breaker<C>,
    pub(super) probe: Arc<F>,
    pub(super) timeout: Duration,
}

impl<C, F, A, T, E> Attempts for Probe<C, F>
where
    C: Classify<T, E> + Send + Sync + 'static,
    F: Fn() -> A + Send + Sync + 'static,
    A: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    fn begin(&self, _: u64) -> Attempt {
        let probe = self.probe.clone();
        called(&self.breaker, self.timeout, async move { probe().await })
    }

    fn are_calls(&self) -> bool {
        true
    }
}

/// Makes the call through the breaker. A panic in it is the call's result before it unwinds.
pub(super) fn called<C, T, E>(
    breaker: &Breaker<C>,
    timeout: Duration,
    probe: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Attempt
where
    C: Classify<T, E> + Send + Sync + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    let call = breaker.call_timeout_owned(timeout, probe);
    Box::pin(async move { call.await.is_ok() })
}
