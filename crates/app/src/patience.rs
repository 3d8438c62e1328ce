//! Starting before the servers are there: a process waits for them and says so. It does not end to be started again.

use crate::{Composed, Overrides, Role, Roles, Shutdown, compose};
use anyhow::{Context, Result, bail};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use ports::PortError;
use serde_json::json;
use settings::Settings;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
const CLOSING: Duration = Duration::from_secs(1);

/// As `compose`. What may pass (a server that is not there, tables that are not up to date) is waited for, for at most
/// `start.wait_s`; a wrong password is not.
pub async fn compose_patiently(
    settings: &mut Settings,
    roles: &Roles,
    overrides: Overrides,
    shutdown: &Shutdown,
) -> Result<Composed> {
    let until = Instant::now() + Duration::from_secs(settings.start.wait_s);
    let mut room = None;
    let mut pause = FIRST_PAUSE;
    loop {
        let error = match composed(settings, roles, overrides.clone()).await {
            Ok(composed) => {
                WaitingRoom::close(room).await;
                return Ok(composed);
            }
            Err(error) if !may_pass(&error) => return Err(error),
            Err(error) => error,
        };
        if Instant::now() + pause > until {
            return Err(error).with_context(|| format!("waited for {} s (start.wait_s)", settings.start.wait_s));
        }
        let again_in_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(error = format!("{error:#}"), again_in_ms, "not ready: waiting for a server");
        if room.is_none() {
            room = WaitingRoom::open(settings, roles).await;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
            () = shutdown.drain.cancelled() => bail!("stopped while it waited for a server: {error:#}"),
        }
    }
}

/// Composed, and every server answers.
async fn composed(settings: &mut Settings, roles: &Roles, overrides: Overrides) -> Result<Composed> {
    let composed = compose(settings, roles, overrides).await?;
    composed.ports.events.ping().await.context("Redis cannot be used: check events.url and that the server runs")?;
    Ok(composed)
}

fn may_pass(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<PortError>().is_some_and(PortError::is_transient))
}

/// Answers in the place of the process while it waits: it lives, and is not ready.
struct WaitingRoom {
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl WaitingRoom {
    /// `None` where the process will not listen, or cannot: it says so itself when its time has come.
    async fn open(settings: &Settings, roles: &Roles) -> Option<Self> {
        let address = if roles.has(&Role::Api) { &settings.server.listen } else { &settings.workers.listen };
        if address.is_empty() || address.ends_with(":0") {
            return None;
        }
        let listener = TcpListener::bind(address).await.ok()?;
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router()).with_graceful_shutdown(stopped).await {
                tracing::debug!(%error, "the waiting listener ended");
            }
        });
        Some(Self { stop, serving })
    }

    async fn close(room: Option<Self>) {
        let Some(Self { stop, mut serving }) = room else { return };
        stop.cancel();
        if timeout(CLOSING, &mut serving).await.is_err() {
            serving.abort();
        }
    }
}

fn router() -> Router {
    let alive = || async { Json(json!({"status": "ok"})) };
    Router::new().route("/health", get(alive)).fallback(not_ready)
}

async fn not_ready() -> impl IntoResponse {
    let message = "The server is starting and waits for a part of it. Try again in a moment.";
    let error = json!({"code": "starting", "message": message, "type": "server_error", "param": null});
    let body = Json(json!({"status": "unavailable", "error": error}));
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "2")], body)
}
