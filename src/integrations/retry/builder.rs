//! A policy's settings, one by one.

use crate::classify::ErrIsFailure;
use crate::integrations::retry::error::InvalidRetry;
use crate::integrations::retry::policy::RetryPolicy;
use crate::integrations::retry::settings::{Rules, Settings};
use crate::tower::{ByClone, CloneRequest};
use crate::{Backoff, FailureKind};
use ::tower::retry::budget::{Budget, TpsBudget};
use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

/// The default of the longest wait, and of the longest `Retry-After`.
const LONGEST: Duration = Duration::from_secs(5);

/// Sets up a [`RetryPolicy`]. Created by [`RetryPolicy::builder`].
///
/// By default: three attempts; waits of 100 ms, doubled each time, at most 5 s, spread by half;
/// every `Err` is a failure; all kinds but `Client` and `Data` are retried; a failure's own wait of up
/// to 5 s is waited for; tower's default budget; requests are cloned; no wait for the breaker.
#[must_use = "build() makes a policy of it"]
pub struct RetryBuilder<C = ErrIsFailure, K = ByClone, B = TpsBudget>(Settings<C, K, B>);

impl<C, K, B> fmt::Debug for RetryBuilder<C, K, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.rules.debug("RetryBuilder", f)
    }
}

impl RetryPolicy {
    /// Returns a builder with the [default settings](RetryBuilder).
    pub fn builder() -> RetryBuilder {
        let backoff = Backoff::exponential(Duration::from_millis(100), 2.0);
        RetryBuilder(Settings {
            classifier: ErrIsFailure,
            clone_request: ByClone,
            budget: Some(Arc::default()),
            rules: Rules {
                attempts: 3,
                backoff: backoff.max(LONGEST).jitter(0.5),
                kinds: Arc::new(|kind| !matches!(kind, FailureKind::Client | FailureKind::Data)),
                max_retry_after: LONGEST,
                wait_for_breaker: None,
            },
        })
    }
}

impl<C, K, B> RetryBuilder<C, K, B> {
    /// Sets how many calls are made at most, the first one included: at least 1, by default 3.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.0.rules.attempts = attempts;
        self
    }

    /// Sets the waits before retries: the k-th is that of the k-th opening in a row. Its
    /// [`reset_after`](Backoff::reset_after) is not used, and it cannot be
    /// [adaptive](Backoff::adaptive).
    pub fn backoff(mut self, backoff: impl Into<Backoff>) -> Self {
        self.0.rules.backoff = backoff.into();
        self
    }

    /// Sets the classifier, which decides what a failure is, and which wait it asks for. A breaker's
    /// own is best: [`Breaker::classifier`](crate::Breaker::classifier). A closure `Fn(&Result<T, E>)
    /// -> Outcome` can decide too.
    pub fn classifier<D>(self, classifier: D) -> RetryBuilder<D, K, B> {
        RetryBuilder(Settings {
            classifier,
            clone_request: self.0.clone_request,
            budget: self.0.budget,
            rules: self.0.rules,
        })
    }

    /// Sets which kinds of failures may pass, and so are retried. By default all but `Client`, a fault
    /// on this side, and `Data`, an invalid answer.
    pub fn kinds(mut self, kinds: impl Fn(FailureKind) -> bool + Send + Sync + 'static) -> Self {
        self.0.rules.kinds = Arc::new(kinds);
        self
    }

    /// Sets how requests are cloned, and which may be sent again: see [`CloneRequest`].
    pub fn clone_request<R, L: CloneRequest<R>>(self, clone_request: L) -> RetryBuilder<C, L, B> {
        RetryBuilder(Settings {
            classifier: self.0.classifier,
            clone_request,
            budget: self.0.budget,
            rules: self.0.rules,
        })
    }

    /// Sets the longest wait of a failure's own, such as `Retry-After`, that is waited for. A failure
    /// that asks for a longer one is not retried. By default 5 s.
    pub fn max_retry_after(mut self, limit: Duration) -> Self {
        self.0.rules.max_retry_after = limit;
        self
    }

    /// Sets the budget, which all clones of the policy share: each success is a deposit, and each
    /// retry a withdrawal. By default it is a [`TpsBudget`]: a fifth of the successes, and ten per
    /// second, over ten seconds.
    pub fn budget<A: Budget>(self, budget: Arc<A>) -> RetryBuilder<C, K, A> {
        self.with_budget(Some(budget))
    }

    /// Removes the budget: only the number of attempts limits the retries.
    pub fn no_budget(self) -> RetryBuilder<C, K, B> {
        self.with_budget(None)
    }

    fn with_budget<A>(self, budget: Option<Arc<A>>) -> RetryBuilder<C, K, A> {
        RetryBuilder(Settings {
            classifier: self.0.classifier,
            clone_request: self.0.clone_request,
            budget,
            rules: self.0.rules,
        })
    }

    /// Waits while the breaker rejects the call, for at most `limit` in all, in place of returning the
    /// rejection. Off by default.
    ///
    /// While open, it waits for the breaker's [`retry_after`](crate::Rejected::retry_after) and a
    /// backoff, so that not all who wait come back at once; if that time is longer than what is left
    /// of the limit, it returns the rejection at once. While the slots of a half-open round are taken,
    /// it waits for a backoff at a time. It does not wait for a breaker that is forced open. A call
    /// that was rejected was not made, so it is not one of the attempts, and not in the budget.
    pub fn wait_for_breaker(mut self, limit: Duration) -> Self {
        self.0.rules.wait_for_breaker = Some(limit);
        self
    }

    /// Builds the policy.
    ///
    /// # Errors
    ///
    /// Returns every problem of the settings: no attempts, and a backoff that is out of the ranges of
    /// [`Backoff`].
    pub fn build(self) -> Result<RetryPolicy<C, K, B>, InvalidRetry> {
        self.0.rules.validate()?;
        Ok(RetryPolicy::new(self.0))
    }
}
