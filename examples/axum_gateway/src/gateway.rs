//! The routes, and the state that they share.

use crate::Failure;
use crate::breakers::{self, Breakers, Switches};
use crate::exporter::{self, Exporter};
use crate::proxy::{self, Upstreams};
use crate::token::Token;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::get;
use std::net::SocketAddr;
use std::sync::Arc;
use tripcoil::Observer;
use tripcoil::fleet::{Fleet, FleetError, MemoryStore};
use tripcoil::health::Indicator;
use tripcoil::insight::Insight;
use tripcoil::operate::Operator;

pub(crate) struct Gateway {
    pub(crate) upstreams: Upstreams,
    pub(crate) breakers: Breakers,
    switches: Arc<Switches>,
    /// Of operators' words. Several gateways would share one outside of their memories.
    words: MemoryStore,
    pub(crate) exporter: Exporter,
    observers: Vec<Observer>,
    insights: Vec<Insight>,
    indicator: Indicator,
}

impl Gateway {
    /// The upstreams. The first is required for the service.
    pub(crate) fn new(upstreams: &[(&str, SocketAddr)]) -> Result<Gateway, Failure> {
        let (breakers, switches) = breakers::registry();
        let mut observers = Vec::new();
        let mut insights = Vec::new();
        let mut indicator = Indicator::new();
        for (n, (name, _)) in upstreams.iter().enumerate() {
            // made now, so that it is shown before its first call; and kept, since it is observed
            let observer = breakers.get(*name)?.observer();
            let insight = Insight::new(&observer);
            indicator = if n == 0 {
                indicator.required(&insight)
            } else {
                indicator.optional(&insight)
            };
            observers.push(observer);
            insights.push(insight);
        }
        Ok(Gateway {
            upstreams: Upstreams::new(upstreams)?,
            exporter: Exporter::new(&insights),
            breakers,
            switches: Arc::new(switches),
            words: MemoryStore::new(),
            observers,
            insights,
            indicator,
        })
    }

    /// The agent by which operators' words reach the breakers.
    pub(crate) fn fleet(&self) -> Result<Fleet<MemoryStore>, FleetError> {
        let fleet = Fleet::builder("gateway", self.words.clone()).instance("gateway");
        let fleet = fleet.build()?;
        fleet.join_registry(self.switches.clone());
        Ok(fleet)
    }

    /// One per upstream, in the order of the upstreams.
    pub(crate) fn observers(&self) -> &[Observer] {
        &self.observers
    }

    pub(crate) fn insight(&self, name: &str) -> Option<&Insight> {
        self.insights.iter().find(|i| i.observer().name() == name)
    }
}

/// The routes for operators, on a listener of their own: what the upstreams answer has another origin, so that no script in it
/// gets at the page or its token. Reading needs the token too.
pub(crate) fn operator(gateway: &Gateway, token: Arc<Token>) -> Router {
    let operator = Operator::new()
        .registry(gateway.switches.clone())
        .fleet("gateway", gateway.words.clone())
        // no other name that is pointed at this address
        .hosts(["localhost", "127.0.0.1"])
        .readers(token.clone().check())
        .switches(token.check());
    let operator = gateway.insights.iter().fold(operator, Operator::insight);
    let to_page = || get(async || Redirect::permanent("/operator"));
    Router::new()
        .nest("/operator", operator.router())
        .route("/operator/", to_page())
        .route("/", to_page())
}

/// The front door.
pub(crate) fn router(gateway: Arc<Gateway>) -> Router {
    Router::new()
        .route("/metrics", get(exporter::metrics))
        .route("/health", get(health))
        .fallback(proxy::forward)
        .with_state(gateway)
}

async fn health(State(gateway): State<Arc<Gateway>>) -> Response {
    let report = gateway.indicator.report();
    match StatusCode::from_u16(report.http_status()) {
        Ok(status) => (status, Json(report)).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
