//! The reader's own test of code with a breaker: a scripted outage on paused time, and injected faults.

use std::io;
use std::time::Duration;
use tower::{Layer, Service, ServiceExt, service_fn};
use tripcoil::testing::{ByScript, Dependency, FaultLayer, Faults, Recorder, Script, tokio_clock};
use tripcoil::{Backoff, Breaker, Cause, FailureKind, State, tower::BreakerLayer};

#[tokio::test(start_paused = true)]
async fn orders_come_back_after_an_outage() -> Result<(), Box<dyn std::error::Error>> {
    let breaker = Breaker::builder("orders")
        .classifier(ByScript)
        .consecutive_failures(3)
        .open_for(Backoff::constant(Duration::from_secs(30)))
        .clock(tokio_clock())
        .build()?;
    let mut recorder = Recorder::on(&breaker.observer());
    let script = Script::new().takes(Duration::from_millis(20)).succeeds(3);
    let orders = Dependency::new(script.fails(3, FailureKind::Connect).then_succeeds());

    for _ in 0..20 {
        let _ = breaker.call_async(orders.call_async()).await;
    }
    assert_eq!(orders.calls().made, 6);
    recorder.assert([(State::Open, Cause::ConsecutiveFailures)]);

    tokio::time::sleep(Duration::from_secs(30)).await;
    while breaker.state() != State::Closed {
        breaker.call_async(orders.call_async()).await?;
    }
    recorder.assert([State::HalfOpen, State::Closed]);
    Ok(())
}

#[tokio::test]
async fn faults_open_the_breaker_while_they_are_on() -> Result<(), Box<dyn std::error::Error>> {
    let faults = Faults::new();
    let layer = FaultLayer::new(&faults).answer(1.0, || Err(io::Error::other("injected")))?;
    let service = layer.layer(service_fn(|n: u32| async move { Ok::<_, io::Error>(n) }));
    let breaker = Breaker::builder("orders").consecutive_failures(3).build()?;
    let mut client = BreakerLayer::new(breaker.clone()).layer(service);

    assert_eq!(client.ready().await?.call(7).await?, 7);
    faults.on();
    while breaker.state() == State::Closed {
        assert!(client.ready().await?.call(7).await.is_err());
    }
    assert_eq!(faults.injected().answers, 3);
    Ok(())
}
