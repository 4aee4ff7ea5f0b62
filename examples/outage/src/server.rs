//! A real HTTP server on loopback that does what the script says.

use crate::script::{Answer, Behaviour, Script};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use std::future::{IntoFuture, pending};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until};

/// How long after the script's end the last answers may still be on their way.
const GRACE: Duration = Duration::from_millis(500);

struct Upstream {
    script: Arc<Script>,
    begun: Instant,
    requests: AtomicU64,
}

async fn respond(State(upstream): State<Arc<Upstream>>) -> (StatusCode, &'static str) {
    let n = upstream.requests.fetch_add(1, Ordering::Relaxed);
    match upstream.script.answer(upstream.begun.elapsed(), n) {
        Answer::Ok(after) => {
            sleep(after).await;
            (StatusCode::OK, "here you are\n")
        }
        Answer::Unavailable(after) => {
            sleep(after).await;
            (StatusCode::SERVICE_UNAVAILABLE, "not now\n")
        }
        // Ends when the client hangs up: the handler is dropped with its connection.
        Answer::Never => pending().await,
    }
}

/// A listener on a free port of the loopback interface.
pub(crate) async fn bind() -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Serves the whole script. Returns soon after its end, or with the error that prevented the server's
/// return.
pub(crate) async fn run(
    mut listener: TcpListener,
    script: Arc<Script>,
    begun: Instant,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let upstream = Arc::new(Upstream {
        script: Arc::clone(&script),
        begun,
        requests: AtomicU64::new(0),
    });
    let app = Router::new().fallback(respond).with_state(upstream);
    let phases = script.phases().iter();
    for death in phases.filter(|p| p.behaviour == Behaviour::Dead) {
        serve_until(listener, app.clone(), begun + death.from).await?;
        sleep_until(begun + death.to).await;
        listener = bind_again(address).await?;
    }
    serve_until(listener, app, begun + script.end() + GRACE).await
}

/// Serves, then closes the listener and each idle connection. Requests under way are still answered, if
/// the client waits.
async fn serve_until(listener: TcpListener, app: Router, end: Instant) -> io::Result<()> {
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = axum::serve(listener, app).with_graceful_shutdown(async {
        let _ = stopped.await;
    });
    let serving = tokio::spawn(serving.into_future());
    sleep_until(end).await;
    drop(stop);
    serving.await?
}

/// The server's own port again. While the port was closed, an outgoing connection may have
/// taken it, so this tries for a while.
async fn bind_again(address: SocketAddr) -> io::Result<TcpListener> {
    let mut tries = 0;
    loop {
        match TcpListener::bind(address).await {
            Err(e) if e.kind() == io::ErrorKind::AddrInUse && tries < 100 => tries += 1,
            done => return done,
        }
        sleep(Duration::from_millis(20)).await;
    }
}
