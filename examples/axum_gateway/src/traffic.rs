//! Steady traffic through the front door.

use http_body_util::{BodyExt, Empty};
use hyper::Uri;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::interval;

/// 20 calls per second.
const PACE: Duration = Duration::from_millis(50);

/// Calls at each tick, whether or not the last call is back. The gateway's time limit bounds the number
/// of calls in flight.
pub(crate) async fn run(gateway: SocketAddr, upstream: &'static str) {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let mut ticks = interval(PACE);
    for item in 0_u64.. {
        ticks.tick().await;
        let uri = format!("http://{gateway}/{upstream}/items/{}", item % 100);
        let Ok(uri) = uri.parse::<Uri>() else { return };
        let client = client.clone();
        tokio::spawn(async move {
            if let Ok(response) = client.get(uri).await {
                let _read = response.into_body().collect().await;
            }
        });
    }
}
