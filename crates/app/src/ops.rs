//! What a process without the API answers over HTTP: health, readiness, metrics.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use ports::Ports;
use serde_json::{Value, json};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) fn router(ports: Ports) -> Router {
    Router::new()
        .route("/health", get(|| async { Json(json!({"status": "alive"})) }))
        .route("/ready", get(ready))
        .route("/metrics", get(|| async { telemetry::metrics::render() }))
        .with_state(ports)
}

async fn ready(State(ports): State<Ports>) -> (StatusCode, Json<Value>) {
    let store = sentence(tokio::time::timeout(PATIENCE, ports.store.ping()).await);
    let broker = sentence(Ok(ports.broker.ping(PATIENCE).await));
    let events = sentence(tokio::time::timeout(PATIENCE, ports.events.ping()).await);
    let all_well = [&store, &broker, &events].iter().all(|answer| *answer == "ok");
    let code = if all_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(json!({"store": store, "broker": broker, "events": events})))
}

fn sentence(answer: Result<Result<(), ports::PortError>, tokio::time::error::Elapsed>) -> String {
    match answer {
        Ok(Ok(())) => "ok".into(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "no answer in time".into(),
    }
}
