//! `/metrics`, in the text format of Prometheus.

use crate::gateway::Gateway;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::sync::Arc;
use tripcoil::insight::Insight;
use tripcoil::metrics::Publisher;

pub(crate) struct Exporter {
    handle: PrometheusHandle,
    publishers: Vec<Publisher>,
}

impl Exporter {
    /// Uses a recorder of its own, so that the gateways of the tests do not share one. A program with other
    /// metrics installs one recorder for all: `install_recorder`.
    pub(crate) fn new(insights: &[Insight]) -> Exporter {
        let recorder = PrometheusBuilder::new().build_recorder();
        let publisher =
            |insight: &Insight| Publisher::new(insight.observer()).with_insight(insight);
        let publishers = || insights.iter().map(publisher).collect();
        Exporter {
            handle: recorder.handle(),
            publishers: metrics::with_local_recorder(&recorder, publishers),
        }
    }

    fn render(&self) -> String {
        for publisher in &self.publishers {
            publisher.publish();
        }
        self.handle.render()
    }
}

pub(crate) async fn metrics(State(gateway): State<Arc<Gateway>>) -> impl IntoResponse {
    let format = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (format, gateway.exporter.render())
}
