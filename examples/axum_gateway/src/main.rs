//! A small gateway: `cargo run -p axum_gateway`, a minute.
//!
//! It forwards `/{upstream}/{path}` to one of three servers, which it starts itself on loopback. Each is
//! behind a breaker of its own, in one registry; a rejected request is answered with 503 and `Retry-After`.
//! In each half minute one of the servers fails for a while and one is slow for a while, under steady
//! traffic from the gateway itself:
//!
//! - `/metrics`: for Prometheus; `/health`: for a load balancer;
//! - `/operator`, on a port of its own: the crate's router for operators, a live page with switches; its data
//!   and its switches are behind a bearer token (`GATEWAY_TOKEN`, or a new one that is printed).
//!
//! The upstreams decide what the gateway's first port answers. So the page has another, and with it an origin
//! that no script of theirs gets at. Metrics and health need no token; both ports are on loopback. Arguments:
//! `--port N` and `--operator-port N` (by default free ones), `--seconds N` (by default 60), `--forever`.

mod arguments;
mod breakers;
mod exporter;
mod gateway;
mod proxy;
#[cfg(test)]
mod tests;
mod token;
mod traffic;
mod upstream;

use crate::arguments::Arguments;
use crate::gateway::Gateway;
use crate::token::Token;
use crate::upstream::Script;
use axum::Router;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
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
    let gateway = Arc::new(Gateway::new(&upstreams)?);
    tokio::spawn(gateway.fleet()?.run());
    let at = serve(arguments.port, gateway::router(Arc::clone(&gateway))).await?;
    let operator = gateway::operator(&gateway, Arc::new(token));
    let operated_at = serve(arguments.operator_port, operator).await?;

    println!("http://{operated_at}/operator  all breakers, live");
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

/// Serves these routes on loopback from now on, and returns where.
async fn serve(port: u16, router: Router) -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let at = listener.local_addr()?;
    tokio::spawn(axum::serve(listener, router).into_future());
    Ok(at)
}

/// A line for each transition.
fn tell(observer: &Observer, begun: Instant) -> tripcoil::Subscription {
    let name = observer.name().to_owned();
    observer.subscribe(move |t| {
        let at = begun.elapsed().as_secs_f64();
        println!("{at:5.1} s  {name}: {} -> {}, {}", t.from, t.to, t.cause);
    })
}
