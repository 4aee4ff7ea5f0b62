//! One process of a run: a breaker in front of the dependency, in a fleet or alone.
//!
//! It begins to call once it reads a line from its standard input, and ends with that. What it reports goes to its
//! standard output.

use crate::arguments::{Traffic, Worker};
use crate::dependency::{CALL, OK, PROBE};
use crate::record::Line;
use std::error::Error;
use std::io::{self, BufRead, Write};
use std::net::SocketAddr;
use std::process::exit;
use std::thread;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tripcoil::fleet::{Fleet, RedisStore};
use tripcoil::{Backoff, Breaker, Controller, FailureKind, State};

/// How long a call may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// From where on a call is slow, if slow calls are judged.
const SLOW: Duration = Duration::from_millis(300);
/// How often the link is looked at.
const GLANCE: Duration = Duration::from_millis(100);

type Failure = Box<dyn Error + Send + Sync>;

pub(crate) async fn run(worker: Worker) -> Result<(), Failure> {
    let (breaker, controller) = breaker(&worker)?;
    let reported = breaker.observer().subscribe(|transition| {
        report(&Line::Moved {
            from: transition.from,
            to: transition.to,
            cause: transition.cause.to_string(),
        });
    });
    join(&worker, controller)?;
    let begin = begin_and_end()?;
    report(&Line::Ready);
    if begin.await.is_err() {
        return Ok(());
    }
    let Traffic { rps, seed, .. } = worker.traffic;
    // each process has calls of its own
    let mut chance = fastrand::Rng::with_seed(seed.wrapping_mul(1_000_003) ^ worker.pod as u64);
    let mut next = Instant::now() + Duration::from_secs_f64(chance.f64() / rps);
    loop {
        sleep_until(next).await;
        // as many callers that know nothing of each other make them
        next += Duration::from_secs_f64(-(1.0 - chance.f64()).ln() / rps);
        tokio::spawn(call(breaker.clone(), worker.dependency, worker.pod));
        if reported.missed() > 0 {
            return Err(format!("{} transitions were missed", reported.missed()).into());
        }
    }
}

fn breaker(worker: &Worker) -> Result<(Breaker, Controller), Failure> {
    let traffic = worker.traffic;
    let mut builder = if traffic.adaptive {
        Breaker::adaptive("orders")
    } else {
        let waits = Backoff::exponential(traffic.wait, 2.0);
        Breaker::builder("orders").open_for(waits)
    };
    if traffic.slow {
        builder = builder.slow_call(SLOW);
        if !traffic.adaptive {
            builder = builder.slow_rate(0.5);
        }
    }
    Ok(builder.build_with_controller()?)
}

/// Joins the fleet, if there is one, and reports its link.
fn join(worker: &Worker, controller: Controller) -> Result<(), Failure> {
    let Some(place) = &worker.place else {
        return Ok(());
    };
    let store = RedisStore::connect(&place.redis)?;
    let mut builder = Fleet::builder(&place.fleet, store).instance(format!("pod-{}", worker.pod));
    if worker.traffic.peers_alone {
        builder = builder.peers_alone();
    }
    let fleet = builder.build()?;
    fleet.join(controller);
    tokio::spawn(fleet.run());
    tokio::spawn(async move {
        let mut was = None;
        loop {
            let link = fleet.link();
            let now = Some((link.up, link.down.as_ref().map(|down| down.reason)));
            if now != was {
                was = now;
                report(&Line::Link(match link.down {
                    Some(down) => down.to_string(),
                    None if link.up => "up".to_owned(),
                    None => "not used".to_owned(),
                }));
            }
            sleep(GLANCE).await;
        }
    });
    Ok(())
}

/// Returns what is ready once a line comes in. When the input ends, the process ends.
fn begin_and_end() -> io::Result<oneshot::Receiver<()>> {
    let (begin, begun) = oneshot::channel();
    thread::Builder::new().spawn(move || {
        let mut lines = io::stdin().lock().lines();
        if let Some(Ok(_)) = lines.next() {
            let _ = begin.send(());
            while let Some(Ok(_)) = lines.next() {}
        }
        exit(0)
    })?;
    Ok(begun)
}

async fn call(breaker: Breaker, dependency: SocketAddr, pod: usize) {
    let Ok(permit) = breaker.try_acquire() else {
        return report(&Line::Rejected);
    };
    // one thread, and nothing was awaited since: it is this call that may be a probe
    let probe = breaker.state() == State::HalfOpen;
    match timeout(PATIENCE, exchange(dependency, pod, probe)).await {
        Ok(Ok(true)) => {
            permit.success();
            report(&Line::Ok);
        }
        failed => {
            permit.failure(match failed {
                Ok(Ok(_)) => FailureKind::Server,
                Ok(Err(_)) => FailureKind::Connect,
                Err(_) => FailureKind::Timeout,
            });
            report(&Line::Failed);
        }
    }
}

async fn exchange(dependency: SocketAddr, pod: usize, probe: bool) -> io::Result<bool> {
    let mut server = TcpStream::connect(dependency).await?;
    let kind = if probe { PROBE } else { CALL };
    server
        .write_all(format!("{kind}{pod}\n").as_bytes())
        .await?;
    let mut answer = String::new();
    server.read_to_string(&mut answer).await?;
    Ok(answer == OK)
}

fn report(line: &Line) {
    let written = serde_json::to_string(line)
        .map_err(io::Error::from)
        .and_then(|line| writeln!(io::stdout(), "{line}"));
    if written.is_err() {
        // nothing reads it any more
        exit(0);
    }
}
