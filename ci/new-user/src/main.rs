//! A program by a reader of the README who wants a breaker in front of an HTTP client. The README shows the
//! lines between the two marks. Around them are a server that goes down, and calls.

use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::TokioExecutor;
use metrics_exporter_prometheus::PrometheusBuilder;
use std::error::Error as _;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tower::{Layer, Service, ServiceExt};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let down = Arc::new(AtomicBool::new(false));
    let address = serve(down.clone())?;
    let recorder = PrometheusBuilder::new().install_recorder()?;
    let http = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();

    // guard: begin
    use tripcoil::{Breaker, FailureKind, Outcome, metrics::Publisher, tower::BreakerLayer};
    let breaker = Breaker::builder("orders")
        .classifier(|answer: &Result<Response<Incoming>, Error>| match answer {
            Ok(response) if !response.status().is_server_error() => Outcome::Success,
            Ok(_) => Outcome::Failure(FailureKind::Server),
            Err(_) => Outcome::Failure(FailureKind::Connect),
        })
        .build()?;
    let publisher = Publisher::new(&breaker.observer());
    let mut client = BreakerLayer::new(breaker).layer(http);
    // guard: end

    for call in 0..9 {
        down.store(call >= 3, Ordering::SeqCst);
        let request = Request::get(format!("http://{address}/")).body(Empty::new())?;
        match client.ready().await?.call(request).await {
            Ok(response) => println!("{}", response.status()),
            Err(error) => match error.source() {
                Some(why) => println!("{error}: {why}"),
                None => println!("{error}"),
            },
        }
    }
    if !publisher.drain(Duration::from_secs(10)) {
        return Err("the last transition was not published in time".into());
    }
    println!("{}", recorder.render());
    Ok(())
}

/// Answers each request, and fails each while it is `down`.
fn serve(down: Arc<AtomicBool>) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream?;
            let mut request = Vec::new();
            let mut part = [0; 1024];
            while !request.ends_with(b"\r\n\r\n") {
                match stream.read(&mut part)? {
                    0 => break,
                    n => request.extend_from_slice(&part[..n]),
                }
            }
            let status = match down.load(Ordering::SeqCst) {
                true => "503 Service Unavailable",
                false => "200 OK",
            };
            write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )?;
        }
        Ok::<(), io::Error>(())
    });
    Ok(address)
}
