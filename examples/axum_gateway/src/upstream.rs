//! The servers behind the gateway, and their faults.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

/// What a server does for a part of its script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// Answers within a few milliseconds; one request in fifty fails.
    Well,
    /// Fails four requests of five.
    Failing,
    /// Answers after 400 ms.
    Slow,
}

/// Behaviours and how many seconds they last, over and over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Script(&'static [(Behaviour, u64)]);

impl Script {
    /// The upstreams of this script. The second is still failing when the third begins to.
    pub(crate) fn all() -> [(&'static str, Script); 3] {
        use Behaviour::{Failing, Slow, Well};
        [
            ("orders", Script(&[(Well, 30)])),
            ("stock", Script(&[(Well, 6), (Failing, 8), (Well, 16)])),
            ("search", Script(&[(Well, 9), (Slow, 8), (Well, 13)])),
        ]
    }

    fn at(self, now: Duration) -> Behaviour {
        let whole: u64 = self.0.iter().map(|(_, seconds)| seconds).sum();
        let mut left = now.as_secs() % whole;
        for &(behaviour, seconds) in self.0 {
            if left < seconds {
                return behaviour;
            }
            left -= seconds;
        }
        Behaviour::Well
    }
}

struct Upstream {
    script: Script,
    begun: Instant,
    requests: AtomicU64,
}

/// On a free port of loopback, for as long as the program.
pub(crate) async fn start(script: Script) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let at = listener.local_addr()?;
    let upstream = Upstream {
        script,
        begun: Instant::now(),
        requests: AtomicU64::new(0),
    };
    let router = Router::new()
        .fallback(respond)
        .with_state(Arc::new(upstream));
    tokio::spawn(axum::serve(listener, router).into_future());
    Ok(at)
}

async fn respond(State(upstream): State<Arc<Upstream>>, uri: Uri) -> (StatusCode, String) {
    let n = upstream.requests.fetch_add(1, Ordering::Relaxed);
    let (takes, fails) = match upstream.script.at(upstream.begun.elapsed()) {
        Behaviour::Well => (2 + n % 7, n % 50 == 49),
        Behaviour::Failing => (2 + n % 7, !n.is_multiple_of(5)),
        Behaviour::Slow => (400, false),
    };
    sleep(Duration::from_millis(takes)).await;
    if fails {
        (StatusCode::INTERNAL_SERVER_ERROR, "not now\n".to_owned())
    } else {
        (StatusCode::OK, format!("{uri}: here you are\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_begins_again_when_it_is_over() {
        let [_, (_, stock), _] = Script::all();
        let at = |second| stock.at(Duration::from_secs(second));
        assert_eq!(at(5), Behaviour::Well);
        assert_eq!(at(6), Behaviour::Failing);
        assert_eq!(at(13), Behaviour::Failing);
        assert_eq!(at(14), Behaviour::Well);
        assert_eq!(at(29), Behaviour::Well);
        assert_eq!(at(36), Behaviour::Failing);
    }
}
