//! The tasks that make queries, each with a connection of its own.

use crate::Failure;
use crate::classify::{ByState, Failed};
use crate::rejections::Rejections;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_postgres::{Client, Config, NoTls, Row};
use tripcoil::observe::Totals;
use tripcoil::{Breaker, CallError};

const LIMIT: Duration = Duration::from_secs(2);

/// What the tasks have seen, without the breaker.
#[derive(Default)]
pub(crate) struct Calls {
    made: u64,
    succeeded: u64,
    failed: u64,
    timed_out: u64,
    rejected: u64,
}

impl fmt::Display for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\ncalls       {:>8}", self.made)?;
        writeln!(f, "succeeded   {:>8}", self.succeeded)?;
        writeln!(f, "failed      {:>8}", self.failed)?;
        writeln!(f, "timed out   {:>8}", self.timed_out)?;
        writeln!(f, "rejected    {:>8}", self.rejected)
    }
}

impl Calls {
    fn add(&mut self, other: &Calls) {
        self.made += other.made;
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.timed_out += other.timed_out;
        self.rejected += other.rejected;
    }

    /// Compares them with the breaker's counts.
    pub(crate) fn compare(&self, totals: &Totals) -> Result<(), String> {
        let counted = totals.successes + totals.failures + totals.rejected;
        let counted = counted + totals.ignored + totals.cancelled + totals.late;
        let answered = self.succeeded + self.failed + self.timed_out;
        let right = counted == self.made
            && totals.rejected == self.rejected
            && totals.cancelled == 0
            && totals.ignored == 0
            // a call that ends after the trip is late, whether it succeeded or not
            && totals.successes + totals.failures + totals.late == answered
            && totals.successes <= self.succeeded
            && totals.failures <= self.failed + self.timed_out;
        if right {
            return Ok(());
        }
        Err(format!("{self}\nare not the breaker's counts: {totals:?}"))
    }
}

pub(crate) struct Workers {
    tasks: JoinSet<Calls>,
    stop: Arc<AtomicBool>,
}

impl Workers {
    pub(crate) fn start(
        tasks: usize,
        config: Config,
        breaker: &Breaker<ByState>,
        rejections: &Rejections,
    ) -> Workers {
        let stop = Arc::new(AtomicBool::new(false));
        let worker = |_| Worker {
            config: config.clone(),
            client: None,
            breaker: breaker.clone(),
            rejections: rejections.clone(),
            stop: stop.clone(),
        };
        Workers {
            tasks: (0..tasks).map(worker).map(Worker::run).collect(),
            stop: stop.clone(),
        }
    }

    /// Lets each end its call, and returns the sum.
    pub(crate) async fn stop(mut self) -> Result<Calls, Failure> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Calls::default();
        while let Some(calls) = self.tasks.join_next().await {
            all.add(&calls?);
        }
        Ok(all)
    }
}

struct Worker {
    config: Config,
    client: Option<Client>,
    breaker: Breaker<ByState>,
    rejections: Rejections,
    stop: Arc<AtomicBool>,
}

impl Worker {
    async fn run(mut self) -> Calls {
        let mut calls = Calls::default();
        while !self.stop.load(Ordering::Relaxed) {
            let breaker = self.breaker.clone();
            let before = self.rejections.before();
            calls.made += 1;
            let pause = match breaker.call_timeout(LIMIT, self.query()).await {
                Err(CallError::Rejected(rejected)) => {
                    calls.rejected += 1;
                    self.rejections.compare(&before, &rejected);
                    20
                }
                Ok(_) => {
                    calls.succeeded += 1;
                    5
                }
                Err(CallError::TimedOut(_)) => {
                    calls.timed_out += 1;
                    5
                }
                Err(_) => {
                    calls.failed += 1;
                    5
                }
            };
            sleep(Duration::from_millis(pause)).await;
        }
        calls
    }

    /// Makes one query, and connects first where there is no connection.
    async fn query(&mut self) -> Result<Row, Failed> {
        let open = self.client.take().filter(|client| !client.is_closed());
        let client = match open {
            Some(client) => client,
            None => {
                let (client, connection) = self.config.connect(NoTls).await.map_err(Failed)?;
                // it ends with its client, or with the server; an error is the query's, too
                tokio::spawn(connection);
                client
            }
        };
        let row = client.query_one("SELECT count(*) FROM pg_class", &[]).await;
        self.client = Some(client);
        row.map_err(Failed)
    }
}
