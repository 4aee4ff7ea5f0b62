//! Health, both ways: `cargo run -p health`, about 9 s.
//!
//! A dependency on loopback goes down twice: its port is closed, and opened again. A breaker guards it, and
//! a check requests its `/health` every quarter of a second. The first outage is shorter than the
//! breaker's wait, and the check ends the wait early. The second is longer, and the check extends the
//! wait, so that no call is spent on a probe that would fail. The middle column is the service's own
//! `/health`.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::{Instant, interval, sleep_until};
use tripcoil::health::{Indicator, Recovery, healthy_status};
use tripcoil::{Backoff, Breaker, CallError, HalfOpen};

type Failure = Box<dyn Error + Send + Sync>;

const OUTAGES: [(u64, u64); 2] = [(1000, 1600), (4000, 7000)];
const END: u64 = 8500;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let begun = Instant::now();
    let dependency = dependency(begun).await?;
    // a connection for each request: a closed port is noticed at once
    let client = reqwest::Client::builder()
        .pool_max_idle_per_host(0)
        .timeout(Duration::from_secs(1))
        .build()?;

    let (breaker, controller) = Breaker::builder("stock")
        .consecutive_failures(2)
        .open_for(Backoff::exponential(Duration::from_secs(2), 2.0))
        .half_open(HalfOpen::successes(2))
        .build_with_controller()?;

    let recovery = Recovery::new()
        .every(Duration::from_millis(250))
        .timeout(Duration::from_millis(250))
        .healthy(2)
        .at_least(Duration::from_millis(500))
        .postpone_at_most(Duration::from_secs(10));
    let http = client.clone();
    let check = move || {
        let request = http.get(format!("http://{dependency}/health"));
        async move {
            healthy_status(request.send().await?.status())?;
            Ok::<_, Failure>(())
        }
    };
    tokio::spawn(recovery.run(controller, check));

    let indicator = Indicator::new().required(&breaker.observer());
    let service = serve(indicator).await?;

    println!("          dependency  breaker    /health          a call");
    let mut said = String::new();
    let mut json = String::new();
    let mut pace = interval(Duration::from_millis(100));
    while begun.elapsed() < Duration::from_millis(END) {
        pace.tick().await;
        let at = begun.elapsed();
        let (code, body) = ask(&client, service).await?;
        let report: serde_json::Value = serde_json::from_str(&body)?;
        let status = report["status"].as_str().unwrap_or_default();
        let health = format!("{code} {status} {}", report["score"]);
        let state = breaker.state();
        let told = match breaker.call_async(work(&client, dependency)).await {
            Ok(()) => "answered",
            Err(CallError::Rejected(_)) => "not made",
            Err(_) => "failed",
        };
        let there = if is_down(at) { "down" } else { "there" };
        let line = format!("{there:<10}  {state:<9}  {health:<15}  {told}");
        if line != said {
            println!("{:5.1} s   {line}", at.as_secs_f64());
            said = line;
        }
        if code == 503 {
            json = body;
        }
    }

    let totals = breaker.observer().snapshot().totals;
    println!(
        "\n{} calls answered, {} failed, {} not made; the last answer of /health while down:\n{json}",
        totals.successes, totals.failures, totals.rejected
    );
    Ok(())
}

fn is_down(at: Duration) -> bool {
    let at = at.as_millis();
    let during = |&(down, up): &(u64, u64)| (u128::from(down)..u128::from(up)).contains(&at);
    OUTAGES.iter().any(during)
}

async fn ask(client: &reqwest::Client, service: SocketAddr) -> Result<(u16, String), Failure> {
    let url = format!("http://{service}/health");
    let answer = client.get(url).send().await?;
    Ok((answer.status().as_u16(), answer.text().await?))
}

async fn work(client: &reqwest::Client, dependency: SocketAddr) -> Result<(), reqwest::Error> {
    client
        .get(format!("http://{dependency}/"))
        .send()
        .await?
        .error_for_status()?;
    Ok(())
}

/// The service with the `/health` route.
async fn serve(indicator: Indicator) -> Result<SocketAddr, Failure> {
    async fn health(State(indicator): State<Indicator>) -> Response {
        let report = indicator.report();
        match StatusCode::from_u16(report.http_status()) {
            Ok(status) => (status, Json(report)).into_response(),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
    let router = Router::new()
        .route("/health", get(health))
        .with_state(indicator);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let at = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(at)
}

/// The dependency, with its outages.
async fn dependency(begun: Instant) -> Result<SocketAddr, Failure> {
    let router = Router::new()
        .route("/", get(|| async { "seven in stock" }))
        .route("/health", get(|| async { "well" }));
    let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let at = listener.local_addr()?;
    tokio::spawn(async move {
        let moment = |ms| begun + Duration::from_millis(ms);
        for (down, up) in OUTAGES {
            let serving = tokio::spawn(axum::serve(listener, router.clone()).into_future());
            sleep_until(moment(down)).await;
            serving.abort();
            sleep_until(moment(up)).await;
            listener = TcpListener::bind(at).await?;
        }
        axum::serve(listener, router).await
    });
    Ok(at)
}
