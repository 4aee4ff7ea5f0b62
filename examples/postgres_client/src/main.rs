//! Queries to PostgreSQL through a breaker, while the server is stopped and restarted:
//! `cargo run -p postgres_client -- CONNECTION STOP START`, about 10 s.
//!
//! CONNECTION is a connection string, and STOP and START are programs that stop the server at once and start it.
//! `ci/postgres.sh` runs this with a server of its own. Thirty-two tasks, each with a connection, make queries all the
//! while. What is checked: the breaker opens; each rejection has the right `Retry-After`; the breaker closes after the
//! restart; and every call is in its counts.

mod classify;
mod rejections;
mod workers;

use crate::classify::ByState;
use crate::rejections::Rejections;
use crate::workers::Workers;
use std::error::Error;
use std::time::{Duration, Instant};
use tokio::process::Command;
use tokio::time::sleep;
use tripcoil::observe::Events;
use tripcoil::{Backoff, Breaker, Cause, Clock, HalfOpen, State, Transition};

type Failure = Box<dyn Error + Send + Sync>;

const TASKS: usize = 32;
/// The breaker's wait: several seconds, so that `Retry-After` has several values.
const OPEN: Duration = Duration::from_millis(2500);
/// Successes before the outage, and after it.
const SUCCESSES: u64 = 1000;
/// As long as a slow machine may take for one part.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [connection, stop, start] = &arguments[..] else {
        return Err(
            "give it three arguments: a connection string, and the programs that stop and start"
                .into(),
        );
    };
    let begun = Instant::now();
    let breaker = Breaker::builder("postgres")
        .classifier(ByState)
        .consecutive_failures(5)
        .open_for(Backoff::constant(OPEN))
        .half_open(HalfOpen::successes(3))
        .clock(Clock::custom(move || begun.elapsed())) // which `Rejections` reads too
        .build()?;
    let observer = breaker.observer();
    let mut outage = Outage {
        events: observer.events(),
        seen: Vec::new(),
        begun,
    };
    let rejections = Rejections::new(observer.clone(), begun);
    let workers = Workers::start(TASKS, connection.parse()?, &breaker, &rejections);

    outage
        .until("the first queries succeed", |_| {
            observer.snapshot().totals.successes >= SUCCESSES
        })
        .await?;
    run(stop).await?;
    outage
        .until("the breaker opens", |seen| has(seen, State::Open))
        .await?;
    outage
        .until(
            "a probe fails, and rejections have every Retry-After",
            |seen| seen.iter().any(|t| t.cause == Cause::ProbeFailed) && rejections.have_all(1..=3),
        )
        .await?;
    run(start).await?;
    outage
        .until("the breaker closes", |seen| has(seen, State::Closed))
        .await?;
    let before = observer.snapshot().totals.successes;
    outage
        .until("queries succeed again", |_| {
            observer.snapshot().totals.successes >= before + SUCCESSES
        })
        .await?;

    let calls = workers.stop().await?;
    let snapshot = observer.snapshot();
    println!("{}", outage.transitions());
    println!("{rejections}");
    println!("{calls}");
    calls.compare(&snapshot.totals)?;
    rejections.check()?;
    println!("no call is lost, and each rejection has the rest of the wait");
    Ok(())
}

/// Whether the breaker has gone to this state.
fn has(seen: &[Transition], state: State) -> bool {
    seen.iter().any(|t| t.to == state)
}

async fn run(program: &str) -> Result<(), Failure> {
    let status = Command::new(program).status().await;
    let status = status.map_err(|error| format!("{program}: {error}"))?;
    if !status.success() {
        return Err(format!("{program}: {status}").into());
    }
    Ok(())
}

/// The breaker's transitions during the outage.
struct Outage {
    events: Events,
    seen: Vec<Transition>,
    begun: Instant,
}

impl Outage {
    /// Waits until that holds of the transitions so far.
    async fn until(
        &mut self,
        what: &str,
        holds: impl Fn(&[Transition]) -> bool,
    ) -> Result<(), Failure> {
        let since = Instant::now();
        loop {
            self.seen.extend(self.events.by_ref());
            if holds(&self.seen) {
                let at = self.begun.elapsed().as_secs_f64();
                println!("{at:5.1} s  {what}");
                return Ok(());
            }
            if since.elapsed() > PATIENCE {
                let seen = self.transitions();
                return Err(format!("not within {PATIENCE:?}: {what}\n{seen}").into());
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    fn transitions(&self) -> String {
        let line = |t: &Transition| {
            let at = t.at.as_secs_f64();
            format!("\n{at:5.1} s  {} -> {}: {}", t.from, t.to, t.cause)
        };
        self.seen.iter().map(line).collect()
    }
}
