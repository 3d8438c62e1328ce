//! Responses over HTTP.

use super::{CreateRequest, ask, cancel, sse};
use crate::auth::Caller;
use crate::body::{Body, Id, Params};
use crate::error::{ApiError, ErrorBody};
use crate::relay::Relay;
use crate::response_object;
use crate::state::ApiState;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use contracts::{TurnId, event};
use serde::Deserialize;
use utoipa::IntoParams;

/// Beyond this a number is not exact in JavaScript.
const LARGEST_CURSOR: u64 = (1 << 53) - 1;

/// How to get a response.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Retrieval {
    /// Answer with server-sent events.
    #[serde(default)]
    stream: bool,
    /// Stream on from the event after this sequence number.
    starting_after: Option<i64>,
}

/// Ask a question.
///
/// Answers when the response has ended (or, when the server stops before, with the status `in_progress`); with `stream`
/// at once, with its events. Takes the header `Idempotency-Key`, too.
#[utoipa::path(
    post, path = "/v1/responses", tag = "responses", request_body = CreateRequest,
    responses(
        (status = 200, description = "The response object of OpenAI's Responses API, or its events (text/event-stream)",
         body = Object),
        (status = 400, description = "No question", body = ErrorBody),
        (status = 409, description = "No connection, or the key was used for another text", body = ErrorBody),
        (status = 413, description = "Too long", body = ErrorBody),
        (status = 429, description = "Too many questions of the business wait; Retry-After says when to try again",
         body = ErrorBody),
        (status = 503, description = "Not taken; send it again", body = ErrorBody),
    )
)]
pub async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    headers: HeaderMap,
    Body(mut request): Body<CreateRequest>,
) -> Result<Response, ApiError> {
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok());
    request.idempotency_key = request.idempotency_key.or(key.map(str::to_owned));
    let (business, turn) = ask(&state, &caller, &request).await?;
    let relay = Relay::new(&state, &caller, business, turn, None);
    if request.stream == Some(true) {
        return Ok(sse::stream(relay));
    }
    Ok(Json(wait(&state, &caller, relay).await?).into_response())
}

/// A response as it stands, or with `stream` its events.
#[utoipa::path(
    get, path = "/v1/responses/{id}", tag = "responses",
    params(("id" = String, Path, description = "The response"), Retrieval),
    responses(
        (status = 200, description = "The response object, or its events (text/event-stream)", body = Object),
        (status = 404, description = "No such response", body = ErrorBody),
    )
)]
pub async fn retrieve(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    Params(how): Params<Retrieval>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let turn = caller.find_turn(&state, &TurnId(id)).await?;
    if !how.stream {
        return Ok(Json(response_object::of_turn(&turn)).into_response());
    }
    let after = cursor(last_event_id(&headers)?.or(how.starting_after))?;
    Ok(sse::stream(Relay::new(&state, &caller, turn.business, turn.id, after)))
}

/// Stop a response.
///
/// It ends as `response.incomplete` with the reason `cancelled`, unless it has ended by then.
#[utoipa::path(
    post, path = "/v1/responses/{id}/cancel", tag = "responses",
    params(("id" = String, Path, description = "The response")),
    responses(
        (status = 200, description = "The response object as it stands", body = Object),
        (status = 404, description = "No such response", body = ErrorBody),
    )
)]
pub async fn cancel_response(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<event::Response>, ApiError> {
    let turn = cancel(&state, &caller, &TurnId(id)).await?;
    Ok(Json(response_object::of_turn(&turn)))
}

/// A cursor as clients send it: absent or negative is from the start.
pub fn cursor(after: Option<i64>) -> Result<Option<u64>, ApiError> {
    let Some(after) = after.and_then(|after| u64::try_from(after).ok()) else { return Ok(None) };
    if after > LARGEST_CURSOR {
        let message = "There is no event with this number. Send the sequence_number of the last event that you have.";
        return Err(ApiError::bad_request("invalid_cursor", message).about("starting_after"));
    }
    Ok(Some(after))
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<i64>, ApiError> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let number = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    let message = "Last-Event-ID is no sequence number. Send the id of the last event that you have.";
    number.map(Some).ok_or_else(|| ApiError::bad_request("invalid_cursor", message).about("starting_after"))
}

/// The response when it has ended; as it stands when this process stops first. The question was taken, so an error
/// would be wrong.
async fn wait(state: &ApiState, caller: &Caller, mut relay: Relay) -> Result<event::Response, ApiError> {
    #[derive(Deserialize)]
    struct Terminal {
        response: event::Response,
    }
    match relay.last().await {
        Some(last) => Ok(serde_json::from_str::<Terminal>(&last.json)?.response),
        None => Ok(response_object::of_turn(&caller.find_turn(state, relay.turn()).await?)),
    }
}
