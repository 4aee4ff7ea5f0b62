//! Groups of concurrent HTTP clients: without a breaker, and behind one.

use crate::live;
use crate::record::{Call, Change, Fate, Notes, Run};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::{StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tripcoil::insight::Insight;
use tripcoil::{
    Breaker, CallError, Classify, ConfigError, FailureKind, Outcome, State, Subscription,
};

/// Clients of a group, and how often each of them calls: together 400 calls/s.
pub(crate) const CLIENTS: u32 = 8;
const PACE: Duration = Duration::from_millis(20);

/// A client's patience, for the whole exchange.
const PATIENCE: Duration = Duration::from_millis(250);

/// Why there was no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoResponse {
    Connection,
    Timeout,
}

/// What an HTTP exchange means to the breaker. The groups are counted by the same measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HttpOutcome;

impl Classify<StatusCode, NoResponse> for HttpOutcome {
    fn classify(&self, result: &Result<StatusCode, NoResponse>) -> Outcome {
        match result {
            Ok(status) if status.is_server_error() => Outcome::Failure(FailureKind::Server),
            Ok(_) => Outcome::Success,
            Err(NoResponse::Connection) => Outcome::Failure(FailureKind::Connect),
            Err(NoResponse::Timeout) => Outcome::Failure(FailureKind::Timeout),
        }
    }
}

/// What is between a group and its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    Nothing,
    Defaults,
    Adaptive,
}

impl Guard {
    pub(crate) const ALL: [Guard; 3] = [Guard::Nothing, Guard::Defaults, Guard::Adaptive];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nothing => "no breaker",
            Self::Defaults => "defaults",
            Self::Adaptive => "adaptive",
        }
    }

    fn breaker(self) -> Result<Option<Breaker<HttpOutcome>>, ConfigError> {
        let builder = match self {
            Self::Nothing => return Ok(None),
            // The specification's defaults: nothing is set but the classifier. They do not judge slow calls, and
            // their first wait is a minute, which is longer than this play.
            Self::Defaults => Breaker::builder(self.name()),
            // At half of the clients' patience, growing slowness trips before anything times out.
            Self::Adaptive => Breaker::adaptive(self.name()).slow_call(PATIENCE / 2),
        };
        builder.classifier(HttpOutcome).build().map(Some)
    }
}

/// Clients that call one server, and the records of their calls and of their breaker's transitions.
pub(crate) struct Group {
    pub(crate) guard: Guard,
    uri: Uri,
    client: Client<HttpConnector, Empty<Bytes>>,
    breaker: Option<Breaker<HttpOutcome>>,
    listener: Option<Subscription>,
    pub(crate) insight: Option<Insight>,
    begun: Instant,
    pub(crate) calls: Notes<Call>,
    changes: Arc<Notes<Change>>,
}

impl Group {
    pub(crate) fn new(
        guard: Guard,
        server: SocketAddr,
        begun: Instant,
    ) -> Result<Arc<Group>, Box<dyn Error>> {
        let breaker = guard.breaker()?;
        let changes = Arc::new(Notes::default());
        let heard = Arc::clone(&changes);
        let listener = breaker.as_ref().map(|breaker| {
            breaker.observer().subscribe(move |transition| {
                let change = Change {
                    at: begun.elapsed(),
                    from: transition.from,
                    to: transition.to,
                    cause: transition.cause,
                };
                heard.push(change);
                live::show_change(guard, &change);
            })
        });
        let insight = breaker
            .as_ref()
            .map(|breaker| Insight::new(&breaker.observer()));
        Ok(Arc::new(Group {
            guard,
            uri: Uri::builder()
                .scheme("http")
                .authority(server.to_string())
                .path_and_query("/")
                .build()?,
            client: Client::builder(TokioExecutor::new()).build_http(),
            breaker,
            listener,
            insight,
            begun,
            calls: Notes::default(),
            changes,
        }))
    }

    pub(crate) fn state(&self) -> Option<State> {
        self.breaker.as_ref().map(Breaker::state)
    }

    /// The records so far.
    pub(crate) fn so_far(&self) -> Run {
        Run {
            guard: self.guard,
            calls: self.calls.all(),
            changes: self.changes.all(),
            missed: self.listener.as_ref().map_or(0, Subscription::missed),
        }
    }

    /// All clients, until `end`, and then until the last call is back.
    pub(crate) async fn run(self: Arc<Self>, end: Duration) -> Result<(), JoinError> {
        let mut clients = JoinSet::new();
        for n in 0..CLIENTS {
            let first = self.begun + PACE * n / CLIENTS;
            clients.spawn(Arc::clone(&self).client(first, self.begun + end));
        }
        while let Some(done) = clients.join_next().await {
            done??;
        }
        Ok(())
    }

