//! A small gateway: `cargo run --example axum_gateway --features health,http,metrics,registry`, a minute.
//!
//! It forwards `/{upstream}/{path}` to one of three servers, which it starts itself on loopback, each
//! behind its own breaker of one registry; what a breaker rejects is answered 503, with `Retry-After`.
//! One of the servers fails for a while in each half minute, one is slow for a while, and steady traffic
//! comes through the front door, so that there is something to see:
//!
//! - `/breakers`: a live page of all breakers, with buttons to force one open, release and reset it;
//! - `/breakers.json`: the same as data;
//! - `POST /breakers/{name}/{action}`: what the buttons do, behind a bearer token (`GATEWAY_TOKEN`, or
//!   one that is made and printed);
//! - `/metrics`: for Prometheus; `/health`: for a balancer.
//!
//! Reading is open to whoever reaches the port, which is one of loopback. Arguments: `--port N` (else
//! a free one), `--seconds N` (else 60), `--forever`.

mod arguments;
mod breakers;
mod exporter;
mod gateway;
mod operator;
mod page;
mod proxy;
#[cfg(test)]
mod tests;
mod traffic;
mod upstream;

use crate::arguments::Arguments;
use crate::gateway::Gateway;
use crate::operator::Token;
use crate::upstream::Script;
use std::error::Error;
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::sync::Arc;
use std::{env, future};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};
use tripcoil::Observer;

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {e}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failure> {
    let arguments = Arguments::parse(env::args().skip(1))?;
    let (token, made) = Token::from_environment()?;
    let mut upstreams = Vec::new();
    for (name, script) in Script::all() {
        upstreams.push((name, upstream::start(script).await?));
    }
    let gateway = Arc::new(Gateway::new(&upstreams, token)?);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port)).await?;
    let at = listener.local_addr()?;
    tokio::spawn(axum::serve(listener, gateway::router(Arc::clone(&gateway))).into_future());

    println!("http://{at}/breakers  all breakers, live");
    println!("http://{at}/metrics   http://{at}/health");
    for (name, _) in &upstreams {
        println!("http://{at}/{name}/items/7");
        tokio::spawn(traffic::run(at, name));
    }
    if let Some(token) = made {
        println!("token: {token}");
    }

    let begun = Instant::now();
    let told = gateway.observers().iter().map(|o| tell(o, begun));
    let told: Vec<_> = told.collect();
    match arguments.lasts {
        Some(time) => sleep(time).await,
        None => future::pending().await,
    }
    drop(told);
    for observer in gateway.observers() {
        let t = observer.snapshot().totals;
        println!(
            "{}: {} answered, {} failed, {} not called",
            observer.name(),
            t.successes,
            t.failures,
            t.rejected
        );
    }
    Ok(())
}

/// A line for each transition.
fn tell(observer: &Observer, begun: Instant) -> tripcoil::Subscription {
    let name = observer.name().to_owned();
    observer.subscribe(move |t| {
        let at = begun.elapsed().as_secs_f64();
        println!("{at:5.1} s  {name}: {} -> {}, {}", t.from, t.to, t.cause);
    })
}
