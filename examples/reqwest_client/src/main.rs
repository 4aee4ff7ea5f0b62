//! reqwest behind a breaker: `cargo run -p reqwest_client`, about 4 s.
//!
//! A server on loopback is healthy, then overloaded for a while (503, with a `Retry-After` of one second),
//! then healthy again. The client is a tower service, and makes ten calls per second.

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use std::error::Error;
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::{Instant, interval};
use tower::{Layer, Service, ServiceExt};
use tripcoil::http::ByStatus;
use tripcoil::tower::BreakerLayer;
use tripcoil::{Breaker, CallError, FailureKind, HalfOpen, Outcome};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let begun = Instant::now();
    let url = serve(begun).await?;

    let by_status = ByStatus::new();
    let breaker = Breaker::builder("upstream")
        .classifier(
            move |result: &reqwest::Result<reqwest::Response>| match result {
                Ok(response) => by_status.outcome(response.status(), response.headers()),
                Err(e) if e.is_timeout() => Outcome::Failure(FailureKind::Timeout),
                Err(_) => Outcome::Failure(FailureKind::Connect),
            },
        )
        .consecutive_failures(3)
        .open_for(Duration::from_millis(300)) // or longer, if the server asks for it
        .half_open(HalfOpen::successes(2))
        .build()?;
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(1))
        .build()?;
    let mut client = BreakerLayer::new(breaker.clone()).layer(client);

    let mut pace = interval(Duration::from_millis(100));
    while begun.elapsed() < Duration::from_secs(4) {
        pace.tick().await;
        let request = reqwest::Request::new(reqwest::Method::GET, url.clone());
        let told = match client.ready().await?.call(request).await {
            Ok(response) => response.status().to_string(),
            Err(CallError::Rejected(rejected)) => {
                let wait = rejected.retry_after().unwrap_or_default();
                format!("not sent, retry after {wait:.0?}")
            }
            Err(error) => error.to_string(),
        };
        let at = begun.elapsed().as_secs_f64();
        println!("{at:4.1} s  {:<9}  {told}", breaker.state());
    }

    println!();
    for change in breaker.observer().history() {
        println!("{} -> {}: {}", change.from, change.to, change.cause);
    }
    let totals = breaker.observer().snapshot().totals;
    println!(
        "{} answered, {} failed, {} never sent",
        totals.successes, totals.failures, totals.rejected
    );
    Ok(())
}

/// Overloaded between 1 s and 2 s.
async fn serve(begun: Instant) -> Result<reqwest::Url, Box<dyn Error>> {
    let answer = move || async move {
        match begun.elapsed().as_millis() {
            1000..2000 => {
                let wait = [(header::RETRY_AFTER, "1")];
                (StatusCode::SERVICE_UNAVAILABLE, wait).into_response()
            }
            _ => "here you are".into_response(),
        }
    };
    let router = Router::new().route("/", get(answer));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(url.parse()?)
}