    /// One client. It begins a call at each tick, whether or not the last is back, as the users of
    /// a service do: so a group that waits for nothing makes no more calls than one that waits.
    async fn client(self: Arc<Self>, first: Instant, end: Instant) -> Result<(), JoinError> {
        let mut ticks = interval_at(first, PACE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut calls = JoinSet::new();
        while ticks.tick().await < end {
            let group = Arc::clone(&self);
            calls.spawn(async move { group.call().await });
            while let Some(done) = calls.try_join_next() {
                done?;
            }
        }
        while let Some(done) = calls.join_next().await {
            done?;
        }
        Ok(())
    }

    async fn call(&self) {
        let began = self.begun.elapsed();
        // As the breaker times it: a pause of the machine is in both measurements, or in neither.
        let timed = OnceLock::new();
        let exchange = async {
            let sent = self.begun.elapsed();
            let result = self.exchange().await;
            let _ = timed.set((sent, self.begun.elapsed() - sent));
            result
        };
        let result = match &self.breaker {
            Some(breaker) => breaker.call_async(exchange).await,
            None => exchange.await.map_err(CallError::Inner),
        };
        let rejected = || (began, self.begun.elapsed() - began);
        let (began, took) = timed.get().copied().unwrap_or_else(rejected);
        self.calls.push(Call {
            began,
            took,
            fate: fate(result),
        });
    }

    /// A request and its response, the body included.
    async fn exchange(&self) -> Result<StatusCode, NoResponse> {
        let exchange = async {
            let response = self.client.get(self.uri.clone()).await;
            let response = response.map_err(|_| NoResponse::Connection)?;
            let status = response.status();
            let body = response.into_body().collect().await;
            body.map_err(|_| NoResponse::Connection)?;
            Ok(status)
        };
        // Within the guarded future, so that the breaker sees a timeout as the failure it is.
        timeout(PATIENCE, exchange)
            .await
            .unwrap_or(Err(NoResponse::Timeout))
    }
}

fn fate(result: Result<StatusCode, CallError<NoResponse>>) -> Fate {
    let result = match result {
        Ok(status) => Ok(status),
        Err(CallError::Inner(error)) => Err(error),
        Err(CallError::Rejected(_)) => return Fate::Rejected,
        // A limit of the breaker's own, which this example does not set: sent, and no response.
        Err(_) => Err(NoResponse::Timeout),
    };
    match HttpOutcome.classify(&result) {
        Outcome::Failure(kind) => Fate::Failed(kind),
        _ => Fate::Ok,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Behaviour, Script};
    use crate::server;
    use tokio::time::sleep;

    #[test]
    fn the_breakers_settings_are_permitted() -> Result<(), Box<dyn Error>> {
        assert!(Guard::Nothing.breaker()?.is_none());
        for guard in [Guard::Defaults, Guard::Adaptive] {
            assert!(guard.breaker()?.is_some_and(|b| b.state() == State::Closed));
        }
        Ok(())
    }

    #[test]
    fn what_went_wrong_is_told_apart() {
        let of = |result: Result<StatusCode, NoResponse>| fate(result.map_err(CallError::Inner));
        assert_eq!(of(Ok(StatusCode::OK)), Fate::Ok);
        assert_eq!(of(Ok(StatusCode::NOT_FOUND)), Fate::Ok);
        let failed = Fate::Failed;
        assert_eq!(of(Ok(StatusCode::BAD_GATEWAY)), failed(FailureKind::Server));
        assert_eq!(
            of(Err(NoResponse::Connection)),
            failed(FailureKind::Connect)
        );
        assert_eq!(of(Err(NoResponse::Timeout)), failed(FailureKind::Timeout));
    }

    #[test]
    fn a_call_that_was_not_admitted_is_rejected() -> Result<(), Box<dyn Error>> {
        let breaker = Guard::Defaults.breaker()?.ok_or("no breaker")?;
        for _ in 0..5 {
            breaker.try_acquire()?.failure(FailureKind::Connect);
        }
        let rejected = breaker.try_acquire().err().ok_or("admitted while open")?;
        assert_eq!(fate(Err(CallError::Rejected(rejected))), Fate::Rejected);
        Ok(())
    }

    #[tokio::test]
    async fn a_server_dies_and_comes_back() -> Result<(), Box<dyn Error>> {
        let part = Duration::from_millis(500);
        let script = Script::new(&[
            (Behaviour::Healthy, part),
            (Behaviour::Dead, part),
            (Behaviour::Healthy, 20 * part),
        ]);
        let (listener, address) = server::bind().await?;
        let begun = Instant::now();
        let server = tokio::spawn(server::run(listener, Arc::new(script), begun));
        let group = Group::new(Guard::Nothing, address, begun)?;
        let expected = [
            Ok(StatusCode::OK),
            Err(NoResponse::Connection),
            Ok(StatusCode::OK),
        ];
        for next in expected {
            while group.exchange().await != next {
                assert!(begun.elapsed() < 15 * part, "{next:?} never came");
                sleep(Duration::from_millis(5)).await;
            }
        }
        server.abort();
        Ok(())
    }
}
