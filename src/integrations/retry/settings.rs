//! A policy's settings, which its clones share.

use crate::config::Problem;
use crate::integrations::retry::error::InvalidRetry;
use crate::{Backoff, Clock, Config, FailureKind};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::hash::{BuildHasher, RandomState};
use std::string::ToString;

/// Whether a failure of this kind may pass.
pub(super) type Kinds = Arc<dyn Fn(FailureKind) -> bool + Send + Sync>;

pub(super) struct Settings<C, K, B> {
    pub(super) classifier: C,
    pub(super) clone_request: K,
    pub(super) budget: Option<Arc<B>>,
    pub(super) rules: Rules,
}

/// The settings that have the same type in each policy.
pub(super) struct Rules {
    pub(super) attempts: u32,
    pub(super) backoff: Backoff,
    pub(super) kinds: Kinds,
    pub(super) max_retry_after: Duration,
    pub(super) wait_for_breaker: Option<Duration>,
}

impl Rules {
    /// Without what may be anything.
    pub(super) fn debug(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(name)
            .field("attempts", &self.attempts)
            .field("backoff", &self.backoff)
            .field("max_retry_after", &self.max_retry_after)
            .field("wait_for_breaker", &self.wait_for_breaker)
            .finish_non_exhaustive()
    }

    pub(super) fn validate(&self) -> Result<(), InvalidRetry> {
        let mut problems = Vec::new();
        let mut add = |field, value: &dyn fmt::Display, permitted: &str| {
            problems.push(Problem {
                field,
                value: value.to_string(),
                permitted: permitted.to_string(),
            });
        };
        if self.attempts == 0 {
            add("attempts", &self.attempts, "at least 1");
        }
        if self.backoff.is_adaptive() {
            let other = "false, since a retry knows nothing of an outage";
            add("backoff.adaptive", &true, other);
        } else if let Err(invalid) = of_backoff(&self.backoff).validate() {
            for problem in invalid.problems() {
                let field = match problem.field {
                    "open_for.base" => "backoff.base",
                    "open_for.factor" => "backoff.factor",
                    "open_for.max" => "backoff.max",
                    "open_for.jitter" => "backoff.jitter",
                    "open_for.reset_after" => "backoff.reset_after",
                    // the target's clock, which has nothing to do with it
                    _ => continue,
                };
                add(field, &problem.value, &problem.permitted);
            }
        }
        InvalidRetry::of(problems)
    }
}

/// The rules for a breaker's wait are those for a retry's.
fn of_backoff(backoff: &Backoff) -> Config {
    Config {
        open_for: backoff.clone(),
        clock: Clock::precise(),
        ..Config::default()
    }
}

/// Places within the jitter: different for each wait, and for each policy.
pub(super) struct Draws {
    seed: u64,
    next: AtomicU64,
}

impl Draws {
    pub(super) fn new() -> Draws {
        Draws {
            seed: RandomState::new().hash_one(0_u8),
            next: AtomicU64::new(0),
        }
    }

    /// Returns the wait before the `k`-th retry.
    pub(super) fn wait(&self, backoff: &Backoff, k: u32) -> Duration {
        // Relaxed: each number once is all that matters
        let draw = self.next.fetch_add(1, Ordering::Relaxed);
        backoff.retry_wait(k, self.seed, draw)
    }
}
