//! The policy: whether a call is made again, and when.

use crate::classify::ErrIsFailure;
use crate::integrations::retry::settings::{Draws, Settings};
use crate::integrations::retry::verdict::{BoxError, Verdict};
use crate::tower::{ByClone, CloneRequest};
use crate::{CallError, Classify, FailureKind, Rejected, State};
use ::tower::retry::Policy;
use ::tower::retry::budget::{Budget, TpsBudget};
use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;
use tokio::time::{Sleep, sleep};

/// The timer's resolution: no wait is shorter.
const LEAST: Duration = Duration::from_millis(1);

/// A policy for tower's [`Retry`](::tower::retry::Retry): see the [module](crate::retry).
///
/// Clones share the budget. tower makes one for each request, and that one counts its attempts.
pub struct RetryPolicy<C = ErrIsFailure, K = ByClone, B = TpsBudget> {
    shared: Arc<Shared<C, K, B>>,
    /// Calls of this request that were made and failed.
    failed: u32,
    /// Waits of this request for the breaker, how many and how long.
    waits: u32,
    waited: Duration,
}

struct Shared<C, K, B> {
    settings: Settings<C, K, B>,
    draws: Draws,
}

impl<C, K, B> Clone for RetryPolicy<C, K, B> {
    fn clone(&self) -> Self {
        RetryPolicy {
            shared: self.shared.clone(),
            ..*self
        }
    }
}

impl<C, K, B> fmt::Debug for RetryPolicy<C, K, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.settings.rules.debug("RetryPolicy", f)
    }
}

impl<C, K, B> RetryPolicy<C, K, B> {
    pub(super) fn new(settings: Settings<C, K, B>) -> Self {
        RetryPolicy {
            shared: Arc::new(Shared {
                settings,
                draws: Draws::new(),
            }),
            failed: 0,
            waits: 0,
            waited: Duration::ZERO,
        }
    }

    fn backoff(&self, k: u32) -> Duration {
        self.shared
            .draws
            .wait(&self.shared.settings.rules.backoff, k)
    }

    /// How long to wait before the call is made again, if it is.
    fn judge(&mut self, verdict: Verdict) -> Option<Duration>
    where
        B: Budget,
    {
        match verdict {
            Verdict::Success => {
                if let Some(budget) = &self.shared.settings.budget {
                    budget.deposit();
                }
                None
            }
            Verdict::Final => None,
            Verdict::Rejected(rejected) => self.wait_for_breaker(&rejected),
            Verdict::Failed(kind, own) => self.retry_failure(kind, own),
        }
    }

    fn retry_failure(&mut self, kind: FailureKind, own: Option<Duration>) -> Option<Duration>
    where
        B: Budget,
    {
        self.failed = self.failed.saturating_add(1);
        let settings = &self.shared.settings;
        let own = own.unwrap_or_default();
        if self.failed >= settings.rules.attempts
            || !(settings.rules.kinds)(kind)
            || own > settings.rules.max_retry_after
        {
            return None;
        }
        // last: a retry that is not made costs nothing
        if let Some(budget) = &settings.budget
            && !budget.withdraw()
        {
            return None;
        }
        // after its own wait, since others were given the same one
        Some(self.backoff(self.failed).saturating_add(own))
    }

    fn wait_for_breaker(&mut self, rejected: &Rejected) -> Option<Duration> {
        let limit = self.shared.settings.rules.wait_for_breaker?;
        if rejected.state() == State::ForcedOpen {
            return None;
        }
        let left = limit.saturating_sub(self.waited);
        let rest = rejected.retry_after().unwrap_or_default();
        if rest > left || left.is_zero() {
            return None;
        }
        self.waits = self.waits.saturating_add(1);
        let wait = rest.saturating_add(self.backoff(self.waits));
        let wait = wait.min(left).max(LEAST);
        self.waited = self.waited.saturating_add(wait);
        Some(wait)
    }
}

impl<R, T, E, C, K, B> Policy<R, T, CallError<E>> for RetryPolicy<C, K, B>
where
    C: Classify<T, E>,
    K: CloneRequest<R>,
    B: Budget,
{
    type Future = Sleep;

    fn retry(&mut self, _: &mut R, result: &mut Result<T, CallError<E>>) -> Option<Sleep> {
        let verdict = Verdict::of_call(result, &self.shared.settings.classifier);
        self.judge(verdict).map(sleep)
    }

    fn clone_request(&mut self, request: &R) -> Option<R> {
        self.shared.settings.clone_request.clone_request(request)
    }
}

impl<R, T, C, K, B> Policy<R, T, BoxError> for RetryPolicy<C, K, B>
where
    C: Classify<T, BoxError>,
    K: CloneRequest<R>,
    B: Budget,
{
    type Future = Sleep;

    fn retry(&mut self, _: &mut R, result: &mut Result<T, BoxError>) -> Option<Sleep> {
        let verdict = Verdict::of_boxed(result, &self.shared.settings.classifier);
        self.judge(verdict).map(sleep)
    }

    fn clone_request(&mut self, request: &R) -> Option<R> {
        self.shared.settings.clone_request.clone_request(request)
    }
}
