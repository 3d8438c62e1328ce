//! Whether the process lives, and whether it can do its work.

use crate::state::ApiState;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use ports::PortError;
use serde::Serialize;
use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;
use utoipa::ToSchema;

const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// Whether this process can do its work.
#[derive(Serialize, ToSchema)]
pub struct Readiness {
    /// `ready` or `unavailable`.
    status: &'static str,
    /// Each part that it needs.
    checks: BTreeMap<&'static str, Check>,
}

#[derive(Serialize, ToSchema)]
struct Check {
    ok: bool,
    /// What is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// The process lives.
#[utoipa::path(get, path = "/health", tag = "operation", responses((status = 200, description = "It lives")))]
pub async fn health() -> impl IntoResponse {
    Json(serde_json::json!({ "status": "ok" }))
}

/// Store, broker and event log answer.
#[utoipa::path(
    get, path = "/ready", tag = "operation",
    responses(
        (status = 200, description = "Ready", body = Readiness),
        (status = 503, description = "A part is out of reach", body = Readiness),
    )
)]
pub async fn ready(State(state): State<ApiState>) -> impl IntoResponse {
    let ports = &state.ports;
    let (store, broker, events) = tokio::join!(
        check("store", ports.store.ping()),
        check("broker", ports.broker.ping(PROBE_TIMEOUT)),
        check("events", ports.events.ping()),
    );
    let all = store.ok && broker.ok && events.ok;
    let (code, status) = if all { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "unavailable") };
    let checks = BTreeMap::from([("store", store), ("broker", broker), ("events", events)]);
    (code, Json(Readiness { status, checks }))
}

/// The process's metrics, in Prometheus's text format.
#[utoipa::path(get, path = "/metrics", tag = "operation", responses((status = 200, description = "Metrics")))]
pub async fn metrics() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], telemetry::metrics::render())
}

async fn check(part: &'static str, ping: impl Future<Output = Result<(), PortError>>) -> Check {
    match tokio::time::timeout(PROBE_TIMEOUT, ping).await {
        Ok(Ok(())) => Check { ok: true, message: None },
        Ok(Err(error)) => {
            tracing::warn!(part, %error, "a readiness check failed");
            failed(format!("The {part} does not answer as it should; the log of this process says more."))
        }
        Err(_) => failed(format!("The {part} did not answer within {} s.", PROBE_TIMEOUT.as_secs())),
    }
}

fn failed(message: String) -> Check {
    Check { ok: false, message: Some(message) }
}
