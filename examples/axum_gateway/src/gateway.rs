//! The routes, and the state that they share.

use crate::breakers::{self, Breakers, Switches};
use crate::exporter::{self, Exporter};
use crate::operator::{self, Token};
use crate::proxy::{self, Upstreams};
use crate::{Failure, page};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use std::net::SocketAddr;
use std::sync::Arc;
use tripcoil::Observer;
use tripcoil::health::Indicator;
use tripcoil::insight::Insight;

pub(crate) struct Gateway {
    pub(crate) upstreams: Upstreams,
    pub(crate) breakers: Breakers,
    pub(crate) switches: Switches,
    pub(crate) exporter: Exporter,
    pub(crate) token: Token,
    observers: Vec<Observer>,
    insights: Vec<Insight>,
    indicator: Indicator,
}

impl Gateway {
    /// The upstreams. The first is required for the service.
    pub(crate) fn new(upstreams: &[(&str, SocketAddr)], token: Token) -> Result<Gateway, Failure> {
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
            switches,
            token,
            observers,
            insights,
            indicator,
        })
    }

    /// One per upstream, in the order of the upstreams.
    pub(crate) fn observers(&self) -> &[Observer] {
        &self.observers
    }

    /// One per observer, in the same order.
    pub(crate) fn insights(&self) -> &[Insight] {
        &self.insights
    }

    pub(crate) fn insight(&self, name: &str) -> Option<&Insight> {
        self.insights.iter().find(|i| i.observer().name() == name)
    }
}

pub(crate) fn router(gateway: Arc<Gateway>) -> Router {
    Router::new()
        .route("/breakers", get(page::html))
        .route("/breakers.json", get(page::json))
        .route("/breakers/{name}/{action}", post(operator::operate))
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
