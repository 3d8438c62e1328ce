//! `WS /v1/responses`: many responses on one socket.

mod alarms;
mod close;
mod followers;
mod frames;
mod outbound;
mod session;
mod writer;

use crate::auth::{bearer, business_of};
use crate::error::{ApiError, ErrorBody};
use crate::state::ApiState;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use session::Arrival;

const PROTOCOL: &str = "askline";
const TOKEN_PROTOCOL: &str = "bearer.";
/// The default of 128 KiB is filled with zeros at every poll, for every socket.
const BUFFER_BYTES: usize = 4096;
/// One event may be this large; the queue before it has its own bound.
const LARGEST_EVENT: usize = 16 * 1024 * 1024;

/// Ask and follow over a websocket.
///
/// The token comes as `Authorization` header, as protocol `bearer.<token>` beside `askline`, or in the first frame.
#[utoipa::path(
    get, path = "/v1/responses", tag = "responses",
    responses(
        (status = 101, description = "A websocket: one JSON event per text frame"),
        (status = 426, description = "Not a websocket request", body = ErrorBody),
    )
)]
pub async fn upgrade(
    State(state): State<ApiState>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|_| upgrade_required())?;
    let token = bearer(&headers).map(str::to_owned).or_else(|| token_protocol(&upgrade));
    let permit = state.sockets.clone().try_acquire_owned().ok();
    let arrival = Arrival { token, business: business_of(&headers), permit };
    Ok(upgrade
        .protocols([PROTOCOL])
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        .max_write_buffer_size(LARGEST_EVENT.max(state.settings.outbound_hard_bytes) + 2 * BUFFER_BYTES)
        .max_message_size(state.settings.max_frame_bytes)
        .max_frame_size(state.settings.max_frame_bytes)
        .on_upgrade(move |socket| session::run(state, socket, arrival)))
}

fn token_protocol(upgrade: &WebSocketUpgrade) -> Option<String> {
    let mut protocols = upgrade.requested_protocols().filter_map(|protocol| protocol.to_str().ok());
    protocols.find_map(|protocol| protocol.strip_prefix(TOKEN_PROTOCOL)).map(str::to_owned)
}

fn upgrade_required() -> ApiError {
    let message =
        "This address takes a POST with a question, or a websocket. GET /v1/responses/{id} gives one response.";
    ApiError::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", message)
}
