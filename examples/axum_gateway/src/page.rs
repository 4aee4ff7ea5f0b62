//! The live page, and its data.

use crate::gateway::Gateway;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use axum::response::{Html, IntoResponse, Json};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tripcoil::insight::Insight;
use tripcoil::observe::Counts;

const PAGE: &str = include_str!("page.html");

/// The page loads nothing and connects to this server only. No other page may frame it, so that its buttons
/// cannot be clicked unseen.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
    img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(crate) async fn html() -> impl IntoResponse {
    ([(CONTENT_SECURITY_POLICY, POLICY)], Html(PAGE))
}

pub(crate) async fn json(State(gateway): State<Arc<Gateway>>) -> impl IntoResponse {
    let breakers: Vec<_> = gateway.insights().iter().map(breaker).collect();
    ([(CACHE_CONTROL, "no-store")], Json(breakers))
}

/// Its figures, and all that is known of it: there, times are in seconds.
fn breaker(insight: &Insight) -> Value {
    let observer = insight.observer();
    let seen = observer.snapshot();
    let history = observer.history();
    // the breaker's own time: that of the transition which began the state, and what has passed since
    let began = history.iter().find(|t| t.generation == seen.generation);
    let now = began.map_or(Duration::ZERO, |t| t.at) + seen.time_in_state;
    let transitions: Vec<_> = history
        .iter()
        .rev()
        .map(|t| {
            json!({
                "generation": t.generation,
                "from": t.from.to_string(),
                "to": t.to.to_string(),
                "cause": t.cause.to_string(),
                "ago_ms": ms(now.saturating_sub(t.at)),
                "counts": counts(&t.counts),
            })
        })
        .collect();
    json!({
        "name": observer.name(),
        "state": seen.state.to_string(),
        "time_in_state_ms": ms(seen.time_in_state),
        "retry_after_ms": seen.retry_after.map(ms),
        "failure_rate": seen.failure_rate,
        "slow_rate": seen.slow_rate,
        "window": counts(&seen.window),
        "buckets": seen.buckets.iter().map(counts).collect::<Vec<_>>(),
        "probes": {
            "in_flight": seen.probes.in_flight,
            "succeeded": seen.probes.succeeded,
            "failed": seen.probes.failed,
        },
        "admitted_share": seen.admitted_share,
        "evidence": seen.evidence.map(|evidence| json!({
            "value": evidence.value,
            "limit": evidence.limit,
            "pace": evidence.pace,
        })),
        "watch": seen.watch.map(|watch| json!({
            "starts": watch.starts,
            "lasted_ms": ms(watch.lasted),
            "patience_ms": ms(watch.patience),
        })),
        "rejected": seen.totals.rejected,
        "transitions": transitions,
        "insight": insight.report(),
    })
}

fn counts(counts: &Counts) -> Value {
    json!({ "calls": counts.calls, "failures": counts.failures, "slow": counts.slow })
}

/// Up: a wait of which something is left is not 0.
fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
