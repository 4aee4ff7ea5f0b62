//! Checks over HTTP: against a server on loopback, by status.

use std::error::Error;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use axum::{Router, routing::get};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tripcoil::health::{Recovery, healthy_status};
use tripcoil::{Breaker, Cause, State};

#[test]
fn only_success_is_healthy() {
    for code in 100..=999 {
        let status = StatusCode::from_u16(code).expect("a status");
        let answer = healthy_status(status);
        assert_eq!(answer.is_ok(), (200..300).contains(&code), "{code}");
        if let Err(unhealthy) = answer {
            assert_eq!(unhealthy.status(), status);
        }
    }
    let gone = healthy_status(StatusCode::NOT_FOUND).expect_err("not there");
    assert_eq!(gone.to_string(), "unhealthy: status 404 Not Found");
}

/// A server that answers with whatever status it is told, and the address of its check.
async fn serve() -> (Arc<AtomicU16>, String) {
    let status = Arc::new(AtomicU16::new(200));
    let says = status.clone();
    let answer =
        move || async move { StatusCode::from_u16(says.load(Ordering::SeqCst)).expect("a status") };
    let router = Router::new().route("/health", get(answer));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a port");
    let url = format!("http://{}/health", listener.local_addr().expect("bound"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (status, url)
}

async fn ask(client: reqwest::Client, url: String) -> Result<(), Box<dyn Error + Send + Sync>> {
    healthy_status(client.get(url).send().await?.status())?;
    Ok(())
}

#[tokio::test]
async fn a_check_is_as_its_server_says() {
    let (status, url) = serve().await;
    let client = reqwest::Client::new();
    for (code, healthy) in [
        (200, true),
        (204, true),
        (304, false),
        (404, false),
        (503, false),
    ] {
        status.store(code, Ordering::SeqCst);
        let answer = ask(client.clone(), url.clone()).await;
        assert_eq!(answer.is_ok(), healthy, "{code}: {answer:?}");
    }
    let unused = {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        format!("http://{}/health", listener.local_addr().expect("bound"))
    };
    assert!(ask(client, unused).await.is_err(), "nobody listens");
}

/// On real clocks: an Open of an hour ends when the server is back.
#[tokio::test]
async fn a_server_that_comes_back_ends_the_outage() {
    let (status, url) = serve().await;
    status.store(503, Ordering::SeqCst);
    let (breaker, controller) = Breaker::builder("upstream")
        .consecutive_failures(1)
        .open_for(Duration::from_secs(3600))
        .build_with_controller()
        .expect("valid");
    let (tell, mut told) = mpsc::unbounded_channel();
    let _subscription = breaker.observer().subscribe(move |t| {
        let _ = tell.send((t.to, t.cause));
    });
    let (asked, mut asks) = mpsc::unbounded_channel();
    let client = reqwest::Client::new();
    let check = move || {
        let _ = asked.send(());
        ask(client.clone(), url.clone())
    };
    let recovery = Recovery::new()
        .every(Duration::from_millis(1))
        .timeout(Duration::from_secs(60))
        .healthy(2);
    let driver = tokio::spawn(recovery.run(controller, check));

    let _ = breaker.call(|| Err::<(), _>("no route"));
    assert_eq!(
        told.recv().await,
        Some((State::Open, Cause::ConsecutiveFailures))
    );
    for _ in 0..3 {
        asks.recv().await.expect("a check");
    }
    assert_eq!(breaker.state(), State::Open, "two answers were bad");
    status.store(200, Ordering::SeqCst);
    assert_eq!(told.recv().await, Some((State::HalfOpen, Cause::Manual)));
    driver.abort();
}
