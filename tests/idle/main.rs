//! The timer for breakers that are not called, on tokio's paused time.
//!
//! An opening reaches the timer by the listeners' thread, and paused time does not wait for that. So tests of exact
//! times give the timer breakers that are open already, and others wait for what they expect.
#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

mod hostile;
mod keys;
mod many;
mod rounds;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tripcoil::health::{Idle, IdleTimer};
use tripcoil::testing::tokio_clock;
use tripcoil::{Backoff, Breaker, Builder, FailureKind, HalfOpen, State};

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Trips at one failure, opens for 30 s each time, closes after one success.
fn builder(name: &str) -> Builder {
    Breaker::builder(name)
        .clock(tokio_clock())
        .consecutive_failures(1)
        .open_for(Backoff::constant(secs(30)))
        .half_open(HalfOpen::successes(1))
}

fn fail<C>(breaker: &Breaker<C>) {
    let permit = breaker.try_acquire().expect("admitted");
    permit.failure(FailureKind::Connect);
}

/// A second of grace, five between attempts, at most a second for each.
fn start() -> (IdleTimer, JoinHandle<()>) {
    let (timer, task) = Idle::new().timeout(secs(1)).start();
    (timer, tokio::spawn(task))
}

/// However long that takes in paused time.
async fn until(mut holds: impl FnMut() -> bool) {
    while !holds() {
        sleep(ms(100)).await;
    }
}

async fn becomes<C>(breaker: &Breaker<C>, state: State) {
    until(|| breaker.state() == state).await;
}

/// Counts the attempts, and when each began.
#[derive(Clone, Default)]
struct Attempts {
    begun: Arc<AtomicU64>,
    at: Arc<std::sync::Mutex<Vec<Instant>>>,
}

impl Attempts {
    fn count(&self) -> u64 {
        self.begun.load(SeqCst)
    }

    /// In milliseconds since then.
    fn since(&self, start: Instant) -> Vec<u128> {
        let at = self.at.lock().expect("unpoisoned");
        at.iter().map(|at| (*at - start).as_millis()).collect()
    }

    /// An attempt that ends as the closure says by its number, from 0.
    fn ending<E: Send + 'static>(
        &self,
        how: impl Fn(u64) -> Result<(), E> + Send + Sync + 'static,
    ) -> impl Fn() -> std::pin::Pin<Box<dyn Future<Output = Result<(), E>> + Send>> + Send + Sync + 'static
    {
        let (this, how) = (self.clone(), Arc::new(how));
        move || {
            let (this, how) = (this.clone(), how.clone());
            Box::pin(async move {
                this.at.lock().expect("unpoisoned").push(Instant::now());
                how(this.begun.fetch_add(1, SeqCst))
            })
        }
    }
}
