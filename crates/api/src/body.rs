//! Extractors that answer bad input in the API's own words.

use crate::error::ApiError;
use crate::state::ApiState;
use axum::body::BodyDataStream;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Of a body that is too large, so much is read and thrown away: who is still sending does not hear the answer.
const DRAINED_BYTES: usize = 16 * 1024 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// A JSON body of at most `server.max_frame_bytes`. The content type does not matter.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<ApiState> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, ApiError> {
        parse(&whole(request, state.settings.max_frame_bytes).await?).map(Self)
    }
}

/// A body of at most `server.max_frame_bytes`, as it is.
pub struct RawBody(pub Vec<u8>);

impl FromRequest<ApiState> for RawBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, ApiError> {
        whole(request, state.settings.max_frame_bytes).await.map(Self)
    }
}

/// A path parameter that is an id.
pub struct Id(pub String);

impl FromRequestParts<ApiState> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let Path(id) =
            Path::<String>::from_request_parts(parts, state).await.map_err(|_| ApiError::not_found("entry"))?;
        if id.contains('\0') {
            return Err(ApiError::not_found("entry"));
        }
        Ok(Self(id))
    }
}

/// Query parameters.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<ApiState> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let Query(params) = Query::<T>::from_request_parts(parts, state)
            .await
            .map_err(|error| ApiError::bad_request("invalid_query", format!("{}.", error.body_text())))?;
        Ok(Self(params))
    }
}

async fn whole(request: Request, limit: usize) -> Result<Vec<u8>, ApiError> {
    let stream = request.into_body().into_data_stream();
    tokio::time::timeout(BODY_TIMEOUT, read(stream, limit)).await.map_err(|_| incomplete())?
}

async fn read(mut stream: BodyDataStream, limit: usize) -> Result<Vec<u8>, ApiError> {
    let mut body = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| incomplete())?;
        if body.len() + chunk.len() > limit {
            drain(stream).await;
            let message = format!("The request is larger than {limit} bytes. Send less.");
            return Err(ApiError::too_large(message));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

async fn drain(mut stream: BodyDataStream) {
    let mut drained = 0;
    while let Some(Ok(chunk)) = stream.next().await {
        drained += chunk.len();
        if drained > DRAINED_BYTES {
            return;
        }
    }
}

fn incomplete() -> ApiError {
    ApiError::bad_request("incomplete_body", "The request's body did not arrive whole. Send it again.")
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let message = format!("The body is no valid UTF-8 (byte {}). Send JSON in UTF-8.", error.valid_up_to());
        ApiError::bad_request("invalid_utf8", message)
    })?;
    serde_json::from_str(text).map_err(|error| json_error(&error))
}

/// What is wrong with JSON, or with its shape.
pub fn json_error(error: &serde_json::Error) -> ApiError {
    if error.is_data() {
        return ApiError::bad_request("invalid_request", format!("A field has the wrong shape: {error}."));
    }
    ApiError::bad_request("invalid_json", format!("The text is no valid JSON: {error}."))
}
