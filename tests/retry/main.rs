//! Retries, the order of tower's layers around a breaker, and a breaker per endpoint of a balancer.
//!
//! Time is tokio's, paused: the breakers' clocks follow it, and no test sleeps.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

mod balance;
mod breaker;
mod order;
mod policy;

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;
use tower::{Service, service_fn};
use tripcoil::retry::{RetryBuilder, RetryPolicy};
use tripcoil::{Backoff, Breaker, Builder, Clock, Controller, HalfOpen};

const OPEN_FOR: Duration = Duration::from_secs(10);
const WAIT: Duration = Duration::from_millis(100);

/// Follows tokio's time. A listener's thread is outside of the runtime, and reads the real one.
fn clock() -> Clock {
    let start = Instant::now();
    Clock::custom(move || match Handle::try_current() {
        Ok(_) => start.elapsed(),
        Err(_) => Duration::ZERO,
    })
}

/// Trips at two failures in a row, closes at two successes, one probe at a time.
fn builder(name: &str) -> Builder {
    Breaker::builder(name)
        .clock(clock())
        .consecutive_failures(2)
        .open_for(OPEN_FOR)
        .half_open(HalfOpen::successes(2))
}

fn breaker() -> (Breaker, Controller) {
    builder("upstream").build_with_controller().expect("valid")
}

/// Waits exactly [`WAIT`] each time, without a budget.
fn policy() -> RetryBuilder {
    RetryPolicy::builder()
        .backoff(Backoff::constant(WAIT))
        .no_budget()
}

/// When the calls came, since the beginning.
#[derive(Clone)]
struct Calls(Arc<Mutex<Vec<Duration>>>, Instant);

impl Calls {
    fn new() -> Calls {
        Calls(Arc::default(), Instant::now())
    }

    fn add(&self) -> usize {
        let mut calls = self.0.lock().expect("no panic");
        calls.push(self.1.elapsed());
        calls.len()
    }

    fn at(&self) -> Vec<Duration> {
        self.0.lock().expect("no panic").clone()
    }

    fn count(&self) -> usize {
        self.at().len()
    }
}

/// Answers the n-th call, from 1, as `answer` says.
fn dependency<T, E, F, A>(
    calls: &Calls,
    answer: F,
) -> impl Service<u32, Response = T, Error = E, Future: Send> + Clone + Send + 'static + use<T, E, F, A>
where
    F: Fn(usize) -> A + Clone + Send + 'static,
    A: Future<Output = Result<T, E>> + Send + 'static,
{
    let calls = calls.clone();
    service_fn(move |_: u32| answer(calls.add()))
}

fn times(all: impl IntoIterator<Item = u32>) -> Vec<Duration> {
    all.into_iter().map(|n| WAIT * n).collect()
}
