//! A tonic channel behind a breaker: `cargo run -p tonic_client`, about
//! 4 s.
//!
//! A gRPC server on loopback (tonic's health service) is stopped after a second, and started again a
//! second later. The client makes ten calls per second; a call that the breaker rejects is `Unavailable` to
//! it, as if the server had answered.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::{Instant, interval, sleep, sleep_until};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Endpoint, Server};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tower::ServiceBuilder;
use tripcoil::grpc::ByCode;
use tripcoil::http::EndOfBody;
use tripcoil::tower::BreakerLayer;
use tripcoil::{Breaker, HalfOpen};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let begun = Instant::now();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        if let Err(error) = serve_with_an_outage(listener, address, begun).await {
            eprintln!("the server: {error}");
        }
    });

    let breaker = Breaker::builder("health")
        .classifier(ByCode::new())
        .consecutive_failures(3)
        .open_for(Duration::from_millis(500))
        .half_open(HalfOpen::successes(2))
        .build()?;
    let channel = Endpoint::from_shared(format!("http://{address}"))?
        .timeout(Duration::from_secs(1))
        .connect_lazy();
    let service = ServiceBuilder::new()
        .layer(BreakerLayer::new(breaker.clone()).until(EndOfBody))
        .service(channel);
    let mut client = HealthClient::new(service);

    let mut pace = interval(Duration::from_millis(100));
    while begun.elapsed() < Duration::from_secs(4) {
        pace.tick().await;
        let told = match client.check(HealthCheckRequest::default()).await {
            Ok(answer) => format!("{:?}", answer.get_ref().status()),
            Err(status) => format!("{:?}: {}", status.code(), status.message()),
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

async fn serve_with_an_outage(
    listener: TcpListener,
    address: SocketAddr,
    begun: Instant,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (_reporter, health) = tonic_health::server::health_reporter();
    let server = Server::builder().add_service(health.clone());
    let outage = sleep_until(begun + Duration::from_secs(1));
    server
        .serve_with_incoming_shutdown(TcpIncoming::from(listener), outage)
        .await?;
    sleep(Duration::from_secs(1)).await;
    let listener = TcpListener::bind(address).await?;
    let server = Server::builder().add_service(health);
    server
        .serve_with_incoming(TcpIncoming::from(listener))
        .await?;
    Ok(())
}
